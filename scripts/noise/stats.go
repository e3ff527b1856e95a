package main

import (
	"math"
	"slices"
)

// pair is two readings of the same keys that keyprof diff might compare.
type pair struct{ before, after reading }

// pairsOf returns each two of the list.
func pairsOf(list []reading) []pair {
	var pairs []pair
	for i, before := range list {
		for _, after := range list[i+1:] {
			pairs = append(pairs, pair{before, after})
		}
	}
	return pairs
}

// sums returns the bytes of each n keys that follow one another. Keys that are
// left over are left out.
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
			mean += float64(r[key]) / float64(len(summed))
		}
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

// scaled returns for each n keys of each pair by how much their sum S changed,
// divided by sqrt(L*S), where L is the largest of them. Both L and S are the larger
// ones of the pair.
func scaled(pairs []pair, n int) []float64 {
	var list []float64
	for _, p := range pairs {
		before, after := sums(p.before, n), sums(p.after, n)
		for i := range before {
			group := slices.Concat(p.before[i*n:(i+1)*n], p.after[i*n:(i+1)*n])
			largest, sum := float64(slices.Max(group)), float64(max(before[i], after[i]))
			list = append(list, math.Abs(float64(after[i]-before[i]))/math.Sqrt(largest*sum))
		}
	}
	return list
}

// relative returns for each n keys of each pair by how much their sum changed,
// divided by the larger of the two sums.
func relative(pairs []pair, n int) []float64 {
	var list []float64
	for _, p := range pairs {
		before, after := sums(p.before, n), sums(p.after, n)
		for i := range before {
			list = append(list, math.Abs(float64(after[i]-before[i]))/float64(max(before[i], after[i])))
		}
	}
	return list
}

// covered returns the share of the values that are at most limit, NaN for none.
func covered(values []float64, limit float64) float64 {
	count := 0
	for _, v := range values {
		if v <= limit {
			count++
		}
	}
	return float64(count) / float64(len(values))
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
