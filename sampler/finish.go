package sampler

import "keyprof/sampler/profile"

// measures says which figures a profile can have at all: what the server
// answers, and what its answers can be trusted for.
type measures struct {
	bytes, ttl, idle, freq, types bool
	// highIdle is whether the threshold lies within the idle horizon.
	highIdle bool
	since    profile.IdleMeasure
	horizonS int64 // seconds; the longest idle time that can be known
	horizon  bool  // whether horizonS is known
}

// stats turns sums into the statistics of a profile. What was not measured is
// absent.
func (m measures) stats(a *accumulator) profile.Stats {
	s := profile.Stats{
		Probed:   a.probed,
		Keys:     profile.Exact(a.probed),
		Types:    m.typeStats(a),
		Stalled:  a.outcomes[Stalled],
		Vanished: a.outcomes[Vanished], Expired: a.outcomes[Expired], Moved: a.outcomes[Moved],
		Denied: a.outcomes[Denied], TooLong: a.outcomes[TooLong], Failed: a.outcomes[Failed],
		Sample:   a.dispersion.sums(),
		Examples: a.examples.keys(), Largest: a.largest.keys(),
	}
	if m.bytes {
		s.Bytes = exact(a.bytes)
		s.Size = a.size.distribution(1)
	}
	if m.bytes && m.types {
		s.SampledBytes = exact(a.sampled)
	}
	if m.ttl {
		histogram, noTTL := a.joint.byTTL()
		s.NoTTLKeys, s.NoTTLBytes = exact(noTTL.keys), m.exactBytes(noTTL.bytes)
		s.TTL = m.ttlStats(a, histogram[:])
	}
	if m.idle {
		s.Idle = m.idleStats(a)
		s.IdleByTTL = m.joint(a)
	}
	if m.highIdle {
		s.HighIdleKeys, s.HighIdleBytes = exact(a.highIdle.keys), m.exactBytes(a.highIdle.bytes)
	}
	if m.freq {
		s.Freq = profile.NewFreqStats(nil)
		if a.freq != nil {
			s.Freq = profile.NewFreqStats(m.histogram(a.freq[:], profile.FreqEdges))
		}
	}
	return s
}

func exact(n int64) *profile.Estimate { return new(profile.Exact(n)) }

// exactBytes is absent when sizes were not measured.
func (m measures) exactBytes(n int64) *profile.Estimate {
	if !m.bytes {
		return nil
	}
	return exact(n)
}

func (m measures) bytesOf(t tally) *int64 {
	if !m.bytes {
		return nil
	}
	return new(t.bytes)
}

func (m measures) typeStats(a *accumulator) map[string]profile.TypeStats {
	types := make(map[string]profile.TypeStats, len(a.types))
	for _, t := range a.types {
		types[t.name] = profile.TypeStats{Keys: t.keys, Bytes: m.bytesOf(t.tally)}
	}
	return types
}

func (m measures) ttlStats(a *accumulator, histogram []tally) *profile.TTLStats {
	return &profile.TTLStats{
		Histogram:    m.histogram(histogram, profile.Edges),
		RemainS:      a.ttlMillis.distribution(millisPerSecond),
		IdlePlusTTLS: a.idlePlusTTLMillis.distribution(millisPerSecond),
	}
}

func (m measures) idleStats(a *accumulator) *profile.IdleStats {
	histogram := a.joint.byIdle()
	return &profile.IdleStats{
		Measure: m.since, HorizonS: m.horizonS,
		Histogram:  m.histogram(histogram[:], profile.Edges),
		IdleS:      a.idleS.distribution(1),
		SharedKeys: a.shared,
	}
}

func (m measures) histogram(tallies []tally, edges []int64) []profile.Bucket {
	buckets := []profile.Bucket{}
	for i, t := range tallies {
		if t.keys > 0 {
			buckets = append(buckets, profile.Bucket{Edge: profile.EdgeAt(edges, i), Keys: t.keys, Bytes: m.bytesOf(t)})
		}
	}
	return buckets
}

func (m measures) joint(a *accumulator) []profile.IdleByTTL {
	cells := []profile.IdleByTTL{}
	a.joint.each(func(idle, ttl int, t tally) {
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
