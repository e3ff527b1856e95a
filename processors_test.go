package main

import (
	"runtime"
	"testing"
)

func TestLimitProcessors(t *testing.T) {
	const all = 3
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(all))
	for _, tt := range []struct {
		env     string // the runtime read it when the process began
		n, want int
	}{
		{"", 1, 1},
		{"", 2, 2},
		{"", 64, all},
		{"7", 1, all},
	} {
		t.Setenv("GOMAXPROCS", tt.env)
		undo := limitProcessors(tt.n)
		if n := runtime.GOMAXPROCS(0); n != tt.want {
			t.Errorf("%d of %d, GOMAXPROCS=%q: %d processors, want %d", tt.n, all, tt.env, n, tt.want)
		}
		undo()
		if n := runtime.GOMAXPROCS(0); n != all {
			t.Errorf("%d of %d, GOMAXPROCS=%q: %d processors afterwards", tt.n, all, tt.env, n)
		}
	}
}
