package profile

import (
	"slices"

	"keyprof/sampler/packed"
)

// bins counts values by the bin of sketchMapping that they fall into. It is for
// thousands of sketches at once, most of them of few values: those are kept as a
// list of their bins, more of them as counters of all bins from the lowest to
// the highest. DDSketch's own stores take 20 to 50 times as much for values that
// spread over many bins, as times do.
type bins struct {
	// counters are of the bins from first on, once counted is set; until then
	// they are the bins of the values, as uint16 because some are below 0, in
	// the order of arrival. The mapping has some 36,000 bins.
	counters packed.Counters
	first    int32
	counted  bool
}

// stride is what the first bin that is counted and their number are multiples
// of, about a factor of two in the values, so that counters do not move too
// often.
const stride = 16

// add counts n values in a bin.
func (b *bins) add(index int, n uint64) {
	if !b.counted {
		if n == 1 && b.list(index) {
			return
		}
		b.count()
	}
	b.cover(index, index)
	b.counters.Add(index-int(b.first), n)
}

// list puts a bin into the list, unless it is time for counters: when the list
// must grow, and would take more than they do if it were twice as long.
func (b *bins) list(index int) bool {
	n := b.counters.Len()
	if b.counters.Full() {
		low, high := b.span()
		if high-low+stride < 2*b.counters.Footprint() {
			return false
		}
	}
	b.counters.Insert(n, 1)
	b.counters.Add(n, uint64(uint16(index)))
	return true
}

// listed is bin i of the list.
func (b *bins) listed(i int) int { return int(int16(b.counters.At(i))) }

// span is the lowest and the highest bin of the list.
func (b *bins) span() (low, high int) {
	for i := range b.counters.Len() {
		index := b.listed(i)
		if i == 0 {
			low, high = index, index
		}
		low, high = min(low, index), max(high, index)
	}
	return low, high
}

// count goes over from the list to counters.
func (b *bins) count() {
	list := *b
	*b = bins{counted: true}
	if list.counters.Len() > 0 {
		b.cover(list.span())
	}
	for i := range list.counters.Len() {
		b.counters.Add(list.listed(i)-int(b.first), 1)
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
	if !b.counted {
		b.eachListed(visit)
		return
	}
	for i := range b.counters.Len() {
		if n := b.counters.At(i); n > 0 {
			visit(int(b.first)+i, n)
		}
	}
}

func (b *bins) eachListed(visit func(index int, n uint64)) {
	sorted := make([]int, b.counters.Len())
	for i := range sorted {
		sorted[i] = b.listed(i)
	}
	slices.Sort(sorted)
	for len(sorted) > 0 {
		n := 1
		for n < len(sorted) && sorted[n] == sorted[0] {
			n++
		}
		visit(sorted[0], uint64(n))
		sorted = sorted[n:]
	}
}

// merge adds the values of other, which it leaves as it is.
func (b *bins) merge(other *bins) {
	n := other.counters.Len()
	if !other.counted {
		for i := range n {
			b.add(other.listed(i), 1)
		}
		return
	}
	if !b.counted {
		b.count()
	}
	if n > 0 {
		b.cover(int(other.first), int(other.first)+n-1)
	}
	other.each(func(index int, n uint64) { b.counters.Add(index-int(b.first), n) })
}

// footprint is the number of bytes that b points to.
func (b *bins) footprint() int { return b.counters.Footprint() }
