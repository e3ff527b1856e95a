package estimate

import (
	"math"

	"keyprof/sampler/profile"
)

// Standard errors of the normal distribution.
const (
	z95       = 1.959963984540054  // two-sided 95 %
	z95Single = 1.6448536269514722 // one-sided 95 %
)

// agreement is the maximum distance of the server's number of keys, in standard errors,
// to count as the same.
const agreement = 4

// negligible is the part of a standard error up to which doubt about the server's
// number of keys does not matter: intervals stay within a thousandth of 95 %.
const negligible = 0.1

// Frame describes the keys from which a sample was taken, and the sample's share of
// them.
type Frame struct {
	fraction   float64 // share of the positions covered, in (0,1]
	seen       int64   // keys in the sample
	keys       int64   // keys in all, if that is known
	known      bool
	slots      *Slots  // nil: positions were sampled
	variance   float64 // of sizes at least, relative to the square of their mean
	unseenPart float64 // part of the bytes that large unseen keys may hold, as other namespaces have some
}

// NewFrame returns the frame of a sample of seen keys from a share of the positions,
// in (0,1].
func NewFrame(fraction float64, seen int64) Frame { return Frame{fraction: fraction, seen: seen} }

// ReportedKeys holds the server's key counts of a database, before and after a scan.
type ReportedKeys struct {
	Before, After int64 // DBSIZE
	// Expiring are the keys with a TTL: DBSIZE counts those whose TTL has run out
	// until they are removed, and SCAN does not return them.
	Expiring int64
}

// Agrees reports whether the server's number of keys is that of the sample, as
// far as chance allows: within 4 standard errors.
func (f Frame) Agrees(t ReportedKeys) bool {
	low, high := float64(min(t.Before, t.After)), float64(max(t.Before, t.After))
	nearest := min(max(float64(f.seen)/f.fraction, low), high)
	off := math.Abs(float64(f.seen) - nearest*f.fraction)
	return off <= agreement*math.Sqrt(nearest*f.fraction*(1-f.fraction))
}

// WithKeyCount returns f with the server's number of keys, if that is reliable: the
// sample agrees with it, and too few keys can have been written, deleted or expired
// to matter.
func (f Frame) WithKeyCount(t ReportedKeys) Frame {
	doubt := math.Abs(float64(t.After-t.Before)) + float64(t.Expiring)
	keys := (t.Before + t.After) / 2
	if f.Agrees(t) && doubt <= negligible*f.keysError(float64(keys)) && keys >= f.seen {
		f.keys, f.known = keys, true
	}
	return f
}

// keysError returns the standard error of an estimated number of keys.
func (f Frame) keysError(keys float64) float64 {
	return math.Sqrt(keys * (1 - f.fraction) / f.fraction)
}

// rate returns the share of all keys that are in the sample, in [0,1].
func (f Frame) rate() float64 {
	if f.slots == nil && f.known && f.keys > 0 {
		return float64(f.seen) / float64(f.keys)
	}
	return f.fraction
}

// whole reports whether the sample is of all keys.
func (f Frame) whole() bool { return f.fraction >= 1 }

// Count estimates the number of keys in a set from n that were seen: by Wilson's score
// interval (Wilson, "Probable inference", 1927), which holds for few keys and for none
// as well.
func (f Frame) Count(n int64) profile.Estimate { return f.count(n, spread{effect: 1}) }

// count is Count with the spread of the random groups.
func (f Frame) count(n int64, s spread) profile.Estimate {
	switch {
	case f.whole():
		return profile.Exact(n)
	case !f.known:
		return f.byPosition(n)
	case f.seen == 0:
		return interval(0, 0, float64(f.keys), 0)
	default:
		return f.widenForDrift(f.widenBy(f.byShare(n, s.effect), n, s.more))
	}
}

// byPosition returns the interval of all K for which n is within z standard errors:
// (n - Kf)² <= z² K f(1-f).
func (f Frame) byPosition(n int64) profile.Estimate {
	x, q := float64(n), z95*z95*(1-f.fraction)
	middle, half := 2*x+q, math.Sqrt(q*(4*x+q))
	return interval(x/f.fraction, (middle-half)/(2*f.fraction), (middle+half)/(2*f.fraction), n)
}

// byShare returns the interval of all K = Np for which n is within z standard errors:
// (n/seen - p)² <= z² p(1-p)/seen · (N-seen)/(N-1), the last being the correction
// for a finite population (Cochran, "Sampling Techniques", 1977, section 3.3). A
// design effect makes the sample as small as it is worth (Korn and Graubard,
// "Confidence intervals for proportions with small expected number of positive
// counts estimated from survey data", 1998).
func (f Frame) byShare(n int64, effect float64) profile.Estimate {
	all, seen := float64(f.keys), float64(f.seen)
	p := float64(n) / seen
	z, _ := f.z()
	q := z * z * effect * (all - seen) / max(all-1, 1) / seen
	middle, half := p+q/2, math.Sqrt(q*(p*(1-p)+q/4))
	unseen := all - seen // keys, of which any may be in the set
	return interval(all*p, all*(middle-half)/(1+q), min(all*(middle+half)/(1+q), float64(n)+unseen), n)
}

// interval returns an estimate in whole numbers; no less than was seen.
func interval(value, lo, hi float64, seen int64) profile.Estimate {
	e := profile.Estimate{Value: max(integer(math.Round(value)), seen), Lo: max(integer(math.Floor(lo)), seen)}
	e.Lo = min(e.Lo, e.Value)
	e.Hi = new(max(integer(math.Ceil(hi)), e.Value))
	return e
}

// integer returns a float without its fraction, within what an int64 holds.
func integer(v float64) int64 {
	if v >= math.MaxInt64 {
		return math.MaxInt64
	}
	return int64(max(v, 0))
}

// Scale replaces the counts of a sample by estimates of all keys. Statistics without a
// Sample are those of no keys.
func (f Frame) Scale(s *profile.Stats) {
	sums := s.Sample
	if sums == nil {
		sums = &profile.SampleSums{}
	}
	tail := 0.0
	if s.Bytes != nil {
		tail = tailOf(s.Size)
	}
	bytes := func(to **profile.Estimate, of profile.ByteSums, effect float64) {
		if *to != nil {
			*to = new(f.bytes(of, tail, effect))
		}
	}
	count := func(to **profile.Estimate, n int64, s spread) {
		if *to != nil {
			*to = new(f.count(n, s))
		}
	}
	g := &sums.Groups
	ofBytes, highIdle := f.bytesEffect(g.Bytes, sums.Bytes), f.bytesEffect(g.HighIdleBytes, sums.HighIdle)
	keys := f.spreadOf(g.Keys, s.Probed)
	s.Keys = f.count(s.Probed, keys)
	count(&s.NoTTLKeys, sums.NoTTL.Keys, f.spreadOf(g.NoTTLKeys, sums.NoTTL.Keys))
	keys.effect = max(keys.effect, highIdle) // keys that are high-idle have no groups of their own
	count(&s.HighIdleKeys, sums.HighIdle.Keys, keys)
	bytes(&s.Bytes, sums.Bytes, ofBytes)
	bytes(&s.SampledBytes, sums.SampledBytes, ofBytes) // nor have these
	bytes(&s.NoTTLBytes, sums.NoTTL, f.bytesEffect(g.NoTTLBytes, sums.NoTTL))
	bytes(&s.HighIdleBytes, sums.HighIdle, highIdle)
}

func tailOf(size *profile.Distribution) float64 {
	if size == nil {
		return TailIndex(nil)
	}
	return TailIndex(size.Sketch)
}

// Unscale undoes Scale: it replaces the estimates by the counts.
func Unscale(s *profile.Stats) {
	set := func(to **profile.Estimate, n int64) {
		if *to != nil {
			*to = new(profile.Exact(n))
		}
	}
	sums := s.Sample
	s.Keys = profile.Exact(s.Probed)
	set(&s.Bytes, sums.Bytes.Bytes)
	set(&s.SampledBytes, sums.SampledBytes.Bytes)
	set(&s.NoTTLKeys, sums.NoTTL.Keys)
	set(&s.NoTTLBytes, sums.NoTTL.Bytes)
	set(&s.HighIdleKeys, sums.HighIdle.Keys)
	set(&s.HighIdleBytes, sums.HighIdle.Bytes)
}
