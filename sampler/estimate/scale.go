package estimate

import "keyprof/sampler/profile"

// Scale puts estimates of all keys in the place of what a sample counted, in all
// statistics that the sample has. Those without a Sample are of no keys.
func (f Frame) Scale(s *profile.Stats) {
	sums := s.Sample
	if sums == nil {
		sums = &profile.SampleSums{}
	}
	tail := 0.0
	if s.Bytes != nil {
		tail = tailOf(s.Size)
	}
	bytes := func(to **profile.Estimate, of profile.ByteSums) {
		if *to != nil {
			*to = new(f.Bytes(of, tail))
		}
	}
	count := func(to **profile.Estimate, n int64) {
		if *to != nil {
			*to = new(f.Count(n))
		}
	}
	s.Keys = f.Count(s.Probed)
	count(&s.NoTTLKeys, sums.NoTTL.Keys)
	count(&s.HighIdleKeys, sums.HighIdle.Keys)
	bytes(&s.Bytes, sums.Bytes)
	bytes(&s.SampledBytes, sums.SampledBytes)
	bytes(&s.NoTTLBytes, sums.NoTTL)
	bytes(&s.HighIdleBytes, sums.HighIdle)
}

func tailOf(size *profile.Distribution) float64 {
	if size == nil {
		return TailIndex(nil)
	}
	return TailIndex(size.Sketch)
}

// Unscale is the inverse of Scale: it puts what was counted in the place of the
// estimates.
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
