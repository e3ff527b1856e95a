package redistest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/redis/go-redis/v9"
)

// Mixed writes n keys of all core types in a dozen families, each key once: more than
// half are strings of 16 B to 16 KiB, few collections are large, about half of the keys
// have a TTL, from an hour to two years. The database should be empty before. The same
// seed gives the same keys, values and TTLs. A million keys take under a minute and about
// 0.7 GB.
func Mixed(ctx context.Context, client redis.UniversalClient, n int, seed uint64) error {
	m := &mixer{batch: newBatch(ctx, client), r: newRand(seed)}
	m.text = token(m.r, 64<<10)
	for i := range n {
		f := pickFamily(m.r)
		key := f.write(m, i)
		m.expire(key, mixedTTL(m.r, f.volatile))
		if err := m.done(); err != nil {
			return err
		}
	}
	return m.flush()
}

// mixer holds the state of Mixed.
type mixer struct {
	*batch
	r    *rand.Rand
	text string // values are pieces of it, which is faster than generating each
}

// family is one kind of key. Its write method gets a number that no other key
// has, to put into the name.
type family struct {
	weight   int // per cent of all keys
	volatile int // per cent of its keys that have a TTL
	write    func(m *mixer, i int) (key string)
}

var families = []family{
	{24, 95, func(m *mixer, _ int) string { return m.set("session:"+uuid(m.r), m.value(80, 400)) }},
	{16, 85, func(m *mixer, _ int) string { return m.set("cache:page:"+hexToken(m.r, 40), m.page()) }},
	{12, 5, func(m *mixer, i int) string { return m.set(fmt.Sprintf("user:%d:token", i), m.value(16, 64)) }},
	{10, 10, func(m *mixer, i int) string { return m.set(fmt.Sprintf("counter:%d", i), m.r.IntN(20_000)) }},
	{13, 5, func(m *mixer, i int) string { return m.hash(fmt.Sprintf("user:%d:profile", i), 3, 12) }},
	{3, 50, func(m *mixer, i int) string { return m.hash(fmt.Sprintf("cart:{%d}:items", i), 5, 200) }},
	{6, 30, func(m *mixer, i int) string { return m.list(fmt.Sprintf("timeline:%d", i)) }},
	{5, 20, func(m *mixer, i int) string { return m.stringSet(fmt.Sprintf("tags:%d", i)) }},
	{4, 20, func(m *mixer, i int) string { return m.intSet(fmt.Sprintf("followers:%d", i)) }},
	{5, 60, func(m *mixer, i int) string { return m.sortedSet(rankName(m.r, i)) }},
	{2, 80, func(m *mixer, i int) string { return m.stream(fmt.Sprintf("events:%d", i)) }},
}

// pickFamily chooses a family at random by weight. The weights sum to 100.
func pickFamily(r *rand.Rand) family {
	at := r.IntN(100)
	for _, f := range families {
		if at -= f.weight; at < 0 {
			return f
		}
	}
	panic("redistest: the families' weights do not sum to 100")
}

// mixedTTL returns 0 for none, or a TTL from an hour to two years: each span of lengths
// is as likely as the others. None is so short that keys expire while a test counts them.
func mixedTTL(r *rand.Rand, volatile int) time.Duration {
	if r.IntN(100) >= volatile {
		return 0
	}
	const hour, day = time.Hour, 24 * time.Hour
	edges := []time.Duration{hour, 6 * hour, day, 7 * day, 30 * day, 180 * day, 730 * day}
	i := r.IntN(len(edges) - 1)
	return between(r, edges[i], edges[i+1])
}

func rankName(r *rand.Rand, i int) string {
	day := time.Date(2024, time.January, 1+r.IntN(365), 0, 0, 0, 0, time.UTC)
	return fmt.Sprintf("rank:%s:%d", day.Format(time.DateOnly), i)
}

// value returns a text of lo to hi-1 bytes.
func (m *mixer) value(lo, hi int) string {
	n := lo + m.r.IntN(hi-lo)
	at := m.r.IntN(len(m.text) - n)
	return m.text[at : at+n]
}

// page returns a text whose length varies as that of web pages does: mostly
// short, sometimes 16 KiB.
func (m *mixer) page() string {
	switch p := m.r.IntN(100); {
	case p < 75:
		return m.value(100, 600)
	case p < 97:
		return m.value(600, 3000)
	default:
		return m.value(3000, 16<<10)
	}
}

// size returns the number of elements of a collection: lo to hi-1, and a hundred
// times that in one of 2,000.
func (m *mixer) size(lo, hi int) int {
	n := lo + m.r.IntN(hi-lo)
	if m.r.IntN(2000) == 0 {
		n *= 100
	}
	return n
}
