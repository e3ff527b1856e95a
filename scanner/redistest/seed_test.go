package redistest

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// keyspace returns the keys and expires of a database as INFO tells them.
func keyspace(t *testing.T, client *redis.Client) (keys, expires int) {
	t.Helper()
	info := client.Info(t.Context(), "keyspace").Val()
	_, line, found := strings.Cut(info, "db0:")
	if !found {
		return 0, 0
	}
	if _, err := fmt.Sscanf(line, "keys=%d,expires=%d", &keys, &expires); err != nil {
		t.Fatalf("%q: %v", info, err)
	}
	return keys, expires
}

// allKeys returns every name in the database.
func allKeys(t *testing.T, client *redis.Client) []string {
	t.Helper()
	keys, err := client.Keys(t.Context(), "*").Result()
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func TestSeedTickets(t *testing.T) {
	client := New(t).Client()
	if err := SeedTickets(t.Context(), client); err != nil {
		t.Fatal(err)
	}
	if keys, expires := keyspace(t, client); keys != 49_124 || expires != 653 {
		t.Errorf("keys = %d, with a TTL %d", keys, expires)
	}
	name := regexp.MustCompile(`^16[0-9]{8}:cust-[0-9]{4}:[0-9A-Za-z]{24}$`)
	for _, key := range allKeys(t, client) {
		if !name.MatchString(key) {
			t.Fatalf("odd name %q", key)
		}
	}
}

func TestSeedResque(t *testing.T) {
	client := New(t).Client()
	if err := SeedResque(t.Context(), client); err != nil {
		t.Fatal(err)
	}
	if keys, expires := keyspace(t, client); keys != ResqueStatusKeys+1+ResqueOtherKeys || expires != 0 {
		t.Errorf("keys = %d, with a TTL %d", keys, expires)
	}
	if n := client.LLen(t.Context(), "resque:failed").Val(); n != ResqueFailedJobs {
		t.Errorf("failed jobs: %d", n)
	}
	status, failed := resqueSizes(t, client)
	if share := float64(failed) / float64(status+failed); share < 0.01 || share > 0.05 {
		t.Errorf("resque:failed holds %.1f %% of the bytes, which is not what happened", 100*share)
	}
}

// resqueSizes returns the bytes of values in status keys and in the failed list,
// and checks names and the repetition inside values on the way.
func resqueSizes(t *testing.T, client *redis.Client) (status, failed int) {
	t.Helper()
	name := regexp.MustCompile(`^resque:status:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
	var keys []string
	for _, key := range allKeys(t, client) {
		if name.MatchString(key) {
			keys = append(keys, key)
		}
	}
	if len(keys) != ResqueStatusKeys {
		t.Errorf("%d status keys", len(keys))
	}
	values, err := client.MGet(t.Context(), keys...).Result()
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range values {
		status += len(v.(string))
	}
	first := values[0].(string)
	if mail := regexp.MustCompile(`hooks.example.com/[0-9a-f]{16}`).FindString(first); strings.Count(first, mail) != 2 {
		t.Errorf("the payload is not there twice: %s", first)
	}
	for _, v := range client.LRange(t.Context(), "resque:failed", 0, -1).Val() {
		failed += len(v)
	}
	return status, failed
}

func TestMixed(t *testing.T) {
	const n = 20_000
	client := New(t).Client()
	if err := Mixed(t.Context(), client, n, 7); err != nil {
		t.Fatal(err)
	}
	keys, expires := keyspace(t, client)
	if keys != n || expires < n*4/10 || expires > n*6/10 {
		t.Errorf("keys = %d, with a TTL %d", keys, expires)
	}
	kinds := countKinds(t, client)
	for _, kind := range []string{"string", "hash", "list", "set", "zset", "stream"} {
		if kinds[kind] < n/100 {
			t.Errorf("%d keys of type %s", kinds[kind], kind)
		}
	}
	for _, encoding := range []string{"int", "embstr", "raw", "intset", "hashtable", "skiplist", "quicklist"} {
		if kinds[encoding] == 0 {
			t.Errorf("no key is encoded as %s", encoding)
		}
	}
}

// countKinds returns the number of keys by type and by encoding.
func countKinds(t *testing.T, client *redis.Client) map[string]int {
	t.Helper()
	pipe := client.Pipeline()
	for _, key := range allKeys(t, client) {
		pipe.Type(t.Context(), key)
		pipe.ObjectEncoding(t.Context(), key)
	}
	cmds, err := pipe.Exec(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]int{}
	for _, cmd := range cmds {
		kinds[cmd.(interface{ Val() string }).Val()]++
	}
	return kinds
}

func TestFamiliesAddUp(t *testing.T) {
	sum := 0
	for _, f := range families {
		sum += f.weight
	}
	if sum != 100 {
		t.Errorf("the weights sum to %d", sum)
	}
}

// TestSeedsAreReproducible compares two servers by name and serialized value.
func TestSeedsAreReproducible(t *testing.T) {
	a, b := New(t).Client(), New(t).Client()
	for _, client := range []*redis.Client{a, b} {
		if err := Mixed(t.Context(), client, 3000, 42); err != nil {
			t.Fatal(err)
		}
	}
	keys := allKeys(t, a)
	for _, key := range keys {
		if typ := a.Type(t.Context(), key).Val(); typ == "hash" || typ == "set" {
			continue // a hash table's order is the server's own
		}
		if a.Dump(t.Context(), key).Val() != b.Dump(t.Context(), key).Val() {
			t.Fatalf("%s differs", key)
		}
		ta, tb := a.PTTL(t.Context(), key).Val(), b.PTTL(t.Context(), key).Val()
		if d := (ta - tb).Abs(); d > time.Minute {
			t.Fatalf("%s: TTL differs by %v", key, d)
		}
	}
}

func TestSeedersReportFailure(t *testing.T) {
	client := New(t, "--maxmemory", "3mb").Client()
	for name, seed := range map[string]func(context.Context, redis.UniversalClient) error{
		"tickets": SeedTickets,
		"resque":  SeedResque,
		"mixed": func(ctx context.Context, c redis.UniversalClient) error {
			return Mixed(ctx, c, 20_000, 1)
		},
	} {
		if err := seed(t.Context(), client); err == nil || !strings.Contains(err.Error(), "OOM") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRestoreIdle(t *testing.T) {
	client := New(t).Client()
	const idle = 40 * 24 * time.Hour
	if err := RestoreIdle(t.Context(), client, "k", "value", time.Hour, idle); err != nil {
		t.Fatal(err)
	}
	if err := RestoreIdle(t.Context(), client, "forever", "value", 0, idle); err != nil {
		t.Fatal(err)
	}
	assertIdle(t, client, "k", idle)
	assertIdle(t, client, "forever", idle)
	if ttl := client.TTL(t.Context(), "k").Val(); ttl < 59*time.Minute || ttl > time.Hour {
		t.Errorf("TTL = %v", ttl)
	}
	if ttl := client.TTL(t.Context(), "forever").Val(); ttl != -1 {
		t.Errorf("TTL = %v", ttl)
	}
	if v := client.Get(t.Context(), "k").Val(); v != "value" {
		t.Errorf("value = %q", v)
	}
}

func assertIdle(t *testing.T, client *redis.Client, key string, want time.Duration) {
	t.Helper()
	got := client.ObjectIdleTime(t.Context(), key).Val()
	if diff := got - want; diff < -time.Second || diff > time.Minute {
		t.Errorf("%s is idle for %v, not %v", key, got, want)
	}
}

func TestAgeOfAMissingKey(t *testing.T) {
	client := New(t).Client()
	if err := Age(t.Context(), client, time.Hour, "missing"); err == nil {
		t.Error("no error")
	}
	if err := Age(t.Context(), client, time.Hour); err != nil {
		t.Errorf("no keys: %v", err)
	}
}

func TestAgeAll(t *testing.T) {
	client := New(t).Client()
	if err := Mixed(t.Context(), client, 3000, 3); err != nil {
		t.Fatal(err)
	}
	_, expires := keyspace(t, client)
	before := allKeys(t, client)
	err := AgeAll(t.Context(), client, func(key string) time.Duration {
		if strings.HasPrefix(key, "session:") {
			return -1
		}
		return time.Duration(len(key)) * time.Hour
	})
	if err != nil {
		t.Fatal(err)
	}
	keys, expiresAfter := keyspace(t, client)
	if keys != len(before) || expiresAfter != expires {
		t.Errorf("keys %d -> %d, with a TTL %d -> %d", len(before), keys, expires, expiresAfter)
	}
	for _, key := range before {
		switch {
		case strings.HasPrefix(key, "session:"):
			assertIdle(t, client, key, 0)
		case !strings.HasPrefix(key, "counter:"): // small integers share theirs
			assertIdle(t, client, key, time.Duration(len(key))*time.Hour)
		}
	}
}
