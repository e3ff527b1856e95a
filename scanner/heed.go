package scanner

import (
	"context"
	"errors"
	"fmt"
	"time"

	"keyprof/scanner/info"
)

// longestSlice is how long a walk that stands back does not tell so.
const longestSlice = 250 * time.Millisecond

// count is how many keys the next SCAN asks for.
func (w *Walk) count() int {
	switch {
	case w.singly > 0:
		return 1
	case w.Guard == nil:
		return w.Page
	case w.careful():
		return min(w.Guard.Page(), carefulPage)
	default:
		return w.Guard.Page()
	}
}

// Near maxmemory the buffers of a connection may evict keys, or make others' writes
// fail. Then one page is on its way at a time, and it is so small that the requests
// and the replies fit into the buffers that a server has for a connection anyway.
const (
	carefulPage     = 20      // keys
	carefulPipeline = 8 << 10 // bytes
)

func (w *Walk) careful() bool { return w.Guard != nil && w.Guard.NearMaxmemory() || w.Watch.rides() }

// pipelineBytes bounds the requests of one pipeline.
func (w *Walk) pipelineBytes() int {
	if w.careful() {
		return carefulPipeline
	}
	return maxPipelineBytes
}

// brief is a pause for which a timer is too inexact, and that an interrupt can wait for.
const brief = 2 * time.Millisecond

// rest pauses for d, or until ctx ends, and returns how long it took.
func (w *Walk) rest(ctx context.Context, d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	w.Watch.rests()
	defer w.Watch.rests()
	if d > brief {
		return rest(ctx, d)
	}
	start := time.Now()
	w.sleep(d)
	return time.Since(start)
}

// heed tells the guard what a page took and what was seen, and stands back for as
// long as it wants.
func (w *Walk) heed(ctx context.Context, service time.Duration) {
	if w.Guard == nil {
		return
	}
	w.Guard.PageTook(service, w.count())
	for stoodBack := false; ; stoodBack = true {
		if len(w.flying) == 0 {
			w.Watch.between(ctx, stoodBack)
		}
		w.tellGuard()
		left, cause := w.Guard.Pause(time.Since(w.Tally.Began))
		if (left > 0 || stoodBack) && w.Braked != nil {
			w.Braked(cause)
		}
		if left <= 0 || ctx.Err() != nil {
			return
		}
		w.rest(ctx, min(left, longestSlice))
	}
}

func (w *Walk) tellGuard() {
	for _, s := range w.Watch.take() {
		if s.vitals == nil {
			w.Guard.Ping(s.roundTrip, s.resting)
			continue
		}
		w.Guard.Vitals(*s.vitals, s.at.Sub(w.Tally.Began))
		if w.far() && s.vitals.CPU > 0 {
			w.settleFar(s.vitals.CPU)
		}
		if role := s.vitals.Role; w.Role != "" && role != w.Role && role != info.Unknown {
			w.changed = fmt.Errorf("%w: it is a %s now and was a %s", ErrRoleChanged, role, w.Role)
		}
	}
	if w.Guard.NearMaxmemory() {
		w.Watch.join()
	}
}

// ErrRoleChanged ends a walk: what a node answers about keys depends on its role.
var ErrRoleChanged = errors.New("the role of the server changed")
