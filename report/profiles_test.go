package report

import (
	"fmt"
	"strings"

	"keyprof/sampler/profile"
)

// ptr is a pointer to a value.
func ptr[T any](v T) *T { return &v }

// receiptFor returns a plausible receipt of a scan of n keys.
func receiptFor(n int64) profile.Receipt {
	return profile.Receipt{
		Commands: map[string]int64{"scan": n/50 + 1, "memory usage": n, "pttl": n, "object idletime": n, "type": n, "info": 2, "hello": 1},
		BytesOut: n * 190, BytesIn: n * 75, ElapsedS: float64(n) / 4100, MainThreadS: float64(n) / 17000, PausedS: float64(n) / 5600,
		LeastRTTS: 0.00021, ServerCPUS: ptr(float64(n) / 19000), Page: 50, MaxLoad: 0.25, Returned: n,
		CommandS: ptr(float64(n) / 27000), KeyspaceHits: 3 * n, KeyspaceMisses: 17, ExpiredMeanwhile: ptr(n / 1000), Repeats: n / 100_000,
	}
}

// resque is incident 1: a job queue that never forgot, on a primary.
func resque() fixture {
	return fixture{
		idleOver: 30 * dy, horizon: 1 << 24, measure: profile.IdleSinceAccess,
		node: profile.Node{
			Address: "localhost:56379", Role: profile.RolePrimary, Engine: "redis", Version: "6.2.14", Policy: "noeviction",
			UsedMemory: ptr(int64(4_960_687_226)), Maxmemory: ptr(int64(0)), UptimeS: ptr(int64(212 * dy)),
		},
		receipt: receiptFor(551_103),
		sets: []keySet{
			{
				pattern: "resque:status:<uuid>", typ: "string", n: 545_073, size: [2]float64{7400, 9700}, noTTL: 1, idle: [2]float64{12 * dy, 188 * dy},
				examples: []string{"resque:status:0b7e6a0e-4b0c-4a53-9a4f-7b0e4bd6f3a1"},
			},
			{pattern: "resque:failed", typ: "list", n: 1, size: [2]float64{111 * mib, 111 * mib}, noTTL: 1, idle: [2]float64{96 * dy, 96 * dy}, examples: []string{"resque:failed"}},
			{pattern: "resque:_statuses", typ: "zset", n: 1, size: [2]float64{47 * mib, 47 * mib}, noTTL: 1, idle: [2]float64{12 * dy, 12 * dy}, examples: []string{"resque:_statuses"}},
			{pattern: "resque:worker:<host>:<int>:<*>", typ: "string", n: 48, size: [2]float64{120, 420}, noTTL: 1, idle: [2]float64{12 * dy, 40 * dy}},
			{pattern: "resque:queue:<*>", typ: "list", n: 14, size: [2]float64{180, 900}, noTTL: 1, idle: [2]float64{12 * dy, 30 * dy}},
			{pattern: "resque:stat:<*>", typ: "string", n: 6, size: [2]float64{56, 72}, noTTL: 1, idle: [2]float64{12 * dy, 12 * dy}},
			{
				pattern: "session:<rand>", typ: "string", n: 5_952, size: [2]float64{300, 900}, ttl: [2]float64{600, 1800}, idle: [2]float64{1, 1200},
				examples: []string{"session:Jx81hcOaQ0yYw3nZ6fPq"},
			},
			{pattern: "queues", typ: "set", n: 1, size: [2]float64{1100, 1100}, noTTL: 1, idle: [2]float64{12 * dy, 12 * dy}},
			{pattern: "rl:<ip4>:<int>", typ: "string", n: 7, size: [2]float64{64, 72}, ttl: [2]float64{1, 60}, idle: [2]float64{1, 60}},
		},
		warnings: []profile.Warning{
			{Code: "on-primary", Scope: "localhost:56379", Text: "this is a primary: SCAN deletes expired keys that it meets and replicates the deletions"},
		},
	}
}

// tickets is incident 2, scaled: a replica whose threshold lies beyond what it
// can know of idle times.
func tickets() fixture {
	return fixture{
		idleOver: 30 * dy, horizon: 9.3 * dy, measure: profile.IdleSinceWriteOrLocalRead, vanished: 3,
		node: profile.Node{
			Address: "tickets-002.abc123.cache.example.com:6379", Role: profile.RoleReplica, Engine: "redis", Version: "7.0.7", Policy: "volatile-lru",
			UsedMemory: ptr(int64(12_551_454)), Maxmemory: ptr(int64(12 * mib)), UptimeS: ptr(int64(9.3 * dy)),
		},
		receipt: receiptFor(49_124),
		sets: []keySet{
			{
				pattern: "<ts>:cust-<int>:<rand>", typ: "string", n: 48_900, size: [2]float64{180, 260}, noTTL: 0.989, ttl: [2]float64{3 * dy, 340 * dy}, idle: [2]float64{60, 9.2 * dy},
				examples: []string{"1669888800:cust-8841:Zk3vQ0aLr8TgXw5uYb2NcD1e"},
			},
			{pattern: "lock:cust-<int>", typ: "string", n: 115, size: [2]float64{64, 72}, ttl: [2]float64{1, 30}, idle: [2]float64{0, 30}},
			{pattern: "seq", typ: "string", n: 1, size: [2]float64{56, 56}, noTTL: 1, idle: [2]float64{1, 1}},
			{pattern: "audit:<date>", typ: "stream", n: 108, size: [2]float64{900, 4000}, noTTL: 1, idle: [2]float64{3600, 9.2 * dy}, examples: []string{"audit:2022-11-30"}},
		},
	}
}

// gitlab is an LFU cache at its limit, where idle time is not tracked.
func gitlab() fixture {
	f := fixture{
		idleOver: 30 * dy, horizon: 40 * dy, lfu: true,
		node: profile.Node{
			Address: "/run/redis/cache.sock", Role: profile.RolePrimary, Engine: "valkey", Version: "8.0.2", Policy: "allkeys-lfu",
			UsedMemory: ptr(int64(62_704_844)), Maxmemory: ptr(int64(60 * mib)), UptimeS: ptr(int64(40 * dy)),
		},
		receipt: receiptFor(60_000), label: "nightly",
	}
	f.receipt.EvictedMeanwhile, f.receipt.EvictedByUs, f.receipt.BufferBytes = ptr(int64(1006)), ptr(int64(83)), 38_120
	for i := range 31 {
		f.sets = append(f.sets, keySet{
			pattern: fmt.Sprintf("cache:gitlab:projects:<int>:%s:<hex%d>", strings.Repeat("part_", 1+i%4), 32+i), typ: "string",
			n: 120 + 211*i, size: [2]float64{90, 300 + 60*float64(i)}, ttl: [2]float64{30, 14 * dy}, idle: [2]float64{float64(i), float64(i * 4)},
		})
	}
	return f
}

// sample is 2 % of a server like that of incident 1, before its queue has grown
// large lists: a replica on which many sessions are expired but still there.
func sample() fixture {
	f := resque()
	f.covered, f.zombies = 0.0203, 60_000
	f.node.Role, f.measure = profile.RoleReplica, profile.IdleSinceWriteOrLocalRead
	f.node.UsedMemory = ptr(int64(5_400_000_000))
	f.sets = []keySet{f.sets[0], f.sets[6], f.sets[3], f.sets[8]}
	f.sets[0].n, f.sets[1].n, f.sets[2].n, f.sets[3].n = 11_065, 2_120, 40, 1
	f.receipt = receiptFor(13_226)
	return f
}

// giants is 0.5 % of a server a few of whose keys hold most of the memory, none of
// which but one was met.
func giants() fixture {
	f := sample()
	f.covered, f.zombies = 0.005, 0
	f.sets = append(f.sets, keySet{pattern: "report:<int>", typ: "hash", n: 3, size: [2]float64{30 * mib, 60 * mib}, noTTL: 1, idle: [2]float64{dy, 9 * dy}, examples: []string{"report:17"}})
	return f
}

// databases has keys in two databases, without bytes and with a refused TYPE.
func databases() fixture {
	f := fixture{
		idleOver: 7 * dy, horizon: 30 * dy, measure: profile.IdleSinceAccess,
		node:    profile.Node{Address: "10.0.0.7:6380", Role: profile.RolePrimary, Engine: "redis", Version: "7.2.5", Policy: "allkeys-lru", UptimeS: ptr(int64(30 * dy))},
		receipt: receiptFor(3_300),
		sets: []keySet{
			{db: 0, pattern: "user:<int>:profile", typ: "hash", n: 2000, size: [2]float64{200, 2000}, noTTL: 1, idle: [2]float64{10, 20 * dy}, examples: []string{"user:17:profile"}},
			{db: 0, pattern: "user:<int>:cart", typ: "hash", n: 300, size: [2]float64{200, 9000}, noTTL: 0.1, ttl: [2]float64{10, dy}, idle: [2]float64{10, dy}},
			{db: 3, pattern: "user:<int>:profile", typ: "hash", n: 800, size: [2]float64{200, 2000}, noTTL: 0.5, ttl: [2]float64{dy, 2 * dy}, idle: [2]float64{10, 9 * dy}},
			{db: 3, pattern: "username:<rand>", typ: "string", n: 150, size: [2]float64{60, 90}, noTTL: 0.4, ttl: [2]float64{60, 600}, idle: [2]float64{10, 2 * dy}},
			{db: 12, pattern: "jobs", typ: "list", n: 1, size: [2]float64{80 * kib, 80 * kib}, noTTL: 1, idle: [2]float64{1, 1}, examples: []string{"jobs"}},
			{db: 12, pattern: "(other)", other: true, typ: "string", n: 49, size: [2]float64{60, 200}, noTTL: 0.5, ttl: [2]float64{60, 600}, idle: [2]float64{10, 2 * dy}},
		},
	}
	return f
}

// incidents is a replica with two of them, a database each, at its limit.
func incidents() fixture {
	first, second := tickets(), resque()
	f := first
	f.node.UptimeS, f.horizon, f.zombies = ptr(int64(200*dy)), 1<<24, 37
	f.node.UsedMemory, f.node.Maxmemory = ptr(int64(62_704_844)), ptr(int64(60*mib))
	for _, set := range second.sets {
		set.db, set.n = 1, max(set.n/10, 1)
		set.size = [2]float64{set.size[0] / 10, set.size[1] / 10}
		f.sets = append(f.sets, set)
	}
	f.receipt = receiptFor(104_000)
	return f
}

// part has scanned one database of three, only keys that match, and some of
// these were denied; idle times came with an RDB file.
func part() fixture {
	f := databases()
	f.sets = f.sets[:2]
	f.match, f.denied, f.horizon, f.idleOver = "user:*", 600, 9*dy, 7*dy
	f.node.Policy, f.node.UsedMemory, f.node.Maxmemory, f.node.UptimeS = "volatile-ttl", ptr(int64(95*mib)), ptr(int64(100*mib)), ptr(int64(9*dy))
	f.elsewhere = map[string]string{"db1": "keys=90000,expires=1200,avg_ttl=5", "db7": "keys=1,expires=0,avg_ttl=0"}
	return f
}

// deniedWalk makes p the profile of a finished scan that was denied some keys.
func deniedWalk(p *profile.Profile) *profile.Profile {
	why := "600 keys of db0 were denied by the user's ACL key patterns"
	n := &p.Nodes[0]
	p.Complete, n.Complete, n.Incomplete = false, false, why
	n.Databases[0].Complete, n.Databases[0].Incomplete = false, why
	return p
}

// counters is a small server that refuses INFO and whose keys all hold small
// integers.
func counters() fixture {
	f := databases()
	f.sets = []keySet{{pattern: "hits:<int>", typ: "string", n: 40, size: [2]float64{56, 64}, idle: [2]float64{1, 9}, examples: []string{"hits:1"}}}
	f.noInfo, f.shared, f.receipt, f.node = true, true, receiptFor(40), profile.Node{Address: "10.0.0.9:6379"}
	f.horizon, f.measure = 0, profile.IdleSinceWriteOrLocalRead
	return f
}

// refused is a server that refuses MEMORY USAGE and OBJECT.
func refused() fixture {
	f := databases()
	f.noBytes, f.noIdle = true, true
	const remedy = "ACL SETUSER prof +memory|usage"
	f.missing = []profile.Missing{
		{Measure: profile.MeasureBytes, Node: "10.0.0.7:6380", Reason: "NOPERM this user has no permissions to run the 'memory|usage' command", Remedy: remedy},
		{Measure: profile.MeasureIdle, Node: "10.0.0.7:6380", Reason: "NOPERM this user has no permissions to run the 'object|idletime' command", Remedy: "ACL SETUSER prof +object|idletime"},
	}
	f.unchecked = true
	return f
}

// incomplete is a scan that lost its connection half-way.
func incomplete() fixture {
	f := resque()
	f.incom = "connection lost: read tcp 127.0.0.1:41882->127.0.0.1:56379: i/o timeout"
	f.sets = f.sets[:3]
	f.sets[0].n = 21_000
	f.receipt = receiptFor(21_002)
	return f
}

// hostileNames try to harm a terminal, a browser, a spreadsheet and the layout.
var hostileNames = []string{
	"", " ", "  lead", "=HYPERLINK(\"http://evil\",\"x\")", "+1", "-2", "@SUM(A1)", "\tTab",
	"\x1b[31mred\x1b[0m", "\x1b]0;title\x07", "a\nb\r\nc", "\x00nul", "del\x7f", "c1\u0085\u009b31m", "ls\u2028ps\u2029",
	"bidi\u202eexe.txt\u202c", "\u2066iso\u2069", "zero\u200bwidth\u200d\ufeff", "tag\U000e0041", "filler\u3164\u115f", "vs\ufe0f\U000e0100",
	"zalgo" + strings.Repeat("\u0301", 30), "\u0301lead", "bad\xff\xfe\xc3", "日本語:" + strings.Repeat("漢字", 40), "👩\u200d👩\u200d👧:🇩🇪:👍🏽",
	"שלום:" + "\u200fx", "<script>alert(1)</script>", "a|b`c`*d*_e_[f](http://g)#h~i~", "``", "`", ":heart:@bob#1", `"quoted"`, `back\slash`,
	"(other)", strings.Repeat("long", 400), strings.Repeat("x:", 300), "null\u00a0nbsp",
}

// hostile has such names everywhere a server can put one.
func hostile() fixture {
	f := resque()
	f.sets = nil
	for i, name := range hostileNames {
		f.sets = append(f.sets, keySet{
			db: i % 2, pattern: strings.ToValidUTF8(name, "?"), typ: "string", n: 3 + i, size: [2]float64{60, 6000}, noTTL: 0.5, ttl: [2]float64{1, dy}, idle: [2]float64{1, 100 * dy},
			examples: []string{name},
		})
	}
	evil := "\x1b[2J\u202e|<b>\n" + strings.Repeat("y", 300)
	f.sets[0].typ = evil
	f.receipt.Commands = map[string]int64{evil: 1}
	f.node.Address, f.node.Version, f.node.Policy, f.label = evil, evil, evil, evil
	f.node.Engine, f.node.Role = evil, evil
	f.measure = profile.IdleMeasure(evil)
	f.warnings = []profile.Warning{{Code: evil, Scope: evil, Text: evil}}
	f.missing = []profile.Missing{{Measure: profile.Measure(evil), Node: evil, Reason: evil, Remedy: evil}}
	f.incom = evil
	f.receipt.Brakes = []profile.Brake{{Cause: evil, Count: 2, TookS: 61}, {Cause: "an RDB save started", Count: 1, TookS: 7}}
	f.receipt.PageLeast, f.receipt.PageMost, f.receipt.LatencyBudgetS = 4, 24, 0.0001
	f.receipt.ProbeRTT = &profile.ProbeRTT{
		Before: &profile.RoundTrips{Pings: 50, P50S: 0.00008, P99S: 0.00021}, During: &profile.RoundTrips{Pings: 900, P50S: 0.00009, P99S: 0.011},
	}
	f.receipt.Waits = []profile.Wait{{Cause: evil, Count: 3, TookS: 75}, {Cause: "the connection was reset", Count: 1, TookS: 0.25}}
	return f
}

// empty is a server without keys.
func empty() fixture {
	f := resque()
	f.sets, f.warnings = nil, nil
	f.receipt = profile.Receipt{Commands: map[string]int64{"hello": 1, "info": 2}, BytesOut: 90, BytesIn: 9400, Page: 50, MaxLoad: 0.25}
	return f
}
