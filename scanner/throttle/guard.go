package throttle

import (
	"time"

	"keyprof/scanner/info"
)

// DefaultLatencyBudget is the longest time for which one page should delay other clients.
// It allows about 20 keys.
const DefaultLatencyBudget = 100 * time.Microsecond

// MinLatencyBudget is the smallest latency budget that can be set: no page is smaller
// than minPage.
const MinLatencyBudget = 10 * time.Microsecond

// FullSpeedPage is the COUNT of each SCAN when there is no latency budget, in keys.
const FullSpeedPage = 100

// Guard decides how much a scan asks for at a time, and when it must pause. Redis serves
// one client after the other, so a scan adds up to its longest page to the latency of
// other clients. Guard does no I/O and reads no clock, so that tables can test it: times are
// those since the scan began.
type Guard struct {
	sizer   pageSizer
	backoff backoff
	link    *Link // of a scan over a slow link; nil: none
	near    bool  // the server was near its maxmemory at some time
}

// NewGuard returns a guard whose pages keep the server busy for budget at most. A page
// above 0 fixes the size of all pages, in keys, however long they take.
func NewGuard(budget time.Duration, page int) *Guard {
	g := &Guard{sizer: pageSizer{budget: budget, fixed: page > 0, page: page}}
	if page <= 0 {
		g.sizer.page = PageFor(budget)
	}
	return g
}

// Page returns the COUNT of the next SCAN, in keys.
func (g *Guard) Page() int {
	if g.link != nil {
		return g.link.Count()
	}
	return g.sizer.page
}

// AddPage records that a page of so many keys kept the server busy for service.
func (g *Guard) AddPage(service time.Duration, keys int) {
	g.sizer.used.add(keys)
	if g.link == nil {
		g.sizer.addPage(service)
	}
}

// OverLink reports whether pages are chosen for a link.
func (g *Guard) OverLink() bool { return g.link != nil }

// Link returns the link that pages are chosen for; nil for none.
func (g *Guard) Link() *Link { return g.link }

// FixedPage reports whether all pages have one given size.
func (g *Guard) FixedPage() bool { return g.sizer.fixed }

// NearMaxmemory reports whether the server was near its maxmemory at some time.
func (g *Guard) NearMaxmemory() bool { return g.near }

// GoOverLink makes the guard choose pages for a link from now on.
func (g *Guard) GoOverLink(roundTrip time.Duration) {
	if g.link != nil {
		return
	}
	page := 0
	if g.sizer.fixed {
		page = g.sizer.page
	}
	g.link = NewLink(g.sizer.budget, page)
	g.link.roundTrips.median = roundTrip
	for _, known := range g.sizer.baseline.recent {
		g.link.AddPing(known)
	}
}

// AddPing records a round trip of the monitor's connection. Round trips while the scan
// was paused show the latency of other clients without it.
func (g *Guard) AddPing(roundTrip time.Duration, paused bool) {
	if g.link != nil {
		g.link.AddPing(roundTrip)
		return
	}
	if paused {
		g.sizer.baseline.add(roundTrip)
		return
	}
	g.sizer.addPing(roundTrip)
}

// AddStats records the server's INFO.
func (g *Guard) AddStats(v info.ServerStats, now time.Duration) {
	g.sizer.addCPU(v.CPU)
	if g.link != nil && v.Costs != nil {
		g.link.addCosts(*v.Costs)
	}
	g.near = g.near || v.AtMaxmemory
	g.backoff.update(v, now)
}

// Pause returns how long to pause before the next check, and why; 0 to continue.
func (g *Guard) Pause(now time.Duration) (pause time.Duration, reason string) {
	pause, reason, released := g.backoff.pause(now)
	if released {
		g.sizer.shrinkAfterPause()
	}
	return pause, reason
}

// Pauses returns the pauses up to now, by reason.
func (g *Guard) Pauses(now time.Duration) []Pause { return g.backoff.pauses(now) }

// PageSizes holds the sizes of the pages of a scan, in keys.
type PageSizes struct{ Min, Median, Max int }

// PageSizes returns the sizes up to now; before the first page, the size that it will
// have.
func (g *Guard) PageSizes() PageSizes { return g.sizer.sizes() }
