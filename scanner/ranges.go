package scanner

import (
	"errors"
	"math"
	"math/bits"
	"slices"
	"time"

	"keyprof/scanner/sleep"
	"keyprof/scanner/throttle"
)

// In the order in which SCAN visits a table, its buckets lie on a line from 0 to 2^64: a
// position is a cursor with its bits reversed (dict.c, dictScan). A key's position is its
// hash with its bits reversed, whatever the table's size; a table of 2^k buckets divides
// the line into 2^k equal parts. A page that starts at p and returns q as the next
// position has all keys from p to q. It has others only when p is not the start of a
// bucket: keys between that start and p.

// Interval is a part of the line of positions, excluding End. It may wrap at zero; if
// both ends are equal it is the whole line.
type Interval struct{ Start, End uint64 }

// Coverage is the part of the line of positions that a scan has seen. Unless Whole, only
// its Fraction is known, not which positions it has.
type Coverage struct {
	Interval
	Fraction float64 // of the line, in [0,1]
	Whole    bool    // all of the interval
}

// fineness sets the power of two to which positions are rounded: at most 2^-fineness of
// their distance, and more than half of that.
const fineness = 6

// rounded returns the interval with its ends at bucket boundaries, in any table that
// divides it into at least 128 buckets. Rounding it again changes nothing.
func (i Interval) rounded() Interval {
	grid := gridStep(i.End - i.Start)
	start := i.Start &^ (grid - 1)
	return Interval{start, start + (i.End-i.Start)&^(grid-1)}
}

// gridStep returns the distance of the positions at which a part of the line may be
// divided; a length of 0 is the whole line.
func gridStep(length uint64) uint64 {
	return 1 << max(0, bits.Len64(length-1)-1-fineness)
}

// split divides the interval, which is not the whole line, into n parts of about the same
// length.
func (i Interval) split(n int) []Interval {
	step := (i.End - i.Start) / uint64(n)
	grid := gridStep(step)
	parts := make([]Interval, n)
	start := i.Start
	for k := range parts {
		parts[k].Start = start
		start = (i.Start + uint64(k+1)*step) &^ (grid - 1)
		parts[k].End = start
	}
	parts[n-1].End = i.End
	return parts
}

// fraction returns the interval's length as a fraction of the line.
func (i Interval) fraction() float64 {
	if i.Start == i.End {
		return 1
	}
	return float64(i.End-i.Start) / (1 << 64)
}

// cursorRange is the state of the scan of one of the ranges that an interval is divided
// into.
type cursorRange struct {
	visitor Visitor
	bounded bool   // the range ends at a position, not at the server's last cursor
	start   uint64 // first position of the range
	end     uint64
	at      uint64 // where the next page begins
	probed  uint64 // where the first page begins that is not yet probed
	ended   bool   // no page is left
	// finished: no page and no probe is left.
	finished bool
	maxCount int // maximum COUNT: the rest of the range has no more keys

	cycle    cycleDetector
	names    []string  // of the current page
	requests []Request // about the current page
	unsent   []Request // requests that are not yet sent
	scanning bool      // SCAN is sent with the last request
	scan     Scan
	batches  []*Batch // those of the current page, and free ones
	sent     int      // of batches
	inFlight int      // of batches
	complete bool     // all batches are sent
	batch    *Batch   // the last that was received
	replies  []Reply  // of several batches

	// Only in a scan of slots.
	slotsLeft  []SlotKeys // not yet requested
	pagingSlot bool       // SCAN is within the first of slotsLeft
	pagedNames int        // keys of that slot so far
	backlog    []string   // keys not yet probed
}

func (w *Walk) newRange(i Interval) *cursorRange {
	return &cursorRange{
		visitor: w.Visitors(), bounded: w.Interval != nil, maxCount: math.MaxInt,
		start: i.Start, end: i.End, at: i.Start, probed: i.Start,
	}
}

// nextBatch returns an empty batch for the next pipeline about the page.
func (r *cursorRange) nextBatch() *Batch {
	if r.sent == len(r.batches) {
		r.batches = append(r.batches, &Batch{})
	}
	batch := r.batches[r.sent]
	r.sent++
	batch.Scan, batch.Slots, batch.Replies = nil, batch.Slots[:0], batch.Replies[:0]
	return batch
}

// begin makes the first range, which covers everything to scan.
func (w *Walk) begin() {
	w.began = time.Now()
	if w.sleep == nil {
		w.sleep = sleep.Brief
	}
	if w.Guard != nil {
		w.updateGuard()
		w.detectLink()
	}
	w.recent = newRecentNames(w.maxRanges())
	w.ranges = []*cursorRange{w.newRange(w.interval())}
	if w.Slots != nil {
		w.ranges[0].slotsLeft = slices.Clone(w.Slots)
		w.ranges[0].ended = len(w.Slots) == 0
		w.trial.over = true // a scan of slots is not divided
	}
}

func (w *Walk) interval() Interval {
	if w.Interval == nil {
		return Interval{}
	}
	return w.Interval.rounded()
}

// maxRanges returns how many ranges there may be: one, unless the scan runs at full speed
// or over a link, and not near maxmemory.
func (w *Walk) maxRanges() int {
	switch {
	case w.lowMemory():
		return 1
	case w.overLink():
		return max(1, min(2*w.MaxRanges, throttle.MaxRangesOverLink))
	case w.Pacer.MaxLoad < 1 || w.Pacer.Rate > 0:
		return 1
	}
	return max(1, w.MaxRanges)
}

// errNoOrder ends a scan of ranges: SCAN must go up the line.
var errNoOrder = errors.New("the server's SCAN cursors do not follow the order of a hash table's buckets")

// advance moves the range past a page, and returns its keys that belong to the range. If
// the page has keys of the next range, it takes none, and lowers the next COUNT. A page
// of one key ends with the bucket of that key, so it lies either before the boundary or
// behind it.
func (r *cursorRange) advance(page *ScanReply) ([]string, error) {
	to := bits.Reverse64(page.Cursor)
	if !r.bounded {
		r.at, r.ended = to, to == 0
		return page.Names, nil
	}
	if to != 0 && to <= r.at {
		return nil, errNoOrder
	}
	passed, left := to-r.at, r.end-r.at // 0: the whole line
	fits := int(min(float64(r.scan.Count)*lineLength(left)/lineLength(passed), math.MaxInt32))
	switch past := passed-1 > left-1; {
	case !past:
		r.at, r.ended = to, to == r.end
		r.maxCount = max(1, fits-r.scan.Count)
		return page.Names, nil
	case r.scan.Count > 1:
		r.maxCount = max(1, min(fits, r.scan.Count-1))
		page.Long = nil
		return nil, nil
	case isBoundary(r.end, to):
		r.at, r.ended = r.end, true
		page.Long = nil
		return nil, nil
	default: // the seam is within a bucket: the table has shrunk to a few of them
		r.at, r.end, r.ended = to, to, true
		return page.Names, nil
	}
}

// lineLength returns a distance on the line as a number; 0 stands for all of it.
func lineLength(d uint64) float64 {
	if d == 0 {
		return 1 << 64
	}
	return float64(d)
}

// isBoundary reports whether a position is certainly the start of a bucket, when known is
// one: buckets are no wider than the largest power of two that divides it.
func isBoundary(position, known uint64) bool {
	return bits.TrailingZeros64(known) <= bits.TrailingZeros64(position)
}

// fractionTo returns the fraction of the line between the range's start and a position
// that it has reached. If the range has ended, that may be the whole line.
func (r *cursorRange) fractionTo(to uint64, ended bool) float64 {
	if to == r.start && !ended {
		return 0
	}
	return lineLength(to-r.start) / (1 << 64)
}

// scanned returns the fraction of the interval whose pages have arrived, in [0,1].
func (w *Walk) scanned() float64 {
	if w.Slots != nil {
		return w.slotsDone()
	}
	sum := 0.0
	for _, r := range w.ranges {
		sum += r.fractionTo(r.at, r.ended)
	}
	return min(1, sum/w.interval().fraction())
}

// Covered returns what the scan has seen. Keys that are not probed count as not seen. For
// a scan of slots only Whole is meaningful.
func (w *Walk) Covered() Coverage {
	c := Coverage{Interval: w.interval(), Whole: w.unfinished() == nil}
	c.End = w.ranges[len(w.ranges)-1].end
	for _, r := range w.ranges {
		c.Fraction += r.fractionTo(r.probed, r.finished)
	}
	c.Fraction = min(1, c.Fraction)
	return c
}

// unfinished returns the first range that is not at its end; nil when all are.
func (w *Walk) unfinished() *cursorRange {
	i := slices.IndexFunc(w.ranges, func(r *cursorRange) bool { return !r.finished })
	if i < 0 {
		return nil
	}
	return w.ranges[i]
}

// Cursor returns the cursor at which an incomplete scan would continue. All keys before
// it have been seen; some behind it may have been, too.
func (w *Walk) Cursor() uint64 {
	if r := w.unfinished(); r != nil {
		return bits.Reverse64(r.probed)
	}
	return 0
}

// trial collects what the first pages of a scan show.
type trial struct {
	pages, names int
	service      time.Duration // of the fastest page that was sent with probes
	over         bool
}

// observeTrial examines one of the first pages, before the range moves past it. It
// returns an error if no interval can be scanned on this server.
func (w *Walk) observeTrial(r *cursorRange, page *ScanReply) error {
	t := &w.trial
	if t.over {
		return nil
	}
	t.pages++
	t.names += len(page.Names)
	if t.pages <= 2 || r.batch.Service < t.service { // the first had none
		t.service = r.batch.Service
	}
	// An interval may begin where keys were deleted in the order of SCAN.
	empty := w.Interval == nil && t.pages == throttle.TrialPages && t.names == 0 && w.Keys > 0 && w.Match == ""
	if ordered(r.at, page.Cursor, w.Keys) && !empty {
		return nil
	}
	t.over = true
	if w.Interval != nil {
		return errNoOrder
	}
	return nil
}

// ordered reports whether a server with so many keys (0: unknown) replies like a hash
// table: the cursor goes up the line, and is the number of a bucket.
func ordered(at, cursor uint64, keys int64) bool {
	if cursor != 0 && bits.Reverse64(cursor) <= at {
		return false
	}
	const emptiest = 2 // powers of two that a table is larger than its keys need
	return keys <= 0 || cursor>>(bits.Len64(uint64(keys-1))+emptiest) == 0
}

// divideRange gives parts of a range to new ranges if the trial allows it, and returns
// them.
func (w *Walk) divideRange(r *cursorRange) []*cursorRange {
	t := &w.trial
	if t.over || t.pages < throttle.TrialPages || r.ended {
		return nil
	}
	t.over = true
	left := Interval{r.at, r.end}
	room := float64(w.Keys) * left.fraction() / float64(max(throttle.MinRangePages*w.count(), throttle.MinRangeKeys))
	n := min(w.maxRanges(), int(room), w.wantedRanges())
	if n < 2 {
		return nil
	}
	ranges := make([]*cursorRange, 0, n-1)
	for _, i := range left.split(n)[1:] {
		ranges = append(ranges, w.newRange(i))
	}
	r.end = ranges[0].start
	w.ranges = append(w.ranges, ranges...)
	for _, r := range w.ranges {
		r.bounded = true
	}
	return ranges
}

// wantedRanges returns how many ranges are useful. Over a link the scan is paced when it
// sends, so that more of them do no harm.
func (w *Walk) wantedRanges() int {
	if w.overLink() {
		return throttle.MaxRangesOverLink
	}
	return throttle.RangesFor(w.Exchange.MinRoundTrip(), w.trial.service)
}
