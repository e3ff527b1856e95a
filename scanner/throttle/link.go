package throttle

import (
	"slices"
	"time"

	"keyprof/scanner/info"
)

// LinkRoundTrip is the smallest round trip from which on a scan treats the network as a
// link: pages then travel for longer than the server works on them.
const LinkRoundTrip = 500 * time.Microsecond

// Link decides how much a scan asks for at a time over a link, and how often. Reply times
// say nothing about the server there, as jitter is larger than the time of a page. The
// cost of a command is taken from INFO commandstats instead: the time of each call of the
// commands that we send, which no network and no other client changes. (CPU time includes
// the work for all clients; reply times of pages of two sizes would need thousands of
// pages to tell a millisecond of jitter from 50 µs.)
//
// Several pages travel at a time. Jitter may bring together those that were sent within
// its width, and they delay other clients like one page: so what is sent within the width
// of the jitter costs the server no more than the latency budget.
type Link struct {
	budget time.Duration
	page   int // COUNT of all pages; 0: derived from the budget

	request time.Duration // server time of a probe
	name    time.Duration // server time of SCAN, for each key
	told    bool          // by the server

	scans, names int // replies to SCAN since the cost of a key was learnt, and their keys

	roundTrips roundTripWindow
	window     float64       // pipelines that may be in flight
	full       bool          // the link has delayed pipelines
	halved     time.Duration // when the window was halved last, since the scan began

	pinged bool            // AddPing is called
	alone  []time.Duration // the last pipelines, all late with no other in flight
}

// WholeCost is the factor from the time in commandstats, which leaves out reading and
// replying, to the whole cost of a command: 1.5 to 1.7 for our probes on Redis 7.0, by
// CPU time.
const WholeCost = 1.6

func whole(cost time.Duration) time.Duration { return time.Duration(WholeCost * float64(cost)) }

// Initial estimates, for as long as the server has not told. Redis 7 takes 1.25 µs for a
// probe in all: a server that never tells may be twice as slow.
const (
	initialRequest = 2500 * time.Nanosecond
	initialName    = time.Microsecond
)

// Limits of a link.
const (
	MaxRangesOverLink = 16 // cursor ranges at a time
	minRequests       = 4  // in a pipeline
	firstWindow       = 4  // pipelines in flight
	maxWindow         = 256
	lateTrips         = 2                     // a reply is late after so many usual round trips
	lateTripsBeyond   = 50 * time.Millisecond // and this
)

// NewLink returns a link with initial estimates, for a scan under a latency budget with
// pages of a given size in keys (0: derived from the budget).
func NewLink(budget time.Duration, page int) *Link {
	return &Link{budget: budget, page: page, request: initialRequest, name: initialName, window: firstWindow}
}

// Requests returns the number of probes of one pipeline.
func (l *Link) Requests() int { return max(minRequests, int(l.budget/max(1, l.request))) }

// Count returns the COUNT of the next SCAN, in keys.
func (l *Link) Count() int {
	if l.page > 0 {
		return l.page
	}
	return min(max(int(l.budget/max(1, l.name)), minPage), maxPage)
}

// Cost returns the server time of so many probes and of a SCAN for so many keys.
func (l *Link) Cost(requests, names int) time.Duration {
	return time.Duration(requests)*l.request + time.Duration(names)*l.name
}

// Gap returns the minimum time between sending a pipeline of the given cost and the next.
func (l *Link) Gap(cost time.Duration) time.Duration {
	return time.Duration(float64(cost) * float64(l.roundTrips.jitter()) / float64(l.budget))
}

// pageInterval returns the minimum time between sending one page and the next, for a page
// of the given cost and a load of the server in (0,1].
func (l *Link) pageInterval(page time.Duration, load float64) time.Duration {
	return max(time.Duration(float64(page)/load), l.Gap(page))
}

// AddPing records a round trip of PING.
func (l *Link) AddPing(roundTrip time.Duration) {
	l.pinged = true
	l.roundTrips.add(roundTrip)
	l.roundTrips.dropOld()
}

// addCosts records what commands cost.
func (l *Link) addCosts(c info.Costs) {
	if c.Request > 0 {
		l.request = l.toward(l.request, whole(c.Request))
	}
	if c.Scan > 0 && l.names > 0 {
		l.name = l.toward(l.name, whole(c.Scan)*time.Duration(l.scans)/time.Duration(l.names))
		l.scans, l.names = 0, 0
	}
	l.told = true
}

// toward returns the estimate of a cost after a reading. It moves half of the way, as one
// reading may cover few calls; but the first reading counts in full, and so does one that
// is twice as high: then the server has become slower.
func (l *Link) toward(estimate, reading time.Duration) time.Duration {
	if !l.told || reading > 2*estimate {
		return reading
	}
	return (estimate + reading) / 2
}

// AddScan records how many keys a SCAN returned.
func (l *Link) AddScan(names int) { l.scans, l.names = l.scans+1, l.names+names }

// AddReply records when a pipeline was sent and when its replies arrived, since the scan
// began, and returns whether they were late. A link that is full delays all pipelines in
// flight: then fewer are sent. The window is halved once for all of them.
func (l *Link) AddReply(sent, now time.Duration) (late bool) {
	took := now - sent
	if took > lateTrips*max(l.roundTrips.median, l.roundTrips.lately)+lateTripsBeyond {
		if sent >= l.halved {
			l.addLate(took)
			l.window, l.full, l.halved = max(1, l.window/2), true, now
		}
		return true
	}
	l.alone = nil
	more := 1.0 // doubles the window in a round trip, until the link was full
	if l.full {
		more = 1 / l.window
	}
	l.window = min(maxWindow, l.window+more)
	return false
}

// addLate records a late pipeline. Without pings a link has become longer if that goes on
// with one pipeline at a time, which no other delays.
func (l *Link) addLate(took time.Duration) {
	if l.pinged || l.window > 1 {
		return
	}
	if l.alone = append(l.alone, took); len(l.alone) < MinRoundTrips {
		return
	}
	for _, roundTrip := range l.alone {
		l.roundTrips.add(roundTrip)
	}
	l.alone = nil
}

// Window returns how many pipelines may be in flight.
func (l *Link) Window() int { return int(l.window) }

// MedianRoundTrip returns the median of the last round trips of PING.
func (l *Link) MedianRoundTrip() time.Duration { return l.roundTrips.median }

// UpperQuartile returns the upper quartile of the last round trips of PING.
func (l *Link) UpperQuartile() time.Duration { return l.roundTrips.upperQuartile }

// roundTripWindow holds the last round trips of PING and their quantiles.
type roundTripWindow struct {
	recent                                    []time.Duration // the latest last
	median, lowerQuartile, upperQuartile, p95 time.Duration   // of half, a quarter, three quarters and 95 of 100 that took no longer
	lately                                    time.Duration   // the shortest of the last lastFew
}

// lastFew round trips are not all delayed by a single burst of loss.
const lastFew = 4

// keptRoundTrips is some seconds of pings, so that the quantiles follow the server and
// the link.
const keptRoundTrips = 64

// MinRoundTrips is the number of round trips from which on the quantiles are used.
const MinRoundTrips = 16

func (r *roundTripWindow) add(roundTrip time.Duration) {
	r.recent = append(r.recent, roundTrip)
	r.keep(keptRoundTrips)
}

// keep drops all but the last n round trips and computes the quantiles, as every page
// reads them.
func (r *roundTripWindow) keep(n int) {
	r.recent = last(r.recent, n)
	r.lately = slices.Min(last(r.recent, lastFew))
	sorted := slices.Sorted(slices.Values(r.recent))
	n = len(sorted)
	r.median, r.lowerQuartile, r.upperQuartile, r.p95 = sorted[n/2], sorted[n/4], sorted[n*3/4], sorted[n*95/100]
}

// last returns the last n elements of list, or all if there are fewer.
func last(list []time.Duration, n int) []time.Duration { return list[max(0, len(list)-n):] }

// lastMoved round trips in a row are all longer than three quarters of those before, or
// all shorter, only after the link has changed: by chance that happens once in 4^8 / 2
// pings, half an hour of them.
const lastMoved = 8

// dropOld keeps only the last round trips when the link has changed: in a mixture with
// those before, the jitter would be as wide as the step.
func (r *roundTripWindow) dropOld() {
	n := len(r.recent) - lastMoved
	if n < lastMoved {
		return
	}
	before, moved := slices.Sorted(slices.Values(r.recent[:n])), r.recent[n:]
	if slices.Min(moved) > before[n*3/4] || slices.Max(moved) < before[n/4] {
		r.keep(lastMoved)
	}
}

// known reports whether there are enough round trips.
func (r *roundTripWindow) known() bool { return len(r.recent) >= MinRoundTrips }

// jitter returns the interquartile range. Until enough round trips are known it is a
// fifth of the median.
func (r *roundTripWindow) jitter() time.Duration {
	if !r.known() {
		return r.median / 5
	}
	return r.upperQuartile - r.lowerQuartile
}

// Forecast estimates how long a scan takes over the connection that it was made for.
type Forecast struct {
	Page      int           // COUNT of each SCAN to begin with
	RoundTrip time.Duration // to the server and back
	Load      float64       // fraction of the server's main thread that the scan may use, in (0,1]
	Ordered   bool          // several cursor ranges can be scanned at a time
	Link      *Link         // nil: none
}

// OverLink reports whether the scan goes over a link, and returns the round trip.
func (f Forecast) OverLink() (roundTrip time.Duration, ok bool) { return f.RoundTrip, f.Link != nil }

// Elapsed returns the estimated duration of a scan of so many keys, each of which costs
// the server the given time of its main thread.
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

// MaxRanges is the number of cursor ranges of a scan that are worth their memory: they
// hide a round trip of some three to seven times the time of a page.
const MaxRanges = 8

// TrialPages are scanned with a single cursor range first, to learn how the server's
// cursors behave and how long a page takes.
const TrialPages = 4

// Each range has at least so many pages and keys: at its end pages are requested more
// than once, and boundaries are exact only where many buckets lie between them.
const (
	MinRangePages = 16
	MinRangeKeys  = 1024
)

// RangesFor returns how many cursor ranges keep a server busy that is a round trip away:
// while one page travels, or we read its replies, the server works on those of the
// others. It counts twice the travelling pages that the figures give: roundTrip is the
// smallest seen, and service, an upper bound from one page at a time, includes delays of
// the network.
func RangesFor(roundTrip, service time.Duration) int {
	if service <= 0 {
		return MaxRanges
	}
	travelling := (2*roundTrip + service/2) / service
	return int(min(MaxRanges, 2+travelling))
}
