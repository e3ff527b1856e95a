package report

import (
	"strings"
	"testing"

	"keyprof/sampler/profile"
)

// small is a profile that no rule but dominance has anything to say about.
func small() fixture {
	f := resque()
	f.node.Policy, f.node.UsedMemory, f.node.Maxmemory = "noeviction", ptr(int64(50)), ptr(int64(100))
	f.sets = []keySet{
		{pattern: "a:<int>", typ: "string", n: 60, size: [2]float64{100, 100}, noTTL: 0.5, ttl: [2]float64{60, 60}, idle: [2]float64{60, 60}, examples: []string{"a:1"}},
		{pattern: "b:<int>", typ: "string", n: 40, size: [2]float64{100, 100}, noTTL: 0.5, ttl: [2]float64{60, 60}, idle: [2]float64{60, 60}},
	}
	return f
}

// ruleTests are a rule each, small() with a change, and what the rule says.
var ruleTests = []struct {
	name   string
	rule   rule
	change func(*fixture)
	edit   func(*profile.Profile)
	want   string // "": the rule is silent
}{
	{"half of the bytes", dominance, nil, nil, "a:<int> holds 60.0 % of the keys and 60.0 % of the bytes; 50.0 % of its keys never expire."},
	{"all with a TTL", dominance, func(f *fixture) { f.sets[0].noTTL = 0 }, nil, "a:<int> holds 60.0 % of the keys and 60.0 % of the bytes; all of its keys have a TTL."},
	{"none with a TTL", dominance, func(f *fixture) { f.sets[0].noTTL = 1 }, nil, "a:<int> holds 60.0 % of the keys and 60.0 % of the bytes; none of its keys ever expires."},
	{"TTL refused", dominance, func(f *fixture) { f.noTTL = true }, nil, "a:<int> holds 60.0 % of the keys and 60.0 % of the bytes."},
	{"bytes refused", dominance, func(f *fixture) { f.noBytes = true }, nil, "a:<int> holds 60.0 % of the keys; 50.0 % of its keys never expire."},
	{"incomplete", dominance, func(f *fixture) { f.incom = "lost" }, nil, "a:<int> holds 60.0 % of the keys and 60.0 % of the bytes seen; 50.0 % of its keys never expire."},
	{"matched", dominance, nil, func(p *profile.Profile) { p.Design.Match = "*" }, "a:<int> holds 60.0 % of the keys and 60.0 % of the bytes that were matched; 50.0 % of its keys never expire."},
	{"what is left over is no namespace", dominance, func(f *fixture) { f.sets[0].other = true }, nil, ""},
	{"nothing dominates", dominance, func(f *fixture) { spreadOver(f, 5) }, nil, "No namespace holds half of the bytes. The largest 3 hold 60.0 %: ns0:<int>, ns1:<int>, ns2:<int>."},
	{"nothing dominates, but there are few", dominance, func(f *fixture) { spreadOver(f, 3) }, nil, ""},

	{"some have a TTL", expiry, nil, nil, ""},
	{"every key has a TTL", expiry, func(f *fixture) { f.sets[0].noTTL, f.sets[1].noTTL = 0, 0 }, nil, "Every key has a TTL."},
	{"every key seen has a TTL", expiry, func(f *fixture) { f.sets[0].noTTL, f.sets[1].noTTL, f.incom = 0, 0, "lost" }, nil, ""},
	{"some keys are out of reach", expiry, func(f *fixture) { f.sets[0].noTTL, f.sets[1].noTTL = 0, 0 }, func(p *profile.Profile) { p.Totals.Denied = 1 }, ""},
	{"most never expire and nothing dominates", expiry, func(f *fixture) { spreadOver(f, 5) }, nil, "100 keys (100 %) with 9.77 KiB (100 % of the bytes) never expire."},

	{"touched a minute ago", idleness, nil, nil, ""},
	{"idle for long", idleness, func(f *fixture) { f.sets[0].idle = [2]float64{40 * dy, 50 * dy} }, nil, "100 % of its bytes were last accessed more than 30d ago; none of its keys has been accessed since 2026-01-21."},
	{"idle for days", idleness, func(f *fixture) { f.sets[0].idle = [2]float64{2 * dy, 3 * dy} }, nil, "none of its keys has been accessed since 2026-02-28."},
	{"idle on a replica", idleness, func(f *fixture) {
		f.sets[0].idle, f.measure = [2]float64{2 * dy, 3 * dy}, profile.IdleSinceWriteOrLocalRead
	}, nil, "none of its keys has been written (or read on this replica) since 2026-02-28."},
	{"idle but shared integers are left out", idleness, func(f *fixture) { f.sets[0].idle = [2]float64{2 * dy, 3 * dy} }, func(p *profile.Profile) { p.Namespaces[0].Idle.IdleS.Count-- }, ""},
	{"threshold beyond the horizon", idleness, func(f *fixture) { f.sets[0].idle, f.horizon = [2]float64{60, 20 * dy}, 20*dy }, nil, ""},
	{"idle refused", idleness, func(f *fixture) { f.noIdle = true }, nil, ""},

	{"half full", limit, nil, nil, ""},
	{"no limit", limit, func(f *fixture) { f.node.Maxmemory = ptr(int64(0)) }, nil, ""},
	{"limit not known", limit, func(f *fixture) { f.node.Maxmemory = nil }, nil, ""},
	{"nearly full", limit, func(f *fixture) { f.node.UsedMemory = ptr(int64(95)) }, nil, "Memory is at 95.0 % of maxmemory; at 100 % noeviction refuses writes."},
	{"nearly full, evicting", limit, func(f *fixture) { f.node.UsedMemory, f.node.Policy = ptr(int64(95)), "allkeys-lru" }, nil, "Memory is at 95.0 % of maxmemory; at 100 % allkeys-lru evicts keys."},
	{"nearly full, on a replica", limit, func(f *fixture) { f.node.UsedMemory, f.node.Role = ptr(int64(95)), profile.RoleReplica }, nil, "Memory is at 95.0 % of maxmemory; at 100 % noeviction refuses writes (as this replica is set; the settings of its primary decide)."},
	{"several nodes", limit, func(f *fixture) { f.node.UsedMemory = ptr(int64(95)) }, func(p *profile.Profile) { p.Nodes = append(p.Nodes, p.Nodes[0]) }, ""},

	{"another policy", evictable, func(f *fixture) { f.sets[0].noTTL, f.sets[1].noTTL = 1, 1 }, nil, ""},
	{"enough to evict", evictable, func(f *fixture) { f.node.Policy = "volatile-lru" }, nil, ""},
	{
		"little to evict", evictable, func(f *fixture) { f.node.Policy, f.sets[0].noTTL, f.sets[1].noTTL = "volatile-ttl", 1, 0.9 }, nil,
		"volatile-ttl can evict only keys that have a TTL: 4 keys (4.0 %) with 400 B (4.0 % of the bytes). Once they are gone, a full server refuses writes.",
	},
	{
		"nothing to evict", evictable, func(f *fixture) { f.node.Policy, f.sets[0].noTTL, f.sets[1].noTTL = "volatile-lru", 1, 1 }, nil,
		"volatile-lru can evict only keys that have a TTL, and there are none: a full server refuses writes.",
	},
	{"little to evict, but no limit", evictable, func(f *fixture) {
		f.node.Policy, f.node.Maxmemory, f.sets[0].noTTL, f.sets[1].noTTL = "volatile-ttl", ptr(int64(0)), 1, 1
	}, nil, ""},
	{"little to evict so far", evictable, func(f *fixture) {
		f.node.Policy, f.incom, f.sets[0].noTTL, f.sets[1].noTTL = "volatile-ttl", "lost", 1, 1
	}, nil, ""},

	{"no key stands out", oneKey, nil, nil, `No single key is the problem: the largest, "a:1" (string, 100 B), holds 1.0 % of the bytes.`},
	{"no key seen stands out", oneKey, func(f *fixture) { f.incom = "lost" }, nil, ""},
	{
		"one key is half of it", oneKey, func(f *fixture) { f.sets[0].n, f.sets[0].size, f.sets[0].typ = 1, [2]float64{4000, 4000}, "list" }, nil,
		`One key alone, "a:1" (list, 3.91 KiB by the server's estimate), holds 50.0 % of the bytes.`,
	},
	{"one key is a part of it", oneKey, func(f *fixture) { f.sets[0].n, f.sets[0].size = 1, [2]float64{700, 700} }, nil, ""},
	{"type refused", oneKey, nil, func(p *profile.Profile) { p.Largest[0].Type = "" }, `No single key is the problem: the largest, "a:1" (100 B by the server's estimate), holds 1.0 % of the bytes.`},

	{"one other", innocence, nil, nil, "The one other namespace holds 40.0 % of the bytes."},
	{"others seen", innocence, func(f *fixture) { f.incom = "lost" }, nil, ""},
	{"nothing to clear", innocence, func(f *fixture) { spreadOver(f, 5) }, nil, ""},
}

func TestRules(t *testing.T) {
	for _, tt := range ruleTests {
		f := small()
		if tt.change != nil {
			tt.change(&f)
		}
		p := f.build()
		if tt.edit != nil {
			tt.edit(p)
		}
		var got string
		if l, ok := tt.rule(newView(p, Options{}.withDefaults())); ok {
			got = l.String()
		}
		if got != tt.want {
			t.Errorf("%s:\n got %q\nwant %q", tt.name, got, tt.want)
		}
	}
}

// spreadOver gives f n namespaces of the same size.
func spreadOver(f *fixture, n int) {
	f.sets = nil
	for i := range n {
		f.sets = append(f.sets, keySet{pattern: "ns" + dbNumber(i) + ":<int>", typ: "string", n: 100 / n, size: [2]float64{100, 100}, noTTL: 1})
	}
}

func TestHeadlinesAreAboutTheWhole(t *testing.T) {
	v := newView(small().build(), Options{Under: "a"}.withDefaults())
	if lines := headlines(v); len(lines) > 0 {
		t.Errorf("got %d headlines for a part of the keyspace, want none", len(lines))
	}
}

func TestCrossCheck(t *testing.T) {
	keyspace := func(keys, expires int64) *profile.Keyspace { return &profile.Keyspace{Keys: keys, Expires: expires} }
	tests := []struct {
		name     string
		db       profile.Database
		match    string
		vanished int64
		want     verdict
	}{
		{"same", profile.Database{NoTTLKeys: ptr(int64(60)), Before: keyspace(100, 40), After: keyspace(100, 40), Returned: 100}, "", 0, exact},
		{"same though keys with a TTL came and went", profile.Database{NoTTLKeys: ptr(int64(60)), Before: keyspace(100, 40), After: keyspace(90, 30), Returned: 95}, "", 0, exact},
		{"between before and after", profile.Database{NoTTLKeys: ptr(int64(63)), Before: keyspace(100, 40), After: keyspace(105, 40), Returned: 103}, "", 0, explained},
		{"no more than vanished", profile.Database{NoTTLKeys: ptr(int64(58)), Before: keyspace(100, 40), After: keyspace(100, 40), Returned: 100}, "", 2, explained},
		{"no more than repeats", profile.Database{NoTTLKeys: ptr(int64(62)), Before: keyspace(100, 40), After: keyspace(100, 40), Returned: 102}, "", 0, explained},
		{"too many", profile.Database{NoTTLKeys: ptr(int64(63)), Before: keyspace(100, 40), After: keyspace(100, 40), Returned: 100}, "", 2, unexplained},
		{"too few", profile.Database{NoTTLKeys: ptr(int64(40)), Before: keyspace(100, 40), After: keyspace(105, 40), Returned: 100}, "", 0, unexplained},
		{"not read again", profile.Database{NoTTLKeys: ptr(int64(60)), Before: keyspace(100, 40), Returned: 100}, "", 0, unchecked},
		{"a part only", profile.Database{NoTTLKeys: ptr(int64(60)), Before: keyspace(100, 40), After: keyspace(100, 40)}, "a*", 0, unchecked},
	}
	for _, tt := range tests {
		tt.db.Complete = true
		p := &profile.Profile{Complete: true, Design: profile.Design{Match: tt.match}, Namespaces: []profile.Namespace{{Stats: profile.Stats{Vanished: tt.vanished}}}}
		if got := crossCheck(p, &tt.db); got.verdict != tt.want {
			t.Errorf("%s: got verdict %d, want %d", tt.name, got.verdict, tt.want)
		}
	}
}

func TestBelow(t *testing.T) {
	tests := []struct {
		pattern, under string
		want           bool
	}{
		{"user:<int>", "", true},
		{"user:<int>", "user", true},
		{"user-agent", "user", true},
		{"user", "user", true},
		{"user:<int>", "user:", true},
		{"user:<int>", "user:<", true},
		{"username:<rand>", "user", false},
		{"user_name:<rand>", "user", false},
		{"users", "user", false},
		{"süß:<int>", "s", false},
		{"other", "user", false},
		{"use", "user", false},
	}
	for _, tt := range tests {
		if got := below(tt.pattern, tt.under); got != tt.want {
			t.Errorf("below(%q, %q) = %v", tt.pattern, tt.under, got)
		}
	}
}

// TestSorts checks orders, also when what they need was not measured.
func TestSorts(t *testing.T) {
	tests := []struct {
		profile string
		sort    Sort
		label   string
		first   string
	}{
		{"databases", SortBytes, "bytes", "user:<int>:profile"},
		{"gitlab", SortKeys, "keys", "cache:gitlab:projects:<int>:part_part_part_:<hex62>"},
		{"databases", SortIdleBytes, "high-idle bytes", "user:<int>:profile"},
		{"gitlab", SortIdleBytes, "bytes", "cache:gitlab:projects:<int>:part_part_part_:<hex62>"},
		{"refused", SortBytes, "keys", "user:<int>:profile"},
		{"refused", SortNoTTLBytes, "keys that never expire", "user:<int>:profile"},
		{"tickets", SortNoTTLBytes, "bytes that never expire", "<ts>:cust-<int>:<rand>"},
	}
	for _, tt := range tests {
		v := newView(cases()[tt.profile], Options{Sort: tt.sort}.withDefaults())
		if v.order.label != tt.label || v.chosen[0].Pattern != tt.first {
			t.Errorf("%s: got %s first by %s, want %s by %s", tt.sort, v.chosen[0].Pattern, v.order.label, tt.first, tt.label)
		}
	}
}

// TestMarkdownTables checks that no name breaks out of its cell.
func TestMarkdownTables(t *testing.T) {
	got := write(t, cases()["hostile"], Options{Format: Markdown, Top: -1})
	columns := 0
	for line := range strings.SplitSeq(got, "\n") {
		if !strings.HasPrefix(line, "|") {
			columns = 0
			continue
		}
		n := strings.Count(strings.ReplaceAll(line, `\|`, ""), "|")
		if columns != 0 && n != columns {
			t.Errorf("%d cells in a table of %d: %s", n-1, columns-1, line)
		}
		columns = n
	}
}
