package prom

import (
	"fmt"
	"maps"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"keyprof/sampler/profile"
)

// Every figure of the file, as it is parsed.
func TestFigures(t *testing.T) {
	p := whole(namespace(0, "resque:status:<uuid>", 1000, 200), namespace(3, "session:<hex>", 40, 8000))
	got := read(t, write(t, p, comparison(), 20))
	want := map[string]float64{
		"keyprof_namespace_keys{db=0,deployment=shop,namespace=resque:status:<uuid>}":            1000,
		"keyprof_namespace_keys{db=3,deployment=shop,namespace=session:<hex>}":                   40,
		"keyprof_namespace_bytes{db=0,deployment=shop,namespace=resque:status:<uuid>}":           200000,
		"keyprof_namespace_bytes{db=3,deployment=shop,namespace=session:<hex>}":                  320000,
		"keyprof_namespace_no_ttl_keys{db=0,deployment=shop,namespace=resque:status:<uuid>}":     750,
		"keyprof_namespace_no_ttl_keys{db=3,deployment=shop,namespace=session:<hex>}":            30,
		"keyprof_namespace_no_ttl_bytes{db=0,deployment=shop,namespace=resque:status:<uuid>}":    150000,
		"keyprof_namespace_no_ttl_bytes{db=3,deployment=shop,namespace=session:<hex>}":           240000,
		"keyprof_namespace_high_idle_bytes{db=0,deployment=shop,namespace=resque:status:<uuid>}": 100000,
		"keyprof_namespace_high_idle_bytes{db=3,deployment=shop,namespace=session:<hex>}":        160000,

		"keyprof_volatile_keys{deployment=shop}":                                             260,
		"keyprof_volatile_bytes{deployment=shop}":                                            130000,
		"keyprof_runway_seconds{deployment=shop,limit=pool-empty}":                           864000,
		"keyprof_runway_soonest_seconds{deployment=shop,limit=pool-empty}":                   216000,
		"keyprof_runway_seconds{deployment=shop,limit=maxmemory-full}":                       3456000,
		"keyprof_server_used_memory_bytes{deployment=shop,server=replica.internal:6379}":     5 << 30,
		"keyprof_server_maxmemory_bytes{deployment=shop,server=replica.internal:6379}":       8 << 30,
		"keyprof_server_used_memory_rss_bytes{deployment=shop,server=replica.internal:6379}": 6 << 30,

		"keyprof_last_run_timestamp_seconds{deployment=shop}":        1772439012.5,
		"keyprof_last_success_timestamp_seconds{deployment=shop}":    1772439012.5,
		"keyprof_run_duration_seconds{deployment=shop}":              600,
		"keyprof_run_complete{deployment=shop}":                      1,
		"keyprof_run_sampled_ratio{deployment=shop}":                 1,
		"keyprof_run_missing_measures{deployment=shop}":              0,
		"keyprof_high_idle_threshold_seconds{deployment=shop}":       2592000,
		"keyprof_build_info{deployment=shop,version=1.2.3}":          1,
		"keyprof_run_main_thread_ratio{deployment=shop}":             0.1,
		"keyprof_run_main_thread_allowed_ratio{deployment=shop}":     0.25,
		"keyprof_run_server_cpu_seconds{deployment=shop}":            59,
		"keyprof_run_commands{command=scan,deployment=shop}":         100,
		"keyprof_run_commands{command=memory usage,deployment=shop}": 5000,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestWithoutLabel(t *testing.T) {
	p := whole()
	p.Label = ""
	got := read(t, write(t, p, nil, 20))
	if _, ok := got["keyprof_run_complete"]; !ok {
		t.Error(got)
	}
}

func TestConventions(t *testing.T) {
	f, err := os.Open(write(t, whole(namespace(0, "a", 10, 100)), comparison(), 20))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	problems, err := promlint.New(f).Lint()
	if err != nil || len(problems) > 0 {
		t.Error(err, problems)
	}
}

// A missing figure has no sample, and no other sample is lost.
func TestAbsent(t *testing.T) {
	tests := []struct {
		name   string
		lose   func(*profile.Profile)
		absent string
	}{
		{"sizes", withoutSizes, "namespace_bytes namespace_no_ttl_bytes namespace_high_idle_bytes volatile_bytes"},
		{"TTLs", func(p *profile.Profile) {
			for _, s := range allStats(p) {
				s.NoTTLKeys, s.NoTTLBytes = nil, nil
			}
		}, "namespace_no_ttl_keys namespace_no_ttl_bytes volatile_keys volatile_bytes"},
		{"idle times", func(p *profile.Profile) {
			for _, s := range allStats(p) {
				s.HighIdleKeys, s.HighIdleBytes = nil, nil
			}
		}, "namespace_high_idle_bytes"},
		{"INFO", func(p *profile.Profile) {
			n := &p.Nodes[0]
			n.Info, n.UsedMemory, n.Maxmemory, p.Receipt.ServerCPUS = nil, nil, nil, nil
		}, "server_used_memory_bytes server_maxmemory_bytes server_used_memory_rss_bytes run_server_cpu_seconds"},
		{"RSS", func(p *profile.Profile) { p.Nodes[0].Info["memory"]["used_memory_rss"] = "-1" }, "server_used_memory_rss_bytes"},
		{"time", func(p *profile.Profile) { p.Receipt.ElapsedS = 0.5 }, "run_main_thread_ratio"},
		{"completeness", func(p *profile.Profile) { p.Complete = false }, "last_success_timestamp_seconds"},
		{"keys", func(p *profile.Profile) { p.Namespaces, p.Totals = nil, stats(0, 0) }, "namespace_keys namespace_bytes namespace_no_ttl_keys namespace_no_ttl_bytes namespace_high_idle_bytes"},
	}
	all := names(read(t, write(t, whole(namespace(0, "a", 10, 100)), comparison(), 20)))
	for _, tt := range tests {
		p := whole(namespace(0, "a", 10, 100))
		tt.lose(p)
		want := maps.Clone(all)
		for name := range strings.FieldsSeq(tt.absent) {
			delete(want, "keyprof_"+name)
		}
		if d := cmp.Diff(want, names(read(t, write(t, p, comparison(), 20)))); d != "" {
			t.Errorf("without %s: %s", tt.name, d)
		}
	}
	if got := names(read(t, write(t, whole(), nil, 20))); got["keyprof_runway_seconds"] || got["keyprof_runway_soonest_seconds"] {
		t.Error("runways without a comparison")
	}
}

func withoutSizes(p *profile.Profile) {
	for _, s := range allStats(p) {
		s.Bytes, s.NoTTLBytes, s.HighIdleBytes = nil, nil, nil
	}
}

func allStats(p *profile.Profile) []*profile.Stats {
	list := []*profile.Stats{&p.Totals}
	for i := range p.Namespaces {
		list = append(list, &p.Namespaces[i].Stats)
	}
	return list
}

func TestMissingMeasures(t *testing.T) {
	p := whole()
	p.Missing = []profile.Missing{{Measure: profile.MeasureTTL, Node: "a"}, {Measure: profile.MeasureTTL, Node: "b"}, {Measure: profile.MeasureIdle}}
	if got := read(t, write(t, p, nil, 20))["keyprof_run_missing_measures{deployment=shop}"]; got != 2 {
		t.Errorf("%v measures are missing, want 2", got)
	}
}

// totals adds the samples of each metric by namespace up.
func totals(samples map[string]float64) map[string]float64 {
	sums := map[string]float64{}
	for id, v := range samples {
		if name, _, _ := strings.Cut(id, "{"); strings.HasPrefix(name, "keyprof_namespace_") {
			sums[name] += v
		}
	}
	return sums
}

func wantTotals(t *testing.T, p *profile.Profile, got map[string]float64) {
	t.Helper()
	want := map[string]float64{
		"keyprof_namespace_keys":            float64(p.Totals.Keys.Value),
		"keyprof_namespace_bytes":           float64(p.Totals.Bytes.Value),
		"keyprof_namespace_no_ttl_keys":     float64(p.Totals.NoTTLKeys.Value),
		"keyprof_namespace_no_ttl_bytes":    float64(p.Totals.NoTTLBytes.Value),
		"keyprof_namespace_high_idle_bytes": float64(p.Totals.HighIdleBytes.Value),
	}
	if d := cmp.Diff(want, totals(got)); d != "" {
		t.Errorf("the namespaces do not add up to the totals: %s", d)
	}
}

// The largest have samples of their own, whatever else is called "(other)".
func TestTop(t *testing.T) {
	list := []profile.Namespace{namespace(0, "(other)", 7, 1e6), namespace(1, "queue", 9, 1e5), namespace(0, `"(other)"`, 5, 1e4)}
	for i := range 50 {
		list = append(list, namespace(i%2, fmt.Sprintf("small:%d", i), 100, int64(i+1)))
	}
	rest := namespace(1, "(other)", 1e6, 100)
	rest.Other = true
	p := whole(append(list, rest)...)
	got := read(t, write(t, p, nil, 3))
	wantTotals(t, p, got)
	want := map[string]float64{
		`{db=0,deployment=shop,namespace="(other)"}`:     7,
		`{db=1,deployment=shop,namespace=queue}`:         9,
		`{db=0,deployment=shop,namespace="\"(other)\""}`: 5,
		`{db=0,deployment=shop,namespace=(other)}`:       2500,
		`{db=1,deployment=shop,namespace=(other)}`:       2500 + 1e6,
	}
	keys := map[string]float64{}
	for id, v := range got {
		if labels, found := strings.CutPrefix(id, "keyprof_namespace_keys"); found {
			keys[labels] = v
		}
	}
	if d := cmp.Diff(want, keys); d != "" {
		t.Error(d)
	}
}

// Without sizes, the namespaces with the most keys are the largest.
func TestTopByKeys(t *testing.T) {
	p := whole(namespace(0, "few", 10, 1000), namespace(0, "many", 500, 1))
	withoutSizes(p)
	got := read(t, write(t, p, nil, 1))
	if got["keyprof_namespace_keys{db=0,deployment=shop,namespace=many}"] != 500 || got["keyprof_namespace_keys{db=0,deployment=shop,namespace=(other)}"] != 10 {
		t.Error(got)
	}
}

// forged are two patterns that are printed alike: they are cut, and have the same
// length and checksum.
func forged() (a, b string) {
	filled := func(middle string) string { return strings.Repeat("h", 400) + middle + strings.Repeat("t", 400) }
	return filled("plumless"), filled("buckeroo") // which have the same CRC-32
}

func TestHostileNames(t *testing.T) {
	a, b := forged()
	p := whole()
	for i, pattern := range []string{
		a, b, "", `""`, "a\nkeyprof_run_complete 0", `quo"te\`, "\x1b[31mred", "\xff\xfe\x00", "\u202egnp.exe", "tab\there", " space ", "(other)",
		strings.Repeat("long", 1<<18), "e" + strings.Repeat("\u0301", 1e5), "db", "ключ:<int>", "\u0085", "{}", "#", "# HELP x",
	} {
		p.Namespaces = append(p.Namespaces, namespace(0, pattern, int64(i+1), 10))
	}
	p.Totals = sumOf(p.Namespaces)
	p.Nodes[0].Address = "/tmp/\x1b[2J\n.sock"
	got := read(t, write(t, p, nil, 50))
	wantTotals(t, p, got)
	if n := len(got); n != 5*18+18 {
		t.Errorf("%d samples, want 5 of each namespace, the first two and the next two taken together, and 18 others", n)
	}
	for id := range got {
		if len(id) > 2000 || !utf8.ValidString(id) || strings.ContainsFunc(id, profile.Hidden) {
			t.Errorf("%.3000q", id)
		}
	}
}

// Of a sample, intervals are there, as far as they are known.
func TestBoundsOfASample(t *testing.T) {
	estimated, exactly := namespace(0, "a", 1000, 200), namespace(0, "b", 10, 1)
	estimated.Keys = profile.Estimate{Value: 1000, Lo: 900, Hi: new(int64(1100))}
	estimated.Bytes = &profile.Estimate{Value: 200_000, Lo: 150_000} // a few keys hold them
	p := whole(estimated, exactly, namespace(0, "c", 3, 1), namespace(0, "d", 2, 1))
	p.Namespaces[2].Keys.Lo, p.Namespaces[3].Keys.Lo = 1, 1
	p.Design.Method, p.Design.Sample = profile.MethodSample, &profile.Sample{Covered: 0.02}
	got := read(t, write(t, p, nil, 2))
	bounds := map[string]float64{}
	for id, v := range got {
		if strings.Contains(id, "_bound") {
			bounds[id] = v
		}
	}
	want := map[string]float64{
		"keyprof_namespace_keys_lower_bound{db=0,deployment=shop,namespace=a}":  900,
		"keyprof_namespace_keys_upper_bound{db=0,deployment=shop,namespace=a}":  1100,
		"keyprof_namespace_bytes_lower_bound{db=0,deployment=shop,namespace=a}": 150_000,
	}
	if d := cmp.Diff(want, bounds); d != "" {
		t.Error(d)
	}
	if ratio := got["keyprof_run_sampled_ratio{deployment=shop}"]; ratio != 0.02 {
		t.Errorf("sampled %v", ratio)
	}
}
