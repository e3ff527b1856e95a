package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// Felt holds quantiles of the round trips of GET, in microseconds.
type Felt struct {
	P50 float64 `json:"p50_us"`
	P99 float64 `json:"p99_us"`
}

// beside is a way to run keyprof while a client is measured.
type beside struct {
	name           string
	args           []string // of keyprof; nil: it does not run
	aimP50, aimP99 float64  // 0: none
}

// besides lists the ways to run keyprof beside the client. Server, client and keyprof
// share the cores of one machine; below full speed keyprof has a lower priority than the
// other two, so that mostly the server affects the client, as if keyprof ran elsewhere.
var besides = []beside{
	{name: "keyprof's defaults", args: []string{"profile"}, aimP50: aimP50, aimP99: aimP99},
	{name: "`--latency-budget 50us`", args: []string{"profile", "--latency-budget", "50us"}},
	{name: "`--max-load 100%`", args: []string{"profile", "--max-load", "100%"}},
}

// How long keyprof runs before a client is measured, and for how long that is measured.
const (
	warmUp    = 700 * time.Millisecond // and
	warmTrips = 40                     // round trips: it connects, and feels how long they take
	feltRound = 2 * time.Second
)

// alone names the rounds in which keyprof does not run.
const alone = "alone"

// felt measures a client that sends GET without a break, alone and beside keyprof.
func (b *bench) felt(ctx context.Context, l link) error {
	if b.rounds == 0 {
		return nil
	}
	rounds, err := b.feltByTurns(ctx, l, besides)
	if err != nil {
		return err
	}
	for _, way := range besides {
		p50, p99 := way.compare(rounds)
		b.report.add(way.row("p50", p50, way.aimP50, l.keys))
		b.report.add(way.row("p99", p99, way.aimP99, l.keys))
	}
	return nil
}

// feltByTurns alternates the ways: a machine's speed changes from minute to minute.
func (b *bench) feltByTurns(ctx context.Context, l link, ways []beside) (map[string][]Felt, error) {
	all := map[string][]Felt{}
	return all, b.tools.awake(ctx, func(awake bool) error {
		b.report.Awake = &awake
		for i := range b.rounds {
			for _, way := range append([]beside{{name: alone}}, ways...) {
				felt, err := b.tools.feltBeside(ctx, l, way)
				if err != nil {
					return err
				}
				all[way.name] = append(all[way.name], felt)
				progress("a GET client, round %d of %d, %s: p50 %.0f µs, p99 %.0f µs", i+1, b.rounds, way.name, felt.P50, felt.P99)
			}
		}
		return nil
	})
}

// compare compares the client's latency with that of the client alone, round by round.
func (b beside) compare(rounds map[string][]Felt) (p50, p99 Comparison) {
	felt := func(of func(Felt) float64) Comparison {
		return compare("µs", alone, figures(rounds[b.name], of), figures(rounds[alone], of))
	}
	return felt(func(f Felt) float64 { return f.P50 }), felt(func(f Felt) float64 { return f.P99 })
}

func (b beside) row(what string, c Comparison, aim float64, n int) Row {
	row := c.row(aboutOthers, fmt.Sprintf("a `GET` client's %s beside %s, %s", what, b.name, keys(n)))
	if aim > 0 {
		row.Aims = []Aim{atMost(aim, c.Ratio)}
	}
	return row
}

// feltBeside measures a client while keyprof runs, which is then interrupted.
func (t *tools) feltBeside(ctx context.Context, l link, way beside) (Felt, error) {
	if way.args == nil {
		return feelGet(ctx, l)
	}
	words := append([]string{t.keyprof}, way.args...)
	words = append(words, "--no-progress", "-q", "-o", filepath.Join(t.dir, "felt.json"), l.url)
	cmd := exec.CommandContext(ctx, words[0], words[1:]...)
	if err := cmd.Start(); err != nil {
		return Felt{}, err
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // interrupted
		close(ended)
	}()
	time.Sleep(warmUp + warmTrips*l.roundTrip)
	felt, err := feelGet(ctx, l)
	select {
	case <-ended:
		return felt, fmt.Errorf("%s ended too early to measure others: more -keys are needed", strings.Join(cmd.Args, " "))
	default:
	}
	_ = cmd.Process.Signal(os.Interrupt)
	<-ended
	return felt, err
}

// feelGet sends GET for the duration of the measurement.
func feelGet(ctx context.Context, l link) (Felt, error) {
	client := redis.NewClient(&redis.Options{Network: "unix", Addr: l.server.Socket(), PoolSize: 1})
	defer client.Close()
	conn := client.Conn()
	defer conn.Close()
	var micros []float64
	for end := time.Now().Add(feltRound); time.Now().Before(end) && ctx.Err() == nil; {
		began := time.Now()
		if err := conn.Get(ctx, "no such key").Err(); err != nil && err != redis.Nil {
			return Felt{}, err
		}
		micros = append(micros, float64(time.Since(began))/1e3)
	}
	if len(micros) == 0 {
		return Felt{}, context.Cause(ctx)
	}
	slices.Sort(micros)
	return Felt{P50: micros[len(micros)/2], P99: micros[len(micros)*99/100]}, nil
}

// A sleeping core takes tens of microseconds to wake up on a virtual machine, and the
// time varies: that is as much as a round trip takes. One busy loop of idle priority on
// each core (SCHED_IDLE on Linux: everything else runs first) keeps them awake.

// spinChild is the first argument of a child process that is a busy loop.
const spinChild = "spin"

// spun is the line that such a child prints when it runs.
const spun = "awake"

// spin keeps a core awake until its input ends, which it does however the parent process
// ends.
func spin(in io.Reader, out io.Writer) {
	fmt.Fprintln(out, spun)
	go func() {
		for beat := 0; ; beat++ {
			_ = beat
		}
	}()
	_, _ = io.Copy(io.Discard, in)
}

// awake measures while the cores are kept awake, where that is possible.
func (t *tools) awake(ctx context.Context, measure func(awake bool) error) error {
	stop, err := t.keepAwake(ctx)
	if err != nil {
		progress("cores are not kept awake: %v", err)
		return measure(false)
	}
	defer stop()
	return measure(true)
}

// keepAwake starts the busy loops.
func (t *tools) keepAwake(ctx context.Context) (stop func(), err error) {
	if t.chrt == "" {
		return nil, errors.New("chrt is not installed")
	}
	var stops []func()
	stop = func() {
		for _, s := range stops {
			s()
		}
	}
	for range runtime.NumCPU() {
		s, err := t.startSpin(ctx)
		if err != nil {
			stop()
			return nil, err
		}
		stops = append(stops, s)
	}
	return stop, nil
}

// startSpin returns when the loop runs.
func (t *tools) startSpin(ctx context.Context) (stop func(), err error) {
	said, stop, err := startChild(ctx, t.chrt, "-i", "0", t.self, spinChild)
	if err == nil && said != spun {
		stop()
		err = errors.New("chrt -i does not work here")
	}
	return stop, err
}
