package command

import (
	"context"
	"os"
	"testing"

	"keyprof/sampler"
)

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
