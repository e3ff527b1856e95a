package diff_test

import (
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"

	"keyprof/report/diff"
	"keyprof/sampler/estimate"
	"keyprof/sampler/profile"
)

// slotKeys are keys that are drawn together, of two namespaces.
type slotKeys struct {
	group int
	sizes [2][2][]int64 // by night, by namespace: bytes of each key
}

// cluster has namespace 0 in a third of its slots, where it grows on the second
// night; namespace 1 stays as it is.
func cluster(rng *rand.Rand, slots int) []slotKeys {
	list := make([]slotKeys, slots)
	for i := range list {
		s := slotKeys{group: i % profile.SampleGroups}
		for range 5 + rng.IntN(20) {
			size := 50 + int64(rng.ExpFloat64()*300)
			ns := 1
			if i%3 == 0 && rng.IntN(2) == 0 {
				ns = 0
			}
			for night := range 2 {
				s.sizes[night][ns] = append(s.sizes[night][ns], size)
			}
		}
		for range rng.IntN(1 + 10*((i+2)%3/2)) {
			s.sizes[1][0] = append(s.sizes[1][0], 100)
		}
		list[i] = s
	}
	return list
}

// slotsNight is the profile of a sample of slots, of which there are so many keys in
// all.
func slotsNight(night int, drawn []slotKeys, all int64) *profile.Profile {
	p := nightOf(night)
	p.Design.Method, p.Design.Fraction = profile.MethodSample, 0.1
	p.Design.Sample = &profile.Sample{Slots: &profile.SampledSlots{Salt: "SALT", Filled: 1000, Drawn: 100, Keys: all}, Covered: 0.1}
	taken := make([]float64, profile.SampleGroups)
	p.Design.Sample.Slots.Taken = taken
	parts, total := [2]*profile.SampleSums{newSums(), newSums()}, newSums()
	for _, s := range drawn {
		for ns, sizes := range s.sizes[night] {
			for _, size := range sizes {
				for _, sums := range []*profile.SampleSums{parts[ns], total} {
					sums.Bytes.Add(size)
					sums.Groups.Keys[s.group]++
					sums.Groups.Bytes[s.group] += size
				}
			}
		}
	}
	for i, n := range total.Groups.Keys {
		taken[i] = float64(n)
	}
	frame := estimate.NewSlotFrame(estimate.Slots{Taken: taken, Keys: all, Groups: total.Groups.Keys, Least: all, Most: all})
	scaled := func(sums *profile.SampleSums) profile.Stats {
		s := stats(set{keys: sums.Bytes.Keys})
		s.Sample = sums
		frame.Scale(&s)
		return s
	}
	p.Totals = scaled(total)
	p.Namespaces = []profile.Namespace{{Pattern: "grows", Stats: scaled(parts[0])}, {Pattern: "stays", Stats: scaled(parts[1])}}
	return p
}

func newSums() *profile.SampleSums {
	s := &profile.SampleSums{}
	for _, list := range []*[]int64{&s.Groups.Keys, &s.Groups.Bytes, &s.Groups.NoTTLKeys, &s.Groups.NoTTLBytes, &s.Groups.HighIdleBytes} {
		*list = make([]int64, profile.SampleGroups)
	}
	return s
}

// Intervals of the changes between samples of the same slots hold as often as they
// say: that keys of one slot are drawn together is in them, and so is that what
// grows makes what stays a smaller part of the sample.
func TestPairedSlots(t *testing.T) {
	runs := 100
	if s := os.Getenv("KEYPROF_SIMULATE"); s != "" {
		runs, _ = strconv.Atoi(s)
	}
	rng := rand.New(rand.NewPCG(5, 5))
	slots := cluster(rng, 1000)
	var keys, bytes [2][2]float64 // by namespace, by night
	var all [2]int64
	for _, s := range slots {
		for night := range 2 {
			for ns, sizes := range s.sizes[night] {
				all[night] += int64(len(sizes))
				keys[ns][night] += float64(len(sizes))
				for _, size := range sizes {
					bytes[ns][night] += float64(size)
				}
			}
		}
	}
	hits := map[string]int{}
	for range runs {
		drawn := slices.DeleteFunc(slices.Clone(slots), func(slotKeys) bool { return rng.Float64() >= 0.1 })
		for i := range drawn { // slots are dealt to groups by the salt
			drawn[i].group = rng.IntN(profile.SampleGroups)
		}
		c := compare(t, slotsNight(0, drawn, all[0]), slotsNight(1, drawn, all[1]))
		for ns, name := range []string{"grows", "stays"} {
			changes := rowOf(t, c, name).Changes
			for m, truth := range map[diff.Measure][2]float64{diff.Keys: keys[ns], diff.Bytes: bytes[ns]} {
				change := changes[m]
				if off := math.Abs(*change.Delta - (truth[1] - truth[0])); off <= *change.Noise {
					hits[name+" "+string(m)]++
				}
			}
		}
		if total := c.Totals.Changes[diff.Keys]; *total.Delta != float64(all[1]-all[0]) || *total.Noise > 1e-6 {
			t.Fatalf("all keys: %v ± %v", *total.Delta, *total.Noise)
		}
	}
	t.Log(hits)
	n := float64(runs)
	for _, what := range []string{"grows keys", "grows bytes", "stays keys", "stays bytes"} {
		if least := 0.95*n - 4*math.Sqrt(0.95*0.05*n); float64(hits[what]) < least { // 4 standard errors
			t.Errorf("%s: %d of %d intervals hold the truth", what, hits[what], runs)
		}
	}
}

// Samples of slots are of the same ones by their salt, whatever the process.
func TestSlotsOfAnotherDraw(t *testing.T) {
	drawn := cluster(rand.New(rand.NewPCG(6, 6)), 100)
	for name, tt := range map[string]struct {
		damage func(after *profile.Profile)
		differ bool
	}{
		"the same slots":  {func(p *profile.Profile) { p.Nodes[0].RunID = "run-2" }, false},
		"another salt":    {func(p *profile.Profile) { p.Design.Sample.Slots.Salt = "PEPPER" }, true},
		"another share":   {func(p *profile.Profile) { p.Design.Fraction = 0.2 }, true},
		"cursor position": {func(p *profile.Profile) { p.Design.Sample.Slots, p.Design.Sample.To = nil, "7" }, true},
	} {
		before, after := slotsNight(0, drawn, 15_000), slotsNight(0, drawn, 15_000)
		tt.damage(after)
		c := compare(t, before, after)
		if differ := slices.ContainsFunc(c.Caveats, func(c diff.Caveat) bool { return c.Code == "samples-differ" }); differ != tt.differ {
			t.Errorf("%s: a warning: %v", name, differ)
		}
	}
}
