package scanner

import (
	"errors"
	"math"
	"math/bits"
	"slices"
	"time"

	"keyprof/scanner/throttle"
)

// In the order in which SCAN visits a table, the buckets lie on a line from 0 to
// 2^64: a position on it is a cursor with its bits reversed (dict.c, dictScan). A
// key's position is its hash with its bits reversed, whatever the table's size; a
// table of 2^k buckets cuts the line into 2^k equal parts. A page that begins at
// p and says that the next begins at q has all keys from p to q. It has others
// only when p is no bucket's beginning: keys between that and p.

// Interval is a stretch of the line of positions, End left out. It may wrap at
// zero; one whose ends are equal is the whole line.
type Interval struct{ Start, End uint64 }

// Coverage is what a walk has seen of the line of positions. When it is not
// Whole, Fraction tells how much of the interval, in which places is not told.
type Coverage struct {
	Interval
	Fraction float64 // of the line, in [0,1]
	Whole    bool    // all of the interval
}

// fineness says to which power of two positions are rounded: two to the power of
// -fineness of their distance or less, but more than half of that.
const fineness = 6

// rounded is the interval with its ends at bucket boundaries, in any table of
// which it has 128 buckets. To round it again changes nothing.
func (i Interval) rounded() Interval {
	grid := gridStep(i.End - i.Start)
	start := i.Start &^ (grid - 1)
	return Interval{start, start + (i.End-i.Start)&^(grid-1)}
}

// gridOf is the distance of points at which a stretch of the line may be cut; a
// length of 0 is the whole line.
func gridStep(length uint64) uint64 {
	return 1 << max(0, bits.Len64(length-1)-1-fineness)
}

// split cuts the interval into n, of about the same length. It is not the whole
// line.
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

// share is how much of the line the interval is.
func (i Interval) fraction() float64 {
	if i.Start == i.End {
		return 1
	}
	return float64(i.End-i.Start) / (1 << 64)
}

// lane walks one of the ranges that an interval is cut into.
type cursorRange struct {
	visitor Visitor
	bounded bool   // the range ends at a position, not when the server says so
	start   uint64 // positions: of the range
	end     uint64
	at      uint64 // where the page after the one at hand begins
	probed  uint64 // where the first page begins that is not yet probed
	ended   bool   // no page is left
	// finished: nothing is left to ask about the pages either.
	finished bool
	maxCount int // names to ask for: what is left of the range has no more

	cycle    cycleDetector
	names    []string  // of the page at hand
	requests []Request // about it
	unsent   []Request // of them, that are not yet sent
	scanning bool      // SCAN goes with the last of them
	scan     Scan
	batches  []*Batch // those for the page, and some to use again
	sent     int      // of them
	inFlight int      // of them on their way
	complete bool     // all are sent
	batch    *Batch   // the last that came back
	replies  []Reply  // of several trips

	// Of a walk over slots.
	slotsLeft  []SlotKeys // not yet asked for
	pagingSlot bool       // SCAN is within the first of them
	pagedNames int        // names of it that came
	backlog    []string   // names not yet asked about
}

func (w *Walk) newRange(i Interval) *cursorRange {
	return &cursorRange{
		visitor: w.Visitors(), bounded: w.Interval != nil, maxCount: math.MaxInt,
		start: i.Start, end: i.End, at: i.Start, probed: i.Start,
	}
}

// nextTrip is a trip to use for the next pipeline about the page.
func (r *cursorRange) nextBatch() *Batch {
	if r.sent == len(r.batches) {
		r.batches = append(r.batches, &Batch{})
	}
	batch := r.batches[r.sent]
	r.sent++
	batch.Scan, batch.Slots, batch.Replies = nil, batch.Slots[:0], batch.Replies[:0]
	return batch
}

// begin makes the first lane, which has all that there is to walk.
func (w *Walk) begin() {
	w.began = time.Now()
	if w.sleep == nil {
		w.sleep = sleepBriefly
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
		w.trial.over = true // a walk over slots is not divided
	}
}

func (w *Walk) interval() Interval {
	if w.Interval == nil {
		return Interval{}
	}
	return w.Interval.rounded()
}

// most is how many ranges there may be: one unless the walk runs at full speed or over
// a link, away from maxmemory.
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

// errNoOrder ends a walk over ranges: SCAN must go up the line.
var errNoOrder = errors.New("the server's SCAN cursors do not follow the order of a hash table's buckets")

// advance moves the lane past a page, and returns its names that belong to the
// range. When the page has names of the next range, none is taken, and the next
// time fewer are asked for. A page of one name ends with the bucket of that name,
// so it lies either before the seam or behind it.
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

// distance is a length on the line; 0 stands for all of it.
func lineLength(d uint64) float64 {
	if d == 0 {
		return 1 << 64
	}
	return float64(d)
}

// isBoundary reports whether a position is certainly a bucket's beginning, when
// known is one: buckets are no wider than the greatest power of two that divides
// it.
func isBoundary(position, known uint64) bool {
	return bits.TrailingZeros64(known) <= bits.TrailingZeros64(position)
}

// stretch is how much of the line lies between the lane's start and a position
// that it has come to. When the lane has ended, the whole line may.
func (r *cursorRange) fractionTo(to uint64, ended bool) float64 {
	if to == r.start && !ended {
		return 0
	}
	return lineLength(to-r.start) / (1 << 64)
}

// scanned is how much of the interval pages have come of, in [0,1].
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

// Covered is what the walk has seen. Keys that are not probed count as not seen.
// Of a walk over slots it tells nothing but Whole.
func (w *Walk) Covered() Coverage {
	c := Coverage{Interval: w.interval(), Whole: w.unfinished() == nil}
	c.End = w.ranges[len(w.ranges)-1].end
	for _, r := range w.ranges {
		c.Fraction += r.fractionTo(r.probed, r.finished)
	}
	c.Fraction = min(1, c.Fraction)
	return c
}

// unfinished is the first lane that is not at its end, nil when all are.
func (w *Walk) unfinished() *cursorRange {
	i := slices.IndexFunc(w.ranges, func(r *cursorRange) bool { return !r.finished })
	if i < 0 {
		return nil
	}
	return w.ranges[i]
}

// Cursor is where a walk that did not end would have to go on. What lies before it
// is seen; of what lies behind it some may be.
func (w *Walk) Cursor() uint64 {
	if r := w.unfinished(); r != nil {
		return bits.Reverse64(r.probed)
	}
	return 0
}

// trial is what the first pages of a walk told.
type trial struct {
	pages, names int
	service      time.Duration // of the fastest of those that had probes on the way
	over         bool
}

// watch looks at one of the first pages, before the lane moves past it. The error
// is for a server on which no interval can be walked.
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

// wantedRanges is how many ranges the walk has a use for. Over a link it is paced when
// it sends, so that more of them do no harm.
func (w *Walk) wantedRanges() int {
	if w.overLink() {
		return throttle.MaxRangesOverLink
	}
	return throttle.RangesFor(w.Exchange.MinRoundTrip(), w.trial.service)
}
