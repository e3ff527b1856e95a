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
	grid := gridOf(i.End - i.Start)
	start := i.Start &^ (grid - 1)
	return Interval{start, start + (i.End-i.Start)&^(grid-1)}
}

// gridOf is the distance of points at which a stretch of the line may be cut; a
// length of 0 is the whole line.
func gridOf(length uint64) uint64 {
	return 1 << max(0, bits.Len64(length-1)-1-fineness)
}

// split cuts the interval into n, of about the same length. It is not the whole
// line.
func (i Interval) split(n int) []Interval {
	step := (i.End - i.Start) / uint64(n)
	grid := gridOf(step)
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
func (i Interval) share() float64 {
	if i.Start == i.End {
		return 1
	}
	return float64(i.End-i.Start) / (1 << 64)
}

// lane walks one of the ranges that an interval is cut into.
type lane struct {
	visitor Visitor
	bounded bool   // the range ends at a position, not when the server says so
	start   uint64 // positions: of the range
	end     uint64
	at      uint64 // where the page after the one at hand begins
	probed  uint64 // where the first page begins that is not yet probed
	over    bool   // no page is left
	// finished: nothing is left to ask about the pages either.
	finished bool
	most     int // names to ask for: what is left of the range has no more

	circle   circle
	names    []string  // of the page at hand
	requests []Request // about it
	rest     []Request // of them, that are not yet sent
	scanning bool      // SCAN goes with the last of them
	scan     Scan
	trips    []*Trip // those for the page, and some to use again
	sent     int     // of them
	out      int     // of them on their way
	complete bool    // all are sent
	trip     *Trip   // the last that came back
	replies  []Reply // of several trips

	// Of a walk over slots.
	takes   []SlotTake // not yet asked for
	paging  bool       // SCAN is within the first of them
	paged   int        // names of it that came
	backlog []string   // names not yet asked about
}

func (w *Walk) newLane(i Interval) *lane {
	return &lane{
		visitor: w.Visitors(), bounded: w.Interval != nil, most: math.MaxInt,
		start: i.Start, end: i.End, at: i.Start, probed: i.Start,
	}
}

// nextTrip is a trip to use for the next pipeline about the page.
func (l *lane) nextTrip() *Trip {
	if l.sent == len(l.trips) {
		l.trips = append(l.trips, &Trip{})
	}
	trip := l.trips[l.sent]
	l.sent++
	trip.Scan, trip.Slots, trip.Replies = nil, trip.Slots[:0], trip.Replies[:0]
	return trip
}

// begin makes the first lane, which has all that there is to walk.
func (w *Walk) begin() {
	w.began = time.Now()
	if w.sleep == nil {
		w.sleep = sleepBriefly
	}
	if w.Guard != nil {
		w.tellGuard()
		w.goFar()
	}
	w.recent = newRecentNames(w.most())
	w.lanes = []*lane{w.newLane(w.interval())}
	if w.Slots != nil {
		w.lanes[0].takes = slices.Clone(w.Slots)
		w.lanes[0].over = len(w.Slots) == 0
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
func (w *Walk) most() int {
	switch {
	case w.careful():
		return 1
	case w.far():
		return max(1, min(2*w.Ranges, throttle.MostOverLink))
	case w.Pacer.MaxLoad < 1 || w.Pacer.Rate > 0:
		return 1
	}
	return max(1, w.Ranges)
}

// errNoOrder ends a walk over ranges: SCAN must go up the line.
var errNoOrder = errors.New("the server's SCAN cursors do not follow the order of a hash table's buckets")

// advance moves the lane past a page, and returns its names that belong to the
// range. When the page has names of the next range, none is taken, and the next
// time fewer are asked for. A page of one name ends with the bucket of that name,
// so it lies either before the seam or behind it.
func (l *lane) advance(page *ScanReply) ([]string, error) {
	to := bits.Reverse64(page.Cursor)
	if !l.bounded {
		l.at, l.over = to, to == 0
		return page.Names, nil
	}
	if to != 0 && to <= l.at {
		return nil, errNoOrder
	}
	passed, left := to-l.at, l.end-l.at // 0: the whole line
	fits := int(min(float64(l.scan.Count)*distance(left)/distance(passed), math.MaxInt32))
	switch past := passed-1 > left-1; {
	case !past:
		l.at, l.over = to, to == l.end
		l.most = max(1, fits-l.scan.Count)
		return page.Names, nil
	case l.scan.Count > 1:
		l.most = max(1, min(fits, l.scan.Count-1))
		page.Long = nil
		return nil, nil
	case isBoundary(l.end, to):
		l.at, l.over = l.end, true
		page.Long = nil
		return nil, nil
	default: // the seam is within a bucket: the table has shrunk to a few of them
		l.at, l.end, l.over = to, to, true
		return page.Names, nil
	}
}

// distance is a length on the line; 0 stands for all of it.
func distance(d uint64) float64 {
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
func (l *lane) stretch(to uint64, ended bool) float64 {
	if to == l.start && !ended {
		return 0
	}
	return distance(to-l.start) / (1 << 64)
}

// scanned is how much of the interval pages have come of, in [0,1].
func (w *Walk) scanned() float64 {
	if w.Slots != nil {
		return w.slotsDone()
	}
	sum := 0.0
	for _, l := range w.lanes {
		sum += l.stretch(l.at, l.over)
	}
	return min(1, sum/w.interval().share())
}

// Covered is what the walk has seen. Keys that are not probed count as not seen.
// Of a walk over slots it tells nothing but Whole.
func (w *Walk) Covered() Coverage {
	c := Coverage{Interval: w.interval(), Whole: w.unfinished() == nil}
	c.End = w.lanes[len(w.lanes)-1].end
	for _, l := range w.lanes {
		c.Fraction += l.stretch(l.probed, l.finished)
	}
	c.Fraction = min(1, c.Fraction)
	return c
}

// unfinished is the first lane that is not at its end, nil when all are.
func (w *Walk) unfinished() *lane {
	i := slices.IndexFunc(w.lanes, func(l *lane) bool { return !l.finished })
	if i < 0 {
		return nil
	}
	return w.lanes[i]
}

// Cursor is where a walk that did not end would have to go on. What lies before it
// is seen; of what lies behind it some may be.
func (w *Walk) Cursor() uint64 {
	if l := w.unfinished(); l != nil {
		return bits.Reverse64(l.probed)
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
