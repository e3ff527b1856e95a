package diff

import (
	"testing"

	"pgregory.net/rapid"

	"keyprof/sampler/profile"
)

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
