package sampler

import (
	"context"
	"math"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"keyprof/sampler/profile"
	"keyprof/scanner/info"
	"keyprof/scanner/throttle"
)

// startGuard makes what the options want to keep the walk from being felt.
func (c *collector) startGuard(ctx context.Context) {
	if c.opts.Page > 0 && !c.opts.Guarded {
		return
	}
	c.guard = throttle.NewGuard(c.opts.LatencyBudget, c.opts.Page)
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
	r.OverLink = c.guard.OverLink()
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

// evictionReceipt adds which keys were evicted, and for how many of them buffers of
// so many bytes may be the reason.
func (c *collector) evictionReceipt(r *profile.Receipt, buffers int64, after info.Info) {
	r.BufferBytes = buffers
	first, known := c.node.Info.Int("evicted_keys")
	last, stillKnown := after.Int("evicted_keys")
	replica := c.node.Role() == info.Replica && last == 0
	if !known || !stillKnown || replica || last < first { // CONFIG RESETSTAT
		return
	}
	r.EvictedMeanwhile = new(last - first)
	if buffers > 0 {
		r.EvictedByUs = new(min(last-first, keysIn(buffers, c.node.Info)))
	}
}

// keysIn is how many keys have so many bytes, overhead and all, rounded up. Where that
// is not known, it may be any number.
func keysIn(bytes int64, info info.Info) int64 {
	used, known := info.Int("used_memory")
	startup, _ := info.Int("used_memory_startup") // not told: a key seems to take more
	var keys int64
	for _, db := range info.Databases() {
		keys += db.Keys
	}
	if taken := float64(used - startup); known && taken > 0 && keys > 0 {
		return int64(math.Ceil(float64(bytes) * float64(keys) / taken))
	}
	return math.MaxInt64
}

// roundTrips is nil without any.
func roundTrips(r throttle.RoundTrips) *profile.RoundTrips {
	if r.Count == 0 {
		return nil
	}
	return &profile.RoundTrips{Pings: r.Count, P50S: r.P50.Seconds(), P99S: r.P99.Seconds()}
}

// NearMaxmemory is the warning that the buffers of our connections may be too much
// for the server; nil if it has room for them, or no limit is known. It can be given
// before the walk.
func NearMaxmemory(node info.Node) *profile.Warning {
	room, _ := node.Room()
	if !node.NearMaxmemory() {
		return nil
	}
	state := "used memory is at maxmemory"
	if room > 0 {
		state = "used memory is " + humanize.IBytes(uint64(room)) + " below maxmemory"
	}
	why := ": our connections' buffers count against it, and "
	switch policy := node.Policy(); {
	case policy == "noeviction":
		why += "while they take room, writes of other clients may fail with OOM (policy noeviction)"
	case policy == "":
		why += "may make it evict keys, or refuse writes of other clients"
	case strings.HasPrefix(policy, "volatile-"):
		why += policy + " may evict keys for them or, when none with a TTL is left, refuse writes of other clients"
	default:
		why += policy + " may evict keys for them"
	}
	return &profile.Warning{Code: "near-maxmemory", Scope: node.Address, Text: state + why}
}

// warnGuard says that nothing looks out for others. Where INFO is refused, that is
// said already.
func (c *collector) warnGuard(w *warner) {
	if c.noWatch != nil && len(c.node.Info) > 0 {
		w.add("no-probe-connection", w.node, "there was no second connection, by which to feel what other clients feel, and to stand back when the server begins to save or to evict: %v", c.noWatch)
	}
}
