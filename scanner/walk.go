package scanner

import (
	"context"
	"math/bits"
	"time"
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
}

// Walk is a walk over the names of one database. Set the fields, then call Run
// once.
type Walk struct {
	Exchange Exchange
	Visitor  Visitor
	Pacer    *Pacer
	Page     int                    // COUNT of each SCAN, without a Guard
	Guard    *Guard                 // chooses pages, and makes the walk stand back; may be nil
	Watch    *Watch                 // feels what others feel, for the Guard; may be nil
	Match    string                 // glob; empty: all names
	Tally    *Tally                 // what this walk and those before it cost
	Progress func(fraction float64) // called after each page; may be nil
	// Braked is called now and then while the walk stands back, with the cause,
	// and with none when it goes on; may be nil.
	Braked func(cause string)

	cursor     uint64    // where the page after the one at hand begins
	probed     uint64    // where the first page begins that is not yet probed
	calibrated time.Time // last
	recent     recentNames
	requests   []Request
	replies    []Reply
}

// Tally is what walks cost, summed over the databases of a node.
type Tally struct {
	Began    time.Time     // of the first walk
	Returned int64         // names that SCAN returned, repeats included
	Repeats  int64         // of these, that it had returned shortly before; they are not visited
	Service  time.Duration // upper bound of the server's main thread that we used
	// Pauses of the pacer, by what wanted the longer one.
	PausedForLoad, PausedForRate time.Duration
}

// Run walks from cursor 0 until the server says that it is over. When ctx ends
// it finishes the page at hand and returns the context's cause; a page is
// visited whole or not at all.
func (w *Walk) Run(ctx context.Context) error {
	var names []string
	scanning := true
	for scanning && ctx.Err() == nil {
		page, err := w.page(ctx, names, true)
		if err != nil {
			return err
		}
		w.probed = w.cursor
		w.cursor, names = page.Cursor, w.recent.drop(page.Names)
		w.Tally.Returned += int64(len(page.Names))
		w.Tally.Repeats += int64(len(page.Names) - len(names))
		scanning = w.cursor != 0
		if w.Progress != nil {
			w.Progress(Fraction(w.cursor))
		}
	}
	if err := w.finish(ctx, names); err != nil {
		return err
	}
	w.probed = w.cursor
	if scanning {
		return context.Cause(ctx)
	}
	return nil
}

// finish probes the last page, then lets out questions that answers raised.
func (w *Walk) finish(ctx context.Context, names []string) error {
	for {
		if _, err := w.page(ctx, names, false); err != nil {
			return err
		}
		if len(w.requests) == 0 {
			return nil
		}
		names = nil
	}
}

// Cursor is where a walk that did not end would have to go on.
func (w *Walk) Cursor() uint64 { return w.probed }

// page has the names of the page before probed and, with scan, brings the next.
func (w *Walk) page(ctx context.Context, names []string, scan bool) (ScanReply, error) {
	w.requests = w.Visitor.Requests(w.requests[:0], names)
	w.replies = w.replies[:0]
	var next *Scan
	if scan {
		next = &Scan{Cursor: w.cursor, Count: w.count(), Match: w.Match}
	}
	var page ScanReply
	for rest := w.requests; ; {
		chunk, more := split(rest)
		trip := next
		if len(more) > 0 {
			trip = nil // SCAN rides on the last chunk
		}
		var err error
		if page, err = w.roundTrip(ctx, chunk, trip); err != nil {
			return ScanReply{}, err
		}
		if rest = more; len(rest) == 0 {
			break
		}
	}
	return page, w.Visitor.Replies(w.replies)
}

// roundTrip is one paced round trip. A walk that is told to stop still gets
// the answers to what it sent.
func (w *Walk) roundTrip(ctx context.Context, requests []Request, scan *Scan) (page ScanReply, err error) {
	if len(requests) == 0 && scan == nil {
		return ScanReply{}, nil
	}
	w.replies, page, err = w.Exchange.RoundTrip(ctx, requests, scan, w.replies)
	if err != nil {
		return page, err
	}
	service := w.Exchange.Service()
	w.Tally.Service += min(service, longestPage)
	w.calibrate(ctx)
	pause, forRate := w.Pacer.Page(service, len(page.Names), time.Since(w.Tally.Began))
	if took := w.rest(ctx, pause); forRate {
		w.Tally.PausedForRate += took
	} else {
		w.Tally.PausedForLoad += took
	}
	if scan != nil { // else the walk is about to end
		w.heed(ctx, service)
	}
	return page, nil
}

// longestPage is the most that one page counts as ours. A server that took longer
// was stopped, or served somebody else.
const longestPage = time.Second

// calibrateEvery is how often the server is asked for its CPU time.
const calibrateEvery = 250 * time.Millisecond

// calibrate tells the pacer the server's CPU time when it is due.
func (w *Walk) calibrate(ctx context.Context) {
	if w.Pacer.MaxLoad >= 1 || time.Since(w.calibrated) < calibrateEvery {
		return
	}
	w.calibrated = time.Now()
	if cpu, ok := w.Exchange.CPUTime(ctx); ok {
		w.Pacer.Calibrate(cpu)
	}
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

// split cuts requests where a pipeline would pass maxPipelineBytes. A single
// request is sent however long it is.
func split(requests []Request) (chunk, more []Request) {
	bytes := 0
	for i, r := range requests {
		bytes += len(r.Key) + requestOverhead
		if bytes > maxPipelineBytes && i > 0 {
			return requests[:i], requests[i:]
		}
	}
	return requests, nil
}

// Fraction is how much of a table a walk has seen when its next page begins at
// cursor: SCAN counts up from the cursor's highest bit (dict.c, dictScan), so
// its reversed bits grow from 0 to 2^64. Cursor 0 is the end.
func Fraction(cursor uint64) float64 {
	if cursor == 0 {
		return 1
	}
	return float64(bits.Reverse64(cursor)) / (1 << 64)
}
