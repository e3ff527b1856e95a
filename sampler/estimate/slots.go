package estimate

import (
	"math"

	"keyprof/sampler/profile"
)

// Student's t of 15 degrees of freedom, one less than there are random groups.
const (
	t95       = 2.131449545559323  // two-sided 95 %
	t95Single = 1.7530503556925552 // one-sided 95 %
)

// roughest is the relative standard error from which on a sum of bytes in a sample
// of slots has no upper end: that is a namespace of which fewer than about 16
// slots were met, so that what it shows of its own spread says little.
const roughest = 0.25

// Slots describe a sample of the slots of a cluster.
type Slots struct {
	Taken int64 // names of keys, those that could not be measured included
	Keys  int64 // of which they were taken, by CLUSTER COUNTKEYSINSLOT
	// Groups are the keys of the sample that were measured, by random group: all
	// keys of a unit of the sample are in one.
	Groups []int64
	// Least and Most are bounds on the number of keys while they were measured; it
	// is Keys between them.
	Least, Most int64
}

// NewSlotFrame is the frame of a sample of slots. Every key was taken with the same
// probability, and those of a unit together: the variance is that of a sample of
// single keys times a design effect (Kish, "Survey Sampling", 1965, section 5.4),
// which the random groups tell.
func NewSlotFrame(s Slots) Frame {
	return Frame{
		fraction: min(1, float64(s.Taken)/float64(max(1, s.Keys))),
		seen:     s.Taken, keys: s.Keys, known: true, slots: &s,
	}
}

// All estimates how many keys there are, of which seen were measured.
func (f Frame) All(seen int64) profile.Estimate {
	if f.slots == nil || seen < f.seen {
		return f.Count(seen)
	}
	return f.drifted(profile.Exact(f.keys))
}

// effect is the design effect of a sum over the sample, at least 1: the variance
// that its random groups show, by that of a sample of single keys. The groups of a
// ratio of two sums differ by Y - Rn, to the first order (Wolter, "Introduction to
// Variance Estimation", 2007, chapter 2).
func (f Frame) effect(groups []int64, variance float64) float64 {
	if f.slots == nil || len(groups) != len(f.slots.Groups) || variance <= 0 {
		return 1
	}
	sum, all, squares := 0.0, 0.0, 0.0
	for i := range groups {
		sum += float64(groups[i])
		all += float64(f.slots.Groups[i])
	}
	for i := range groups {
		squares += square(float64(groups[i]) - sum/max(1, all)*float64(f.slots.Groups[i]))
	}
	n := float64(len(groups))
	return max(1, squares*n/(n-1)/variance)
}

// countEffect is the effect of a number of keys.
func (f Frame) countEffect(groups []int64, n int64) float64 {
	return f.effect(groups, float64(n)*(1-float64(n)/float64(max(1, f.seen))))
}

// bytesEffect is the effect of a sum of bytes.
func (f Frame) bytesEffect(groups []int64, s profile.ByteSums) float64 {
	return f.effect(groups, s.Squares.Float()-square(float64(s.Bytes))/float64(max(1, f.seen)))
}

// tooRough reports whether too few slots were met to tell how much they differ.
func (f Frame) tooRough(value, se float64) bool { return f.slots != nil && se > roughest*value }

// FewSlotsHold reports whether too few slots were met of a namespace that holds a
// large part of all bytes: then neither these have an upper end.
func (f Frame) FewSlotsHold(part *profile.SampleSums, all *profile.Estimate) bool {
	if part == nil || all == nil {
		return false
	}
	value, se := float64(part.Bytes.Bytes)/f.rate(), f.bytesError(part.Bytes)*math.Sqrt(f.bytesEffect(part.Groups.Bytes, part.Bytes))
	return value > largePart*float64(all.Value) && f.tooRough(value, se)
}

// z is how many standard errors an interval has on either side.
func (f Frame) z() (two, one float64) {
	if f.slots != nil {
		return t95, t95Single
	}
	return z95, z95Single
}

// drifted adds what came and went while keys were measured.
func (f Frame) drifted(e profile.Estimate) profile.Estimate {
	if f.slots == nil || f.keys == 0 {
		return e
	}
	all := float64(f.keys)
	e.Lo = min(e.Lo, integer(math.Floor(float64(e.Lo)*float64(f.slots.Least)/all)))
	if e.Hi != nil {
		e.Hi = new(max(*e.Hi, integer(math.Ceil(float64(*e.Hi)*float64(f.slots.Most)/all))))
	}
	return e
}
