package main

import (
	"math"
	"slices"
	"testing"

	"keyprof/sampler/profile"
)

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   float64
	}{{nil, 0}, {[]float64{3}, 3}, {[]float64{9, 1, 2}, 2}, {[]float64{4, 1, 2, 3}, 2.5}} {
		if got := median(c.values); got != c.want {
			t.Errorf("median(%v) = %v", c.values, got)
		}
	}
}

func TestRatios(t *testing.T) {
	if got := ratios([]float64{6, 5, 1}, []float64{2, 0, 4}); !slices.Equal(got, []float64{3, 0, 0.25}) {
		t.Errorf("ratios = %v", got)
	}
}

// The ratio is that of pairs: here the medians' is 1.
func TestComparison(t *testing.T) {
	c := compare("s", "other", []float64{1, 2, 30}, []float64{2, 1, 10})
	if c.Ratio != 2 || c.Keyprof.Median != 2 || c.Keyprof.Largest != 30 || c.Other.Median != 2 {
		t.Errorf("%+v", c)
	}
}

func TestAims(t *testing.T) {
	for _, c := range []struct {
		aim  Aim
		want string
	}{
		{atLeast(2.2, 2.2), "≥ 2.2: met"},
		{atLeast(2.2, 2.19), "≥ 2.2: **missed**"},
		{atMost(64, 65).of("largest", "MiB"), "largest ≤ 64 MiB: **missed**"},
		{atMost(1, 0.5).of("", "s"), "≤ 1 s: met"},
	} {
		if got := c.aim.String(); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

func TestFigure(t *testing.T) {
	for v, want := range map[float64]string{177_301.4: "177,301", 36.44: "36.4", 2.345: "2.35", 0.8996: "0.900", 0: "0.000", 100: "100"} {
		if got := figure(v); got != want {
			t.Errorf("%v is %s, want %s", v, got, want)
		}
	}
}

func TestAtMostHeld(t *testing.T) {
	for _, c := range []struct {
		k, n int
		p    float64
		want float64
	}{
		{2, 2, 0.5, 1},
		{1, 2, 0.5, 0.75},
		{0, 3, 0.5, 0.125},
		{90, 100, 0.95, 0.0282}, // as tables have it
		{95, 100, 0.95, 0.5640},
	} {
		if got := atMostHeld(c.k, c.n, c.p); math.Abs(got-c.want) > 5e-4 {
			t.Errorf("P(at most %d of %d) = %v, want %v", c.k, c.n, got, c.want)
		}
	}
}

func TestCoverage(t *testing.T) {
	hi := int64(12)
	between, least := &profile.Estimate{Value: 10, Lo: 8, Hi: &hi}, &profile.Estimate{Value: 10, Lo: 8}
	c := Coverage{Namespaces: map[string]*Tally{}}
	c.add("a", between, 12, true)
	c.add("b", between, 13, false)
	c.add("a", least, 1000, false)
	c.add("a", least, 7, true)
	c.add("a", nil, 5, false)
	if c.All.Intervals != 5 || c.All.Held != 2 || c.All.AtLeast != 2 || c.All.AtLeastHeld != 1 || c.Drawn != 2 || c.DrawnHeld != 1 {
		t.Errorf("%+v", c)
	}
	if a := c.Namespaces["a"]; a.Intervals != 4 || a.Held != 2 || a.AtLeast != 2 || a.AtLeastHeld != 1 {
		t.Errorf("namespace a: %+v", a)
	}
	if math.Abs(c.P-(1-0.95*0.95)) > 1e-9 {
		t.Errorf("p = %v", c.P)
	}
	if row := c.row("keys"); row.Aims[0].Met { // of b none held
		t.Errorf("%+v", row)
	}
}

// A namespace of which the intervals are wrong shows, though all the others hold.
func TestOneWrongNamespaceShows(t *testing.T) {
	c := Coverage{Namespaces: map[string]*Tally{}}
	exact := profile.Exact(1)
	for run := range 100 {
		c.add("right", &exact, 1, true)
		c.add("wrong", &exact, int64(1+run%5/4), false) // one in five
	}
	if name, worst := c.worst(); name != "wrong" || worst.Held != 80 || c.kept() || c.P < 1-1e-9 {
		t.Errorf("%s, %+v, p = %v, kept %v", name, worst, c.P, c.kept())
	}
}

// A namespace that a sample does not know has an interval all the same: none of its keys.
func TestFindOfAnUnknownNamespace(t *testing.T) {
	n := find(&profile.Profile{}, profile.Namespace{Pattern: "a:<n>"})
	if n.Keys.Hi == nil || *n.Keys.Hi != 0 || n.Bytes == nil || *n.Bytes.Hi != 0 {
		t.Errorf("%+v", n)
	}
}

func TestSimulatedKinds(t *testing.T) {
	s := Simulation{Kinds: simulatedKinds("x: keys 0.950, bytes 0.929 of 14 without the guard\n", 20)}
	if len(s.Kinds) != 2 || s.Kinds[0].Held != 19 || s.Kinds[0].N != 20 || s.Kinds[1].Held != 13 || s.Kinds[1].N != 14 {
		t.Fatalf("%+v", s)
	}
	if row := s.row("bytes", 20); row.Keyprof != "13 of 14 hold (92.9 %); least of a kind 92.9 %" || !row.Aims[0].Met {
		t.Errorf("%+v", row)
	}
}

// The table reads the output of the test of the estimators.
func TestSimulate(t *testing.T) {
	s, err := simulate(t.Context(), "keyprof/sampler/estimate", 2)
	if err != nil || len(s.Kinds) < 20 {
		t.Errorf("%v, %v", s, err)
	}
}
