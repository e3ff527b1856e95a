package redistest

import (
	"context"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/redis/go-redis/v9"
)

// batchKeys is the number of keys that a seeder writes in one round trip.
const batchKeys = 1000

// batch collects the writes of a seeder and sends them every batchKeys keys.
type batch struct {
	ctx  context.Context
	pipe redis.Pipeliner
	keys int // in pipe
}

func newBatch(ctx context.Context, client redis.UniversalClient) *batch {
	return &batch{ctx: ctx, pipe: client.Pipeline()}
}

// done ends one key, and the round trip if it was the last one of it.
func (b *batch) done() error {
	if b.keys++; b.keys < batchKeys {
		return nil
	}
	return b.flush()
}

// flush sends what is left; go-redis reports the first command that failed.
func (b *batch) flush() error {
	b.keys = 0
	if _, err := b.pipe.Exec(b.ctx); err != nil {
		return fmt.Errorf("seeding: %w", err)
	}
	return nil
}

// expire sets the TTL of a key just written; 0 means none.
func (b *batch) expire(key string, ttl time.Duration) {
	if ttl > 0 {
		b.pipe.PExpire(b.ctx, key, ttl)
	}
}

// newRand returns a seeder's source of random numbers: the same seed gives the same keys
// and values on every machine.
func newRand(seed uint64) *rand.Rand {
	return rand.New(rand.NewPCG(seed, 0x6b657970726f66)) // "keyprof"
}

const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// token returns n random base-62 digits.
func token(r *rand.Rand, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = base62[r.IntN(len(base62))]
	}
	return string(b)
}

// hexToken returns n random hexadecimal digits; n must be even.
func hexToken(r *rand.Rand, n int) string {
	return hex.EncodeToString(randomBytes(r, n/2))
}

// uuid returns a random UUID of version 4.
func uuid(r *rand.Rand) string {
	b := randomBytes(r, 16)
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	h := hex.EncodeToString(b)
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

func randomBytes(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// between returns a random duration in [lo, hi), in whole seconds.
func between(r *rand.Rand, lo, hi time.Duration) time.Duration {
	return lo + time.Duration(r.Int64N(int64((hi-lo)/time.Second)))*time.Second
}
