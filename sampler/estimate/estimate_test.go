package estimate_test

import (
	"math"
	"math/rand/v2"
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
	told := estimate.Told{Before: 10_000, After: 10_000}
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
		"of a known number":      {estimate.NewFrame(0.01, 100).Knowing(told), 50, [3]int64{5000, 4042, 5958}},
		"all of a known number":  {estimate.NewFrame(0.01, 100).Knowing(told), 100, [3]int64{10000, 9633, 10000}},
		"none of a known number": {estimate.NewFrame(0.01, 100).Knowing(told), 0, [3]int64{0, 0, 367}},
		"of an empty database":   {estimate.NewFrame(0.01, 0).Knowing(estimate.Told{}), 0, [3]int64{0, 0, 0}},
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
		told          estimate.Told
		agrees, known bool
	}{
		"the same":               {estimate.Told{Before: 10_000, After: 10_000}, true, true},
		"by chance":              {estimate.Told{Before: 12_000, After: 12_000}, true, true},
		"too many":               {estimate.Told{Before: 25_000, After: 25_000}, false, false},
		"too few":                {estimate.Told{Before: 5_000, After: 5_000}, false, false},
		"grew tenfold meanwhile": {estimate.Told{Before: 3_000, After: 30_000}, true, false},
		"some may be expired":    {estimate.Told{Before: 10_000, After: 10_000, Expiring: 500}, true, false},
		"few may be expired":     {estimate.Told{Before: 10_000, After: 10_000, Expiring: 50}, true, true},
		"none":                   {estimate.Told{}, false, false},
	} {
		known := text(f.Knowing(tt.told).Count(100))[2] == (tt.told.Before+tt.told.After)/2
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
		f = f.Knowing(estimate.Told{Before: rapid.Int64Min(0).Draw(t, "before"), After: rapid.Int64Min(0).Draw(t, "after"), Expiring: rapid.Int64Min(0).Draw(t, "expiring")})
		s := sums.Draw(t, "sums")
		tail := rapid.Float64Min(0).Draw(t, "tail")
		count, bytes := f.Count(rapid.Int64Range(0, seen).Draw(t, "n")), f.Bytes(s, tail)
		for _, e := range []profile.Estimate{count, bytes, estimate.Sum(count, bytes), estimate.SumAlike(count, bytes), estimate.Sum()} {
			if e.Lo < 0 || e.Lo > e.Value || e.Hi != nil && *e.Hi < e.Value {
				t.Fatalf("%v", text(e))
			}
		}
	})
}

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
	if got := text(estimate.SumAlike(part(100, 70, 140), part(50, 10, 80))); got != [3]int64{150, 80, 220} {
		t.Errorf("sum %d, want 150 from 80 to 220", got)
	}
	if got := text(estimate.SumAlike(part(100, 70, 140), profile.Estimate{Value: 50, Lo: 10})); got != [3]int64{150, 80, -1} {
		t.Errorf("sum %d, want one without an upper end", got)
	}
	if got := text(estimate.SumAlike(part(100, 70, 140))); got != [3]int64{100, 70, 140} {
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

func TestBalanceOf(t *testing.T) {
	p := &profile.Profile{Nodes: []profile.Node{{
		Databases: []profile.Database{{Before: &profile.Keyspace{Keys: 100_000, Expires: 50_000}}},
		Info: map[string]map[string]string{"memory": {
			"used_memory": "18000000", "used_memory_startup": "900000", "mem_clients_normal": "70000", "mem_replication_backlog": "20000",
			"mem_total_replication_buffers": "30000", "mem_aof_buffer": "-5", "mem_cluster_links": "x",
		}},
	}}}
	p.Totals.Bytes = &profile.Estimate{Value: 13_000_000}
	b, ok := estimate.BalanceOf(p)
	// As on 7.0.15, where the rest was rounding of the allocator: 1.05 + 1.72 MB of
	// tables (redis-server rounded 24 bytes up to 32 there).
	tables := int64(8*(131072+65536) + 24*50_000)
	if !ok || b.Data() != 17_000_000 || b.Tables != tables || b.Unexplained() != 4_000_000-tables || b.Large() {
		t.Errorf("%+v (%v): data %d, unexplained %d", b, ok, b.Data(), b.Unexplained())
	}
	for name, damage := range map[string]func(){
		"too little": func() { p.Totals.Bytes.Value = 5_000_000 },
		"too much":   func() { p.Totals.Bytes.Value = 23_000_000 },
	} {
		damage()
		if b, _ := estimate.BalanceOf(p); !b.Large() {
			t.Errorf("%s: %d of %d unexplained is not much", name, b.Unexplained(), b.Data())
		}
	}
	p.Nodes[0].Info = nil
	if _, ok := estimate.BalanceOf(p); ok {
		t.Error("a balance without INFO")
	}
}
