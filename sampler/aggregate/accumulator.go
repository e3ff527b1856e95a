package aggregate

import "keyprof/sampler/profile"

const millisPerSecond = 1000

// Histograms over profile.Edges and profile.FreqEdges; the last bucket is for
// what lies beyond the last edge.
const (
	numBuckets     = 18 + 1
	numFreqBuckets = 11 + 1
)

// accumulator adds up the keys of one namespace. Two accumulators of disjoint
// sets of keys merge without loss.
type accumulator struct {
	probed   int64
	bytes    int64 // MEMORY USAGE
	sampled  int64 // those of bytes that are the server's estimate
	highIdle tally
	shared   int64 // keys

	types []typeTally
	joint jointTable
	freq  *[numFreqBuckets]tally

	size, ttlMillis, idleS, idlePlusTTLMillis quantity

	dispersion *dispersion // of a sample

	outcomes          [numOutcomes]int64 // keys, by what became of them; of those measured, only the Stalled are used
	examples, largest standouts
}

func newAccumulator() *accumulator {
	return &accumulator{examples: standouts{limit: examplesKept}, largest: standouts{limit: largestKept}}
}

type typeTally struct {
	name string
	tally
}

// add counts one key. highIdleOver is in seconds; below 0: not told.
func (a *accumulator) add(db int, o *Observation, highIdleOver int64) {
	a.outcomes[o.Outcome]++
	if !o.Outcome.Measured() {
		return
	}
	a.probed++
	a.addSize(db, o)
	a.addTimes(o, highIdleOver)
	a.addFreq(o)
	hash := exampleRank(o.Name)
	if a.dispersion != nil {
		a.dispersion.add(o, groupOf(o, hash), highIdleOver)
	}
	a.examples.offer(db, o, hash)
}

func (a *accumulator) addSize(db int, o *Observation) {
	if o.Type != "" {
		a.typeOf(o.Type).add(o.Bytes)
	}
	if !o.HasBytes {
		return
	}
	a.bytes += o.Bytes
	if o.Type != stringType {
		a.sampled += o.Bytes
	}
	a.size.add(o.Bytes, 1)
	a.largest.offer(db, o, uint64(o.Bytes))
}

func (a *accumulator) typeOf(name string) *tally {
	for i := range a.types {
		if a.types[i].name == name {
			return &a.types[i].tally
		}
	}
	a.types = append(a.types, typeTally{name: name})
	return &a.types[len(a.types)-1].tally
}

func (a *accumulator) addTimes(o *Observation, highIdleOver int64) {
	idle, ttl := idleBucket(o), ttlBucket(o)
	if idle != unknownIdleBucket || ttl != unknownTTLBucket {
		a.joint.add(idle, ttl, tally{1, o.Bytes})
	}
	if o.Shared {
		a.shared++
	}
	if o.HasTTL {
		a.ttlMillis.add(o.TTLMillis, millisPerSecond)
	}
	if !o.HasIdle {
		return
	}
	a.idleS.add(o.IdleS, 1)
	if o.isHighIdle(highIdleOver) {
		a.highIdle.add(o.Bytes)
	}
	if o.HasTTL {
		a.idlePlusTTLMillis.add(o.TTLMillis+o.IdleS*millisPerSecond, millisPerSecond)
	}
}

func idleBucket(o *Observation) int {
	if !o.HasIdle {
		return unknownIdleBucket
	}
	return profile.BucketIndex(profile.Edges, o.IdleS)
}

// ttlBucket rounds up to whole seconds, so that the edges stay inclusive.
func ttlBucket(o *Observation) int {
	switch {
	case o.NoTTL:
		return noTTLBucket
	case !o.HasTTL:
		return unknownTTLBucket
	}
	seconds := o.TTLMillis / millisPerSecond
	if o.TTLMillis%millisPerSecond > 0 {
		seconds++
	}
	return profile.BucketIndex(profile.Edges, seconds)
}

func (a *accumulator) addFreq(o *Observation) {
	if !o.HasFreq {
		return
	}
	if a.freq == nil {
		a.freq = new([numFreqBuckets]tally)
	}
	a.freq[profile.BucketIndex(profile.FreqEdges, o.Freq)].add(o.Bytes)
}

// merge adds other, which it leaves as it is.
func (a *accumulator) merge(other *accumulator) {
	a.probed += other.probed
	a.bytes += other.bytes
	a.sampled += other.sampled
	a.shared += other.shared
	a.highIdle.merge(other.highIdle)
	for i := range other.outcomes {
		a.outcomes[i] += other.outcomes[i]
	}
	a.mergeHistograms(other)
	a.mergeDispersion(other)
	a.size.merge(&other.size)
	a.ttlMillis.merge(&other.ttlMillis)
	a.idleS.merge(&other.idleS)
	a.idlePlusTTLMillis.merge(&other.idlePlusTTLMillis)
	a.examples.merge(&other.examples)
	a.largest.merge(&other.largest)
}

func (a *accumulator) mergeDispersion(other *accumulator) {
	if other.dispersion == nil {
		return
	}
	if a.dispersion == nil {
		a.dispersion = newDispersion()
	}
	a.dispersion.merge(other.dispersion)
}

func (a *accumulator) mergeHistograms(other *accumulator) {
	for _, t := range other.types {
		a.typeOf(t.name).merge(t.tally)
	}
	a.joint.merge(&other.joint)
	if other.freq == nil {
		return
	}
	if a.freq == nil {
		a.freq = new([numFreqBuckets]tally)
	}
	for i := range other.freq {
		a.freq[i].merge(other.freq[i])
	}
}
