package profile_test

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"keyprof/sampler/profile"
	"keyprof/sampler/profile/profiletest"
)

func TestCheckPasses(t *testing.T) {
	for name, p := range map[string]*profile.Profile{
		"full":    profiletest.Full(),
		"no keys": profiletest.Fold(),
	} {
		if err := p.Check(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCheckVersions(t *testing.T) {
	p := profiletest.Full()
	p.Schema = profile.SchemaVersion + 1
	if err := p.Check(); !errors.Is(err, profile.ErrNewerSchema) {
		t.Error(err)
	}
	p.Schema = 0
	if err := p.Check(); !errors.Is(err, profile.ErrNotProfile) {
		t.Error(err)
	}
	if err := new(profile.Profile).Check(); !errors.Is(err, profile.ErrNotProfile) {
		t.Error(err)
	}
}

// pointer returns where n is.
func pointer[T any](n T) *T { return &n }

// checkCases break a full profile, each in one place. Its first namespace is
// resque:status:<uuid>, the last one the rest of database 3.
var checkCases = []struct {
	want   string
	breaks func(p *profile.Profile)
}{
	{"label: not UTF-8", func(p *profile.Profile) { p.Label = "\xff" }},
	{"began: missing", func(p *profile.Profile) { p.Began = time.Time{} }},
	{"ended: missing", func(p *profile.Profile) { p.Ended = time.Date(12026, 1, 1, 0, 0, 0, 0, time.UTC) }},
	{"ended: before began", func(p *profile.Profile) { p.Ended = p.Began.Add(-1) }},
	{"missing: missing", func(p *profile.Profile) { p.Missing = nil }},
	{"missing[0].measure: missing", func(p *profile.Profile) { p.Missing[0].Measure = "" }},
	{"design.method: missing", func(p *profile.Profile) { p.Design.Method = "" }},
	{"design.fraction: above 1", func(p *profile.Profile) { p.Design.Fraction = 1.5 }},
	{"design.fraction: not a finite number", func(p *profile.Profile) { p.Design.Fraction = math.NaN() }},
	{"design.databases: missing", func(p *profile.Profile) { p.Design.Databases = nil }},
	{"design.databases[1].number: negative", func(p *profile.Profile) { p.Design.Databases[1] = -1 }},
	{"namespaces[1].types: more than 64", func(p *profile.Profile) {
		for i := range profile.MaxTypes {
			ns := &p.Namespaces[i%2]
			ns.Types[strings.Repeat("x", i)] = profile.TypeStats{}
		}
	}},
	{"nodes: missing", func(p *profile.Profile) { p.Nodes = nil }},
	{"nodes[0].databases: missing", func(p *profile.Profile) { p.Nodes[0].Databases = nil }},
	{"nodes[0].maxmemory: negative", func(p *profile.Profile) { p.Nodes[0].Maxmemory = pointer[int64](-1) }},
	{"nodes[0].databases[0].before.keys: negative", func(p *profile.Profile) { p.Nodes[0].Databases[0].Before.Keys = -1 }},
	{"nodes[0].databases[1].cursor: not a decimal number", func(p *profile.Profile) { p.Nodes[0].Databases[1].Cursor = "0x1" }},
	{"warnings: missing", func(p *profile.Profile) { p.Warnings = nil }},
	{"warnings[0].code: missing", func(p *profile.Profile) { p.Warnings[0].Code = "" }},
	{"warnings[0].text: missing", func(p *profile.Profile) { p.Warnings[0].Text = "" }},
	{"receipt.commands: missing", func(p *profile.Profile) { p.Receipt.Commands = nil }},
	{`receipt.commands["scan"]: negative`, func(p *profile.Profile) { p.Receipt.Commands["scan"] = -1 }},
	{"receipt.elapsed_s: not a finite number", func(p *profile.Profile) { p.Receipt.ElapsedS = math.Inf(1) }},
	{"receipt.server_cpu_s: negative", func(p *profile.Profile) { *p.Receipt.ServerCPUS = -1 }},
	{"receipt.keyspace_hits: negative", func(p *profile.Profile) { p.Receipt.KeyspaceHits = math.MinInt64 }},
	{"receipt.evicted_meanwhile: negative", func(p *profile.Profile) { *p.Receipt.EvictedMeanwhile = -1 }},
	{"receipt.evicted_by_us: negative", func(p *profile.Profile) { *p.Receipt.EvictedByUs = -1 }},
	{"receipt.evicted_by_us: more than evicted_meanwhile", func(p *profile.Profile) { *p.Receipt.EvictedByUs = 1007 }},
	{"receipt.evicted_by_us: more than evicted_meanwhile", func(p *profile.Profile) { p.Receipt.EvictedMeanwhile = nil }},
	{"receipt.buffer_bytes: negative", func(p *profile.Profile) { p.Receipt.BufferBytes = -1 }},
	{"receipt.max_load: above 1", func(p *profile.Profile) { p.Receipt.MaxLoad = 25 }},

	{"namespaces: missing", func(p *profile.Profile) { p.Namespaces = nil }},
	{"namespaces[0].db: negative", func(p *profile.Profile) { p.Namespaces[0].DB = -1 }},
	{"namespaces[0].pattern: not UTF-8", func(p *profile.Profile) { p.Namespaces[0].Pattern = "a\xff" }},
	{"namespaces[1]: duplicate", func(p *profile.Profile) { p.Namespaces[1].Pattern = p.Namespaces[0].Pattern }},
	{"namespaces[2]: duplicate", func(p *profile.Profile) {
		p.Namespaces[1].Other, p.Namespaces[1].DB = true, 3
	}},
	{"totals.vanished: negative", func(p *profile.Profile) { p.Totals.Vanished = -1 }},
	{"totals.probed: more than keys", func(p *profile.Profile) { p.Totals.Probed = 408 }},
	{"totals.probed: 406, but the namespaces add up to 407", func(p *profile.Profile) { p.Totals.Probed = 406 }},
	{"totals.vanished: 2, but the namespaces add up to 3", func(p *profile.Profile) { p.Totals.Vanished = 2 }},
	{"totals.keys: 500, but the namespaces add up to 407", func(p *profile.Profile) { p.Totals.Keys = profile.Exact(500) }},
	{"totals.no_ttl_bytes: 1, but the namespaces add up to 80594", func(p *profile.Profile) {
		*p.Totals.NoTTLBytes = profile.Exact(1)
	}},
	{"namespaces[0].keys.lo: negative", func(p *profile.Profile) { p.Namespaces[0].Keys = profile.Estimate{Lo: -1} }},
	{"namespaces[0].keys.value: below lo", func(p *profile.Profile) { p.Namespaces[0].Keys.Value = 199 }},
	{"namespaces[0].keys.value: above hi", func(p *profile.Profile) { p.Namespaces[0].Keys.Value = 201 }},
	{"namespaces[0].no_ttl_keys.lo: more than the whole", func(p *profile.Profile) { *p.Namespaces[0].NoTTLKeys = profile.Exact(201) }},
	{"namespaces[0].sampled_bytes.lo: more than the whole", func(p *profile.Profile) {
		*p.Namespaces[0].SampledBytes = profile.Exact(1 << 60)
	}},
	{"namespaces[0].examples: missing", func(p *profile.Profile) { p.Namespaces[0].Examples = nil }},
	{"namespaces[0].largest: missing", func(p *profile.Profile) { p.Namespaces[0].Largest = nil }},

	{"namespaces[0].types: more keys than the whole", func(p *profile.Profile) {
		p.Namespaces[0].Types["set"] = profile.TypeStats{Keys: math.MaxInt64}
	}},
	{"namespaces[0].types: more bytes than the whole", func(p *profile.Profile) {
		p.Namespaces[0].Types["set"] = profile.TypeStats{Bytes: pointer[int64](math.MaxInt64)}
	}},
	{`namespaces[0].types["set"].keys: negative`, func(p *profile.Profile) { p.Namespaces[0].Types["set"] = profile.TypeStats{Keys: -1} }},
	{`namespaces[0].types["\xff"].name: not UTF-8`, func(p *profile.Profile) { p.Namespaces[0].Types["\xff"] = profile.TypeStats{} }},
	{"namespaces[0].types: keys do not add up", func(p *profile.Profile) {
		p.Missing = []profile.Missing{}
		p.Namespaces[0].Types = map[string]profile.TypeStats{"string": {Keys: 199}}
	}},

	{"namespaces[1].ttl.histogram: missing", func(p *profile.Profile) { p.Namespaces[1].TTL.Histogram = nil }},
	{"namespaces[1].ttl.histogram[2].le_s: not a known edge", func(p *profile.Profile) { p.Namespaces[1].TTL.Histogram[2].Edge = pointer[int64](61) }},
	{"namespaces[1].ttl.histogram[2].le_s: not above the edge before it", func(p *profile.Profile) {
		h := p.Namespaces[1].TTL.Histogram
		h[1], h[2] = h[2], h[1]
	}},
	{"namespaces[1].ttl.histogram[1].le_s: not above the edge before it", func(p *profile.Profile) {
		p.Namespaces[1].TTL.Histogram[0].Edge = nil
	}},
	{"namespaces[1].ttl.histogram[2].keys: negative", func(p *profile.Profile) { p.Namespaces[1].TTL.Histogram[2].Keys = -1 }},
	{"namespaces[1].ttl.histogram[2].bytes: negative", func(p *profile.Profile) { *p.Namespaces[1].TTL.Histogram[2].Bytes = -1 }},
	{"namespaces[1].ttl.histogram: more keys than the whole", func(p *profile.Profile) { p.Namespaces[1].TTL.Histogram[2].Keys = math.MaxInt64 }},
	{"namespaces[1].ttl.histogram: more bytes than the whole", func(p *profile.Profile) {
		*p.Namespaces[1].TTL.Histogram[2].Bytes = math.MaxInt64
	}},
	{"namespaces[1].ttl.histogram: keys do not add up", func(p *profile.Profile) {
		p.Missing = []profile.Missing{}
		p.Namespaces[1].TTL.Histogram[2].Keys--
	}},
	{"namespaces[0].idle.histogram: more keys than the whole", func(p *profile.Profile) { p.Namespaces[0].Idle.SharedKeys = 1 }},
	{"namespaces[0].idle.keys: negative", func(p *profile.Profile) { p.Namespaces[0].Idle.SharedKeys = -1 }},
	{"namespaces[0].idle.horizon_s: negative", func(p *profile.Profile) { p.Namespaces[0].Idle.HorizonS = -1 }},
	{"totals.freq.histogram[0].le: not a known edge", func(p *profile.Profile) { p.Totals.Freq.Histogram[0].Edge = &profile.Edges[0] }},
	{"totals.freq.histogram: more keys than the whole", func(p *profile.Profile) { p.Totals.Freq.Histogram[0].Keys = 408 }},
	{"namespaces[1].idle_by_ttl[0].idle_le_s: not a known edge", func(p *profile.Profile) { p.Namespaces[1].IdleByTTL[0].IdleLE = pointer[int64](1) }},
	{"namespaces[1].idle_by_ttl[0].ttl_le_s: not a known edge", func(p *profile.Profile) { p.Namespaces[1].IdleByTTL[0].TTLLE = pointer[int64](1) }},
	{"namespaces[1].idle_by_ttl[0].ttl_le_s: present beside no_ttl", func(p *profile.Profile) { p.Namespaces[1].IdleByTTL[0].NoTTL = true }},
	{"namespaces[1].idle_by_ttl[1].keys: duplicate cell", func(p *profile.Profile) {
		p.Namespaces[1].IdleByTTL[1] = p.Namespaces[1].IdleByTTL[0]
	}},
	{"namespaces[1].idle_by_ttl: more keys than the whole", func(p *profile.Profile) { p.Namespaces[1].IdleByTTL[0].Keys = 200 }},

	{"namespaces[1].size.count: below 1", func(p *profile.Profile) { p.Namespaces[1].Size.Count = 0 }},
	{"namespaces[1].size.count: more keys than the whole", func(p *profile.Profile) { p.Namespaces[1].Size.Count = 201 }},
	{"namespaces[1].size.mean: not a finite number", func(p *profile.Profile) { p.Namespaces[1].Size.Mean = math.Inf(1) }},
	{"namespaces[1].size.mean: outside min and max", func(p *profile.Profile) { p.Namespaces[1].Size.Mean = 1 }},
	{"namespaces[1].size.min: negative", func(p *profile.Profile) { p.Namespaces[1].Size.Min = -1 }},
	{"namespaces[1].size.p50: below min", func(p *profile.Profile) { p.Namespaces[1].Size.P50 = 1 }},
	{"namespaces[1].size.p90: below p50", func(p *profile.Profile) { p.Namespaces[1].Size.P90 = 1 }},
	{"namespaces[1].size.p99: below p90", func(p *profile.Profile) { p.Namespaces[1].Size.P99 = 1 }},
	{"namespaces[1].size.max: below p99", func(p *profile.Profile) { p.Namespaces[1].Size.P99 = 1e9 }},
	{"namespaces[1].size.sketch: missing", func(p *profile.Profile) { p.Namespaces[1].Size.Sketch = nil }},
	{"namespaces[1].size.sketch: count differs", func(p *profile.Profile) { p.Namespaces[1].Size.Sketch = new(profile.Sketch) }},
	{"namespaces[1].ttl.remaining_s.count: more keys than the whole", func(p *profile.Profile) {
		p.Namespaces[1].TTL.Histogram = p.Namespaces[1].TTL.Histogram[1:]
	}},

	{"largest: missing", func(p *profile.Profile) { p.Largest = nil }},
	{"largest[0].db: negative", func(p *profile.Profile) { p.Largest[0].DB = -1 }},
	{"largest[0].bytes: negative", func(p *profile.Profile) { *p.Largest[0].Bytes = -1 }},
	{"largest[0].ttl_s: not a finite number", func(p *profile.Profile) { *p.Largest[0].TTLS = math.NaN() }},
	{"largest[0].ttl_s: present beside no_ttl", func(p *profile.Profile) { p.Largest[0].NoTTL = true }},
	{"largest[0].type: not UTF-8", func(p *profile.Profile) { p.Largest[0].Type = "\xff" }},
	{"largest[0].name: not UTF-8", func(p *profile.Profile) { p.Largest[0].KeyName = profile.KeyName{Name: "\xff"} }},
	{"largest[0].name: bad escape", func(p *profile.Profile) { p.Largest[0].KeyName = profile.KeyName{Name: `\y`, Escaped: true} }},
	{"largest[0].name: too long", func(p *profile.Profile) {
		p.Largest[0].KeyName = profile.KeyName{Name: strings.Repeat("x", profile.MaxNameBytes+1)}
	}},
	{"largest[0].name_length: not above the longest whole name", func(p *profile.Profile) {
		p.Largest[0].KeyName = profile.KeyName{Name: "x", Length: -1}
	}},
	{"largest[0].name_xxh64: does not match name_length", func(p *profile.Profile) {
		p.Largest[0].KeyName = profile.KeyName{Name: "x", Length: 5000}
	}},
	{"largest[0].name_xxh64: does not match name_length", func(p *profile.Profile) {
		p.Largest[0].KeyName = profile.KeyName{Name: "x", Hash: "0123456789abcdef"}
	}},
}

func TestCheckRefuses(t *testing.T) {
	for _, tt := range checkCases {
		p := profiletest.Full()
		tt.breaks(p)
		err := p.Check()
		if err == nil {
			t.Errorf("want %q: passes", tt.want)
		} else if err.Error() != tt.want {
			t.Errorf("%q, want %q", err, tt.want)
		}
	}
}

// Sums are not compared where a figure is an estimate, or is not known
// everywhere.
func TestCheckLeavesEstimatesAlone(t *testing.T) {
	p := profiletest.Full()
	*p.Totals.Bytes = profile.Estimate{Value: 1 << 50, Lo: 1 << 49}
	p.Namespaces[0].NoTTLKeys, p.Namespaces[0].NoTTLBytes = nil, nil
	p.Totals.NoTTLKeys.Value--
	p.Totals.NoTTLKeys.Lo--
	if err := p.Check(); err != nil {
		t.Error(err)
	}
}
