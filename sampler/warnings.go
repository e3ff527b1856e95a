package sampler

import (
	"fmt"
	"slices"
	"time"

	"github.com/dustin/go-humanize"

	"keyprof/sampler/pattern"
	"keyprof/sampler/profile"
	"keyprof/scanner"
	"keyprof/scanner/info"
)

// warnings are what a reader must know to trust the figures.
func (c *collector) warnings(p *profile.Profile, after info.Info) []profile.Warning {
	w := warner{node: c.node.Address, list: []profile.Warning{}}
	for _, m := range p.Missing {
		w.add("measure-refused", m.Node, "%s was not measured: the server answered %q%s", m.Measure, m.Reason, remedy(m))
	}
	c.warnNode(&w)
	if c.node.Saving() || (info.Node{Info: after}).Saving() {
		w.add("save-in-progress", w.node, "a save was in progress when the walk began or ended: reads are not recorded in idle times while it lasts")
	}
	warnSaves(&w, c.node.Info, after)
	c.warnOdd(&w)
	c.warnSample(&w)
	c.warnGuard(&w)
	c.warnChanges(&w, after)
	c.warnIdle(&w)
	c.warnCounts(&w, p, after)
	sortWarnings(w.list)
	return w.list
}

type warner struct {
	node string
	list []profile.Warning
}

func (w *warner) add(code, scope, format string, args ...any) {
	w.list = append(w.list, profile.Warning{Code: code, Scope: scope, Text: fmt.Sprintf(format, args...)})
}

func remedy(m profile.Missing) string {
	if m.Remedy == "" {
		return ""
	}
	return "; to allow it: " + m.Remedy
}

// warnNode is about what the server was before the walk.
func (c *collector) warnNode(w *warner) {
	if len(c.node.Info) == 0 {
		w.add("info-refused", w.node, "INFO is refused, so role, policy, memory and the list of databases are not known: %s", c.conn.NoInfo())
		return
	}
	if c.node.Role() == info.Primary {
		w.add("primary", w.node, "this is a primary: SCAN removes keys whose TTL has run out and replicates their removal; a replica only hides them")
	}
	if c.node.Role() == info.Replica && c.node.Info.Field("master_link_status") != "up" {
		w.add("replica-link-down", w.node, "%s", linkDown(c.node.Info))
	}
	if near := NearMaxmemory(c.node); near != nil {
		w.list = append(w.list, *near)
	}
	if c.node.Info.Field("cluster_enabled") == "1" {
		w.add("cluster-mode", w.node, "this is one node of a cluster: only its own keys are walked")
	}
}

// linkDown says what is wrong with a replica whose link is not up.
func linkDown(info info.Info) string {
	if down, known := info.Int("master_link_down_since_seconds"); known && down < 0 {
		return "since it was started this replica has not reached its primary: its data are those that it was started with, if any"
	}
	return "this replica has lost its primary: its data may be old"
}

// watched are the fields of INFO that should be the same when the walk ends.
var watched = []struct{ field, what string }{
	{"role", "its role"},
	{"maxmemory_policy", "its policy"},
	{"maxmemory", "its maxmemory"},
	{"master_link_status", "the state of its link to the primary"},
}

// warnChanges compares what the server says of itself before and after.
func (c *collector) warnChanges(w *warner, after info.Info) {
	if len(after) == 0 {
		return
	}
	for _, f := range watched {
		if before, now := c.node.Info.Field(f.field), after.Field(f.field); before != now {
			w.add("server-changed", w.node, "while the walk ran, %s changed from %q to %q: figures from before and after may not go together", f.what, before, now)
		}
	}
}

func (c *collector) warnIdle(w *warner) {
	m := c.plan.measures
	if !m.idle || m.highIdle {
		return
	}
	if !m.horizon {
		w.add("idle-horizon", w.node, "the server does not tell its uptime, so no key can be called idle for over %s", span(c.opts.IdleOver))
		return
	}
	w.add("idle-horizon", w.node, "no key can be told to be idle for over %s: that lies beyond the server's idle horizon", span(c.opts.IdleOver))
}

func (c *collector) warnCounts(w *warner, p *profile.Profile, after info.Info) {
	if c.plan.shared == dropShared {
		w.add("shared-integers", w.node, "OBJECT REFCOUNT is refused, so the idle times of all small strings were dropped: those of shared integers mean nothing; to allow it: %s", c.conn.ACLRule(scanner.RefCount.ACLRule()))
	}
	c.warnGrouping(w, p)
	if n := p.Totals.Denied; n > 0 {
		w.add("keys-denied", w.node, "%s keys were denied by ACL key patterns and are in no figure; to allow them: %s", humanize.Comma(n), c.conn.ACLRule(scanner.ACLReadKeys(c.node)))
	}
	if n := p.Totals.Moved; n > 0 {
		w.add("keys-moved", w.node, "%s keys are in slots that are being moved between this node and another: this one does not answer about them now, so they are in no figure; make the profile again when the slots have moved", humanize.Comma(n))
	}
	if n := p.Totals.TooLong; n > 0 {
		w.add("names-too-long", w.node, "%s keys have names too long to ask about, the longest of %s bytes, and are in no figure", humanize.Comma(n), humanize.Comma(c.found.longest))
	}
	for _, s := range c.short {
		w.add("keys-missing", fmt.Sprintf("db%d", s.db.DB), "%s; %s keys at most expired or were evicted meanwhile: while the walk ran many were deleted, as by FLUSHALL, or exchanged, as by SWAPDB, and others were written, of which the figures lack most",
			s.reason(), humanize.Comma(s.explained))
	}
	for i := range c.databases {
		if reason := c.emptied(&c.databases[i], after); reason != "" {
			w.add("keys-missing", fmt.Sprintf("db%d", c.databases[i].DB), "%s", reason)
		}
	}
	warnStalls(w, p)
	if n := p.Totals.Failed; n > 0 {
		w.add("wrong-replies", w.node, "%s keys were answered in a way that makes no sense and are in no figure%s", humanize.Comma(n), c.found.firstWrong())
	}
}

func (c *collector) warnGrouping(w *warner, p *profile.Profile) {
	if slices.ContainsFunc(p.Namespaces, func(n profile.Namespace) bool { return n.Other }) {
		w.add("namespaces-limited", "namespaces", "there are more than %d namespaces: those with the fewest bytes are summed up under %s", c.opts.Grouping.Limit, profile.OtherPattern)
	}
	if d := p.Design.Patterns; d.Degraded {
		w.add("patterns-degraded", "namespaces", "there were so many namespaces that they had to be made coarser: K, the bound on the words that one place in a name keeps apart, is %d where %d is usual; frequent words may stand all the same", d.K, pattern.DefaultK)
	}
	if odd := c.opts.Grouping.OtherLexing(); odd != "" {
		w.add("patterns-other-lexing", "namespaces", "%s", odd)
	}
	for _, rule := range c.unusedRules {
		w.add("rule-unused", rule, "this pattern rule matched no key")
	}
}

// OtherLexing says that the dictionary was made by other lexing rules than
// those of today, "" if it was not.
func (g Grouping) OtherLexing() string {
	switch {
	case g.Dictionary == nil || g.Dictionary.Lexer == pattern.Version:
		return ""
	case g.Dictionary.Lexer == 0:
		return fmt.Sprintf("these decisions do not say by which lexing rules they were made, and names are read by rules %d: some may not apply", pattern.Version)
	}
	return fmt.Sprintf("these decisions were made by lexing rules %d, and names are read by rules %d: some may not apply", g.Dictionary.Lexer, pattern.Version)
}

// span is a length of time in whole units for people.
func span(d time.Duration) string {
	switch {
	case d >= 48*time.Hour:
		return fmt.Sprintf("%d days", d/(24*time.Hour))
	case d >= 2*time.Hour:
		return fmt.Sprintf("%d hours", d/time.Hour)
	case d >= 2*time.Minute:
		return fmt.Sprintf("%d minutes", d/time.Minute)
	default:
		return fmt.Sprintf("%d s", d/time.Second)
	}
}
