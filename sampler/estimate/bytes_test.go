package estimate_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"keyprof/sampler/estimate"
	"keyprof/sampler/profile"
)

func TestBytes(t *testing.T) {
	var alike profile.ByteSums
	for range 100 {
		alike.Add(1000)
	}
	one := alike
	one.Add(100_000)
	const light = 5.0 // a tail index without danger
	f := estimate.NewFrame(0.01, 101)
	for name, tt := range map[string]struct {
		sums profile.ByteSums
		tail float64
		want [3]int64
	}{
		// z√((1-f)·100·1000²)/f
		"alike":                  {alike, light, [3]int64{10_000_000, 8_049_861, 11_950_139}},
		"a heavy tail":           {alike, 1.9, [3]int64{10_000_000, 8_363_391, -1}},
		"one key holds the half": {one, light, [3]int64{20_000_000, 3_551_464, -1}},
		"none":                   {profile.ByteSums{}, light, [3]int64{0, 0, -1}},
	} {
		got := text(f.Bytes(tt.sums, tt.tail))
		for i := range got {
			if off := got[i] - tt.want[i]; off < -5000 || off > 5000 {
				t.Errorf("%s: %d, want about %d", name, got, tt.want)
				break
			}
		}
	}
}

// The errors of independent sums add up by their squares.
func TestSum(t *testing.T) {
	part := func(value, lo, hi int64) profile.Estimate { return profile.Estimate{Value: value, Lo: lo, Hi: &hi} }
	if got := text(estimate.Sum(part(100, 70, 140), part(50, 10, 80))); got != [3]int64{150, 100, 200} {
		t.Errorf("sum %d, want 150 from 100 to 200", got)
	}
	if got := text(estimate.Sum(part(100, 70, 140), profile.Estimate{Value: 50, Lo: 10})); got != [3]int64{150, 100, -1} {
		t.Errorf("sum %d, want one without an upper end", got)
	}
}

// The errors of sums that may go the same way add up.
func TestSumAlike(t *testing.T) {
	part := func(value, lo, hi int64) profile.Estimate { return profile.Estimate{Value: value, Lo: lo, Hi: &hi} }
	if got := text(estimate.SumCorrelated(part(100, 70, 140), part(50, 10, 80))); got != [3]int64{150, 80, 220} {
		t.Errorf("sum %d, want 150 from 80 to 220", got)
	}
	if got := text(estimate.SumCorrelated(part(100, 70, 140), profile.Estimate{Value: 50, Lo: 10})); got != [3]int64{150, 80, -1} {
		t.Errorf("sum %d, want one without an upper end", got)
	}
	if got := text(estimate.SumCorrelated(part(100, 70, 140))); got != [3]int64{100, 70, 140} {
		t.Errorf("sum %d of one", got)
	}
}

// Hill's index is that of the distribution, within what a sample tells.
func TestTailIndex(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	index := func(n int, size func() float64) float64 {
		var s profile.Sketch
		for range n {
			s.Add(size())
		}
		return estimate.TailIndex(&s)
	}
	for _, alpha := range []float64{1.1, 1.5, 2.5, 4} {
		got := index(100_000, func() float64 { return 100 * math.Pow(1-rng.Float64(), -1/alpha) })
		if math.Abs(got/alpha-1) > 0.08 {
			t.Errorf("tail index %.2f of Pareto %v", got, alpha)
		}
	}
	for name, got := range map[string]float64{
		"alike": index(1000, func() float64 { return 200 }), "none": index(0, nil), "one": index(1, func() float64 { return 7 }),
		"empty keys": index(10, func() float64 { return 0 }), "nothing known": estimate.TailIndex(nil),
	} {
		if !math.IsInf(got, 1) {
			t.Errorf("%s: tail index %v", name, got)
		}
	}
}

// clan are namespaces of collections of which few keys are far larger than the
// others.
type clan [][]int64 // sizes of the keys of each

// newClan has namespaces of 2,000 to 20,000 keys, one in 2,000 of which is a hundred
// times as large.
func newClan(rng *rand.Rand) (c clan) {
	for i := range 10 {
		sizes := make([]int64, 2000*(i+1))
		for k := range sizes {
			sizes[k] = 200 + rng.Int64N(100)
			if rng.IntN(2000) == 0 {
				sizes[k] *= 100
			}
		}
		c = append(c, sizes)
	}
	return c
}

// sample draws each key with the same chance.
func (c clan) sample(rng *rand.Rand, share float64) (sums []profile.SampleSums, tails []float64, seen int64) {
	for _, sizes := range c {
		var s profile.SampleSums
		var sketch profile.Sketch
		for _, size := range sizes {
			if rng.Float64() < share {
				s.Bytes.Add(size)
				s.SampledBytes.Add(size)
				sketch.Add(float64(size))
			}
		}
		seen += s.Bytes.Keys
		sums, tails = append(sums, s), append(tails, estimate.TailIndex(&sketch))
	}
	return sums, tails, seen
}

// A namespace that met none of its giants learns from the others that there are some.
func TestNamespacesLearnFromTheirKin(t *testing.T) {
	n := runs(t)
	for _, share := range []float64{0.05, 0.2} {
		rng := rand.New(rand.NewPCG(3, uint64(share*100)))
		c := newClan(rng)
		alone, among, all := 0, 0, 0
		for range n {
			sums, tails, seen := c.sample(rng, share)
			var kin estimate.PooledVariance
			for i := range sums {
				kin.Add(&sums[i])
			}
			frame := estimate.NewFrame(share, seen)
			for i, s := range sums {
				truth := int64(0)
				for _, size := range c[i] {
					truth += size
				}
				all++
				alone += one(covers(frame.Bytes(s.Bytes, tails[i]), truth))
				among += one(covers(frame.WithPooled(kin, &s).Bytes(s.Bytes, tails[i]), truth))
			}
		}
		t.Logf("a sample of %v: %.3f of the intervals hold, without kin %.3f", share, ratio(among, all), ratio(alone, all))
		if among < tooFew(all, 0.95) {
			t.Errorf("a sample of %v: %d of %d intervals hold the truth", share, among, all)
		}
	}
}

// Strings learn nothing from collections, which vary for reasons of their own.
func TestStringsHaveNoKin(t *testing.T) {
	var strings, lists profile.SampleSums
	for i := range int64(1000) {
		strings.Bytes.Add(100)
		lists.Bytes.Add(100 + i*i)
		lists.SampledBytes.Add(100 + i*i)
	}
	var kin estimate.PooledVariance
	kin.Add(&strings)
	kin.Add(&lists)
	frame := estimate.NewFrame(0.1, 2000)
	if alone, among := frame.Bytes(strings.Bytes, 9), frame.WithPooled(kin, &strings).Bytes(strings.Bytes, 9); alone.Lo != among.Lo || *alone.Hi != *among.Hi {
		t.Errorf("alone %v to %v, among %v to %v", alone.Lo, *alone.Hi, among.Lo, *among.Hi)
	}
	if alone, among := frame.Bytes(lists.Bytes, 9), frame.WithPooled(kin, &lists).Bytes(lists.Bytes, 9); alone.Lo != among.Lo {
		t.Errorf("its own spread is that of its kin: %v and %v", alone.Lo, among.Lo)
	}
}

// A namespace of which many keys were seen, all of them alike, is not thought to vary
// as much as kin do: its interval is no wider than the rule of three has it.
func TestManyKeysKnowBetter(t *testing.T) {
	const share, giant = 0.2, 20_000
	var steady, giants profile.SampleSums
	for i := range int64(100_000) {
		steady.Bytes.Add(100)
		steady.SampledBytes.Add(100)
		if i%20 == 0 {
			size := int64(100)
			if i%2000 == 0 {
				size = giant
			}
			giants.Bytes.Add(size)
			giants.SampledBytes.Add(size)
		}
	}
	var kin estimate.PooledVariance
	kin.Add(&steady)
	kin.Add(&giants)
	e := estimate.NewFrame(share, 105_000).WithPooled(kin, &steady).Bytes(steady.Bytes, 9)
	if width := float64(*e.Hi-e.Lo) / float64(e.Value); width > 0.013 {
		t.Errorf("%v to %v", e.Lo, *e.Hi)
	}
}

// Where others have keys a thousand times as large, a namespace of few keys may have
// some, too: its bytes have no upper end. Of many keys it would have shown some.
func TestFewKeysMayHideGiants(t *testing.T) {
	var giants profile.SampleSums
	for i := range int64(5000) {
		size := int64(100)
		if i%2500 == 0 {
			size = 200_000
		}
		giants.Bytes.Add(size)
		giants.SampledBytes.Add(size)
	}
	for keys, open := range map[int64]bool{500: true, 5000: true, 200_000: false} {
		var steady profile.SampleSums
		for range keys {
			steady.Bytes.Add(100)
			steady.SampledBytes.Add(100)
		}
		var kin estimate.PooledVariance
		kin.Add(&steady)
		kin.Add(&giants)
		if e := estimate.NewFrame(0.01, keys+5000).WithPooled(kin, &steady).Bytes(steady.Bytes, 9); (e.Hi == nil) != open {
			t.Errorf("of %d keys: open %v, want %v", keys, e.Hi == nil, open)
		}
	}
}
