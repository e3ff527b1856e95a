package estimate

import (
	"math"

	"keyprof/sampler/profile"
)

// The guard says when an interval of bytes would be a lie: where the variance of
// the sizes has no bound, the standard deviation that a sample shows is too
// small, and intervals made of it miss the truth far more often than they say.
const (
	largePart = 0.05 // a key with more of the bytes than this is a large part of them
	leastTail = 2    // a tail index below this is that of an infinite variance
	topPart   = 0.05 // of the keys, by whose sizes the tail is judged
)

// fewHold is the guard.
func fewHold(s profile.ByteSums, tail float64) bool {
	return float64(s.Largest) > largePart*float64(s.Bytes) || tail < leastTail || s.Keys == 0
}

// TailIndex is Hill's estimate of the exponent with which the largest sizes grow
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

// Unseen is the most keys larger than the largest that was seen which there may
// be, at 95 %, when a share of all keys in (0,1] was seen: the rule of three,
// 3/share, in the form that holds for large shares, too. With one more it would
// be unlikelier than 5 % that none of them was met.
func Unseen(share float64) int64 {
	if share >= 1 {
		return 0
	}
	const missed = 0.05
	return integer(math.Log(missed) / math.Log1p(-share))
}
