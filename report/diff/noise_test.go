package diff_test

import (
	"math"
	"testing"

	"keyprof/report/diff"
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
