package throttle

import (
	"slices"
	"time"

	"keyprof/scanner/info"
)

// LinkRoundTrip is the round trip from which on a walk goes over a link: pages then
// travel for longer than the server works on them.
const LinkRoundTrip = 500 * time.Microsecond

// Link decides how much a walk asks for at a time over a link, and how often. Reply
// times tell nothing of the server there, as jitter is larger than what a page takes.
// What a command costs the server is taken from INFO commandstats instead: its time
// for each call of the commands that we send, which no network and no other client
// changes (CPU time has the work for all clients in it; reply times of pages of two
// sizes would need thousands of pages to tell a millisecond of jitter from 50 µs).
//
// Several pages travel at a time. Jitter may bring those together that were sent
// within its width, and they keep others waiting like one: so what is sent within the
// width of the jitter costs the server no more than the latency budget.
type Link struct {
	budget time.Duration
	page   int // COUNT of all pages; 0: by the budget

	request time.Duration // server time of a probe
	name    time.Duration // server time of SCAN, for each name

	scans, names int // replies to SCAN since a name's cost was learnt, and their names

	trips  recentTrips
	window float64       // pipelines that may be on their way
	full   bool          // the link kept pipelines waiting at some time
	cut    time.Duration // when the window was made smaller for the last time

	pinged bool            // round trips of PING are told
	alone  []time.Duration // of the last pipelines, all of which were late with no other on its way
}

// WholeCost is what a command costs a server in all, as a multiple of what
// commandstats tells, which leaves out reading it and replying: 1.5 to 1.7 times for
// our probes on Redis 7.0, by CPU time.
const WholeCost = 1.6

func whole(cost time.Duration) time.Duration { return time.Duration(WholeCost * float64(cost)) }

// What is assumed to begin with, about what Redis 7 takes in all.
const (
	usualRequest = 1250 * time.Nanosecond
	usualName    = time.Microsecond
)

// Limits of a link.
const (
	MostOverLink    = 16 // cursor ranges at a time
	leastRequests   = 4  // in a pipeline
	firstWindow     = 4  // pipelines on their way
	mostWindow      = 256
	lateTrips       = 2                     // times the usual round trip is late,
	lateTripsBeyond = 50 * time.Millisecond // and so much more
)

// NewLink is a link of which nothing is known yet, for a walk under a latency budget
// with pages of a given size (0: by the budget).
func NewLink(budget time.Duration, page int) *Link {
	return &Link{budget: budget, page: page, request: usualRequest, name: usualName, window: firstWindow}
}

// Requests is how many probes may be sent at once.
func (l *Link) Requests() int { return max(leastRequests, int(l.budget/max(1, l.request))) }

// Count is how many keys a SCAN asks for (COUNT).
func (l *Link) Count() int {
	if l.page > 0 {
		return l.page
	}
	return min(max(int(l.budget/max(1, l.name)), leastPage), mostPage)
}

// Cost is what so many probes and a SCAN for so many names take of the server.
func (l *Link) Cost(requests, names int) time.Duration {
	return time.Duration(requests)*l.request + time.Duration(names)*l.name
}

// Gap is the least time between the sending of what costs so much and of what follows.
func (l *Link) Gap(cost time.Duration) time.Duration {
	return time.Duration(float64(cost) * float64(l.trips.jitter()) / float64(l.budget))
}

// each is the least time from the sending of one page to that of the next, when a page
// costs so much and the walk may use a share of the server.
func (l *Link) each(page time.Duration, load float64) time.Duration {
	return max(time.Duration(float64(page)/load), l.Gap(page))
}

// Ping is told of a round trip of PING.
func (l *Link) Ping(roundTrip time.Duration) {
	l.pinged = true
	l.trips.add(roundTrip)
	l.trips.forget()
}

// learn is told what commands cost. A cost moves half of the way: a single look may be
// at few calls.
func (l *Link) learn(c info.Costs) {
	if c.Request > 0 {
		l.request = (l.request + whole(c.Request)) / 2
	}
	if c.Scan > 0 && l.names > 0 {
		l.name = (l.name + whole(c.Scan)*time.Duration(l.scans)/time.Duration(l.names)) / 2
		l.scans, l.names = 0, 0
	}
}

// Scanned is told how many names a SCAN returned.
func (l *Link) Scanned(names int) { l.scans, l.names = l.scans+1, l.names+names }

// Landed is told when a pipeline was sent, and when its replies were there. A link that is
// full keeps all of them waiting: then fewer are sent, once for all that were on their way.
func (l *Link) Landed(sent, now time.Duration) {
	took := now - sent
	if took > lateTrips*max(l.trips.median, l.trips.lately)+lateTripsBeyond {
		if sent >= l.cut {
			l.late(took)
			l.window, l.full, l.cut = max(1, l.window/2), true, now
		}
		return
	}
	l.alone = nil
	more := 1.0 // doubles the window in a round trip, until the link was full
	if l.full {
		more = 1 / l.window
	}
	l.window = min(mostWindow, l.window+more)
}

// late is told of a pipeline that was late. Without pings, a link became longer when that
// goes on with one at a time, which no other keeps waiting.
func (l *Link) late(took time.Duration) {
	if l.pinged || l.window > 1 {
		return
	}
	if l.alone = append(l.alone, took); len(l.alone) < FewTrips {
		return
	}
	for _, trip := range l.alone {
		l.trips.add(trip)
	}
	l.alone = nil
}

// Window is how many pipelines may be on their way at a time.
func (l *Link) Window() int { return int(l.window) }

// MedianTrip is the middle one of the last round trips of PING.
func (l *Link) MedianTrip() time.Duration { return l.trips.median }

// LongTrip is what three quarters of the last round trips of PING took at most.
func (l *Link) LongTrip() time.Duration { return l.trips.most }

// recentTrips are the last round trips of PING.
type recentTrips struct {
	recent                      []time.Duration
	next                        int
	median, quarter, most, slow time.Duration // of half, a quarter, three quarters and 95 of 100 that took no longer
	lately                      time.Duration // the least of the very last
}

// veryLast are so many that no single delay keeps all of them waiting.
const veryLast = 4

// keptTrips are some seconds of pings, so that what is usual follows the server and
// the link.
const keptTrips = 64

// FewTrips are the fewest round trips that tell what is usual.
const FewTrips = 16

func (r *recentTrips) add(roundTrip time.Duration) {
	if len(r.recent) < keptTrips {
		r.recent = append(r.recent, roundTrip)
	} else {
		r.recent[r.next] = roundTrip
		r.next = (r.next + 1) % keptTrips
	}
	r.lately = roundTrip
	for back := range min(veryLast, len(r.recent)) {
		r.lately = min(r.lately, r.recent[(r.next-1-back+2*len(r.recent))%len(r.recent)])
	}
	sorted := slices.Sorted(slices.Values(r.recent)) // here, as every page asks for them
	n := len(sorted)
	r.median, r.quarter, r.most, r.slow = sorted[n/2], sorted[n/4], sorted[n*3/4], sorted[n*95/100]
}

// moved are so many in a row that were all longer than most, or shorter, only after the
// link became another: by chance once in an hour.
const moved = 8

// forget keeps the last ones alone when the link became another: of the mixture with those
// before, the jitter would be as wide as the step.
func (r *recentTrips) forget() {
	n := len(r.recent)
	if n < 2*moved {
		return
	}
	inOrder := append(slices.Clone(r.recent[r.next:]), r.recent[:r.next]...)
	before, last := slices.Sorted(slices.Values(inOrder[:n-moved])), inOrder[n-moved:]
	if slices.Min(last) <= before[len(before)*3/4] && slices.Max(last) >= before[len(before)/4] {
		return
	}
	*r = recentTrips{}
	for _, roundTrip := range last {
		r.add(roundTrip)
	}
}

// known reports whether there were enough.
func (r *recentTrips) known() bool { return len(r.recent) >= FewTrips }

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
	Page      int           // COUNT of each SCAN to begin with
	RoundTrip time.Duration // to the server and back
	Load      float64       // share of the server's main thread that the walk may use, in (0,1]
	Ordered   bool          // several cursor ranges may be walked at a time
	Link      *Link         // nil: none
}

// OverLink reports whether the walk goes over a link, and how long a round trip takes.
func (f Forecast) OverLink() (roundTrip time.Duration, ok bool) { return f.RoundTrip, f.Link != nil }

// Elapsed is how long it takes to walk so many keys, when a key costs the server so
// much of its main thread.
func (f Forecast) Elapsed(keys int64, key time.Duration) time.Duration {
	page := time.Duration(f.Page) * key
	each, ranges := time.Duration(float64(page)/f.Load), 1
	switch {
	case f.Link != nil:
		each, ranges = f.Link.each(page, f.Load), MostOverLink
		page = each // it is sent piece by piece
	case f.Load >= 1:
		ranges = RangesFor(f.RoundTrip, page)
	}
	pages := float64(keys) / float64(f.Page)
	room := int(float64(keys) / float64(max(LeastRangePages*f.Page, LeastRangeKeys)))
	if ranges = max(1, min(ranges, room)); !f.Ordered {
		ranges = 1
	}
	cycle, trial := max(f.RoundTrip+page, time.Duration(ranges)*each), 0.0
	if ranges > 1 {
		trial = min(pages, TrialPages)
	}
	return time.Duration(trial*float64(f.RoundTrip+page) + (pages-trial)/float64(ranges)*float64(cycle))
}

// MostRanges is how many ranges of a walk are worth their memory: they hide a
// round trip of some three to seven times what a page takes.
const MostRanges = 8

// TrialPages are walked by one lane, to see what the server's cursors are like
// and how long it takes for a page.
const TrialPages = 4

// A range has at least so many pages and keys: at its end pages are asked for more
// than once, and seams are exact where there are many buckets between them.
const (
	LeastRangePages = 16
	LeastRangeKeys  = 1024
)

// RangesFor is how many ranges keep a server busy that is a round trip away: while
// one page travels, or we read what it answers, it works on those of the others.
// Twice as many travel as the figures say: roundTrip is the least that was seen, and
// service, an upper bound, of one page at a time, has the network's delays in it.
func RangesFor(roundTrip, service time.Duration) int {
	if service <= 0 {
		return MostRanges
	}
	travelling := (2*roundTrip + service/2) / service
	return int(min(MostRanges, 2+travelling))
}
