package estimate

import "keyprof/sampler/profile"

// Kin is what the namespaces of a database tell of each other. A collection grows
// with what is put into it, so that one in thousands may be a hundred times as
// large; a sample that met none of these in one namespace has met some in others. The
// sizes of a namespace of collections are taken to vary, relative to their mean, as
// much as those of all together, unless it was seen of enough keys to know better.
type Kin struct {
	keys     float64 // of collections
	variance float64 // times keys: relative to the square of the mean of each namespace
	largest  float64 // size, relative to the mean of its namespace
}

// Add takes in the sums of a namespace.
func (k *Kin) Add(s *profile.SampleSums) {
	if !ofCollections(s) {
		return
	}
	n, sum := float64(s.Bytes.Keys), float64(s.Bytes.Bytes)
	k.keys += n
	k.variance += n * (s.Bytes.Squares.Float()*n/square(sum) - 1)
	k.largest = max(k.largest, float64(s.Bytes.Largest)*n/sum)
}

// ofCollections reports whether most bytes of a namespace are those of collections.
func ofCollections(s *profile.SampleSums) bool {
	return s != nil && s.Bytes.Bytes > 0 && s.SampledBytes.Bytes > s.Bytes.Bytes/2
}

// Among is the frame for a namespace of the same database as kin.
func (f Frame) Among(kin Kin, s *profile.SampleSums) Frame {
	if !ofCollections(s) || kin.keys == 0 {
		return f
	}
	// By the rule of three no more than 3/n of its keys are as large as the largest,
	// relative to the others.
	most := 3 / float64(s.Bytes.Keys)
	f.variance = min(max(0, kin.variance/kin.keys), most*square(kin.largest))
	f.unmet = most * kin.largest
	return f
}

// mayHold reports whether keys that were not met, as large as the largest of kin, may
// hold more than an interval of so much on either side, relative to the bytes, allows
// for.
func (f Frame) mayHold(half float64) bool { return f.unmet > max(largePart, half) }

// kinSquares is the sum of the squares of sizes that vary as those of kin do.
func (f Frame) kinSquares(s profile.ByteSums) float64 {
	if f.variance == 0 || s.Keys == 0 {
		return 0
	}
	return square(float64(s.Bytes)) / float64(s.Keys) * (1 + f.variance)
}
