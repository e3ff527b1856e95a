package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"time"

	"keyprof/report/diff"
)

// Report holds all results.
type Report struct {
	Began    time.Time `json:"began"`
	Version  string    `json:"redis_version"`
	Restarts int       `json:"restarts"`
	Z        int       `json:"z"`
	Shapes   []Shape   `json:"shapes"`
	Types    []Type    `json:"types"`

	measured []readings
}

// Shape holds the results for keys of one shape.
type Shape struct {
	Type     string `json:"type"`
	Spread   string `json:"spread"`
	Same     bool   `json:"same"`     // all keys have the same elements
	Elements int    `json:"elements"` // of one key
	Keys     int    `json:"keys"`
	Encoding string `json:"encoding"`

	// The relative standard deviation between restarts of one key's bytes, and of sums
	// over SumKeys keys times the root of SumKeys, which is the same for independent
	// keys of like size; and that of one key's bytes before and after some writes.
	SD      float64 `json:"sd"`
	SumSD   float64 `json:"sum_sd"`
	SumKeys int     `json:"sum_keys"`
	LaterSD float64 `json:"later_sd"`

	Largest     float64               `json:"largest_change"` // of one key between restarts, as a ratio
	Comparisons map[string]Comparison `json:"comparisons"`
}

// Comparison holds the results for pairs of readings.
type Comparison struct {
	NeededZ  float64 `json:"needed_z"`   // for covering 95 % with one key and with sums; 0 where nothing moves
	OneKey   float64 `json:"one_key"`    // share of changes of one key that the floor covers
	Sums     float64 `json:"sums"`       // the same of sums over 10, 100 and 1000 keys, the least of them
	OneMoves float64 `json:"one_moves"`  // 95 % of the changes of one key are at most this share of it
	Relative float64 `json:"relative"`   // 95 % of the changes of the largest sums are at most this share of them
	Shift    float64 `json:"mean_shift"` // of all keys together, relative to what was before
}

// Type holds the floor that a type needs, and how well it works.
type Type struct {
	Type     string             `json:"type"`
	C        float64            `json:"c"`    // of the floor
	SD       float64            `json:"sd"`   // largest of all shapes, of restarts or of writes
	From     string             `json:"from"` // shape that has it
	NeededZ  float64            `json:"needed_z"`
	Covered  map[string]float64 `json:"covered"`   // by comparison: the least of all shapes
	OneMoves float64            `json:"one_moves"` // the largest of all shapes
	Same     float64            `json:"covered_same"`
	SameRel  float64            `json:"same_relative"` // the largest Relative of shapes that are the same in all keys
}

var comparisons = []string{"restarts", "writes", "first restart", "two servers"}

func (r readings) pairs(comparison string) []pair {
	switch comparison {
	case "restarts":
		return pairsOf(r.restarts)
	case "writes":
		if r.shape.pop == nil && r.shape.elements < 1000*addedLater/2 {
			return nil // the elements themselves would show
		}
		return []pair{r.later}
	case "first restart":
		return []pair{{r.written, r.restarts[0]}}
	default:
		return []pair{{r.written, r.twin}}
	}
}

// evaluate fills in what follows from the readings.
func (r *Report) evaluate() {
	r.Z = diff.Certainty
	for _, c := range collections {
		t := Type{Type: c.name, C: diff.FloorOf(c.name).Spread, Covered: map[string]float64{}, Same: 1}
		for _, m := range r.measured {
			if m.shape.name == c.name && !m.shape.spread.same {
				t.raise(m)
			}
		}
		for _, m := range r.measured {
			if m.shape.name == c.name {
				s := newShape(m, diff.FloorOf(c.name))
				t.add(s)
				r.Shapes = append(r.Shapes, s)
			}
		}
		r.Types = append(r.Types, t)
	}
}

// raise increases the deviation to at least what the readings show.
func (t *Type) raise(m readings) {
	for _, found := range []float64{relativeSD(m.restarts, 1), laterSD(m)} {
		if found > t.SD {
			t.SD, t.From = found, fmt.Sprintf("%s, %d elements", m.shape.spread.name, m.shape.elements)
		}
	}
}

func laterSD(m readings) float64 {
	if pairs := m.pairs("writes"); pairs != nil {
		return relativeSD([]reading{pairs[0].before, pairs[0].after}, 1)
	}
	return 0
}

// add takes a shape into account.
func (t *Type) add(s Shape) {
	restarts := s.Comparisons["restarts"]
	if s.Same {
		t.Same = min(t.Same, restarts.OneKey, restarts.Sums)
		t.SameRel = max(t.SameRel, restarts.Relative)
		return
	}
	for name, c := range s.Comparisons {
		before, found := t.Covered[name]
		if !found {
			before = 1
		}
		t.Covered[name] = min(before, c.OneKey, c.Sums)
		if name == "restarts" || name == "writes" {
			t.OneMoves = max(t.OneMoves, c.OneMoves)
			t.NeededZ = max(t.NeededZ, c.NeededZ)
		}
	}
}

// sumSizes lists the numbers of keys of sums.
var sumSizes = []int{10, 100, 1000}

func newShape(m readings, f diff.Floor) Shape {
	s := Shape{
		Type: m.shape.name, Spread: m.shape.spread.name, Same: m.shape.spread.same, Elements: m.shape.elements,
		Keys: m.shape.keys, Encoding: m.encoding, SD: relativeSD(m.restarts, 1), LaterSD: laterSD(m),
		Largest: largestChange(pairsOf(m.restarts)), Comparisons: map[string]Comparison{}, SumKeys: 1,
	}
	// Enough sums for a figure are needed.
	for n := 10; m.shape.keys/n >= 5; n *= 10 {
		s.SumKeys = n
	}
	s.SumSD = relativeSD(m.restarts, s.SumKeys) * math.Sqrt(float64(s.SumKeys))
	for _, name := range comparisons {
		if pairs := m.pairs(name); pairs != nil {
			s.Comparisons[name] = compare(pairs, f, boundOf(f, name, s.Same))
		}
	}
	return s
}

// boundOf returns the bound that keyprof diff uses for noise, except that diff also
// applies the whole bound of another process to keys with elements of their own.
func boundOf(f diff.Floor, comparison string, same bool) func(change) float64 {
	return func(c change) float64 {
		bound := f.Within(c.largest, c.sum)
		if same {
			bound = max(bound, f.Together*c.sum)
		}
		if comparison == "first restart" {
			bound += f.Loaded(c.sum, int64(c.keys))
		}
		return bound
	}
}

func compare(pairs []pair, f diff.Floor, bound func(change) float64) Comparison {
	one := changes(pairs, 1)
	result := Comparison{OneKey: covered(one, bound), Sums: 1, OneMoves: most(one, change.relative), Relative: most(one, change.relative), Shift: meanShift(pairs)}
	needed := most(one, change.scaled)
	for _, n := range sumSizes {
		if n > len(pairs[0].before) {
			break
		}
		sums := changes(pairs, n)
		result.Sums = min(result.Sums, covered(sums, bound))
		result.Relative = most(sums, change.relative)
		needed = max(needed, most(sums, change.scaled))
	}
	result.NeededZ = needed / f.Spread
	return result
}

func (r *Report) writeMarkdown(w io.Writer) error {
	var b strings.Builder
	b.WriteString("| type | sizes of elements | elements | keys | encoding | sd of one key | largest change | sd of sums | one key, restarts | sums, restarts | sums, writes | first restart moves all by |\n")
	b.WriteString("|---|---|--:|--:|---|--:|--:|--:|--:|--:|--:|--:|\n")
	for _, s := range r.Shapes {
		restarts, first, writes := s.Comparisons["restarts"], s.Comparisons["first restart"], "-"
		if c, found := s.Comparisons["writes"]; found {
			writes = percent(min(c.OneKey, c.Sums))
		}
		fmt.Fprintf(&b, "| %s | %s | %d | %d | %s | %.3f | %.2f times | %.3f | %s | %s | %s | %+.1f %% |\n", s.Type, s.Spread, s.Elements,
			s.Keys, s.Encoding, s.SD, s.Largest, s.SumSD, percent(restarts.OneKey), percent(restarts.Sums), writes, 100*first.Shift)
	}
	b.WriteString("\n| type | c | largest sd of one key | of shape | z needed | 95 % of one key move by at most | restarts | writes | first restart | two servers | same elements | 95 % of their sums move by at most |\n")
	b.WriteString("|---|--:|--:|---|--:|--:|--:|--:|--:|--:|--:|--:|\n")
	for _, t := range r.Types {
		same, relative := "-", "-"
		if t.SameRel > 0 {
			same, relative = percent(t.Same), percent(t.SameRel)
		}
		fmt.Fprintf(&b, "| %s | %.2f | %.3f | %s | %.2f | %s |", t.Type, t.C, t.SD, t.From, t.NeededZ, percent(t.OneMoves))
		for _, name := range comparisons {
			fmt.Fprintf(&b, " %s |", percent(t.Covered[name]))
		}
		fmt.Fprintf(&b, " %s | %s |\n", same, relative)
	}
	fmt.Fprintf(&b, "\nThe floor is z * c * sqrt(L * S), z = %d; at the first restart, a constant share or number of bytes comes on top. Shares are those of changes that it covers; in the second table, of the shape and number of keys where it covers least. redis-server %s, %d restarts, %s.\n",
		r.Z, r.Version, r.Restarts, r.Began.Format(time.DateOnly))
	_, err := io.WriteString(w, b.String())
	return err
}

func percent(share float64) string { return fmt.Sprintf("%.1f %%", 100*share) }

func (r *Report) writeJSON(file string) error {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(data, '\n'), 0o644)
}
