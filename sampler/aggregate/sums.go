package aggregate

import (
	"math/bits"

	"keyprof/sampler/packed"
	"keyprof/sampler/profile"
)

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
	probed       int64
	bytes        int64 // MEMORY USAGE
	sampledBytes int64 // those of bytes that are the server's estimate
	highIdle     amount
	shared       int64 // keys

	types []typeAmount
	joint jointTable
	freq  *[numFreqBuckets]amount

	size, ttlMillis, idleS, idlePlusTTLMillis quantity

	variance *varianceSums // of a sample

	outcomes          [numOutcomes]int64 // keys, by what became of them; of those measured, only the Stalled are used
	examples, largest topKeys
}

func newAccumulator() *accumulator {
	return &accumulator{examples: topKeys{limit: examplesKept}, largest: topKeys{limit: largestKept}}
}

type typeAmount struct {
	name string
	amount
}

// add counts one key. highIdleOver is in seconds; a negative value means no threshold.
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
	if a.variance != nil {
		a.variance.add(o, groupOf(o, hash), highIdleOver)
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
		a.sampledBytes += o.Bytes
	}
	a.size.add(o.Bytes, 1)
	a.largest.offer(db, o, uint64(o.Bytes))
}

func (a *accumulator) typeOf(name string) *amount {
	for i := range a.types {
		if a.types[i].name == name {
			return &a.types[i].amount
		}
	}
	a.types = append(a.types, typeAmount{name: name})
	return &a.types[len(a.types)-1].amount
}

func (a *accumulator) addTimes(o *Observation, highIdleOver int64) {
	idle, ttl := idleBucket(o), ttlBucket(o)
	if idle != unknownIdleBucket || ttl != unknownTTLBucket {
		a.joint.add(idle, ttl, amount{1, o.Bytes})
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
		a.freq = new([numFreqBuckets]amount)
	}
	a.freq[profile.BucketIndex(profile.FreqEdges, o.Freq)].add(o.Bytes)
}

// merge adds other, which it leaves as it is.
func (a *accumulator) merge(other *accumulator) {
	a.probed += other.probed
	a.bytes += other.bytes
	a.sampledBytes += other.sampledBytes
	a.shared += other.shared
	a.highIdle.merge(other.highIdle)
	for i := range other.outcomes {
		a.outcomes[i] += other.outcomes[i]
	}
	a.mergeHistograms(other)
	a.mergeVariance(other)
	a.size.merge(&other.size)
	a.ttlMillis.merge(&other.ttlMillis)
	a.idleS.merge(&other.idleS)
	a.idlePlusTTLMillis.merge(&other.idlePlusTTLMillis)
	a.examples.merge(&other.examples)
	a.largest.merge(&other.largest)
}

func (a *accumulator) mergeVariance(other *accumulator) {
	if other.variance == nil {
		return
	}
	if a.variance == nil {
		a.variance = newVarianceSums()
	}
	a.variance.merge(other.variance)
}

func (a *accumulator) mergeHistograms(other *accumulator) {
	for _, t := range other.types {
		a.typeOf(t.name).merge(t.amount)
	}
	a.joint.merge(&other.joint)
	if other.freq == nil {
		return
	}
	if a.freq == nil {
		a.freq = new([numFreqBuckets]amount)
	}
	for i := range other.freq {
		a.freq[i].merge(other.freq[i])
	}
}

// quantity adds up one quantity over keys: sizes in bytes, times in seconds or
// milliseconds.
type quantity struct {
	count    int64
	sum      profile.Sum // in the unit of the profile
	min, max int64
	sketch   profile.Sketch // in the unit of the profile
}

// add counts v, which is not negative. perUnit is the number of v in one unit of the
// profile, a byte or a second: 1 or millisPerSecond.
func (q *quantity) add(v, perUnit int64) {
	if q.count == 0 || v < q.min {
		q.min = v
	}
	q.max = max(q.max, v)
	q.count++
	if perUnit == millisPerSecond {
		q.sum = q.sum.Plus(profile.SumOfThousandths(v))
	} else {
		q.sum = q.sum.Plus(profile.SumOf(v))
	}
	q.sketch.Add(float64(v) / float64(perUnit))
}

func (q *quantity) merge(other *quantity) {
	if other.count == 0 {
		return
	}
	if q.count == 0 || other.min < q.min {
		q.min = other.min
	}
	q.max = max(q.max, other.max)
	q.count += other.count
	q.sum = q.sum.Plus(other.sum)
	q.sketch.Merge(&other.sketch)
}

// distribution returns the distribution of the values; nil when there were none.
func (q *quantity) distribution(perUnit int64) *profile.Distribution {
	if q.count == 0 {
		return nil
	}
	unit := float64(perUnit)
	return profile.NewDistribution(&q.sketch, float64(q.min)/unit, float64(q.max)/unit, q.sum)
}

// amount counts keys and their bytes.
type amount struct{ keys, bytes int64 }

func (t *amount) add(bytes int64) {
	t.keys++
	t.bytes += bytes
}

func (t *amount) merge(other amount) {
	t.keys += other.keys
	t.bytes += other.bytes
}

// take takes other away.
func (t *amount) take(other amount) {
	t.keys -= other.keys
	t.bytes -= other.bytes
}

// Rows and columns of the joint table: the buckets of profile.Edges, and what
// has no place among them.
const (
	noTTLBucket       = numBuckets // of TTL: never expires
	unknownTTLBucket  = numBuckets + 1
	unknownIdleBucket = numBuckets
	ttlBuckets        = numBuckets + 2
	idleBuckets       = numBuckets + 1
)

// jointTable counts keys by idle time and TTL. The histograms of both are the
// sums of its rows and of its columns. Only cells that are not empty take
// memory, and no more than their counts need: a namespace whose keys are spread
// over all of them would take more for this table than for all else.
type jointTable struct {
	occupied    [(idleBuckets*ttlBuckets + 63) / 64]uint64 // which cells, a bit each
	keys, bytes packed.Counters                            // of those, in the order of the bits
}

// add counts keys in the cell of an idle and a TTL bucket.
func (j *jointTable) add(idle, ttl int, t amount) {
	cell := idle*ttlBuckets + ttl
	at := j.index(cell)
	if word, bit := cell/64, uint64(1)<<(cell%64); j.occupied[word]&bit == 0 {
		j.occupied[word] |= bit
		j.keys.Insert(at, 1)
		j.bytes.Insert(at, 1)
	}
	j.keys.Add(at, uint64(t.keys))
	j.bytes.Add(at, uint64(t.bytes))
}

// index returns how many cells before this one are occupied: where its counts are.
func (j *jointTable) index(cell int) int {
	n := bits.OnesCount64(j.occupied[cell/64] & (1<<(cell%64) - 1))
	for _, word := range j.occupied[:cell/64] {
		n += bits.OnesCount64(word)
	}
	return n
}

// each calls visit with the cells that are not empty, by idle, then by TTL
// bucket.
func (j *jointTable) each(visit func(idle, ttl int, t amount)) {
	at := 0
	for word, left := range j.occupied {
		for ; left != 0; left &= left - 1 {
			cell := word*64 + bits.TrailingZeros64(left)
			visit(cell/ttlBuckets, cell%ttlBuckets, amount{int64(j.keys.At(at)), int64(j.bytes.At(at))})
			at++
		}
	}
}

func (j *jointTable) merge(other *jointTable) { other.each(j.add) }

// byTTL returns the histogram of the TTL, and the keys without a TTL.
func (j *jointTable) byTTL() (histogram [numBuckets]amount, noTTL amount) {
	var sums [ttlBuckets]amount
	j.each(func(_, ttl int, t amount) { sums[ttl].merge(t) })
	return [numBuckets]amount(sums[:numBuckets]), sums[noTTLBucket]
}

// byIdle returns the histogram of the idle time.
func (j *jointTable) byIdle() [numBuckets]amount {
	var sums [idleBuckets]amount
	j.each(func(idle, _ int, t amount) { sums[idle].merge(t) })
	return [numBuckets]amount(sums[:numBuckets])
}

// footprint returns the number of bytes that j points to.
func (j *jointTable) footprint() int { return j.keys.Footprint() + j.bytes.Footprint() }
