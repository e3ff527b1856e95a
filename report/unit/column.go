package unit

import (
	"math"

	"github.com/dustin/go-humanize"
)

// Kind is what a column's figures measure.
type Kind int

// The kinds of column.
const (
	Count   Kind = iota // keys and the like
	Bytes               // sizes, in bytes
	Percent             // ratios in [0,1], printed in per cent
	Span                // seconds; each cell names its unit, as spans range from seconds to years
)

// Column prints all figures of one column of a table in one unit, chosen for
// the column as a whole.
type Column struct {
	Unit string // to be printed once, in the header; "" when the figures need none
	kind Kind
	size float64 // base units in one Unit
}

// widest is the least figure that is too long for a column: seven digits.
const widest = 1e6

// NewColumn chooses the unit for a column of the given figures, in base units.
func NewColumn(kind Kind, values []float64) Column {
	switch kind {
	case Bytes:
		return bytesColumn(values)
	case Count:
		return countColumn(values)
	default:
		return Column{kind: kind, size: 1}
	}
}

// bytesColumn takes the unit that suits the largest figure, then goes down
// while that shows figures that would else vanish as "<0.1" and the largest
// keeps to six digits: 4.3 GiB beside 12 MiB is better read as 4,412 and 12.
func bytesColumn(values []float64) Column {
	least, largest := extremes(values)
	power := 0
	for largest/math.Pow(1024, float64(power)) >= 1024 && power < len(byteUnits)-1 {
		power++
	}
	for power > 0 && least < 0.1*math.Pow(1024, float64(power)) && largest/math.Pow(1024, float64(power-1)) < widest {
		power--
	}
	return Column{Unit: byteUnits[power], kind: Bytes, size: math.Pow(1024, float64(power))}
}

// countColumn prints keys one by one below ten million, and by the thousand above.
func countColumn(values []float64) Column {
	if _, largest := extremes(values); largest >= 10*widest {
		return Column{Unit: "k", kind: Count, size: 1000}
	}
	return Column{kind: Count, size: 1}
}

// extremes are the least value above 0 and the largest; 0 when there is none.
func extremes(values []float64) (least, largest float64) {
	for _, v := range values {
		if v > 0 && (least == 0 || v < least) {
			least = v
		}
		largest = max(largest, v)
	}
	return least, largest
}

// Format is the text of one figure, given in base units.
func (c Column) Format(v float64) string {
	switch c.kind {
	case Percent:
		return FormatPercent(v)
	case Span:
		return FormatDuration(v)
	}
	scaled := v / c.size
	switch {
	case scaled <= 0:
		return "0"
	case c.size == 1 && scaled < 0.5:
		return "<1"
	case c.size == 1 || scaled >= 999.95:
		return humanize.Comma(int64(math.Round(scaled)))
	case scaled < 0.1:
		return "<0.1"
	default:
		return decimals(scaled, 1)
	}
}

// FormatChange is the text of a difference: with its sign, unless it is 0.
func (c Column) FormatChange(v float64) string { return Sign(v) + c.Format(math.Abs(v)) }
