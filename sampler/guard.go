package sampler

import (
	"context"
	"time"

	"keyprof/sampler/profile"
	"keyprof/scanner"
)

// startGuard makes what the options want to keep the walk from being felt.
func (c *collector) startGuard(ctx context.Context) {
	if c.opts.Page > 0 && !c.opts.Guarded {
		return
	}
	c.guard = scanner.NewGuard(c.opts.LatencyBudget, c.opts.Page)
	if c.opts.Guarded {
		c.watch, c.noWatch = c.conn.Watch(ctx)
	}
}

// guardReceipt adds what the guard did, and saw. It is called when the watch is closed.
func (c *collector) guardReceipt(r *profile.Receipt, ended time.Time) {
	r.PageLeast, r.Page, r.PageMost = c.opts.Page, c.opts.Page, c.opts.Page
	if c.guard == nil {
		return
	}
	pages := c.guard.PageSizes()
	r.PageLeast, r.Page, r.PageMost = pages.Least, pages.Median, pages.Most
	if c.opts.Page == 0 {
		r.LatencyBudgetS = c.opts.LatencyBudget.Seconds()
	}
	for _, b := range c.guard.Brakes(ended.Sub(c.tally.Began)) {
		r.Brakes = append(r.Brakes, profile.Brake{Cause: b.Cause, Count: b.Count, TookS: b.Took.Seconds()})
	}
	if c.watch != nil {
		before, during := c.watch.RoundTrips()
		r.ProbeRTT = &profile.ProbeRTT{Before: roundTrips(before), During: roundTrips(during)}
	}
}

// roundTrips is nil without any.
func roundTrips(r scanner.RoundTrips) *profile.RoundTrips {
	if r.Count == 0 {
		return nil
	}
	return &profile.RoundTrips{Pings: r.Count, P50S: r.P50.Seconds(), P99S: r.P99.Seconds()}
}

// warnGuard says that nothing looks out for others. Where INFO is refused, that is
// said already.
func (c *collector) warnGuard(w *warner) {
	if c.noWatch != nil && len(c.node.Info) > 0 {
		w.add("no-probe-connection", w.node, "there was no second connection, by which to feel what other clients feel, and to stand back when the server begins to save or to evict: %v", c.noWatch)
	}
}
