package report

import (
	"slices"
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
	rule   finder
	change func(*fixture)
	edit   func(*profile.Profile)
	want   string // "": the rule is silent
}{
	{"half of the bytes", dominance, nil, nil, "a:<int> holds 60.0 % of the keys and 60.0 % of the bytes; 50.0 % of its keys have no TTL."},
	{"all with a TTL", dominance, func(f *fixture) { f.sets[0].noTTL = 0 }, nil, "a:<int> holds 60.0 % of the keys and 60.0 % of the bytes; all of its keys have a TTL."},
	{"none with a TTL", dominance, func(f *fixture) { f.sets[0].noTTL = 1 }, nil, "a:<int> holds 60.0 % of the keys and 60.0 % of the bytes; none of its keys has a TTL."},
	{"TTL refused", dominance, func(f *fixture) { f.noTTL = true }, nil, "a:<int> holds 60.0 % of the keys and 60.0 % of the bytes."},
	{"bytes refused", dominance, func(f *fixture) { f.noBytes = true }, nil, "a:<int> holds 60.0 % of the keys; 50.0 % of its keys have no TTL."},
	{"incomplete", dominance, func(f *fixture) { f.incom = "lost" }, nil, "a:<int> holds 60.0 % of the keys and 60.0 % of the bytes scanned; 50.0 % of its keys have no TTL."},
	{"matched", dominance, nil, func(p *profile.Profile) { p.Design.Match = "*" }, "a:<int> holds 60.0 % of the keys and 60.0 % of the bytes matched; 50.0 % of its keys have no TTL."},
	{"what is left over is no namespace", dominance, func(f *fixture) { f.sets[0].other = true }, nil, ""},
	{"nothing dominates", dominance, func(f *fixture) { spreadOver(f, 5) }, nil, "No namespace holds half of the bytes; the largest 3 hold 60.0 %: ns0:<int>, ns1:<int>, ns2:<int>."},
	{"nothing dominates, but there are few", dominance, func(f *fixture) { spreadOver(f, 3) }, nil, ""},

	{"one key is all", dominance, func(f *fixture) { f.sets[0].n, f.sets[0].size, f.sets[0].noTTL = 1, [2]float64{6000, 6000}, 1 }, nil, "a:<int> holds 2.4 % of the keys and 60.0 % of the bytes; its one key has no TTL."},
	{"one of several databases", dominance, nil, elsewhere("keys=1"), "a:<int> holds 60.0 % of the keys and 60.0 % of the bytes scanned; 50.0 % of its keys have no TTL."},
	{"some keys are denied", dominance, func(f *fixture) { f.denied = 1 }, nil, "a:<int> holds 60.0 % of the keys and 60.0 % of the bytes measured; 50.0 % of its keys have no TTL."},

	{"some have a TTL", expiry, nil, nil, ""},
	{"every key has a TTL", expiry, func(f *fixture) { f.sets[0].noTTL, f.sets[1].noTTL = 0, 0 }, nil, "Every key has a TTL."},
	{"every key seen has a TTL", expiry, func(f *fixture) { f.sets[0].noTTL, f.sets[1].noTTL, f.incom = 0, 0, "lost" }, nil, ""},
	{"every key matched has a TTL", expiry, func(f *fixture) { f.sets[0].noTTL, f.sets[1].noTTL, f.match = 0, 0, "*" }, nil, ""},
	{"every key of one database has a TTL", expiry, func(f *fixture) { f.sets[0].noTTL, f.sets[1].noTTL = 0, 0 }, elsewhere("keys=1"), ""},
	{"some keys are out of reach", expiry, func(f *fixture) { f.sets[0].noTTL, f.sets[1].noTTL = 0, 0 }, func(p *profile.Profile) { p.Totals.Denied = 1 }, ""},
	{"most never expire and nothing dominates", expiry, func(f *fixture) { spreadOver(f, 5) }, nil, "100 keys (100 %) with 9.77 KiB (100 % of the bytes) have no TTL."},

	{"touched a minute ago", idleness, nil, nil, ""},
	{"idle for long", idleness, func(f *fixture) { f.sets[0].idle = [2]float64{40 * dy, 50 * dy} }, nil, "100 % of its bytes were last accessed more than 30d ago; none of its keys has been accessed since 2026-01-21."},
	{"idle for days", idleness, func(f *fixture) { f.sets[0].idle = [2]float64{2 * dy, 3 * dy} }, nil, "None of its keys has been accessed since 2026-02-28."},
	{"idle on a replica", idleness, func(f *fixture) {
		f.sets[0].idle, f.measure = [2]float64{2 * dy, 3 * dy}, profile.IdleSinceWriteOrLocalRead
	}, nil, "None of its keys has been written (or read on this replica) since 2026-02-28."},
	{"idle but shared integers are left out", idleness, func(f *fixture) { f.sets[0].idle = [2]float64{2 * dy, 3 * dy} }, func(p *profile.Profile) { p.Namespaces[0].Idle.IdleS.Count-- }, ""},
	{"threshold beyond the horizon", idleness, func(f *fixture) { f.sets[0].idle, f.horizon = [2]float64{60, 20 * dy}, 20*dy }, nil, ""},
	{"idle for longer than the server is up", idleness, func(f *fixture) { f.sets[0].idle, f.horizon = [2]float64{40 * dy, 85 * dy}, 9*dy }, nil, ""},
	{"another namespace was idle for longer", idleness, func(f *fixture) {
		f.sets[0].idle, f.sets[1].idle, f.horizon = [2]float64{40 * dy, 50 * dy}, [2]float64{85 * dy, 85 * dy}, 60*dy
	}, nil, ""},
	{"the node says that it saw more", idleness, func(f *fixture) { f.sets[0].idle, f.horizon = [2]float64{40 * dy, 50 * dy}, 60*dy }, func(p *profile.Profile) { *p.Nodes[0].LargestIdleS = 61 * dy }, ""},
	{"how long the server is up is not known", idleness, func(f *fixture) { f.sets[0].idle = [2]float64{40 * dy, 50 * dy} }, func(p *profile.Profile) { p.Nodes[0].IdleHorizonS = nil }, ""},
	{"its one key is idle", idleness, func(f *fixture) {
		f.sets[0].n, f.sets[0].size, f.sets[0].idle = 1, [2]float64{6000, 6000}, [2]float64{2 * dy, 2 * dy}
	}, nil, "Its one key has not been accessed since 2026-02-28."},
	{"idle refused", idleness, func(f *fixture) { f.noIdle = true }, nil, ""},

	{"half full", limit, nil, nil, ""},
	{"no limit", limit, func(f *fixture) { f.node.Maxmemory = ptr(int64(0)) }, nil, ""},
	{"limit not known", limit, func(f *fixture) { f.node.Maxmemory = nil }, nil, ""},
	{"nearly full", limit, func(f *fixture) { f.node.UsedMemory = ptr(int64(95)) }, nil, "Memory is at 95.0 % of maxmemory; at 100 %, writes fail (noeviction)."},
	{"nearly full, evicting", limit, func(f *fixture) { f.node.UsedMemory, f.node.Policy = ptr(int64(95)), "allkeys-lru" }, nil, "Memory is at 95.0 % of maxmemory; at 100 %, allkeys-lru evicts keys."},
	{"nearly full, on a replica", limit, func(f *fixture) { f.node.UsedMemory, f.node.Role = ptr(int64(95)), profile.RoleReplica }, nil, "Memory is at 95.0 % of maxmemory; at 100 %, writes fail (noeviction) (by this replica's settings; those of its primary decide)."},
	{"several nodes", limit, func(f *fixture) { f.node.UsedMemory = ptr(int64(95)) }, func(p *profile.Profile) { p.Nodes = append(p.Nodes, p.Nodes[0]) }, ""},

	{"another policy", evictable, func(f *fixture) { f.sets[0].noTTL, f.sets[1].noTTL = 1, 1 }, nil, ""},
	{"enough to evict", evictable, func(f *fixture) { f.node.Policy = "volatile-lru" }, nil, ""},
	{
		"little to evict", evictable, func(f *fixture) { f.node.Policy, f.sets[0].noTTL, f.sets[1].noTTL = "volatile-ttl", 1, 0.9 }, nil,
		"volatile-ttl can evict only keys that have a TTL: 4 keys (4.0 %) with 400 B (4.0 % of the bytes); once they are gone, writes fail when memory is full.",
	},
	{
		"nothing to evict", evictable, func(f *fixture) { f.node.Policy, f.sets[0].noTTL, f.sets[1].noTTL = "volatile-lru", 1, 1 }, nil,
		"volatile-lru can evict only keys that have a TTL, and there are none: writes fail when memory is full.",
	},
	{"little to evict, but no limit", evictable, func(f *fixture) {
		f.node.Policy, f.node.Maxmemory, f.sets[0].noTTL, f.sets[1].noTTL = "volatile-ttl", ptr(int64(0)), 1, 1
	}, nil, ""},
	{"little to evict so far", evictable, func(f *fixture) {
		f.node.Policy, f.incom, f.sets[0].noTTL, f.sets[1].noTTL = "volatile-ttl", "lost", 1, 1
	}, nil, "volatile-ttl can evict only keys that have a TTL, and there are none: writes fail when memory is full."},
	{"little to evict, by INFO as only some keys were matched", evictable, func(f *fixture) { f.node.Policy, f.match = "volatile-lru", "a*" }, elsewhere("keys=900,expires=8"), "volatile-lru can evict only keys that have a TTL: 58 of 1,000 keys (5.8 %) by INFO; once they are gone, writes fail when memory is full."},
	{"enough to evict in a database that was not walked", evictable, func(f *fixture) { f.node.Policy, f.sets[0].noTTL, f.sets[1].noTTL = "volatile-lru", 1, 1 }, elsewhere("keys=900,expires=800"), ""},
	{"one key to evict in a database that was not walked", evictable, func(f *fixture) { f.node.Policy, f.sets[0].noTTL, f.sets[1].noTTL = "volatile-lru", 1, 1 }, elsewhere("keys=900,expires=1"), "volatile-lru can evict only keys that have a TTL: 1 of 1,000 keys (0.1 %) by INFO; once it is gone, writes fail when memory is full."},
	{"some keys are denied", evictable, func(f *fixture) { f.node.Policy, f.denied = "volatile-lru", 400 }, nil, "volatile-lru can evict only keys that have a TTL: 50 of 500 keys (10.0 %) by INFO; once they are gone, writes fail when memory is full."},
	{"INFO does not tell of databases", evictable, func(f *fixture) { f.node.Policy, f.sets[0].noTTL, f.sets[1].noTTL = "volatile-lru", 1, 1 }, func(p *profile.Profile) { delete(p.Nodes[0].Info, "keyspace") }, ""},

	{"half of it holds all", another, nil, nil, ""},
	{"another never expires", another, func(f *fixture) { f.sets[1].noTTL = 1 }, nil, "b:<int>: none of its 40 keys has a TTL."},
	{"another mostly never expires", another, func(f *fixture) { f.sets[1].noTTL, f.sets[1].db = 0.9, 2 }, nil, "b:<int> in db2: 90.0 % of its 40 keys have no TTL."},
	{"another of few bytes and many keys", another, func(f *fixture) { f.sets[1].noTTL, f.sets[1].size = 0.9, [2]float64{1, 1} }, nil, "b:<int>: 90.0 % of its 40 keys have no TTL."},
	{"another is small", another, func(f *fixture) { f.sets[1].noTTL, f.sets[1].n = 1, 10 }, nil, ""},
	{"another is one key", another, func(f *fixture) { f.sets[1].noTTL, f.sets[1].n, f.sets[1].size = 1, 1, [2]float64{4000, 4000} }, nil, ""},
	{"another, TTL refused", another, func(f *fixture) { f.noTTL = true }, nil, ""},

	{"no key stands out", lightKeys, nil, nil, `No single key is the problem: the largest, "a:1" (string, 100 B), holds 1.0 % of the bytes.`},
	{"no key seen stands out", lightKeys, func(f *fixture) { f.incom = "lost" }, nil, ""},
	{
		"one key is half of it", heavyKey, func(f *fixture) { f.sets[0].n, f.sets[0].size, f.sets[0].typ = 1, [2]float64{4000, 4000}, "list" }, nil,
		`A single key, "a:1" (list, 3.91 KiB by the server's estimate), holds 50.0 % of the bytes.`,
	},
	{"one key is a part of it", lightKeys, func(f *fixture) { f.sets[0].n, f.sets[0].size = 1, [2]float64{700, 700} }, nil, ""},
	{"type refused", lightKeys, nil, func(p *profile.Profile) { p.Largest[0].Type = "" }, `No single key is the problem: the largest, "a:1" (100 B, type unknown), holds 1.0 % of the bytes.`},

	{"one other", otherNamespaces, nil, nil, "The one other namespace holds 40.0 % of the bytes."},
	{"the other never expires", otherNamespaces, func(f *fixture) { f.sets[1].noTTL = 1 }, nil, ""},
	{"two others", otherNamespaces, func(f *fixture) {
		f.sets = append(f.sets, keySet{pattern: "c", typ: "string", n: 1, size: [2]float64{100, 100}})
	}, nil, "The 2 other namespaces together hold 40.6 % of the bytes."},
	{"others matched", otherNamespaces, func(f *fixture) { f.match = "*" }, nil, ""},
	{"others in one database", otherNamespaces, nil, elsewhere("keys=1"), ""},
	{"others seen", otherNamespaces, func(f *fixture) { f.incom = "lost" }, nil, ""},
	{"nothing to clear", otherNamespaces, func(f *fixture) { spreadOver(f, 5) }, nil, ""},
}

// elsewhere adds a database to INFO that was not scanned.
func elsewhere(keyspace string) func(*profile.Profile) {
	return func(p *profile.Profile) { p.Nodes[0].Info["keyspace"]["db9"] = keyspace }
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

// TestHeadlinesAreFew makes more rules speak than a person would read.
func TestHeadlinesAreFew(t *testing.T) {
	f := small()
	f.node.Policy, f.node.UsedMemory = "volatile-lru", ptr(int64(99))
	f.sets[0].idle, f.sets[0].noTTL, f.sets[1].noTTL = [2]float64{40 * dy, 50 * dy}, 1, 1
	heavy := f
	heavy.sets = append(slices.Clone(f.sets), keySet{pattern: "c", typ: "set", n: 1, size: [2]float64{100, 100}, noTTL: 1})
	heavy.sets[0].n, heavy.sets[0].size = 1, [2]float64{9000, 9000}
	tests := []struct {
		name string
		f    fixture
		want []string // how the sentences begin
	}{
		{"innocence goes first", f, []string{"a:<int> holds", "100 % of its", "b:<int>:", "Memory is", "volatile-lru can"}},
		{"idleness gives way to a single key", heavy, []string{"a:<int> holds", "b:<int>:", "Memory is", "volatile-lru can", "A single key"}},
	}
	for _, tt := range tests {
		lines := headlines(newView(tt.f.build(), Options{}.withDefaults()))
		if len(lines) != len(tt.want) {
			t.Errorf("%s: %d lines, want %d", tt.name, len(lines), len(tt.want))
		}
		for i, l := range lines[:min(len(lines), len(tt.want))] {
			if !strings.HasPrefix(l.String(), tt.want[i]) {
				t.Errorf("%s: %q, want %q", tt.name, l.String(), tt.want[i])
			}
		}
	}
}

// TestRulesThatStay: they all fit.
func TestRulesThatStay(t *testing.T) {
	n := 0
	for _, r := range rules {
		if r.dropPriority == 0 {
			n++
		}
	}
	if n > maxHeadlines {
		t.Errorf("%d rules never give way, want at most %d", n, maxHeadlines)
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
		if got := Below(tt.pattern, tt.under); got != tt.want {
			t.Errorf("Below(%q, %q) = %v", tt.pattern, tt.under, got)
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
		{"refused", SortNoTTLBytes, "keys without a TTL", "user:<int>:profile"},
		{"tickets", SortNoTTLBytes, "bytes without a TTL", "<ts>:cust-<int>:<rand>"},
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
