// Package packed holds many small counts in few bytes.
package packed

import (
	"encoding/binary"
	"slices"
)

// Counters is a list of counts, each of which takes as many bytes as the largest
// of them needs: 1 for the few keys of most bins, 8 at most. The zero Counters
// is empty.
type Counters struct {
	data  []byte // little-endian
	width int8   // bytes a count takes; 0 only while the list is empty
}

// Len returns the number of counts.
func (c *Counters) Len() int {
	if c.width == 0 {
		return 0
	}
	return len(c.data) / int(c.width)
}

// At returns count i.
func (c *Counters) At(i int) uint64 {
	switch c.width {
	case 1:
		return uint64(c.data[i])
	case 2:
		return uint64(binary.LittleEndian.Uint16(c.data[2*i:]))
	case 4:
		return uint64(binary.LittleEndian.Uint32(c.data[4*i:]))
	default:
		return c.atAnyWidth(i)
	}
}

// atAnyWidth is At for any width.
func (c *Counters) atAnyWidth(i int) (n uint64) {
	w := int(c.width)
	for k, b := range c.data[i*w : i*w+w] {
		n |= uint64(b) << (8 * k)
	}
	return n
}

// Add adds n to count i. A sum beyond 64 bits wraps, as that of a uint64 does.
func (c *Counters) Add(i int, n uint64) {
	n += c.At(i)
	if w := widthOf(n); w > c.width {
		c.widen(w)
	}
	c.put(i, n)
}

// widthOf returns the number of bytes that n needs, at least 1.
func widthOf(n uint64) int8 {
	w := int8(1)
	for n >>= 8; n > 0; n >>= 8 {
		w++
	}
	return w
}

// put sets count i to n, for which the width suffices.
func (c *Counters) put(i int, n uint64) {
	switch c.width {
	case 1:
		c.data[i] = byte(n)
	case 2:
		binary.LittleEndian.PutUint16(c.data[2*i:], uint16(n))
	case 4:
		binary.LittleEndian.PutUint32(c.data[4*i:], uint32(n))
	default:
		w := int(c.width)
		for k := range w {
			c.data[i*w+k] = byte(n >> (8 * k))
		}
	}
}

// widen makes room for larger counts.
func (c *Counters) widen(width int8) {
	wide := Counters{width: width}
	wide.data = sized(c.Len() * int(width))
	for i := range c.Len() {
		wide.put(i, c.At(i))
	}
	*c = wide
}

// Insert puts n counts of zero before count i, or at the end if i is Len.
func (c *Counters) Insert(i, n int) {
	c.width = max(c.width, 1)
	at, more := i*int(c.width), n*int(c.width)
	size := len(c.data) + more
	data := c.data
	if size <= cap(data) {
		data = data[:size]
	} else {
		data = sized(size)
		copy(data, c.data[:at])
	}
	copy(data[at+more:], c.data[at:])
	clear(data[at : at+more])
	c.data = data
}

// sized returns a slice of n bytes with the capacity that the allocator gives it. More
// room to grow would be wasted: most lists stop growing.
func sized(n int) []byte { return slices.Grow([]byte(nil), n)[:n] }

// Full reports whether Insert must allocate.
func (c *Counters) Full() bool { return len(c.data)+int(max(c.width, 1)) > cap(c.data) }

// Footprint returns the number of bytes that the counts take, beside the Counters.
func (c *Counters) Footprint() int { return cap(c.data) }
