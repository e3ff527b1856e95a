package aggregate

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"keyprof/report/diff"
	"keyprof/sampler/profile"
)

// Regrouping and comparing may change places: the change of a namespace that was
// rolled up is the sum of the changes of its parts.
func TestRegroupingCommutesWithDiff(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before, after, err := Regroup(drawNight(t, 0), drawNight(t, 1))
		if err != nil {
			t.Fatal(err)
		}
		delims := DelimitersOf(before)
		top := func(name string) string { return rolledUp(delims, name, "", 1) }
		fine, coarse := changesOf(t, before, after), changesOf(t, rolled(t, before), rolled(t, after))
		for _, m := range diff.Measures {
			if !m.Adds() {
				continue
			}
			sums := map[namespaceSums]float64{}
			for _, r := range fine.Namespaces {
				if d := r.Changes[m].Delta; d != nil {
					sums[namespaceSums{db: r.DB, pattern: top(r.Pattern)}] += *d
				}
			}
			for _, r := range coarse.Namespaces {
				if d, want := r.Changes[m].Delta, sums[namespaceSums{db: r.DB, pattern: r.Pattern}]; d != nil && *d != want {
					t.Fatalf("%s of %q changed by %v, its parts by %v", m, r.Pattern, *d, want)
				}
			}
			if a, b := fine.Totals.Changes[m].Delta, coarse.Totals.Changes[m].Delta; a != nil && *a != *b {
				t.Fatalf("all %s changed by %v, or by %v", m, *a, *b)
			}
		}
	})
}

func drawNight(t *rapid.T, day int) *profile.Profile {
	p := built(defaultGrouping, rapid.SliceOfN(rapid.Custom(drawObservation), 2, 100).Draw(t, "keys"))
	p.Began = time.Date(2026, 11, 21+day, 3, 0, 0, 0, time.UTC)
	p.Ended, p.Complete = p.Began.Add(time.Minute), true
	return p
}

func rolled(t *rapid.T, p *profile.Profile) *profile.Profile {
	r, err := RollUp(p, "", 1)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func changesOf(t *rapid.T, a, b *profile.Profile) *diff.Comparison {
	c, err := diff.Compare(a, b, diff.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}
