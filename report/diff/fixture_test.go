package diff_test

import (
	"slices"
	"time"

	"pgregory.net/rapid"

	"keyprof/report/diff"
	"keyprof/sampler/pattern"
	"keyprof/sampler/profile"
)

// set is the keys of a namespace, all of the same size.
type set struct {
	db       int
	pattern  string
	typ      string // string, if empty
	keys     int64
	size     int64 // bytes a key
	noTTL    int64 // keys
	highIdle int64 // keys
	vanished int64
	// due are keys with a TTL that expire within a minute.
	due int64
}

// night is a profile of a ten-minute scan on 21 November 2026 at an hour.
func night(hour float64, sets ...set) *profile.Profile {
	began := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC).Add(time.Duration(hour * float64(time.Hour)))
	p := &profile.Profile{
		Schema: profile.SchemaVersion, Tool: profile.Tool{Name: profile.ToolName, Version: "test"}, Label: "prod",
		Began: began, Ended: began.Add(10 * time.Minute), Complete: true,
		Design: profile.Design{Method: profile.MethodCensus, Fraction: 1, IdleOverS: 30 * 86400, NamespaceLimit: 100, LexerVersion: 3, Patterns: &pattern.Dictionary{Version: pattern.DictionaryVersion, K: pattern.DefaultK}},
		Totals: stats(set{}),
	}
	for _, s := range sets {
		p.Namespaces = append(p.Namespaces, profile.Namespace{DB: s.db, Pattern: s.pattern, Stats: stats(s)})
		addTo(&p.Totals, stats(s))
	}
	p.Nodes = []profile.Node{nodeOf(p)}
	return p
}

// nodeOf returns a primary that holds the keys of p, and did not change during the
// scan.
func nodeOf(p *profile.Profile) profile.Node {
	keyspace := map[string]string{}
	n := profile.Node{
		Address: "replica:6379", Role: profile.RolePrimary, Engine: "redis", Version: "7.0.15", Allocator: "jemalloc-5.2.1",
		RunID: "run-1", ReplID: "repl-1", Policy: "volatile-lru", Maxmemory: new(int64(1 << 30)), UsedMemory: new(int64(1 << 29)),
		UptimeS: new(int64(90 * 86400)), IdleHorizonS: new(int64(90 * 86400)), LargestIdleS: new(int64(89 * 86400)), Complete: true,
		Info: map[string]map[string]string{
			"keyspace": keyspace, "memory": {"used_memory_rss": "600000000", "mem_fragmentation_ratio": "1.12", "mem_clients_normal": "20504"},
			"stats": {"evicted_keys": "0", "expired_keys": "10", "keyspace_hits": "1000", "keyspace_misses": "100"},
		},
	}
	for _, db := range dbsOf(p) {
		keys := keysIn(p, db)
		k := &profile.Keyspace{Keys: keys}
		n.Databases = append(n.Databases, profile.Database{DB: db, Complete: true, Before: k, After: k, Returned: keys})
		keyspace["db"+string(rune('0'+db))] = "keys=1,expires=0,avg_ttl=0"
		p.Design.Databases = append(p.Design.Databases, db)
	}
	return n
}

func dbsOf(p *profile.Profile) (list []int) {
	seen := map[int]bool{}
	for _, ns := range p.Namespaces {
		if !seen[ns.DB] {
			list = append(list, ns.DB)
		}
		seen[ns.DB] = true
	}
	return list
}

func keysIn(p *profile.Profile, db int) (keys int64) {
	for _, ns := range p.Namespaces {
		if ns.DB == db {
			keys += ns.Keys.Value
		}
	}
	return keys
}

func stats(s set) profile.Stats {
	if s.typ == "" {
		s.typ = "string"
	}
	bytes := s.keys * s.size
	var sampled int64
	if s.typ != "string" {
		sampled = bytes
	}
	st := profile.Stats{
		Probed: s.keys, Keys: profile.Exact(s.keys), Bytes: new(profile.Exact(bytes)), SampledBytes: new(profile.Exact(sampled)),
		NoTTLKeys: new(profile.Exact(s.noTTL)), NoTTLBytes: new(profile.Exact(s.noTTL * s.size)),
		HighIdleKeys: new(profile.Exact(s.highIdle)), HighIdleBytes: new(profile.Exact(s.highIdle * s.size)),
		Types: map[string]profile.TypeStats{}, TTL: &profile.TTLStats{}, Vanished: s.vanished,
	}
	if s.keys > 0 {
		st.Types[s.typ] = profile.TypeStats{Keys: s.keys, Bytes: &bytes}
		st.Largest = []profile.Key{{DB: s.db, KeyName: profile.KeyName{Name: s.pattern}, Bytes: &s.size, Type: s.typ}}
	}
	st.TTL.Histogram = buckets(s.due, s.due*s.size, s.keys-s.noTTL-s.due, (s.keys-s.noTTL-s.due)*s.size)
	return st
}

// buckets are a histogram of keys due within a minute, and of keys that live long.
func buckets(due, dueBytes, later, laterBytes int64) []profile.Bucket {
	list := []profile.Bucket{}
	if due > 0 {
		list = append(list, profile.Bucket{Edge: profile.EdgeAt(profile.Edges, 0), Keys: due, Bytes: &dueBytes})
	}
	if later > 0 {
		list = append(list, profile.Bucket{Keys: later, Bytes: &laterBytes})
	}
	return list
}

// addTo adds to a sum what is compared.
func addTo(sum *profile.Stats, s profile.Stats) {
	sum.Probed += s.Probed
	sum.Vanished += s.Vanished
	sum.Keys = profile.Exact(sum.Keys.Value + s.Keys.Value)
	for _, pair := range [][2]*profile.Estimate{
		{sum.Bytes, s.Bytes},
		{sum.SampledBytes, s.SampledBytes},
		{sum.NoTTLKeys, s.NoTTLKeys},
		{sum.NoTTLBytes, s.NoTTLBytes},
		{sum.HighIdleKeys, s.HighIdleKeys},
		{sum.HighIdleBytes, s.HighIdleBytes},
	} {
		*pair[0] = profile.Exact(pair[0].Value + pair[1].Value)
	}
	var keys, bytes [2]int64 // due, later
	for _, b := range slices.Concat(sum.TTL.Histogram, s.TTL.Histogram) {
		i := 0
		if b.Edge == nil {
			i = 1
		}
		keys[i] += b.Keys
		bytes[i] += *b.Bytes
	}
	sum.TTL.Histogram = buckets(keys[0], bytes[0], keys[1], bytes[1])
	for name, t := range s.Types {
		all := sum.Types[name]
		bytes := *t.Bytes
		if all.Bytes != nil {
			bytes += *all.Bytes
		}
		sum.Types[name] = profile.TypeStats{Keys: all.Keys + t.Keys, Bytes: &bytes}
	}
}

func compare(t rapid.TB, before, after *profile.Profile) *diff.Comparison {
	t.Helper()
	c, err := diff.Compare(before, after, diff.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func rowOf(t rapid.TB, c *diff.Comparison, pattern string) diff.Row {
	t.Helper()
	for _, r := range c.Namespaces {
		if r.Pattern == pattern {
			return r
		}
	}
	t.Fatalf("no row of %q", pattern)
	return diff.Row{}
}
