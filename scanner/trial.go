package scanner

import (
	"math/bits"
	"time"

	"keyprof/scanner/throttle"
)

// trial is what the first pages of a walk told.
type trial struct {
	pages, names int
	service      time.Duration // of the fastest of those that had probes on the way
	over         bool
}

// watch looks at one of the first pages, before the lane moves past it. The error
// is for a server on which no interval can be walked.
func (w *Walk) watch(l *lane, page *ScanReply) error {
	t := &w.trial
	if t.over {
		return nil
	}
	t.pages++
	t.names += len(page.Names)
	if t.pages <= 2 || l.trip.Service < t.service { // the first had none
		t.service = l.trip.Service
	}
	// An interval may begin where keys were deleted in the order of SCAN.
	empty := w.Interval == nil && t.pages == throttle.TrialPages && t.names == 0 && w.Keys > 0 && w.Match == ""
	if ordered(l.at, page.Cursor, w.Keys) && !empty {
		return nil
	}
	t.over = true
	if w.Interval != nil {
		return errNoOrder
	}
	return nil
}

// ordered reports whether a server with so many keys (0: not known) that was asked
// for a page at a position answers like a hash table: it goes up the line, and its
// cursor is the number of a bucket.
func ordered(at, cursor uint64, keys int64) bool {
	if cursor != 0 && bits.Reverse64(cursor) <= at {
		return false
	}
	const emptiest = 2 // powers of two that a table is larger than its keys need
	return keys <= 0 || cursor>>(bits.Len64(uint64(keys-1))+emptiest) == 0
}

// divide gives part of a lane's range to new lanes when the trial says so, and
// returns them.
func (w *Walk) divide(l *lane) []*lane {
	t := &w.trial
	if t.over || t.pages < throttle.TrialPages || l.over {
		return nil
	}
	t.over = true
	left := Interval{l.at, l.end}
	room := float64(w.Keys) * left.share() / float64(max(throttle.LeastRangePages*w.count(), throttle.LeastRangeKeys))
	n := min(w.most(), int(room), w.wantedRanges())
	if n < 2 {
		return nil
	}
	lanes := make([]*lane, 0, n-1)
	for _, i := range left.split(n)[1:] {
		lanes = append(lanes, w.newLane(i))
	}
	l.end = lanes[0].start
	w.lanes = append(w.lanes, lanes...)
	for _, l := range w.lanes {
		l.bounded = true
	}
	return lanes
}

// wantedRanges is how many ranges the walk has a use for. Over a link it is paced when
// it sends, so that more of them do no harm.
func (w *Walk) wantedRanges() int {
	if w.far() {
		return throttle.MostOverLink
	}
	return throttle.RangesFor(w.Exchange.LeastRoundTrip(), w.trial.service)
}
