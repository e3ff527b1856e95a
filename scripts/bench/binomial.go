package main

import "math"

// atMostHeld returns the probability that at most k of n intervals hold the truth, if
// each does with probability p.
func atMostHeld(k, n int, p float64) float64 {
	sum := 0.0
	for i := range min(k, n) + 1 {
		sum += math.Exp(logChoose(n, i) + float64(i)*math.Log(p) + float64(n-i)*math.Log1p(-p))
	}
	return min(1, sum)
}

// logChoose returns the logarithm of the binomial coefficient.
func logChoose(n, k int) float64 {
	return logFactorial(n) - logFactorial(k) - logFactorial(n-k)
}

func logFactorial(n int) float64 {
	l, _ := math.Lgamma(float64(n) + 1)
	return l
}
