package sampler

import (
	"math"
	"math/bits"

	"keyprof/sampler/profile"
)

// quantity adds up one quantity over keys: sizes in bytes, times in seconds or
// milliseconds. Sums are kept in 128 bits: ten million keys with a TTL of
// thirty years pass 2^63 milliseconds.
type quantity struct {
	count    int64
	high, lo uint64 // sum
	min, max int64
	sketch   profile.Sketch
}

// add counts v, which is not negative; the sketch gets v/unit.
func (q *quantity) add(v int64, unit float64) {
	if q.count == 0 || v < q.min {
		q.min = v
	}
	q.max = max(q.max, v)
	q.count++
	q.addSum(0, uint64(v))
	q.sketch.Add(float64(v) / unit)
}

func (q *quantity) addSum(high, lo uint64) {
	var carry uint64
	q.lo, carry = bits.Add64(q.lo, lo, 0)
	q.high, _ = bits.Add64(q.high, high, carry)
}

func (q *quantity) merge(other *quantity) {
	if other.count == 0 {
		return
	}
	if q.count == 0 || other.min < q.min {
		q.min = other.min
	}
	q.max = max(q.max, other.max)
	q.count += other.count
	q.addSum(other.high, other.lo)
	q.sketch.Merge(&other.sketch)
}

// distribution is nil when there were no keys. Values are divided by unit.
func (q *quantity) distribution(unit float64) *profile.Distribution {
	if q.count == 0 {
		return nil
	}
	sum := math.Ldexp(float64(q.high), 64) + float64(q.lo)
	return profile.NewDistribution(&q.sketch, float64(q.min)/unit, float64(q.max)/unit, sum/unit/float64(q.count))
}

// tally counts keys and their bytes.
type tally struct{ keys, bytes int64 }

func (t *tally) add(bytes int64) {
	t.keys++
	t.bytes += bytes
}

func (t *tally) merge(other tally) {
	t.keys += other.keys
	t.bytes += other.bytes
}
