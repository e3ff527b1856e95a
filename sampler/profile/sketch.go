package profile

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"

	enc "github.com/DataDog/sketches-go/ddsketch/encoding"
	"github.com/DataDog/sketches-go/ddsketch/mapping"

	"keyprof/sampler/packed"
)

// SketchAccuracy is the relative error of a sketch's quantiles.
const SketchAccuracy = 0.02

// sketchGamma is the ratio between the edges of a bin that gives
// SketchAccuracy. It is written out, because math.Pow may differ in the last
// bit between processors and every file holds it.
const sketchGamma = 1.0404087790514263

// sketchMapping is shared: it is immutable.
var sketchMapping = func() *mapping.CubicallyInterpolatedMapping {
	m, err := mapping.NewCubicallyInterpolatedMappingWithGamma(sketchGamma, 0)
	if err != nil {
		panic(err) // sketchGamma is a constant above 1
	}
	return m
}()

// Sketch is a mergeable summary of non-negative values from which quantiles
// can be read: a DDSketch (Masson, Rim and Lee, "DDSketch", VLDB 2019). Merging
// adds bin counts, so it is exact whatever the order. The zero Sketch is empty.
//
// A sketch that was read from a file or put into a [Distribution] keeps its
// encoded form until it is added to. Any number of goroutines may read a sketch
// that none changes.
type Sketch struct {
	zeros   int64 // values of 0, and of next to nothing
	above   int64 // values in bins
	bins    bins
	encoded *encodedSketch // in the place of all others
}

// encodedSketch is an encoded sketch that was found valid.
type encodedSketch struct {
	bytes []byte
	count int64 // values
}

// Add counts one value. It panics for a value that is negative, not a number or
// beyond the range of the mapping (about 1e308): those are no spans of time and
// no sizes, and a sketch that lost them would count wrong ever after.
func (s *Sketch) Add(v float64) {
	if !(v >= 0 && v <= sketchMapping.MaxIndexableValue()) {
		panic(fmt.Sprintf("sketch: value %v", v))
	}
	s.unpack()
	if v <= sketchMapping.MinIndexableValue() {
		s.zeros++
		return
	}
	s.above++
	s.bins.add(sketchMapping.Index(v), 1)
}

// unpack decodes an encoded sketch, so that values can be added.
func (s *Sketch) unpack() {
	if s.encoded == nil {
		return
	}
	frozen := *s
	*s = Sketch{}
	s.mergeEncoded(frozen.encoded)
}

// Merge adds all values of other, which must not be s and is left as it is.
func (s *Sketch) Merge(other *Sketch) {
	s.unpack()
	if other.encoded != nil {
		s.mergeEncoded(other.encoded)
		return
	}
	s.zeros += other.zeros
	s.above += other.above
	s.bins.merge(&other.bins)
}

func (s *Sketch) mergeEncoded(w *encodedSketch) {
	w.each(func(index int64, count int64) {
		if index == zeroBin {
			s.zeros += count
			return
		}
		s.above += count
		s.bins.add(int(index), uint64(count))
	})
}

// Count returns the number of values.
func (s *Sketch) Count() int64 {
	if s.encoded != nil {
		return s.encoded.count
	}
	return s.zeros + s.above
}

// each calls visit with each bin that is not empty, from lowest to highest.
func (s *Sketch) each(visit func(index, count int64)) {
	if s.encoded != nil {
		s.encoded.each(visit)
		return
	}
	if s.zeros > 0 {
		visit(zeroBin, s.zeros)
	}
	s.bins.each(func(index int, n uint64) { visit(int64(index), int64(n)) })
}

// Quantiles returns the values at qs, each in [0,1], within SketchAccuracy; all 0
// for an empty sketch. They do not depend on the order of additions. A quantile
// is the least value that at least that share of the values does not exceed, so
// the p99 of seven keys is the largest.
func (s *Sketch) Quantiles(qs ...float64) []float64 {
	n := s.Count()
	ranks := make([]int64, len(qs))
	for i, q := range qs {
		ranks[i] = max(0, int64(math.Ceil(q*float64(n)))-1)
	}
	values := make([]float64, len(qs))
	before := int64(0)
	s.each(func(index, count int64) {
		for i, rank := range ranks {
			if before <= rank && rank < before+count {
				values[i] = binValue(index)
			}
		}
		before += count
	})
	return values
}

// Each calls visit with the values of each bin that is not empty, within
// SketchAccuracy, and how many there are, from lowest to highest.
func (s *Sketch) Each(visit func(value float64, count int64)) {
	s.each(func(index, count int64) { visit(binValue(index), count) })
}

// binValue returns the value that represents all values of a bin.
func binValue(index int64) float64 {
	if index == zeroBin {
		return 0
	}
	return sketchMapping.Value(int(index))
}

// packed returns a copy in encoded form, which is small and does not change.
func (s *Sketch) packed() *Sketch {
	return &Sketch{encoded: &encodedSketch{bytes: s.encode(), count: s.Count()}}
}

// Footprint returns about the number of bytes that the sketch takes beside the Sketch
// itself.
func (s *Sketch) Footprint() int {
	if s.encoded != nil {
		return len(s.encoded.bytes)
	}
	return s.bins.footprint()
}

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

// stride divides the index of the first counted bin and the number of bins. It is about
// a factor of two in the values, so that counters do not move too often.
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

// listed returns bin i of the list.
func (b *bins) listed(i int) int { return int(int16(b.counters.At(i))) }

// span returns the lowest and the highest bin of the list.
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

// footprint returns the number of bytes that b points to.
func (b *bins) footprint() int { return b.counters.Footprint() }

// A sketch is encoded as one form out of those that DDSketch's wire format
// allows, so that equal sketches are equal bytes: the zero count if there is
// one, the mapping, then all bins in one block from lowest to highest. A
// store's own encoding will not do, since its layout has a history.
var (
	wireZeros   = enc.FlagZeroCountVarFloat
	wireBins    = enc.NewFlag(enc.FlagTypePositiveStore, enc.BinEncodingIndexDeltasAndCounts)
	wireMapping = func() (b []byte) {
		sketchMapping.Encode(&b)
		return b
	}()
)

// The bins that the mapping can name.
var (
	lowestBin  = int64(sketchMapping.Index(sketchMapping.MinIndexableValue()))
	highestBin = int64(sketchMapping.Index(sketchMapping.MaxIndexableValue()))
)

// The ways in which an encoded sketch can be wrong.
var (
	errSketchMapping = errors.New("sketch: made with another mapping")
	errSketchBin     = errors.New("sketch: impossible bin")
	errSketchCut     = errors.New("sketch: cut short")
	errSketchExcess  = errors.New("sketch: unexpected data")
)

// MarshalJSON writes the sketch as base64 of the DDSketch wire encoding, the
// same bytes for the same values whatever their order.
func (s *Sketch) MarshalJSON() ([]byte, error) {
	return json.Marshal(base64.StdEncoding.EncodeToString(s.encode()))
}

// UnmarshalJSON reads what MarshalJSON wrote. It refuses sketches of another
// accuracy, with negative values, with counts that are no whole numbers, and
// with bins in another order.
func (s *Sketch) UnmarshalJSON(data []byte) error {
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return err
	}
	b, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil {
		return fmt.Errorf("sketch: %w", err)
	}
	count := 0.0
	err = decodeSketch(b, func(_ int64, c float64) { count += c })
	if err != nil {
		return err
	}
	if !wholeCount(count) {
		return errSketchBin
	}
	*s = Sketch{encoded: &encodedSketch{bytes: b, count: int64(count)}}
	return nil
}

// encode returns the wire form of the sketch.
func (s *Sketch) encode() []byte {
	if s.encoded != nil {
		return s.encoded.bytes
	}
	var b []byte
	if s.zeros > 0 {
		enc.EncodeFlag(&b, wireZeros)
		enc.EncodeVarfloat64(&b, float64(s.zeros))
	}
	b = append(b, wireMapping...)
	if n, bins := encodeBins(&s.bins); n > 0 {
		enc.EncodeFlag(&b, wireBins)
		enc.EncodeUvarint64(&b, n)
		b = append(b, bins...)
	}
	return b
}

// encodeBins returns the number of bins above zero, and their encoding.
func encodeBins(bins *bins) (n uint64, b []byte) {
	previous := 0
	bins.each(func(index int, count uint64) {
		enc.EncodeVarint64(&b, int64(index-previous))
		enc.EncodeVarfloat64(&b, float64(count))
		previous = index
		n++
	})
	return n, b
}

// zeroBin is the index of the bin of the value 0 in decodeSketch.
const zeroBin = math.MinInt64

// decodeSketch calls visit with each bin of an encoded sketch and its count of
// values. It returns an error if the sketch is not valid. It takes no memory, however
// many bins a hostile file holds.
func decodeSketch(b []byte, visit func(index int64, count float64)) error {
	if flag, rest := nextFlag(b); flag == wireZeros {
		zeros, err := nextCount(&rest)
		if err != nil {
			return err
		}
		visit(zeroBin, zeros)
		b = rest
	}
	b, found := bytes.CutPrefix(b, wireMapping)
	if !found {
		return errSketchMapping
	}
	if flag, rest := nextFlag(b); flag == wireBins {
		return decodeBins(rest, visit)
	}
	if len(b) > 0 {
		return errSketchExcess
	}
	return nil
}

// decodeBins is decodeSketch for the block of bins.
func decodeBins(b []byte, visit func(index int64, count float64)) error {
	n, err := enc.DecodeUvarint64(&b)
	if err != nil {
		return errSketchCut
	}
	index := int64(0)
	for i := range n {
		delta, err := enc.DecodeVarint64(&b)
		if err != nil {
			return errSketchCut
		}
		index += delta // cannot wrap into the range: it is checked at every step
		if i > 0 && delta <= 0 || index < lowestBin || index > highestBin {
			return errSketchBin
		}
		count, err := nextCount(&b)
		if err != nil {
			return err
		}
		visit(index, count)
	}
	if len(b) > 0 {
		return errSketchExcess
	}
	return nil
}

// nextFlag returns the flag at the beginning of b, and what follows it.
func nextFlag(b []byte) (enc.Flag, []byte) {
	flag, err := enc.DecodeFlag(&b)
	if err != nil {
		return enc.Flag{}, nil
	}
	return flag, b
}

// nextCount takes the count of a bin that is not empty from b.
func nextCount(b *[]byte) (float64, error) {
	count, err := enc.DecodeVarfloat64(b)
	if err != nil {
		return 0, errSketchCut
	}
	if count < 1 || !wholeCount(count) {
		return 0, errSketchBin
	}
	return count, nil
}

// wholeCount reports whether c is a number of keys that a float64 holds exactly.
func wholeCount(c float64) bool { return c >= 0 && c < 1<<53 && c == math.Trunc(c) }

// each calls visit with each bin, from lowest to highest.
func (w *encodedSketch) each(visit func(index, count int64)) {
	err := decodeSketch(w.bytes, func(index int64, count float64) { visit(index, int64(count)) })
	if err != nil {
		panic(fmt.Sprintf("sketch: %v", err)) // it was proven valid when it was read
	}
}

// NewDistribution summarizes the values in s, whose exact least value, greatest
// value and sum the caller kept beside it, all in the same unit. A sketch's
// quantiles err by up to SketchAccuracy, so they are held within [lowest,
// highest], and so is a mean that rounding carried past them. The result is
// nil when s is nil or empty: nothing is known about no keys. It holds a copy
// of s, so s may be added to or merged afterwards.
func NewDistribution(s *Sketch, lowest, highest float64, sum Sum) *Distribution {
	if s == nil || s.Count() == 0 {
		return nil
	}
	within := func(v float64) float64 { return min(max(v, lowest), highest) }
	q := s.Quantiles(0.5, 0.9, 0.99)
	return &Distribution{
		Count:  s.Count(),
		Min:    lowest,
		Max:    highest,
		Sum:    sum,
		Mean:   within(sum.Float() / float64(s.Count())),
		P50:    within(q[0]),
		P90:    within(q[1]),
		P99:    within(q[2]),
		Sketch: s.packed(),
	}
}
