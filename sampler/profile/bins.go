package profile

import (
	"encoding/binary"
	"slices"

	"keyprof/sampler/packed"
)

// bins counts values by the bin of sketchMapping that they fall into. It is for
// a few thousand sketches at once, most of them of few values: up to some dozens
// are kept as a list of their bins, more of them as counters of all bins from
// the lowest to the highest. DDSketch's own stores take 20 to 50 times as much
// for values that spread over many bins, as times do.
type bins struct {
	list     []byte          // indexes of 2 bytes each, in the order of arrival, or
	counters packed.Counters // of the bins from first on
	first    int32
}

const (
	// listedBytes is what a bin in the list takes. The mapping has some 36,000
	// bins, around 0.
	listedBytes = 2
	// stride is what the first counter and their number are multiples of, about
	// a factor of two in the values, so that counters do not move too often.
	stride = 16
)

// add counts n values in a bin.
func (b *bins) add(index int, n uint64) {
	if b.counters.Len() == 0 {
		if n == 1 && b.listed(index) {
			return
		}
		b.count()
	}
	b.cover(index, index)
	b.counters.Add(index-int(b.first), n)
}

// listed puts a bin into the list, unless it is time for counters: when the list
// is full, and would take more than they do when twice as long.
func (b *bins) listed(index int) bool {
	if len(b.list) == cap(b.list) {
		low, high := b.span()
		if high-low+stride < 2*cap(b.list) {
			return false
		}
	}
	b.list = binary.LittleEndian.AppendUint16(b.list, uint16(index))
	return true
}

// index is that of bin i in the list.
func (b *bins) index(i int) int {
	return int(int16(binary.LittleEndian.Uint16(b.list[i*listedBytes:])))
}

// span is the lowest and the highest bin in the list.
func (b *bins) span() (low, high int) {
	for i := range len(b.list) / listedBytes {
		index := b.index(i)
		if i == 0 {
			low, high = index, index
		}
		low, high = min(low, index), max(high, index)
	}
	return low, high
}

// count goes over from the list to counters.
func (b *bins) count() {
	listed := *b
	*b = bins{}
	if len(listed.list) == 0 {
		return
	}
	b.cover(listed.span())
	for i := range len(listed.list) / listedBytes {
		b.counters.Add(listed.index(i)-int(b.first), 1)
	}
}

// cover makes sure that there are counters for the bins from low to high.
func (b *bins) cover(low, high int) {
	n := b.counters.Len()
	if n == 0 {
		b.first = int32(low &^ (stride - 1))
	}
	if below := int(b.first) - low&^(stride-1); below > 0 {
		b.counters.Insert(0, below)
		b.first -= int32(below)
		n += below
	}
	if beyond := high | (stride - 1) + 1 - int(b.first) - n; beyond > 0 {
		b.counters.Insert(n, beyond)
	}
}

// each calls visit with each bin that is not empty, from lowest to highest.
func (b *bins) each(visit func(index int, n uint64)) {
	for i := range b.counters.Len() {
		if n := b.counters.At(i); n > 0 {
			visit(int(b.first)+i, n)
		}
	}
	indexes := make([]int, len(b.list)/listedBytes)
	for i := range indexes {
		indexes[i] = b.index(i)
	}
	slices.Sort(indexes)
	for len(indexes) > 0 {
		n := 1
		for n < len(indexes) && indexes[n] == indexes[0] {
			n++
		}
		visit(indexes[0], uint64(n))
		indexes = indexes[n:]
	}
}

// merge adds the values of other, which it leaves as it is.
func (b *bins) merge(other *bins) {
	for i := range len(other.list) / listedBytes {
		b.add(other.index(i), 1)
	}
	n := other.counters.Len()
	if n == 0 {
		return
	}
	if b.counters.Len() == 0 {
		b.count()
	}
	b.cover(int(other.first), int(other.first)+n-1)
	for i := range n {
		if c := other.counters.At(i); c > 0 {
			b.counters.Add(int(other.first)+i-int(b.first), c)
		}
	}
}

// footprint is the number of bytes that b points to.
func (b *bins) footprint() int { return cap(b.list) + b.counters.Footprint() }
