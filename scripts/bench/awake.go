package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
)

// A sleeping core takes tens of microseconds to wake up on a virtual machine, and the
// time varies: that is as much as a round trip takes. One busy loop of idle priority on
// each core (SCHED_IDLE on Linux: everything else runs first) keeps them awake.

// spinChild is the first argument of a child process that is a busy loop.
const spinChild = "spin"

// spun is the line that such a child prints when it runs.
const spun = "awake"

// spin keeps a core awake until its input ends, which it does however the parent process
// ends.
func spin(in io.Reader, out io.Writer) {
	fmt.Fprintln(out, spun)
	go func() {
		for beat := 0; ; beat++ {
			_ = beat
		}
	}()
	_, _ = io.Copy(io.Discard, in)
}

// awake measures while the cores are kept awake, where that is possible.
func (t *tools) awake(ctx context.Context, measure func(awake bool) error) error {
	stop, err := t.keepAwake(ctx)
	if err != nil {
		progress("cores are not kept awake: %v", err)
		return measure(false)
	}
	defer stop()
	return measure(true)
}

// keepAwake starts the busy loops.
func (t *tools) keepAwake(ctx context.Context) (stop func(), err error) {
	if t.chrt == "" {
		return nil, errors.New("chrt is not installed")
	}
	var stops []func()
	stop = func() {
		for _, s := range stops {
			s()
		}
	}
	for range runtime.NumCPU() {
		s, err := t.startSpin(ctx)
		if err != nil {
			stop()
			return nil, err
		}
		stops = append(stops, s)
	}
	return stop, nil
}

// startSpin returns when the loop runs.
func (t *tools) startSpin(ctx context.Context) (stop func(), err error) {
	said, stop, err := startChild(ctx, t.chrt, "-i", "0", t.self, spinChild)
	if err == nil && said != spun {
		stop()
		err = errors.New("chrt -i does not work here")
	}
	return stop, err
}
