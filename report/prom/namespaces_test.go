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
	if n := len(got); n != 5*18+17 {
		t.Errorf("%d samples, want 5 of each namespace, the first two and the next two taken together, and 17 others", n)
	}
	for id := range got {
		if len(id) > 2000 || !utf8.ValidString(id) || strings.ContainsFunc(id, profile.Hidden) {
			t.Errorf("%.3000q", id)
		}
	}
}
