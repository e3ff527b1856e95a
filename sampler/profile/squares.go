package profile

import (
	"math"
	"math/bits"
)

// Squares is a sum of squares of sizes, exact, so that sums can be added in any
// order. It has 128 bits: a key of 16 GiB takes 68. JSON readers that know
// floating point only read it with 53 bits.
type Squares struct{ High, Low uint64 } // in bytes squared

// SquareOf is the square of a size. n must not be negative.
func SquareOf(n int64) Squares {
	high, low := bits.Mul64(uint64(n), uint64(n))
	return Squares{high, low}
}

// Plus is s and other together.
func (s Squares) Plus(other Squares) Squares { return Squares(Sum(s).Plus(Sum(other))) }

// Float is s in bytes squared, rounded.
func (s Squares) Float() float64 { return math.Ldexp(float64(s.High), 64) + float64(s.Low) }

// MarshalJSON writes a decimal number.
func (s Squares) MarshalJSON() ([]byte, error) { return []byte(Sum(s).big().String()), nil }

// UnmarshalJSON reads any number that is not negative, rounded.
func (s *Squares) UnmarshalJSON(text []byte) error {
	n, err := parse128(text, 1)
	*s = Squares(n)
	return err
}
