package sampler

import (
	"context"
	"fmt"
	"math/bits"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"keyprof/sampler/aggregate"
	"keyprof/sampler/profile"
	"keyprof/scanner/redistest"
)

// sampledWalk profiles the keys of a server in an interval of cursor positions, by
// plain commands. from begins at the boundary of a bucket.
func sampledWalk(t *testing.T, client *redis.Client, from uint64, share float64) *profile.Profile {
	t.Helper()
	ctx := context.Background()
	b := aggregate.NewBuilder(aggregate.Grouping{Limit: aggregate.DefaultNamespaceLimit}, -1)
	b.OfSample = true
	covered := 0.0
	for cursor := bits.Reverse64(from); covered < share; {
		names, next, err := client.Scan(ctx, cursor, "", 20).Result()
		if err != nil {
			t.Fatal(err)
		}
		b.Add(&aggregate.Page{Keys: askAbout(t, client, names)})
		cursor = next
		covered = float64(bits.Reverse64(cursor)-from) / (1 << 64) // wraps at zero
		if cursor == 0 && from == 0 {
			covered = 1
		}
	}
	var p profile.Profile
	b.Fill(&p, aggregate.Measures{Bytes: true, TTL: true, Types: true})
	keys := client.DBSize(ctx).Val()
	told := &profile.Keyspace{Keys: keys, Expires: keys / 2}
	p.Nodes = []profile.Node{{Databases: []profile.Database{{Before: told, After: told}}}}
	if err := aggregate.Scale(&p, aggregate.Sample{Fraction: share, From: from, Covered: map[int]float64{0: covered}}); err != nil {
		t.Fatal(err)
	}
	return &p
}

func askAbout(t *testing.T, client *redis.Client, names []string) (page []aggregate.Observation) {
	t.Helper()
	ctx, pipe := context.Background(), client.Pipeline()
	sizes, ttls := make([]*redis.IntCmd, len(names)), make([]*redis.DurationCmd, len(names))
	for i, name := range names {
		sizes[i], ttls[i] = pipe.MemoryUsage(ctx, name), pipe.PTTL(ctx, name)
	}
	if _, err := pipe.Exec(ctx); err != nil && len(names) > 0 {
		t.Fatal(err)
	}
	for i, name := range names {
		o := aggregate.Observation{Name: name, HasBytes: true, Bytes: sizes[i].Val(), Type: "string", NoTTL: ttls[i].Val() < 0}
		if !o.NoTTL {
			o.HasTTL, o.TTLMillis = true, ttls[i].Val().Milliseconds()
		}
		page = append(page, o)
	}
	return page
}

// A server's hash table is what the estimates take it for: intervals of samples
// hold the truth as often as they say. Those of one server must not overlap, or
// they would miss it together; each server draws another seed.
func TestSamplesOfAServer(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long: make soak")
	}
	const servers, samples = 4, 30
	held := map[string]int{}
	for range servers {
		client := redistest.New(t).Client()
		seedSizes(t, client)
		truth := sampledWalk(t, client, 0, 1)
		if truth.Totals.Probed != seeded {
			t.Fatalf("%d keys are there", truth.Totals.Probed)
		}
		for i := range samples {
			p := sampledWalk(t, client, uint64(i)<<59, 0.028) // of 32 places
			for i, ns := range p.Namespaces {
				of := truth.Namespaces[i]
				held[ns.Pattern+" keys"] += holds(&ns.Keys, of.Probed)
				held[ns.Pattern+" bytes"] += holds(ns.Bytes, of.Sample.Bytes.Bytes)
			}
			held["keys"] += holds(&p.Totals.Keys, truth.Totals.Probed)
			held["bytes"] += holds(p.Totals.Bytes, truth.Totals.Sample.Bytes.Bytes)
			held["bytes without TTL"] += holds(p.Totals.NoTTLBytes, truth.Totals.Sample.NoTTL.Bytes)
		}
	}
	t.Log(held)
	for what, n := range held {
		if n < 102 { // of 120: one in 10,000 by chance
			t.Errorf("%d of %d intervals of %s hold the truth", n, servers*samples, what)
		}
	}
	if len(held) != 7 {
		t.Errorf("%d figures", len(held))
	}
}

// seeded is the number of keys that seedSizes makes.
const seeded = 30_000

// seedSizes makes keys of two namespaces, one of them with TTLs.
func seedSizes(t *testing.T, client *redis.Client) {
	t.Helper()
	ctx, pipe, rng := context.Background(), client.Pipeline(), rand.New(rand.NewPCG(1, 1))
	for i := range seeded {
		name, ttl := fmt.Sprintf("user:%d", i), time.Duration(0)
		if i%2 == 0 {
			name, ttl = fmt.Sprintf("cart:%d", i), 48*time.Hour
		}
		pipe.Set(ctx, name, make([]byte, int(rng.ExpFloat64()*300)), ttl)
	}
	if _, err := pipe.Exec(ctx); err != nil {
		t.Fatal(err)
	}
}

func holds(e *profile.Estimate, truth int64) int {
	if e.Lo <= truth && (e.Hi == nil || truth <= *e.Hi) {
		return 1
	}
	return 0
}
