package estimate_test

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"keyprof/sampler/estimate"
	"keyprof/sampler/profile"
)

func text(e profile.Estimate) [3]int64 {
	if e.Hi == nil {
		return [3]int64{e.Value, e.Lo, -1}
	}
	return [3]int64{e.Value, e.Lo, *e.Hi}
}

func TestCount(t *testing.T) {
	told := estimate.ReportedKeys{Before: 10_000, After: 10_000}
	for name, tt := range map[string]struct {
		frame estimate.Frame
		seen  int64
		want  [3]int64 // value, lo, hi; hi -1: none
	}{
		// (x + z²(1-f)/2 ± z√((1-f)(x + z²(1-f)/4)))/f
		"by positions":           {estimate.NewFrame(0.01, 100), 100, [3]int64{10000, 8230, 12150}},
		"none seen":              {estimate.NewFrame(0.01, 100), 0, [3]int64{0, 0, 381}}, // z²(1-f)/f
		"one seen":               {estimate.NewFrame(0.01, 100), 1, [3]int64{100, 17, 563}},
		"all positions":          {estimate.NewFrame(1, 100), 7, [3]int64{7, 7, 7}},
		"no less than was seen":  {estimate.NewFrame(0.9, 100), 100, [3]int64{111, 104, 119}},
		"of a known number":      {estimate.NewFrame(0.01, 100).WithKeyCount(told), 50, [3]int64{5000, 4042, 5958}},
		"all of a known number":  {estimate.NewFrame(0.01, 100).WithKeyCount(told), 100, [3]int64{10000, 9633, 10000}},
		"none of a known number": {estimate.NewFrame(0.01, 100).WithKeyCount(told), 0, [3]int64{0, 0, 367}},
		"of an empty database":   {estimate.NewFrame(0.01, 0).WithKeyCount(estimate.ReportedKeys{}), 0, [3]int64{0, 0, 0}},
	} {
		if got := text(tt.frame.Count(tt.seen)); got != tt.want {
			t.Errorf("%s: %d, want %d", name, got, tt.want)
		}
	}
}

// The server's number is relied on only if it is that of the sample, and if what
// may be expired or have come and gone in it cannot matter.
func TestWhatTheServerTells(t *testing.T) {
	f := estimate.NewFrame(0.01, 100) // 10,000 keys, with a standard error of about 1,000
	for name, tt := range map[string]struct {
		told          estimate.ReportedKeys
		agrees, known bool
	}{
		"the same":               {estimate.ReportedKeys{Before: 10_000, After: 10_000}, true, true},
		"by chance":              {estimate.ReportedKeys{Before: 12_000, After: 12_000}, true, true},
		"too many":               {estimate.ReportedKeys{Before: 25_000, After: 25_000}, false, false},
		"too few":                {estimate.ReportedKeys{Before: 5_000, After: 5_000}, false, false},
		"grew tenfold meanwhile": {estimate.ReportedKeys{Before: 3_000, After: 30_000}, true, false},
		"some may be expired":    {estimate.ReportedKeys{Before: 10_000, After: 10_000, Expiring: 500}, true, false},
		"few may be expired":     {estimate.ReportedKeys{Before: 10_000, After: 10_000, Expiring: 50}, true, true},
		"none":                   {estimate.ReportedKeys{}, false, false},
	} {
		known := text(f.WithKeyCount(tt.told).Count(100))[2] == (tt.told.Before+tt.told.After)/2
		if f.Agrees(tt.told) != tt.agrees || known != tt.known {
			t.Errorf("%s: agrees %v, known %v", name, f.Agrees(tt.told), known)
		}
	}
}

// Whatever a file says, an estimate is one.
func TestEstimatesAreInOrder(t *testing.T) {
	sums := rapid.Custom(func(t *rapid.T) profile.ByteSums {
		return profile.ByteSums{
			Keys: rapid.Int64Min(0).Draw(t, "keys"), Bytes: rapid.Int64Min(0).Draw(t, "bytes"),
			Squares: profile.Squares{High: rapid.Uint64().Draw(t, "high"), Low: rapid.Uint64().Draw(t, "low")}, Largest: rapid.Int64Min(0).Draw(t, "largest"),
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		seen := rapid.Int64Min(0).Draw(t, "seen")
		f := estimate.NewFrame(rapid.Float64Range(math.SmallestNonzeroFloat64, 1).Draw(t, "fraction"), seen)
		f = f.WithKeyCount(estimate.ReportedKeys{Before: rapid.Int64Min(0).Draw(t, "before"), After: rapid.Int64Min(0).Draw(t, "after"), Expiring: rapid.Int64Min(0).Draw(t, "expiring")})
		s := sums.Draw(t, "sums")
		tail := rapid.Float64Min(0).Draw(t, "tail")
		count, bytes := f.Count(rapid.Int64Range(0, seen).Draw(t, "n")), f.Bytes(s, tail)
		for _, e := range []profile.Estimate{count, bytes, estimate.Sum(count, bytes), estimate.SumCorrelated(count, bytes), estimate.Sum()} {
			if e.Lo < 0 || e.Lo > e.Value || e.Hi != nil && *e.Hi < e.Value {
				t.Fatalf("%v", text(e))
			}
		}
	})
}
