package aggregate

import (
	"encoding/json"
	"fmt"
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"keyprof/sampler/profile"
)

// sampleOf returns the profile of a sample of the keys, in databases 1 and 2, each
// covered by another share.
func sampleOf(t rapid.TB, keys []Observation) *profile.Profile {
	t.Helper()
	b := NewBuilder(defaultGrouping, 1<<20)
	b.OfSample = true
	p := builtBy(b, keys)
	p.Schema, p.Tool = profile.SchemaVersion, profile.Tool{Name: profile.ToolName}
	p.Began = time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC)
	p.Ended, p.Complete = p.Began.Add(time.Second), true
	p.Missing, p.Receipt.Commands = []profile.Missing{}, map[string]int64{}
	p.Design.Databases = []int{1, 2}
	p.Nodes = []profile.Node{{RunID: "run-1", Complete: true, Databases: []profile.Database{{DB: 1, Complete: true}, {DB: 2, Complete: true}}}}
	if err := Scale(p, Sample{Fraction: 0.1, From: 1 << 63, To: 1<<63 + 1<<60, Covered: map[int]float64{1: 0.11, 2: 0.09}}); err != nil {
		t.Fatal(err)
	}
	return p
}

// reread returns the profile as it is read from its file.
func reread(t rapid.TB, p *profile.Profile) *profile.Profile {
	t.Helper()
	var again profile.Profile
	if err := json.Unmarshal([]byte(inJSON(t, p)), &again); err != nil {
		t.Fatal(err)
	}
	again.Warnings = []profile.Warning{}
	if err := again.Check(); err != nil {
		t.Fatal(err)
	}
	return &again
}

// Rolled up to one namespace a database, the estimates of a sample are those of
// its totals: by the sums, and not by the intervals of what was merged.
func TestSamplesRollUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := reread(t, sampleOf(t, rapid.SliceOfN(rapid.Custom(drawHardName), 4, 200).Draw(t, "keys")))
		all, err := Rename(p, func(*profile.Namespace) string { return "<*>" })
		if err != nil {
			t.Fatal(err)
		}
		if len(all.Namespaces) != 2 {
			t.Fatalf("%d namespaces", len(all.Namespaces))
		}
		rows := inJSON(t, all.Namespaces)
		reread(t, all) // sums of groups add up
		again := *all
		if err := rescale(&again); err != nil {
			t.Fatal(err)
		}
		if want := inJSON(t, again.Namespaces); rows != want {
			t.Fatalf("namespaces estimated as they were merged, and afterwards:\n%s", firstDifference(want, rows))
		}
		if want, got := inJSON(t, p.Totals), inJSON(t, again.Totals); got != want {
			t.Fatalf("totals, and those of what was rolled up:\n%s", firstDifference(want, got))
		}
		for _, ns := range all.Namespaces {
			if ns.Keys.Lo < ns.Probed || ns.Keys.Hi == nil || ns.Keys.Lo > ns.Keys.Value || *ns.Keys.Hi < ns.Keys.Value {
				t.Fatalf("%d of %+v keys were seen", ns.Probed, ns.Keys)
			}
		}
	})
}

// A sample of all positions is a census.
func TestSampleOfAll(t *testing.T) {
	keys := []Observation{
		{Name: "a:1", HasBytes: true, Bytes: 100, NoTTL: true, Type: "string"},
		{Name: "a:2", HasBytes: true, Bytes: 300, HasTTL: true, TTLMillis: 5, HasIdle: true, IdleS: 1 << 22, Type: "hash"},
		{Name: "b", HasBytes: true, Bytes: 7, NoTTL: true, Type: "string"},
	}
	p := sampleOf(t, keys)
	if err := Scale(p, Sample{Fraction: 1, Covered: map[int]float64{1: 1, 2: 1}}); err != nil {
		t.Fatal(err)
	}
	census := built(defaultGrouping, keys)
	for i := range p.Namespaces {
		p.Namespaces[i].Sample = nil
	}
	p.Totals.Sample = nil
	if want, got := inJSON(t, census.Namespaces), inJSON(t, p.Namespaces); got != want {
		t.Errorf("namespaces:\n%s", firstDifference(want, got))
	}
	if want, got := inJSON(t, census.Totals), inJSON(t, p.Totals); got != want {
		t.Errorf("totals:\n%s", firstDifference(want, got))
	}
}

// A file may hold values that keyprof never writes.
func TestScaleRefuses(t *testing.T) {
	keys := []Observation{{Name: "a:1"}, {Name: "a:2"}, {Name: "b"}, {Name: "c"}}
	for name, damage := range map[string]func(p *profile.Profile){
		"no node":        func(p *profile.Profile) { p.Nodes = nil },
		"not covered":    func(p *profile.Profile) { p.Nodes[0].Databases[0].Covered = nil },
		"other database": func(p *profile.Profile) { p.Nodes[0].Databases[0].DB = 7 },
		"no sums":        func(p *profile.Profile) { p.Namespaces[0].Sample, p.Namespaces[1].Sample = nil, nil },
	} {
		p := sampleOf(t, keys)
		damage(p)
		if _, err := Rename(p, func(*profile.Namespace) string { return "<*>" }); err == nil {
			t.Errorf("%s: namespaces are merged", name)
		}
	}
}

// A namespace that is the name of one key has no more than that: it is exact, once it
// was met.
func TestSoleKeysStandForNoOthers(t *testing.T) {
	p := sampleOf(t, []Observation{
		{Name: "leaderboard", HasBytes: true, Bytes: 3 << 20, NoTTL: true, Type: "zset"},
		{Name: "user:1", HasBytes: true, Bytes: 100, NoTTL: true, Type: "string"},
	})
	for _, ns := range p.Namespaces {
		sole := ns.Keys.IsExact() && ns.Keys.Value == 1 && ns.Bytes.IsExact() && ns.Bytes.Value == ns.Sample.Bytes.Bytes
		if want := ns.Pattern == "leaderboard"; sole != want {
			t.Errorf("%s: %+v keys of %+v bytes", ns.Pattern, ns.Keys, *ns.Bytes)
		}
	}
}

// No sample rules out bytes that the server's memory has room for.
func TestTotalsLeaveRoomForWhatWasNotMet(t *testing.T) {
	var keys []Observation
	for i := range 2000 {
		keys = append(keys, Observation{Name: fmt.Sprint("user:", i), HasBytes: true, Bytes: 1000, NoTTL: true, Type: "string"})
	}
	p := sampleOf(t, keys)
	n := &p.Nodes[0]
	used := 2 * p.Totals.Bytes.Value
	n.Info = map[string]map[string]string{"memory": {"used_memory": fmt.Sprint(used), "used_memory_startup": "0"}}
	before := *p.Totals.Bytes.Hi
	for i := range n.Databases {
		n.Databases[i].Before = &profile.Keyspace{}
	}
	if err := rescale(p); err != nil {
		t.Fatal(err)
	}
	if e := p.Totals.Bytes; before >= used || *e.Hi != used || e.Lo >= e.Value {
		t.Errorf("%+v to %d, before to %d; %d bytes are used", *e, *e.Hi, before, used)
	}
	p.Design.Match = "user:*"
	if err := rescale(p); err != nil {
		t.Fatal(err)
	}
	if *p.Totals.Bytes.Hi != before {
		t.Errorf("%d: others than these keys may hold the rest", *p.Totals.Bytes.Hi)
	}
}

// toldSample returns the profile of a tenth of 10,000 keys of one database, of which the
// server tells the number.
func toldSample(t *testing.T, size func(i int) int64, change func(p *profile.Profile)) *profile.Profile {
	t.Helper()
	const seen = 1000
	b := NewBuilder(defaultGrouping, 1<<20)
	b.OfSample = true
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
