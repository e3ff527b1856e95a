package report

import (
	"testing"

	"keyprof/sampler/profile"
)

func keyspace(keys, expires int64) *profile.Keyspace {
	return &profile.Keyspace{Keys: keys, Expires: expires}
}

func TestCrossCheck(t *testing.T) {
	same := profile.Database{Before: keyspace(100, 40), After: keyspace(100, 40), Returned: 100, Complete: true}
	with := func(db profile.Database, counted int64) profile.Database {
		db.NoTTLKeys = &counted
		return db
	}
	grown, shrunk, repeated, denied, cut, unread := same, same, same, same, same, same
	grown.After, shrunk.After, repeated.Returned = keyspace(105, 40), keyspace(90, 30), 102
	denied.Complete, cut.Complete, cut.Cursor, unread.After = false, false, "17", nil
	tests := []struct {
		name  string
		db    profile.Database
		match string
		stats profile.Stats
		want  string
	}{
		{"same", with(same, 60), "", profile.Stats{}, "60 counted; INFO had the same count before and after: exact."},
		{"same though keys with a TTL came and went", with(shrunk, 60), "", profile.Stats{}, "60 counted; INFO had the same count before and after: exact."},
		{"between before and after", with(grown, 63), "", profile.Stats{}, "63 counted; INFO had 60 before and 65 after: keys changed during the scan."},
		{"no more than vanished", with(same, 58), "", profile.Stats{Vanished: 1, Expired: 1}, "58 counted + 2 vanished = at most 60; INFO had 60 before and after: keys changed during the scan."},
		{"no more than repeats", with(repeated, 62), "", profile.Stats{}, "62 counted; INFO had 60 before and after: keys changed during the scan."},
		{"too many", with(same, 63), "", profile.Stats{Vanished: 2}, "63 counted + 2 vanished = at most 65; INFO had 60 before and after: the difference is unexplained."},
		{"too few", with(grown, 40), "", profile.Stats{}, "40 counted; INFO had 60 before and 65 after: the difference is unexplained."},
		{"denied keys leave it open", with(denied, 24), "", profile.Stats{Vanished: 1, Denied: 40, Failed: 2}, "24 counted + 1 vanished + 42 not measured = at most 67; INFO had 60 before and after: consistent, but not proven, as some keys were not measured."},
		{"denied keys are not enough", with(denied, 4), "", profile.Stats{Denied: 40}, "4 counted + 40 not measured = at most 44; INFO had 60 before and after: the difference is unexplained."},
		{"more than there are although keys are denied", with(denied, 61), "", profile.Stats{Denied: 3}, "61 counted + 3 not measured = at most 64; INFO had 60 before and after: the difference is unexplained."},
		{"denied keys that all have a TTL", with(denied, 60), "", profile.Stats{Denied: 3}, "60 counted; INFO had the same count before and after: exact."},
		{"not read again", with(unread, 60), "", profile.Stats{}, "not checked against INFO: INFO was not read before and after the scan."},
		{"a part only", with(same, 60), "a*", profile.Stats{}, "not checked against INFO: only keys that match were scanned."},
		{"cut short", with(cut, 60), "", profile.Stats{}, "not checked against INFO: the scan is incomplete."},
		{"cut short after denied keys", with(cut, 60), "", profile.Stats{Denied: 1}, "not checked against INFO: the scan is incomplete."},
		{"TTL refused", same, "", profile.Stats{}, "not checked against INFO: PTTL was not measured."},
	}
	for _, tt := range tests {
		p := &profile.Profile{Design: profile.Design{Match: tt.match}, Namespaces: []profile.Namespace{{Stats: tt.stats}, {DB: 1, Stats: profile.Stats{Vanished: 500, Denied: 500}}}}
		if got, want := crossCheck(p, &tt.db).line("db0").String(), "No TTL, db0: "+tt.want; got != want {
			t.Errorf("%s:\n got %q\nwant %q", tt.name, got, want)
		}
	}
}

func TestNamesLine(t *testing.T) {
	tests := []struct {
		name, role string
		db         profile.Database
		want       string
	}{
		{"same", profile.RolePrimary, profile.Database{Before: keyspace(9, 0), After: keyspace(9, 0), Returned: 9, Complete: true}, "SCAN returned 9; INFO had 9 keys before and after."},
		{"one", profile.RolePrimary, profile.Database{Before: keyspace(1, 0), After: keyspace(1, 0), Returned: 1, Complete: true}, "SCAN returned 1; INFO had 1 key before and after."},
		{"fewer on a replica", profile.RoleReplica, profile.Database{Before: keyspace(9, 0), After: keyspace(8, 0), Returned: 5, Complete: true}, "SCAN returned 5; INFO had 9 keys before and 8 after: 4 fewer (expired but not yet deleted by its primary, or keys changed during the scan)."},
		{"fewer on a primary", profile.RolePrimary, profile.Database{Before: keyspace(9, 0), After: keyspace(5, 0), Returned: 5, Complete: true}, "SCAN returned 5; INFO had 9 keys before and 5 after: 4 fewer (expired keys that SCAN deleted, or keys changed during the scan)."},
		{"fewer somewhere", "", profile.Database{Before: keyspace(9, 0), After: keyspace(5, 0), Returned: 5, Complete: true}, "SCAN returned 5; INFO had 9 keys before and 5 after: 4 fewer (expired keys, or keys changed during the scan)."},
		{"more", profile.RoleReplica, profile.Database{Before: keyspace(9, 0), After: keyspace(9, 0), Returned: 11, Complete: true}, "SCAN returned 11; INFO had 9 keys before and after: 2 more (duplicates or new keys)."},
		{"not read again", profile.RoleReplica, profile.Database{Before: keyspace(9, 0), Returned: 9, Complete: true}, "SCAN returned 9; INFO had 9 keys before."},
		{"not read at all", profile.RoleReplica, profile.Database{Returned: 9, Complete: true}, "SCAN returned 9; not checked, as INFO does not list this database."},
		{"cut short", profile.RoleReplica, profile.Database{Before: keyspace(9, 0), Returned: 4, Cursor: "2"}, "SCAN returned 4; INFO had 9 keys: the scan is incomplete."},
	}
	for _, tt := range tests {
		got := namesLine(&profile.Profile{}, &profile.Node{Role: tt.role}, &tt.db, "db0").String()
		if want := "Names, db0: " + tt.want; got != want {
			t.Errorf("%s:\n got %q\nwant %q", tt.name, got, want)
		}
	}
}

// Keys evicted during the scan are not taken for expired ones, nor for an error.
func TestEvictionsExplain(t *testing.T) {
	none, some, one := ptr(int64(0)), ptr(int64(30)), ptr(int64(1))
	tests := []struct {
		name, role       string
		evicted, expired *int64
		want             string
	}{
		{"a full primary", profile.RolePrimary, some, none, "some of 30 keys evicted during the scan, or keys changed during the scan"},
		{"one", profile.RolePrimary, one, none, "the key evicted during the scan, or keys changed during the scan"},
		{"expired ones, too", profile.RolePrimary, some, ptr(int64(2)), "some of 30 keys evicted during the scan, expired keys that SCAN deleted, or keys changed during the scan"},
		{"neither", profile.RolePrimary, none, none, "keys changed during the scan"},
		{"expired ones", profile.RolePrimary, nil, ptr(int64(2)), "expired keys that SCAN deleted, or keys changed during the scan"},
		{"a replica with a limit of its own", profile.RoleReplica, some, nil, "some of 30 keys evicted during the scan, expired but not yet deleted by its primary, or keys changed during the scan"},
	}
	for _, tt := range tests {
		r := profile.Receipt{EvictedMeanwhile: tt.evicted, ExpiredMeanwhile: tt.expired}
		if got := whyFewer(&r, &profile.Node{Role: tt.role}); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
	// 30 keys without a TTL were evicted, and as many with one written.
	db := profile.Database{Before: keyspace(100, 40), After: keyspace(100, 40), Returned: 100, Complete: true, NoTTLKeys: ptr(int64(40))}
	p := &profile.Profile{Receipt: profile.Receipt{EvictedMeanwhile: some}}
	want := "No TTL, db0: 40 counted; INFO had 60 before and after: no more than the 30 keys evicted during the scan and new keys in their place explain."
	if got := crossCheck(p, &db).line("db0").String(); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if p.Receipt.EvictedMeanwhile = ptr(int64(19)); crossCheck(p, &db).outcome != unexplained {
		t.Error("19 evictions explain 20 keys")
	}
}

func TestInfoChecksThatAreNotMade(t *testing.T) {
	tests := []struct {
		name   string
		change func(*fixture)
		want   string // the last line
	}{
		{"match", func(f *fixture) { f.match = "a*" }, "Not checked against the key counts in INFO: only keys that match were scanned."},
		{"INFO refused", func(f *fixture) { f.noInfo = true }, "Not checked against the key counts in INFO: INFO does not report them."},
		{"TTL refused", func(f *fixture) { f.noTTL = true }, "Keys without a TTL not checked against INFO: PTTL was not measured."},
	}
	for _, tt := range tests {
		f := small()
		tt.change(&f)
		lines := infoChecks(newView(f.build(), Options{}))
		if len(lines) == 0 || lines[len(lines)-1].String() != tt.want {
			t.Errorf("%s: got %v, want %q", tt.name, lines, tt.want)
		}
	}
}
