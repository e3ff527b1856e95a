package diff_test

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"keyprof/report/diff"
	"keyprof/sampler/profile"
)

// Every difference between two profiles other than in their keys is reported, and hides
// the figures that it makes incomparable.
func TestCaveats(t *testing.T) {
	bytes := []diff.Measure{diff.Bytes, diff.NoTTLBytes, diff.HighIdleBytes, diff.MeanSize}
	idle := []diff.Measure{diff.HighIdleBytes}
	for _, tc := range []struct {
		code   string
		differ func(before, after *profile.Profile)
		hides  []diff.Measure
		says   string
	}{
		{"label-differs", func(_, b *profile.Profile) { b.Label = "staging" }, nil, `"prod", then "staging"`},
		{"incomplete", func(a, _ *profile.Profile) { a.Complete = false }, diff.Measures, "the old profile is incomplete"},
		{"incomplete", func(_, b *profile.Profile) { b.Complete = false }, diff.Measures, "the new profile is incomplete"},
		{"incomplete", func(a, b *profile.Profile) { a.Complete, b.Complete = false, false }, diff.Measures, "both"},
		{"other-process", func(_, b *profile.Profile) { b.Nodes[0].RunID = "run-2" }, idle, "at the same address"},
		{"other-process", func(_, b *profile.Profile) {
			b.Nodes[0].RunID, b.Nodes[0].ReplID, b.Nodes[0].Address = "run-2", "repl-2", "other:6379"
			b.Nodes[0].Info["replication"] = map[string]string{"master_replid2": "repl-1"}
		}, idle, "at other:6379, before at replica:6379"},
		{"other-server", func(_, b *profile.Profile) { b.Nodes[0].RunID, b.Nodes[0].ReplID = "run-2", "repl-2" }, idle, "or holds other data"},
		{"process-unknown", func(a, _ *profile.Profile) { a.Nodes[0].RunID = "" }, idle, "INFO was refused for the old profile"},
		{"resynced", func(a, b *profile.Profile) {
			a.Nodes[0].Role, b.Nodes[0].Role, b.Nodes[0].ReplID = profile.RoleReplica, profile.RoleReplica, "repl-2"
		}, idle, "full resync"},
		{"idle-reset", func(_, b *profile.Profile) { b.Nodes[0].LargestIdleS = new(int64(3600)) }, idle, "no key is idle for longer than 3600 s"},
		{"nodes-differ", func(_, b *profile.Profile) { b.Nodes = append(b.Nodes, b.Nodes[0]) }, bytes, "of replica:6379, the new one of 2 servers"},
		{"nodes-differ", func(a, _ *profile.Profile) { a.Nodes = nil }, bytes, "of an unknown server"},
		{"version-differs", func(a, b *profile.Profile) {
			for _, p := range []*profile.Profile{a, b} { // two shards, one of which was upgraded
				other := p.Nodes[0]
				other.Address = "shard-2:6379"
				p.Nodes = append(p.Nodes, other)
			}
			b.Nodes[1].Version = "7.2.4"
		}, bytes, "was redis 7.0.15 and is now redis 7.2.4"},
		{"both-redacted", func(a, b *profile.Profile) { a.Design.Redacted, b.Design.Redacted = true, true }, nil, "only the totals"},
		{"role-differs", func(_, b *profile.Profile) { b.Nodes[0].Role = profile.RoleReplica }, idle, "was a primary and is now a replica"},
		{"version-differs", func(_, b *profile.Profile) { b.Nodes[0].Version = "7.2.4" }, bytes, "was redis 7.0.15 and is now redis 7.2.4"},
		{"version-differs", func(_, b *profile.Profile) { b.Nodes[0].Engine = "valkey" }, bytes, "valkey"},
		{"allocator-differs", func(_, b *profile.Profile) { b.Nodes[0].Allocator = "libc" }, bytes, "libc"},
		{"policy-differs", func(_, b *profile.Profile) { b.Nodes[0].Policy = "noeviction" }, nil, "was volatile-lru and is now noeviction"},
		{"policy-differs", func(_, b *profile.Profile) { b.Nodes[0].Policy = "allkeys-lfu" }, idle, "LFU"},
		{"threshold-differs", func(_, b *profile.Profile) { b.Design.IdleOverS = 86400 }, idle, "--idle-over"},
		{"method-differs", func(_, b *profile.Profile) {
			b.Design.Method, b.Design.Fraction, b.Design.Sample = "sample", 0.1, &profile.Sample{From: "0", To: "1"}
		}, nil, "full scan, the new one a sample of 10.0 %"},
		{"measures-differ", func(_, b *profile.Profile) { b.Totals.HighIdleBytes = nil }, nil, "high idle bytes"},
		{"databases-left-out", func(_, b *profile.Profile) { b.Nodes[0].Info["keyspace"]["db5"] = "keys=500,expires=0,avg_ttl=0" }, nil, "the old profile leaves out none, the new one db5"},
		{"namespaces-limited", func(_, b *profile.Profile) { b.Namespaces[0].Other = true }, nil, profile.OtherPattern},
		{"walks-overlap", func(_, b *profile.Profile) { b.Began = time.Date(2026, 11, 21, 0, 5, 0, 0, time.UTC) }, nil, "before the old one had ended"},
	} {
		t.Run(tc.code, func(t *testing.T) {
			before, after := night(0, set{pattern: "a", keys: 10, size: 10, noTTL: 5}), night(24, set{pattern: "a", keys: 20, size: 10, noTTL: 8})
			tc.differ(before, after)
			c := compare(t, before, after)
			i := slices.IndexFunc(c.Caveats, func(c diff.Caveat) bool { return c.Code == tc.code })
			if i < 0 {
				t.Fatalf("warnings: %+v", c.Caveats)
			}
			if caveat := c.Caveats[i]; !strings.Contains(caveat.Text, tc.says) || !slices.Equal(caveat.Hides, tc.hides) {
				t.Errorf("%+v, want %q and %v", caveat, tc.says, tc.hides)
			}
			for _, m := range tc.hides {
				if change := c.Totals.Changes[m]; change.Delta != nil || change.PerDay != nil {
					t.Errorf("%s is compared: %+v", m, change)
				}
			}
		})
	}
}

// Figures that INFO did not return on one side cause one warning, and no change.
func TestInfoRefused(t *testing.T) {
	before, after := night(0, set{pattern: "a", keys: 10, size: 10}), night(24, set{pattern: "a", keys: 20, size: 10})
	after.Nodes[0] = profile.Node{Address: "replica:6379", Role: "unknown", Engine: "unknown", Version: "unknown", Complete: true, Databases: after.Nodes[0].Databases}
	c := compare(t, before, after)
	if len(c.Caveats) != 1 || c.Caveats[0].Code != "process-unknown" {
		t.Errorf("warnings: %+v", c.Caveats)
	}
	if keys := c.Totals.Changes[diff.Keys]; keys.Delta == nil || *keys.Delta != 10 {
		t.Errorf("keys: %+v", keys)
	}
}

func TestNothingToWarnOf(t *testing.T) {
	before, after := night(0, set{pattern: "a", keys: 10, size: 10}), night(24, set{pattern: "a", keys: 20, size: 10})
	for _, p := range []*profile.Profile{before, after} {
		if err := profile.Write(io.Discard, p, profile.Plain); err != nil {
			t.Fatal("a fixture is no valid profile:", err)
		}
	}
	if c := compare(t, before, after); len(c.Caveats) != 0 {
		t.Errorf("warnings about two nights of one server: %+v", c.Caveats)
	}
}

// Profiles of different keys are refused, and compared with --force only.
func TestRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		differ func(*profile.Profile)
		says   string
	}{
		"databases": {func(p *profile.Profile) {
			p.Design.Databases = []int{0, 1}
			p.Nodes[0].Info["keyspace"]["db1"] = "keys=1,expires=0,avg_ttl=0"
			p.Namespaces[0].DB = 1
		}, "the old one of db0, the new one of db0, db1"},
		"match":    {func(p *profile.Profile) { p.Design.Match = "session:*" }, `the old one of all, the new one of those that match "session:*"`},
		"redacted": {func(p *profile.Profile) { p.Design.Redacted = true }, "one of the profiles is redacted"},
	} {
		t.Run(name, func(t *testing.T) {
			before, after := night(0, set{pattern: "a", keys: 10, size: 10}), night(24, set{pattern: "a", keys: 20, size: 10})
			before.Nodes[0].Info["keyspace"]["db1"] = "keys=1,expires=0,avg_ttl=0"
			tc.differ(after)
			_, err := diff.Compare(before, after, diff.Options{})
			if refused := (*diff.Refusal)(nil); !errors.As(err, &refused) || !strings.Contains(refused.Reason, tc.says) || !strings.Contains(refused.Hint, "--force") {
				t.Errorf("error %v, want %q and a hint", err, tc.says)
			}
			c, err := diff.Compare(before, after, diff.Options{Force: true})
			if err != nil || len(c.Caveats) == 0 || !strings.Contains(c.Caveats[0].Text, tc.says) {
				t.Errorf("forced: %v, %+v", err, c)
			}
		})
	}
}

// A database that was empty one night, by INFO, was not walked then, and is
// compared all the same.
func TestEmptyDatabases(t *testing.T) {
	before, after := night(0, set{pattern: "a", keys: 10, size: 10}), night(24, set{pattern: "a", keys: 10, size: 10}, set{db: 1, pattern: "b", keys: 5, size: 1})
	c := compare(t, before, after)
	if r := rowOf(t, c, "b"); r.State != diff.Added || *r.Changes[diff.Keys].Delta != 5 {
		t.Errorf("keys of a new database: %+v", r)
	}
	delete(before.Nodes[0].Info, "keyspace") // then nobody knows
	if _, err := diff.Compare(before, after, diff.Options{}); err == nil {
		t.Error("a database that may have held keys is taken for new")
	}
}

// Where names were grouped by other rules, one name may stand for other keys.
func TestUngrouped(t *testing.T) {
	before, after := night(0, set{pattern: "a", keys: 10, size: 10}), night(24, set{pattern: "a", keys: 20, size: 10})
	after.Design.PatternRules = []string{"x=y"}
	o := diff.Options{}
	c, err := diff.Compare(before, after, o)
	if err != nil || len(c.Namespaces) != 0 || *c.Totals.Changes[diff.Keys].Delta != 10 || !strings.Contains(c.Caveats[0].Text, "different pattern rules") {
		t.Errorf("%v, %+v", err, c)
	}
	o.Force = true
	if c, err = diff.Compare(before, after, o); err != nil || len(c.Namespaces) != 1 || len(c.Caveats) != 1 {
		t.Errorf("forced: %v, %+v", err, c)
	}
}
