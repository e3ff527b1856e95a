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
	Monitor  *LatencyMonitor        // feels what others feel, for the Guard; may be nil
	Match    string                 // glob; empty: all names
	Tally    *Tally                 // what this walk and those before it cost
	Progress func(fraction float64) // called after each page; may be nil
	// Interval is what to walk; nil: all keys. It wants a server that
	// RandomCursors is true of, as does Ranges over 1.
	Interval *Interval
	// Slots are what to walk instead; nil: as Interval says. It wants a server that
	// SlotTables is true of, and knows no Match.
	Slots []SlotKeys
	// Wanted is asked of each name of slots, once, whether it is to be visited; nil: all are.
	Wanted    func(name string) bool
	MaxRanges int    // cursor ranges to walk at once, at most; 0: 1
	Keys      int64  // in the database, about; 0: not known
	Role      string // of the node; a change of it ends the walk. Empty: it is not known
	// Braked is called now and then while the walk stands back, with the cause,
	// and with none when it goes on; may be nil.
	OnPause func(cause string)

	sleep        func(time.Duration) // for brief pauses; a test has its own clock
	ranges       []*cursorRange      // in the order of their ranges
	ready        []*cursorRange      // that have something to send, in the order in which they do
	inFlight     []sentBatch         // trips on their way, the first sent first
	due          time.Duration       // when the next may be sent over a link, since Tally.Began
	dueForRate   bool                // Rate alone wants that
	changed      error               // the role of the node did
	trial        trial
	calibrated   time.Time     // last
	unanswered   int           // times in a row that the server did not tell its CPU time
	cpu          time.Duration // of the server's main thread then; 0: not known
	began        time.Time     // of this walk
	namesSeen    int64         // names that pages had
	unattributed time.Duration // late replies over a link, of which it is not known whether the server was at work
	serviceAtCPU time.Duration // Tally.Service when the server told its CPU time
	singlePages  int           // pages still to ask for by COUNT 1
	recent       recentNames
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
type sentBatch struct {
	owner *cursorRange
	batch *Batch
}

// Run walks until the server says that it is over, or the interval is. When ctx
// ends it finishes the pages at hand and returns the context's cause; a page is
// visited whole or not at all.
func (w *Walk) Run(ctx context.Context) error {
	w.begin()
	if err := w.prepare(ctx, w.ranges[0]); err != nil {
		return err
	}
	for len(w.inFlight)+len(w.ready) > 0 {
		if w.maySend() {
			w.send(ctx, w.ready[0])
		} else if err := w.handleReply(ctx); err != nil {
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
	case len(w.inFlight) == 0:
		return true
	case w.lowMemory():
		return false
	case w.overLink():
		return len(w.inFlight) < w.Guard.Link().Window() && !w.replyFirst()
	default:
		return true
	}
}

// ask readies the questions about a lane's page at hand and, unless its range or
// the walk is at an end, the SCAN for its next page. The last time there is
// nothing to send.
func (w *Walk) prepare(ctx context.Context, r *cursorRange) error {
	r.scanning = !r.ended && len(r.backlog) == 0 && ctx.Err() == nil
	r.inFlight, r.sent, r.replies = 0, 0, r.replies[:0]
	r.unsent = r.visitor.Requests(r.requests[:0], r.names)
	r.requests = r.unsent
	if len(r.unsent) == 0 && !r.scanning {
		r.probed, r.finished = r.at, r.ended && len(r.backlog) == 0
		return r.visitor.Replies(nil)
	}
	w.ready = append(w.ready, r)
	return nil
}

// send sends what a pipeline may hold of a lane's questions. SCAN goes with the last
// of them; over a link it is a pipeline of its own.
func (w *Walk) send(ctx context.Context, r *cursorRange) {
	overLink := w.overLink()
	batch := r.nextBatch()
	batch.Requests, r.unsent = splitRequests(r.unsent, w.pipelineBytes(), w.pipelineRequests())
	last := len(r.unsent) == 0 && (!overLink || len(batch.Requests) == 0 || !r.scanning)
	switch {
	case !last || !r.scanning:
	case w.Slots != nil:
		r.requestSlots(batch, w.count())
	default:
		r.scan = Scan{Cursor: bits.Reverse64(r.at), Count: min(w.count(), r.maxCount), Match: w.Match}
		batch.Scan = &r.scan
	}
	if overLink {
		w.paceSend(ctx, batch)
	}
	w.Exchange.Send(ctx, batch)
	r.inFlight++
	w.inFlight = append(w.inFlight, sentBatch{r, batch})
	if r.complete = last; last || !overLink { // else the rest follows without delay
		w.ready = slices.Delete(w.ready, 0, 1)
	}
}

// land takes what came back first, and readies what is next.
func (w *Walk) handleReply(ctx context.Context) error {
	f := w.inFlight[0]
	w.inFlight = slices.Delete(w.inFlight, 0, 1)
	r := f.owner
	if err := w.receive(ctx, f); err != nil {
		return err
	}
	r.batch = f.batch
	r.inFlight--
	if r.sent > 1 || !r.complete {
		r.replies = append(r.replies, f.batch.Replies...)
	}
	switch {
	case !r.complete && !slices.Contains(w.ready, r):
		w.ready = append(w.ready, r)
		return nil
	case !r.complete || r.inFlight > 0:
		return nil
	}
	return w.handleReplies(ctx, r)
}

// landed goes on with a lane that has all replies.
func (w *Walk) handleReplies(ctx context.Context, r *cursorRange) error {
	replies := r.replies
	if r.sent == 1 {
		replies = r.batch.Replies
	}
	if err := r.visitor.Replies(replies); err != nil {
		return err
	}
	r.names = nil
	if r.batch.Scan == nil && len(r.batch.Slots) == 0 {
		if ctx.Err() == nil {
			r.nextNames(w.count())
		}
		return w.prepare(ctx, r)
	}
	r.probed = r.at
	if err := w.handlePage(r); err != nil {
		return err
	}
	for _, next := range append([]*cursorRange{r}, w.divideRange(r)...) {
		if err := w.prepare(ctx, next); err != nil {
			return err
		}
	}
	return nil
}

// receive takes the trip that was sent first, and paces. A walk that is told to stop
// still gets the answers to what it sent.
func (w *Walk) receive(ctx context.Context, f sentBatch) error {
	batch, err := w.Exchange.Receive(ctx)
	if w.overLink() && err == nil {
		return w.receiveOverLink(ctx, f.batch)
	}
	w.Tally.Service += w.ownService(ctx, batch, err == nil)
	if err != nil {
		return err
	}
	keys := len(batch.Page.Names)
	if w.Slots != nil { // of which not all are wanted
		keys = len(f.owner.names)
	}
	pause, forRate := w.Pacer.Page(batch.Service, keys, time.Since(w.Tally.Began))
	w.calibrate(ctx) // what it has used for the page is charged
	w.pause(ctx, pause, forRate)
	if batch.Scan != nil || w.Slots != nil { // else the walk is about to end
		w.throttle(ctx, batch.Service)
	}
	return w.changed
}

// pause rests for as long as the pacer wants.
func (w *Walk) pause(ctx context.Context, pause time.Duration, forRate bool) {
	if took := w.pauseFor(ctx, pause); forRate {
		w.Tally.PausedForRate += took
	} else {
		w.Tally.PausedForLoad += took
	}
}

// arrive takes the page of names that came for a lane.
func (w *Walk) handlePage(r *cursorRange) error {
	page := &r.batch.Page
	w.Tally.Returned += int64(len(page.Names))
	if err := w.checkEndless(r, page); err != nil {
		return err
	}
	if err := w.observeTrial(r, page); err != nil {
		return err
	}
	returned, advance := len(page.Names), r.advance
	if w.Slots != nil {
		advance = r.advanceSlots
	}
	kept, err := advance(page)
	if err != nil {
		return err
	}
	w.noteLong(r, page.Long)
	kept = w.recent.drop(kept)
	w.Tally.Repeats += int64(returned - len(kept))
	r.backlog = w.filterWanted(kept)
	r.nextNames(w.atOnce(len(r.backlog)))
	if w.Progress != nil {
		w.Progress(w.scanned())
	}
	return nil
}

// afterLong is how many pages are asked for by COUNT 1 after one with a name that is
// too long to be probed: the server holds all names of a page in memory at once.
const afterLong = 64

// noteLong tells the visitor of names that are not probed.
func (w *Walk) noteLong(r *cursorRange, names []LongName) {
	w.singlePages = max(0, w.singlePages-1)
	for _, name := range names {
		r.visitor.Long(name.Prefix, name.Bytes)
		w.Tally.Returned++
		w.singlePages = afterLong
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
func (w *Walk) ownService(ctx context.Context, batch *Batch, connected bool) time.Duration {
	before := w.cpu
	if batch.lostTime <= longPage || !connected || before == 0 || len(w.inFlight) > 0 {
		return batch.Service
	}
	if cpu, ok := w.cpuTime(ctx); ok {
		w.cpu, batch.Service = cpu, min(batch.Service, max(0, cpu-before))
	}
	return batch.Service
}

// calibrateEvery is how often the server is asked for its CPU time.
const calibrateEvery = 250 * time.Millisecond

// mostUnanswered is how often in a row the server may leave unanswered what is asked
// beside the pages, before it is not asked again: each time takes as long as a reply may.
const maxUnanswered = 3

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
	if w.unanswered >= maxUnanswered {
		return 0, false
	}
	cpu, ok = w.Exchange.CPUTime(ctx)
	if w.unanswered++; ok {
		w.unanswered = 0
	}
	return cpu, ok
}

// rest pauses for d, or until ctx ends, and returns how long it took.
func sleepContext(ctx context.Context, d time.Duration) time.Duration {
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
func splitRequests(requests []Request, mostBytes, most int) (chunk, more []Request) {
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
const maxPauseSlice = 250 * time.Millisecond

// count is how many keys the next SCAN asks for.
func (w *Walk) count() int {
	switch {
	case w.singlePages > 0:
		return 1
	case w.Guard == nil:
		return w.Page
	case w.lowMemory():
		return min(w.Guard.Page(), lowMemoryPage)
	default:
		return w.Guard.Page()
	}
}

// Near maxmemory the buffers of a connection may evict keys, or make others' writes
// fail. Then one page is on its way at a time, and it is so small that the requests
// and the replies fit into the buffers that a server has for a connection anyway.
const (
	lowMemoryPage     = 20      // keys
	lowMemoryPipeline = 8 << 10 // bytes
)

func (w *Walk) lowMemory() bool {
	return w.Guard != nil && w.Guard.NearMaxmemory() || w.Monitor.sharesConn()
}

// pipelineBytes bounds the requests of one pipeline.
func (w *Walk) pipelineBytes() int {
	if w.lowMemory() {
		return lowMemoryPipeline
	}
	return maxPipelineBytes
}

// brief is a pause for which a timer is too inexact, and that an interrupt can wait for.
const shortPause = 2 * time.Millisecond

// rest pauses for d, or until ctx ends, and returns how long it took.
func (w *Walk) pauseFor(ctx context.Context, d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	w.Monitor.togglePaused()
	defer w.Monitor.togglePaused()
	if d > shortPause {
		return sleepContext(ctx, d)
	}
	start := time.Now()
	w.sleep(d)
	return time.Since(start)
}

// heed tells the guard what a page took and what was seen, and stands back for as
// long as it wants.
func (w *Walk) throttle(ctx context.Context, service time.Duration) {
	if w.Guard == nil {
		return
	}
	w.Guard.AddPage(service, w.count())
	for stoodBack := false; ; stoodBack = true {
		if len(w.inFlight) == 0 {
			w.Monitor.pingBetween(ctx, stoodBack)
		}
		w.updateGuard()
		left, cause := w.Guard.Pause(time.Since(w.Tally.Began))
		if (left > 0 || stoodBack) && w.OnPause != nil {
			w.OnPause(cause)
		}
		if left <= 0 || ctx.Err() != nil {
			return
		}
		w.pauseFor(ctx, min(left, maxPauseSlice))
	}
}

func (w *Walk) updateGuard() {
	for _, s := range w.Monitor.slot() {
		if s.stats == nil {
			w.Guard.AddPing(s.roundTrip, s.paused)
			continue
		}
		w.Guard.AddStats(*s.stats, s.at.Sub(w.Tally.Began))
		if w.overLink() && s.stats.CPU > 0 {
			w.chargeOverLink(s.stats.CPU)
		}
		if role := s.stats.Role; w.Role != "" && role != w.Role && role != info.Unknown {
			w.changed = fmt.Errorf("%w from %s to %s", ErrRoleChanged, w.Role, role)
		}
	}
	if w.Guard.NearMaxmemory() {
		w.Monitor.shareConn()
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
	errStuck  = errors.New("SCAN returned the same cursor again: the scan would never end")
	errCycle  = errors.New("SCAN returned an earlier cursor again: the scan would never end")
	errEmpty  = fmt.Errorf("SCAN returned no keys more than %d times in a row and did not end", maxEmptyPages)
	errTooOld = fmt.Errorf("the scan took longer than %s, and INFO does not report the number of keys", longestBlind)
)

// Bounds of a walk. Without MATCH each SCAN that returns nothing has passed over 10
// times COUNT buckets, so that no table is that large.
const (
	maxEmptyPages = 1 << 24        // pages without a name, in a row
	maxGrowth     = 10             // times the keys that INFO knows may come,
	anyGrowth     = 1_000_000      // and so many more
	longestBlind  = 24 * time.Hour // of a walk when INFO knows no number of keys
)

// circle finds a sequence of cursors that comes back to one that it had, as Brent's
// algorithm does (BIT 20, 1980): a cursor is remembered for twice as many steps as
// the one before.
type cycleDetector struct {
	remembered  uint64
	left, steps int // until another is remembered; in all
	empty       int // pages without a name, in a row
}

// comesBack reports whether the cursor was there before.
func (c *cycleDetector) seenBefore(cursor uint64) bool {
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
func (w *Walk) checkEndless(r *cursorRange, page *ScanReply) error {
	came := len(page.Names) + len(page.Long)
	w.namesSeen += int64(came)
	if r.cycle.empty++; came > 0 {
		r.cycle.empty = 0
	}
	limit := maxGrowth*min(w.Keys, math.MaxInt64/maxGrowth/2) + anyGrowth
	switch {
	case w.Keys > 0 && w.namesSeen > limit:
		return fmt.Errorf("SCAN returned %d keys where INFO reports %d, and did not end", w.namesSeen, w.Keys)
	case w.Keys <= 0 && time.Since(w.began) > longestBlind:
		return errTooOld
	case w.Match == "" && r.cycle.empty > maxEmptyPages, w.Keys > 0 && int64(r.cycle.empty) > maxEmptyPages+limit:
		return errEmpty
	case r.batch.Scan == nil || page.Cursor == 0 || r.bounded: // those in order are held to it
		return nil
	case page.Cursor == r.scan.Cursor:
		return errStuck
	case r.cycle.seenBefore(page.Cursor):
		return errCycle
	}
	return nil
}
