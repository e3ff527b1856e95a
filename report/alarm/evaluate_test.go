package alarm

import (
	"fmt"
	"strings"
	"testing"

	"keyprof/sampler/profile"
)

// about is an estimate; a hi below 0 is one that is not known.
func about(value, lo, hi int64) *profile.Estimate {
	e := &profile.Estimate{Value: value, Lo: lo, Hi: &hi}
	if hi < 0 {
		e.Hi = nil
	}
	return e
}

func exact(n int64) *profile.Estimate { return about(n, n, n) }

// stats are those of keys of which some never expire.
func stats(keys, bytes, noTTL int64) profile.Stats {
	s := profile.Stats{
		Keys: *exact(keys), Bytes: exact(bytes), NoTTLKeys: exact(noTTL), NoTTLBytes: exact(noTTL * 100),
		HighIdleKeys: exact(1), HighIdleBytes: exact(1000), Idle: &profile.IdleStats{},
	}
	if keys > 0 {
		s.Size = &profile.Distribution{Count: keys, Max: 5000}
	}
	return s
}

// sample is a profile with some namespaces; change makes it special.
func sample(change func(*profile.Profile)) *profile.Profile {
	p := &profile.Profile{
		Complete: true,
		Totals:   stats(1000, 1<<20, 100),
		Namespaces: []profile.Namespace{
			{Pattern: "gone", Stats: stats(0, 0, 0)},
			{Pattern: "resque:failed", Stats: stats(1, 5000, 1)},
			{Pattern: "resque:status:<uuid>", Stats: stats(90, 400_000, 80)},
			{DB: 1, Pattern: "user:<int>", Stats: stats(909, 1<<20-405_000, 19)},
		},
		Nodes: []profile.Node{{Address: "a:1", UsedMemory: new(int64(95)), Maxmemory: new(int64(100))}},
	}
	if change != nil {
		change(p)
	}
	return p
}

// verdict prints what is found and doubted, a line each.
func verdict(t *testing.T, p *profile.Profile, expression string) string {
	t.Helper()
	return told(Evaluate(p, parsed(t, expression, OneProfile)))
}

func parsed(t *testing.T, expression string, by Evidence) []*Condition {
	t.Helper()
	c, err := Parse(expression, by)
	if err != nil {
		t.Fatal(err)
	}
	return []*Condition{c}
}

// told lists the findings and the doubts of a verdict, a line each.
func told(v Verdict) string {
	var lines []string
	for _, f := range v.Findings {
		switch {
		case f.Namespace != nil:
			lines = append(lines, fmt.Sprintf("%s in db%d: %s", f.Namespace.Pattern, f.Namespace.DB, f.Figure))
		case f.Node != nil:
			lines = append(lines, f.Node.Address+": "+f.Figure)
		default:
			lines = append(lines, f.Figure)
		}
	}
	for _, d := range v.Doubts {
		of := ""
		if d.Namespace != nil {
			of = fmt.Sprintf(" of %s and %d more", d.Namespace.Pattern, d.More)
		}
		lines = append(lines, "?"+of+": "+d.Reason)
	}
	return strings.Join(lines, "; ")
}

func partial(p *profile.Profile) { p.Complete = false }

func TestEvaluate(t *testing.T) {
	for _, tt := range []struct {
		name, expression string
		change           func(*profile.Profile)
		want             string
	}{
		{"all keys together", "no_ttl_share >= 10%", nil, "10.0 %"},
		{"a bound that is met is not passed", "no_ttl_share > 10%", nil, ""},
		{"each namespace, worst first", "no_ttl_share > 5% in resque:*", nil, "resque:failed in db0: 100 %; resque:status:<uuid> in db0: 88.9 %"},
		{"least first when too little is sought", "keys < 100 in *", nil, "gone in db0: 0; resque:failed in db0: 1; resque:status:<uuid> in db0: 90"},
		{"keys", "keys > 999", nil, "1,000"},
		{"bytes", "bytes >= 1MiB", nil, "1.00 MiB"},
		{"share of all keys", "keys_share > 50% in *", nil, "user:<int> in db1: 90.9 %"},
		{"share of all bytes", "bytes_share > 50% in *", nil, "user:<int> in db1: 61.4 %"},
		{"never expiring", "no_ttl_keys > 1 in *", nil, "resque:status:<uuid> in db0: 80; user:<int> in db1: 19"},
		{"bytes that never expire", "no_ttl_bytes > 9KB", nil, "9.77 KiB"},
		{"share of bytes that never expire", "no_ttl_bytes_share > 0%", nil, "1.0 %"},
		{"high-idle", "high_idle_keys > 0", nil, "1"},
		{"high-idle bytes", "high_idle_bytes > 999", nil, "1000 B"},
		{"high-idle share", "high_idle_share > 0.05%", nil, "0.1 %"},
		{"high-idle share of bytes", "high_idle_bytes_share > 0%", nil, "<0.1 %"},
		{"mean", "mean_size > 4KB in *", nil, "resque:failed in db0: 4.88 KiB; resque:status:<uuid> in db0: 4.34 KiB"},
		{"largest", "largest > 4KB", nil, "4.88 KiB"},
		{"memory", "used_memory > 90B", nil, "a:1: 95 B"},
		{"limit", "maxmemory_share > 90%", nil, "a:1: 95.0 %"},
		{"a share of no keys", "no_ttl_share < 100% in gone", nil, ""},
		{"the largest of no keys", "largest < 1 in gone", nil, ""},
		{"no namespace, when much is sought", "keys > 0 in nosuch", nil, ""},
		{"no namespace, when little is sought", "keys < 9 in nosuch", nil, "?: no namespace matches"},
	} {
		if got := verdict(t, sample(tt.change), tt.expression); got != tt.want {
			t.Errorf("%s: %s: got %s, want %s", tt.name, tt.expression, got, tt.want)
		}
	}
}

// A condition that may not hold raises no alarm, and figures that were not measured are
// reported as doubts.
func TestEvaluateInDoubt(t *testing.T) {
	const missing = "the profile is incomplete, and its missing keys may change the result"
	other := func(keys int64) func(*profile.Profile) {
		return func(p *profile.Profile) {
			p.Namespaces = append(p.Namespaces, profile.Namespace{Pattern: profile.OtherPattern, Other: true, Stats: stats(keys, keys, keys)})
		}
	}
	estimate := func(e *profile.Estimate) func(*profile.Profile) {
		return func(p *profile.Profile) { p.Totals.NoTTLKeys = e }
	}
	noLimit := func(p *profile.Profile) { *p.Nodes[0].Maxmemory = 0 }
	lfuPolicy := func(p *profile.Profile) {
		p.Totals.HighIdleKeys, p.Totals.Idle, p.Totals.Freq = nil, nil, &profile.FreqStats{}
	}
	for _, tt := range []struct {
		name, expression string
		change           func(*profile.Profile)
		want             string
	}{
		{"too much, by the lower bound", "no_ttl_keys > 80", estimate(about(100, 90, 110)), "100 (at least 90)"},
		{"too much by the estimate only", "no_ttl_keys > 95", estimate(about(100, 90, 110)), ""},
		{"too little, by the upper bound", "no_ttl_keys < 120", estimate(about(100, 90, 110)), "100 (at most 110)"},
		{"too little by the estimate only", "no_ttl_keys < 105", estimate(about(100, 90, 110)), ""},
		{"share of an estimate", "no_ttl_share >= 9%", estimate(about(100, 90, 110)), "10.0 % (at least 9.0 %)"},
		{"at least", "no_ttl_keys > 99", estimate(about(100, 100, -1)), "at least 100"},
		{"at least, of too little", "no_ttl_keys < 120", estimate(about(100, 100, -1)), "?: only a bound of the figure is known"},
		{"at least, and so not too little", "no_ttl_keys < 100", estimate(about(100, 100, -1)), ""},

		{"incomplete: what was counted is there", "keys > 999", partial, "at least 1,000"},
		{"incomplete: more may be there", "keys > 1000", partial, "?: " + missing},
		{"incomplete: too little", "keys < 1001", partial, "?: " + missing},
		{"incomplete: enough was counted", "keys < 1000", partial, ""},
		{"incomplete: a share says nothing of the rest", "no_ttl_share > 5%", partial, "?: " + missing},
		{"incomplete: but that there are some", "no_ttl_share > 0%", partial, "10.0 % (at least <0.1 %)"},
		{"incomplete: a share that can be none", "no_ttl_share >= 100% in gone", partial, ""},
		{"incomplete: the largest seen", "largest > 4KB", partial, "at least 4.88 KiB"},
		{"incomplete: each namespace", "no_ttl_share > 5% in *", partial, "? of resque:failed and 2 more: " + missing},
		{"incomplete: the server", "maxmemory_share < 100%", partial, "a:1: 95.0 %"},

		{"sizes refused", "bytes > 1", func(p *profile.Profile) { p.Totals.Bytes = nil }, "?: sizes were not measured"},
		{"sizes refused: mean", "mean_size < 1", func(p *profile.Profile) { p.Totals.Bytes = nil }, "?: sizes were not measured"},
		{"sizes refused: largest", "largest < 1", func(p *profile.Profile) { p.Totals.Bytes = nil }, "?: sizes were not measured"},
		{"sizes refused: share", "no_ttl_bytes_share > 1%", func(p *profile.Profile) { p.Totals.Bytes, p.Totals.NoTTLBytes = nil, nil }, "?: sizes were not measured"},
		{"TTLs refused", "no_ttl_share > 1%", estimate(nil), "?: TTLs were not measured"},
		{"TTLs refused: bytes", "no_ttl_bytes > 1", estimate(nil), "?: TTLs were not measured"},
		{"beyond the horizon", "high_idle_keys > 1", func(p *profile.Profile) { p.Totals.HighIdleKeys = nil }, "?: --idle-over is longer than the idle times that the server can report"},
		{"LFU", "high_idle_bytes > 1", lfuPolicy, "?: idle times are not tracked under an LFU policy"},
		{"idle times refused", "high_idle_share > 1%", func(p *profile.Profile) { lfuPolicy(p); p.Totals.Freq = nil }, "?: idle times were not measured"},
		{"no limit", "maxmemory_share > 1%", noLimit, "?: the server has no maxmemory"},
		{"INFO refused", "maxmemory_share > 1%", func(p *profile.Profile) { p.Nodes[0].Maxmemory = nil }, "?: the server does not report maxmemory"},
		{"INFO refused: memory", "used_memory > 1", func(p *profile.Profile) { p.Nodes[0].UsedMemory = nil }, "?: the server does not report used_memory"},
		{"no server", "used_memory > 1", func(p *profile.Profile) { p.Nodes = nil }, "?: the profile has no server"},

		{"summed up: too few to matter", "keys > 1e3 in *", other(1000), ""},
		{"summed up: one may be too large", "keys > 950 in *", other(1000), "?: some namespaces are summed up as (other)"},
		{"summed up: a share", "no_ttl_share > 99% in user:*", other(1000), "?: some namespaces are summed up as (other)"},
		{"summed up: too little", "keys < 9 in nosuch", other(1000), "?: some namespaces are summed up as (other)"},
		{"summed up: not of concern for the totals", "no_ttl_share > 99%", other(1000), ""},
	} {
		if got := verdict(t, sample(tt.change), tt.expression); got != tt.want {
			t.Errorf("%s: %s: got %s, want %s", tt.name, tt.expression, got, tt.want)
		}
	}
}

func TestMetricsAreDocumented(t *testing.T) {
	seen := map[string]bool{}
	for _, m := range append(Metrics(), ChangeMetrics()...) {
		if seen[m.Name] || m.Help == "" {
			t.Errorf("%s: there twice, or without a word", m.Name)
		}
		seen[m.Name] = true
	}
}
