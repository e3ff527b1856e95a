package report

import (
	"slices"

	"keyprof/sampler/aggregate"
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

// spread is a distribution. A nil one has no figures.
type spread profile.Distribution

// tallyOf returns the tally of disjoint sets of keys. A sum of which a part was not
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
		ttl:        (*spread)(aggregate.Join(sets, ttlOf)),
		idle:       (*spread)(aggregate.Join(sets, idleOf)),
		size:       (*spread)(aggregate.Join(sets, func(s *profile.Stats) *profile.Distribution { return s.Size })),
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

// sum returns aggregate.Sum; nil if a part was not measured.
func sum(sets []*profile.Stats, of measureOf) *int64 { return aggregate.Sum(sets, of) }

// offBy returns the half-width of the interval of a sum of estimates, as a ratio; nil if
// one of them is none, or has no upper end.
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

// median of a spread that may be nil.
func (s *spread) median() *float64 {
	if s == nil {
		return nil
	}
	return &s.P50
}

// average of a spread that may be nil.
func (s *spread) average() *float64 {
	if s == nil {
		return nil
	}
	return &s.Mean
}

// tail returns the 99th percentile of a spread that may be nil.
func (s *spread) tail() *float64 {
	if s == nil {
		return nil
	}
	return &s.P99
}

// largest value of a spread that may be nil.
func (s *spread) largest() *float64 {
	if s == nil {
		return nil
	}
	return &s.Max
}
