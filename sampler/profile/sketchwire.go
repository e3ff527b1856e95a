package profile

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"

	enc "github.com/DataDog/sketches-go/ddsketch/encoding"
)

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
	err = walkWire(b, func(_ int64, c float64) { count += c })
	if err != nil {
		return err
	}
	if !wholeCount(count) {
		return errSketchBin
	}
	*s = Sketch{wire: &wireSketch{bytes: b, count: int64(count)}}
	return nil
}

// encode is the wire form of the sketch.
func (s *Sketch) encode() []byte {
	if s.wire != nil {
		return s.wire.bytes
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

// encodeBins is the number of bins above zero, and their encoding.
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

// zeroBin is what walkWire calls the bin of the value 0.
const zeroBin = math.MinInt64

// walkWire calls visit with each bin of an encoded sketch and its count of
// values, and tells what is wrong with it. It takes no memory, however many
// bins a hostile file holds.
func walkWire(b []byte, visit func(index int64, count float64)) error {
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
		return walkBins(rest, visit)
	}
	if len(b) > 0 {
		return errSketchExcess
	}
	return nil
}

// walkBins is walkWire for the block of bins.
func walkBins(b []byte, visit func(index int64, count float64)) error {
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

// nextFlag is the flag at the beginning of b, and what follows it.
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
func (w *wireSketch) each(visit func(index, count int64)) {
	err := walkWire(w.bytes, func(index int64, count float64) { visit(index, int64(count)) })
	if err != nil {
		panic(fmt.Sprintf("sketch: %v", err)) // it was proven valid when it was read
	}
}
