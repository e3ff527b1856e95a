// Bench measures keyprof on servers of its own: how fast it is beside redis-cli
// --memkeys and beside a ceiling, what it costs the server and the machine, how
// soon a sample is there and how often its intervals hold, what another client
// feels; speed and what is felt over long links, too. It writes tables, as Markdown
// and as JSON. Two programs always run by turns, and the tables have medians.
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

// options are the flags.
type options struct {
	keyprof   string // program to measure
	keys      int    // in the keyspace that most is measured on
	largeKeys int    // in one ten times as large; 0 leaves it out
	smallKeys int    // in the one for the table of loads

	pairs   int           // of runs
	limit   time.Duration // for one run of memkeys
	latency time.Duration // each way, of the slow link; 0 leaves it out

	sample         int // keys of a sample whose time counts
	intervalRuns   int // samples whose intervals are checked; 0 leaves them out
	intervalSample int // keys of each of these
	simulations    int // of a sample, of each kind; 0 leaves them out

	evictionKeys int    // on the server that is full; 0 leaves it out
	only         string // "evictions" or "links": nothing else is measured

	links       string        // round trips of links, with commas between them; "" leaves them out
	linkJitters string        // shares of them that they are longer or shorter at most
	linkTime    time.Duration // for one run over a link, and some round trips

	rounds int    // of measuring what another client feels; 0 leaves it out
	loads  string // shares to ask for, with commas between them; "" leaves them out

	markdown, json string // files for the results, "" for none
}

// What -only can be.
const (
	onlyEvictions = "evictions"
	onlyLinks     = "links"
)

func parseFlags() (o options) {
	flag.StringVar(&o.keyprof, "keyprof", "bin/keyprof", "measure `PROGRAM`")
	flag.IntVar(&o.keys, "keys", 1_000_000, "number of keys of most measurements")
	flag.IntVar(&o.largeKeys, "large-keys", 10_000_000, "number of keys of the large keyspace; 0 leaves it out")
	flag.IntVar(&o.smallKeys, "small-keys", 100_000, "number of keys for the table of loads")
	flag.IntVar(&o.pairs, "pairs", 5, "pairs of runs")
	flag.DurationVar(&o.limit, "limit", 20*time.Second, "interrupt memkeys after this time; 0 lets it end")
	flag.DurationVar(&o.latency, "latency", time.Millisecond, "latency of the slow link, each way; 0 leaves it out")
	flag.IntVar(&o.sample, "sample", 100_000, "keys of the samples that are timed")
	flag.IntVar(&o.intervalRuns, "interval-runs", 100, "samples whose intervals are held against a census; 0 leaves them out")
	flag.IntVar(&o.intervalSample, "interval-sample", 100_000, "keys of each of these")
	flag.IntVar(&o.simulations, "simulations", 1000, "samples to simulate of each population; 0 leaves them out")
	flag.IntVar(&o.evictionKeys, "eviction-keys", 200_000, "number of keys of the server that is full; 0 leaves it out")
	flag.StringVar(&o.only, "only", "", `measure "evictions" or "links" alone`)
	flag.StringVar(&o.links, "links", "0ms,2ms,5ms,10ms,20ms,50ms,200ms", "measure over links with these round `TRIPS`; empty leaves them out")
	flag.StringVar(&o.linkJitters, "link-jitters", "0%,20%", "measure over each without jitter, and with delays that are up to `SHARES` longer or shorter")
	flag.DurationVar(&o.linkTime, "link-time", 5*time.Second, "end each run over a link after this time and 50 round trips")
	flag.IntVar(&o.rounds, "rounds", 5, "rounds of measuring what another client feels; 0 leaves it out")
	flag.StringVar(&o.loads, "loads", "5%,10%,25%,50%", "compare `SHARES` of the server that are asked for with those used")
	flag.StringVar(&o.markdown, "markdown", "", "write the table to `FILE` too")
	flag.StringVar(&o.json, "json", "", "write all that was measured to `FILE`")
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

// progress tells the user on standard error what was done.
func progress(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "bench: "+format+"\n", args...)
}
