package command

import (
	"context"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"

	"keyprof/sampler"
	"keyprof/sampler/aggregate"
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
			Grouping: aggregate.Grouping{Limit: aggregate.DefaultNamespaceLimit},
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

func TestAwait(t *testing.T) {
	tests := []struct {
		name    string
		signals int
		ends    bool // the run, once it is interrupted
		want    int
	}{
		{"a run that ends by itself", 0, true, exitDone},
		{"the first signal lets the run end in its own way", 1, true, exitInterrupted},
		{"the second does not wait for it", 2, false, exitInterrupted},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ctx, interrupt := context.WithCancelCause(context.Background())
			signals, code := make(chan os.Signal, 2), make(chan int, 1)
			for range tt.signals {
				signals <- os.Interrupt
			}
			if tt.signals == 0 {
				code <- exitDone
			}
			go func() {
				<-ctx.Done()
				if tt.ends && context.Cause(ctx) == sampler.ErrInterrupted {
					code <- exitInterrupted
				}
			}()
			if got := await(code, signals, interrupt); got != tt.want {
				t.Errorf("exit code %d, want %d", got, tt.want)
			}
			interrupt(nil)
		})
	}
}
