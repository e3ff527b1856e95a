package sampler

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"keyprof/sampler/pattern"
	"keyprof/sampler/profile"
	"keyprof/scanner"
	"keyprof/scanner/info"
)

// document puts the profile together when the walk is over.
func (c *collector) document(ctx context.Context, b *Builder) *profile.Profile {
	ended := time.Now()
	at, setBack := endOf(c.tally.Began.Round(0), ended.Round(0), ended.Sub(c.tally.Began))
	c.setBack = setBack
	after := info.Info{}
	if !c.lost {
		var odd []info.OddFigure
		after, odd = c.conn.InfoNow(ctx).Sane()
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
	b.fill(p, c.plan.measures)
	c.unusedRules = b.rules.Unused()
	c.closeDatabases(p, after)
	c.noteLargestIdle(p)
	node := c.nodeDocument(after)
	p.Nodes, p.Complete = []profile.Node{node}, node.Complete
	c.estimate(p)
	p.Warnings = c.warnings(p, after)
	return p
}

// estimate scales a sample up to all keys. A part of which it is not known how much
// was covered cannot be, and what the profile says then is what was counted.
func (c *collector) estimate(p *profile.Profile) {
	if c.sample == nil {
		return
	}
	if err := scale(p, *c.sample); err != nil {
		n := &p.Nodes[0]
		n.Complete, n.Incomplete = false, cmp.Or(n.Incomplete, err.Error())
		p.Complete = false
	}
}

// noTTLByDatabase are the keys without a TTL, to be held against INFO.
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

// noteHorizon moves the idle horizon to the end of the walk: keys that were
// probed late may be idle for longer than the server was up when it began.
func (c *collector) noteHorizon(after info.Info) {
	if horizon, known := (info.Node{Info: after}).IdleHorizon(); known {
		c.plan.measures.horizonS = int64(horizon / time.Second)
	}
}

// noteLargestIdle keeps the evidence for the idle horizon.
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
	if c.plan.measures.idle && c.plan.measures.horizon {
		n.IdleHorizonS = new(c.plan.measures.horizonS)
	}
	for _, db := range c.databases {
		n.Incomplete = cmp.Or(n.Incomplete, db.Incomplete)
	}
	n.Incomplete = cmp.Or(n.Incomplete, c.unknownDatabases(), c.replaced(after))
	n.Complete = n.Incomplete == ""
	return n
}

// unknownDatabases tells that there may be databases that nobody named.
func (c *collector) unknownDatabases() string {
	if len(c.node.Info) > 0 || c.opts.Databases != nil {
		return ""
	}
	return "INFO is refused, so databases other than 0 are not known: name those to walk with --db"
}

// replaced tells that the server became something else while we walked: of another
// role, or with another data set by a full synchronization. A server that goes on with
// the same history keeps its data: after a failover the replication id that it had
// stands in master_replid2.
func (c *collector) replaced(after info.Info) string {
	before := c.node.Info.Field("master_replid")
	sameHistory := before == after.Field("master_replid") || before == after.Field("master_replid2")
	now := info.Node{Info: after}
	switch {
	case len(after) == 0:
		return ""
	case now.Role() != c.node.Role() && now.Role() != info.Unknown && c.node.Role() != info.Unknown:
		return fmt.Sprintf("its role changed from %s to %s while the walk ran", c.node.Role(), now.Role())
	case before == "":
		return ""
	case after.Field("master_sync_in_progress") == "1":
		return "the server is being synchronized from its primary: its data set is exchanged"
	case now.Role() == info.Replica && !sameHistory:
		return "the server follows another primary than at the beginning: its data set was exchanged"
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
		LeastRTTS:  c.conn.LeastRoundTrip().Seconds(),
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

// commandTime is the growth of commandstats, in seconds; nil when it is not told.
func (c *collector) commandTime() *float64 {
	if c.commandsAfter == nil {
		return nil
	}
	return growth(c.commandsBefore.Ours.Seconds(), c.commandsAfter.Ours.Seconds(), true)
}

// expiredMeanwhile is the growth of a primary's expired_keys.
func (c *collector) expiredMeanwhile(after info.Info) *int64 {
	if c.node.Role() != info.Primary {
		return nil
	}
	return c.grown("expired_keys", after)
}

// waitsOf are the waits by their cause.
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

// cpuBetween is the CPU time that the server used between two answers to INFO,
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

// sortWarnings puts warnings into an order that does not depend on chance.
func sortWarnings(ws []profile.Warning) {
	slices.SortStableFunc(ws, func(a, b profile.Warning) int {
		return cmp.Or(cmp.Compare(a.Code, b.Code), cmp.Compare(a.Scope, b.Scope))
	})
}
