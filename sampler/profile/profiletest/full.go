package profiletest

import (
	"fmt"
	"strings"

	"keyprof/sampler/profile"
)

// Full returns a profile in which every field is set, among them names that are hard
// to store. Each call makes a new one.
func Full() *profile.Profile {
	p := Fold(keys()...)
	p.Label = "nightly"
	p.Complete = false
	p.Missing = []profile.Missing{{
		Measure: profile.MeasureFreq,
		Node:    "10.0.0.1:6379",
		Reason:  "NOPERM this user has no permissions to run the 'object|freq' command",
		Remedy:  "ACL SETUSER keyprof +object|freq",
	}}
	p.Design.Match = "*"
	p.Design.Degraded = true
	p.Nodes = []profile.Node{node()}
	p.Warnings = []profile.Warning{{Code: "replica-idle", Scope: "10.0.0.1:6379", Text: "reads on the primary are not seen here"}}
	p.Receipt = receipt(int64(len(keys())))
	other := &p.Namespaces[len(p.Namespaces)-1]
	other.Pattern, other.Other = profile.OtherPattern, true
	for _, s := range []*profile.Stats{&p.Totals, &other.Stats} {
		s.Vanished, s.Expired, s.Denied, s.Failed = 3, 2, 1, 4
		s.Stalled, s.Moved, s.TooLong = 1, 5, 2
		s.Idle.SharedKeys = s.Keys.Value
		s.Idle.Histogram, s.Idle.IdleS = []profile.Bucket{}, nil
		s.Freq = profile.NewFreqStats([]profile.Bucket{{Edge: &profile.FreqEdges[4], Keys: 1, Bytes: new(int64)}})
	}
	// A figure of which only the lower end is known.
	other.HighIdleKeys.Hi = nil
	return p
}

// keys returns some ordinary keys, and some with names and values at the limits.
func keys() []Observation {
	var all []Observation
	for i := range int64(200) {
		all = append(all,
			Observation{DB: 0, Pattern: "resque:status:<uuid>", Name: fmt.Sprintf("resque:status:%032x", i), Type: "string", Bytes: 400 + i%7, NoTTL: true, IdleS: i * 86400},
			Observation{DB: 0, Pattern: "sess:<hex>", Name: fmt.Sprintf("sess:%08x", i), Type: "hash", Bytes: 1500 + i*i, TTLS: float64(i*600) + 0.25, IdleS: i * 60},
		)
	}
	names := []string{"", "\x00\x1b[31m", "\xff\xfe\\x41", "a\u202eb\u0085\x7f", strings.Repeat("é", 1000), strings.Repeat("\x80", 5000), `plain\backslash`}
	for i, name := range names {
		all = append(all, Observation{DB: 3, Pattern: "rest", Name: name, Type: "list", Bytes: int64(i) << 40, TTLS: 1e9, IdleS: 0})
	}
	return all
}

func node() profile.Node {
	number := func(n int64) *int64 { return &n }
	return profile.Node{
		Address: "10.0.0.1:6379", Role: profile.RoleReplica, Engine: "redis", Version: "7.2.5",
		RunID: strings.Repeat("ab", 20), ReplID: strings.Repeat("cd", 20),
		Policy: "volatile-lru", Allocator: "jemalloc-5.3.0",
		Maxmemory: number(6 << 30), UsedMemory: number(5 << 30), UptimeS: number(1e6),
		IdleHorizonS: number(1e6), LargestIdleS: number(999_000),
		Complete: false, Incomplete: "database 3: connection lost",
		Databases: []profile.Database{
			{DB: 0, Complete: true, Before: &profile.Keyspace{Keys: 400, Expires: 200}, After: &profile.Keyspace{Keys: 401, Expires: 200}, Returned: 400, NoTTLKeys: number(200)},
			{DB: 3, Incomplete: "connection lost", Before: &profile.Keyspace{Keys: 9}, Returned: 7, Cursor: "18446744073709551615"},
		},
		Info: map[string]map[string]string{"server": {"redis_version": "7.2.5"}},
	}
}

func receipt(returned int64) profile.Receipt {
	cpu := 0.75
	evicted, byUs := int64(1006), int64(434)
	return profile.Receipt{
		Commands: map[string]int64{"scan": 9, "memory|usage": returned},
		BytesOut: 12345, BytesIn: 67890,
		ElapsedS: 90, MainThreadS: 1.5, PausedS: 80, LeastRTTS: 0.0003, ServerCPUS: &cpu,
		Page: 50, MaxLoad: 0.25, Rate: 1000, Returned: returned,
		EvictedMeanwhile: &evicted, EvictedByUs: &byUs, BufferBytes: 80_000,
		PageLeast: 10, PageMost: 60, LatencyBudgetS: 0.0001,
		Waits:  []profile.Wait{{Cause: "the connection was reset", Count: 2, TookS: 1.5}},
		Brakes: []profile.Brake{{Cause: "an RDB save started", Count: 1, TookS: 3.25}},
		Stalls: []profile.Stall{{DB: 3, KeyName: profile.NewKeyName("a\xffb"), Type: "stream", Command: "memory usage", TookS: 3.1}},
		ProbeRTT: &profile.ProbeRTT{
			Before: &profile.RoundTrips{Pings: 50, P50S: 0.0001, P99S: 0.0002},
			During: &profile.RoundTrips{Pings: 1800, P50S: 0.0001, P99S: 0.0003},
		},
	}
}
