package scanner

import (
	"context"
	"math"
	"time"

	"keyprof/scanner/info"
	"keyprof/scanner/throttle"
)

// Forecast is for a walk under a latency budget, with pages of a given size (0: by the
// budget), that may use a share load of the server. It sends PING some times to get to
// know a link.
func (c *Conn) Forecast(ctx context.Context, budget time.Duration, page int, load float64) (throttle.Forecast, error) {
	f := throttle.Forecast{Page: page, RoundTrip: c.least, Load: load}
	f.Ordered, _ = info.RandomCursors(c.Node)
	if page == 0 {
		f.Page = throttle.PageFor(budget)
	}
	if c.least < throttle.LinkRoundTrip || load >= 1 && page > 0 || c.Node.NearMaxmemory() {
		return f, nil
	}
	f.Link = throttle.NewLink(budget, page)
	f.Page = f.Link.Count()
	for range throttle.FewTrips {
		start := time.Now()
		if err := c.conn.Ping(ctx).Err(); err != nil && !optional(err) {
			return f, c.failed("measuring round trips", err)
		}
		f.Link.Ping(time.Since(start))
	}
	f.RoundTrip = f.Link.MedianTrip()
	return f, nil
}

// far reports whether the walk goes over a link. Near maxmemory the care for memory
// comes first.
func (w *Walk) far() bool { return w.Guard != nil && w.Guard.OverLink() && !w.careful() }

// goFar tells the guard of a link. At full speed with pages of a given size nobody is
// to be spared.
func (w *Walk) goFar() {
	roundTrip := w.Exchange.LeastRoundTrip()
	if roundTrip >= throttle.LinkRoundTrip && (w.Pacer.MaxLoad < 1 || !w.Guard.FixedPage()) {
		w.Guard.GoOverLink(roundTrip)
	}
}

// pipelineRequests bounds the requests of one pipeline.
func (w *Walk) pipelineRequests() int {
	if w.far() {
		return w.Guard.Link().Requests()
	}
	return math.MaxInt
}

// replyFirst reports whether a reply should be there before the next pipeline is due,
// also where it is late by the jitter of the link: who waits for it sends nothing.
func (w *Walk) replyFirst() bool {
	usual := max(w.Exchange.LeastRoundTrip(), w.Guard.Link().LongTrip())
	return w.flying[0].trip.sent.Add(usual).Before(w.Tally.Began.Add(w.due))
}

// space waits until a trip may be sent over a link, and accounts for it.
func (w *Walk) space(ctx context.Context, trip *Trip) {
	w.pause(ctx, w.due-time.Since(w.Tally.Began), w.dueForRate)
	link, names := w.Guard.Link(), 0
	if trip.Scan != nil {
		names = trip.Scan.Count
	}
	for _, take := range trip.Slots {
		names += take.Keys
	}
	cost := link.Cost(len(trip.Requests), names)
	w.Tally.Service += cost
	elapsed := time.Since(w.Tally.Began)
	pause, forRate := w.Pacer.Send(cost, link.Gap(w.Pacer.Used(cost)), names, elapsed)
	w.due, w.dueForRate = elapsed+pause, forRate
}

// receiveFar is receive for a trip over a link, which was paced when it was sent.
func (w *Walk) receiveFar(ctx context.Context, trip *Trip) error {
	w.Guard.Link().Landed(trip.sent.Sub(w.Tally.Began), time.Since(w.Tally.Began))
	if trip.Scan != nil {
		w.Guard.Link().Scanned(len(trip.Page.Names))
	}
	if trip.Service > longPage {
		w.suspect += trip.Service
	}
	w.heed(ctx, 0)
	return w.changed
}

// settleFar is told the server's CPU time while a walk goes over a link. It bounds what
// pipelines cost, and says whether it was the server that made replies late. What the
// server does for others anyway is not ours.
func (w *Walk) settleFar(cpu time.Duration) {
	w.Pacer.Calibrate(cpu)
	if w.cpu > 0 {
		unexplained, span := cpu-w.cpu-(w.Tally.Service-w.accounted), time.Since(w.settled)
		if w.suspect == 0 && span > 0 {
			w.others = (w.others + max(0, float64(unexplained)/float64(span))) / 2
		}
		if ours := min(w.suspect, unexplained-time.Duration(w.others*float64(span))); ours > 0 {
			w.Tally.Service += ours
			w.due += time.Duration(float64(ours) / w.Pacer.MaxLoad)
		}
	}
	w.suspect, w.cpu, w.accounted, w.settled = 0, cpu, w.Tally.Service, time.Now()
}
