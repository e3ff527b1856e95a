package sampler

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/dustin/go-humanize"

	"keyprof/sampler/aggregate"
	"keyprof/sampler/pattern"
	"keyprof/sampler/profile"
	"keyprof/scanner"
	"keyprof/scanner/info"
	"keyprof/scanner/throttle"
)

// document assembles the profile after the scan.
func (c *collector) document(ctx context.Context, b *aggregate.Builder) *profile.Profile {
	ended := time.Now()
	at, setBack := endOf(c.tally.Began.Round(0), ended.Round(0), ended.Sub(c.tally.Began))
	c.setBack = setBack
	after := info.Info{}
	if !c.lost {
		var odd []info.InvalidField
		after, odd = c.conn.InfoNow(ctx).Validated()
		c.addOdd(odd)
	}
	if c.commandsBefore != nil && !c.lost {
		if stats, ok := c.conn.CommandStats(ctx); ok {
			c.commandsAfter = &stats
		}
	}
	c.noteHorizon(after)
	p := &profile.Profile{
		Schema: profile.SchemaVersion, Tool: c.opts.Tool, Label: c.opts.Label,
		Began: c.tally.Began.UTC().Truncate(time.Millisecond), Ended: at.UTC().Truncate(time.Millisecond),
		Missing: append([]profile.Missing{}, c.plan.missing...),
		Design:  c.design(),
		Receipt: c.receipt(after, ended),
	}
	b.Fill(p, c.plan.measures)
	c.unusedRules = b.UnusedRules()
	c.closeDatabases(p, after)
	c.noteLargestIdle(p)
	node := c.nodeDocument(after)
	p.Nodes, p.Complete = []profile.Node{node}, node.Complete
	c.estimate(p)
	p.Warnings = c.warnings(p, after)
	return p
}

// estimate scales a sample up to all keys. If the covered fraction is unknown the
// profile keeps the counts and is incomplete.
func (c *collector) estimate(p *profile.Profile) {
	if c.sample == nil {
		return
	}
	if err := aggregate.Scale(p, *c.sample); err != nil {
		n := &p.Nodes[0]
		n.Complete, n.Incomplete = false, cmp.Or(n.Incomplete, err.Error())
		p.Complete = false
	}
}

// noTTLByDatabase returns the number of keys without a TTL by database, to be compared
// with INFO.
func noTTLByDatabase(rows []profile.Namespace) map[int]int64 {
	sums := map[int]int64{}
	for _, r := range rows {
		if r.NoTTLKeys != nil {
			sums[r.DB] += r.NoTTLKeys.Value
		}
	}
	return sums
}

func (c *collector) design() profile.Design {
	d := profile.Design{
		Method: profile.MethodCensus, Fraction: 1, Match: c.opts.Match,
		IdleOverS:      int64(c.opts.IdleOver / time.Second),
		NamespaceLimit: c.opts.Grouping.Limit,
		LexerVersion:   pattern.Version,
		PatternRules:   c.opts.Grouping.Rules.Texts(),
	}
	for _, db := range c.databases {
		d.Databases = append(d.Databases, db.DB)
	}
	return d
}

// noteHorizon moves the idle horizon to the end of the scan: keys that were
// probed late may be idle for longer than the server was up when it began.
func (c *collector) noteHorizon(after info.Info) {
	if horizon, known := (info.Node{Info: after}).IdleHorizon(); known {
		c.plan.measures.HorizonS = int64(horizon / time.Second)
	}
}

// noteLargestIdle records the largest idle time, which must not exceed the idle
// horizon.
func (c *collector) noteLargestIdle(p *profile.Profile) {
	if idle := p.Totals.Idle; idle != nil && idle.IdleS != nil {
		c.largest = new(int64(idle.IdleS.Max))
	}
}

func (c *collector) nodeDocument(after info.Info) profile.Node {
	engine, version := c.node.Engine()
	n := profile.Node{
		Address: c.node.Address, Role: c.node.Role(), Engine: engine, Version: version,
		RunID: c.node.Info.Field("run_id"), ReplID: c.node.Info.Field("master_replid"),
		Policy: c.node.Policy(), Allocator: c.node.Info.Field("mem_allocator"),
		Maxmemory: c.field("maxmemory"), UsedMemory: c.field("used_memory"), UptimeS: c.field("uptime_in_seconds"),
		LargestIdleS: c.largest, Databases: c.databases, Info: c.node.Info,
	}
	if c.plan.measures.Idle && c.plan.measures.Horizon {
		n.IdleHorizonS = new(c.plan.measures.HorizonS)
	}
	for _, db := range c.databases {
		n.Incomplete = cmp.Or(n.Incomplete, db.Incomplete)
	}
	n.Incomplete = cmp.Or(n.Incomplete, c.unknownDatabases(), c.replaced(after))
	n.Complete = n.Incomplete == ""
	return n
}

// unknownDatabases returns a reason if there may be databases that are unknown.
func (c *collector) unknownDatabases() string {
	if len(c.node.Info) > 0 || c.opts.Databases != nil {
		return ""
	}
	return "INFO is refused, so databases other than 0 are unknown: name those to scan with --db"
}

// replaced returns a reason if the server changed its role during the scan, or its data
// set by a full synchronization. A server that continues the same history keeps its
// data: after a failover its former replication id is in master_replid2.
func (c *collector) replaced(after info.Info) string {
	before := c.node.Info.Field("master_replid")
	sameHistory := before == after.Field("master_replid") || before == after.Field("master_replid2")
	now := info.Node{Info: after}
	switch {
	case len(after) == 0:
		return ""
	case now.Role() != c.node.Role() && now.Role() != info.Unknown && c.node.Role() != info.Unknown:
		return fmt.Sprintf("the role changed from %s to %s during the scan", c.node.Role(), now.Role())
	case before == "":
		return ""
	case after.Field("master_sync_in_progress") == "1":
		return "the server is synchronizing with its primary: its data set is being replaced"
	case now.Role() == info.Replica && !sameHistory:
		return "the server follows another primary than when the scan began: its data set was replaced"
	default:
		return ""
	}
}

func (c *collector) field(name string) *int64 {
	if v, ok := c.node.Info.Int(name); ok {
		return &v
	}
	return nil
}

func (c *collector) receipt(after info.Info, ended time.Time) profile.Receipt {
	cost := c.conn.Cost() // last: it is to have all commands in it
	r := profile.Receipt{
		Commands: cost.Commands, BytesOut: cost.BytesOut, BytesIn: cost.BytesIn,
		ElapsedS:    ended.Sub(c.tally.Began).Seconds(),
		MainThreadS: c.tally.Service.Seconds(),
		PausedS:     (c.tally.PausedForLoad + c.tally.PausedForRate).Seconds(), PausedForRateS: c.tally.PausedForRate.Seconds(),
		LeastRTTS:  c.conn.MinRoundTrip().Seconds(),
		ServerCPUS: cpuBetween(c.node.Info, after),
		MaxLoad:    c.opts.MaxLoad, Rate: c.opts.Rate,
		CommandS:     c.commandTime(),
		KeyspaceHits: cost.Hits, KeyspaceMisses: cost.Misses, ExpiredMeanwhile: c.expiredMeanwhile(after),
		Stalls:  c.stalls.receipt(c.conn.Stalls()),
		Repeats: c.tally.Repeats, Returned: c.tally.Returned, Waits: waitsOf(cost.Waits),
	}
	c.evictionReceipt(&r, cost.Buffers, after)
	c.guardReceipt(&r, ended)
	return r
}

// commandTime returns the growth of commandstats, in seconds; nil if it is unknown.
func (c *collector) commandTime() *float64 {
	if c.commandsAfter == nil {
		return nil
	}
	return growth(c.commandsBefore.Ours.Seconds(), c.commandsAfter.Ours.Seconds(), true)
}

// expiredMeanwhile returns the growth of a primary's expired_keys.
func (c *collector) expiredMeanwhile(after info.Info) *int64 {
	if c.node.Role() != info.Primary {
		return nil
	}
	return c.counterGrowth("expired_keys", after)
}

// waitsOf adds up the waits by cause.
func waitsOf(waits []scanner.Wait) []profile.Wait {
	sums := []profile.Wait{}
	for _, w := range waits {
		i := slices.IndexFunc(sums, func(s profile.Wait) bool { return s.Cause == w.Cause })
		if i < 0 {
			i = len(sums)
			sums = append(sums, profile.Wait{Cause: w.Cause})
		}
		sums[i].Count++
		sums[i].TookS += w.Took.Seconds()
	}
	return sums
}

// cpuBetween returns the CPU time that the server used between two answers to INFO,
// in seconds.
func cpuBetween(before, after info.Info) *float64 {
	var used [2]float64
	for i, info := range []info.Info{before, after} {
		user, ok := info.Float("used_cpu_user")
		sys, alsoOK := info.Float("used_cpu_sys")
		if !ok || !alsoOK {
			return nil
		}
		used[i] = user + sys
	}
	return growth(used[0], used[1], true)
}

// sortWarnings sorts warnings by code and scope.
func sortWarnings(ws []profile.Warning) {
	slices.SortStableFunc(ws, func(a, b profile.Warning) int {
		return cmp.Or(cmp.Compare(a.Code, b.Code), cmp.Compare(a.Scope, b.Scope))
	})
}

// guardReceipt adds the pauses and round trips of the guard. The monitor must be
// closed.
func (c *collector) guardReceipt(r *profile.Receipt, ended time.Time) {
	r.PageLeast, r.Page, r.PageMost = c.opts.Page, c.opts.Page, c.opts.Page
	if c.guard == nil {
		return
	}
	r.OverLink = c.guard.OverLink()
	pages := c.guard.PageSizes()
	r.PageLeast, r.Page, r.PageMost = pages.Min, pages.Median, pages.Max
	if c.opts.Page == 0 {
		r.LatencyBudgetS = c.opts.LatencyBudget.Seconds()
	}
	for _, b := range c.guard.Pauses(ended.Sub(c.tally.Began)) {
		r.Brakes = append(r.Brakes, profile.Brake{Cause: b.Reason, Count: b.Count, TookS: b.Took.Seconds()})
	}
	if c.monitor != nil {
		before, during := c.monitor.RoundTrips()
		r.ProbeRTT = &profile.ProbeRTT{Before: roundTrips(before), During: roundTrips(during)}
	}
}

// evictionReceipt adds how many keys were evicted, and how many of these at most because
// of that many bytes of buffers.
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

// keysIn returns how many keys take that many bytes, overhead included, rounded up;
// math.MaxInt64 if that is unknown.
func keysIn(bytes int64, info info.Info) int64 {
	used, known := info.Int("used_memory")
	startup, _ := info.Int("used_memory_startup") // if it is missing, a key seems to take more
	var keys int64
	for _, db := range info.Databases() {
		keys += db.Keys
	}
	if taken := float64(used - startup); known && taken > 0 && keys > 0 {
		return int64(math.Ceil(float64(bytes) * float64(keys) / taken))
	}
	return math.MaxInt64
}

// roundTrips returns r in the form of a profile; nil if there were none.
func roundTrips(r throttle.RoundTrips) *profile.RoundTrips {
	if r.Count == 0 {
		return nil
	}
	return &profile.RoundTrips{Pings: r.Count, P50S: r.P50.Seconds(), P99S: r.P99.Seconds()}
}

// shortfall describes a database of which SCAN returned fewer keys than INFO had.
type shortfall struct {
	db        *profile.Database
	explained int64 // keys that expired or were evicted, or that a replica may hide since they expired
}

func (s shortfall) expected() int64 { return min(s.db.Before.Keys, s.db.After.Keys) }

// significant reports whether so many keys are missing that they were deleted during the
// scan and others written in their place: SCAN returns the keys that are at a position when it
// comes there, and so about as many as there are, however many come and go, while
// their number stays the same. Their number then differs by chance only. Nodes of a
// cluster may exchange slots.
func (s shortfall) significant(cluster bool) bool {
	least := float64(s.expected())
	slack := least / 10
	if cluster {
		slack = least / 2
	}
	return least-float64(s.db.Returned+s.explained) > slack+4*math.Sqrt(least)
}

func (s shortfall) reason() string {
	return fmt.Sprintf("SCAN returned %s keys of db%d, far fewer than the %s that INFO had before and the %s after",
		humanize.Comma(s.db.Returned), s.db.DB, humanize.Comma(s.db.Before.Keys), humanize.Comma(s.db.After.Keys))
}

// shortOf returns the shortfall of a completely scanned database, and whether keys are
// missing.
func (c *collector) shortOf(db *profile.Database, after info.Info) (s shortfall, missing bool) {
	if c.sample != nil || c.opts.Match != "" || !db.Complete || db.Before == nil || db.After == nil || !c.countsKeys() {
		return s, false
	}
	explained, known := c.explained(db, after)
	s = shortfall{db: db, explained: explained}
	return s, known && s.significant(c.node.Info.Field("cluster_enabled") == "1")
}

// emptied returns a reason if the keys of a database were deleted all at once, or
// exchanged for those of another, by the server's own counts of such commands. Commands that a
// primary replicates count at its replicas, too. They may have been for another
// database: this one must have lost keys, or no others may be there to exchange.
func (c *collector) emptied(db *profile.Database, after info.Info) string {
	was, is := c.commandsBefore, c.commandsAfter
	if is == nil || db.Before == nil || db.After == nil {
		return ""
	}
	left := db.After.Keys
	if c.sample == nil && c.opts.Match == "" {
		left = min(left, db.Returned)
	}
	all := c.node.Info.Databases()
	maps.Copy(all, after.Databases())
	changed := left < db.Before.Keys*9/10 || db.After.Keys > db.Before.Keys*11/10
	switch {
	case is.Swapped > was.Swapped && (changed || len(all) <= 2):
		return fmt.Sprintf("SWAPDB was called during the scan: db%d may mix keys of two databases", db.DB)
	case is.Flushed > was.Flushed && changed:
		return fmt.Sprintf("FLUSHALL or FLUSHDB was called during the scan: INFO had %s keys in db%d before and %s after, and SCAN returned %s",
			humanize.Comma(db.Before.Keys), db.DB, humanize.Comma(db.After.Keys), humanize.Comma(db.Returned))
	}
	return ""
}

// countsKeys reports whether INFO keyspace is of the keys that SCAN goes over, at this
// moment. Proxies may answer for one server only, and other servers count now and then.
func (c *collector) countsKeys() bool {
	random, _ := info.RandomCursors(c.node)
	engine, _ := c.node.Engine()
	return random || info.SlotTables(c.node) || engine == "keydb"
}

// explained returns how many keys may be gone or hidden without having been deleted. A
// replica hides keys that expired until its primary removes them (db.c,
// expireIfNeeded), and evicts none.
func (c *collector) explained(db *profile.Database, after info.Info) (keys int64, known bool) {
	expiring := max(db.Before.Expires, db.After.Expires)
	if c.node.Role() != info.Primary {
		return expiring, true
	}
	expired := c.counterGrowth("expired_keys", after)
	if expired == nil {
		expired = &expiring
	}
	keys = *expired
	for _, fields := range []string{"expired_subkeys", "expired_fields"} { // the last field of a hash takes the key along
		keys += profile.OrZero(c.counterGrowth(fields, after))
	}
	evicted := c.counterGrowth("evicted_keys", after)
	return keys + profile.OrZero(evicted), evicted != nil
}

// counterGrowth returns by how much a counter of INFO grew during the run; nil if that
// is unknown.
func (c *collector) counterGrowth(field string, after info.Info) *int64 {
	first, known := c.node.Info.Int(field)
	last, stillKnown := after.Int(field)
	return growth(first, last, known && stillKnown)
}

// endOf returns the end of a scan by the wall clock, which may have been set during the
// scan. took is from the monotonic clock. setBack is the time by which the wall clock
// was set back.
func endOf(began, ended time.Time, took time.Duration) (at time.Time, setBack time.Duration) {
	atLeast := began.Add(took)
	if back := atLeast.Sub(ended); back > time.Second {
		return atLeast, back
	}
	return latest(ended, began), 0
}

func latest(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// growth returns by how much a counter grew; nil if that is unknown, as after a reset.
func growth[T int64 | float64](before, after T, known bool) *T {
	if !known || before < 0 || after < before {
		return nil
	}
	return new(after - before)
}
