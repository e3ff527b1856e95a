package profile

import (
	"fmt"
	"math"
	"math/big"
	"math/bits"
	"strings"
)

// perUnit is the resolution of a Sum: thousandths, as times are known to the
// millisecond and sizes to the byte.
const perUnit = 1000

// Sum is the sum of one quantity over keys, exact to a thousandth of the
// quantity's unit, so that sums can be added in any order. It has 128 bits: ten
// million keys with a TTL of thirty years pass 2^63 milliseconds. JSON readers
// that know floating point only read it with 53 bits.
type Sum struct{ High, Low uint64 } // in thousandths of the unit

// SumOf returns the sum n, in the quantity's unit.
func SumOf(n int64) Sum { return SumOfThousandths(n).times(perUnit) }

// SumOfThousandths returns the sum n/1000, in the quantity's unit. n must not be
// negative.
func SumOfThousandths(n int64) Sum { return Sum{Low: uint64(n)} }

// Plus returns s plus other.
func (s Sum) Plus(other Sum) Sum {
	low, carry := bits.Add64(s.Low, other.Low, 0)
	high, _ := bits.Add64(s.High, other.High, carry)
	return Sum{high, low}
}

func (s Sum) times(n uint64) Sum {
	high, low := bits.Mul64(s.Low, n)
	return Sum{high + s.High*n, low}
}

// Float returns s in the quantity's unit, rounded.
func (s Sum) Float() float64 {
	return (math.Ldexp(float64(s.High), 64) + float64(s.Low)) / perUnit
}

// MarshalJSON writes a decimal number with at most three decimal places.
func (s Sum) MarshalJSON() ([]byte, error) {
	whole, part := new(big.Int).QuoRem(s.big(), big.NewInt(perUnit), new(big.Int))
	text := whole.String()
	if part.Sign() != 0 {
		text = strings.TrimRight(fmt.Sprintf("%s.%03d", text, part), "0")
	}
	return []byte(text), nil
}

func (s Sum) big() *big.Int {
	high := new(big.Int).SetUint64(s.High)
	return high.Lsh(high, 64).Or(high, new(big.Int).SetUint64(s.Low))
}

// UnmarshalJSON reads any number that is not negative, rounded to thousandths:
// programs that copy JSON may write what they read in another form.
func (s *Sum) UnmarshalJSON(text []byte) (err error) {
	*s, err = parse128(text, perUnit)
	return err
}

// parse128 reads scale times a number that is not negative, rounded.
func parse128(text []byte, scale float64) (Sum, error) {
	const precision = 192 // bits: 128, and enough to round the last decimal place rightly
	f, _, err := big.ParseFloat(string(text), 10, precision, big.ToNearestEven)
	if err != nil || f.Signbit() || f.IsInf() || f.MantExp(nil) > 128 {
		return Sum{}, fmt.Errorf("%.40q is not a sum", text)
	}
	n, _ := f.Add(f.Mul(f, big.NewFloat(scale)), big.NewFloat(0.5)).Int(nil)
	if n.BitLen() > 128 {
		return Sum{}, fmt.Errorf("%.40q is too large for a sum", text)
	}
	low := new(big.Int).And(n, new(big.Int).SetUint64(math.MaxUint64))
	return Sum{High: n.Rsh(n, 64).Uint64(), Low: low.Uint64()}, nil
}

// Squares is a sum of squares of sizes, exact, so that sums can be added in any
// order. It has 128 bits: a key of 16 GiB takes 68. JSON readers that know
// floating point only read it with 53 bits.
type Squares struct{ High, Low uint64 } // in bytes squared

// SquareOf returns the square of a size. n must not be negative.
func SquareOf(n int64) Squares {
	high, low := bits.Mul64(uint64(n), uint64(n))
	return Squares{high, low}
}

// Plus returns s plus other.
func (s Squares) Plus(other Squares) Squares { return Squares(Sum(s).Plus(Sum(other))) }

// Float returns s in bytes squared, rounded.
func (s Squares) Float() float64 { return math.Ldexp(float64(s.High), 64) + float64(s.Low) }

// MarshalJSON writes a decimal number.
func (s Squares) MarshalJSON() ([]byte, error) { return []byte(Sum(s).big().String()), nil }

// UnmarshalJSON reads any number that is not negative, rounded.
func (s *Squares) UnmarshalJSON(text []byte) error {
	n, err := parse128(text, 1)
	*s = Squares(n)
	return err
}
