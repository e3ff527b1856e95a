package scanner

import (
	"context"
	"math"
	"time"

	"keyprof/scanner/info"
	"keyprof/scanner/throttle"
)

// Forecast returns a forecast for a scan under a latency budget, with pages of a given
// size in keys (0: derived from the budget), that may use a fraction load of the server.
// It sends some PINGs to measure a link.
func (c *Conn) Forecast(ctx context.Context, budget time.Duration, page int, load float64) (throttle.Forecast, error) {
	f := throttle.Forecast{Page: page, RoundTrip: c.minRoundTrip, Load: load}
	f.Ordered, _ = info.RandomCursors(c.Node)
	if page == 0 {
		f.Page = throttle.PageFor(budget)
	}
	if c.minRoundTrip < throttle.LinkRoundTrip || load >= 1 && page > 0 || c.Node.NearMaxmemory() {
		return f, nil
	}
	f.Link = throttle.NewLink(budget, page)
	f.Page = f.Link.Count()
	for range throttle.MinRoundTrips {
		start := time.Now()
		if err := c.conn.Ping(ctx).Err(); err != nil && !isOptional(err) {
			return f, c.failed("measuring round trips", err)
		}
		f.Link.AddPing(time.Since(start))
	}
	f.RoundTrip = f.Link.MedianRoundTrip()
	return f, nil
}

// overLink reports whether the scan goes over a link. Near maxmemory memory comes first.
func (w *Walk) overLink() bool { return w.Guard != nil && w.Guard.OverLink() && !w.lowMemory() }

// detectLink informs the guard of a link. At full speed with pages of a given size
// there is no client to spare.
func (w *Walk) detectLink() {
	roundTrip := w.Exchange.MinRoundTrip()
	if roundTrip >= throttle.LinkRoundTrip && (w.Pacer.MaxLoad < 1 || !w.Guard.FixedPage()) {
		w.Guard.GoOverLink(roundTrip)
	}
}

// pipelineRequests returns the limit of the requests of one pipeline.
func (w *Walk) pipelineRequests() int {
	if w.overLink() {
		return w.Guard.Link().Requests()
	}
	return math.MaxInt
}

// replyFirst reports whether a reply should arrive before the next pipeline is due, even
// if it is late by the jitter of the link: while waiting for it, nothing is sent.
func (w *Walk) replyFirst() bool {
	usual := max(w.Exchange.MinRoundTrip(), w.Guard.Link().UpperQuartile())
	return w.inFlight[0].batch.sent.Add(usual).Before(w.Tally.Began.Add(w.due))
}

// paceSend waits until a batch may be sent over a link, and accounts for it.
func (w *Walk) paceSend(ctx context.Context, batch *Batch) {
	w.pause(ctx, w.due-time.Since(w.Tally.Began), w.dueForRate)
	link, names := w.Guard.Link(), 0
	if batch.Scan != nil {
		names = batch.Scan.Count
	}
	for _, slot := range batch.Slots {
		names += slot.Keys
	}
	cost := link.Cost(len(batch.Requests), names)
	w.Tally.Service += cost
	elapsed := time.Since(w.Tally.Began)
	gap := link.Gap(w.Pacer.Used(cost))
	batch.pace = max(gap, time.Duration(float64(cost)/w.Pacer.MaxLoad))
	pause, forRate := w.Pacer.Send(cost, gap, names, elapsed)
	w.due, w.dueForRate = elapsed+pause, forRate
}

// receiveOverLink is receive for a batch over a link, which was paced when it was sent.
func (w *Walk) receiveOverLink(ctx context.Context, batch *Batch) error {
	if w.Guard.Link().AddReply(batch.sent.Sub(w.Tally.Began), time.Since(w.Tally.Began)) {
		w.Monitor.costsChanged()
	}
	if batch.Scan != nil {
		w.Guard.Link().AddScan(len(batch.Page.Names))
	}
	if batch.Service > longPage {
		w.unattributed += batch.Service
	}
	w.throttle(ctx, 0)
	return w.changed
}

// chargeOverLink takes in the server's CPU time while a scan goes over a link. It bounds
// the cost of pipelines, and decides whether the server made replies late. What the server
// does for other clients anyway is not ours.
func (w *Walk) chargeOverLink(cpu time.Duration) {
	w.Pacer.Calibrate(cpu)
	if w.cpu > 0 {
		span := time.Since(w.cpuAt)
		ours, others := w.Tally.Service-w.serviceAtCPU, time.Duration(w.othersLoad*float64(span))
		unexplained := cpu - w.cpu - ours
		if unexplained-others > ours/2 {
			w.Monitor.costsChanged()
		}
		if w.unattributed == 0 && span > 0 {
			w.othersLoad = (w.othersLoad + max(0, float64(unexplained)/float64(span))) / 2
		}
		if late := min(w.unattributed, unexplained-others); late > 0 {
			w.Tally.Service += late
			w.due += time.Duration(float64(late) / w.Pacer.MaxLoad)
		}
	}
	w.unattributed, w.cpu, w.serviceAtCPU, w.cpuAt = 0, cpu, w.Tally.Service, time.Now()
}
