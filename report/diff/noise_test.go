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

func TestNoise(t *testing.T) {
	few := func(n int64) set { return set{pattern: "a", keys: n, size: 100} }
	for name, tc := range map[string]struct {
		old, new set
		damage   func(before, after *profile.Profile)
		measure  diff.Measure
		within   bool
	}{
		"strings are exact":                     {few(1000), few(1001), nil, diff.Bytes, false},
		"counts are exact":                      {few(1000), few(1001), nil, diff.Keys, false},
		"estimates move":                        {set{pattern: "a", typ: "hash", keys: 10, size: 1000}, set{pattern: "a", typ: "hash", keys: 10, size: 1050}, nil, diff.Bytes, true},
		"and so does their mean":                {set{pattern: "a", typ: "hash", keys: 10, size: 1000}, set{pattern: "a", typ: "hash", keys: 10, size: 1050}, nil, diff.MeanSize, true},
		"one hash, twice as large":              {set{pattern: "a", typ: "hash", keys: 1, size: 1 << 20}, set{pattern: "a", typ: "hash", keys: 1, size: 1 << 21}, nil, diff.Bytes, true},
		"one hash, ten times as large":          {set{pattern: "a", typ: "hash", keys: 1, size: 1 << 20}, set{pattern: "a", typ: "hash", keys: 1, size: 10 << 20}, nil, diff.Bytes, false},
		"one set, ten times as large":           {set{pattern: "a", typ: "set", keys: 1, size: 1 << 20}, set{pattern: "a", typ: "set", keys: 1, size: 10 << 20}, nil, diff.Bytes, false},
		"one zset, thrice as large":             {set{pattern: "a", typ: "zset", keys: 1, size: 1 << 20}, set{pattern: "a", typ: "zset", keys: 1, size: 3 << 20}, nil, diff.Bytes, false},
		"one list, half as large again":         {set{pattern: "a", typ: "list", keys: 1, size: 2 << 20}, set{pattern: "a", typ: "list", keys: 1, size: 3 << 20}, nil, diff.Bytes, false},
		"hashes of another process":             {set{pattern: "a", typ: "hash", keys: 1000, size: 1000}, set{pattern: "a", typ: "hash", keys: 1000, size: 1600}, restarted, diff.Bytes, true},
		"strings of another process":            {few(1000), few(1001), restarted, diff.Bytes, false},
		"hashes of a replica that was resynced": {set{pattern: "a", typ: "hash", keys: 1000, size: 1000}, set{pattern: "a", typ: "hash", keys: 1000, size: 1600}, resynced("900", "1000"), diff.Bytes, true},
		"hashes of a replica that was not":      {set{pattern: "a", typ: "hash", keys: 1000, size: 1000}, set{pattern: "a", typ: "hash", keys: 1000, size: 1600}, resynced("900", "900"), diff.Bytes, false},
		"but not tenfold":                       {set{pattern: "a", typ: "hash", keys: 10, size: 1000}, set{pattern: "a", typ: "hash", keys: 10, size: 10000}, nil, diff.Bytes, false},
		"many estimates move less":              {set{pattern: "a", typ: "hash", keys: 100000, size: 1000}, set{pattern: "a", typ: "hash", keys: 100000, size: 1050}, nil, diff.Bytes, false},
		"of a module's type, too":               {set{pattern: "a", typ: "bloom", keys: 10, size: 1000}, set{pattern: "a", typ: "bloom", keys: 10, size: 1050}, nil, diff.Bytes, true},
		"without estimates, no noise":           {set{pattern: "a", typ: "hash", keys: 10, size: 1000}, set{pattern: "a", typ: "hash", keys: 11, size: 1000}, nil, diff.Keys, false},
		"vanished while probed":                 {few(1000), set{pattern: "a", keys: 998, size: 100, vanished: 3}, nil, diff.Keys, true},
		"more than vanished":                    {few(1000), set{pattern: "a", keys: 990, size: 100, vanished: 3}, nil, diff.Keys, false},
		"due while walked":                      {set{pattern: "a", keys: 1000, size: 100, due: 50}, few(960), nil, diff.Keys, true},
		"due do not touch no-TTL":               {set{pattern: "a", keys: 1000, size: 100, due: 50, noTTL: 10}, set{pattern: "a", keys: 1000, size: 100, noTTL: 11}, nil, diff.NoTTLKeys, false},
		"the database grew meanwhile":           {few(1000), few(1010), grew(20), diff.Keys, true},
		"but by keys without a TTL":             {few(1000), few(1010), grewLasting(20), diff.Keys, false},
		"which these are":                       {set{pattern: "a", keys: 1000, size: 100, noTTL: 1000}, set{pattern: "a", keys: 1010, size: 100, noTTL: 1010}, grewLasting(20), diff.NoTTLKeys, true},
		"by less":                               {few(1000), few(1010), grew(5), diff.Keys, false},
		"but these keys are older":              {few(1000), few(1010), func(a, b *profile.Profile) { grew(20)(a, b); idleFor(a, b, 30*86400) }, diff.Keys, false},
		"SCAN returned some twice":              {few(1000), few(1010), func(_, b *profile.Profile) { b.Nodes[0].Databases[0].Returned += 15 }, diff.Keys, true},
		"a sample's interval":                   {few(1000), few(1010), sampled(8), diff.Keys, true}, // of both: sqrt(8²+8²)
		"a change beyond it":                    {few(1000), few(1020), sampled(8), diff.Keys, false},
		"only a lower bound is known":           {few(1000), few(9999), func(a, _ *profile.Profile) { a.Totals.Keys.Hi, a.Namespaces[0].Keys.Hi = nil, nil }, diff.Keys, true},
		"a share of what is uncertain":          {set{pattern: "a", keys: 1000, size: 100, noTTL: 500}, set{pattern: "a", keys: 1000, size: 100, noTTL: 502, vanished: 3}, nil, diff.NoTTLShare, true},
	} {
		t.Run(name, func(t *testing.T) {
			before, after := night(0, tc.old), night(24, tc.new)
			if tc.damage != nil {
				tc.damage(before, after)
			}
			c := compare(t, before, after)
			for of, change := range map[string]diff.Change{"the namespace": rowOf(t, c, "a").Changes[tc.measure], "all": c.Totals.Changes[tc.measure]} {
				if change.WithinNoise != tc.within || change.Real() == tc.within {
					t.Errorf("%s of %s: change %v, noise %v", tc.measure, of, *change.Delta, fmtNoise(change.Noise))
				}
			}
		})
	}
}

func fmtNoise(n *float64) float64 {
	if n == nil {
		return math.Inf(1)
	}
	return *n
}

func restarted(_, after *profile.Profile) { after.Nodes[0].RunID = "run-2" }

// resynced makes the server a replica that has loaded so many keys last.
func resynced(before, after string) func(a, b *profile.Profile) {
	return func(a, b *profile.Profile) {
		for p, loaded := range map[*profile.Profile]string{a: before, b: after} {
			p.Nodes[0].Role = profile.RoleReplica
			p.Nodes[0].Info["persistence"] = map[string]string{"rdb_last_load_keys_loaded": loaded}
		}
	}
}

// grew makes the database grow while it is walked.
func grew(keys int64) func(before, after *profile.Profile) {
	return func(_, after *profile.Profile) {
		d := &after.Nodes[0].Databases[0]
		d.After = &profile.Keyspace{Keys: d.Before.Keys + keys, Expires: d.Before.Expires + keys}
	}
}

// grewLasting makes it grow by keys without a TTL.
func grewLasting(keys int64) func(before, after *profile.Profile) {
	return func(_, after *profile.Profile) {
		d := &after.Nodes[0].Databases[0]
		d.After = &profile.Keyspace{Keys: d.Before.Keys + keys, Expires: d.Before.Expires}
	}
}

// idleFor makes all keys idle for about so many seconds.
func idleFor(before, after *profile.Profile, seconds int64) {
	for _, p := range []*profile.Profile{before, after} {
		for _, s := range []*profile.Stats{&p.Totals, &p.Namespaces[0].Stats} {
			edge := profile.EdgeAt(profile.Edges, profile.BucketIndex(profile.Edges, seconds))
			s.Idle = &profile.IdleStats{Histogram: []profile.Bucket{{Edge: new(profile.Edges[0]), Keys: 2}, {Edge: profile.EdgeAt(profile.Edges, 2), Keys: 1}, {Edge: edge, Keys: s.Keys.Value - 3}}}
		}
	}
}

// sampled gives all counts an interval of this half-width.
func sampled(half int64) func(before, after *profile.Profile) {
	return func(before, after *profile.Profile) {
		for _, p := range []*profile.Profile{before, after} {
			for _, s := range []*profile.Stats{&p.Totals, &p.Namespaces[0].Stats} {
				n := s.Keys.Value
				s.Keys = profile.Estimate{Value: n, Lo: n - half, Hi: new(n + half)}
			}
		}
	}
}

// Errors of many keys partly cancel out: what is noise in each of some namespaces
// is not the sum of that in all of them.
func TestNoiseOfSums(t *testing.T) {
	hashes := func(size int64) (sets []set) {
		for _, pattern := range []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p"} {
			sets = append(sets, set{pattern: pattern, typ: "hash", keys: 10, size: size})
		}
		return sets
	}
	c := compare(t, night(0, hashes(1000)...), night(24, hashes(1050)...))
	one, all := *rowOf(t, c, "a").Changes[diff.Bytes].Noise, *c.Totals.Changes[diff.Bytes].Noise
	if math.Abs(all-4*one) > 1e-6 { // sqrt(16) namespaces
		t.Errorf("noise of one namespace is %v, of sixteen %v", one, all)
	}
}

func TestServerLines(t *testing.T) {
	before, after := night(0, set{pattern: "a", keys: 1, size: 1}), night(24, set{pattern: "a", keys: 1, size: 1})
	before.Receipt.KeyspaceHits, before.Receipt.KeyspaceMisses = 300, 0
	stats := after.Nodes[0].Info["stats"]
	stats["evicted_keys"], stats["keyspace_hits"], stats["keyspace_misses"] = "250", "1390", "110"
	lines := func() map[string]diff.ServerLine {
		m := map[string]diff.ServerLine{}
		for _, l := range compare(t, before, after).Server {
			m[l.Name] = l
		}
		return m
	}
	got := lines()
	if l := got["evicted_keys"]; l.Delta == nil || *l.Delta != 250 {
		t.Errorf("evicted: %+v", l)
	}
	for ours, want := range map[int64][2]float64{0: {0, 250}, 40: {40, 210}, 300: {250, 0}} {
		before.Receipt.EvictedByUs, before.Receipt.EvictedMeanwhile = &ours, &ours
		if l := lines()["evicted_keys"]; l.Ours != want[0] || *l.Delta != want[1] {
			t.Errorf("evicted, %d of them by the old walk: %+v", ours, l)
		}
	}
	if l := got["hit_ratio"]; l.New == nil || *l.New != 0.9 { // 90 of 100 but for our own 300
		t.Errorf("hit ratio: %+v", l)
	}
	if l := got["maxmemory_policy"]; l.OldText != "volatile-lru" || l.NewText != "volatile-lru" {
		t.Errorf("policy: %+v", l)
	}
	for name, damage := range map[string]func(){
		"reset":   func() { stats["evicted_keys"], stats["keyspace_hits"] = "-1", "0" },
		"restart": func() { after.Nodes[0].RunID = "run-2" },
		"replica": func() { after.Nodes[0].Role = profile.RoleReplica },
	} {
		damage()
		if got := lines(); got["hit_ratio"].New != nil || got["evicted_keys"].Delta != nil {
			t.Errorf("%s: counters are compared: %+v", name, got)
		}
	}
}

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
	p.Nodes[0].Databases = []profile.Database{{Covered: &share}}
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

// slotsNight returns the profile of a sample of slots, from a keyspace of all keys.
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
	p.Nodes[0].Databases = []profile.Database{{Covered: new(frame.Fraction()), Before: &profile.Keyspace{Keys: all}, After: &profile.Keyspace{Keys: all}}}
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
