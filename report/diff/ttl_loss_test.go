package diff

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"keyprof/sampler/profile"
)

// hoursAgo returns a profile of a 30-second scan some hours before noon.
func hoursAgo(hours float64, keys ...someKeys) made {
	return made{at: noon.Add(-time.Duration(hours * float64(time.Hour))), took: 30 * time.Second, keys: keys}
}

const (
	recently = 3600      // within 3 h, and so after a profile 4 h ago
	between  = 5 * 3600  // within a bucket that begins after it and ends before it
	longAgo  = 10 * 3600 // more than 6 h
)

// lasting and expiring are keys of one namespace.
func lasting(n, idle int64) someKeys { return someKeys{pattern: "a", n: n, noTTL: true, idle: idle} }

func expiring(n, idle int64) someKeys { return someKeys{pattern: "a", n: n, ttl: aDay, idle: idle} }

func TestStopped(t *testing.T) {
	type portions struct {
		recent, older Portion
		jumped        bool
	}
	for name, tt := range map[string]struct {
		old, new []someKeys
		want     *portions
	}{
		"stopped": {
			[]someKeys{expiring(1000, longAgo)},
			[]someKeys{lasting(100, recently), expiring(900, longAgo)},
			&portions{Portion{100, 100}, Portion{900, 0}, true},
		},
		"which keys are which": {
			[]someKeys{expiring(1000, longAgo)},
			[]someKeys{lasting(100, recently), expiring(20, 3*3600), lasting(7, between), expiring(9, 6*3600), expiring(50, 7*3600), expiring(850, longAgo)},
			&portions{Portion{120, 100}, Portion{900, 0}, true},
		},
		"incident 2: it goes on": {
			[]someKeys{lasting(9800, longAgo), expiring(200, longAgo)},
			[]someKeys{lasting(200, recently), lasting(9800, longAgo), expiring(190, longAgo)},
			&portions{Portion{200, 200}, Portion{9990, 9800}, false},
		},
		"keys that are only read are not recent": {
			[]someKeys{lasting(500, longAgo), expiring(1000, longAgo)},
			[]someKeys{lasting(500, recently), lasting(100, recently), expiring(30, recently), expiring(900, longAgo)},
			&portions{Portion{130, 100}, Portion{900, 0}, true},
		},
		"many that are read, and few that arrive": {
			[]someKeys{lasting(5000, longAgo), expiring(1000, longAgo)},
			[]someKeys{lasting(5000, recently), lasting(40, recently), expiring(900, recently)},
			nil,
		},
		"the last key with a TTL is gone": {
			[]someKeys{lasting(9800, longAgo), expiring(200, longAgo)},
			[]someKeys{lasting(200, recently), lasting(9800, longAgo)},
			&portions{Portion{200, 200}, Portion{9800, 9800}, false},
		},
		"short-lived keys leave no older ones": {
			[]someKeys{expiring(1000, recently)},
			[]someKeys{lasting(1000, recently)},
			&portions{Portion{1000, 1000}, Portion{}, true},
		},
		"short-lived keys leave older ones that last": {
			[]someKeys{expiring(1000, recently), lasting(40, longAgo)},
			[]someKeys{lasting(1000, recently), lasting(40, longAgo)},
			&portions{Portion{1000, 1000}, Portion{40, 40}, true},
		},
		"meant to last": {
			[]someKeys{lasting(1000, longAgo)},
			[]someKeys{lasting(200, recently), lasting(1000, longAgo)},
			nil,
		},
		"a new namespace that lasts": {
			nil,
			[]someKeys{lasting(200, recently)},
			nil,
		},
		"a TTL is rare": {
			[]someKeys{lasting(10_000, longAgo), expiring(1, longAgo)},
			[]someKeys{lasting(200, recently), lasting(10_000, longAgo), expiring(1, longAgo)},
			nil,
		},
		"as before": {
			[]someKeys{lasting(300, longAgo), expiring(700, longAgo)},
			[]someKeys{lasting(30, recently), expiring(70, recently), lasting(300, longAgo), expiring(700, longAgo)},
			nil,
		},
		"chance": {
			[]someKeys{lasting(300, longAgo), expiring(700, longAgo)},
			[]someKeys{lasting(14, recently), expiring(20, recently), lasting(300, longAgo), expiring(700, longAgo)},
			nil,
		},
		"few keys": {
			[]someKeys{expiring(1000, longAgo)},
			[]someKeys{lasting(29, recently), expiring(1000, longAgo)},
			nil,
		},
		"a small rise": {
			[]someKeys{expiring(100_000, longAgo)},
			[]someKeys{lasting(9_000, recently), expiring(91_000, recently), expiring(100_000, longAgo)},
			nil,
		},
		"old keys that are read": {
			[]someKeys{lasting(1000, recently), expiring(1000, longAgo)},
			[]someKeys{lasting(1000, recently), lasting(5, recently), expiring(20, recently), expiring(1000, longAgo)},
			nil,
		},
		"the repair": {
			[]someKeys{lasting(9800, longAgo), expiring(200, longAgo)},
			[]someKeys{expiring(5000, recently), lasting(4800, longAgo), expiring(200, longAgo)},
			nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := compare(t, hoursAgo(4, tt.old...).build(t), hoursAgo(0, tt.new...).build(t))
			if c.TTLLossUnknown != "" {
				t.Fatal(c.TTLLossUnknown)
			}
			if tt.want == nil {
				if len(c.TTLLosses) != 0 {
					t.Errorf("%+v", c.TTLLosses)
				}
				return
			}
			if len(c.TTLLosses) != 1 {
				t.Fatalf("%+v", c.TTLLosses)
			}
			s := c.TTLLosses[0]
			if got := (portions{s.Recent, s.Older, s.Jumped}); got != *tt.want {
				t.Errorf("%+v, want %+v", got, *tt.want)
			}
			if s.RecentS != 3*3600 || s.OlderS != 6*3600 {
				t.Errorf("recent within %d s, older beyond %d s", s.RecentS, s.OlderS)
			}
			if len(s.Examples) == 0 || slices.ContainsFunc(s.Examples, func(k profile.Key) bool { return !k.NoTTL || *k.IdleS > s.RecentS }) {
				t.Errorf("examples %+v", s.Examples)
			}
		})
	}
}

func TestStoppedOrder(t *testing.T) {
	var old, new []someKeys
	add := func(pattern string, before, arrived int64, noTTL bool) {
		old = append(old, someKeys{pattern: pattern, n: before, noTTL: noTTL, idle: longAgo}, someKeys{pattern: pattern, n: 200, ttl: aDay, idle: longAgo})
		new = append(new, someKeys{pattern: pattern, n: before, noTTL: noTTL, idle: longAgo}, someKeys{pattern: pattern, n: 200, ttl: aDay, idle: longAgo},
			someKeys{pattern: pattern, n: arrived, noTTL: true, idle: recently})
	}
	add("goes on", 9800, 5000, true)
	add("little", 9800, 100, false)
	add("much", 9800, 200, false)
	for i := range 30 {
		add(string(rune('A'+i)), 9800, 50, true)
	}
	c := compare(t, hoursAgo(4, old...).build(t), hoursAgo(0, new...).build(t))
	var order []string
	for _, s := range c.TTLLosses {
		order = append(order, s.Pattern)
	}
	if want := []string{"much", "little", "goes on", "A", "B"}; len(order) != 33 || !slices.Equal(order[:5], want) {
		t.Errorf("order %q, want %q first, 33 in all", order, want)
	}
}

// The namespaces summed up in the old profile may already have held the keys: keys that
// were only read are not new.
func TestStoppedOfSummedUp(t *testing.T) {
	old := hoursAgo(4, expiring(1000, longAgo), someKeys{pattern: "b", n: 500, noTTL: true, idle: longAgo}).build(t)
	i := slices.IndexFunc(old.Namespaces, func(ns profile.Namespace) bool { return ns.Pattern == "b" })
	old.Namespaces[i].Pattern, old.Namespaces[i].Other = profile.OtherPattern, true
	read := []someKeys{{pattern: "b", n: 500, noTTL: true, idle: recently}, {pattern: "b", n: 100, ttl: aDay, idle: longAgo}}
	c := compare(t, old, hoursAgo(0, append(read, expiring(1000, longAgo))...).build(t))
	if len(c.TTLLosses) != 0 || c.TTLLossUnknown != "" {
		t.Errorf("%+v, %s", c.TTLLosses, c.TTLLossUnknown)
	}
}

func TestStoppedUnknown(t *testing.T) {
	before := hoursAgo(4, expiring(1000, longAgo))
	after := hoursAgo(0, lasting(100, recently), expiring(900, longAgo))
	with := func(m made, change func(*profile.Profile)) made {
		m.after = change
		return m
	}
	node := func(change func(*profile.Node)) made {
		return with(after, func(p *profile.Profile) { change(&p.Nodes[0]) })
	}
	noTTLs, noTTLsBefore := after, before
	noTTLs.noTTLs, noTTLsBefore.noTTLs = true, true
	for name, tt := range map[string]struct {
		old, new made
		why      string // empty: the idle times tell
	}{
		"known":         {before, after, ""},
		"just enough":   {before, node(func(n *profile.Node) { *n.IdleHorizonS = 4 * 3600 }), ""},
		"short horizon": {before, node(func(n *profile.Node) { *n.IdleHorizonS = 2 * 3600 }), "reach back only 2h"},
		"no horizon":    {before, node(func(n *profile.Node) { n.IdleHorizonS = nil }), "unknown"},
		"restarted":     {before, node(func(n *profile.Node) { n.RunID = "another" }), "another server process"},
		"resynced":      {before, node(func(n *profile.Node) { n.Role, n.ReplID = profile.RoleReplica, "another" }), "full resync"},
		"idle reset":    {before, node(func(n *profile.Node) { *n.LargestIdleS = 2 * 3600 }), "full resync"},
		"young replica": {
			with(before, func(p *profile.Profile) { *p.Nodes[0].LargestIdleS, p.Nodes[0].Role = 3600, profile.RoleReplica }),
			node(func(n *profile.Node) { *n.LargestIdleS, n.Role = 3*3600, profile.RoleReplica }), "full resync of this replica",
		},
		"LFU": {before, with(after, func(p *profile.Profile) {
			p.Totals.Idle, p.Totals.Freq = nil, &profile.FreqStats{Histogram: []profile.FreqBucket{}}
		}), "LFU"},
		"was LFU":     {with(before, func(p *profile.Profile) { p.Nodes[0].Policy = "allkeys-lfu" }), after, "LFU"},
		"no idle":     {before, with(after, func(p *profile.Profile) { p.Totals.Idle = nil }), "no idle times"},
		"no TTLs":     {before, noTTLs, "the new profile has no TTLs"},
		"had no TTLs": {noTTLsBefore, after, "the old profile has no TTLs"},
		"incomplete":  {before, with(after, func(p *profile.Profile) { p.Complete = false }), ""},
		"was incomplete": {
			with(before, func(p *profile.Profile) { p.Complete = false }), after, "the old profile is incomplete",
		},
		"too close":   {hoursAgo(0.02, expiring(1000, longAgo)), after, "too close"},
		"overlapping": {hoursAgo(0.005, expiring(1000, longAgo)), after, "too close"},
	} {
		t.Run(name, func(t *testing.T) {
			c := compare(t, tt.old.build(t), tt.new.build(t))
			if tt.why == "" && (c.TTLLossUnknown != "" || len(c.TTLLosses) != 1) {
				t.Errorf("%+v, unknown as %q", c.TTLLosses, c.TTLLossUnknown)
			}
			if tt.why != "" && (c.TTLLossUnknown == "" || len(c.TTLLosses) != 0) {
				t.Errorf("%+v, unknown as %q", c.TTLLosses, c.TTLLossUnknown)
			}
			holds(t, c.TTLLossUnknown, tt.why)
		})
	}
}

func TestRecentMeans(t *testing.T) {
	replica := hoursAgo(0, lasting(1, 1))
	replica.after = func(p *profile.Profile) { p.Totals.Idle.Measure = profile.IdleSinceWriteOrLocalRead }
	old := hoursAgo(4).build(t)
	if got, want := compare(t, old, hoursAgo(0).build(t)).RecentMeans(), "written (or, with a TTL, read)"; got != want {
		t.Errorf("on a primary: %q, want %q", got, want)
	}
	if got, want := compare(t, old, replica.build(t)).RecentMeans(), "written (or, with a TTL, read on this replica)"; got != want {
		t.Errorf("on a replica: %q, want %q", got, want)
	}
}

func TestChance(t *testing.T) {
	for _, tt := range []struct {
		p, other Portion
		want     float64
	}{
		{Portion{4, 3}, Portion{4, 1}, 17.0 / 70}, // Fisher's lady tasting tea
		{Portion{4, 4}, Portion{4, 0}, 1.0 / 70},
		{Portion{4, 0}, Portion{4, 4}, 1},
		{Portion{10, 10}, Portion{1, 0}, 1.0 / 11},
	} {
		if got := chance(tt.p, tt.other); got < tt.want*(1-1e-9) || got > tt.want*(1+1e-9) {
			t.Errorf("chance(%v, %v) = %v, want %v", tt.p, tt.other, got, tt.want)
		}
	}
}

// anyKeys are those of a few namespaces.
func anyKeys(t *rapid.T, name string) []someKeys {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) someKeys {
		return someKeys{
			pattern: rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "pattern"),
			n:       rapid.Int64Range(0, 2000).Draw(t, "n"), noTTL: rapid.Bool().Draw(t, "no TTL"),
			ttl:  rapid.SampledFrom([]int64{60, 3600, aDay, 30 * aDay, 1000 * aDay}).Draw(t, "TTL"),
			idle: rapid.SampledFrom([]int64{0, recently, between, longAgo, 50 * aDay}).Draw(t, "idle"),
		}
	}), 0, 8).Draw(t, name)
}

func TestPortionsAreParts(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		hours := rapid.Float64Range(0.1, 1000).Draw(rt, "hours")
		c := compare(t, hoursAgo(hours, anyKeys(rt, "old")...).build(t), hoursAgo(0, anyKeys(rt, "new")...).build(t))
		for _, s := range c.TTLLosses {
			i := slices.IndexFunc(c.Namespaces, func(r Row) bool { return r.Pattern == s.Pattern })
			all := c.Namespaces[i].New
			if s.Recent.Keys+s.Older.Keys > all.Keys.Value || s.Recent.NoTTL+s.Older.NoTTL > all.NoTTLKeys.Value {
				rt.Errorf("%+v of %d keys", s, all.Keys.Value)
			}
			if s.Recent.NoTTL > s.Recent.Keys || s.Older.NoTTL > s.Older.Keys {
				rt.Errorf("%+v", s)
			}
		}
	})
}
