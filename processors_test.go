package main

import (
	"runtime"
	"testing"
)

func TestLimitProcessors(t *testing.T) {
	t.Setenv("GOMAXPROCS", "")
	before := runtime.GOMAXPROCS(0)
	undo := limitProcessors(before + 1)
	if n := runtime.GOMAXPROCS(0); n != before+1 {
		t.Errorf("%d processors", n)
	}
	undo()
	if n := runtime.GOMAXPROCS(0); n != before {
		t.Errorf("%d processors afterwards, %d before", n, before)
	}
	t.Setenv("GOMAXPROCS", "7") // the runtime read it when the process began
	undo = limitProcessors(before + 1)
	defer undo()
	if n := runtime.GOMAXPROCS(0); n != before {
		t.Errorf("GOMAXPROCS is set, and %d processors became %d", before, n)
	}
}
