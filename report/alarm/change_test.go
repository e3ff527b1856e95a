package alarm

import (
	"strings"
	"testing"
	"time"

	"keyprof/report/diff"
	"keyprof/sampler/pattern"
	"keyprof/sampler/profile"
)

// pair are two profiles of one server: resque:failed has vanished, cart:<uuid> is
// new, and resque:status:<uuid> lost its TTLs.
func pair(change func(before, after *profile.Profile)) (before, after *profile.Profile) {
	server := profile.Node{
		Address: "a:1", RunID: "r", Role: profile.RolePrimary, Policy: "volatile-lru",
		UsedMemory: new(int64(100)), Maxmemory: new(int64(200)), IdleHorizonS: new(int64(30 * 24 * 3600)),
	}
	side := func(used int64, evicted string, namespaces ...profile.Namespace) *profile.Profile {
		p := &profile.Profile{Complete: true, Design: profile.Design{Patterns: &pattern.Dictionary{Version: pattern.DictionaryVersion, K: pattern.DefaultK}}, Totals: stats(0, 0, 0), Nodes: []profile.Node{server}, Namespaces: namespaces}
		p.Totals.HighIdleBytes = exact(0)
		for _, ns := range namespaces {
			*p.Totals.Keys.Hi += ns.Keys.Value
			p.Totals.Keys = *exact(*p.Totals.Keys.Hi)
			p.Totals.Bytes = exact(p.Totals.Bytes.Value + ns.Bytes.Value)
			p.Totals.NoTTLKeys = exact(p.Totals.NoTTLKeys.Value + ns.NoTTLKeys.Value)
			p.Totals.NoTTLBytes = exact(p.Totals.NoTTLBytes.Value + ns.NoTTLBytes.Value)
			p.Totals.HighIdleBytes = exact(p.Totals.HighIdleBytes.Value + ns.HighIdleBytes.Value)
		}
		p.Nodes[0].UsedMemory = &used
		p.Nodes[0].Info = map[string]map[string]string{"stats": {"evicted_keys": evicted, "keyspace_hits": evicted, "keyspace_misses": "0"}}
		return p
	}
	before = side(100, "10",
		profile.Namespace{Pattern: "resque:failed", Stats: stats(50, 5000, 50)},
		profile.Namespace{Pattern: "resque:status:<uuid>", Stats: stats(100, 10_000, 0)},
		profile.Namespace{DB: 1, Pattern: "user:<int>", Stats: stats(1000, 100_000, 100)},
	)
	after = side(150, "17",
		profile.Namespace{Pattern: "cart:<uuid>", Stats: stats(500, 30_000, 5)},
		profile.Namespace{Pattern: "resque:status:<uuid>", Stats: stats(150, 12_000, 60)},
		profile.Namespace{DB: 1, Pattern: "user:<int>", Stats: stats(900, 90_000, 90)},
	)
	before.Began = time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC)
	before.Ended = before.Began.Add(time.Minute)
	after.Began, after.Ended = before.Began.AddDate(0, 0, 1), before.Ended.AddDate(0, 0, 1)
	if change != nil {
		change(before, after)
	}
	return before, after
}

// compared is the comparison of a pair.
func compared(t *testing.T, change func(before, after *profile.Profile), o diff.Options) *diff.Comparison {
	t.Helper()
	before, after := pair(change)
	c, err := diff.Compare(before, after, o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

type profiles = func(before, after *profile.Profile)

func judged(t *testing.T, c *diff.Comparison, expression string) string {
	t.Helper()
	return told(EvaluateDiff(c, parsed(t, expression, TwoProfiles)))
}

func TestEvaluateDiff(t *testing.T) {
	for _, tt := range []struct{ name, expression, want string }{
		{"growth of all keys", "keys_growth > 34%", "+34.8 %"},
		{"no less than there is", "keys_growth > 35%", ""},
		{"exactly", "bytes_growth >= 14.7%", "+14.8 %"},
		{"of each namespace, worst first", "keys_growth < 0% in *", "resque:failed in db0: -100 %; user:<int> in db1: -10.0 %"},
		{"exactly as much", "keys_growth >= 50% in resque:*", "resque:status:<uuid> in db0: +50.0 %"},
		{"and no more", "keys_growth > 50% in resque:*", ""},
		{"what is new has none", "bytes_growth > 15% in *", "resque:status:<uuid> in db0: +20.0 %; ? of cart:<uuid> and 0 more: " + becauseNew},
		{"what is new does not shrink", "bytes_growth < -15% in *", "resque:failed in db0: -100 %"},
		{"what is gone, to the last", "bytes_growth <= -100% in *", "resque:failed in db0: -100 %"},
		{"bytes that never expire", "no_ttl_bytes_growth > 3% in user:*", ""},
		{"from none", "no_ttl_bytes_growth > 3% in resque:*", "? of resque:status:<uuid> and 0 more: " + becauseNew},
		{"all that never expire", "no_ttl_bytes_growth > 3%", "+3.3 %"},
		{"mean size", "mean_size_growth < -14%", "-14.8 %"},
		{"mean size: what is new or gone has no change", "mean_size_growth < -1% in *", "resque:status:<uuid> in db0: -20.0 %"},

		{"new keys", "new_keys > 399", "+400"},
		{"new keys, of each", "new_keys > 49 in *", "cart:<uuid> in db0: +500; resque:status:<uuid> in db0: +50"},
		{"fewer keys", "new_keys < -49 in *", "user:<int> in db1: -100; resque:failed in db0: -50"},
		{"not fewer", "new_keys < -100 in *", ""},
		{"new bytes", "new_bytes > 1KB in *", "cart:<uuid> in db0: +29.3 KiB; resque:status:<uuid> in db0: +1.95 KiB"},
		{"fewer bytes", "new_bytes < -9KB in *", "user:<int> in db1: -9.77 KiB"},
		{"new keys that never expire", "new_no_ttl_keys > 4", "+5"},
		{"new bytes that never expire", "new_no_ttl_bytes >= 6000 in *", "resque:status:<uuid> in db0: +5.86 KiB"},
		{"new high-idle bytes", "new_high_idle_bytes >= 1000 in *", "cart:<uuid> in db0: +1000 B"},
		{"fewer high-idle bytes", "new_high_idle_bytes < 0 in *", "resque:failed in db0: -1000 B"},
		{"rise of a share", "no_ttl_share_rise > 39% in *", "resque:status:<uuid> in db0: +40.0 points"},
		{"fall of a share", "no_ttl_share_rise < -2.9%", "-3.0 points"},
		{"nothing changed", "no_ttl_share_rise > 0% in user:*", ""},

		{"server", "used_memory_growth >= 50%", "a:1: +50.0 %"},
		{"evictions", "evicted_keys >= 7", "a:1: 7"},
		{"lookups", "hit_ratio >= 100%", "a:1: 100 %"},
		{"nowhere, when much is sought", "new_keys > 0 in nosuch", ""},
		{"nowhere, when little is sought", "new_keys < 0 in nosuch", "?: no namespace matches"},

		{"of the new profile", "keys >= 1550", "1,550"},
		{"namespaces of the new profile", "no_ttl_share > 1% in *", "resque:status:<uuid> in db0: 40.0 %; user:<int> in db1: 10.0 %"},
		{"gone from the new profile", "keys >= 0 in resque:failed", ""},
		{"server of the new profile", "used_memory >= 150", "a:1: 150 B"},
	} {
		c := compared(t, nil, diff.Options{})
		if tt.name == "fall of a share" {
			c.Totals.Changes[diff.NoTTLShare] = changed(0.13, 0.1, 0)
		}
		if got := judged(t, c, tt.expression); got != tt.want {
			t.Errorf("%s: %s: got %s, want %s", tt.name, tt.expression, got, tt.want)
		}
	}
}

func changed(old, new, noise float64) diff.Change {
	delta := new - old
	return diff.Change{Old: &old, New: &new, Delta: &delta, Noise: &noise}
}

// A change is compared by the end of what noise leaves of it.
func TestEvaluateDiffIsCertain(t *testing.T) {
	unbounded := changed(1000, 2000, 0)
	unbounded.Noise = nil
	for _, tt := range []struct {
		expression string
		change     diff.Change
		want       string
	}{
		{"new_keys > 89", changed(1000, 1100, 10), "+100 (at least +90)"},
		{"new_keys > 90", changed(1000, 1100, 10), ""},
		{"new_keys < 111", changed(1000, 1100, 10), "+100 (at most +110)"},
		{"new_keys < 110", changed(1000, 1100, 10), ""},
		{"new_keys < -89", changed(1100, 1000, 10), "-100 (at most -90)"},
		{"new_keys < -90", changed(1100, 1000, 10), ""},
		{"new_keys > -10", changed(1000, 1000, 9), "0 (at least -9)"},
		{"new_keys > 0", changed(1000, 1005, 9), ""},
		{"new_keys > 0", unbounded, "?: only a bound of the figure is known"},
		{"new_keys < 5000", unbounded, "?: only a bound of the figure is known"},
		// There may have been 1010 keys before, of which the growth is less.
		{"keys_growth > 8.9%", changed(1000, 1100, 10), "+10.0 % (at least +8.9 %)"},
		{"keys_growth > 9%", changed(1000, 1100, 10), ""},
		{"keys_growth < 11.2%", changed(1000, 1100, 10), "+10.0 % (at most +11.1 %)"},
		{"keys_growth < 11.1%", changed(1000, 1100, 10), ""},
		{"keys_growth < -18.9%", changed(1000, 800, 10), "-20.0 % (at most -19.0 %)"},
		{"keys_growth < -19.1%", changed(1000, 800, 10), ""},
		{"keys_growth < 1e6%", changed(5, 500, 10), ""},
		{"keys_growth >= -100%", changed(5, 1, 10), "-80.0 % (at least -100 %)"},
		{"keys_growth > 0%", changed(0, 0, 0), ""},
		{"keys_growth > 0%", changed(0, 7, 0), "?: " + becauseNew},
		{"keys_growth < -1%", changed(0, 7, 0), ""},
		{"keys_growth > 20%", unbounded, "?: only a bound of the figure is known"},
		{"keys_growth > 1000%", changed(1, 101, 0), "+10000.0 %"},
	} {
		c := compared(t, nil, diff.Options{})
		c.Totals.Changes[diff.Keys] = tt.change
		expression := strings.Replace(tt.expression, "1e6%", "1000000%", 1)
		if got := judged(t, c, expression); got != tt.want {
			t.Errorf("%s of %v: got %s, want %s", expression, *tt.change.Delta, got, tt.want)
		}
	}
}

func TestEvaluateDiffInDoubt(t *testing.T) {
	const (
		restarted = "the new profile is of another server process with another replication ID (at the same address): it was restarted, or holds other data; idle times are not compared"
		upgraded  = `the server was redis 7 and is now redis 8: MEMORY USAGE of the same key differs between versions, so bytes are not compared`
		other     = "some namespaces are summed up as (other)"
	)
	restart := func(before, after *profile.Profile) {
		after.Nodes[0].RunID, before.Nodes[0].ReplID, after.Nodes[0].ReplID = "s", "x", "y"
	}
	upgrade := func(before, after *profile.Profile) {
		before.Nodes[0].Engine, after.Nodes[0].Engine = "redis", "redis"
		before.Nodes[0].Version, after.Nodes[0].Version = "7", "8"
	}
	each := func(p *profile.Profile, change func(*profile.Stats)) {
		change(&p.Totals)
		for i := range p.Namespaces {
			change(&p.Namespaces[i].Stats)
		}
	}
	noSizesIn := func(s *profile.Stats) { s.Bytes, s.NoTTLBytes, s.HighIdleBytes = nil, nil, nil }
	noTTLsIn := func(s *profile.Stats) { s.NoTTLKeys, s.NoTTLBytes = nil, nil }
	noIdleIn := func(s *profile.Stats) { s.HighIdleKeys, s.HighIdleBytes, s.Idle = nil, nil, nil }
	sum := func(keys int64) profile.Namespace {
		return profile.Namespace{Pattern: profile.OtherPattern, Other: true, Stats: stats(keys, keys, keys)}
	}
	sumAfter := func(keys int64) profiles {
		return func(_, after *profile.Profile) { after.Namespaces = append(after.Namespaces, sum(keys)) }
	}
	sumBefore := func(keys int64) profiles {
		return func(before, _ *profile.Profile) { before.Namespaces = append(before.Namespaces, sum(keys)) }
	}
	oldPartial := func(before, _ *profile.Profile) { before.Complete = false }
	newPartial := func(_, after *profile.Profile) { after.Complete = false }
	for _, tt := range []struct {
		name, expression string
		change           profiles
		want             string
	}{
		{"hidden: idle times", "new_high_idle_bytes > 0", restart, "?: " + restarted},
		{"hidden: of each", "new_high_idle_bytes > 0 in resque:*", restart, "? of resque:failed and 1 more: " + restarted},
		{"hidden: not the others", "new_keys > 0", restart, "+400"},
		{"hidden: bytes", "bytes_growth > 0%", upgrade, "?: " + upgraded},
		{"hidden: bytes that are new", "new_bytes > 0 in cart:*", upgrade, "? of cart:<uuid> and 0 more: " + upgraded},
		{"hidden: mean size", "mean_size_growth > 0%", upgrade, "?: " + upgraded},
		{"hidden: keys are keys", "keys_growth > 0%", upgrade, "+34.8 %"},

		{"incomplete: sums", "new_keys > 0", oldPartial, "?: the old profile is incomplete: missing keys would look like a change, so nothing is compared"},
		{"incomplete: sums fall", "keys_growth < -5% in user:*", newPartial, "? of user:<int> and 0 more: the new profile is incomplete: missing keys would look like a change, so nothing is compared"},
		{"incomplete: shares", "no_ttl_share_rise > 0% in resque:s*", oldPartial, "? of resque:status:<uuid> and 0 more: the old profile is incomplete: missing keys would look like a change, so nothing is compared"},
		{"incomplete: mean size", "mean_size_growth < 0%", newPartial, "?: the new profile is incomplete: missing keys would look like a change, so nothing is compared"},
		{"incomplete: the server is the same", "used_memory_growth > 0%", newPartial, "a:1: +50.0 %"},

		{"sizes refused before", "new_bytes > 0", func(b, _ *profile.Profile) { each(b, noSizesIn) }, "?: old profile: sizes were not measured"},
		{"sizes refused before: new", "new_bytes > 0 in cart:*", func(b, _ *profile.Profile) { each(b, noSizesIn) }, "? of cart:<uuid> and 0 more: old profile: sizes were not measured"},
		{"sizes refused now", "bytes_growth < 0% in *", func(_, a *profile.Profile) { each(a, noSizesIn) }, "? of cart:<uuid> and 3 more: new profile: sizes were not measured"},
		{"sizes refused", "mean_size_growth < 0%", func(b, a *profile.Profile) { each(a, noSizesIn); each(b, noSizesIn) }, "?: sizes were not measured"},
		{"TTLs refused", "new_no_ttl_keys > 0", func(b, a *profile.Profile) { each(a, noTTLsIn); each(b, noTTLsIn) }, "?: TTLs were not measured"},
		{"TTLs refused now", "no_ttl_share_rise > 0%", func(_, a *profile.Profile) { each(a, noTTLsIn) }, "?: new profile: TTLs were not measured"},
		{"idle times refused", "new_high_idle_bytes > 0", func(b, a *profile.Profile) { each(a, noIdleIn); each(b, noIdleIn) }, "?: idle times were not measured"},

		{"summed up: may be too many", "new_keys > 599 in nosuch", sumAfter(600), "?: " + other},
		{"summed up: too few to matter", "new_keys > 600 in nosuch", sumAfter(600), ""},
		{"summed up before: may be gone", "new_keys < -599 in nosuch", sumBefore(600), "?: " + other},
		{"summed up before: too few to matter", "new_keys < -600 in nosuch", sumBefore(600), "?: no namespace matches"},
		{"summed up: growth", "keys_growth < -20% in nosuch", sumBefore(1), "?: " + other},
		{"summed up before: may not be new", "new_keys > 499 in cart:*", sumBefore(600), "? of cart:<uuid> and 0 more: " + becauseUnsure},
		{"summed up before: not so much", "new_keys > 500 in cart:*", sumBefore(600), ""},
		{"summed up now: may be there", "new_keys < -49 in resque:failed", sumAfter(600), "? of resque:failed and 0 more: " + becauseUnsure},
		{"summed up now: no more can be gone", "new_keys < -50 in resque:failed", sumAfter(600), ""},
		{"summed up now: growth", "keys_growth < -90% in resque:failed", sumAfter(1), "? of resque:failed and 0 more: " + becauseUnsure + "; ?: " + other},
		{"summed up now: share", "no_ttl_share_rise < 0% in resque:failed", sumAfter(1), "? of resque:failed and 0 more: " + becauseUnsure + "; ?: " + other},
		{"summed up: not of concern for the totals", "keys_growth > 0%", sumAfter(1), "+34.8 %"},

		{"TTLs: a restart", "ttl_stopped_keys > 0", restart, "?: " + restarted},
		{"TTLs refused: stopped", "ttl_stopped_keys > 0", func(_, a *profile.Profile) { each(a, noTTLsIn) }, "?: the new profile has no TTLs"},
		{"idle times refused: stopped", "ttl_stopped_keys > 0", func(_, a *profile.Profile) { each(a, noIdleIn) }, "?: the new profile has no idle times"},
		{"LFU: stopped", "ttl_stopped_keys > 0", func(_, a *profile.Profile) { a.Totals.Freq = &profile.FreqStats{} }, "?: idle times are not tracked under an LFU policy"},
		{"incomplete: stopped", "ttl_stopped_keys > 0", newPartial, "?: " + becausePartial},
		{"incomplete before: stopped", "ttl_stopped_keys > 0", oldPartial, "?: the old profile is incomplete and may lack keys without a TTL"},
		{"idle times too short: stopped", "ttl_stopped_keys > 0", func(_, a *profile.Profile) { a.Nodes[0].IdleHorizonS = new(int64(3600)) }, "?: idle times reach back only 1h, not to the old profile"},
		{"no idle horizon: stopped", "ttl_stopped_keys < 1 in user:*", func(_, a *profile.Profile) { a.Nodes[0].IdleHorizonS = nil }, "? of user:<int> and 0 more: the longest idle time that the server can report is unknown"},
		{"too close: stopped", "ttl_stopped_keys > 0", func(b, a *profile.Profile) { a.Began, a.Ended = b.Ended, b.Ended }, "?: the profiles are too close together to tell which keys were written between them"},
		{"summed up before: stopped", "ttl_stopped_keys < 1 in cart:*", sumBefore(600), "? of cart:<uuid> and 0 more: " + becauseUnsure + "; ?: " + other},

		{"TTLs: another threshold matters not", "ttl_stopped_keys > 0", func(b, _ *profile.Profile) { b.Design.IdleOverS = 1 }, ""},
		{"TTLs: another version matters not", "ttl_stopped_keys > 0", upgrade, ""},
		{"summed up: sizes refused", "new_bytes > 9GB in nosuch", func(_, a *profile.Profile) { sumAfter(1)(nil, a); each(a, noSizesIn) }, "?: " + other},

		{"one of two servers", "used_memory_growth > 0%", func(b, a *profile.Profile) {
			b.Nodes = append(b.Nodes, profile.Node{Address: "b:1", UsedMemory: new(int64(1))})
			a.Nodes = append(a.Nodes, profile.Node{Address: "b:1", UsedMemory: new(int64(3))})
		}, "b:1: +200.0 %; a:1: +50.0 %"},
		{"another server", "used_memory_growth > 0%", func(b, a *profile.Profile) {
			b.Nodes, a.Nodes = nil, append(a.Nodes, profile.Node{Address: "b:1", UsedMemory: new(int64(1))})
		}, "?: the old profile lacks this figure of this server"},
		{"INFO refused", "used_memory_growth > 0%", func(_, a *profile.Profile) { a.Nodes[0].UsedMemory = nil }, "?: the server does not report used_memory"},
		{"no server", "used_memory_growth > 0%", func(_, a *profile.Profile) { a.Nodes = nil }, "?: the profile has no server"},
		{"a restart", "evicted_keys > 0", restart, "?: " + noCount},
		{"a restart: lookups", "hit_ratio < 100%", restart, "?: " + noLookups},
		{"a replica", "evicted_keys > 0", func(_, a *profile.Profile) { a.Nodes[0].Role = profile.RoleReplica }, "?: " + noPrimary},
		{"a replica: lookups", "hit_ratio < 100%", func(_, a *profile.Profile) { a.Nodes[0].Role = profile.RoleReplica }, "?: " + noPrimary},
	} {
		if got := judged(t, compared(t, tt.change, diff.Options{}), tt.expression); got != tt.want {
			t.Errorf("%s: %s: got %s, want %s", tt.name, tt.expression, got, tt.want)
		}
	}
}

// Where namespaces cannot be compared, only conditions on what changed in them
// cannot be told.
func TestEvaluateDiffWithoutNamespaces(t *testing.T) {
	c := compared(t, func(_, after *profile.Profile) { after.Design.PatternRules = []string{"x=y"} }, diff.Options{})
	const why = "?: names were grouped differently: names were grouped by different pattern rules; only the totals are compared"
	for expression, want := range map[string]string{
		"new_keys > 0 in *":         why,
		"keys_growth < 0% in *":     why,
		"ttl_stopped_keys > 0 in *": why,
		"ttl_stopped_keys > 0":      why,
		"new_keys > 0":              "+400",
		"keys > 899 in *":           "user:<int> in db1: 900",
	} {
		if got := judged(t, c, expression); got != want {
			t.Errorf("%s: got %s, want %s", expression, got, want)
		}
	}
}

func TestEvaluateDiffOfStoppedTTLs(t *testing.T) {
	c := compared(t, nil, diff.Options{})
	c.TTLLosses = []diff.TTLLoss{
		{Pattern: "resque:status:<uuid>", Recent: diff.Portion{Keys: 100, NoTTL: 60}, Jumped: true},
		{DB: 1, Pattern: "user:<int>", Recent: diff.Portion{Keys: 10, NoTTL: 9}},
		{DB: 2, Pattern: "resque:status:<uuid>", Recent: diff.Portion{Keys: 10, NoTTL: 7}, Jumped: true},
	}
	for expression, want := range map[string]string{
		"ttl_stopped_keys > 0":       "67",
		"ttl_stopped_keys > 0 in *":  "resque:status:<uuid> in db0: 60",
		"ttl_stopped_keys > 60 in *": "",
		"ttl_stopped_keys < 1 in u*": "user:<int> in db1: 0",
	} {
		if got := judged(t, c, expression); got != want {
			t.Errorf("%s: got %s, want %s", expression, got, want)
		}
	}
	c.New.Profile.Complete = false
	if got, want := judged(t, c, "ttl_stopped_keys > 0"), "at least 67"; got != want {
		t.Errorf("incomplete: got %s, want %s", got, want)
	}
	before, after := pair(func(_, after *profile.Profile) {
		after.Namespaces = append(after.Namespaces, profile.Namespace{Pattern: profile.OtherPattern, Other: true, Stats: stats(20, 20, 20)})
	})
	c, err := diff.Compare(before, after, diff.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for expression, want := range map[string]string{
		"ttl_stopped_keys > 19 in *": "?: " + becauseOther,
		"ttl_stopped_keys > 20 in *": "?: " + becauseOther, // how many there were is not known
	} {
		if got := judged(t, c, expression); got != want {
			t.Errorf("summed up: %s: got %s, want %s", expression, got, want)
		}
	}
}

func TestEvaluateDiffOfRunways(t *testing.T) {
	days := func(v float64) *float64 { return &v }
	rates := []diff.Rate{{PerDay: 1}}
	for _, tt := range []struct {
		name, expression string
		runway           *diff.Runway // of the pool
		change           profiles
		want             string
	}{
		{"one rate", "days_to_empty < 14", &diff.Runway{Days: days(13.9), Rates: rates}, nil, "13.9 days"},
		{"one rate, far off", "days_to_empty < 14", &diff.Runway{Days: days(14), Rates: rates}, nil, ""},
		{"now", "days_to_empty < 14", &diff.Runway{Days: days(0), Rates: rates}, nil, "0.0 days"},
		{"very soon", "days_to_empty < 14", &diff.Runway{Days: days(0.01), Rates: rates}, nil, "<0.1 days"},
		{"by the latest rate", "days_to_empty < 2w", &diff.Runway{Days: days(8), Soonest: days(5), Latest: days(15), Rates: rates}, nil, "8.0 days (5.0 days to 15.0 days at the rates seen)"},
		{"whatever was before", "days_to_empty < 14", &diff.Runway{Days: days(8), Soonest: days(5), Rates: rates}, nil, "8.0 days (5.0 days or more at the rates seen)"},
		{"not by the fastest rate", "days_to_empty < 7", &diff.Runway{Days: days(8), Soonest: days(5), Rates: rates}, nil, ""},
		{"enough", "days_to_empty > 7", &diff.Runway{Days: days(8), Soonest: days(5), Latest: days(15), Rates: rates}, nil, "8.0 days (5.0 days to 15.0 days at the rates seen)"},
		{"not on its way", "days_to_empty < 14", &diff.Runway{Rates: rates}, nil, ""},
		{"not on its way, at the last rate", "days_to_empty < 14", &diff.Runway{Soonest: days(5), Rates: rates}, nil, ""},
		{"no rate", "days_to_empty < 14", &diff.Runway{}, nil, "?: " + noRate},
		{"none", "days_to_empty < 14", nil, nil, "?: " + noRate},
		{"no policy", "days_to_empty < 14", nil, func(_, a *profile.Profile) { a.Nodes[0].Policy = "" }, "?: " + noPolicy},
		{"another policy", "days_to_empty < 14", nil, func(_, a *profile.Profile) { a.Nodes[0].Policy = "allkeys-lru" }, "?: " + noPool},
		{"TTLs refused", "days_to_empty < 14", nil, func(_, a *profile.Profile) { a.Totals.NoTTLKeys = nil }, "?: new profile: TTLs were not measured"},
		{"no server", "days_to_empty < 14", nil, func(_, a *profile.Profile) { a.Nodes = nil }, "?: the profile has no server"},
		{"another limit", "days_to_full < 14", &diff.Runway{Days: days(1), Rates: rates}, nil, "?: " + noRate},
		{"no maxmemory", "days_to_full < 14", nil, func(_, a *profile.Profile) { a.Nodes[0].Maxmemory = new(int64(0)) }, "?: the server has no maxmemory"},
		{"INFO refused", "days_to_full < 14", nil, func(_, a *profile.Profile) { a.Nodes[0].Maxmemory = nil }, "?: the server does not report maxmemory"},
		{"no server: maxmemory", "days_to_full < 14", nil, func(_, a *profile.Profile) { a.Nodes = nil }, "?: the profile has no server"},
	} {
		c := compared(t, tt.change, diff.Options{})
		c.Runways = nil
		if tt.runway != nil {
			tt.runway.Limit = diff.PoolEmpty
			c.Runways = []diff.Runway{*tt.runway}
		}
		if got := judged(t, c, tt.expression); got != tt.want {
			t.Errorf("%s: %s: got %s, want %s", tt.name, tt.expression, got, tt.want)
		}
	}
	c := compared(t, nil, diff.Options{})
	c.Runways = []diff.Runway{{Limit: diff.PoolEmpty, Rates: rates}, {Limit: diff.MaxmemoryFull, Days: days(3), Rates: rates}}
	v := EvaluateDiff(c, parsed(t, "days_to_full < 5", TwoProfiles))
	if len(v.Findings) != 1 || v.Findings[0].Figure != "3.0 days" || !v.Findings[0].OfAll {
		t.Errorf("maxmemory: %+v", v)
	}
}

// Incident 2 after a flat week: 241,115 keys with a TTL for seven nights, more on one
// of them, and then 229,004.
func TestEvaluateDiffOfACollapseAfterAFlatWeek(t *testing.T) {
	night := func(i int, withTTL int64) *profile.Profile {
		p, _ := pair(nil)
		p.Began = time.Date(2026, 11, 14+i, 3, 0, 0, 0, time.UTC)
		p.Ended = p.Began.Add(time.Minute)
		p.Namespaces = []profile.Namespace{{Pattern: "ticket:<int>", Stats: stats(withTTL, 1, 0)}}
		p.Totals = stats(withTTL, 1, 0)
		return p
	}
	var week []*profile.Profile
	for i := range 7 {
		week = append(week, night(i, 241_115+int64(i%3)*50))
	}
	c, err := diff.Compare(week[6], night(7, 229_004), diff.Options{Earlier: week[:6]})
	if err != nil {
		t.Fatal(err)
	}
	if r := c.Runways[0]; r.Days == nil || r.Latest != nil || len(r.Rates) != 7 {
		t.Fatalf("%+v", r)
	}
	for expression, want := range map[string]string{
		"days_to_empty < 20": "18.9 days (18.9 days or more at the rates seen)",
		"days_to_empty < 18": "",
	} {
		if got := judged(t, c, expression); got != want {
			t.Errorf("%s: got %s, want %s", expression, got, want)
		}
	}
}

// A single profile shows no change, and the verdict says so.
func TestEvaluateOfOneProfileTellsNoChange(t *testing.T) {
	for _, m := range ChangeMetrics() {
		if got, want := told(Evaluate(sample(nil), parsed(t, m.Name+" > 0", TwoProfiles))), "?: "+becauseAlone; got != want {
			t.Errorf("%s: got %s, want %s", m.Name, got, want)
		}
	}
}

// A profile compared with itself has not changed.
func TestEvaluateDiffOfTheSame(t *testing.T) {
	p, _ := pair(nil)
	c, err := diff.Compare(p, p, diff.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, expression := range []string{
		"keys_growth > 0%", "keys_growth < 0% in *", "new_bytes > 0 in *", "new_no_ttl_keys < 0", "no_ttl_share_rise > 0% in *",
		"no_ttl_bytes_growth > 0% in *", "used_memory_growth > 0%", "evicted_keys > 0", "ttl_stopped_keys > 0 in *",
	} {
		if got := judged(t, c, expression); got != "" {
			t.Errorf("%s: %s", expression, got)
		}
	}
}

// A namespace that is gone is shown with its old figures.
func TestFindingOfWhatIsGone(t *testing.T) {
	v := EvaluateDiff(compared(t, nil, diff.Options{}), parsed(t, "new_keys < 0 in resque:*", TwoProfiles))
	if len(v.Findings) != 1 || v.Findings[0].Namespace.Pattern != "resque:failed" || v.Findings[0].Namespace.Keys.Value != 50 {
		t.Errorf("%+v", v)
	}
}
