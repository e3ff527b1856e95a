package main

import (
	"context"
	"fmt"
)

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
