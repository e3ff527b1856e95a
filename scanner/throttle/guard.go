package throttle

import (
	"time"

	"keyprof/scanner/info"
)

// DefaultLatencyBudget is the longest stretch in which other clients should have
// to wait for us: about 20 keys.
const DefaultLatencyBudget = 100 * time.Microsecond

// MinLatencyBudget is the least that can be asked for: no page is smaller than
// leastPage.
const MinLatencyBudget = 10 * time.Microsecond

// FullSpeedPage is how many keys a SCAN asks for when nobody needs to be spared.
const FullSpeedPage = 100

// Guard decides how much a walk asks for at a time, and when it must stand back.
// Redis serves one client after the other: what others feel of a walk is its
// longest page. Guard does no I/O and reads no clock, so a table can test it:
// times are those since the walk began.
type Guard struct {
	sizer   pageSizer
	backoff backoff
	link    *Link // of a walk over a link; nil: there is none
	near    bool  // the server was near its maxmemory at some time
}

// NewGuard is a guard whose pages keep the server for budget at most. A page
// above 0 is the size of all pages, whatever they take.
func NewGuard(budget time.Duration, page int) *Guard {
	g := &Guard{sizer: pageSizer{budget: budget, fixed: page > 0, page: page}}
	if page <= 0 {
		g.sizer.page = PageFor(budget)
	}
	return g
}

// Page is how many keys the next SCAN asks for (COUNT).
func (g *Guard) Page() int {
	if g.link != nil {
		return g.link.Count()
	}
	return g.sizer.page
}

// PageTook is told that a page of so many keys kept the server for service.
func (g *Guard) AddPage(service time.Duration, keys int) {
	g.sizer.used.add(keys)
	if g.link == nil {
		g.sizer.addPage(service)
	}
}

// OverLink reports whether pages were chosen for a link.
func (g *Guard) OverLink() bool { return g.link != nil }

// Link is the link that pages are chosen for; nil: none.
func (g *Guard) Link() *Link { return g.link }

// FixedPage reports whether all pages are of a given size.
func (g *Guard) FixedPage() bool { return g.sizer.fixed }

// NearMaxmemory reports whether the server was near its maxmemory at some time.
func (g *Guard) NearMaxmemory() bool { return g.near }

// GoOverLink makes the guard choose pages for a link from here on.
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

// Ping is told of a round trip of the probe connection. Those while the walk was
// resting tell what others would feel without it.
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

// Vitals is told what the server said of itself.
func (g *Guard) AddStats(v info.ServerStats, now time.Duration) {
	g.sizer.addCPU(v.CPU)
	if g.link != nil && v.Costs != nil {
		g.link.addCosts(*v.Costs)
	}
	g.near = g.near || v.AtMaxmemory
	g.backoff.update(v, now)
}

// Pause is how long to stand back before the next look, and why; 0 to go on.
func (g *Guard) Pause(now time.Duration) (pause time.Duration, reason string) {
	pause, reason, released := g.backoff.pause(now)
	if released {
		g.sizer.shrinkAfterPause()
	}
	return pause, reason
}

// Brakes are the times that the guard made the walk stand back, by cause, up to now.
func (g *Guard) Pauses(now time.Duration) []Pause { return g.backoff.pauses(now) }

// PageSizes are the sizes of pages that a walk asked for, in keys.
type PageSizes struct{ Min, Median, Max int }

// PageSizes are those up to now, the present one when there was no page yet.
func (g *Guard) PageSizes() PageSizes { return g.sizer.sizes() }
