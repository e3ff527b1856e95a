package estimate

import (
	"math"

	"keyprof/sampler/profile"
)

// Bytes estimates the sum of the sizes of a set of keys from the sums over those
// that were seen: by the central limit theorem, unless a few keys hold the
// bytes, by the guard; then nobody knows the upper end, and the lower one is that
// of one-sided 95 %. tail is the TailIndex of the sizes.
func (f Frame) Bytes(s profile.ByteSums, tail float64) profile.Estimate { return f.bytes(s, tail, 1) }

// bytes is Bytes with a design effect. What kin tell widens it, or opens its upper
// end; see [Kin].
func (f Frame) bytes(s profile.ByteSums, tail, effect float64) profile.Estimate {
	if f.whole() {
		return profile.Exact(s.Bytes)
	}
	value := float64(s.Bytes) / f.rate()
	se := max(f.bytesError(s)*math.Sqrt(effect), f.errorOf(f.kinSquares(s), s))
	two, one := f.z()
	if fewHold(s, tail) || f.tooRough(value, se) || f.mayHold(two*se/max(value, 1)) {
		e := interval(value, value-one*se, value, s.Bytes)
		e.Hi = nil
		return f.drifted(e)
	}
	return f.drifted(interval(value, value-two*se, value+two*se, s.Bytes))
}

// bytesError is the standard error of the estimated bytes.
func (f Frame) bytesError(s profile.ByteSums) float64 { return f.errorOf(s.Squares.Float(), s) }

// errorOf is the standard error of the estimated bytes of sizes with such a sum of
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

// Sum is the estimate of a sum of independent ones: the distances of the ends
// add up by their squares (Zou and Donner, "Construction of confidence limits
// about effect measures", 2008). Independent they are where no two of them have
// the same keys: for databases of one server see [SumAlike].
func Sum(parts ...profile.Estimate) profile.Estimate { return sum(math.Hypot, parts) }

// SumAlike is the estimate of a sum of those that one sample has of several
// databases. A name is at the same position in each of them, so that a sample may
// have too many keys of all at once: the distances of the ends add up, which is as
// wide as it may be.
func SumAlike(parts ...profile.Estimate) profile.Estimate {
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
