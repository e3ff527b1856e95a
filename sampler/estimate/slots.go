package estimate

import (
	"math"

	"keyprof/sampler/profile"
)

// maxRelativeError is the relative standard error from which on a sum of bytes in a sample
// of slots has no upper end: the namespace was seen in fewer than about 16 slots, too
// few to estimate its variance.
const maxRelativeError = 0.25

// Slots describes a sample of the slots of a cluster.
type Slots struct {
	Keys int64 // of which the sample was drawn, by CLUSTER COUNTKEYSINSLOT
	// Taken is the number of Keys that the sample represents, by random group: all
	// keys of a sampling unit are in one group. It includes keys that could not be
	// measured.
	Taken []float64
	// Groups are the keys of the sample that were measured, by random group.
	Groups []int64
	// Least and Most are bounds on the number of keys while they were measured; it
	// is Keys between them.
	Least, Most int64
}

// NewSlotFrame returns the frame of a sample of slots. Every key was taken with the same
// probability, and those of a unit together: the variance is that of a sample of
// single keys times a design effect (Kish, "Survey Sampling", 1965, section 5.4),
// which the random groups tell. A figure of all keys is the ratio of what was measured
// to what was taken, times Keys, and so is the number of keys itself: of those that
// were taken some may be gone.
func NewSlotFrame(s Slots) Frame {
	taken, seen := sumOf(s.Taken), sumOf(s.Groups)
	f := Frame{fraction: 1, seen: int64(seen), keys: s.Keys, known: true, slots: &s}
	if s.Keys > 0 {
		f.fraction = min(1, taken/float64(s.Keys))
	}
	if seen > 0 && taken > 0 {
		f.keys = integer(math.Round(seen * float64(s.Keys) / taken))
	}
	return f
}

// Fraction returns the share of all keys that the sample represents, in [0,1].
func (f Frame) Fraction() float64 { return f.fraction }

// All estimates the number of all keys from a sample of slots.
func (f Frame) All() profile.Estimate {
	if f.whole() {
		return profile.Exact(f.seen)
	}
	if f.seen == 0 {
		return f.Count(0)
	}
	value, off := float64(f.keys), f.halfWidth(f.takenVariance(f.slots.Groups))
	return f.widenForDrift(interval(value, value-off, value+off, f.seen))
}

// halfWidth returns half the width of the 95 % confidence interval of a sum over the
// sample with this variance.
func (f Frame) halfWidth(variance float64) float64 {
	return profile.GroupsT95 * math.Sqrt((1-f.fraction)*variance) / f.rate()
}

// variance of a sum over the sample is what its random groups show, beside a sum that
// is known of all keys. The groups of a ratio of two sums differ by Y - Rx, to the
// first order (Wolter, "Introduction to Variance Estimation", 2007, chapter 2).
func variance[B int64 | float64](groups []int64, beside []B) float64 {
	if len(groups) != len(beside) || len(groups) < 2 {
		return 0
	}
	ratio, squares := 0.0, 0.0
	if all := sumOf(beside); all > 0 {
		ratio = sumOf(groups) / all
	}
	for i := range groups {
		squares += square(float64(groups[i]) - ratio*float64(beside[i]))
	}
	n := float64(len(groups))
	return squares * n / (n - 1)
}

func sumOf[N int64 | float64](list []N) (sum float64) {
	for _, n := range list {
		sum += float64(n)
	}
	return sum
}

// takenVariance returns the variance of the ratio of groups to the keys taken.
func (f Frame) takenVariance(groups []int64) float64 { return variance(groups, f.slots.Taken) }

// spread holds how much a number of keys varies between random groups.
type spread struct {
	effect float64 // design effect of its share of the keys that were measured, at least 1
	more   float64 // variance beside that: of those taken not the same part could be measured everywhere
}

// spreadOf returns the spread of n keys.
func (f Frame) spreadOf(groups []int64, n int64) spread {
	if f.slots == nil {
		return spread{effect: 1}
	}
	among := variance(groups, f.slots.Groups)
	return spread{
		effect: atLeast1(among / (float64(n) * (1 - float64(n)/float64(max(1, f.seen))))),
		more:   max(0, f.takenVariance(groups)-among),
	}
}

// bytesEffect returns the design effect of a sum of bytes.
func (f Frame) bytesEffect(groups []int64, s profile.ByteSums) float64 {
	if f.slots == nil {
		return 1
	}
	return atLeast1(f.takenVariance(groups) / (s.Squares.Float() - square(float64(s.Bytes))/float64(max(1, f.seen))))
}

// atLeast1 returns a design effect; where a sample of single keys had no variance, 1.
func atLeast1(effect float64) float64 {
	if effect > 1 && !math.IsInf(effect, 1) {
		return effect
	}
	return 1
}

// tooImprecise reports whether the sample has too few slots to estimate their variance.
func (f Frame) tooImprecise(value, se float64) bool {
	return f.slots != nil && se > maxRelativeError*value
}

// FewSlotsHold reports whether a namespace that holds a large part of all bytes was
// seen in few slots: then the total of bytes has no upper end either.
func (f Frame) FewSlotsHold(part *profile.SampleSums, all *profile.Estimate) bool {
	if part == nil || all == nil {
		return false
	}
	value, se := float64(part.Bytes.Bytes)/f.rate(), f.bytesError(part.Bytes)*math.Sqrt(f.bytesEffect(part.Groups.Bytes, part.Bytes))
	return value > largePart*float64(all.Value) && f.tooImprecise(value, se)
}

// z returns how many standard errors an interval has on either side.
func (f Frame) z() (two, one float64) {
	if f.slots != nil {
		return profile.GroupsT95, profile.GroupsT95Single
	}
	return z95, z95Single
}

// widenForDrift widens an interval by the keys written and deleted while keys were
// measured.
func (f Frame) widenForDrift(e profile.Estimate) profile.Estimate {
	if f.slots == nil || f.slots.Keys == 0 {
		return e
	}
	all := float64(max(f.slots.Keys, f.keys)) // what came is in the estimate already, in part
	e.Lo = min(e.Lo, integer(math.Floor(float64(e.Lo)*float64(f.slots.Least)/all)))
	if e.Hi != nil {
		e.Hi = new(max(*e.Hi, integer(math.Ceil(float64(*e.Hi)*float64(f.slots.Most)/all))))
	}
	return e
}

// widenBy adds an independent error to an estimate (Zou and Donner, see [Sum]).
func (f Frame) widenBy(e profile.Estimate, seen int64, variance float64) profile.Estimate {
	if variance <= 0 {
		return e
	}
	off, value := f.halfWidth(variance), float64(e.Value)
	return interval(value, value-math.Hypot(value-float64(e.Lo), off), value+math.Hypot(float64(*e.Hi)-value, off), seen)
}
