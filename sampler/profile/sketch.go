package profile

import (
	"fmt"
	"math"

	"github.com/DataDog/sketches-go/ddsketch/mapping"
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
	zeros int64 // values of 0, and of next to nothing
	above int64 // values in bins
	bins  bins
	wire  *wireSketch // in the place of all others
}

// wireSketch is a sketch that is encoded, and proven to be valid.
type wireSketch struct {
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
	s.thaw()
	if v <= sketchMapping.MinIndexableValue() {
		s.zeros++
		return
	}
	s.above++
	s.bins.add(sketchMapping.Index(v), 1)
}

// thaw makes a sketch that is encoded one that can be added to.
func (s *Sketch) thaw() {
	if s.wire == nil {
		return
	}
	frozen := *s
	*s = Sketch{}
	s.mergeWire(frozen.wire)
}

// Merge adds all values of other, which must not be s and is left as it is.
func (s *Sketch) Merge(other *Sketch) {
	s.thaw()
	if other.wire != nil {
		s.mergeWire(other.wire)
		return
	}
	s.zeros += other.zeros
	s.above += other.above
	s.bins.merge(&other.bins)
}

func (s *Sketch) mergeWire(w *wireSketch) {
	w.each(func(index int64, count int64) {
		if index == zeroBin {
			s.zeros += count
			return
		}
		s.above += count
		s.bins.add(int(index), uint64(count))
	})
}

// Count is the number of values.
func (s *Sketch) Count() int64 {
	if s.wire != nil {
		return s.wire.count
	}
	return s.zeros + s.above
}

// each calls visit with each bin that is not empty, from lowest to highest.
func (s *Sketch) each(visit func(index, count int64)) {
	if s.wire != nil {
		s.wire.each(visit)
		return
	}
	if s.zeros > 0 {
		visit(zeroBin, s.zeros)
	}
	s.bins.each(func(index int, n uint64) { visit(int64(index), int64(n)) })
}

// Quantiles are the values at qs, each in [0,1], within SketchAccuracy; all 0
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

// binValue stands for all values of a bin.
func binValue(index int64) float64 {
	if index == zeroBin {
		return 0
	}
	return sketchMapping.Value(int(index))
}

// frozen is a copy that keeps only the encoded form: small, and it does not
// change.
func (s *Sketch) frozen() *Sketch {
	return &Sketch{wire: &wireSketch{bytes: s.encode(), count: s.Count()}}
}

// Footprint is about the number of bytes that the sketch takes beside the Sketch
// itself.
func (s *Sketch) Footprint() int {
	if s.wire != nil {
		return len(s.wire.bytes)
	}
	return s.bins.footprint()
}
