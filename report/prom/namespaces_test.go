package prom

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"keyprof/sampler/profile"
)

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
