package profile

import (
	"fmt"
	"math"

	"github.com/DataDog/sketches-go/ddsketch"
	"github.com/DataDog/sketches-go/ddsketch/mapping"
	"github.com/DataDog/sketches-go/ddsketch/store"
)

// SketchAccuracy is the relative error of a sketch's quantiles.
const SketchAccuracy = 0.02

// sketchGamma is the ratio between the edges of a bin that gives
// SketchAccuracy. It is written out, because math.Pow may differ in the last
// bit between processors and every file holds it.
const sketchGamma = 1.0404087790514263

// rawValues is how many values a sketch keeps as they are. Most namespaces are
// small, and a DDSketch costs some 2 KiB however few values it holds.
const rawValues = 64

// sketchMapping is shared: it is immutable.
var sketchMapping = func() mapping.IndexMapping {
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
// encoded form until it is added to; until then any number of goroutines may
// read it. Otherwise only one may, as looking up a quantile sorts a buffer.
type Sketch struct {
	// Of these at most one is set.
	raw  []float64
	dd   *ddsketch.DDSketch
	wire []byte // encoded, and proven to be valid

	wireCount int64 // values in wire
}

// Add counts one value. It panics for a value that is negative, not a number or
// beyond the range of the mapping (about 1e308): those are no spans of time and
// no sizes, and a sketch that lost them would count wrong ever after.
func (s *Sketch) Add(v float64) {
	if !(v >= 0 && v <= sketchMapping.MaxIndexableValue()) {
		panic(fmt.Sprintf("sketch: value %v", v))
	}
	if s.dd == nil {
		if s.wire == nil && len(s.raw) < rawValues {
			s.raw = append(s.raw, v)
			return
		}
		s.spill()
	}
	addTo(s.dd, v)
}

// addTo adds a value that is within the range of the mapping.
func addTo(dd *ddsketch.DDSketch, v float64) {
	if err := dd.Add(v); err != nil {
		panic(fmt.Sprintf("sketch: value %v: %v", v, err))
	}
}

// spill moves all values into a DDSketch.
func (s *Sketch) spill() { *s = Sketch{dd: s.full()} }

// Merge adds all values of other, which must not be s and is left as it is.
func (s *Sketch) Merge(other *Sketch) {
	if other.dd == nil && other.wire == nil {
		for _, v := range other.raw {
			s.Add(v)
		}
		return
	}
	if s.dd == nil {
		s.spill()
	}
	if err := s.dd.MergeWith(other.full()); err != nil {
		panic(fmt.Sprintf("sketch: merge: %v", err)) // all sketches share one mapping
	}
}

// Count is the number of values.
func (s *Sketch) Count() int64 {
	if s.dd == nil {
		return int64(len(s.raw)) + s.wireCount
	}
	return int64(s.dd.GetCount())
}

// Quantiles are the values at qs, each in [0,1], within SketchAccuracy; all 0
// for an empty sketch. They do not depend on the order of additions. A quantile
// is the least value that at least that share of the values does not exceed, so
// the p99 of seven keys is the largest.
func (s *Sketch) Quantiles(qs ...float64) []float64 {
	n := float64(s.Count())
	if n == 0 {
		return make([]float64, len(qs))
	}
	positions := make([]float64, len(qs))
	for i, q := range qs {
		// The library takes the value with index floor(position * (n-1)); half a
		// step further, rounding cannot miss the index that is wanted.
		index := max(0, math.Ceil(q*n)-1)
		positions[i] = min(1, (index+0.5)/max(1, n-1))
	}
	vs, err := s.full().GetValuesAtQuantiles(positions)
	if err != nil {
		panic(fmt.Sprintf("sketch: quantiles %v: %v", qs, err)) // not empty, and callers ask within [0,1]
	}
	return vs
}

// full is the sketch as a DDSketch, whether or not it has come to that yet.
func (s *Sketch) full() *ddsketch.DDSketch {
	if s.dd != nil {
		return s.dd
	}
	dd := ddsketch.NewDDSketchFromStoreProvider(sketchMapping, store.BufferedPaginatedStoreConstructor)
	for _, v := range s.raw {
		addTo(dd, v)
	}
	if s.wire != nil {
		fillFromWire(dd, s.wire)
	}
	return dd
}

// frozen is a copy that keeps only the encoded form: small, and safe to read
// from many goroutines.
func (s *Sketch) frozen() *Sketch {
	return &Sketch{wire: s.encode(), wireCount: s.Count()}
}
