package sampler_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"keyprof/report"
	"keyprof/sampler"
	"keyprof/sampler/estimate"
	"keyprof/sampler/profile"
	"keyprof/scanner/info"
	"keyprof/scanner/redistest"
)

// Where keys were deleted in the order of SCAN, a sample is biased. It is made all the
// same, and if it is far from the server's own count, it has a warning.
func TestSamplesOfATableWithHoles(t *testing.T) {
	const keys, deleted, far = 60_000, 25_000, 4_000
	server := redistest.New(t)
	client := server.Client()
	seedWith(t, client, keys, func(i int, _ *rand.Rand) string { return fmt.Sprintf("user:%d", i) })
	for cursor, n := uint64(0), 0; n < deleted; {
		names, next, err := client.Scan(t.Context(), cursor, "", 1000).Result()
		if err != nil || client.Unlink(t.Context(), names...).Err() != nil {
			t.Fatal("cannot delete", err)
		}
		cursor, n = next, n+len(names)
	}
	left := client.DBSize(t.Context()).Val()
	said := 0
	for range 10 {
		o := fast()
		o.Sample = &sampler.SampleSize{Share: 0.1}
		p := collect(t, server.SocketURL(), o)
		off := math.Abs(float64(p.Totals.Keys.Value - left))
		said += boolInt(warned(p, "sample-disagrees"))
		if !p.Complete || off > far && !warned(p, "sample-disagrees") {
			t.Errorf("complete %v (%v): about %d keys of %d, %v", p.Complete, p.Missing, p.Totals.Keys.Value, left, p.Warnings)
		}
	}
	if said == 0 {
		t.Error("no sample was far off")
	}
}

// newSlowlyRehashed returns a server that moves no bucket of a table which it resizes
// but those that commands bid it to, one each: a resize outlasts a sample.
func newSlowlyRehashed(t *testing.T) *redistest.Server {
	t.Helper()
	return redistest.New(t, "--activerehashing", "no", "--enable-debug-command", "yes")
}

// rehashing reports whether the table of database 0 is being resized.
func rehashing(t *testing.T, client *redis.Client) bool {
	t.Helper()
	text, err := client.Do(context.Background(), "debug", "htstats", "0").Text()
	if err != nil {
		t.Fatal(err)
	}
	main, _, _ := strings.Cut(text, "[Expires HT]")
	return strings.Contains(main, "rehashing target")
}

// fillTwo makes keys from..to of two families.
func fillTwo(t *testing.T, client *redis.Client, from, to int) {
	t.Helper()
	piped(t, client, func(pipe redis.Pipeliner) {
		for i := from; i < to; i++ {
			pipe.Set(context.Background(), nameOfTwo(i), strings.Repeat("x", i*7919%300), 0)
		}
	})
}

func nameOfTwo(i int) string {
	if i%4 == 0 {
		return fmt.Sprintf("cart:%d", 1_000_000+i)
	}
	return fmt.Sprintf("user:%d", 1_000_000+i)
}

// A table that grows while it is sampled: its keys are in two tables, and at the
// same position in both.
func TestSamplesWhileATableGrows(t *testing.T) {
	held := holding{}
	for range 3 {
		const keys = 1<<16 + 1 // one more than the table had buckets
		server := newSlowlyRehashed(t)
		fillTwo(t, server.Client(), 0, keys)
		checkRehashed(t, server, keys, 32, held)
	}
	held.check(t)
}

// A table that shrinks: SCAN visits a bucket of the smaller one and all those of the
// larger that go into it.
func TestSamplesWhileATableShrinks(t *testing.T) {
	held := holding{}
	for range 3 {
		const most, keys = 1 << 17, 12_000 // less than a tenth of the buckets
		server := newSlowlyRehashed(t)
		client := server.Client()
		fillTwo(t, client, 0, most)
		piped(t, client, func(pipe redis.Pipeliner) {
			for i := keys; i < most; i++ {
				pipe.Unlink(context.Background(), nameOfTwo(i))
			}
		})
		checkRehashed(t, server, keys, 16, held)
	}
	held.check(t)
}

// checkRehashed samples parts of a server while its table is being resized, and
// again afterwards: these are the same keys.
func checkRehashed(t *testing.T, server *redistest.Server, keys int64, parts int, held holding) {
	t.Helper()
	client := server.Client()
	await(t, func() bool { return rehashing(t, client) })
	var during []*profile.Profile
	for i := range parts {
		p := dealtPart(t, server, i, parts, fast())
		if !rehashing(t, client) { // it may have ended before the sample did
			break
		}
		during = append(during, p)
	}
	if len(during) < 2 {
		t.Fatalf("%d samples while the table was being resized", len(during))
	}
	for rehashing(t, client) {
		piped(t, client, func(pipe redis.Pipeliner) { // each command moves a bucket
			eachName("none", 1000, func(name string) { pipe.Exists(context.Background(), name) })
		})
	}
	for i, p := range during {
		held.add("keys", &p.Totals.Keys, keys)
		held.add("carts", &namespaceOf(t, p, "cart:<int>").Keys, (keys+3)/4)
		again := dealtPart(t, server, i, parts, fast()).Totals
		if p.Totals.Probed != again.Probed || p.Totals.Sample.Bytes != again.Sample.Bytes {
			t.Errorf("part %d: %d keys, %+v; afterwards %d, %+v", i, p.Totals.Probed, p.Totals.Sample.Bytes, again.Probed, again.Sample.Bytes)
		}
	}
}

func await(t *testing.T, done func() bool) {
	t.Helper()
	for range 500 {
		if done() {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatal("waited in vain")
}

// Keys of a server that changes while it is sampled.
const (
	fewKeys  = 3_000  // that are there all the time
	manyKeys = 27_000 // that come or go
)

// sampledWhile samples a part of a server to which something happens at half of it.
func sampledWhile(t *testing.T, server *redistest.Server, part int, change func()) *profile.Profile {
	t.Helper()
	o, happened := small(), false
	o.Progress = once(func() { happened = true; change() })
	o.Sample = &sampler.SampleSize{Again: dealtFrom(server.Client(), part, 8)}
	p := collect(t, server.SocketURL(), o)
	flushed := strings.HasPrefix(p.Nodes[0].Incomplete, "FLUSHALL or FLUSHDB was called")
	if !p.Complete && !flushed || !happened || p.Totals.Failed != 0 {
		t.Errorf("%q, happened %v, %d failed", p.Nodes[0].Incomplete, happened, p.Totals.Failed)
	}
	return p
}

func setAll(pipe redis.Pipeliner, family string, n int) {
	eachName(family, n, func(name string) { pipe.Set(context.Background(), name, "some text", 0) })
}

// checkMoment fails unless the estimate is of some moment of the sample, and the
// profile warns that there were others.
func checkMoment(t *testing.T, p *profile.Profile, least, most int64) {
	t.Helper()
	keys := p.Totals.Keys
	if *keys.Hi < least || keys.Lo > most {
		t.Errorf("%d to %d keys: there were never fewer than %d or more than %d", keys.Lo, *keys.Hi, least, most)
	}
	if !warned(p, "keyspace-changed") {
		t.Errorf("no warning that the keyspace changed: %v", p.Warnings)
	}
}

// A keyspace that grows tenfold: what is there all the time is estimated as ever.
func TestSamplesOfAGrowingServer(t *testing.T) {
	held := holding{}
	for part := range 6 {
		server := redistest.New(t)
		client := server.Client()
		piped(t, client, func(pipe redis.Pipeliner) { setAll(pipe, "stay", fewKeys) })
		p := sampledWhile(t, server, part, func() {
			piped(t, client, func(pipe redis.Pipeliner) { setAll(pipe, "come", manyKeys) })
		})
		held.add("keys that stay", &namespaceOf(t, p, "stay:<int>").Keys, fewKeys)
		checkMoment(t, p, fewKeys, fewKeys+manyKeys)
	}
	held.check(t)
}

// A keyspace that shrinks tenfold, and its table with it.
func TestSamplesOfAShrinkingServer(t *testing.T) {
	held := holding{}
	for part := range 6 {
		server := redistest.New(t)
		client := server.Client()
		piped(t, client, func(pipe redis.Pipeliner) { setAll(pipe, "stay", fewKeys); setAll(pipe, "go", manyKeys) })
		p := sampledWhile(t, server, part, func() {
			piped(t, client, func(pipe redis.Pipeliner) {
				eachName("go", manyKeys, func(name string) { pipe.Unlink(context.Background(), name) })
			})
			time.Sleep(300 * time.Millisecond) // the server shrinks tables ten times a second
		})
		held.add("keys that stay", &namespaceOf(t, p, "stay:<int>").Keys, fewKeys)
		checkMoment(t, p, fewKeys, fewKeys+manyKeys)
	}
	held.check(t)
}

// A keyspace that is emptied.
func TestSampleOfAFlushedServer(t *testing.T) {
	server := redistest.New(t)
	client := server.Client()
	piped(t, client, func(pipe redis.Pipeliner) { setAll(pipe, "go", manyKeys) })
	p := sampledWhile(t, server, 3, func() { do(t, client, "flushall") })
	checkMoment(t, p, 0, manyKeys)
	if p.Complete {
		t.Error("a sample of a server that was flushed is complete")
	}
}

// A replica keeps keys whose TTL has run out until its primary removes them, and counts
// them in DBSIZE; SCAN does not return them. Of 30,000 keys 18,000 are such: estimates
// are of the others, and the profile reports the excess of DBSIZE.
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

// newExpiredReplica returns a replica of a primary that removes no expired keys unless
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

// expired matches the sentence of the text report about expired keys.
var expired = regexp.MustCompile(`INFO had 30,000 before: about (\d+,\d+) fewer \(expired but not yet deleted by its primary, or keys changed during the scan\)`)

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

// shards are the nodes of a small cluster.
const shards = 3

// fillCluster makes keys some of which have hash tags: those of one tag are in one
// slot, but at positions of their own.
func fillCluster(t *testing.T, nodes []*redistest.Server) {
	t.Helper()
	var addrs []string
	for _, node := range nodes {
		addrs = append(addrs, node.Addr())
	}
	client := redis.NewClusterClient(&redis.ClusterOptions{Addrs: addrs})
	defer client.Close()
	ctx, pipe := context.Background(), client.Pipeline()
	for i := range 20_000 {
		pipe.Set(ctx, fmt.Sprintf("user:%d", 1_000_000+i), strings.Repeat("x", i*7919%300), 0)
		pipe.Set(ctx, fmt.Sprintf("cart:{%d}:%d", 1000+i%10, 1_000_000+i), strings.Repeat("x", i*7919%200), 0)
	}
	if _, err := pipe.Exec(ctx); err != nil {
		t.Fatal(err)
	}
}

// The nodes of a cluster before Redis 7.4 have one table each, in which keys are at
// the positions of their whole names: each node is sampled by itself, and the sums of
// the nodes hold the truth of the cluster.
func TestSamplesOfACluster(t *testing.T) {
	const parts = 16
	nodes := redistest.NewCluster(t, shards)
	if ok, why := info.RandomCursors(connect(t, nodes[0].URL()).Node); !ok {
		t.Skip(why) // on a newer server, which scans slot by slot
	}
	fillCluster(t, nodes)
	var censuses []*profile.Profile
	var samples [][]*profile.Profile
	for _, node := range nodes {
		censuses = append(censuses, collect(t, node.SocketURL(), fast()))
		samples = append(samples, dealt(t, node, parts, grouped(censuses[len(censuses)-1])))
	}
	held, seen := holding{}, int64(0)
	for i := range parts {
		var keys, bytes []profile.Estimate
		for k, census := range censuses {
			p := samples[k][i]
			seen += p.Totals.Probed
			holdNode(t, held, p, census)
			keys, bytes = append(keys, p.Totals.Keys), append(bytes, *p.Totals.Bytes)
		}
		held.add("keys of the cluster", new(estimate.Sum(keys...)), 40_000)
		held.add("bytes of the cluster", new(estimate.Sum(bytes...)), bytesOf(censuses))
	}
	held.check(t)
	if seen != 40_000 {
		t.Errorf("all samples have %d keys", seen)
	}
}

// holdNode holds the namespaces of a node against those of its census.
func holdNode(t *testing.T, held holding, p, census *profile.Profile) {
	t.Helper()
	for i := range census.Namespaces {
		of := &census.Namespaces[i]
		ns := namespaceOf(t, p, of.Pattern)
		held.add("keys of "+of.Pattern, &ns.Keys, of.Keys.Value)
		held.add("bytes of "+of.Pattern, ns.Bytes, of.Bytes.Value)
	}
}

func bytesOf(censuses []*profile.Profile) (n int64) {
	for _, p := range censuses {
		n += p.Totals.Bytes.Value
	}
	return n
}
