package scanner

import (
	"context"
	"math"
	"slices"
	"time"

	"keyprof/scanner/info"
)

// linkRoundTrip is the round trip from which on a walk goes over a link: pages then
// travel for longer than the server works on them.
const linkRoundTrip = 500 * time.Microsecond

// link decides how much a walk asks for at a time over a link, and how often. Reply
// times tell nothing of the server there, as jitter is larger than what a page takes.
// What a command costs the server is taken from INFO commandstats instead: its time
// for each call of the commands that we send, which no network and no other client
// changes (CPU time has the work for all clients in it; reply times of pages of two
// sizes would need thousands of pages to tell a millisecond of jitter from 50 µs).
//
// Several pages travel at a time. Jitter may bring those together that were sent
// within its width, and they keep others waiting like one: so what is sent within the
// width of the jitter costs the server no more than the latency budget.
type link struct {
	budget time.Duration
	page   int // COUNT of all pages; 0: by the budget

	request time.Duration // server time of a probe
	name    time.Duration // server time of SCAN, for each name

	scans, names int // replies to SCAN since a name's cost was learnt, and their names

	trips  recentTrips
	window float64 // pipelines that may be on their way
	full   bool    // the link kept pipelines waiting at some time
}

// wholeCost is what a command costs a server in all, as a multiple of what
// commandstats tells, which leaves out reading it and replying: 1.5 to 1.7 times for
// our probes on Redis 7.0, by CPU time.
const wholeCost = 1.6

func whole(cost time.Duration) time.Duration { return time.Duration(wholeCost * float64(cost)) }

// What is assumed to begin with, about what Redis 7 takes in all.
const (
	usualRequest = 1250 * time.Nanosecond
	usualName    = time.Microsecond
)

// Limits of a link.
const (
	mostOverLink    = 16 // cursor ranges
	leastRequests   = 4  // in a pipeline
	firstWindow     = 4  // pipelines on their way
	mostWindow      = 256
	lateTrips       = 2                     // times the usual round trip is late,
	lateTripsBeyond = 50 * time.Millisecond // and so much more
)

func newLink(budget time.Duration, page int) *link {
	return &link{budget: budget, page: page, request: usualRequest, name: usualName, window: firstWindow}
}

// requests is how many probes may be sent at once.
func (l *link) requests() int { return max(leastRequests, int(l.budget/max(1, l.request))) }

// count is how many keys a SCAN asks for (COUNT).
func (l *link) count() int {
	if l.page > 0 {
		return l.page
	}
	return min(max(int(l.budget/max(1, l.name)), leastPage), mostPage)
}

// cost is what so many probes and a SCAN for so many names take of the server.
func (l *link) cost(requests, names int) time.Duration {
	return time.Duration(requests)*l.request + time.Duration(names)*l.name
}

// gap is the least time between the sending of what costs so much and of what follows.
func (l *link) gap(cost time.Duration) time.Duration {
	return time.Duration(float64(cost) * float64(l.trips.jitter()) / float64(l.budget))
}

// each is the least time from the sending of one page to that of the next, when a page
// costs so much and the walk may use a share of the server.
func (l *link) each(page time.Duration, load float64) time.Duration {
	return max(time.Duration(float64(page)/load), l.gap(page))
}

// ping is told of a round trip of PING.
func (l *link) ping(roundTrip time.Duration) { l.trips.add(roundTrip) }

// learn is told what commands cost. A cost moves half of the way: a single look may be
// at few calls.
func (l *link) learn(c info.Costs) {
	if c.Request > 0 {
		l.request = (l.request + whole(c.Request)) / 2
	}
	if c.Scan > 0 && l.names > 0 {
		l.name = (l.name + whole(c.Scan)*time.Duration(l.scans)/time.Duration(l.names)) / 2
		l.scans, l.names = 0, 0
	}
}

// scanned is told how many names a SCAN returned.
func (l *link) scanned(names int) { l.scans, l.names = l.scans+1, l.names+names }

// landed is told how long a pipeline was on its way. A link that is full keeps all of
// them waiting: then fewer are sent.
func (l *link) landed(took time.Duration) {
	if took > lateTrips*l.trips.median+lateTripsBeyond {
		l.window, l.full = max(1, l.window/2), true
		return
	}
	more := 1.0 // doubles the window in a round trip, until the link was full
	if l.full {
		more = 1 / l.window
	}
	l.window = min(mostWindow, l.window+more)
}

// recentTrips are the last round trips of PING.
type recentTrips struct {
	recent                      []time.Duration
	next                        int
	median, quarter, most, slow time.Duration // of half, a quarter, three quarters and 95 of 100 that took no longer
}

const (
	keptTrips = 64 // some seconds of pings, so that what is usual follows the server and the link
	fewTrips  = 16 // the least that tell what is usual
)

func (r *recentTrips) add(roundTrip time.Duration) {
	if len(r.recent) < keptTrips {
		r.recent = append(r.recent, roundTrip)
	} else {
		r.recent[r.next] = roundTrip
		r.next = (r.next + 1) % keptTrips
	}
	sorted := slices.Sorted(slices.Values(r.recent)) // here, as every page asks for them
	n := len(sorted)
	r.median, r.quarter, r.most, r.slow = sorted[n/2], sorted[n/4], sorted[n*3/4], sorted[n*95/100]
}

// known reports whether there were enough.
func (r *recentTrips) known() bool { return len(r.recent) >= fewTrips }

// jitter is the width in which half of the round trips lie. Of a link that is not
// known yet it is taken for as wide as a fifth of the round trip.
func (r *recentTrips) jitter() time.Duration {
	if !r.known() {
		return r.median / 5
	}
	return r.most - r.quarter
}

// Forecast says how long a walk takes over the connection that it was made for.
type Forecast struct {
	Page      int // COUNT of each SCAN to begin with
	roundTrip time.Duration
	load      float64
	ordered   bool  // several cursor ranges may be walked at a time
	link      *link // nil: none
}

// Forecast is for a walk under a latency budget, with pages of a given size (0: by the
// budget), that may use a share load of the server. It sends PING some times to get to
// know a link.
func (c *Conn) Forecast(ctx context.Context, budget time.Duration, page int, load float64) (Forecast, error) {
	f := Forecast{Page: page, roundTrip: c.least, load: load}
	f.ordered, _ = info.RandomCursors(c.Node)
	if page == 0 {
		f.Page = PageFor(budget)
	}
	if c.least < linkRoundTrip || load >= 1 && page > 0 || c.Node.NearMaxmemory() {
		return f, nil
	}
	f.link = newLink(budget, page)
	f.Page = f.link.count()
	for range fewTrips {
		start := time.Now()
		if err := c.conn.Ping(ctx).Err(); err != nil && !optional(err) {
			return f, c.failed("measuring round trips", err)
		}
		f.link.ping(time.Since(start))
	}
	f.roundTrip = f.link.trips.median
	return f, nil
}

// OverLink reports whether the walk goes over a link, and how long a round trip takes.
func (f Forecast) OverLink() (roundTrip time.Duration, ok bool) { return f.roundTrip, f.link != nil }

// Elapsed is how long it takes to walk so many keys, when a key costs the server so
// much of its main thread.
func (f Forecast) Elapsed(keys int64, key time.Duration) time.Duration {
	page := time.Duration(f.Page) * key
	each, ranges := time.Duration(float64(page)/f.load), 1
	switch {
	case f.link != nil:
		each, ranges = f.link.each(page, f.load), mostOverLink
		page = each // it is sent piece by piece
	case f.load >= 1:
		ranges = rangesFor(f.roundTrip, page)
	}
	pages := float64(keys) / float64(f.Page)
	room := int(float64(keys) / float64(max(leastPages*f.Page, leastKeys)))
	if ranges = max(1, min(ranges, room)); !f.ordered {
		ranges = 1
	}
	cycle, trial := max(f.roundTrip+page, time.Duration(ranges)*each), 0.0
	if ranges > 1 {
		trial = min(pages, trialPages)
	}
	return time.Duration(trial*float64(f.roundTrip+page) + (pages-trial)/float64(ranges)*float64(cycle))
}

// far reports whether the walk goes over a link. Near maxmemory the care for memory
// comes first.
func (w *Walk) far() bool { return w.Guard != nil && w.Guard.link != nil && !w.careful() }

// goFar tells the guard of a link. At full speed with pages of a given size nobody is
// to be spared.
func (w *Walk) goFar() {
	roundTrip := w.Exchange.LeastRoundTrip()
	if roundTrip >= linkRoundTrip && (w.Pacer.MaxLoad < 1 || !w.Guard.sizer.fixed) {
		w.Guard.overLink(roundTrip)
	}
}

// pipelineRequests bounds the requests of one pipeline.
func (w *Walk) pipelineRequests() int {
	if w.far() {
		return w.Guard.link.requests()
	}
	return math.MaxInt
}

// replyFirst reports whether a reply should be there before the next pipeline is due,
// also where it is late by the jitter of the link: who waits for it sends nothing.
func (w *Walk) replyFirst() bool {
	usual := max(w.Exchange.LeastRoundTrip(), w.Guard.link.trips.most)
	return w.flying[0].trip.sent.Add(usual).Before(w.Tally.Began.Add(w.due))
}

// space waits until a trip may be sent over a link, and accounts for it.
func (w *Walk) space(ctx context.Context, trip *Trip) {
	w.pause(ctx, w.due-time.Since(w.Tally.Began), w.dueForRate)
	link, names := w.Guard.link, 0
	if trip.Scan != nil {
		names = trip.Scan.Count
	}
	for _, take := range trip.Slots {
		names += take.Keys
	}
	cost := link.cost(len(trip.Requests), names)
	w.Tally.Service += cost
	elapsed := time.Since(w.Tally.Began)
	pause, forRate := w.Pacer.Send(cost, link.gap(w.Pacer.used(cost)), names, elapsed)
	w.due, w.dueForRate = elapsed+pause, forRate
}

// receiveFar is receive for a trip over a link, which was paced when it was sent.
func (w *Walk) receiveFar(ctx context.Context, trip *Trip) error {
	w.Guard.link.landed(time.Since(trip.sent))
	if trip.Scan != nil {
		w.Guard.link.scanned(len(trip.Page.Names))
	}
	if trip.Service > longPage {
		w.suspect += trip.Service
	}
	w.heed(ctx, 0)
	return w.changed
}

// settleFar is told the server's CPU time while a walk goes over a link. It bounds what
// pipelines cost, and says whether it was the server that made replies late.
func (w *Walk) settleFar(cpu time.Duration) {
	w.Pacer.Calibrate(cpu)
	if w.cpu > 0 {
		unexplained := cpu - w.cpu - (w.Tally.Service - w.accounted)
		if ours := min(w.suspect, unexplained); ours > 0 {
			w.Tally.Service += ours
			w.due += time.Duration(float64(ours) / w.Pacer.MaxLoad)
		}
	}
	w.suspect, w.cpu, w.accounted = 0, cpu, w.Tally.Service
}
