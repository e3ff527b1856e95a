package report

import (
	"slices"

	"keyprof/sampler/aggregate"
	"keyprof/sampler/profile"
)

// summary holds the figures of one row: of a namespace, of several, or of the whole
// keyspace. A figure that was not measured is nil.
type summary struct {
	keys, bytes           *int64   // keys; bytes
	keysOff, bytesOff     *float64 // half-widths of the intervals of estimates, as ratios
	noTTLKeys, noTTLBytes *int64
	idleKeys, idleBytes   *int64     // high-idle
	ttl, idle             *quantiles // seconds
	size                  *quantiles // bytes a key
}

// quantiles is a distribution; nil has no figures.
type quantiles profile.Distribution

// summarize adds up disjoint sets of keys. A sum is nil if a part was not measured.
func summarize(sets ...*profile.Stats) summary {
	return summary{
		keys:       aggregate.Sum(sets, keysOf),
		bytes:      aggregate.Sum(sets, bytesOf),
		keysOff:    offBy(sets, func(s *profile.Stats) *profile.Estimate { return &s.Keys }),
		bytesOff:   offBy(sets, func(s *profile.Stats) *profile.Estimate { return s.Bytes }),
		noTTLKeys:  aggregate.Sum(sets, noTTLKeysOf),
		noTTLBytes: aggregate.Sum(sets, noTTLBytesOf),
		idleKeys:   aggregate.Sum(sets, idleKeysOf),
		idleBytes:  aggregate.Sum(sets, idleBytesOf),
		ttl:        (*quantiles)(aggregate.Join(sets, ttlOf)),
		idle:       (*quantiles)(aggregate.Join(sets, idleOf)),
		size:       (*quantiles)(aggregate.Join(sets, func(s *profile.Stats) *profile.Distribution { return s.Size })),
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

// offBy returns the half-width of the interval of a sum of estimates, as a ratio;
// nil if one of them is exact or has no upper bound.
func offBy(sets []*profile.Stats, of func(*profile.Stats) *profile.Estimate) *float64 {
	if slices.ContainsFunc(sets, func(s *profile.Stats) bool { return s.Sample == nil }) {
		return nil
	}
	return halfWidth(aggregate.SumEstimates(sets, of))
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

// median of a quantiles that may be nil.
func (s *quantiles) median() *float64 {
	if s == nil {
		return nil
	}
	return &s.P50
}

// average of a quantiles that may be nil.
func (s *quantiles) average() *float64 {
	if s == nil {
		return nil
	}
	return &s.Mean
}

// tail returns the 99th percentile of a quantiles that may be nil.
func (s *quantiles) tail() *float64 {
	if s == nil {
		return nil
	}
	return &s.P99
}

// largest value of a quantiles that may be nil.
func (s *quantiles) largest() *float64 {
	if s == nil {
		return nil
	}
	return &s.Max
}
