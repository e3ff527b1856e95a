// Bench measures keyprof on servers of its own: its speed compared with redis-cli
// --memkeys and with an upper bound, its cost to the server and the machine, how long a
// sample takes and how often its intervals hold, the latency of another client, and speed
// and latency over slow links. It writes tables, as Markdown and as JSON. Runs of two
// programs alternate, and the tables show medians.
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
)

// options holds the flags.
type options struct {
	keyprof   string // program to measure
	keys      int    // of the usual keyspace
	largeKeys int    // of the large keyspace; 0: none
	smallKeys int    // of the keyspace for the table of loads

	pairs   int           // of runs
	limit   time.Duration // for one run of memkeys
	latency time.Duration // each way, of the slow link; 0: none

	sample         int // keys of a sample that is timed
	intervalRuns   int // samples whose intervals are checked; 0: none
	intervalSample int // keys of each of these
	simulations    int // of a sample, of each kind; 0: none

	evictionKeys int    // on the server that is full; 0: none
	only         string // "evictions" or "links": nothing else is measured

	links       string        // round trips of links, with commas between them; "": none
	linkJitters string        // maximum deviations, as shares of the delay
	linkTime    time.Duration // for one run over a link, and some round trips

	rounds int    // of measuring the latency of another client; 0: none
	loads  string // shares to ask for, with commas between them; "": none

	markdown, json string // files for the results, "" for none
}

// Values of -only.
const (
	onlyEvictions = "evictions"
	onlyLinks     = "links"
)

func parseFlags() (o options) {
	flag.StringVar(&o.keyprof, "keyprof", "bin/keyprof", "measure `PROGRAM`")
	flag.IntVar(&o.keys, "keys", 1_000_000, "number of keys of most measurements")
	flag.IntVar(&o.largeKeys, "large-keys", 10_000_000, "number of keys of the large keyspace; 0: none")
	flag.IntVar(&o.smallKeys, "small-keys", 100_000, "number of keys for the table of loads")
	flag.IntVar(&o.pairs, "pairs", 5, "pairs of runs")
	flag.DurationVar(&o.limit, "limit", 20*time.Second, "interrupt memkeys after this time; 0: never")
	flag.DurationVar(&o.latency, "latency", time.Millisecond, "latency of the slow link, each way; 0: none")
	flag.IntVar(&o.sample, "sample", 100_000, "number of keys of the samples that are timed")
	flag.IntVar(&o.intervalRuns, "interval-runs", 100, "samples whose intervals are compared with a full scan; 0: none")
	flag.IntVar(&o.intervalSample, "interval-sample", 100_000, "number of keys of each of these samples")
	flag.IntVar(&o.simulations, "simulations", 1000, "samples to simulate of each population; 0: none")
	flag.IntVar(&o.evictionKeys, "eviction-keys", 200_000, "number of keys of the full server; 0: none")
	flag.StringVar(&o.only, "only", "", `measure only "evictions" or "links"`)
	flag.StringVar(&o.links, "links", "0ms,2ms,5ms,10ms,20ms,50ms,200ms", "measure over links with these round `TRIPS`; empty: none")
	flag.StringVar(&o.linkJitters, "link-jitters", "0%,20%", "measure each link with delays that vary by up to these `SHARES`")
	flag.DurationVar(&o.linkTime, "link-time", 5*time.Second, "end each run over a link after this time and 50 round trips")
	flag.IntVar(&o.rounds, "rounds", 5, "rounds of measuring the latency of another client; 0: none")
	flag.StringVar(&o.loads, "loads", "5%,10%,25%,50%", "compare these `SHARES` as --max-load with the load used")
	flag.StringVar(&o.markdown, "markdown", "", "also write the table to `FILE`")
	flag.StringVar(&o.json, "json", "", "write all results to `FILE`")
	flag.Parse()
	return o
}

func main() {
	if actAsChild() {
		return
	}
	o := parseFlags()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, o)
	interrupted := ctx.Err() != nil
	stop()
	switch {
	case interrupted:
		fmt.Fprintln(os.Stderr, "bench: interrupted")
		os.Exit(130)
	case err != nil:
		fmt.Fprintf(os.Stderr, "bench: error: %v\n", err)
		os.Exit(1)
	}
}

// actAsChild does the work of a child process, if this is one: bench runs itself
// where it needs a program of its own.
func actAsChild() bool {
	if len(os.Args) < 2 {
		return false
	}
	switch os.Args[1] {
	case ceilingChild:
		ceilingMain(os.Args[2:])
	case spinChild:
		spin(os.Stdin, os.Stdout)
	case proxyChild:
		proxyMain(os.Args[2:])
	default:
		return false
	}
	return true
}

// run writes the results to their files as well as to standard output.
func run(ctx context.Context, o options) error {
	if err := o.check(); err != nil {
		return err
	}
	tools, err := findTools(ctx, o)
	if err != nil {
		return err
	}
	defer tools.remove()
	r := &Report{Began: time.Now().UTC().Truncate(time.Second), Machine: thisMachine(), Versions: tools.versions}
	b := &bench{options: o, tools: tools, report: r}
	if err := b.measure(ctx); err != nil {
		return err
	}
	return r.write(os.Stdout, o.markdown, o.json)
}

func (o options) check() error {
	if o.pairs < 1 || o.keys < 1 {
		return errors.New("-pairs and -keys must be at least 1")
	}
	if o.only != "" && o.only != onlyEvictions && o.only != onlyLinks {
		return fmt.Errorf("-only %q: it can be %q or %q", o.only, onlyEvictions, onlyLinks)
	}
	if o.linkTime < time.Second {
		return errors.New("-link-time must be at least 1s")
	}
	_, err := o.distances()
	return err
}

// progress prints what was done to standard error.
func progress(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "bench: "+format+"\n", args...)
}
