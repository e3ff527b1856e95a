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
