package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"os/exec"
	"regexp"
	"strconv"

	"keyprof/report/unit"
)

// Simulation counts the intervals that held in samples of simulated tables, of keys and
// bytes each with constant and log-normal sizes, for namespaces of a hundredth of the
// keys to nearly all.
type Simulation struct {
	Kinds []Simulated `json:"kinds"` // of table, namespace and sample
}

// Simulated counts how many of the intervals of one kind held.
type Simulated struct {
	Of   string  `json:"of"` // keys or bytes
	N    int     `json:"n"`
	Held int     `json:"held"`
	P    float64 `json:"p"` // of so few, or fewer, if the promise is kept
}

// simulated runs the simulation that tests the estimators. It is a Go test, run in the
// project's folder, where bench runs as well.
func (b *bench) simulated(ctx context.Context) error {
	if b.simulations == 0 {
		return nil
	}
	s, err := simulate(ctx, "keyprof/sampler/estimate", b.simulations)
	if err != nil {
		return err
	}
	for _, of := range []string{"keys", "bytes"} {
		row := s.row(of, b.simulations)
		progress("%s: %s", row.Measure, row.Keyprof)
		b.report.add(row)
	}
	return nil
}

// simulate draws so many samples of each kind. If the test fails the table shows it; only
// a test without results is an error.
func simulate(ctx context.Context, pkg string, samples int) (s Simulation, err error) {
	cmd := exec.CommandContext(ctx, "go", "test", "-count=1", "-timeout=30m", "-v", "-run", "^TestIntervalsHold$", pkg)
	cmd.Env = append(os.Environ(), "KEYPROF_SIMULATE="+strconv.Itoa(samples))
	out, err := cmd.CombinedOutput()
	s.Kinds = simulatedKinds(string(out), samples)
	if len(s.Kinds) == 0 {
		return s, fmt.Errorf("%s printed no results: %v\n%.2000s", cmd, err, out)
	}
	return s, nil
}

var simulatedLine = regexp.MustCompile(`keys ([0-9.]+), bytes ([0-9.]+) of (\d+) without the guard`)

// simulatedKinds parses the test's output. Where the guard hides an interval of bytes
// there is none.
func simulatedKinds(out string, samples int) (list []Simulated) {
	for _, m := range simulatedLine.FindAllStringSubmatch(out, -1) {
		silent, _ := strconv.Atoi(m[3])
		list = append(list, simulatedKind("keys", m[1], samples), simulatedKind("bytes", m[2], silent))
	}
	return list
}

// simulatedKind has the share that held as the test prints it, with three digits.
func simulatedKind(of, share string, n int) Simulated {
	ratio, _ := strconv.ParseFloat(share, 64)
	held := int(math.Round(ratio * float64(n)))
	return Simulated{Of: of, N: n, Held: held, P: atMostHeld(held, n, promised)}
}

// row is about all kinds of one measure. Among so many tests some fail by chance alone:
// hence each has a stricter limit (Bonferroni).
func (s Simulation) row(of string, samples int) Row {
	least, p, n, held, kinds := 1.0, 1.0, 0, 0, 0
	for _, k := range s.Kinds {
		if k.Of == of && k.N > 0 {
			kinds++
			n, held = n+k.N, held+k.Held
			least = min(least, float64(k.Held)/float64(k.N))
			p = min(p, k.P)
		}
	}
	return Row{
		About:    aboutIntervals,
		Measure:  fmt.Sprintf("intervals of %s, %s simulated samples of %d kinds each", of, unit.FormatCount(int64(samples)), kinds),
		Keyprof:  heldOf(held, n) + "; least of a kind " + unit.FormatShare(least),
		Compared: fmt.Sprintf("truth: least p of %d kinds = %.4f", kinds, p),
		Aims:     []Aim{{"95 % by binomial tests", p >= significance/float64(max(kinds, 1))}},
		Count:    unit.FormatCount(int64(samples)), Raw: s,
	}
}
