package aggregate

import (
	"fmt"
	"math"
	"testing"

	"keyprof/sampler/profile"
)

// toldSample is the profile of a tenth of 10,000 keys of one database, of which the
// server tells the number.
func toldSample(t *testing.T, size func(i int) int64, change func(p *profile.Profile)) *profile.Profile {
	t.Helper()
	const seen = 1000
	b := NewBuilder(defaultGrouping, 1<<20)
	b.Sampled = true
	page := &Page{}
	for i := range seen {
		page.Keys = append(page.Keys, Observation{Name: fmt.Sprintf("user:%d", i), HasBytes: true, Bytes: size(i), NoTTL: true, Type: "string"})
	}
	b.Add(page)
	var p profile.Profile
	b.Fill(&p, everything)
	told := profile.Keyspace{Keys: 10 * seen}
	p.Nodes = []profile.Node{{Databases: []profile.Database{{Before: new(told), After: new(told)}}}}
	if change != nil {
		change(&p)
	}
	if err := Scale(&p, Sample{Fraction: 0.1, Covered: map[int]float64{0: 0.1}}); err != nil {
		t.Fatal(err)
	}
	return &p
}

// The server's number of keys is that of all keys which the sample is of, unless
// some are left out or may be expired: then it is not relied on, although it agrees.
func TestWhenTheServerIsBelieved(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(p *profile.Profile)
		known  bool
	}{
		"nothing is against it":  {nil, true},
		"names had to match":     {func(p *profile.Profile) { p.Design.Match = "user:*" }, false},
		"keys were denied":       {func(p *profile.Profile) { p.Namespaces[0].Denied = 1 }, false},
		"keys vanished":          {func(p *profile.Profile) { p.Namespaces[0].Vanished = 1 }, false},
		"keys may be expired":    {func(p *profile.Profile) { p.Nodes[0].Databases[0].After.Expires = 5000 }, false},
		"keys might be expired":  {func(p *profile.Profile) { p.Nodes[0].Databases[0].Before.Expires = 5000 }, false},
		"keys came":              {func(p *profile.Profile) { p.Nodes[0].Databases[0].After.Keys += 500 }, false},
		"it told nothing before": {func(p *profile.Profile) { p.Nodes[0].Databases[0].Before = nil }, false},
		"it told nothing after":  {func(p *profile.Profile) { p.Nodes[0].Databases[0].After = nil }, false},
		"it has far too many": {func(p *profile.Profile) {
			p.Nodes[0].Databases[0].Before.Keys *= 2
			p.Nodes[0].Databases[0].After.Keys *= 2
		}, false},
	} {
		p := toldSample(t, func(int) int64 { return 100 }, tt.change)
		if known := *p.Totals.Keys.Hi == 10_000; known != tt.known {
			t.Errorf("%s: %d to %d keys", name, p.Totals.Keys.Lo, *p.Totals.Keys.Hi)
		}
	}
}

// Where the sizes of all keys have a heavy tail the totals have no upper end, even
// if no key holds much.
func TestTotalsHaveTheTailOfTheirSizes(t *testing.T) {
	pareto := func(i int) int64 { return int64(100 * math.Pow(float64(i+1)/1000, -1/1.6)) }
	p := toldSample(t, pareto, nil)
	if largest, all := p.Totals.Sample.Bytes.Largest, p.Totals.Sample.Bytes.Bytes; largest*20 > all {
		t.Fatalf("a key of %d bytes holds much of %d", largest, all)
	}
	if p.Totals.Bytes.Hi != nil || p.Namespaces[0].Bytes.Hi != nil {
		t.Errorf("at most %d bytes", *p.Totals.Bytes.Hi)
	}
	if light := toldSample(t, func(i int) int64 { return int64(100 + i%50) }, nil); light.Totals.Bytes.Hi == nil {
		t.Error("sizes that are alike have no upper end")
	}
}

// The groups of a sample are drawn by the names: each has its part of the keys, and
// the sums of all are those of the sample.
func TestGroupsPartTheKeys(t *testing.T) {
	g := toldSample(t, func(int) int64 { return 100 }, nil).Totals.Sample.Groups
	for i, keys := range g.Keys {
		if keys < 25 || keys > 110 { // of 62 on the average
			t.Errorf("%d keys in group %d", keys, i)
		}
		if g.NoTTLKeys[i] != keys || g.Bytes[i] != 100*keys || g.NoTTLBytes[i] != 100*keys {
			t.Errorf("group %d: %d keys, %d without a TTL, %d and %d bytes", i, keys, g.NoTTLKeys[i], g.Bytes[i], g.NoTTLBytes[i])
		}
	}
}
