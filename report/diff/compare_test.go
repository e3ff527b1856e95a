package diff_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"keyprof/report/diff"
	"keyprof/sampler/profile"
)

func TestRows(t *testing.T) {
	before := night(0,
		set{pattern: "session:<int>", keys: 1000, size: 100, noTTL: 100},
		set{pattern: "gone:<int>", keys: 5, size: 10, noTTL: 5})
	after := night(24,
		set{pattern: "session:<int>", keys: 1500, size: 120, noTTL: 600, highIdle: 10},
		set{pattern: "new:<int>", keys: 7, size: 10})
	c := compare(t, before, after)

	session := rowOf(t, c, "session:<int>")
	for m, want := range map[diff.Measure][3]float64{
		diff.Keys: {1000, 1500, 500}, diff.Bytes: {100e3, 180e3, 80e3}, diff.NoTTLKeys: {100, 600, 500}, diff.NoTTLBytes: {10e3, 72e3, 62e3},
		diff.NoTTLShare: {0.1, 0.4, 0.3}, diff.HighIdleBytes: {0, 1200, 1200}, diff.MeanSize: {100, 120, 20},
	} {
		got := session.Changes[m]
		if d := cmp.Diff([]float64{want[0], want[1], want[2], want[2]}, []float64{*got.Old, *got.New, *got.Delta, *got.PerDay}, cmpopts.EquateApprox(0, 1e-9)); d != "" {
			t.Errorf("%s: old, new, change and change a day:\n%s", m, d)
		}
		if !got.Real() {
			t.Errorf("%s: the change is taken for noise", m)
		}
	}
	for pattern, want := range map[string]diff.State{"session:<int>": diff.Kept, "gone:<int>": diff.Vanished, "new:<int>": diff.Added} {
		if got := rowOf(t, c, pattern).State; got != want {
			t.Errorf("%s is %s, want %s", pattern, got, want)
		}
	}
	added := rowOf(t, c, "new:<int>").Changes
	if keys := added[diff.Keys]; *keys.Old != 0 || *keys.Delta != 7 {
		t.Errorf("a new namespace had %v keys, and got %v", *keys.Old, *keys.Delta)
	}
	if mean := added[diff.MeanSize]; mean.Old != nil || mean.Delta != nil || *mean.New != 10 {
		t.Errorf("the mean size of no keys: %+v", mean)
	}
	if got := *c.Totals.Changes[diff.Keys].Delta; got != 502 {
		t.Errorf("all keys changed by %v", got)
	}
}

// A rate needs some time between the two scans.
func TestNoRateBetweenNeighbours(t *testing.T) {
	keys := func(hour float64) diff.Change {
		return compare(t, night(0, set{pattern: "a", keys: 1, size: 1}), night(hour, set{pattern: "a", keys: 3, size: 1})).Totals.Changes[diff.Keys]
	}
	if c := keys(12); *c.PerDay != 4 {
		t.Errorf("2 keys in half a day are %v a day", *c.PerDay)
	}
	for _, hour := range []float64{0.1, 9.0 / 60} { // overlapping, and too close
		if c := keys(hour); c.PerDay != nil || *c.Delta != 2 {
			t.Errorf("after %v h: a rate of %v", hour, c.PerDay)
		}
	}
}

// A side may have a namespace that it does not list, among those summed up or among
// keys that it did not scan.
func TestUnsure(t *testing.T) {
	for name, damage := range map[string]func(*profile.Profile){
		"summed up":  func(p *profile.Profile) { p.Namespaces[0].Other = true },
		"incomplete": func(p *profile.Profile) { p.Complete = false },
	} {
		before, after := night(0, set{pattern: "a", keys: 1, size: 1}), night(24, set{pattern: "b", keys: 1, size: 1})
		damage(before)
		if r := rowOf(t, compare(t, before, after), "b"); r.State != diff.Unsure || r.Changes[diff.Keys].Old != nil {
			t.Errorf("%s: %s, %+v", name, r.State, r.Changes[diff.Keys])
		}
		if name == "incomplete" {
			continue
		}
		if r := rowOf(t, compare(t, after, before), "b"); r.State != diff.Unsure {
			t.Errorf("%s on the new side: %s", name, r.State)
		}
	}
}

// drawNight is a profile of some of a few namespaces.
func drawNight(t *rapid.T, hour float64) *profile.Profile {
	var sets []set
	for db := range 2 {
		for _, pattern := range []string{"a:<int>", "a:<uuid>", "b", "c:<int>"} {
			if !rapid.Bool().Draw(t, "there") {
				continue
			}
			s := set{
				db: db, pattern: pattern, typ: rapid.SampledFrom([]string{"string", "hash", "list", "bloom"}).Draw(t, "type"),
				keys: rapid.Int64Range(1, 1e6).Draw(t, "keys"), size: rapid.Int64Range(16, 1e6).Draw(t, "size"),
				vanished: rapid.Int64Range(0, 5).Draw(t, "vanished"),
			}
			s.noTTL = rapid.Int64Range(0, s.keys).Draw(t, "noTTL")
			s.due = rapid.Int64Range(0, s.keys-s.noTTL).Draw(t, "due")
			s.highIdle = rapid.Int64Range(0, s.keys).Draw(t, "highIdle")
			sets = append(sets, s)
		}
	}
	p := night(hour, sets...)
	for i := range p.Nodes[0].Databases {
		d := &p.Nodes[0].Databases[i]
		d.After = &profile.Keyspace{Keys: d.Before.Keys + rapid.Int64Range(0, 100).Draw(t, "grown")}
	}
	return p
}

// With --depth the change of a namespace is the sum of the changes of its parts.
func TestDepthAddsUpChanges(t *testing.T) {
	top := func(r diff.Row) string {
		first, _, _ := strings.Cut(r.Pattern, ":")
		return fmt.Sprint(r.DB, first)
	}
	rapid.Check(t, func(t *rapid.T) {
		before, after := drawNight(t, 0), drawNight(t, 24)
		coarse, err := diff.Compare(before, after, diff.Options{Depth: 1})
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range diff.Measures {
			if !m.Adds() {
				continue
			}
			sums := map[string]float64{}
			for _, r := range compare(t, before, after).Namespaces {
				if d := r.Changes[m].Delta; d != nil {
					sums[top(r)] += *d
				}
			}
			for _, r := range coarse.Namespaces {
				if d := r.Changes[m].Delta; d != nil && *d != sums[top(r)] {
					t.Fatalf("%s of %q changed by %v, its parts by %v", m, r.Pattern, *d, sums[top(r)])
				}
			}
		}
	})
}

func TestNothingChangedInTheSameProfile(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawNight(t, 0)
		c := compare(t, p, p)
		for _, r := range append(c.Namespaces, c.Totals) {
			for m, change := range r.Changes {
				if r.State != diff.Kept || change.Delta != nil && *change.Delta != 0 || change.WithinNoise || change.Real() {
					t.Fatalf("%s of %q: %+v, %s", m, r.Pattern, change, r.State)
				}
			}
		}
		if len(c.Caveats) != 1 || c.Caveats[0].Code != "same-profile" {
			t.Fatalf("warnings: %+v", c.Caveats)
		}
	})
}

func TestTheWayBackMirrors(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawNight(t, 0), drawNight(t, 24)
		there, back := compare(t, a, b), compare(t, b, a)
		if len(there.Namespaces) != len(back.Namespaces) {
			t.Fatalf("%d rows there, %d back", len(there.Namespaces), len(back.Namespaces))
		}
		for i, row := range append(there.Namespaces, there.Totals) {
			other := append(back.Namespaces, back.Totals)[i]
			if mirrored := map[diff.State]diff.State{diff.Added: diff.Vanished, diff.Vanished: diff.Added, diff.Kept: diff.Kept}; other.State != mirrored[row.State] {
				t.Fatalf("%q is %s there, %s back", row.Pattern, row.State, other.State)
			}
			for m, c := range row.Changes {
				want := c
				want.Old, want.New = c.New, c.Old
				if c.Delta != nil {
					want.Delta = new(-*c.Delta)
				}
				want.PerDay = nil // there is no rate backwards
				got := other.Changes[m]
				got.PerDay = nil
				if d := cmp.Diff(want, got, cmpopts.EquateApprox(1e-12, 0)); d != "" {
					t.Fatalf("%s of %q:\n%s", m, row.Pattern, d)
				}
			}
		}
	})
}

func TestThePartsAddUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := compare(t, drawNight(t, 0), drawNight(t, 24))
		for _, m := range diff.Measures {
			if !m.Adds() || c.Totals.Changes[m].Delta == nil {
				continue
			}
			var sum float64
			for _, r := range c.Namespaces {
				sum += *r.Changes[m].Delta
			}
			if total := *c.Totals.Changes[m].Delta; sum != total {
				t.Fatalf("%s: the namespaces changed by %v, all together by %v", m, sum, total)
			}
		}
	})
}

// A comparison is a document: it can be written, and read by programs.
func TestJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := drawNight(t, 0)
		a.Totals.Bytes.Hi = nil // noise without a bound
		text, err := json.Marshal(compare(t, a, drawNight(t, 24)))
		if err != nil {
			t.Fatal(err)
		}
		var read map[string]any
		if err := json.Unmarshal(text, &read); err != nil {
			t.Fatal(err)
		}
		for _, list := range []string{"namespaces", "server", "runways", "ttl_stopped", "warnings"} {
			if read[list] == nil {
				t.Fatalf("%s is null", list)
			}
		}
	})
}
