package profile

// NewDistribution summarizes the values in s, whose exact least value, greatest
// value and sum the caller kept beside it, all in the same unit. A sketch's
// quantiles err by up to SketchAccuracy, so they are held within [lowest,
// highest], and so is a mean that rounding carried past them. The result is
// nil when s is nil or empty: nothing is known about no keys. It holds a copy
// of s, so s may be added to or merged afterwards.
func NewDistribution(s *Sketch, lowest, highest float64, sum Sum) *Distribution {
	if s == nil || s.Count() == 0 {
		return nil
	}
	within := func(v float64) float64 { return min(max(v, lowest), highest) }
	q := s.Quantiles(0.5, 0.9, 0.99)
	return &Distribution{
		Count:  s.Count(),
		Min:    lowest,
		Max:    highest,
		Sum:    sum,
		Mean:   within(sum.Float() / float64(s.Count())),
		P50:    within(q[0]),
		P90:    within(q[1]),
		P99:    within(q[2]),
		Sketch: s.frozen(),
	}
}
