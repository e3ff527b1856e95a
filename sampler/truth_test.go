package sampler_test

import (
	"context"
	"fmt"
	"hash/fnv"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"keyprof/sampler/profile"
	"keyprof/scanner/redistest"
)

// fact holds the server's replies about one key to plain commands.
type fact struct {
	bytes     int64
	kind      string
	expiresAt time.Time // zero: never
	idle      time.Duration
	shared    bool
}

// factsOf asks for everything, by other means than keyprof's: KEYS and
// PEXPIRETIME, a pipeline at a time.
func factsOf(t *testing.T, client *redis.Client) map[string]fact {
	t.Helper()
	ctx := context.Background()
	facts := map[string]fact{}
	for chunk := range slices.Chunk(client.Keys(ctx, "*").Val(), 1000) {
		pipe := client.Pipeline()
		type row struct {
			bytes, refs *redis.IntCmd
			kind        *redis.StatusCmd
			expire      *redis.DurationCmd
			idle        *redis.DurationCmd
		}
		rows := make([]row, len(chunk))
		for i, key := range chunk {
			rows[i] = row{pipe.MemoryUsage(ctx, key), pipe.ObjectRefCount(ctx, key), pipe.Type(ctx, key), pipe.PExpireTime(ctx, key), pipe.ObjectIdleTime(ctx, key)}
		}
		if _, err := pipe.Exec(ctx); err != nil {
			t.Fatal(err)
		}
		for i, key := range chunk {
			f := fact{bytes: rows[i].bytes.Val(), kind: rows[i].kind.Val(), idle: rows[i].idle.Val(), shared: rows[i].refs.Val() == math.MaxInt32}
			if at := rows[i].expire.Val(); at > 0 {
				f.expiresAt = time.UnixMilli(at.Milliseconds())
			}
			facts[key] = f
		}
	}
	return facts
}

// window says in which buckets a key may be counted, given that its value
// moves while the scan runs.
type window map[int]struct{ surely, perhaps int64 }

func (w window) add(a, b int) {
	for bucket := min(a, b); bucket <= max(a, b); bucket++ {
		c := w[bucket]
		c.perhaps++
		if a == b {
			c.surely++
		}
		w[bucket] = c
	}
}

func (w window) check(t *testing.T, what string, histogram []profile.Bucket) {
	t.Helper()
	counted := map[int]int64{}
	for _, b := range histogram {
		bucket := len(profile.Edges)
		if b.Edge != nil {
			bucket = profile.BucketIndex(profile.Edges, *b.Edge)
		}
		counted[bucket] = b.Keys
	}
	var moving int64
	for bucket := range len(profile.Edges) + 1 {
		if c := w[bucket]; counted[bucket] < c.surely || counted[bucket] > c.perhaps {
			t.Errorf("%s bucket %d: %d keys, want %d to %d", what, bucket, counted[bucket], c.surely, c.perhaps)
		}
		moving += w[bucket].perhaps - w[bucket].surely
	}
	if moving > 2000 {
		t.Errorf("%s: %d keys moved between buckets, too many to prove anything", what, moving)
	}
}

func seconds(d time.Duration) int64 { return int64(math.Ceil(d.Seconds())) }

// Figures against truth: 200,000 keys of all types in two databases.
func TestFiguresAgainstTruth(t *testing.T) {
	ctx := context.Background()
	server := redistest.New(t)
	clients := map[int]*redis.Client{0: server.Client(), 2: server.ClientDB(2)}
	for db, client := range clients {
		if err := redistest.Mixed(ctx, client, 100_000, uint64(db+1)); err != nil {
			t.Fatal(err)
		}
	}
	for _, client := range clients {
		if err := redistest.AgeAll(ctx, client, offTheEdges); err != nil {
			t.Fatal(err)
		}
	}

	before := time.Now()
	facts := map[int]map[string]fact{}
	for db, client := range clients {
		facts[db] = factsOf(t, client)
	}
	o := fast()
	p := collect(t, server.SocketURL(), o)
	for db := range clients {
		check(t, p, db, facts[db], before)
	}
	if p.Totals.Keys.Value != int64(len(facts[0])+len(facts[2])) || !p.Complete {
		t.Errorf("%d keys, complete %v", p.Totals.Keys.Value, p.Complete)
	}
}

// offTheEdges returns an idle time from an hour to 150 days that stays in its bucket
// for some minutes: a test cannot stop the clock.
func offTheEdges(key string) time.Duration {
	h := fnv.New32a()
	h.Write([]byte(key))
	return time.Duration(h.Sum32()%(150*24)+1)*time.Hour + time.Minute
}

// check holds one database's part of a profile against facts that were read
// between before and the beginning of the scan.
func check(t *testing.T, p *profile.Profile, db int, facts map[string]fact, before time.Time) {
	t.Helper()
	sums := sumOf(p, db)
	var bytes, stringBytes, noTTL, shared int64
	kinds := map[string]int64{}
	ttl, idle := window{}, window{}
	for _, f := range facts {
		bytes += f.bytes
		kinds[f.kind]++
		if f.kind == "string" {
			stringBytes += f.bytes
		}
		if f.expiresAt.IsZero() {
			noTTL++
		} else {
			ttl.add(bucketOf(f.expiresAt.Sub(p.Began)), bucketOf(f.expiresAt.Sub(p.Ended.Add(time.Second))))
		}
		if f.shared {
			shared++
		} else {
			idle.add(bucketOf(f.idle), bucketOf(f.idle+p.Ended.Sub(before)+2*time.Second))
		}
	}
	for what, pair := range map[string][2]int64{
		"keys": {sums.keys, int64(len(facts))}, "no-TTL keys": {sums.noTTL, noTTL}, "shared": {sums.shared, shared},
		"bytes": {sums.bytes, bytes}, "bytes of strings": {sums.stringBytes, stringBytes},
	} {
		if pair[0] != pair[1] {
			t.Errorf("db%d %s: %d, want %d", db, what, pair[0], pair[1])
		}
	}
	if fmt.Sprint(sums.kinds) != fmt.Sprint(kinds) {
		t.Errorf("db%d types %v, want %v", db, sums.kinds, kinds)
	}
	ttl.check(t, fmt.Sprintf("db%d TTL", db), sums.ttl)
	idle.check(t, fmt.Sprintf("db%d idle", db), sums.idle)
}

func bucketOf(d time.Duration) int { return profile.BucketIndex(profile.Edges, seconds(d)) }

type sums struct {
	keys, bytes, stringBytes, noTTL, shared int64
	kinds                                   map[string]int64
	ttl, idle                               []profile.Bucket
}

// sumOf adds up a database's namespaces.
func sumOf(p *profile.Profile, db int) sums {
	s := sums{kinds: map[string]int64{}}
	for _, n := range p.Namespaces {
		if n.DB != db {
			continue
		}
		s.keys += n.Keys.Value
		s.bytes += n.Bytes.Value
		s.noTTL += n.NoTTLKeys.Value
		s.shared += n.Idle.SharedKeys
		for kind, ts := range n.Types {
			s.kinds[kind] += ts.Keys
		}
		if ts, ok := n.Types["string"]; ok {
			s.stringBytes += *ts.Bytes
		}
		s.ttl = addHistogram(s.ttl, n.TTL.Histogram)
		s.idle = addHistogram(s.idle, n.Idle.Histogram)
	}
	return s
}

func addHistogram(sum, more []profile.Bucket) []profile.Bucket {
	for _, b := range more {
		at := slices.IndexFunc(sum, func(s profile.Bucket) bool {
			return s.Edge == nil && b.Edge == nil || s.Edge != nil && b.Edge != nil && *s.Edge == *b.Edge
		})
		if at < 0 {
			sum, at = append(sum, profile.Bucket{Edge: b.Edge}), len(sum)
		}
		sum[at].Keys += b.Keys
	}
	return sum
}
