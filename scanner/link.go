package scanner

import (
	"context"
	"math"
	"slices"
	"time"
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

	trips  recentTrips
	window float64 // pipelines that may be on their way
}

// Costs are what commands took of a server's main thread, by INFO commandstats.
type Costs struct {
	Request time.Duration // one of our probes, on average
	Scan    time.Duration // one call of SCAN
}

// wholeCost is what a command costs a server in all, as a multiple of what
// commandstats tells, which leaves out reading it and replying (1.5 to 1.7 times on
// 7.0 and later, measured).
const wholeCost = 2

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

// ranges is how many cursor ranges keep a page of each on its way, when a key has so
// many probes and the walk may use a share of the server.
func (l *link) ranges(probes float64, load float64) int {
	page := l.cost(int(probes*float64(l.count())), l.count())
	each := max(time.Duration(float64(page)/load), l.gap(page))
	return int(min(mostOverLink, 2+l.trips.median/max(1, each)))
}

// ping is told of a round trip of PING.
func (l *link) ping(roundTrip time.Duration) { l.trips.add(roundTrip) }

// learn is told what commands cost. A cost moves half of the way: a single look may be
// at few calls.
func (l *link) learn(c Costs) {
	if c.Request > 0 {
		l.request = (l.request + wholeCost*c.Request) / 2
	}
	if c.Scan > 0 {
		l.name = (l.name + wholeCost*c.Scan/time.Duration(l.count())) / 2
	}
}

// landed is told how long a pipeline was on its way. A link that is full keeps all of
// them waiting: then fewer are sent.
func (l *link) landed(took time.Duration) {
	if took > lateTrips*l.trips.median+lateTripsBeyond {
		l.window = max(1, l.window/2)
		return
	}
	l.window = min(mostWindow, l.window+1/l.window)
}

// recentTrips are the last round trips of PING.
type recentTrips struct {
	recent        []time.Duration
	next          int
	median        time.Duration
	quarter, most time.Duration // a quarter, and three quarters, took no longer
}

// keptTrips are some seconds of pings, so that what is usual follows the link.
const keptTrips = 64

func (r *recentTrips) add(roundTrip time.Duration) {
	if len(r.recent) < keptTrips {
		r.recent = append(r.recent, roundTrip)
	} else {
		r.recent[r.next] = roundTrip
		r.next = (r.next + 1) % keptTrips
	}
	sorted := slices.Sorted(slices.Values(r.recent))
	n := len(sorted)
	r.median, r.quarter, r.most = sorted[n/2], sorted[n/4], sorted[n*3/4]
}

// fewTrips are too few to tell the jitter from.
const fewTrips = 16

// jitter is the width in which half of the round trips lie. Of a link that is not
// known yet it is taken for as wide as a fifth of the round trip.
func (r *recentTrips) jitter() time.Duration {
	if len(r.recent) < fewTrips {
		return r.median / 5
	}
	return r.most - r.quarter
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

// replyFirst reports whether a reply should be there before the next pipeline is due.
func (w *Walk) replyFirst() bool {
	trip := w.flying[0].trip
	return trip.sent.Add(w.Exchange.LeastRoundTrip()).Before(w.Tally.Began.Add(w.due))
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
	w.asked += int64(len(trip.Requests))
	cost := link.cost(len(trip.Requests), names)
	w.Tally.Service += cost
	elapsed := time.Since(w.Tally.Began)
	pause, forRate := w.Pacer.Send(cost, link.gap(cost), names, elapsed)
	w.due, w.dueForRate = elapsed+pause, forRate
}

// receiveFar is receive for a trip over a link, which was paced when it was sent.
func (w *Walk) receiveFar(ctx context.Context, trip *Trip) error {
	w.Guard.link.landed(time.Since(trip.sent))
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
