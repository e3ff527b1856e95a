package aggregate

import "keyprof/sampler/profile"

// quantity adds up one quantity over keys: sizes in bytes, times in seconds or
// milliseconds.
type quantity struct {
	count    int64
	sum      profile.Sum // in the unit of the profile
	min, max int64
	sketch   profile.Sketch // in the unit of the profile
}

// add counts v, which is not negative. As a profile counts in bytes and
// seconds, perUnit is how many of v make one: 1, or millisPerSecond.
func (q *quantity) add(v, perUnit int64) {
	if q.count == 0 || v < q.min {
		q.min = v
	}
	q.max = max(q.max, v)
	q.count++
	if perUnit == millisPerSecond {
		q.sum = q.sum.Plus(profile.SumOfThousandths(v))
	} else {
		q.sum = q.sum.Plus(profile.SumOf(v))
	}
	q.sketch.Add(float64(v) / float64(perUnit))
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
	q.sum = q.sum.Plus(other.sum)
	q.sketch.Merge(&other.sketch)
}

// distribution is nil when there were no keys.
func (q *quantity) distribution(perUnit int64) *profile.Distribution {
	if q.count == 0 {
		return nil
	}
	unit := float64(perUnit)
	return profile.NewDistribution(&q.sketch, float64(q.min)/unit, float64(q.max)/unit, q.sum)
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

// take takes other away.
func (t *tally) take(other tally) {
	t.keys -= other.keys
	t.bytes -= other.bytes
}
