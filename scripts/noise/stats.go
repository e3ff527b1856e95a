package main

import (
	"math"
	"slices"
)

// pair is two readings of the same keys that keyprof diff might compare.
type pair struct{ before, after reading }

// pairsOf returns all pairs of the list.
func pairsOf(list []reading) []pair {
	var pairs []pair
	for i, before := range list {
		for _, after := range list[i+1:] {
			pairs = append(pairs, pair{before, after})
		}
	}
	return pairs
}

// sums returns the bytes of each n consecutive keys. It leaves out the rest.
func sums(r reading, n int) reading {
	list := make(reading, 0, len(r)/n)
	for ; len(r) >= n; r = r[n:] {
		sum := int64(0)
		for _, bytes := range r[:n] {
			sum += bytes
		}
		list = append(list, sum)
	}
	return list
}

// relativeSD returns the standard deviation of sums over n keys between the
// readings, divided by the sum: the squares of both are averaged over all sums.
func relativeSD(list []reading, n int) float64 {
	summed := make([]reading, len(list))
	for i, r := range list {
		summed[i] = sums(r, n)
	}
	variance, square := 0.0, 0.0
	for key := range summed[0] {
		mean, squares := 0.0, 0.0
		for _, r := range summed {
			mean += float64(r[key])
		}
		mean /= float64(len(summed))
		for _, r := range summed {
			squares += (float64(r[key]) - mean) * (float64(r[key]) - mean)
		}
		variance += squares / float64(len(summed)-1)
		square += mean * mean
	}
	return math.Sqrt(variance / square)
}

// largestChange returns how many times larger one key got, or was.
func largestChange(pairs []pair) float64 {
	largest := 1.0
	for _, p := range pairs {
		for i := range p.before {
			a, b := float64(p.before[i]), float64(p.after[i])
			largest = max(largest, a/b, b/a)
		}
	}
	return largest
}

// change is the difference between two readings of a sum of keys.
type change struct {
	keys    int
	largest float64 // bytes of one of the keys, in either reading
	sum     float64 // the larger one
	moved   float64 // never negative
}

// changes returns those of each n keys of each pair.
func changes(pairs []pair, n int) []change {
	var list []change
	for _, p := range pairs {
		before, after := sums(p.before, n), sums(p.after, n)
		for i := range before {
			group := slices.Concat(p.before[i*n:(i+1)*n], p.after[i*n:(i+1)*n])
			list = append(list, change{
				n, float64(slices.Max(group)), float64(max(before[i], after[i])),
				math.Abs(float64(after[i] - before[i])),
			})
		}
	}
	return list
}

// scaled returns the change divided by the size that it is expected to grow with if keys
// are independent.
func (c change) scaled() float64 { return c.moved / math.Sqrt(c.largest*c.sum) }

// relative returns the change as a share of the larger sum.
func (c change) relative() float64 { return c.moved / c.sum }

// covered returns the share of the changes that are at most the floor, NaN for
// none.
func covered(list []change, floor func(change) float64) float64 {
	count := 0
	for _, c := range list {
		if c.moved <= floor(c) {
			count++
		}
	}
	return float64(count) / float64(len(list))
}

// most returns the least value that the figures of 95 % of the changes do not
// exceed, NaN for none.
func most(list []change, figure func(change) float64) float64 {
	values := make([]float64, len(list))
	for i, c := range list {
		values[i] = figure(c)
	}
	return quantile(values, 0.95)
}

// quantile returns the least value that at least the share q of the values do not
// exceed, NaN for none.
func quantile(values []float64, q float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[max(int(math.Ceil(q*float64(len(sorted))))-1, 0)]
}

// meanShift returns by how much all keys together grew, as a share of what was
// before: the mean over the pairs.
func meanShift(pairs []pair) float64 {
	shift := 0.0
	for _, p := range pairs {
		before, after := sums(p.before, len(p.before))[0], sums(p.after, len(p.after))[0]
		shift += float64(after-before) / float64(before) / float64(len(pairs))
	}
	return shift
}
