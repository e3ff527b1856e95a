package diff

import (
	"maps"
	"slices"
	"strconv"
	"testing"
	"time"

	"keyprof/sampler/pattern"
	"keyprof/sampler/profile"
)

// someKeys are keys of one namespace that are alike.
type someKeys struct {
	db      int
	pattern string
	n       int64
	noTTL   bool
	ttl     int64 // seconds, unless noTTL
	idle    int64 // seconds
}

// sizeOfKey is the size of every key made here, in bytes.
const sizeOfKey = 100

// made describes a profile.
type made struct {
	at     time.Time // when the scan began
	took   time.Duration
	keys   []someKeys
	noTTLs bool // PTTL is refused
	node   func(*profile.Node)
	after  func(*profile.Profile)
}

// noon is when the new profiles of the tests are made.
var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

const (
	gib  = int64(1) << 30
	aDay = int64(24 * 3600)
)

// build makes the profile that keyprof would have made.
func (m made) build(t testing.TB) *profile.Profile {
	t.Helper()
	used, limit, horizon, largest := 4*gib, 4*gib, 100*aDay, 100*aDay
	p := &profile.Profile{
		Schema: profile.SchemaVersion, Tool: profile.Tool{Name: profile.ToolName, Version: "test"},
		Began: m.at, Ended: m.at.Add(m.took), Complete: true,
		Missing: []profile.Missing{}, Warnings: []profile.Warning{}, Largest: []profile.Key{}, Namespaces: []profile.Namespace{},
		Design:  profile.Design{Method: profile.MethodCensus, Fraction: 1, Databases: []int{0}, IdleOverS: 30 * aDay, NamespaceLimit: 4096, LexerVersion: 1, Patterns: &pattern.Dictionary{Version: pattern.DictionaryVersion, K: pattern.DefaultK}},
		Receipt: profile.Receipt{Commands: map[string]int64{}, Waits: []profile.Wait{}},
	}
	if m.noTTLs {
		p.Missing = append(p.Missing, profile.Missing{Measure: profile.MeasureTTL, Node: "a:6379", Reason: "NOPERM"})
	}
	rows := map[id][]someKeys{}
	for _, k := range m.keys {
		key := id{db: k.db, pattern: k.pattern}
		rows[key] = append(rows[key], k)
	}
	for key, keys := range rows {
		p.Namespaces = append(p.Namespaces, profile.Namespace{DB: key.db, Pattern: key.pattern, Stats: m.stats(keys)})
	}
	p.Totals = m.stats(m.keys)
	p.Nodes = []profile.Node{{
		Address: "a:6379", Role: profile.RolePrimary, Engine: "redis", Version: "7.0.15", RunID: "run", ReplID: "repl", Policy: "volatile-lru",
		UsedMemory: &used, Maxmemory: &limit, IdleHorizonS: &horizon, LargestIdleS: &largest, Complete: true,
		Databases: []profile.Database{{DB: 0, Complete: true, Returned: p.Totals.Keys.Value}},
		Info:      map[string]map[string]string{"keyspace": {"db0": "keys=" + strconv.FormatInt(p.Totals.Keys.Value, 10) + ",expires=1,avg_ttl=0"}},
	}}
	if m.node != nil {
		m.node(&p.Nodes[0])
	}
	if m.after != nil {
		m.after(p)
	}
	if err := p.Check(); err != nil {
		t.Fatalf("the fixture is no valid profile: %v", err)
	}
	return p
}

// bucketed are counts of keys by the index of their bucket.
type bucketed map[int]int64

func (b bucketed) histogram() []profile.Bucket {
	list := []profile.Bucket{}
	for _, i := range slices.Sorted(maps.Keys(b)) {
		bytes := b[i] * sizeOfKey
		list = append(list, profile.Bucket{Edge: profile.EdgeAt(profile.Edges, i), Keys: b[i], Bytes: &bytes})
	}
	return list
}

func (m made) stats(keys []someKeys) profile.Stats {
	const none = -1 // the bucket of those without a TTL
	var all, noTTL int64
	ttl, idle, joint := bucketed{}, bucketed{}, map[[2]int]int64{}
	for _, k := range keys {
		if k.n == 0 {
			continue
		}
		all += k.n
		byIdle, byTTL := profile.BucketIndex(profile.Edges, k.idle), none
		if k.noTTL {
			noTTL += k.n
		} else {
			byTTL = profile.BucketIndex(profile.Edges, k.ttl)
			ttl[byTTL] += k.n
		}
		idle[byIdle] += k.n
		joint[[2]int{byIdle, byTTL}] += k.n
	}
	s := profile.Stats{
		Probed: all, Keys: profile.Exact(all), Bytes: exactly(all * sizeOfKey),
		Idle:     &profile.IdleStats{Measure: profile.IdleSinceAccess, HorizonS: 100 * aDay, Histogram: idle.histogram()},
		Examples: []profile.Key{}, Largest: examplesOf(keys),
	}
	if m.noTTLs {
		return s
	}
	s.NoTTLKeys, s.NoTTLBytes = exactly(noTTL), exactly(noTTL*sizeOfKey)
	s.TTL = &profile.TTLStats{Histogram: ttl.histogram()}
	for cell, n := range joint {
		c := profile.IdleByTTL{IdleLE: profile.EdgeAt(profile.Edges, cell[0]), NoTTL: cell[1] == none, Keys: n}
		if !c.NoTTL {
			c.TTLLE = profile.EdgeAt(profile.Edges, cell[1])
		}
		s.IdleByTTL = append(s.IdleByTTL, c)
	}
	return s
}

// examplesOf is one key of each kind.
func examplesOf(keys []someKeys) []profile.Key {
	list := []profile.Key{}
	for i, k := range keys {
		key := profile.Key{DB: k.db, KeyName: profile.NewKeyName("key:" + strconv.Itoa(i)), NoTTL: k.noTTL, IdleS: &keys[i].idle}
		if !k.noTTL {
			ttl := float64(k.ttl)
			key.TTLS = &ttl
		}
		list = append(list, key)
	}
	return list
}

func exactly(n int64) *profile.Estimate {
	e := profile.Exact(n)
	return &e
}

// compare is a comparison that must not be refused.
func compare(t testing.TB, before, after *profile.Profile, earlier ...*profile.Profile) *Comparison {
	t.Helper()
	c, err := Compare(before, after, Options{Earlier: earlier})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// tickets is incident 2 with so many keys that have a TTL, some hours before noon.
func tickets(hours float64, pool int64, node func(*profile.Node)) made {
	return made{at: noon.Add(-time.Duration(hours * float64(time.Hour))), node: node, keys: []someKeys{
		{pattern: "<ts>:cust-<int>:<rand>", n: pool, ttl: 300 * aDay, idle: 50 * aDay},
		{pattern: "<ts>:cust-<int>:<rand>", n: 10_760_000, noTTL: true, idle: 60 * aDay},
	}}
}
