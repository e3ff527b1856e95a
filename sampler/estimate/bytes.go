package estimate

import (
	"math"

	"keyprof/sampler/profile"
)

// Bytes estimates the total size of a set of keys, in bytes, from the sums over those
// that were seen: by the central limit theorem, unless a few keys hold most of the
// bytes. Then there is no upper end, and the lower one is that of a one-sided 95 %
// interval. tail is the TailIndex of the sizes.
func (f Frame) Bytes(s profile.ByteSums, tail float64) profile.Estimate { return f.bytes(s, tail, 1) }

// bytes is Bytes with a design effect. The pooled variance widens the interval, or
// removes its upper end; see [PooledVariance].
func (f Frame) bytes(s profile.ByteSums, tail, effect float64) profile.Estimate {
	if f.whole() {
		return profile.Exact(s.Bytes)
	}
	value := float64(s.Bytes) / f.rate()
	se := max(f.bytesError(s)*math.Sqrt(effect), f.errorOf(f.pooledSquares(s), s))
	two, one := f.z()
	if heavyTailed(s, tail) || f.tooImprecise(value, se) || f.mayHideLargeKeys(two*se/max(value, 1)) {
		e := interval(value, value-one*se, value, s.Bytes)
		e.Hi = nil
		return f.widenForDrift(e)
	}
	return f.widenForDrift(interval(value, value-two*se, value+two*se, s.Bytes))
}

// bytesError returns the standard error of the estimated bytes.
func (f Frame) bytesError(s profile.ByteSums) float64 { return f.errorOf(s.Squares.Float(), s) }

// errorOf returns the standard error of the estimated bytes of sizes with such a sum of
// squares: √((1-f)/f² Σy²), and where the number of keys N is known N·s/√n·√(1-n/N),
// in which s² is the variance over all n keys of the sample, those outside the set
// being 0.
func (f Frame) errorOf(squares float64, s profile.ByteSums) float64 {
	rate := f.rate()
	if f.known && f.seen > 1 {
		n, sum := float64(f.seen), float64(s.Bytes)
		squares = max(squares-sum*sum/n, 0) * n / (n - 1)
	}
	return math.Sqrt((1-rate)*squares) / rate
}

// Sum returns the sum of independent estimates: the distances of the ends
// add up by their squares (Zou and Donner, "Construction of confidence limits
// about effect measures", 2008). Independent they are where no two of them have
// the same keys: for databases of one server see [SumCorrelated].
func Sum(parts ...profile.Estimate) profile.Estimate { return sum(math.Hypot, parts) }

// SumCorrelated returns the sum of the estimates that one sample gives for several
// databases. A name is at the same position in each of them, so that a sample may
// have too many keys of all at once: the distances of the ends add up, which is as
// wide as it may be.
func SumCorrelated(parts ...profile.Estimate) profile.Estimate {
	return sum(func(a, b float64) float64 { return a + b }, parts)
}

// sum adds up estimates, and distances of their ends as told.
func sum(add func(a, b float64) float64, parts []profile.Estimate) profile.Estimate {
	var value, below, above float64
	open := false
	for _, e := range parts {
		value += float64(e.Value)
		below = add(below, float64(e.Value-e.Lo))
		if e.Hi == nil {
			open = true
			continue
		}
		above = add(above, float64(*e.Hi-e.Value))
	}
	if len(parts) == 1 {
		return parts[0]
	}
	e := interval(value, value-below, value+above, 0)
	if open {
		e.Hi = nil
	}
	return e
}

func square(v float64) float64 { return v * v }

// PooledVariance is the variance of sizes over all namespaces of a database. One
// collection in thousands may be a hundred times as large as the others; a sample that
// has none of these in one namespace has some in others. The sizes of a namespace of
// collections are assumed to vary, relative to their mean, as much as those of all
// namespaces together, unless enough of its keys were seen.
type PooledVariance struct {
	keys     float64 // of collections
	variance float64 // times keys: relative to the square of the mean of each namespace
	largest  float64 // size, relative to the mean of its namespace
}

// Add takes in the sums of a namespace.
func (k *PooledVariance) Add(s *profile.SampleSums) {
	if !ofCollections(s) {
		return
	}
	n, sum := float64(s.Bytes.Keys), float64(s.Bytes.Bytes)
	k.keys += n
	k.variance += n * (s.Bytes.Squares.Float()*n/square(sum) - 1)
	k.largest = max(k.largest, float64(s.Bytes.Largest)*n/sum)
}

// ofCollections reports whether most bytes of a namespace are those of collections.
func ofCollections(s *profile.SampleSums) bool {
	return s != nil && s.Bytes.Bytes > 0 && s.SampledBytes.Bytes > s.Bytes.Bytes/2
}

// WithPooled returns the frame for a namespace with the sums s, of the database of
// kin.
func (f Frame) WithPooled(kin PooledVariance, s *profile.SampleSums) Frame {
	if !ofCollections(s) || kin.keys == 0 {
		return f
	}
	// By the rule of three no more than 3/n of its keys are as large as the largest,
	// relative to the others.
	most := 3 / float64(s.Bytes.Keys)
	f.variance = min(max(0, kin.variance/kin.keys), most*square(kin.largest))
	f.unseenPart = most * kin.largest
	return f
}

// mayHideLargeKeys reports whether unseen keys as large as the largest of the database
// may hold more than an interval of half on either side, relative to the bytes, allows
// for.
func (f Frame) mayHideLargeKeys(half float64) bool { return f.unseenPart > max(largePart, half) }

// pooledSquares returns the sum of squares of sizes that have the pooled variance.
func (f Frame) pooledSquares(s profile.ByteSums) float64 {
	if f.variance == 0 || s.Keys == 0 {
		return 0
	}
	return square(float64(s.Bytes)) / float64(s.Keys) * (1 + f.variance)
}

// Where the variance of the sizes has no bound, the standard deviation of a sample is
// too small, and intervals computed from it miss the truth far more often than in 5 of
// 100 samples. These constants say when that must be feared.
const (
	largePart = 0.05 // a key with more of the bytes than this is a large part of them
	leastTail = 2    // a tail index below this is that of an infinite variance
	topPart   = 0.05 // of the keys, from whose sizes the tail is estimated
)

// heavyTailed reports whether an interval of bytes would be too narrow.
func heavyTailed(s profile.ByteSums, tail float64) bool {
	return float64(s.Largest) > largePart*float64(s.Bytes) || tail < leastTail || s.Keys == 0
}

// TailIndex returns Hill's estimate of the exponent with which the largest sizes grow
// rare (Hill, "A simple general approach to inference about the tail of a
// distribution", 1975), from the top 5 % of a sketch: that of sizes of which the
// share above x falls as x^-index. It is +Inf when these sizes are all alike, and
// when there are none.
func TailIndex(s *profile.Sketch) float64 {
	if s == nil {
		return math.Inf(1)
	}
	type bin struct {
		value float64
		count int64
	}
	var bins []bin
	s.Each(func(value float64, count int64) {
		if value > 0 {
			bins = append(bins, bin{value, count})
		}
	})
	top := int64(math.Ceil(topPart * float64(s.Count())))
	var logs float64
	left := top
	for i := len(bins) - 1; i >= 0 && left > 0; i-- {
		n := min(bins[i].count, left)
		left -= n
		logs += float64(n) * math.Log(bins[i].value)
		if left == 0 { // the least of the top
			if excess := logs - float64(top)*math.Log(bins[i].value); excess > 0 {
				return float64(top) / excess
			}
		}
	}
	return math.Inf(1)
}

// Unseen returns the upper bound, at 95 %, of the number of keys larger than the largest
// one seen, when a share of all keys in (0,1] was seen: the rule of three,
// 3/share, in the form that holds for large shares, too. With one more it would
// be less likely than 5 % that none of them was seen.
func Unseen(share float64) int64 {
	if share >= 1 {
		return 0
	}
	const missed = 0.05
	return integer(math.Log(missed) / math.Log1p(-share))
}
