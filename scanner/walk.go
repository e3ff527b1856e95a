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

// maxPipelineBytes bounds the requests of one pipeline. Keys of 512 KiB exist, and each
// is sent once for every probe.
const maxPipelineBytes = 64 << 10

// Visitor chooses the probes of a scan and receives the replies.
type Visitor interface {
	// Requests appends the probes to send after a page of keys arrived. The last call of
	// a scan has no names, to send follow-up probes.
	Requests(requests []Request, names []string) []Request
	// Replies receives the reply to each request, in their order. It is called once for
	// each call of Requests, when all replies are there. The slice is reused for the next
	// page.
	Replies(replies []Reply) error
	// Long receives a name that is not probed because it is too long: its beginning, and
	// its length in bytes.
	Long(prefix string, length int64)
}

// Walk scans the keys of one database. Set the fields, then call Run once.
type Walk struct {
	Exchange Exchange
	Visitors func() Visitor // one for each cursor range
	Pacer    *throttle.Pacer
	Page     int                    // COUNT of each SCAN, without a Guard
	Guard    *throttle.Guard        // chooses page sizes and pauses; may be nil
	Monitor  *LatencyMonitor        // measures the latency of other clients, for the Guard; may be nil
	Match    string                 // glob; empty: all keys
	Tally    *Tally                 // the cost of this scan and those before it
	Progress func(fraction float64) // called after each page; may be nil
	// Interval limits the scan; nil: all keys. It needs a server for which
	// info.RandomCursors returns true, as does MaxRanges above 1.
	Interval *Interval
	// Slots are scanned instead of an Interval; nil: see Interval. They need a server for
	// which info.SlotTables returns true, and exclude Match.
	Slots []SlotKeys
	// Wanted is called once for each key of Slots and reports whether to visit it; nil:
	// all are.
	Wanted    func(name string) bool
	MaxRanges int    // cursor ranges to scan at once, at most; 0: 1
	Keys      int64  // in the database, about; 0: unknown
	Role      string // of the node; a change ends the scan. Empty: unknown
	// OnPause is called now and then while the Guard pauses the scan, with the reason,
	// and with "" when the scan resumes; may be nil.
	OnPause func(cause string)

	sleep        func(time.Duration) // for short pauses; a test has its own clock
	ranges       []*cursorRange      // in the order of their ranges
	ready        []*cursorRange      // ranges with something to send, in the order of sending
	inFlight     []sentBatch         // in the order sent
	due          time.Duration       // when the next batch may be sent over a link, since Tally.Began
	dueForRate   bool                // Rate alone asks for due
	changed      error               // the error for a changed role
	trial        trial
	calibrated   time.Time     // last
	unanswered   int           // failed readings of the CPU time in a row
	cpu          time.Duration // of the server's main thread at the last reading; 0: unknown
	began        time.Time     // of this scan
	namesSeen    int64         // keys in pages so far
	unattributed time.Duration // time of late replies over a link that may be the server's
	serviceAtCPU time.Duration // Tally.Service at the last reading of the CPU time
	cpuAt        time.Time     // of that reading
	othersLoad   float64       // share of the server that other clients use, while no reply is late
	singlePages  int           // pages still to request with COUNT 1
	recent       recentNames
}

// Tally sums up the cost of scans, over the databases of a node.
type Tally struct {
	Began    time.Time     // of the first scan
	Returned int64         // keys that SCAN returned, including repeats, excluding those not Wanted
	Repeats  int64         // of these, not visited: returned shortly before, or part of another range
	Service  time.Duration // upper bound of our use of the server's main thread
	// Pauses of the pacer, by the limit that asked for the longer one.
	PausedForLoad, PausedForRate time.Duration
}

// sentBatch is a batch in flight, with its range.
type sentBatch struct {
	owner *cursorRange
	batch *Batch
}

// Run scans until the server returns the last cursor, or the interval ends. When ctx ends
// it finishes the current pages and returns the context's cause; a page is visited
// completely or not at all.
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

// maySend reports whether to send before the next reply is received.
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

// prepare collects the probes of a range's current page and, unless the range or the scan
// is at its end, the SCAN for its next page. The last time there is nothing to send.
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

// send sends as many of a range's probes as fit into a pipeline. SCAN goes with the last
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
	if r.complete = last; last || !overLink { // otherwise the rest follows without delay
		w.ready = slices.Delete(w.ready, 0, 1)
	}
}

// handleReply receives the first batch in flight, and prepares what is next.
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

// handleReplies continues with a range that has all its replies.
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

// receive receives the batch that was sent first, and paces. A scan whose context has
// ended still receives the replies to what it sent.
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
	if w.Slots != nil { // not all of them are wanted
		keys = len(f.owner.names)
	}
	pause, forRate := w.Pacer.Page(batch.Service, keys, time.Since(w.Tally.Began))
	w.calibrate(ctx) // charges the CPU time of the page
	w.pause(ctx, pause, forRate)
	if batch.Scan != nil || w.Slots != nil { // otherwise the scan is about to end
		w.throttle(ctx, batch.Service)
	}
	return w.changed
}

// pause pauses for as long as the pacer asks.
func (w *Walk) pause(ctx context.Context, pause time.Duration, forRate bool) {
	if took := w.pauseFor(ctx, pause); forRate {
		w.Tally.PausedForRate += took
	} else {
		w.Tally.PausedForLoad += took
	}
}

// handlePage takes in the page that arrived for a range.
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

// afterLong is the number of pages that are requested with COUNT 1 after one with a name
// that is too long to be probed: the server holds all names of a page in memory at once.
const afterLong = 64

// noteLong passes names that are not probed to the visitor.
func (w *Walk) noteLong(r *cursorRange, names []LongName) {
	w.singlePages = max(0, w.singlePages-1)
	for _, name := range names {
		r.visitor.Long(name.Prefix, name.Bytes)
		w.Tally.Returned++
		w.singlePages = afterLong
	}
}

// atOnce returns how many of the keys that arrived are probed at a time: SCAN was asked
// for no more.
func (w *Walk) atOnce(came int) int {
	if w.Slots == nil {
		return came
	}
	return w.count()
}

// longPage is longer than any page should take.
const longPage = 100 * time.Millisecond

// ownService returns the service of a batch. If the connection was lost, it is bounded by
// the CPU time that the server's main thread used meanwhile, for all its clients: while a
// network was down the server was idle.
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

// calibrateEvery is the interval between readings of the server's CPU time.
const calibrateEvery = 250 * time.Millisecond

// maxUnanswered is the number of failures in a row of a command sent besides the pages,
// after which it is not sent again: each may take as long as the timeout.
const maxUnanswered = 3

// calibrate gives the pacer the server's CPU time when that is due.
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

// cpuTime reads the server's CPU time, unless that has failed too often.
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

// sleepContext sleeps for d, or until ctx ends, and returns how long that took.
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

// splitRequests cuts requests where a pipeline would exceed so many bytes or requests. A
// single request is sent however long it is.
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

// maxPauseSlice is the interval between calls of OnPause during a pause.
const maxPauseSlice = 250 * time.Millisecond

// count returns the COUNT of the next SCAN.
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

// Near maxmemory the buffers of a connection may evict keys, or make other clients'
// writes fail. Then one page is in flight at a time, and it is so small that its requests
// and replies fit into the buffers that a server has for a connection anyway.
const (
	lowMemoryPage     = 20      // keys
	lowMemoryPipeline = 8 << 10 // bytes
)

// lowMemory reports whether the server is near its maxmemory.
func (w *Walk) lowMemory() bool {
	return w.Guard != nil && w.Guard.NearMaxmemory() || w.Monitor.sharesConn()
}

// pipelineBytes returns the limit of the requests of one pipeline, in bytes.
func (w *Walk) pipelineBytes() int {
	if w.lowMemory() {
		return lowMemoryPipeline
	}
	return maxPipelineBytes
}

// shortPause is a pause for which a timer is too inexact, and that need not be
// interruptible.
const shortPause = 2 * time.Millisecond

// pauseFor pauses the scan for d, or until ctx ends, and returns how long that took.
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

// throttle gives the guard the time of a page and the samples of the monitor, and pauses
// for as long as the guard asks.
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

// updateGuard gives the guard the samples of the monitor.
func (w *Walk) updateGuard() {
	for _, s := range w.Monitor.takeSamples() {
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

// ErrRoleChanged ends a scan: a node's replies about keys depend on its role.
var ErrRoleChanged = errors.New("the role of the server changed")

// recentSlots is the number of names that are remembered for one range, at most: hundreds
// of pages.
const recentSlots = 1 << 15

// recentNames remembers names that SCAN returned lately. While a table shrinks SCAN
// returns whole chains again (dict.c, dictScan), mostly soon after the first time. With
// one slot for each hash it forgets a few too early, which leaves a repeat in and never
// drops a key.
type recentNames []uint64 // hashes; 0: free

func newRecentNames(ranges int) recentNames { return make(recentNames, ranges*recentSlots) }

// drop removes names that were returned lately, and remembers the others.
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

// These errors end a scan that would not end by itself.
var (
	errStuck  = errors.New("SCAN returned the same cursor again: the scan would never end")
	errCycle  = errors.New("SCAN returned an earlier cursor again: the scan would never end")
	errEmpty  = fmt.Errorf("SCAN returned no keys more than %d times in a row and did not end", maxEmptyPages)
	errTooOld = fmt.Errorf("the scan took longer than %s, and INFO does not report the number of keys", longestBlind)
)

// Bounds of a scan. Without MATCH each SCAN that returns nothing has passed over 10 times
// COUNT buckets, and no table is that large.
const (
	maxEmptyPages = 1 << 24        // pages without a key, in a row
	maxGrowth     = 10             // a scan may return so many times the keys in INFO
	anyGrowth     = 1_000_000      // and so many more
	longestBlind  = 24 * time.Hour // duration of a scan when INFO has no number of keys
)

// cycleDetector finds a sequence of cursors that returns to an earlier one, with Brent's
// algorithm (BIT 20, 1980): each cursor is remembered for twice as many steps as the one
// before.
type cycleDetector struct {
	remembered  uint64
	left, steps int // steps until another is remembered, of steps in all
	empty       int // pages without a key, in a row
}

// seenBefore reports whether the cursor was there before.
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

// checkEndless returns an error when a page shows that the scan would not end by itself.
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
	case r.batch.Scan == nil || page.Cursor == 0 || r.bounded: // the order of ranges is checked elsewhere
		return nil
	case page.Cursor == r.scan.Cursor:
		return errStuck
	case r.cycle.seenBefore(page.Cursor):
		return errCycle
	}
	return nil
}
