package report

import (
	"strings"
	"testing"

	"keyprof/sampler/profile"
)

// TestExtent: which sentences may speak of the whole, and what others say.
func TestExtent(t *testing.T) {
	tests := []struct {
		name   string
		change func(*fixture)
		edit   func(*profile.Profile)
		word   string
	}{
		{"whole", nil, nil, ""},
		{"vanished", func(f *fixture) { f.vanished = 3 }, nil, ""},
		{"incomplete", func(f *fixture) { f.incom = "lost" }, nil, " scanned"},
		{"match", func(f *fixture) { f.match = "a*" }, nil, " matched"},
		{"match, incomplete", func(f *fixture) { f.match, f.incom = "a*", "lost" }, nil, " scanned"},
		{"denied", func(f *fixture) { f.denied = 1 }, nil, " measured"},
		{"failed", nil, func(p *profile.Profile) { p.Totals.Failed = 1 }, " measured"},
		{"name too long", nil, func(p *profile.Profile) { p.Totals.TooLong = 1 }, " measured"},
		{"moved", nil, func(p *profile.Profile) { p.Totals.Moved = 1 }, ""},
		{"denied, match", func(f *fixture) { f.denied, f.match = 1, "a*" }, nil, " measured"},
		{"another database", nil, elsewhere("keys=1,expires=0"), " scanned"},
		{"another database, match", func(f *fixture) { f.match = "a*" }, elsewhere("keys=1,expires=0"), " scanned"},
		{"another database is empty", nil, elsewhere("keys=0,expires=0"), ""},
		{"another database makes no sense", nil, elsewhere("keys=-1,expires=99999999999999999999"), ""},
		{"INFO refused", func(f *fixture) { f.noInfo = true }, nil, " scanned"},
		{"INFO without keyspace", nil, func(p *profile.Profile) { delete(p.Nodes[0].Info, "keyspace") }, " scanned"},
		{"the second node tells nothing", nil, func(p *profile.Profile) { p.Nodes = append(p.Nodes, profile.Node{}) }, " scanned"},
		{"no node", nil, func(p *profile.Profile) { p.Nodes = nil }, " scanned"},
	}
	for _, tt := range tests {
		p := changed(small(), tt.change, tt.edit)
		if e := extentOf(p); e.word() != tt.word || e.whole() != (tt.word == "") {
			t.Errorf("%s: word %q, whole %v; want %q", tt.name, e.word(), e.whole(), tt.word)
		}
	}
}

func changed(f fixture, change func(*fixture), edit func(*profile.Profile)) *profile.Profile {
	if change != nil {
		change(&f)
	}
	p := f.build()
	if edit != nil {
		edit(p)
	}
	return p
}

func TestHeader(t *testing.T) {
	tests := []struct {
		name, label string
		change      func(*fixture)
		edit        func(*profile.Profile)
		want        string
	}{
		{"complete", "coverage", nil, nil, "complete: full scan of 100 keys in 2m14s"},
		{"gone", "coverage", func(f *fixture) { f.vanished = 1 }, nil, "complete: full scan of 101 keys, 100 of them measured (1 vanished), in 2m14s"},
		{"denied", "coverage", func(f *fixture) { f.denied = 6 }, nil, "all keys were scanned, but some could not be measured: full scan of 106 keys, 100 of them measured (6 denied by ACL), in 2m14s"},
		{"match", "coverage", func(f *fixture) { f.match = "*" }, nil, "complete: full scan of 100 keys that match in 2m14s"},
		{"incomplete", "coverage", func(f *fixture) { f.incom = "lost" }, nil, "INCOMPLETE: localhost:56379: lost; db0 after 100 of about 200 keys (50.0 %). Figures cover the 100 keys measured."},
		{"denied is incomplete", "coverage", func(f *fixture) { f.denied = 600 }, func(p *profile.Profile) { deniedWalk(p) }, "INCOMPLETE: localhost:56379: 600 keys of db0 were denied by the user's ACL key patterns. Figures cover the 100 keys measured, of 700 scanned (600 denied by ACL)."},

		{"a pattern", "match", func(f *fixture) { f.match = "a*\x1b" }, nil, `only keys that match a*\x1b`},
		{"no pattern", "match", nil, nil, ""},

		{"all databases", "databases", nil, nil, "db0 (100 keys by INFO)"},
		{"one of two", "databases", nil, elsewhere("keys=50,expires=0"), "only db0 (100 of 150 keys by INFO) of db0, db9"},
		{"not told", "databases", func(f *fixture) { f.noInfo = true }, nil, "db0; INFO does not list the other databases"},

		{"long enough", "load", nil, nil, "at most 21.6 % of the server's main thread (--max-load 25%)"},
		{"too short", "load", func(f *fixture) { f.receipt.ElapsedS, f.receipt.MainThreadS = 0.2, 0.095 }, nil, "run too short to measure its load: at most 95ms of the server's main thread"},
	}
	for _, tt := range tests {
		_, facts := header(newView(changed(small(), tt.change, tt.edit), Options{}.withDefaults()))
		got := ""
		for _, f := range facts {
			if f.label == tt.label {
				got = f.line.String()
			}
		}
		if got != tt.want {
			t.Errorf("%s:\n got %q\nwant %q", tt.name, got, tt.want)
		}
	}
}

func TestHorizonText(t *testing.T) {
	tests := []struct {
		name   string
		change func(*fixture)
		edit   func(*profile.Profile)
		want   string
	}{
		{"the clock wraps", nil, nil, "idle times over 194d cannot be measured, as the server's LRU clock wraps around there"},
		{"up for little", func(f *fixture) { f.horizon, f.node.UptimeS = 9*dy, ptr(int64(9*dy-4)) }, nil, "idle times over 9d cannot be measured, as the server has not been up for longer"},
		{"nobody knows why", func(f *fixture) { f.horizon, f.node.UptimeS = 9*dy, nil }, nil, "idle times over 9d cannot be measured"},
		{"not known", nil, func(p *profile.Profile) { p.Nodes[0].IdleHorizonS, p.Totals.Idle.HorizonS = nil, 0 }, "the longest idle time that the server can report is unknown, as INFO has no uptime"},
		{"a second off", func(f *fixture) { f.horizon, f.node.UptimeS = 59, ptr(int64(59)) }, nil, "idle times over 59s cannot be measured, as the server has not been up for longer"},
		{
			"exceeded", func(f *fixture) {
				f.horizon, f.node.UptimeS, f.sets[1].idle = 9*dy, ptr(int64(9*dy)), [2]float64{85 * dy, 85 * dy}
			}, nil,
			"this server cannot have measured idle times over 9d, as the server has not been up for longer, yet it reports up to 85d: they were loaded from an RDB file saved under an LRU policy, " +
				"or are left over from an LFU policy that was switched off at run time and are meaningless",
		},
	}
	for _, tt := range tests {
		p := changed(small(), tt.change, tt.edit)
		if got := horizonOf(p).text(p); got != tt.want {
			t.Errorf("%s:\n got %q\nwant %q", tt.name, got, tt.want)
		}
	}
}

// TestSections checks sentences of the sections by what the profile covers.
func TestSections(t *testing.T) {
	tests := []struct {
		name   string
		change func(*fixture)
		edit   func(*profile.Profile)
		o      Options
		want   string
	}{
		{"every key", allExpire, nil, Options{}, "None: every key has a TTL."},
		{"every key scanned", allExpire, elsewhere("keys=1"), Options{}, "None: every key scanned has a TTL."},
		{"every key measured", func(f *fixture) { allExpire(f); f.denied = 2 }, nil, Options{}, "None: every key measured has a TTL."},
		{"every key below a prefix", allExpire, nil, Options{Under: "a"}, "None: every key there has a TTL."},
		{"a share of those matched", func(f *fixture) { f.match = "*" }, nil, Options{}, "50 keys (50.0 % of those matched) with 4.88 KiB (50.0 % of the bytes) have no TTL:"},
		{"one key", func(f *fixture) { f.sets[0].n, f.sets[0].noTTL, f.sets[1].noTTL = 1, 1, 0 }, nil, Options{}, "1 key (2.4 %) with 100 B (2.4 % of the bytes) has no TTL:"},
		{"none idle", nil, nil, Options{}, "None.\n"},
		{"none idle of those scanned", func(f *fixture) { f.incom = "lost" }, nil, Options{}, "None among the keys scanned.\n"},
		{"one shared integer", nil, func(p *profile.Profile) { p.Totals.Idle.SharedKeys = 1 }, Options{}, "The idle time of 1 key is left out:"},
		{"shared integers", nil, func(p *profile.Profile) { p.Totals.Idle.SharedKeys = 21 }, Options{}, "The idle times of 21 keys are left out:"},
		{"all are shared integers", func(f *fixture) { f.shared = true }, nil, Options{}, "Bytes by idle time\n  No key has a known idle time. The idle times of 100 keys are left out:"},
		{"one gone", func(f *fixture) { f.vanished, f.denied = 1, 1 }, nil, Options{}, "in any figure: 1 vanished before being measured, 1 is outside the user's ACL"},
		{"moved", nil, func(p *profile.Profile) { p.Totals.Moved, p.Totals.TooLong = 2, 1 }, Options{}, "in any figure: 2 belong to another cluster node, 1 has a name too long to request."},
		{"stalled", nil, func(p *profile.Profile) { p.Totals.Stalled = 2 }, Options{}, "2 keys stalled the server: figures that it did not return in time are missing."},
		{"empty database", func(f *fixture) { f.sets = nil }, elsewhere("keys=1"), Options{}, "No keys in the scanned databases."},
	}
	for _, tt := range tests {
		tt.o.Width = 400
		got := write(t, changed(small(), tt.change, tt.edit), tt.o)
		if !strings.Contains(got, tt.want) {
			t.Errorf("%s: %q is not in\n%s", tt.name, tt.want, got)
		}
	}
}

func allExpire(f *fixture) { f.sets[0].noTTL, f.sets[1].noTTL = 0, 0 }
