package aggregate

import (
	"errors"
	"fmt"
	"math"
	"strconv"

	"keyprof/sampler/estimate"
	"keyprof/sampler/profile"
)

// Saved statistics come back as the sums that they were made of, so that there
// is one way to merge them.

// measuresOf returns those that the statistics of a profile have.
func measuresOf(s *profile.Stats) Measures {
	m := Measures{
		Bytes: s.Bytes != nil, TTL: s.TTL != nil, Idle: s.Idle != nil, Freq: s.Freq != nil,
		Types: s.SampledBytes != nil, HighIdle: s.HighIdleKeys != nil,
	}
	if s.Idle != nil {
		m.Since, m.HorizonS = s.Idle.Measure, s.Idle.HorizonS
	}
	return m
}

// restore undoes Measures.stats: it returns the sums from which the statistics s were
// made. s must be of a profile that has been checked.
func restore(s *profile.Stats) (*accumulator, error) {
	if s.Sample != nil {
		counted := *s
		estimate.Unscale(&counted)
		s = &counted
	}
	if !s.Keys.IsExact() {
		return nil, errors.New("its figures are estimates, and the sums behind them were not saved")
	}
	a := newAccumulator()
	a.variance = restoreVarianceSums(s.Sample)
	a.probed = s.Probed
	a.outcomes[Stalled] = s.Stalled
	a.outcomes[Vanished], a.outcomes[Expired], a.outcomes[Moved] = s.Vanished, s.Expired, s.Moved
	a.outcomes[Denied], a.outcomes[TooLong], a.outcomes[Failed] = s.Denied, s.TooLong, s.Failed
	a.bytes, a.sampledBytes = counted(s.Bytes), counted(s.SampledBytes)
	a.highIdle = amount{counted(s.HighIdleKeys), counted(s.HighIdleBytes)}
	a.size.restore(s.Size, 1)
	a.restoreTypes(s)
	a.joint = jointOf(s)
	a.restoreTTL(s)
	a.restoreIdle(s)
	return a, errors.Join(
		a.examples.restore(s.Examples, exampleRankOf),
		a.largest.restore(s.Largest, func(k *profile.Key) (uint64, error) { return uint64(profile.OrZero(k.Bytes)), nil }),
	)
}

func counted(e *profile.Estimate) int64 {
	if e == nil {
		return 0
	}
	return e.Value
}

func (a *accumulator) restoreTypes(s *profile.Stats) {
	for name, t := range s.Types {
		a.typeOf(name).merge(amount{t.Keys, profile.OrZero(t.Bytes)})
	}
}

func (a *accumulator) restoreTTL(s *profile.Stats) {
	if s.TTL == nil {
		return
	}
	a.ttlMillis.restore(s.TTL.RemainS, millisPerSecond)
	a.idlePlusTTLMillis.restore(s.TTL.IdlePlusTTLS, millisPerSecond)
}

func (a *accumulator) restoreIdle(s *profile.Stats) {
	if s.Freq != nil {
		a.freq = new([numFreqBuckets]amount)
		restoreHistogram(a.freq[:], s.Freq.Buckets(), profile.FreqEdges)
	}
	if s.Idle == nil {
		return
	}
	a.shared = s.Idle.SharedKeys
	a.idleS.restore(s.Idle.IdleS, 1)
}

// jointOf rebuilds the joint table of saved statistics. Keys of the histograms that
// are in no cell are those whose idle time or TTL is unknown.
func jointOf(s *profile.Stats) (j jointTable) {
	var byTTL [ttlBuckets]amount
	var byIdle [idleBuckets]amount
	byTTL[noTTLBucket] = amount{counted(s.NoTTLKeys), counted(s.NoTTLBytes)}
	if s.TTL != nil {
		restoreHistogram(byTTL[:], s.TTL.Histogram, profile.Edges)
	}
	if s.Idle != nil {
		restoreHistogram(byIdle[:], s.Idle.Histogram, profile.Edges)
	}
	for _, c := range s.IdleByTTL {
		idle, ttl, t := bucketOf(profile.Edges, c.IdleLE), noTTLBucket, amount{c.Keys, profile.OrZero(c.Bytes)}
		if !c.NoTTL {
			ttl = bucketOf(profile.Edges, c.TTLLE)
		}
		j.add(idle, ttl, t)
		byTTL[ttl].take(t)
		byIdle[idle].take(t)
	}
	for ttl, t := range byTTL {
		j.addSome(unknownIdleBucket, ttl, t)
	}
	for idle, t := range byIdle {
		j.addSome(idle, unknownTTLBucket, t)
	}
	return j
}

// addSome adds to a cell unless there is nothing to add.
func (j *jointTable) addSome(idle, ttl int, t amount) {
	if t != (amount{}) {
		j.add(idle, ttl, t)
	}
}

func restoreHistogram(tallies []amount, buckets []profile.Bucket, edges []int64) {
	for _, b := range buckets {
		tallies[bucketOf(edges, b.Edge)].merge(amount{b.Keys, profile.OrZero(b.Bytes)})
	}
}

// bucketOf returns the index of the bucket with this upper edge; it undoes profile.EdgeAt.
func bucketOf(edges []int64, edge *int64) int {
	if edge == nil {
		return len(edges)
	}
	return profile.BucketIndex(edges, *edge)
}

// restore undoes distribution, which divided by perUnit.
func (q *quantity) restore(d *profile.Distribution, perUnit int64) {
	if d == nil {
		return
	}
	q.count, q.sum = d.Count, d.Sum
	q.min, q.max = int64(math.Round(d.Min*float64(perUnit))), int64(math.Round(d.Max*float64(perUnit)))
	q.sketch.Merge(d.Sketch)
}

// restore fills s with keys that were kept.
func (s *topKeys) restore(keys []profile.Key, rankOf func(*profile.Key) (uint64, error)) error {
	for i := range keys {
		k := &keys[i]
		name, err := k.Raw()
		if err != nil {
			return err
		}
		rank, err := rankOf(k)
		if err != nil {
			return fmt.Errorf("key name: %w", err)
		}
		s.add(restoredTopKey(keyRank{rank: rank, db: k.DB, name: name}, k))
	}
	return nil
}

// restoredTopKey undoes topKey.key.
func restoredTopKey(p keyRank, k *profile.Key) topKey {
	s := topKey{
		keyRank: p, typeName: k.Type, bytes: profile.OrZero(k.Bytes), idleS: profile.OrZero(k.IdleS),
		hasBytes: k.Bytes != nil, hasTTL: k.TTLS != nil, noTTL: k.NoTTL, hasIdle: k.IdleS != nil,
	}
	if k.TTLS != nil {
		s.ttlMillis = int64(math.Round(*k.TTLS * millisPerSecond))
	}
	if k.Hash != "" {
		s.cut = &k.KeyName
	}
	return s
}

// exampleRankOf returns the exampleRank of a saved name, which may have been cut.
func exampleRankOf(k *profile.Key) (uint64, error) {
	if k.Hash != "" {
		return strconv.ParseUint(k.Hash, 16, 64)
	}
	name, err := k.Raw()
	return exampleRank(name), err
}
