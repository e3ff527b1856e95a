package aggregate

import (
	"math/bits"

	"keyprof/sampler/packed"
)

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
	met         [(idleBuckets*ttlBuckets + 63) / 64]uint64 // which cells, a bit each
	keys, bytes packed.Counters                            // of those, in the order of the bits
}

// add counts keys in the cell of an idle and a TTL bucket.
func (j *jointTable) add(idle, ttl int, t tally) {
	cell := idle*ttlBuckets + ttl
	at := j.place(cell)
	if word, bit := cell/64, uint64(1)<<(cell%64); j.met[word]&bit == 0 {
		j.met[word] |= bit
		j.keys.Insert(at, 1)
		j.bytes.Insert(at, 1)
	}
	j.keys.Add(at, uint64(t.keys))
	j.bytes.Add(at, uint64(t.bytes))
}

// place is the number of cells before this one that are not empty.
func (j *jointTable) place(cell int) int {
	n := bits.OnesCount64(j.met[cell/64] & (1<<(cell%64) - 1))
	for _, word := range j.met[:cell/64] {
		n += bits.OnesCount64(word)
	}
	return n
}

// each calls visit with the cells that are not empty, by idle, then by TTL
// bucket.
func (j *jointTable) each(visit func(idle, ttl int, t tally)) {
	at := 0
	for word, left := range j.met {
		for ; left != 0; left &= left - 1 {
			cell := word*64 + bits.TrailingZeros64(left)
			visit(cell/ttlBuckets, cell%ttlBuckets, tally{int64(j.keys.At(at)), int64(j.bytes.At(at))})
			at++
		}
	}
}

func (j *jointTable) merge(other *jointTable) { other.each(j.add) }

// byTTL is the histogram of the TTL, and what never expires.
func (j *jointTable) byTTL() (histogram [numBuckets]tally, noTTL tally) {
	var sums [ttlBuckets]tally
	j.each(func(_, ttl int, t tally) { sums[ttl].merge(t) })
	return [numBuckets]tally(sums[:numBuckets]), sums[noTTLBucket]
}

// byIdle is the histogram of the idle time.
func (j *jointTable) byIdle() [numBuckets]tally {
	var sums [idleBuckets]tally
	j.each(func(idle, _ int, t tally) { sums[idle].merge(t) })
	return [numBuckets]tally(sums[:numBuckets])
}

// footprint is the number of bytes that j points to.
func (j *jointTable) footprint() int { return j.keys.Footprint() + j.bytes.Footprint() }
