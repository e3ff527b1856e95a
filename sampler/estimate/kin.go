package estimate

import (
	"math"

	"keyprof/sampler/profile"
)

// Kin is what the namespaces of a database tell of each other. A collection grows
// with what is put into it, so that one in thousands may be a hundred times as
// large; a sample that met none of these in one namespace has met some in others. The
// sizes of no namespace of collections are taken to vary less, relative to their
// mean, than those of all together.
type Kin struct {
	keys     float64 // of collections
	variance float64 // times keys: relative to the square of the mean of each namespace
}

// Add takes in the sums of a namespace.
func (k *Kin) Add(s *profile.SampleSums) {
	if !ofCollections(s) {
		return
	}
	n := float64(s.Bytes.Keys)
	k.keys += n
	k.variance += n * (s.Bytes.Squares.Float()*n/square(float64(s.Bytes.Bytes)) - 1)
}

// ofCollections reports whether most bytes of a namespace are those of collections.
func ofCollections(s *profile.SampleSums) bool {
	return s != nil && s.Bytes.Bytes > 0 && s.SampledBytes.Bytes > s.Bytes.Bytes/2
}

// Among is the frame for a namespace of the same database as kin.
func (f Frame) Among(kin Kin, s *profile.SampleSums) Frame {
	if ofCollections(s) && kin.keys > 0 {
		f.variance = max(0, kin.variance/kin.keys)
	}
	return f
}

// squares is the sum of the squares of sizes, with at least the variance of kin.
func (f Frame) squares(s profile.ByteSums) float64 {
	seen := s.Squares.Float()
	if f.variance == 0 || s.Keys == 0 {
		return seen
	}
	return math.Max(seen, square(float64(s.Bytes))/float64(s.Keys)*(1+f.variance))
}
