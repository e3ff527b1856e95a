package report

import (
	"keyprof/sampler/estimate"
	"keyprof/sampler/profile"
)

// tally is what one row of the table says: about a namespace, about several of
// them together, or about the whole keyspace. What was not measured is nil.
type tally struct {
	keys, bytes           *int64   // keys; bytes
	keysOff, bytesOff     *float64 // half-widths of the intervals of estimates, as ratios
	noTTLKeys, noTTLBytes *int64
	idleKeys, idleBytes   *int64  // high-idle
	ttl, idle             *spread // seconds
	size                  *spread // bytes a key
}

// spread is a distribution in brief. Quantiles are nil if no sketch tells.
type spread struct {
	count          int64 // keys
	min, max, mean float64
	p50, p99       *float64
}

// tallyOf is the tally of disjoint sets of keys. A sum of which a part was not
// measured is not known.
func tallyOf(sets ...*profile.Stats) tally {
	return tally{
		keys:       sum(sets, keysOf),
		bytes:      sum(sets, bytesOf),
		keysOff:    offBy(sets, func(s *profile.Stats) *profile.Estimate { return &s.Keys }),
		bytesOff:   offBy(sets, func(s *profile.Stats) *profile.Estimate { return s.Bytes }),
		noTTLKeys:  sum(sets, noTTLKeysOf),
		noTTLBytes: sum(sets, noTTLBytesOf),
		idleKeys:   sum(sets, idleKeysOf),
		idleBytes:  sum(sets, idleBytesOf),
		ttl:        join(sets, ttlOf),
		idle:       join(sets, idleOf),
		size:       join(sets, func(s *profile.Stats) *profile.Distribution { return s.Size }),
	}
}

// measureOf reads one figure of a set of keys; nil if it was not measured.
type measureOf func(*profile.Stats) *int64

func keysOf(s *profile.Stats) *int64       { return &s.Keys.Value }
func bytesOf(s *profile.Stats) *int64      { return valueOf(s.Bytes) }
func sampledOf(s *profile.Stats) *int64    { return valueOf(s.SampledBytes) }
func noTTLKeysOf(s *profile.Stats) *int64  { return valueOf(s.NoTTLKeys) }
func noTTLBytesOf(s *profile.Stats) *int64 { return valueOf(s.NoTTLBytes) }
func idleKeysOf(s *profile.Stats) *int64   { return valueOf(s.HighIdleKeys) }
func idleBytesOf(s *profile.Stats) *int64  { return valueOf(s.HighIdleBytes) }

func valueOf(e *profile.Estimate) *int64 {
	if e == nil {
		return nil
	}
	return &e.Value
}

func sum(sets []*profile.Stats, of measureOf) *int64 {
	var total int64
	for _, s := range sets {
		v := of(s)
		if v == nil {
			return nil
		}
		total += *v
	}
	return &total
}

// offBy is the half-width of the interval of a sum of estimates, as a ratio; nil if
// one of them is none, or has no upper end.
func offBy(sets []*profile.Stats, of func(*profile.Stats) *profile.Estimate) *float64 {
	parts := make([]profile.Estimate, 0, len(sets))
	for _, s := range sets {
		e := of(s)
		if s.Sample == nil || e == nil {
			return nil
		}
		parts = append(parts, *e)
	}
	all := estimate.Sum(parts...)
	return halfWidth(&all)
}

func ttlOf(s *profile.Stats) *profile.Distribution {
	if s.TTL == nil {
		return nil
	}
	return s.TTL.RemainS
}

func idleOf(s *profile.Stats) *profile.Distribution {
	if s.Idle == nil {
		return nil
	}
	return s.Idle.IdleS
}

// join is the distribution over all sets; nil if none has one.
func join(sets []*profile.Stats, of func(*profile.Stats) *profile.Distribution) *spread {
	var parts []*profile.Distribution
	for _, s := range sets {
		if d := of(s); d != nil && d.Count > 0 {
			parts = append(parts, d)
		}
	}
	switch len(parts) {
	case 0:
		return nil
	case 1:
		d := parts[0]
		s := &spread{count: d.Count, min: d.Min, max: d.Max, mean: d.Mean}
		s.setQuantiles(d.P50, d.P99)
		return s
	}
	return merge(parts)
}

func merge(parts []*profile.Distribution) *spread {
	all := spread{min: parts[0].Min, max: parts[0].Max}
	var total float64
	var sketch profile.Sketch
	sketched := true
	for _, d := range parts {
		all.count += d.Count
		all.min, all.max = min(all.min, d.Min), max(all.max, d.Max)
		total += d.Mean * float64(d.Count)
		if d.Sketch == nil {
			sketched = false
			continue
		}
		sketch.Merge(d.Sketch)
	}
	all.mean = total / float64(all.count)
	if sketched {
		q := sketch.Quantiles(0.5, 0.99)
		all.setQuantiles(q[0], q[1])
	}
	return &all
}

// setQuantiles keeps a sketch's quantiles within what is known exactly: they may
// be off by a few per cent.
func (s *spread) setQuantiles(p50, p99 float64) {
	p50, p99 = min(max(p50, s.min), s.max), min(max(p99, s.min), s.max)
	s.p50, s.p99 = &p50, &p99
}

// median of a spread that may be nil.
func (s *spread) median() *float64 {
	if s == nil {
		return nil
	}
	return s.p50
}

// average of a spread that may be nil.
func (s *spread) average() *float64 {
	if s == nil {
		return nil
	}
	return &s.mean
}

// tail is the 99th percentile of a spread that may be nil.
func (s *spread) tail() *float64 {
	if s == nil {
		return nil
	}
	return s.p99
}

// largest value of a spread that may be nil.
func (s *spread) largest() *float64 {
	if s == nil {
		return nil
	}
	return &s.max
}
