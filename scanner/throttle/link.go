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

	roundTrips roundTripWindow
	window     float64 // pipelines that may be on their way
	full       bool    // the link kept pipelines waiting at some time
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
	MaxRangesOverLink = 16 // cursor ranges at a time
	minRequests       = 4  // in a pipeline
	firstWindow       = 4  // pipelines on their way
	maxWindow         = 256
	lateTrips         = 2                     // times the usual round trip is late,
	lateTripsBeyond   = 50 * time.Millisecond // and so much more
)

// NewLink is a link of which nothing is known yet, for a walk under a latency budget
// with pages of a given size (0: by the budget).
func NewLink(budget time.Duration, page int) *Link {
	return &Link{budget: budget, page: page, request: usualRequest, name: usualName, window: firstWindow}
}

// Requests is how many probes may be sent at once.
func (l *Link) Requests() int { return max(minRequests, int(l.budget/max(1, l.request))) }

// Count is how many keys a SCAN asks for (COUNT).
func (l *Link) Count() int {
	if l.page > 0 {
		return l.page
	}
	return min(max(int(l.budget/max(1, l.name)), minPage), maxPage)
}

// Cost is what so many probes and a SCAN for so many names take of the server.
func (l *Link) Cost(requests, names int) time.Duration {
	return time.Duration(requests)*l.request + time.Duration(names)*l.name
}

// Gap is the least time between the sending of what costs so much and of what follows.
func (l *Link) Gap(cost time.Duration) time.Duration {
	return time.Duration(float64(cost) * float64(l.roundTrips.jitter()) / float64(l.budget))
}

// each is the least time from the sending of one page to that of the next, when a page
// costs so much and the walk may use a share of the server.
func (l *Link) pageInterval(page time.Duration, load float64) time.Duration {
	return max(time.Duration(float64(page)/load), l.Gap(page))
}

// Ping is told of a round trip of PING.
func (l *Link) AddPing(roundTrip time.Duration) { l.roundTrips.add(roundTrip) }

// learn is told what commands cost. A cost moves half of the way: a single look may be
// at few calls.
func (l *Link) addCosts(c info.Costs) {
	if c.Request > 0 {
		l.request = (l.request + whole(c.Request)) / 2
	}
	if c.Scan > 0 && l.names > 0 {
		l.name = (l.name + whole(c.Scan)*time.Duration(l.scans)/time.Duration(l.names)) / 2
		l.scans, l.names = 0, 0
	}
}

// Scanned is told how many names a SCAN returned.
func (l *Link) AddScan(names int) { l.scans, l.names = l.scans+1, l.names+names }

// Landed is told how long a pipeline was on its way. A link that is full keeps all of
// them waiting: then fewer are sent.
func (l *Link) AddReply(took time.Duration) {
	if took > lateTrips*l.roundTrips.median+lateTripsBeyond {
		l.window, l.full = max(1, l.window/2), true
		return
	}
	more := 1.0 // doubles the window in a round trip, until the link was full
	if l.full {
		more = 1 / l.window
	}
	l.window = min(maxWindow, l.window+more)
}

// Window is how many pipelines may be on their way at a time.
func (l *Link) Window() int { return int(l.window) }

// MedianTrip is the middle one of the last round trips of PING.
func (l *Link) MedianRoundTrip() time.Duration { return l.roundTrips.median }

// LongTrip is what three quarters of the last round trips of PING took at most.
func (l *Link) UpperQuartile() time.Duration { return l.roundTrips.upperQuartile }

// recentTrips are the last round trips of PING.
type roundTripWindow struct {
	recent                                    []time.Duration
	next                                      int
	median, lowerQuartile, upperQuartile, p95 time.Duration // of half, a quarter, three quarters and 95 of 100 that took no longer
}

// keptTrips are some seconds of pings, so that what is usual follows the server and
// the link.
const keptRoundTrips = 64

// FewTrips are the fewest round trips that tell what is usual.
const MinRoundTrips = 16

func (r *roundTripWindow) add(roundTrip time.Duration) {
	if len(r.recent) < keptRoundTrips {
		r.recent = append(r.recent, roundTrip)
	} else {
		r.recent[r.next] = roundTrip
		r.next = (r.next + 1) % keptRoundTrips
	}
	sorted := slices.Sorted(slices.Values(r.recent)) // here, as every page asks for them
	n := len(sorted)
	r.median, r.lowerQuartile, r.upperQuartile, r.p95 = sorted[n/2], sorted[n/4], sorted[n*3/4], sorted[n*95/100]
}

// known reports whether there were enough.
func (r *roundTripWindow) known() bool { return len(r.recent) >= MinRoundTrips }

// jitter is the width in which half of the round trips lie. Of a link that is not
// known yet it is taken for as wide as a fifth of the round trip.
func (r *roundTripWindow) jitter() time.Duration {
	if !r.known() {
		return r.median / 5
	}
	return r.upperQuartile - r.lowerQuartile
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
		each, ranges = f.Link.pageInterval(page, f.Load), MaxRangesOverLink
		page = each // it is sent piece by piece
	case f.Load >= 1:
		ranges = RangesFor(f.RoundTrip, page)
	}
	pages := float64(keys) / float64(f.Page)
	room := int(float64(keys) / float64(max(MinRangePages*f.Page, MinRangeKeys)))
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
const MaxRanges = 8

// TrialPages are walked by one lane, to see what the server's cursors are like
// and how long it takes for a page.
const TrialPages = 4

// A range has at least so many pages and keys: at its end pages are asked for more
// than once, and seams are exact where there are many buckets between them.
const (
	MinRangePages = 16
	MinRangeKeys  = 1024
)

// RangesFor is how many ranges keep a server busy that is a round trip away: while
// one page travels, or we read what it answers, it works on those of the others.
// Twice as many travel as the figures say: roundTrip is the least that was seen, and
// service, an upper bound, of one page at a time, has the network's delays in it.
func RangesFor(roundTrip, service time.Duration) int {
	if service <= 0 {
		return MaxRanges
	}
	travelling := (2*roundTrip + service/2) / service
	return int(min(MaxRanges, 2+travelling))
}
