package aggregate

import "keyprof/sampler/profile"

// Measures says which figures a profile has: those that the server answers, and that
// can be trusted.
type Measures struct {
	Bytes, TTL, Idle, Freq, Types bool
	// HighIdle is set if the high-idle threshold lies within the idle horizon.
	HighIdle bool
	Since    profile.IdleMeasure
	HorizonS int64 // idle horizon, seconds
	Horizon  bool  // whether HorizonS is known
}

// stats turns sums into the statistics of a profile. What was not measured is
// absent.
func (m Measures) stats(a *accumulator) profile.Stats {
	s := profile.Stats{
		Probed:   a.probed,
		Keys:     profile.Exact(a.probed),
		Types:    m.typeStats(a),
		Stalled:  a.outcomes[Stalled],
		Vanished: a.outcomes[Vanished], Expired: a.outcomes[Expired], Moved: a.outcomes[Moved],
		Denied: a.outcomes[Denied], TooLong: a.outcomes[TooLong], Failed: a.outcomes[Failed],
		Sample:   a.variance.sums(),
		Examples: a.examples.keys(), Largest: a.largest.keys(),
	}
	if m.Bytes {
		s.Bytes = exact(a.bytes)
		s.Size = a.size.distribution(1)
	}
	if m.Bytes && m.Types {
		s.SampledBytes = exact(a.sampledBytes)
	}
	if m.TTL {
		histogram, noTTL := a.joint.byTTL()
		s.NoTTLKeys, s.NoTTLBytes = exact(noTTL.keys), m.exactBytes(noTTL.bytes)
		s.TTL = m.ttlStats(a, histogram[:])
	}
	if m.Idle {
		s.Idle = m.idleStats(a)
		s.IdleByTTL = m.joint(a)
	}
	if m.HighIdle {
		s.HighIdleKeys, s.HighIdleBytes = exact(a.highIdle.keys), m.exactBytes(a.highIdle.bytes)
	}
	if m.Freq {
		s.Freq = profile.NewFreqStats(nil)
		if a.freq != nil {
			s.Freq = profile.NewFreqStats(m.histogram(a.freq[:], profile.FreqEdges))
		}
	}
	return s
}

func exact(n int64) *profile.Estimate { return new(profile.Exact(n)) }

// exactBytes returns nil when sizes were not measured.
func (m Measures) exactBytes(n int64) *profile.Estimate {
	if !m.Bytes {
		return nil
	}
	return exact(n)
}

func (m Measures) bytesOf(t amount) *int64 {
	if !m.Bytes {
		return nil
	}
	return new(t.bytes)
}

func (m Measures) typeStats(a *accumulator) map[string]profile.TypeStats {
	types := make(map[string]profile.TypeStats, len(a.types))
	for _, t := range a.types {
		types[t.name] = profile.TypeStats{Keys: t.keys, Bytes: m.bytesOf(t.amount)}
	}
	return types
}

func (m Measures) ttlStats(a *accumulator, histogram []amount) *profile.TTLStats {
	return &profile.TTLStats{
		Histogram:    m.histogram(histogram, profile.Edges),
		RemainS:      a.ttlMillis.distribution(millisPerSecond),
		IdlePlusTTLS: a.idlePlusTTLMillis.distribution(millisPerSecond),
	}
}

func (m Measures) idleStats(a *accumulator) *profile.IdleStats {
	histogram := a.joint.byIdle()
	return &profile.IdleStats{
		Measure: m.Since, HorizonS: m.HorizonS,
		Histogram:  m.histogram(histogram[:], profile.Edges),
		IdleS:      a.idleS.distribution(1),
		SharedKeys: a.shared,
	}
}

func (m Measures) histogram(tallies []amount, edges []int64) []profile.Bucket {
	buckets := []profile.Bucket{}
	for i, t := range tallies {
		if t.keys > 0 {
			buckets = append(buckets, profile.Bucket{Edge: profile.EdgeAt(edges, i), Keys: t.keys, Bytes: m.bytesOf(t)})
		}
	}
	return buckets
}

func (m Measures) joint(a *accumulator) []profile.IdleByTTL {
	cells := []profile.IdleByTTL{}
	a.joint.each(func(idle, ttl int, t amount) {
		if idle == unknownIdleBucket || ttl == unknownTTLBucket {
			return
		}
		row := profile.IdleByTTL{IdleLE: profile.EdgeAt(profile.Edges, idle), Keys: t.keys, Bytes: m.bytesOf(t)}
		if row.NoTTL = ttl == noTTLBucket; !row.NoTTL {
			row.TTLLE = profile.EdgeAt(profile.Edges, ttl)
		}
		cells = append(cells, row)
	})
	return cells
}
