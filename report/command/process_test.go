package command

import (
	"io"
	"runtime"
	"strings"
	"testing"

	"keyprof/sampler"
	"keyprof/scanner"
	"keyprof/scanner/redistest"
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
		{"0", 1, 1},
		{"auto", 1, 1},
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

func TestFullSpeedIsOnOneProcessor(t *testing.T) {
	t.Setenv("GOMAXPROCS", "")
	const all = 3
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(all))
	server := redistest.New(t)
	if err := redistest.Mixed(t.Context(), server.Client(), 1000, 1); err != nil {
		t.Fatal(err)
	}
	walking := 0
	o := profileOptions{
		Connection: connection{URL: server.URL(), Timeout: scanner.DefaultTimeout},
		Collect: sampler.Options{
			Workers: sampler.DefaultWorkers, Page: 100, MaxLoad: 1,
			Grouping: sampler.Grouping{Limit: sampler.DefaultNamespaceLimit},
			Progress: func(sampler.Progress) { walking = runtime.GOMAXPROCS(0) },
		},
	}
	if _, err := collect(t.Context(), o, nil, strings.NewReader(""), io.Discard); err != nil {
		t.Fatal(err)
	}
	if after := runtime.GOMAXPROCS(0); walking != 1 || after != all {
		t.Errorf("%d processors, afterwards %d", walking, after)
	}
}
