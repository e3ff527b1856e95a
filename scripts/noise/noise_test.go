package main

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"keyprof/report/diff"
)

func TestSums(t *testing.T) {
	if got := sums(reading{1, 2, 3, 4, 5}, 2); len(got) != 2 || got[0] != 3 || got[1] != 7 {
		t.Errorf("sums = %v", got)
	}
}

func TestPairsOf(t *testing.T) {
	if got := pairsOf([]reading{{1}, {2}, {3}}); len(got) != 3 || got[2].before[0] != 2 || got[2].after[0] != 3 {
		t.Errorf("pairs = %v", got)
	}
}

func TestRelativeSD(t *testing.T) {
	for _, c := range []struct {
		list []reading
		n    int
		want float64
	}{
		{[]reading{{100, 7}, {100, 7}}, 1, 0},
		{[]reading{{90}, {110}}, 1, math.Sqrt(200) / 100},
		{[]reading{{90, 110}, {110, 90}}, 1, math.Sqrt(200) / 100},
		{[]reading{{90, 110}, {110, 90}}, 2, 0}, // opposite changes of two keys
	} {
		if got := relativeSD(c.list, c.n); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("relativeSD(%v, %d) = %v, want %v", c.list, c.n, got, c.want)
		}
	}
}

func TestChangesAreOfTheLargerSum(t *testing.T) {
	p := []pair{{reading{10, 30}, reading{40, 60}}}
	if got := changes(p, 2); len(got) != 1 || got[0] != (change{2, 60, 100, 60}) {
		t.Errorf("changes = %v", got)
	}
	if got := largestChange(p); got != 4 {
		t.Errorf("largest change = %v", got)
	}
	if got := meanShift(p); got != 1.5 {
		t.Errorf("shift = %v", got)
	}
}

func TestFloor(t *testing.T) {
	f := diff.Floor{Spread: 0.1, Most: 0.5, Loading: 0.05, LoadingPerKey: 7}
	c := change{keys: 3, largest: 25, sum: 100, moved: 12}
	if got := boundOf(f, "restarts", false)(c); math.Abs(got-10) > 1e-9 {
		t.Errorf("within = %v", got)
	}
	if got := boundOf(f, "first restart", false)(c); math.Abs(got-36) > 1e-9 {
		t.Errorf("across = %v", got)
	}
	if got := covered([]change{c, {moved: 0}}, boundOf(f, "restarts", false)); got != 0.5 {
		t.Errorf("covered = %v", got)
	}
}

func TestQuantile(t *testing.T) {
	values := []float64{4, 1, 3, 2}
	for q, want := range map[float64]float64{0: 1, 0.25: 1, 0.26: 2, 0.95: 4, 1: 4} {
		if got := quantile(values, q); got != want {
			t.Errorf("quantile %v = %v, want %v", q, got, want)
		}
	}
}

func TestKeysWithTheSameElements(t *testing.T) {
	own, same := shape{spread: logNormal}, shape{spread: sameLogNormal}
	if a, b := same.elementsOf(1, 0, 50), same.elementsOf(2, 0, 50); a[49] != b[49] {
		t.Error("elements differ")
	}
	if a, b := own.elementsOf(1, 0, 50), own.elementsOf(2, 0, 50); a[49].name == b[49].name {
		t.Error("elements do not differ")
	}
}

// TestRestartsMoveHashes also holds that what has no table stays as it is.
func TestRestartsMoveHashes(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long: make soak")
	}
	o := options{restarts: 2, elements: 4000, maxKeys: 20, sizes: []int{10, 300}}
	report := Report{Restarts: o.restarts}
	for _, c := range collections {
		if err := measure(t.Context(), o.restarts, shapesOf(c, logNormal, o), &report); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
	}
	for _, m := range report.measured {
		if last := m.restarts[o.restarts-1]; m.shape.pop == nil && !slices.Equal(last, m.later.before) {
			t.Errorf("%s: one process gives %v, then %v", m.shape.name, last, m.later.before)
		}
	}
	report.evaluate()
	for _, s := range report.Shapes {
		moves := strings.Contains(s.Encoding, "hashtable") || strings.Contains(s.Encoding, "skiplist")
		if (s.SD > 0) != moves {
			t.Errorf("%s of %d elements, %s: sd of one key %v", s.Type, s.Elements, s.Encoding, s.SD)
		}
	}
	file := filepath.Join(t.TempDir(), "noise.json")
	var b bytes.Buffer
	if err := report.writeMarkdown(&b); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), "| hash | log-normal | 300 | 13 | hashtable |") || report.Version == "" {
		t.Errorf("report:\n%s", b.String())
	}
	if err := report.writeJSON(file); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(file); err != nil || info.Size() == 0 {
		t.Errorf("%v, %v", info, err)
	}
}
