package sampler_test

import (
	"context"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"keyprof/report"
	"keyprof/sampler"
	"keyprof/sampler/profile"
	"keyprof/scanner/redistest"
)

// A replica keeps keys whose TTL has run out until its primary removes them, and
// counts them in DBSIZE; SCAN does not return them. Of 30,000 keys 18,000 are such:
// estimates are of the others, and what DBSIZE has too many is told.
func TestSamplesOfAReplicaWithExpiredKeys(t *testing.T) {
	const live, gone, parts = 12_000, 18_000, 16
	replica := newExpiredReplica(t, live, gone)
	held, seen := holding{}, int64(0)
	for _, p := range dealt(t, replica, parts, fast()) {
		seen += p.Totals.Probed
		db := &p.Nodes[0].Databases[0]
		if db.Before.Keys != live+gone || db.After.Keys != live+gone {
			t.Fatalf("DBSIZE %d and %d, want those that are expired in it", db.Before.Keys, db.After.Keys)
		}
		held.add("keys", &p.Totals.Keys, live)
		held.add("keys without a TTL", p.Totals.NoTTLKeys, live/2)
		held.add("keys of kept", &namespaceOf(t, p, "kept:<int>").Keys, live/2)
		if holdsTruth(&p.Totals.Keys, live+gone) {
			t.Errorf("%d to %d keys: DBSIZE is in it", p.Totals.Keys.Lo, *p.Totals.Keys.Hi)
		}
		checkTold(t, p, gone)
	}
	if seen != live {
		t.Errorf("all parts have %d keys, want %d", seen, live)
	}
	held.check(t)
}

// A number of keys to be measured is turned into a share by DBSIZE. Where that is
// too large fewer are measured, and the estimates hold all the same.
func TestSampleOfKeysOfAReplicaWithExpiredKeys(t *testing.T) {
	const live, gone = 12_000, 18_000
	replica := newExpiredReplica(t, live, gone)
	o := fast()
	o.Sample = &sampler.SampleSize{Keys: 6000}
	p := collect(t, replica.SocketURL(), o)
	if p.Totals.Probed < 2000 || p.Totals.Probed > 2800 {
		t.Errorf("%d keys were measured, want a fifth of %d", p.Totals.Probed, live)
	}
	if hi := *p.Totals.Keys.Hi; p.Totals.Keys.Lo < live*8/10 || hi > live*12/10 {
		t.Errorf("%d to %d keys, want about %d", p.Totals.Keys.Lo, hi, live)
	}
}

// newExpiredReplica is a replica of a primary that removes no expired keys unless
// somebody asks for them.
func newExpiredReplica(t *testing.T, live, gone int) *redistest.Server {
	t.Helper()
	primary := redistest.New(t, "--enable-debug-command", "yes")
	do(t, primary.Client(), "debug", "set-active-expire", "0")
	replica := redistest.Replica(t, primary)
	ctx := context.Background()
	piped(t, primary.Client(), func(pipe redis.Pipeliner) {
		eachName("gone", gone, func(name string) { pipe.Set(ctx, name, "some text", time.Millisecond) })
		eachName("kept", live/2, func(name string) { pipe.Set(ctx, name, "some text", 0) })
		eachName("later", live/2, func(name string) { pipe.Set(ctx, name, "some text", time.Hour) })
	})
	awaitOffset(t, primary.Client(), replica.Client())
	if n := replica.Client().DBSize(ctx).Val(); n != int64(live+gone) {
		t.Fatalf("the replica has %d keys, want %d", n, live+gone)
	}
	return replica
}

// expired is how the text report tells of expired keys.
var expired = regexp.MustCompile(`INFO had 30,000 before: about (\d+,\d+) fewer \(expired but not yet reclaimed by its primary, or churn\)`)

// checkTold fails unless the report says that about so many keys are expired.
func checkTold(t *testing.T, p *profile.Profile, gone float64) {
	t.Helper()
	var text strings.Builder
	if err := report.Write(&text, p, report.Options{Format: report.Text, Width: 10_000}); err != nil {
		t.Fatal(err)
	}
	m := expired.FindStringSubmatch(text.String())
	if m == nil {
		t.Fatalf("nothing of expired keys in\n%s", text.String())
	}
	if n, err := strconv.ParseFloat(strings.ReplaceAll(m[1], ",", ""), 64); err != nil || n < 0.8*gone || n > 1.2*gone {
		t.Errorf("about %s keys are expired, want about %.0f", m[1], gone)
	}
}
