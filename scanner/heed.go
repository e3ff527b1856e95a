package scanner

import (
	"context"
	"time"
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
	default:
		return w.Guard.Page()
	}
}

// rest pauses for d, or until ctx ends, and returns how long it took.
func (w *Walk) rest(ctx context.Context, d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	w.Watch.rests()
	defer w.Watch.rests()
	return rest(ctx, d)
}

// heed tells the guard what a page took and what was seen, and stands back for as
// long as it wants.
func (w *Walk) heed(ctx context.Context, service time.Duration) {
	if w.Guard == nil {
		return
	}
	w.Guard.PageTook(service)
	for stoodBack := false; ; stoodBack = true {
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
		} else {
			w.Guard.Vitals(*s.vitals, s.at.Sub(w.Tally.Began))
		}
	}
}
