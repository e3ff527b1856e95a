package main

import (
	"os"
	"runtime"
)

// limitProcessors runs goroutines on at most n processors at a time until it is
// undone. The one that reads and the one that groups need half of a processor for a
// server that does nothing else; on two they would wake each other up over and over,
// which takes from the server, if it is on this machine, and from the walk. Who sets
// GOMAXPROCS knows better.
func limitProcessors(n int) (undo func()) {
	if os.Getenv("GOMAXPROCS") != "" {
		return func() {}
	}
	before := runtime.GOMAXPROCS(0)
	runtime.GOMAXPROCS(min(n, before))
	return func() { runtime.GOMAXPROCS(before) }
}
