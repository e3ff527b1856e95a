package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"keyprof/scanner/redistest"
)

// Others is what a client felt that sends GET without a break, alone and beside
// keyprof. One value a round.
type Others struct {
	Keys   int               `json:"keys"` // on the server
	Rounds map[string][]Felt `json:"rounds"`
}

// Felt is what round trips of GET took, in microseconds.
type Felt struct {
	P50 float64 `json:"p50_us"`
	P99 float64 `json:"p99_us"`
}

// besides are what the client is beside, in the order in which a round has them.
var besides = []struct {
	name string
	args []string // of keyprof; nil: it does not run
}{
	{"alone", nil},
	{"defaults", []string{"profile"}},
	{"full speed", []string{"profile", "--max-load", "100%"}},
}

// How long keyprof runs before a client is measured, and for how long that is.
const (
	warmUp  = 700 * time.Millisecond
	measure = 2 * time.Second
)

// measureOthers takes turns: a machine's mood changes from minute to minute.
func measureOthers(ctx context.Context, s *redistest.Server, t *tools, keys, rounds int) (Others, error) {
	o := Others{Keys: keys, Rounds: map[string][]Felt{}}
	for i := range rounds {
		for _, beside := range besides {
			felt, err := feltBeside(ctx, s, t, beside.args)
			if err != nil {
				return o, err
			}
			o.Rounds[beside.name] = append(o.Rounds[beside.name], felt)
			progress("a GET client, round %d of %d, %s: p50 %.0f us, p99 %.0f us", i+1, rounds, beside.name, felt.P50, felt.P99)
		}
	}
	return o, nil
}

// feltBeside measures a client while keyprof runs, which is then interrupted.
func feltBeside(ctx context.Context, s *redistest.Server, t *tools, args []string) (Felt, error) {
	if args == nil {
		return feelGet(ctx, s)
	}
	args = append(slices.Clone(args), "--no-progress", "-q", "-o", filepath.Join(t.dir, "others.json"), "unix://"+s.Socket())
	cmd := exec.CommandContext(ctx, t.keyprof, args...)
	if err := cmd.Start(); err != nil {
		return Felt{}, err
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // interrupted
		close(ended)
	}()
	time.Sleep(warmUp)
	felt, err := feelGet(ctx, s)
	select {
	case <-ended:
		return felt, fmt.Errorf("%s ended too early to measure others: more -keys are needed", strings.Join(cmd.Args, " "))
	default:
	}
	_ = cmd.Process.Signal(os.Interrupt)
	<-ended
	return felt, err
}

// feelGet sends GET for as long as is measured.
func feelGet(ctx context.Context, s *redistest.Server) (Felt, error) {
	client := redis.NewClient(&redis.Options{Network: "unix", Addr: s.Socket(), PoolSize: 1})
	defer client.Close()
	conn := client.Conn()
	defer conn.Close()
	var micros []float64
	for end := time.Now().Add(measure); time.Now().Before(end); {
		began := time.Now()
		if err := conn.Get(ctx, "no such key").Err(); err != nil && err != redis.Nil {
			return Felt{}, err
		}
		micros = append(micros, float64(time.Since(began))/1e3)
	}
	slices.Sort(micros)
	return Felt{P50: micros[len(micros)/2], P99: micros[len(micros)*99/100]}, nil
}

func (o Others) write(w io.Writer) error {
	if len(o.Rounds) == 0 {
		return nil
	}
	alone := o.Rounds[besides[0].name]
	var b strings.Builder
	fmt.Fprintf(&b, "\n| a GET client beside keyprof, %d keys | rounds | p50 us | / alone | p99 us | / alone |\n|---|--:|--:|--:|--:|--:|\n", o.Keys)
	for _, beside := range besides {
		felt := o.Rounds[beside.name]
		fmt.Fprintf(&b, "| %s | %d | %.0f | %.2f | %.0f | %.2f |\n", beside.name, len(felt),
			median(p50s(felt)), median(ratios(p50s(felt), p50s(alone))), median(p99s(felt)), median(ratios(p99s(felt), p99s(alone))))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func p50s(felt []Felt) []float64 { return figures(felt, func(f Felt) float64 { return f.P50 }) }
func p99s(felt []Felt) []float64 { return figures(felt, func(f Felt) float64 { return f.P99 }) }

func figures(felt []Felt, of func(Felt) float64) (list []float64) {
	for _, f := range felt {
		list = append(list, of(f))
	}
	return list
}

// ratios are those of the values of each round.
func ratios(a, b []float64) (list []float64) {
	for i := range a {
		list = append(list, a[i]/b[i])
	}
	return list
}
