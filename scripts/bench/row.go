package main

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"keyprof/report/unit"
)

// Row is one line of the table, as text, with the values behind it.
type Row struct {
	About    subject `json:"-"`
	Measure  string  `json:"measure"`
	Keyprof  string  `json:"keyprof"`
	Compared string  `json:"compared_with"`
	Ratio    string  `json:"ratio"`
	Aims     []Aim   `json:"aims"`  // none: the row is only reported
	Count    string  `json:"count"` // of pairs, runs or rounds
	Raw      any     `json:"raw"`   // Comparison, Coverage or Simulation
}

// subject orders the rows of the table, whatever was measured first.
type subject uint8

const (
	aboutSpeed subject = iota
	aboutCost
	aboutMemory
	aboutSamples
	aboutIntervals
	aboutOthers
	aboutEvictions
)

// Aim is the required value of a figure.
type Aim struct {
	Text string `json:"text"` // such as "≥ 2.2"
	Met  bool   `json:"met"`
}

func atLeast(bound, value float64) Aim {
	return Aim{fmt.Sprintf("≥ %v", bound), value >= bound}
}

func atMost(bound, value float64) Aim {
	return Aim{fmt.Sprintf("≤ %v", bound), value <= bound}
}

// of adds which figure of several is meant, and its unit.
func (a Aim) of(figure, unit string) Aim {
	a.Text = strings.TrimSpace(figure + " " + a.Text + " " + unit)
	return a
}

func (a Aim) String() string {
	if a.Met {
		return a.Text + ": met"
	}
	return a.Text + ": **missed**"
}

// none is the text of an empty cell.
const none = "–"

func (r Row) cells() []string {
	aims := make([]string, len(r.Aims))
	for i, a := range r.Aims {
		aims[i] = a.String()
	}
	cells := []string{r.Measure, r.Keyprof, r.Compared, r.Ratio, strings.Join(aims, "; "), r.Count}
	for i, cell := range cells {
		if cell == "" {
			cells[i] = none
		}
	}
	return cells
}

// Comparison is one figure of keyprof and of another program. The values at the same
// index of the two lists are a pair.
type Comparison struct {
	Unit    string    `json:"unit"`
	Keyprof Values    `json:"keyprof"`
	With    string    `json:"with"`
	Other   Values    `json:"other"`
	Ratios  []float64 `json:"ratios"` // of the pairs
	Ratio   float64   `json:"ratio"`  // their median
}

// Values holds measured values with their median.
type Values struct {
	All     []float64 `json:"all"`
	Median  float64   `json:"median"`
	Largest float64   `json:"largest"`
}

func valuesOf(all []float64) Values {
	return Values{All: all, Median: median(all), Largest: slices.Max(all)}
}

func compare(unit, with string, keyprof, other []float64) Comparison {
	r := ratios(keyprof, other)
	return Comparison{Unit: unit, Keyprof: valuesOf(keyprof), With: with, Other: valuesOf(other), Ratios: r, Ratio: median(r)}
}

// row returns the comparison as a line of the table.
func (c Comparison) row(about subject, measure string, aims ...Aim) Row {
	return Row{
		About: about, Measure: measure + ", " + c.Unit, Keyprof: figure(c.Keyprof.Median),
		Compared: c.With + ": " + figure(c.Other.Median), Ratio: figure(c.Ratio),
		Aims: aims, Count: fmt.Sprint(len(c.Ratios)), Raw: c,
	}
}

// figure formats a number with at least three digits.
func figure(v float64) string {
	switch size := math.Abs(v); {
	case size >= 100:
		return unit.FormatCount(int64(math.Round(v)))
	case size >= 10:
		return fmt.Sprintf("%.1f", v)
	case size >= 1:
		return fmt.Sprintf("%.2f", v)
	default:
		return fmt.Sprintf("%.3f", v)
	}
}

// median returns the middle value, or the mean of the middle two; 0 for none.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// ratios returns the ratio of each pair; 0 where the divisor is 0.
func ratios(a, b []float64) []float64 {
	list := make([]float64, min(len(a), len(b)))
	for i := range list {
		if b[i] != 0 {
			list[i] = a[i] / b[i]
		}
	}
	return list
}

// program is something to run and measure.
type program struct {
	name string
	run  func(context.Context) (Run, error)
}

// Pairs holds alternating runs of keyprof and of another program on one keyspace.
type Pairs struct {
	Link    string `json:"link"`
	Keys    int    `json:"keys"`  // on the server
	Awake   bool   `json:"awake"` // cores were kept awake
	With    string `json:"with"`
	Keyprof []Run  `json:"keyprof"`
	Other   []Run  `json:"other"`
}

// takeTurns runs both programs so many times. Which goes first alternates, so that
// neither always finds the caches as the other left them.
func takeTurns(ctx context.Context, pairs int, a, b program) (runsOfA, runsOfB []Run, err error) {
	for i := range pairs {
		first, second := a, b
		if i%2 == 1 {
			first, second = b, a
		}
		x, err := first.run(ctx)
		if err != nil {
			return nil, nil, err
		}
		y, err := second.run(ctx)
		if err != nil {
			return nil, nil, err
		}
		if i%2 == 1 {
			x, y = y, x
		}
		runsOfA, runsOfB = append(runsOfA, x), append(runsOfB, y)
		progress("pair %d of %d: %s %s, %s %s", i+1, pairs, a.name, x.summary(), b.name, y.summary())
	}
	return runsOfA, runsOfB, nil
}

func (r Run) summary() string {
	return fmt.Sprintf("%.2f s, %.0f keys/s", r.Seconds, r.KeysPerSecond())
}

// compare compares one figure of the two programs, pair by pair.
func (p *Pairs) compare(unit string, of func(Run) float64) Comparison {
	return compare(unit, p.With, figures(p.Keyprof, of), figures(p.Other, of))
}

// figures returns one figure of all elements of a list.
func figures[T any](list []T, of func(T) float64) []float64 {
	values := make([]float64, len(list))
	for i, element := range list {
		values[i] = of(element)
	}
	return values
}
