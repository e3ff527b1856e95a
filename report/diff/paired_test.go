package diff_test

import (
	"fmt"
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

// panelKey is a key on two nights; a size of 0 is that of a night without it.
type panelKey struct {
	sizes [2]int64 // bytes
	noTTL bool
	group int
}

// panelNight is the profile of a sample of the keys that are there on a night.
func panelNight(night int, keys []panelKey, share float64) *profile.Profile {
	sums := &profile.SampleSums{}
	for _, list := range []*[]int64{&sums.Groups.Keys, &sums.Groups.Bytes, &sums.Groups.NoTTLKeys, &sums.Groups.NoTTLBytes, &sums.Groups.HighIdleBytes} {
		*list = make([]int64, profile.SampleGroups)
	}
	s := stats(set{})
	s.Sample = sums
	for _, k := range keys {
		size := k.sizes[night]
		if size == 0 {
			continue
		}
		s.Probed++
		sums.Bytes.Add(size)
		sums.Groups.Keys[k.group]++
		sums.Groups.Bytes[k.group] += size
		if k.noTTL {
			sums.NoTTL.Add(size)
			sums.Groups.NoTTLKeys[k.group]++
			sums.Groups.NoTTLBytes[k.group] += size
		}
	}
	s.Types["string"] = profile.TypeStats{Keys: s.Probed, Bytes: &sums.Bytes.Bytes}
	estimate.NewFrame(share, s.Probed).Scale(&s)
	p := nightOf(night)
	p.Design.Method, p.Design.Fraction = profile.MethodSample, share
	p.Design.Sample = &profile.Sample{From: "0", To: "1000", Covered: share}
	p.Totals = s
	p.Namespaces = []profile.Namespace{{Pattern: "a", Stats: s}}
	return p
}

func nightOf(n int) *profile.Profile { return night(24 * float64(n)) }

// panel is a population of which some keys change from one night to the next: they
// go, come, or grow.
func panel(rng *rand.Rand, keys int) []panelKey {
	list := make([]panelKey, keys)
	for i := range list {
		size := 50 + int64(rng.ExpFloat64()*300)
		k := panelKey{sizes: [2]int64{size, size}, noTTL: rng.IntN(2) == 0, group: rng.IntN(profile.SampleGroups)}
		switch rng.IntN(20) {
		case 0:
			k.sizes[1] = 0
		case 1, 2:
			k.sizes[0] = 0
		case 3:
			k.sizes[1] *= 2
		}
		list[i] = k
	}
	return list
}

// truths are the changes in the whole population.
func truths(keys []panelKey) map[diff.Measure]float64 {
	var sums [2]map[diff.Measure]float64
	for night := range sums {
		s := map[diff.Measure]float64{}
		for _, k := range keys {
			size := float64(k.sizes[night])
			if size == 0 {
				continue
			}
			s[diff.Keys]++
			s[diff.Bytes] += size
			if k.noTTL {
				s[diff.NoTTLKeys]++
				s[diff.NoTTLBytes] += size
			}
		}
		s[diff.NoTTLShare], s[diff.MeanSize] = s[diff.NoTTLKeys]/s[diff.Keys], s[diff.Bytes]/s[diff.Keys]
		sums[night] = s
	}
	for m := range sums[1] {
		sums[1][m] -= sums[0][m]
	}
	return sums[1]
}

// Intervals of the changes between two samples of the same keys hold as often as
// they say, and are far shorter than those of samples of other keys. Set
// KEYPROF_SIMULATE to the number of runs, 1000 for the full test.
func TestPairedIntervalsHold(t *testing.T) {
	runs := 100
	if s := os.Getenv("KEYPROF_SIMULATE"); s != "" {
		runs, _ = strconv.Atoi(s)
	}
	rng := rand.New(rand.NewPCG(1, 1))
	keys := panel(rng, 20_000)
	want := truths(keys)
	const share = 0.1
	hits, shorter := map[diff.Measure]int{}, map[diff.Measure]float64{}
	for range runs {
		var met []panelKey
		for _, k := range keys {
			if rng.Float64() < share {
				met = append(met, k)
			}
		}
		before, after := panelNight(0, met, share), panelNight(1, met, share)
		changes := rowOf(t, compare(t, before, after), "a").Changes
		after.Design.Sample.From = "5"
		unpaired := rowOf(t, compare(t, before, after), "a").Changes
		for m, truth := range want {
			c := changes[m]
			if off := *c.Delta - truth; off <= *c.Noise && -off <= *c.Noise {
				hits[m]++
			}
			shorter[m] += *c.Noise / *unpaired[m].Noise / float64(runs)
		}
	}
	for m := range want {
		t.Logf("%s: %.3f of the intervals hold the truth; %.2f times as long as unpaired ones", m, float64(hits[m])/float64(runs), shorter[m])
		n := float64(runs)
		if least := 0.95*n - 4*math.Sqrt(0.95*0.05*n); float64(hits[m]) < least { // 4 standard errors
			t.Errorf("%s: %d of %d intervals hold the truth", m, hits[m], runs)
		}
	}
	if shorter[diff.Keys] > 0.7 || shorter[diff.Bytes] > 0.7 {
		t.Errorf("pairing gains little: %v", shorter)
	}
}

// Samples of other positions, or of another process, are not of the same keys.
func TestUnpaired(t *testing.T) {
	keys := panel(rand.New(rand.NewPCG(3, 3)), 2000)
	for i := range keys {
		keys[i].sizes[1] = keys[i].sizes[0] // nothing changes
	}
	noise := func(damage func(after *profile.Profile)) string {
		before, after := panelNight(0, keys, 0.1), panelNight(1, keys, 0.1)
		damage(after)
		c := compare(t, before, after)
		differ := slices.ContainsFunc(c.Caveats, func(c diff.Caveat) bool { return c.Code == "samples-differ" })
		if noisy := *rowOf(t, c, "a").Changes[diff.Keys].Noise > 0; noisy != differ {
			t.Errorf("there is noise: %v; there is a warning: %v", noisy, differ)
		}
		return fmt.Sprint(differ)
	}
	for name, tt := range map[string]struct {
		damage func(after *profile.Profile)
		noisy  string
	}{
		"the same keys":     {func(*profile.Profile) {}, "false"},
		"another process":   {func(p *profile.Profile) { p.Nodes[0].RunID = "run-2" }, "true"},
		"process not known": {func(p *profile.Profile) { p.Nodes[0].RunID = "" }, "true"},
		"other positions":   {func(p *profile.Profile) { p.Design.Sample.To = "1001" }, "true"},
		"no groups":         {func(p *profile.Profile) { p.Totals.Sample = nil }, "true"},
	} {
		if got := noise(tt.damage); got != tt.noisy {
			t.Errorf("%s: there is noise: %s, want %s", name, got, tt.noisy)
		}
	}
}
