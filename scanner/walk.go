package scanner

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"time"

	"github.com/cespare/xxhash/v2"

	"keyprof/scanner/info"
	"keyprof/scanner/throttle"
)

// maxPipelineBytes bounds the requests of one pipeline. Names of 512 KiB exist,
// and each travels once a probe.
const maxPipelineBytes = 64 << 10

// Visitor asks about the keys of a walk and gets the answers.
type Visitor interface {
	// Requests appends what is to be asked after a page of names arrived. The
	// last call of a walk has no names, to let follow-up questions out.
	Requests(requests []Request, names []string) []Request
	// Replies hands over the answer to each of the requests, in their order. It
	// is called once for each call of Requests, when all answers are there.
	// The slice is used again for the next page.
	Replies(replies []Reply) error
	// Long is told of a name that is not to be probed, as it is too long: its
	// beginning, and its length in bytes.
	Long(prefix string, length int64)
}

// Walk is a walk over the names of one database. Set the fields, then call Run
// once.
type Walk struct {
	Exchange Exchange
	Visitors func() Visitor // one for each cursor range
	Pacer    *throttle.Pacer
	Page     int                    // COUNT of each SCAN, without a Guard
	Guard    *throttle.Guard        // chooses pages, and makes the walk stand back; may be nil
	Watch    *Watch                 // feels what others feel, for the Guard; may be nil
	Match    string                 // glob; empty: all names
	Tally    *Tally                 // what this walk and those before it cost
	Progress func(fraction float64) // called after each page; may be nil
	// Interval is what to walk; nil: all keys. It wants a server that
	// RandomCursors is true of, as does Ranges over 1.
	Interval *Interval
	// Slots are what to walk instead; nil: as Interval says. It wants a server that
	// SlotTables is true of, and knows no Match.
	Slots []SlotTake
	// Wanted is asked of each name of slots, once, whether it is to be visited; nil: all are.
	Wanted func(name string) bool
	Ranges int    // cursor ranges to walk at once, at most; 0: 1
	Keys   int64  // in the database, about; 0: not known
	Role   string // of the node; a change of it ends the walk. Empty: it is not known
	// Braked is called now and then while the walk stands back, with the cause,
	// and with none when it goes on; may be nil.
	Braked func(cause string)

	sleep      func(time.Duration) // for brief pauses; a test has its own clock
	lanes      []*lane             // in the order of their ranges
	ready      []*lane             // that have something to send, in the order in which they do
	flying     []flight            // trips on their way, the first sent first
	due        time.Duration       // when the next may be sent over a link, since Tally.Began
	dueForRate bool                // Rate alone wants that
	changed    error               // the role of the node did
	trial      trial
	calibrated time.Time     // last
	unanswered int           // times in a row that the server did not tell its CPU time
	cpu        time.Duration // of the server's main thread then; 0: not known
	began      time.Time     // of this walk
	came       int64         // names that pages had
	suspect    time.Duration // late replies over a link, of which it is not known whether the server was at work
	accounted  time.Duration // Tally.Service when the server told its CPU time
	settled    time.Time     // when that was
	others     float64       // share of the server that others use, while no reply is late
	singly     int           // pages still to ask for by COUNT 1
	recent     recentNames
}

// Tally is what walks cost, summed over the databases of a node.
type Tally struct {
	Began    time.Time     // of the first walk
	Returned int64         // names that SCAN returned, repeats included, those that were not wanted left out
	Repeats  int64         // of these, that are not visited: it had returned them shortly before, or another range has them
	Service  time.Duration // upper bound of the server's main thread that we used
	// Pauses of the pacer, by what wanted the longer one.
	PausedForLoad, PausedForRate time.Duration
}

// flight is a trip of a lane on its way.
type flight struct {
	lane *lane
	trip *Trip
}

// Run walks until the server says that it is over, or the interval is. When ctx
// ends it finishes the pages at hand and returns the context's cause; a page is
// visited whole or not at all.
func (w *Walk) Run(ctx context.Context) error {
	w.begin()
	if err := w.ask(ctx, w.lanes[0]); err != nil {
		return err
	}
	for len(w.flying)+len(w.ready) > 0 {
		if w.maySend() {
			w.send(ctx, w.ready[0])
		} else if err := w.land(ctx); err != nil {
			w.Exchange.Abandon()
			return err
		}
	}
	if w.unfinished() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// maySend reports whether to send before the next reply is awaited.
func (w *Walk) maySend() bool {
	switch {
	case len(w.ready) == 0:
		return false
	case len(w.flying) == 0:
		return true
	case w.careful():
		return false
	case w.far():
		return len(w.flying) < w.Guard.Link().Window() && !w.replyFirst()
	default:
		return true
	}
}

// ask readies the questions about a lane's page at hand and, unless its range or
// the walk is at an end, the SCAN for its next page. The last time there is
// nothing to send.
func (w *Walk) ask(ctx context.Context, l *lane) error {
	l.scanning = !l.over && len(l.backlog) == 0 && ctx.Err() == nil
	l.out, l.sent, l.replies = 0, 0, l.replies[:0]
	l.rest = l.visitor.Requests(l.requests[:0], l.names)
	l.requests = l.rest
	if len(l.rest) == 0 && !l.scanning {
		l.probed, l.finished = l.at, l.over && len(l.backlog) == 0
		return l.visitor.Replies(nil)
	}
	w.ready = append(w.ready, l)
	return nil
}

// send sends what a pipeline may hold of a lane's questions. SCAN goes with the last
// of them; over a link it is a pipeline of its own.
func (w *Walk) send(ctx context.Context, l *lane) {
	far := w.far()
	trip := l.nextTrip()
	trip.Requests, l.rest = split(l.rest, w.pipelineBytes(), w.pipelineRequests())
	last := len(l.rest) == 0 && (!far || len(trip.Requests) == 0 || !l.scanning)
	switch {
	case !last || !l.scanning:
	case w.Slots != nil:
		l.askSlots(trip, w.count())
	default:
		l.scan = Scan{Cursor: bits.Reverse64(l.at), Count: min(w.count(), l.most), Match: w.Match}
		trip.Scan = &l.scan
	}
	if far {
		w.space(ctx, trip)
	}
	w.Exchange.Send(ctx, trip)
	l.out++
	w.flying = append(w.flying, flight{l, trip})
	if l.complete = last; last || !far { // else the rest follows without delay
		w.ready = slices.Delete(w.ready, 0, 1)
	}
}

// land takes what came back first, and readies what is next.
func (w *Walk) land(ctx context.Context) error {
	f := w.flying[0]
	w.flying = slices.Delete(w.flying, 0, 1)
	l := f.lane
	if err := w.receive(ctx, f); err != nil {
		return err
	}
	l.trip = f.trip
	l.out--
	if l.sent > 1 || !l.complete {
		l.replies = append(l.replies, f.trip.Replies...)
	}
	switch {
	case !l.complete && !slices.Contains(w.ready, l):
		w.ready = append(w.ready, l)
		return nil
	case !l.complete || l.out > 0:
		return nil
	}
	return w.landed(ctx, l)
}

// landed goes on with a lane that has all replies.
func (w *Walk) landed(ctx context.Context, l *lane) error {
	replies := l.replies
	if l.sent == 1 {
		replies = l.trip.Replies
	}
	if err := l.visitor.Replies(replies); err != nil {
		return err
	}
	l.names = nil
	if l.trip.Scan == nil && len(l.trip.Slots) == 0 {
		if ctx.Err() == nil {
			l.nextNames(w.count())
		}
		return w.ask(ctx, l)
	}
	l.probed = l.at
	if err := w.arrive(l); err != nil {
		return err
	}
	for _, next := range append([]*lane{l}, w.divide(l)...) {
		if err := w.ask(ctx, next); err != nil {
			return err
		}
	}
	return nil
}

// receive takes the trip that was sent first, and paces. A walk that is told to stop
// still gets the answers to what it sent.
func (w *Walk) receive(ctx context.Context, f flight) error {
	trip, err := w.Exchange.Receive(ctx)
	if w.far() && err == nil {
		return w.receiveFar(ctx, f.trip)
	}
	w.Tally.Service += w.ours(ctx, trip, err == nil)
	if err != nil {
		return err
	}
	keys := len(trip.Page.Names)
	if w.Slots != nil { // of which not all are wanted
		keys = len(f.lane.names)
	}
	pause, forRate := w.Pacer.Page(trip.Service, keys, time.Since(w.Tally.Began))
	w.calibrate(ctx) // what it has used for the page is charged
	w.pause(ctx, pause, forRate)
	if trip.Scan != nil || w.Slots != nil { // else the walk is about to end
		w.heed(ctx, trip.Service)
	}
	return w.changed
}

// pause rests for as long as the pacer wants.
func (w *Walk) pause(ctx context.Context, pause time.Duration, forRate bool) {
	if took := w.rest(ctx, pause); forRate {
		w.Tally.PausedForRate += took
	} else {
		w.Tally.PausedForLoad += took
	}
}

// arrive takes the page of names that came for a lane.
func (w *Walk) arrive(l *lane) error {
	page := &l.trip.Page
	w.Tally.Returned += int64(len(page.Names))
	if err := w.endless(l, page); err != nil {
		return err
	}
	if err := w.watch(l, page); err != nil {
		return err
	}
	returned, advance := len(page.Names), l.advance
	if w.Slots != nil {
		advance = l.advanceSlots
	}
	kept, err := advance(page)
	if err != nil {
		return err
	}
	w.noteLong(l, page.Long)
	kept = w.recent.drop(kept)
	w.Tally.Repeats += int64(returned - len(kept))
	l.backlog = w.thin(kept)
	l.nextNames(w.atOnce(len(l.backlog)))
	if w.Progress != nil {
		w.Progress(w.scanned())
	}
	return nil
}

// afterLong is how many pages are asked for by COUNT 1 after one with a name that is
// too long to be probed: the server holds all names of a page in memory at once.
const afterLong = 64

// noteLong tells the visitor of names that are not probed.
func (w *Walk) noteLong(l *lane, names []LongName) {
	w.singly = max(0, w.singly-1)
	for _, name := range names {
		l.visitor.Long(name.Prefix, name.Bytes)
		w.Tally.Returned++
		w.singly = afterLong
	}
}

// atOnce is how many of the names that came are asked about at a time: SCAN was
// asked for no more.
func (w *Walk) atOnce(came int) int {
	if w.Slots == nil {
		return came
	}
	return w.count()
}

// longPage is longer than any page should take.
const longPage = 100 * time.Millisecond

// ours is the service of a trip. Where the connection was lost, it is bounded by what
// the server's main thread used meanwhile, for all its clients: while a network was
// down the server was idle.
func (w *Walk) ours(ctx context.Context, trip *Trip, connected bool) time.Duration {
	before := w.cpu
	if trip.wasted <= longPage || !connected || before == 0 || len(w.flying) > 0 {
		return trip.Service
	}
	if cpu, ok := w.cpuTime(ctx); ok {
		w.cpu, trip.Service = cpu, min(trip.Service, max(0, cpu-before))
	}
	return trip.Service
}

// calibrateEvery is how often the server is asked for its CPU time.
const calibrateEvery = 250 * time.Millisecond

// mostUnanswered is how often in a row the server may leave unanswered what is asked
// beside the pages, before it is not asked again: each time takes as long as a reply may.
const mostUnanswered = 3

// calibrate tells the pacer the server's CPU time when it is due.
func (w *Walk) calibrate(ctx context.Context) {
	if w.Pacer.MaxLoad >= 1 || time.Since(w.calibrated) < calibrateEvery {
		return
	}
	w.calibrated = time.Now()
	if cpu, ok := w.cpuTime(ctx); ok {
		w.cpu = cpu
		w.Pacer.Calibrate(cpu)
	}
}

// cpuTime asks for the server's CPU time, unless it did not tell it for some times.
func (w *Walk) cpuTime(ctx context.Context) (cpu time.Duration, ok bool) {
	if w.unanswered >= mostUnanswered {
		return 0, false
	}
	cpu, ok = w.Exchange.CPUTime(ctx)
	if w.unanswered++; ok {
		w.unanswered = 0
	}
	return cpu, ok
}

// rest pauses for d, or until ctx ends, and returns how long it took.
func rest(ctx context.Context, d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	start := time.Now()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
	return time.Since(start)
}

// split cuts requests where a pipeline would have more than so many bytes, or
// requests. A single request is sent however long it is.
func split(requests []Request, mostBytes, most int) (chunk, more []Request) {
	bytes := 0
	for i, r := range requests {
		bytes += len(r.Key) + requestOverhead
		if (bytes > mostBytes || i >= most) && i > 0 {
			return requests[:i], requests[i:]
		}
	}
	return requests, nil
}

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

// recentSlots is how many names of one range are remembered at most: hundreds of
// pages.
const recentSlots = 1 << 15

// recentNames remembers names that SCAN returned lately. While a table shrinks
// SCAN returns whole chains again (dict.c, dictScan), mostly soon after the first
// time. One slot a hash makes it forget a few too early, which leaves a repeat
// in and never takes a key out.
type recentNames []uint64 // hashes; 0: free

func newRecentNames(ranges int) recentNames { return make(recentNames, ranges*recentSlots) }

// drop takes out of names those that were returned lately, and remembers the
// others.
func (r recentNames) drop(names []string) []string {
	kept := names[:0]
	for _, name := range names {
		hash := xxhash.Sum64String(name) | 1
		if slot := &r[hash>>1%uint64(len(r))]; *slot != hash {
			*slot = hash
			kept = append(kept, name)
		}
	}
	return kept
}

// Why a walk is ended that would not end by itself.
var (
	errStuck  = errors.New("SCAN returned the cursor that it was given, so the walk would never end")
	errCircle = errors.New("SCAN returned a cursor for the second time, so the walk would never end")
	errEmpty  = fmt.Errorf("SCAN returned no key more than %d times in a row, and no last cursor", mostEmpty)
	errTooOld = fmt.Errorf("the walk took longer than %s, and INFO does not tell how many keys there are", longestBlind)
)

// Bounds of a walk. Without MATCH each SCAN that returns nothing has passed over 10
// times COUNT buckets, so that no table is that large.
const (
	mostEmpty    = 1 << 24        // pages without a name, in a row
	mostGrowth   = 10             // times the keys that INFO knows may come,
	anyGrowth    = 1_000_000      // and so many more
	longestBlind = 24 * time.Hour // of a walk when INFO knows no number of keys
)

// circle finds a sequence of cursors that comes back to one that it had, as Brent's
// algorithm does (BIT 20, 1980): a cursor is remembered for twice as many steps as
// the one before.
type circle struct {
	remembered  uint64
	left, steps int // until another is remembered; in all
	empty       int // pages without a name, in a row
}

// comesBack reports whether the cursor was there before.
func (c *circle) comesBack(cursor uint64) bool {
	if c.steps > 0 && cursor == c.remembered {
		return true
	}
	if c.left == 0 {
		c.remembered, c.steps = cursor, max(1, 2*c.steps)
		c.left = c.steps
	}
	c.left--
	return false
}

// endless is an error when a page shows that the walk would not end by itself.
func (w *Walk) endless(l *lane, page *ScanReply) error {
	came := len(page.Names) + len(page.Long)
	w.came += int64(came)
	if l.circle.empty++; came > 0 {
		l.circle.empty = 0
	}
	limit := mostGrowth*min(w.Keys, math.MaxInt64/mostGrowth/2) + anyGrowth
	switch {
	case w.Keys > 0 && w.came > limit:
		return fmt.Errorf("SCAN returned %d names where INFO knows %d keys, and no last cursor", w.came, w.Keys)
	case w.Keys <= 0 && time.Since(w.began) > longestBlind:
		return errTooOld
	case w.Match == "" && l.circle.empty > mostEmpty, w.Keys > 0 && int64(l.circle.empty) > mostEmpty+limit:
		return errEmpty
	case l.trip.Scan == nil || page.Cursor == 0 || l.bounded: // those in order are held to it
		return nil
	case page.Cursor == l.scan.Cursor:
		return errStuck
	case l.circle.comesBack(page.Cursor):
		return errCircle
	}
	return nil
}
