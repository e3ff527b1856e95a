package diff

import (
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"keyprof/sampler/profile"
)

func policy(name string) func(*profile.Node) {
	return func(n *profile.Node) { n.Policy = name }
}

// memory sets used_memory and maxmemory, in GiB.
func memory(name string, used, limit float64) func(*profile.Node) {
	return func(n *profile.Node) {
		u, l := int64(used*float64(gib)), int64(limit*float64(gib))
		n.Policy, n.UsedMemory, n.Maxmemory = name, &u, &l
	}
}

// near holds a number of days against the one wanted; below 0 none is wanted.
func near(t *testing.T, what string, got *float64, want float64) {
	t.Helper()
	switch {
	case want < 0 && got != nil:
		t.Errorf("%s: %v days, want none", what, *got)
	case want >= 0 && got == nil:
		t.Errorf("%s: none, want %v days", what, want)
	case want >= 0 && math.Abs(*got-want) > 0.005:
		t.Errorf("%s: %v days, want %v", what, *got, want)
	}
}

// holds wants all of some texts in another.
func holds(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%q does not say %q", text, part)
		}
	}
}

func runwayTo(c *Comparison, limit Limit) *Runway {
	for i := range c.Runways {
		if c.Runways[i].Limit == limit {
			return &c.Runways[i]
		}
	}
	return nil
}

func TestThreeDaysToTheEnd(t *testing.T) {
	c := compare(t, tickets(4, 241_115, nil).build(t), tickets(0, 229_004, nil).build(t))
	if len(c.Runways) != 1 || c.NoRunway != "" {
		t.Fatalf("runways %+v, %q", c.Runways, c.NoRunway)
	}
	r := c.Runways[0]
	if r.Limit != PoolEmpty || r.Left != 229_004 || len(r.Rates) != 1 || math.Abs(r.Rates[0].PerDay-72_666) > 1e-6 {
		t.Errorf("runway %+v", r)
	}
	near(t, "empty", r.Days, 3.15)
	near(t, "soonest", r.Soonest, -1)
	near(t, "latest", r.Latest, -1)
	if want := "at the average rate of these 4 hours, 72,666 keys a day; peaks are faster, so it may come sooner"; r.Assumption != want {
		t.Errorf("assumption %q, want %q", r.Assumption, want)
	}
	holds(t, r.Consequence, "volatile-lru has nothing left to evict and behaves like noeviction", "memory is already at maxmemory", "writes fail")
	if p := c.Pool; *p.Keys.Delta != -12_111 || !p.Keys.Real() || *p.Bytes.New != 22_900_400 || len(p.Namespaces) != 1 {
		t.Errorf("pool %+v", p)
	}
}

// Keys that the old scan may have evicted itself do not count towards the server's
// rate.
func TestOwnEvictionsAreNoRate(t *testing.T) {
	for ours, want := range map[int64]struct {
		perDay, days float64
		assumption   string
	}{
		111:    {72_000, 229_004. / 72_000, "at the average rate of these 4 hours, 72,000 keys a day; peaks are faster, so it may come sooner; 111 keys that the scans themselves may have evicted are left out"},
		20_000: {0, -1, "in the 4 hours between the two profiles the number of evictable keys fell by no more than the old scan itself may have evicted; 12,111 keys that the scans themselves may have evicted are left out"},
	} {
		old := tickets(4, 241_115, nil).build(t)
		old.Receipt.EvictedByUs, old.Receipt.EvictedMeanwhile = &ours, &ours
		r := compare(t, old, tickets(0, 229_004, nil).build(t)).Runways[0]
		if math.Abs(r.Rates[0].PerDay-want.perDay) > 1e-6 {
			t.Errorf("%d evicted: %v keys a day, want %v", ours, r.Rates[0].PerDay, want.perDay)
		}
		near(t, "empty", r.Days, want.days)
		if r.Assumption != want.assumption {
			t.Errorf("%d evicted:\n got %q\nwant %q", ours, r.Assumption, want.assumption)
		}
	}
}

func TestRunwayRange(t *testing.T) {
	incomplete := tickets(36, 1, nil)
	incomplete.after = func(p *profile.Profile) { p.Complete = false }
	stranger := tickets(30, 5_000_000, func(n *profile.Node) { n.RunID, n.ReplID = "x", "y" })
	descendant := tickets(48, 350_000, func(n *profile.Node) { n.RunID = "before" })
	for name, tt := range map[string]struct {
		earlier               []made
		days, soonest, latest float64
		rates                 int
		says                  string
	}{
		"two profiles":     {nil, 2, -1, -1, 1, "these 24 hours"},
		"slower before":    {[]made{tickets(48, 350_000, nil)}, 2, 2, 4, 2, "at the rates of 2 intervals in 2 days, 50,000 keys to 100,000 keys a day"},
		"faster before":    {[]made{tickets(72, 550_000, nil), tickets(48, 350_000, nil)}, 2, 1, 4, 3, "at the rates of 3 intervals in 3 days"},
		"grew before":      {[]made{tickets(48, 200_000, nil)}, 2, 2, -1, 2, "at most 100,000 keys a day, and in some of them the number of evictable keys grew"},
		"another process":  {[]made{descendant}, 2, 2, 4, 2, "2 intervals"},
		"incomplete":       {[]made{tickets(48, 350_000, nil), incomplete}, 2, 2, 4, 2, "2 intervals"},
		"another server":   {[]made{tickets(48, 350_000, nil), stranger}, 2, 2, 4, 2, "2 intervals"},
		"too close":        {[]made{tickets(48, 350_000, nil), tickets(24.1, 1, nil)}, 2, 2, 4, 2, "2 intervals"},
		"not earlier":      {[]made{tickets(12, 1, nil)}, 2, -1, -1, 1, "these 24 hours"},
		"the old profile":  {[]made{tickets(24, 300_000, nil)}, 2, -1, -1, 1, "these 24 hours"},
		"the first is not": {[]made{stranger}, 2, -1, -1, 1, "these 24 hours"},
	} {
		t.Run(name, func(t *testing.T) {
			var earlier []*profile.Profile
			for _, m := range tt.earlier {
				earlier = append(earlier, m.build(t))
			}
			r := runwayTo(compare(t, tickets(24, 300_000, nil).build(t), tickets(0, 200_000, nil).build(t), earlier...), PoolEmpty)
			if len(r.Rates) != tt.rates || !r.Rates[len(r.Rates)-1].To.Equal(noon) {
				t.Errorf("rates %+v", r.Rates)
			}
			near(t, "days", r.Days, tt.days)
			near(t, "soonest", r.Soonest, tt.soonest)
			near(t, "latest", r.Latest, tt.latest)
			holds(t, r.Assumption, tt.says)
		})
	}
	grew := runwayTo(compare(t, tickets(24, 100_000, nil).build(t), tickets(0, 200_000, nil).build(t), tickets(48, 150_000, nil).build(t)), PoolEmpty)
	near(t, "days of a pool that grows again", grew.Days, -1)
	near(t, "its soonest", grew.Soonest, 4)
	near(t, "its latest", grew.Latest, -1)
	holds(t, grew.Assumption, "the number of evictable keys grew by 100,000 keys a day", "at the rates of 2 intervals")
}

// busy returns a profile during whose scan 10,000 keys with a TTL were added or
// removed.
func busy(m made) made {
	m.keys[0].idle = 0
	m.node = func(n *profile.Node) {
		n.Databases[0].Before = &profile.Keyspace{Keys: 11_000_000, Expires: 240_000}
		n.Databases[0].After = &profile.Keyspace{Keys: 11_000_000, Expires: 230_000}
	}
	return m
}

func TestRangeWithinNoise(t *testing.T) {
	r := runwayTo(compare(t, busy(tickets(4, 241_115, nil)).build(t), busy(tickets(0, 229_004, nil)).build(t), tickets(28, 470_119, nil).build(t)), PoolEmpty)
	near(t, "days", r.Days, -1)
	near(t, "soonest", r.Soonest, 1)
	near(t, "latest", r.Latest, -1)
	holds(t, r.Assumption, "no more than noise", "; at the rates of 2 intervals in 28 hours, 72,666 keys to 229,004 keys a day")
}

func TestRunwayOfPool(t *testing.T) {
	elsewhere := func(expires string) func(*profile.Node) {
		return func(n *profile.Node) { n.Info["keyspace"]["db3"] = "keys=5,expires=" + expires + ",avg_ttl=0" }
	}
	matched := func(m made) made {
		m.after = func(p *profile.Profile) { p.Design.Match = "a*" }
		return m
	}
	replica := func(n *profile.Node) { n.Role = profile.RoleReplica }
	incomplete := tickets(4, 241_115, nil)
	incomplete.after = func(p *profile.Profile) { p.Complete = false }
	noTTLs, several := tickets(0, 229_004, nil), tickets(0, 229_004, nil)
	noTTLs.noTTLs = true
	several.after = func(p *profile.Profile) { p.Nodes = append(p.Nodes, p.Nodes[0]) }
	for name, tt := range map[string]struct {
		old, new made
		days     float64 // -1: none
		says     string  // the assumption
		then     string
		why      string // there is no runway
	}{
		"grows":           {tickets(4, 100, nil), tickets(0, 600, nil), -1, "the number of evictable keys grew by 3,000 keys a day, away from the limit", "", ""},
		"stays":           {tickets(4, 100, nil), tickets(0, 100, nil), -1, "did not change", "", ""},
		"empty":           {tickets(4, 100, nil), tickets(0, 0, nil), 0, "no key has a TTL", "", ""},
		"noise":           {busy(tickets(4, 241_115, nil)), busy(tickets(0, 229_004, nil)), -1, "no more than noise", "", ""},
		"replica":         {tickets(4, 241_115, replica), tickets(0, 229_004, replica), 3.15, "", "those of its primary decide", ""},
		"memory to spare": {tickets(4, 241_115, nil), tickets(0, 229_004, memory("volatile-ttl", 2, 4)), 3.15, "", "once memory is at maxmemory, writes fail", ""},
		"slow":            {tickets(240, 12, nil), tickets(0, 10, nil), 50, "0.2 keys a day", "", ""},
		"one hour":        {tickets(1, 340, nil), tickets(0, 240, nil), 0.1, "this 1 hour", "", ""},
		"no TTL there":    {tickets(4, 241_115, nil), tickets(0, 229_004, elsewhere("0")), 3.15, "", "", ""},
		"all keys":        {tickets(4, 241_115, nil), tickets(0, 229_004, policy("allkeys-lru")), 0, "", "", "can evict any key"},
		"no limit":        {tickets(4, 241_115, nil), tickets(0, 229_004, memory("volatile-lru", 2, 0)), 0, "", "", "maxmemory is 0"},
		"unknown policy":  {tickets(4, 241_115, nil), tickets(0, 229_004, policy("")), 0, "", "", "unknown"},
		"other policy":    {tickets(4, 241_115, nil), tickets(0, 229_004, policy("some-new-one")), 0, "", "", "does not know"},
		"incomplete":      {incomplete, tickets(0, 229_004, nil), 0, "", "", "incomplete"},
		"no TTLs":         {tickets(4, 241_115, nil), noTTLs, 0, "", "", "no TTLs"},
		"too close":       {tickets(0.1, 241_115, nil), tickets(0, 229_004, nil), 0, "", "", "less than 10m apart"},
		"overlap":         {tickets(0, 241_115, nil), tickets(1, 229_004, nil), 0, "", "", "before the old one had ended"},
		"matched":         {matched(tickets(4, 241_115, nil)), matched(tickets(0, 229_004, nil)), 0, "", "", "only some of the server's keys"},
		"other databases": {tickets(4, 241_115, nil), tickets(0, 229_004, elsewhere("2")), 0, "", "", "only some of the server's keys"},
		"several servers": {tickets(4, 241_115, nil), several, 0, "", "", "several servers"},
	} {
		t.Run(name, func(t *testing.T) {
			c := compare(t, tt.old.build(t), tt.new.build(t))
			r := runwayTo(c, PoolEmpty)
			if tt.why != "" {
				if r != nil {
					t.Fatalf("runway %+v", r)
				}
				holds(t, c.NoRunway, tt.why)
				return
			}
			if r == nil || c.NoRunway != "" {
				t.Fatalf("no runway: %q", c.NoRunway)
			}
			near(t, "days", r.Days, tt.days)
			holds(t, r.Assumption, tt.says)
			holds(t, r.Consequence, tt.then)
		})
	}
}

func TestRunwayOfMemory(t *testing.T) {
	newer := func(n *profile.Node) {
		memory(noeviction, 2.5, 4)(n)
		n.Version = "7.4.0"
	}
	unknown := func(n *profile.Node) { n.Policy, n.UsedMemory = noeviction, nil }
	for name, tt := range map[string]struct {
		old, new func(*profile.Node)
		days     float64 // -1: none
		left     float64 // GiB
		says     string
		then     string
		why      string
	}{
		"grows":       {memory(noeviction, 2, 4), memory(noeviction, 2.5, 4), 3, 1.5, "at the average rate of these 24 hours, 512 MiB a day", "then writes fail with OOM; reads continue", ""},
		"falls":       {memory(noeviction, 3, 4), memory(noeviction, 2.5, 4), -1, 1.5, "used_memory fell by 512 MiB a day", "", ""},
		"nearly full": {memory(noeviction, 3.98, 4), memory(noeviction, 3.99, 4), 1, 0.01, "at the average rate of these 24 hours, 10.2 MiB a day", "", ""},
		"full":        {memory(noeviction, 3, 4), memory(noeviction, 4, 4), 0, 0, "memory is at 100 % of maxmemory", "", ""},
		"noise":       {memory(noeviction, 3.999, 4), memory(noeviction, 3.9995, 4), -1, 0.0005, "", "", ""},
		"beyond":      {memory(noeviction, 3, 4), memory(noeviction, 5, 4), 0, 0, "memory is at 125.0 % of maxmemory", "", ""},
		"more room":   {memory(noeviction, 2, 2), memory(noeviction, 2.5, 4), 3, 1.5, "", "", ""},
		"volatile":    {memory("volatile-lru", 2, 4), memory("volatile-lru", 2.5, 4), 3, 1.5, "", "volatile-lru evicts keys that have a TTL", ""},
		"version":     {memory(noeviction, 2, 4), newer, 0, 0, "", "", "differs between versions"},
		"unknown":     {memory(noeviction, 2, 4), unknown, 0, 0, "", "", "used_memory or maxmemory is unknown"},
		"lost":        {unknown, memory(noeviction, 2, 4), 0, 0, "", "", "the old one lacks used_memory"},
		"no limit":    {memory(noeviction, 2, 4), memory(noeviction, 2.5, 0), 0, 0, "", "", "maxmemory is 0"},
	} {
		t.Run(name, func(t *testing.T) {
			// A scan of part of the keys shows memory just as well.
			old, new := tickets(24, 100, tt.old), tickets(0, 100, tt.new)
			new.after = func(p *profile.Profile) { p.Complete = false }
			c := compare(t, old.build(t), new.build(t))
			r := runwayTo(c, MaxmemoryFull)
			if tt.why != "" {
				if r != nil {
					t.Fatalf("runway %+v", r)
				}
				holds(t, c.NoRunway, tt.why)
				return
			}
			if r == nil {
				t.Fatalf("no runway: %q", c.NoRunway)
			}
			near(t, "days", r.Days, tt.days)
			if math.Abs(r.Left-tt.left*float64(gib)) > 1 {
				t.Errorf("%v bytes are left, want %v GiB", r.Left, tt.left)
			}
			holds(t, r.Assumption, tt.says)
			holds(t, r.Consequence, tt.then)
		})
	}
	full := compare(t, tickets(24, 200, memory("volatile-lru", 3, 4)).build(t), tickets(0, 100, memory("volatile-lru", 4, 4)).build(t))
	if r := runwayTo(full, MaxmemoryFull); r != nil {
		t.Errorf("memory that is full is on its way: %+v", r)
	}
}

func TestPool(t *testing.T) {
	old := hoursAgo(4,
		someKeys{pattern: "kept", n: 100, ttl: aDay}, someKeys{pattern: "kept", n: 50, noTTL: true},
		someKeys{pattern: "gone", n: 10, ttl: aDay}, someKeys{pattern: "lasting", n: 10, noTTL: true})
	new := hoursAgo(0,
		someKeys{pattern: "kept", n: 40, ttl: aDay}, someKeys{pattern: "kept", n: 70, noTTL: true},
		someKeys{pattern: "more", n: 60, ttl: aDay}, someKeys{pattern: "lasting", n: 10, noTTL: true})
	c := compare(t, old.build(t), new.build(t))
	type row struct {
		pattern         string
		keys, was, size float64
	}
	want := []row{{"more", 60, 0, 6000}, {"kept", 40, 100, 4000}, {"gone", 0, 10, 0}}
	if len(c.Pool.Namespaces) != len(want) {
		t.Fatalf("%+v", c.Pool.Namespaces)
	}
	for i, n := range c.Pool.Namespaces {
		if got := (row{n.Pattern, *n.Keys.New, *n.Keys.Old, *n.Bytes.New}); got != want[i] || *n.Keys.Delta != got.keys-got.was {
			t.Errorf("%+v, want %+v", got, want[i])
		}
	}
	if *c.Pool.Keys.Delta != -10 || *c.Pool.Bytes.Delta != -1000 || c.Pool.Keys.PerDay == nil {
		t.Errorf("%+v", c.Pool.Keys)
	}
}

func TestPoolHidden(t *testing.T) {
	old, new := hoursAgo(4, expiring(100, 0)), hoursAgo(0, expiring(90, 0))
	newer := new
	newer.node = func(n *profile.Node) { n.Version = "7.4.0" }
	if c := compare(t, old.build(t), newer.build(t)); c.Pool.Keys.Delta == nil || c.Pool.Bytes.Delta != nil || *c.Pool.Namespaces[0].Bytes.New != 9000 {
		t.Errorf("another version: %+v", c.Pool)
	}
	broken := old
	broken.after = func(p *profile.Profile) { p.Complete = false }
	if c := compare(t, broken.build(t), new.build(t)); c.Pool.Keys.Delta != nil || *c.Pool.Keys.New != 90 {
		t.Errorf("incomplete: %+v", c.Pool)
	}
	sizeless := func(m made) *profile.Profile {
		m.after = func(p *profile.Profile) {
			p.Totals.Bytes, p.Totals.NoTTLBytes = nil, nil
			for i := range p.Totals.TTL.Histogram {
				p.Totals.TTL.Histogram[i].Bytes = nil
			}
			p.Totals.Idle = nil
			for i := range p.Namespaces {
				s := &p.Namespaces[i].Stats
				s.Bytes, s.NoTTLBytes, s.TTL, s.Idle = nil, nil, nil, nil
			}
		}
		return m.build(t)
	}
	if c := compare(t, sizeless(old), sizeless(new)); c.Pool.Bytes != nil || c.Pool.Namespaces[0].Bytes != nil || c.Pool.Schedule[0].Bytes != nil {
		t.Errorf("no sizes: %+v", c.Pool)
	}
	old.noTTLs = true
	if c := compare(t, old.build(t), new.build(t)); c.Pool == nil || c.Pool.Keys.Old != nil || c.Pool.Keys.Delta != nil {
		t.Errorf("no TTLs before: %+v", c.Pool)
	}
	new.noTTLs = true
	if c := compare(t, old.build(t), new.build(t)); c.Pool != nil {
		t.Errorf("no TTLs: %+v", c.Pool)
	}
}

func TestSchedule(t *testing.T) {
	at := func(ttl, n int64) someKeys { return someKeys{pattern: "a", n: n, ttl: ttl} }
	c := compare(t, hoursAgo(4).build(t), hoursAgo(0, at(3600, 1), at(3601, 2), at(aDay, 4), at(7*aDay, 8), at(8*aDay, 16), at(1000*aDay, 32)).build(t))
	want := []int64{1, 7, 15}
	for i, e := range c.Pool.Schedule {
		if e.Keys != want[i] || *e.Bytes != want[i]*sizeOfKey || e.WithinS != scheduleS[i] {
			t.Errorf("%+v, want %d keys", e, want[i])
		}
	}
	if len(c.Pool.Schedule) != len(want) {
		t.Errorf("%+v", c.Pool.Schedule)
	}
}

func TestPoolsAddUp(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		p := compare(t, hoursAgo(4, anyKeys(rt, "old")...).build(t), hoursAgo(0, anyKeys(rt, "new")...).build(t)).Pool
		var old, new, delta, bytes float64
		for _, n := range p.Namespaces {
			old, new, delta, bytes = old+*n.Keys.Old, new+*n.Keys.New, delta+*n.Keys.Delta, bytes+*n.Bytes.New
		}
		if old != *p.Keys.Old || new != *p.Keys.New || delta != *p.Keys.Delta || bytes != *p.Bytes.New {
			rt.Errorf("namespaces add up to %v, %v, %v keys and %v B, all together are %+v, %+v", old, new, delta, bytes, p.Keys, p.Bytes)
		}
		for i, e := range p.Schedule {
			if float64(e.Keys) > new || i > 0 && e.Keys < p.Schedule[i-1].Keys {
				rt.Errorf("schedule %+v of %v keys", p.Schedule, new)
			}
		}
	})
}
