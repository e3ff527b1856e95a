package main

import (
	"context"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"

	"keyprof/report/unit"
	"keyprof/sampler/profile"
)

// sampleTimes compares the time of a sample of so many keys on the large and on the usual
// keyspace.
func (b *bench) sampleTimes(ctx context.Context, large, usual link) error {
	p := &Pairs{Link: large.name, Keys: large.keys, With: "of " + keys(usual.keys)}
	var err error
	p.Keyprof, p.Other, err = takeTurns(ctx, b.pairs, b.sampleOf(large), b.sampleOf(usual))
	if err != nil {
		return err
	}
	b.report.Pairs = append(b.report.Pairs, p)
	c := p.compare("s", Run.Elapsed)
	b.report.add(c.row(aboutSamples, fmt.Sprintf("time of `--sample %d --max-load 100%%` of %s", b.sample, keys(large.keys)),
		atMost(aimSample, c.Keyprof.Median).of("", "s"), atMost(aimSampleRatio, c.Ratio).of("ratio", "")))
	return nil
}

func (b *bench) sampleOf(l link) program {
	return program{"keyprof, sample of " + keys(l.keys), func(ctx context.Context) (Run, error) {
		run, p, err := b.tools.profile(ctx, l, "--sample", strconv.Itoa(b.sample), "--max-load", "100%")
		if err != nil {
			return run, err
		}
		run.Keys = p.Totals.Probed
		return run, nil
	}}
}

// leastPart is the share of keys from which on a namespace's intervals are checked.
const leastPart = 0.01

// promised is the fraction of intervals that must hold the truth; significance is the
// probability of the result below which the promise counts as broken.
const (
	promised     = 0.95
	significance = 0.05
)

// Coverage counts the intervals of samples that held the truth. Those of one sample are
// of the same keys and vary together, which the binomial test does not allow for. So
// there are two tests. One uses one interval of each sample, chosen at random; it would
// miss that one namespace of many is wrong. The other tests each namespace by itself,
// with one interval a sample; as there are many of these tests, each has a stricter limit
// (Bonferroni). Samples that overlap are alike as well: the smaller they are compared
// with all keys, the better.
type Coverage struct {
	Samples    int   `json:"samples"`
	SampleKeys int   `json:"sample_keys"` // measured by each, as asked for
	All        Tally `json:"all"`         // its p means nothing

	Drawn     int     `json:"drawn"`
	DrawnHeld int     `json:"drawn_held"`
	P         float64 `json:"p"` // of so few of those drawn, or fewer, if the promise is kept

	Namespaces map[string]*Tally `json:"namespaces"` // by pattern
}

// Tally counts the intervals of one namespace.
type Tally struct {
	Intervals int `json:"intervals"`
	Held      int `json:"held"`
	// AtLeast are those of Intervals that have no upper limit; they hold when the
	// truth is not less.
	AtLeast     int `json:"at_least"`
	AtLeastHeld int `json:"at_least_held"`

	P float64 `json:"p"` // of so few that hold, or fewer, if the promise is kept
}

// intervals takes samples of an idle server, each from a random place, and compares the
// intervals of its larger namespaces with its last full scan.
func (b *bench) intervals(ctx context.Context, l link) error {
	if b.intervalRuns == 0 {
		return nil
	}
	truths := largerThan(leastPart, b.tools.truths[l.server])
	ofKeys, ofBytes := b.newCoverage(), b.newCoverage()
	for range b.intervalRuns {
		_, sample, err := b.tools.profile(ctx, l, "--sample", strconv.Itoa(b.intervalSample), "--max-load", "100%")
		if err != nil {
			return err
		}
		if sample.Design.Sample == nil {
			return fmt.Errorf("%d keys are too few, or too many, for a sample of %d", b.intervalSample, l.keys)
		}
		drawn := rand.IntN(len(truths))
		for i, truth := range truths {
			found := find(sample, truth)
			ofKeys.add(truth.Pattern, &found.Keys, truth.Keys.Value, i == drawn)
			ofBytes.add(truth.Pattern, found.Bytes, truth.Bytes.Value, i == drawn)
		}
	}
	progress("intervals of keys: %+v; of bytes: %+v", ofKeys.All, ofBytes.All)
	b.report.add(ofKeys.row("keys"))
	b.report.add(ofBytes.row("bytes"))
	return nil
}

// largerThan returns the namespaces with at least a share of all keys.
func largerThan(share float64, p *profile.Profile) (list []profile.Namespace) {
	for _, n := range p.Namespaces {
		if float64(n.Keys.Value) >= share*float64(p.Totals.Keys.Value) {
			list = append(list, n)
		}
	}
	return list
}

// find returns the namespace as in a sample; without keys if the sample has none of it.
func find(sample *profile.Profile, truth profile.Namespace) profile.Namespace {
	for _, n := range sample.Namespaces {
		if n.DB == truth.DB && n.Pattern == truth.Pattern && n.Other == truth.Other {
			return n
		}
	}
	nothing := profile.Exact(0)
	return profile.Namespace{Stats: profile.Stats{Keys: nothing, Bytes: &nothing}}
}

func (b *bench) newCoverage() Coverage {
	return Coverage{Samples: b.intervalRuns, SampleKeys: b.intervalSample, Namespaces: map[string]*Tally{}}
}

// add counts one interval; drawn marks the one for the first test.
func (c *Coverage) add(namespace string, e *profile.Estimate, truth int64, drawn bool) {
	if c.Namespaces[namespace] == nil {
		c.Namespaces[namespace] = &Tally{}
	}
	c.Namespaces[namespace].add(e, truth)
	held := c.All.add(e, truth)
	if drawn {
		c.Drawn++
		c.DrawnHeld += held
		c.P = atMostHeld(c.DrawnHeld, c.Drawn, promised)
	}
}

// add returns 1 if the interval holds the truth.
func (t *Tally) add(e *profile.Estimate, truth int64) (held int) {
	if e != nil && e.Lo <= truth && (e.Hi == nil || truth <= *e.Hi) {
		held = 1
	}
	t.Intervals++
	t.Held += held
	if e != nil && e.Hi == nil {
		t.AtLeast++
		t.AtLeastHeld += held
	}
	t.P = atMostHeld(t.Held, t.Intervals, promised)
	return held
}

// worst returns the namespace whose intervals hold least often.
func (c Coverage) worst() (namespace string, t Tally) {
	t.P = 1
	for _, name := range slices.Sorted(maps.Keys(c.Namespaces)) {
		if n := c.Namespaces[name]; namespace == "" || n.P < t.P {
			namespace, t = name, *n
		}
	}
	return namespace, t
}

// kept reports whether neither test contradicts the promise.
func (c Coverage) kept() bool {
	_, worst := c.worst()
	return c.P >= significance && worst.P*float64(len(c.Namespaces)) >= significance
}

func (c Coverage) row(what string) Row {
	name, worst := c.worst()
	text := heldOf(c.All.Held, c.All.Intervals)
	if c.All.AtLeast > 0 {
		text += fmt.Sprintf("; of %d “at least” %d", c.All.AtLeast, c.All.AtLeastHeld)
	}
	text += fmt.Sprintf("; of the worst namespace, `%s`, %d of %d", name, worst.Held, worst.Intervals)
	return Row{
		About:    aboutIntervals,
		Measure:  fmt.Sprintf("intervals of %s, samples of %s, namespaces of 1 %% and more", what, keys(c.SampleKeys)),
		Keyprof:  text,
		Compared: fmt.Sprintf("full scan: of one interval of each sample, chosen at random, %d of %d hold, p = %.3f", c.DrawnHeld, c.Drawn, c.P),
		Aims:     []Aim{{"95 % by binomial tests", c.kept()}},
		Count:    fmt.Sprint(c.Samples), Raw: c,
	}
}

func heldOf(held, n int) string {
	return fmt.Sprintf("%s of %s hold (%s)", unit.FormatCount(int64(held)), unit.FormatCount(int64(n)), unit.FormatShare(unit.Share(int64(held), int64(n))))
}

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
