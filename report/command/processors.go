package command

import (
	"os"
	"runtime"
	"strconv"
)

// limitProcessors lets Go code run on at most n processors until it is undone. A walk
// at full speed has two busy goroutines, one that reads and one that groups. On two
// processors each waits for the other in turn and must be woken, which costs the walk
// time, and the server, too, if it is on this machine. Walks that are paced want more:
// what is felt on the probe connection sets the size of their pages, and should not be
// what another goroutine kept from it. Where GOMAXPROCS is set, that is left as it is.
// Not for concurrent use.
func limitProcessors(n int) (undo func()) {
	if set, _ := strconv.Atoi(os.Getenv("GOMAXPROCS")); set > 0 { // what else it may hold, the runtime ignores
		return func() {}
	}
	before := runtime.GOMAXPROCS(0)
	runtime.GOMAXPROCS(min(n, before))
	return func() { runtime.GOMAXPROCS(before) }
}
