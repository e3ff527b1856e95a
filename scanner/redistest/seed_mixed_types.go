package redistest

import (
	"strconv"

	"github.com/redis/go-redis/v9"
)

// The methods below write one key of one type, and return its name.

func (m *mixer) set(key string, value any) string {
	m.pipe.Set(m.ctx, key, value, 0)
	return key
}

func (m *mixer) hash(key string, lo, hi int) string {
	n := m.size(lo, hi)
	pairs := make([]any, 0, 2*n)
	for i := range n {
		pairs = append(pairs, "field"+strconv.Itoa(i), m.value(5, 40))
	}
	m.pipe.HSet(m.ctx, key, pairs...)
	return key
}

func (m *mixer) list(key string) string {
	m.pipe.RPush(m.ctx, key, m.texts(m.size(1, 20))...)
	return key
}

func (m *mixer) stringSet(key string) string {
	m.pipe.SAdd(m.ctx, key, m.texts(m.size(1, 20))...)
	return key
}

// intSet writes a set of integers, which Redis keeps in a compact form up to 512.
func (m *mixer) intSet(key string) string {
	members := make([]any, m.size(1, 60))
	for i := range members {
		members[i] = m.r.Int32()
	}
	m.pipe.SAdd(m.ctx, key, members...)
	return key
}

func (m *mixer) sortedSet(key string) string {
	members := make([]redis.Z, m.size(1, 30))
	for i := range members {
		members[i] = redis.Z{Score: float64(m.r.IntN(100_000)), Member: m.value(8, 24)}
	}
	m.pipe.ZAdd(m.ctx, key, members...)
	return key
}

// stream writes one command an entry, as there is none for several.
func (m *mixer) stream(key string) string {
	for i := range m.size(1, 6) {
		m.pipe.XAdd(m.ctx, &redis.XAddArgs{
			Stream: key,
			ID:     "1700000000000-" + strconv.Itoa(i+1), // the server's clock would differ each time
			Values: []any{"kind", "click", "data", m.value(10, 80)},
		})
	}
	return key
}

func (m *mixer) texts(n int) []any {
	texts := make([]any, n)
	for i := range texts {
		texts[i] = m.value(10, 60)
	}
	return texts
}
