// Noise measures how much the MEMORY USAGE of a hash, a set, a sorted set, a list or a
// stream varies without changes to the data, and how well a floor for such differences
// covers them. It starts its own redis-server, restarts the same data ten times, and
// prints Markdown tables. README.md has the results.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// options holds the flags.
type options struct {
	restarts int
	elements int    // of all keys of one shape together, about
	maxKeys  int    // of one shape
	sizes    []int  // elements of one key
	json     string // file for the results, "" for none
}

func main() {
	o := options{sizes: []int{10, 100, 300, 3000, 4096, 30_000}}
	flag.IntVar(&o.restarts, "restarts", 10, "restart the same data `N` times")
	flag.IntVar(&o.elements, "elements", 300_000, "approximate number of elements of all keys of one shape")
	flag.IntVar(&o.maxKeys, "max-keys", 1000, "maximum number of keys of one shape")
	flag.StringVar(&o.json, "json", "", "also write the results to `FILE`")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, o)
	stop()
	if err != nil {
		fmt.Fprintf(os.Stderr, "noise: error: %v\n", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) error {
	if o.restarts < 2 || o.elements < 1 || o.maxKeys < 1 {
		return fmt.Errorf("-restarts must be at least 2, -elements and -max-keys at least 1")
	}
	report := Report{Began: time.Now().UTC().Truncate(time.Second), Restarts: o.restarts}
	for _, c := range collections {
		for _, s := range c.spreads {
			shapes := shapesOf(c, s, o)
			if err := measure(ctx, o.restarts, shapes, &report); err != nil {
				return fmt.Errorf("%s, %s: %w", c.name, s.name, err)
			}
		}
	}
	report.evaluate()
	if err := report.writeMarkdown(os.Stdout); err != nil || o.json == "" {
		return err
	}
	return report.writeJSON(o.json)
}

// progress prints what was done to standard error.
func progress(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "noise: "+format+"\n", args...)
}
