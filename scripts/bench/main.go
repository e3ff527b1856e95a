// Bench compares keyprof at full speed with redis-cli --memkeys, which measures
// two attributes of a key where keyprof measures four: keys per second, the
// server's CPU time per key, and keyprof's peak memory. It starts its own
// redis-server, runs the two by turns and prints medians as a Markdown table.
// Other tables hold what a client felt beside keyprof, and the load that --max-load
// asks for against the one used.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"keyprof/scanner/redistest"
)

// options are the flags.
type options struct {
	keyprof      string        // program to measure
	keys         int           // in the large keyspace
	smallKeys    int           // in the small one, for memory, and behind the slow link
	pairs        int           // of runs on the large keyspace
	latency      time.Duration // each way, of the slow link; 0 leaves it out
	latencyPairs int           // of runs over the slow link
	limit        time.Duration // for one run of memkeys over the slow link
	json         string        // file for the results, "" for none
	rounds       int           // of measuring what other clients feel; 0 leaves it out
	loads        string        // shares to ask for, with commas between them; "" leaves it out
}

func main() {
	var o options
	flag.StringVar(&o.keyprof, "keyprof", "bin/keyprof", "measure `PROGRAM`")
	flag.IntVar(&o.keys, "keys", 1_000_000, "number of keys")
	flag.IntVar(&o.smallKeys, "small-keys", 100_000, "number of keys for comparing memory, and over the slow link")
	flag.IntVar(&o.pairs, "pairs", 5, "pairs of runs on the large keyspace")
	flag.DurationVar(&o.latency, "latency", time.Millisecond, "latency of the slow link, each way; 0 leaves it out")
	flag.IntVar(&o.latencyPairs, "latency-pairs", 3, "pairs of runs over the slow link")
	flag.DurationVar(&o.limit, "limit", 20*time.Second, "interrupt memkeys over the slow link after this time")
	flag.IntVar(&o.rounds, "rounds", 5, "rounds of measuring what another client feels; 0 leaves it out")
	flag.StringVar(&o.json, "json", "", "write the results to `FILE` too")
	flag.StringVar(&o.loads, "loads", "5%,10%,25%,50%", "compare `SHARES` of the server that are asked for with those used")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, o)
	stop()
	if err != nil {
		fmt.Fprintf(os.Stderr, "bench: error: %v\n", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) error {
	tools, err := findTools(ctx, o)
	if err != nil {
		return err
	}
	defer tools.remove()
	report := Report{Began: time.Now().UTC().Truncate(time.Second), Machine: thisMachine(), Versions: tools.versions}
	small, err := onServer(ctx, o.smallKeys, func(s *redistest.Server) (_ []Scenario, err error) {
		if report.Loads, err = loadsOver(ctx, s, tools, o); err != nil {
			return nil, err
		}
		return smallScenarios(ctx, s, tools, o)
	})
	if err != nil {
		return err
	}
	large, err := onServer(ctx, o.keys, func(s *redistest.Server) (_ []Scenario, err error) {
		if report.Others, err = measureOthers(ctx, s, tools, o.keys, o.rounds); err != nil {
			return nil, err
		}
		return oneScenario(socketLink(s, o.keys).measure(ctx, tools, o.pairs))
	})
	if err != nil {
		return err
	}
	report.Scenarios = append(large, small...)
	if err := report.writeMarkdown(os.Stdout); err != nil || o.json == "" {
		return err
	}
	return report.writeJSON(o.json)
}

// smallScenarios measures memory on a small keyspace, by one pair, and speed over
// the slow link.
func smallScenarios(ctx context.Context, s *redistest.Server, tools *tools, o options) ([]Scenario, error) {
	scenarios, err := oneScenario(socketLink(s, o.smallKeys).measure(ctx, tools, 1))
	if err != nil || o.latency == 0 {
		return scenarios, err
	}
	proxy, err := redistest.StartProxy(s.Addr())
	if err != nil {
		return nil, err
	}
	defer proxy.Close()
	proxy.SetLatency(o.latency)
	slow, err := proxyLink(s, proxy, o).measure(ctx, tools, o.latencyPairs)
	return append(scenarios, slow), err
}

func oneScenario(s Scenario, err error) ([]Scenario, error) { return []Scenario{s}, err }

// onServer measures on a fresh server with n mixed keys.
func onServer(ctx context.Context, n int, measure func(*redistest.Server) ([]Scenario, error)) (_ []Scenario, err error) {
	server, err := redistest.Start(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, server.Stop()) }()
	began := time.Now()
	if err := redistest.Mixed(ctx, server.Client(), n, 1); err != nil {
		return nil, err
	}
	progress("wrote %d keys in %.1f s", n, time.Since(began).Seconds())
	return measure(server)
}

// progress tells the user on standard error what was done.
func progress(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "bench: "+format+"\n", args...)
}
