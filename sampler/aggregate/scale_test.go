package aggregate

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"keyprof/sampler/profile"
)

// sampleOf is the profile of a sample of the keys, in databases 1 and 2, each
// covered by another share.
func sampleOf(t rapid.TB, keys []Observation) *profile.Profile {
	t.Helper()
	b := NewBuilder(defaultGrouping, 1<<20)
	b.Sampled = true
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

// reread is the profile as it is read from its file.
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

// What was read from a file need not be what keyprof writes.
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
