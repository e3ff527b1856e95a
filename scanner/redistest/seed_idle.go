package redistest

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"
)

// RestoreIdle writes a string with a TTL (0 for none) and an idle time, as if it had not
// been used for that long. Redis counts idle times in whole seconds, up to 194 days. A
// small integer (0 to 9999) may share its idle time with all equal ones; under an LFU
// policy the server ignores the idle time; and the server's uptime, which a profile may
// compare with idle times, does not change.
func RestoreIdle(ctx context.Context, client redis.UniversalClient, key, value string, ttl, idle time.Duration) error {
	if err := client.Set(ctx, key, value, ttl).Err(); err != nil {
		return err
	}
	return Age(ctx, client, idle, key)
}

// Age gives existing keys of any type the same idle time, keeping their TTLs, by DUMP and
// RESTORE ... IDLETIME; see RestoreIdle. It takes two round trips whatever the number of
// keys. A missing key is an error.
func Age(ctx context.Context, client redis.UniversalClient, idle time.Duration, keys ...string) error {
	return age(ctx, client, keys, func(string) time.Duration { return idle })
}

func age(ctx context.Context, client redis.UniversalClient, keys []string, idle func(string) time.Duration) error {
	if len(keys) == 0 {
		return nil
	}
	dumps, ttls, err := dumpAll(ctx, client, keys)
	if err != nil {
		return err
	}
	restore := client.Pipeline()
	for i, key := range keys {
		restore.Do(ctx, "RESTORE", key, restoreTTL(ttls[i]), dumps[i],
			"REPLACE", "IDLETIME", int64(idle(key)/time.Second))
	}
	_, err = restore.Exec(ctx)
	return err
}

// restoreTTL converts a reply to PTTL to the argument of RESTORE, in milliseconds: no TTL
// is negative for the one and 0 for the other.
func restoreTTL(ttl time.Duration) int64 {
	if ttl < 0 {
		return 0
	}
	return max(1, ttl.Milliseconds())
}

// dumpAll returns the serialized values and the remaining TTLs of keys.
func dumpAll(ctx context.Context, client redis.UniversalClient, keys []string) ([]string, []time.Duration, error) {
	pipe := client.Pipeline()
	dumpCmds := make([]*redis.StringCmd, len(keys))
	ttlCmds := make([]*redis.DurationCmd, len(keys))
	for i, key := range keys {
		dumpCmds[i], ttlCmds[i] = pipe.Dump(ctx, key), pipe.PTTL(ctx, key)
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return nil, nil, fmt.Errorf("dump: %w", err)
	}
	dumps := make([]string, len(keys))
	ttls := make([]time.Duration, len(keys))
	for i := range keys {
		dumps[i], ttls[i] = dumpCmds[i].Val(), ttlCmds[i].Val()
	}
	return dumps, ttls, nil
}

// AgeAll gives every key of the client's database the idle time that idle returns for it;
// see Age. It scans the database, so idle may be called twice for a key and must return
// the same. A negative result leaves the key unchanged.
func AgeAll(ctx context.Context, client redis.UniversalClient, idle func(key string) time.Duration) error {
	var cursor uint64
	for {
		keys, next, err := client.Scan(ctx, cursor, "", batchKeys).Result()
		if err != nil {
			return err
		}
		keys = slices.DeleteFunc(keys, func(key string) bool { return idle(key) < 0 })
		if err := age(ctx, client, keys, idle); err != nil {
			return err
		}
		if cursor = next; cursor == 0 {
			return nil
		}
	}
}
