package sampler_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"keyprof/sampler/profile"
	"keyprof/scanner/redistest"
)

// newSlowlyRehashed is a server that moves no bucket of a table which it resizes
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
