package sampler

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"keyprof/sampler/pattern"
	"keyprof/sampler/profile"
	"keyprof/scanner"
	"keyprof/scanner/info"
)

// warnings returns the warnings of a profile, sorted.
func (c *collector) warnings(p *profile.Profile, after info.Info) []profile.Warning {
	w := warner{node: c.node.Address, list: []profile.Warning{}}
	for _, m := range p.Missing {
		w.add("measure-refused", m.Node, "%s was not measured: the server answered %q%s", m.Measure, m.Reason, remedy(m))
	}
	c.warnNode(&w)
	if c.node.Saving() || (info.Node{Info: after}).Saving() {
		w.add("save-in-progress", w.node, "a save was in progress when the scan began or ended: reads during a save do not reset idle times")
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

// warnNode adds warnings about the server's state before the scan.
func (c *collector) warnNode(w *warner) {
	if len(c.node.Info) == 0 {
		w.add("info-refused", w.node, "INFO is refused, so role, policy, memory and the list of databases are unknown: %s", c.conn.InfoError())
		return
	}
	if c.node.Role() == info.Primary {
		w.add("primary", w.node, "this is a primary: SCAN deletes keys that have expired and replicates the deletions; a replica only hides them")
	}
	if c.node.Role() == info.Replica && c.node.Info.Field("master_link_status") != "up" {
		w.add("replica-link-down", w.node, "%s", linkDown(c.node.Info))
	}
	if near := NearMaxmemory(c.node); near != nil {
		w.list = append(w.list, *near)
	}
	if c.node.Info.Field("cluster_enabled") == "1" {
		w.add("cluster-mode", w.node, "this is one node of a cluster: only its own keys are scanned")
	}
}

// linkDown returns what is wrong with a replica whose link is not up.
func linkDown(info info.Info) string {
	if down, known := info.Int("master_link_down_since_seconds"); known && down < 0 {
		return "this replica has not reached its primary since it started: its data are those that it loaded at startup, if any"
	}
	return "this replica has lost the link to its primary: its data may be stale"
}

// comparedFields are the fields of INFO that should not change during the scan.
var comparedFields = []struct{ field, what string }{
	{"role", "the role"},
	{"maxmemory_policy", "the eviction policy"},
	{"maxmemory", "maxmemory"},
	{"master_link_status", "the state of the link to the primary"},
}

// warnChanges compares INFO from before and after the scan.
func (c *collector) warnChanges(w *warner, after info.Info) {
	if len(after) == 0 {
		return
	}
	for _, f := range comparedFields {
		if before, now := c.node.Info.Field(f.field), after.Field(f.field); before != now {
			w.add("server-changed", w.node, "during the scan %s changed from %q to %q: figures from before and after the change may not be comparable", f.what, before, now)
		}
	}
}

func (c *collector) warnIdle(w *warner) {
	m := c.plan.measures
	if !m.Idle || m.HighIdle {
		return
	}
	if !m.Horizon {
		w.add("idle-horizon", w.node, "idle time over %s unavailable: the server reports no uptime", span(c.opts.IdleOver))
		return
	}
	w.add("idle-horizon", w.node, "idle time over %s unavailable: %s", span(c.opts.IdleOver), horizonReason(c.node))
}

// horizonReason returns why the server knows no longer idle times: a short uptime, or
// the LRU clock, which wraps after 194 days.
func horizonReason(node info.Node) string {
	horizon, _ := node.IdleHorizon()
	if uptime, _ := node.Info.Int("uptime_in_seconds"); uptime > int64(horizon/time.Second) {
		return "the server's LRU clock wraps after " + span(horizon)
	}
	return "server up " + span(horizon)
}

func (c *collector) warnCounts(w *warner, p *profile.Profile, after info.Info) {
	if c.plan.shared == dropShared {
		w.add("shared-integers", w.node, "OBJECT REFCOUNT is refused, so the idle times of all small strings were left out: keys that share an integer object have no idle time of their own; to allow it: %s", c.conn.ACLRule(scanner.RefCount.ACLRule()))
	}
	c.warnGrouping(w, p)
	if n := p.Totals.Denied; n > 0 {
		w.add("keys-denied", w.node, "%s keys were denied by ACL key patterns and are not in any figure; to allow them: %s", humanize.Comma(n), c.conn.ACLRule(scanner.ACLReadKeys(c.node)))
	}
	if n := p.Totals.Moved; n > 0 {
		w.add("keys-moved", w.node, "%s keys are in slots that are migrating between this node and another: this node does not serve them now, so they are not in any figure; make the profile again when the migration has finished", humanize.Comma(n))
	}
	if n := p.Totals.TooLong; n > 0 {
		w.add("names-too-long", w.node, "%s keys have names too long to request, the longest of %s bytes, and are not in any figure", humanize.Comma(n), humanize.Comma(c.replyChecker.longest))
	}
	for _, s := range c.short {
		w.add("keys-missing", fmt.Sprintf("db%d", s.db.DB), "%s; at most %s keys expired or were evicted meanwhile: during the scan many keys were deleted, as by FLUSHALL, or exchanged, as by SWAPDB, and most of the keys written since are missing from the figures",
			s.reason(), humanize.Comma(s.explained))
	}
	for i := range c.databases {
		if reason := c.emptied(&c.databases[i], after); reason != "" {
			w.add("keys-missing", fmt.Sprintf("db%d", c.databases[i].DB), "%s", reason)
		}
	}
	warnStalls(w, p)
	if n := p.Totals.Failed; n > 0 {
		w.add("wrong-replies", w.node, "%s keys got an invalid reply and are not in any figure%s", humanize.Comma(n), c.replyChecker.firstWrong())
	}
}

func (c *collector) warnGrouping(w *warner, p *profile.Profile) {
	if slices.ContainsFunc(p.Namespaces, func(n profile.Namespace) bool { return n.Other }) {
		w.add("namespaces-limited", "namespaces", "there are more than %d namespaces: those with the fewest bytes are added up under %s", c.opts.Grouping.Limit, profile.OtherPattern)
	}
	if d := p.Design.Patterns; d.Degraded {
		w.add("patterns-degraded", "namespaces", "there were too many namespaces, so names were grouped more coarsely: K, the number of distinct words kept apart after the same prefix, is %d instead of %d; frequent words may still be kept", d.K, pattern.DefaultK)
	}
	if odd := c.opts.Grouping.OtherLexing(); odd != "" {
		w.add("patterns-other-lexing", "namespaces", "%s", odd)
	}
	for _, rule := range c.unusedRules {
		w.add("rule-unused", rule, "this pattern rule matched no key")
	}
}

// span formats a duration in whole units.
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

// NearMaxmemory returns a warning if the buffers of keyprof's connections may exceed the
// server's maxmemory; nil if there is room for them, or no limit is known. It needs no
// scan.
func NearMaxmemory(node info.Node) *profile.Warning {
	room, _ := node.Room()
	if !node.NearMaxmemory() {
		return nil
	}
	state := "used memory is at maxmemory"
	if room > 0 {
		state = "used memory is " + humanize.IBytes(uint64(room)) + " below maxmemory"
	}
	text := state + ", and the buffers of keyprof's connections count against it: "
	switch policy := node.Policy(); {
	case policy == "noeviction":
		text += "writes of other clients may fail with OOM meanwhile (policy noeviction)"
	case policy == "":
		text += "the server may evict keys or refuse writes of other clients"
	case strings.HasPrefix(policy, "volatile-"):
		text += "the server may evict keys or, if no key with a TTL is left, refuse writes of other clients (policy " + policy + ")"
	default:
		text += "the server may evict keys (policy " + policy + ")"
	}
	return &profile.Warning{Code: "near-maxmemory", Scope: node.Address, Text: text}
}

// warnGuard warns that the effect on other clients is not watched. If INFO is refused,
// another warning says so.
func (c *collector) warnGuard(w *warner) {
	if c.noMonitor != nil && len(c.node.Info) > 0 {
		w.add("no-probe-connection", w.node, "there was no second connection, so keyprof could not measure its effect on other clients, nor pause the scan when the server began to save or to evict: %v", c.noMonitor)
	}
}

// saveStatuses are the fields of INFO persistence that are "err" after a failure, and
// the meaning of each (redis.io, INFO; rdb.c and aof.c, writes are refused with MISCONF).
var saveStatuses = []struct{ field, meaning string }{
	{"rdb_last_bgsave_status", "the last RDB save failed: if save points are set, the server refuses writes (MISCONF) until a save succeeds, unless stop-writes-on-bgsave-error is no"},
	{"aof_last_bgrewrite_status", "the last rewrite of the AOF failed: the AOF grows until one succeeds"},
	{"aof_last_write_status", "the last write to the AOF failed: the server refuses writes (MISCONF) until one succeeds"},
}

// warnSaves warns of saves that failed before the scan or while it ran.
func warnSaves(w *warner, before, after info.Info) {
	for _, s := range saveStatuses {
		info := after
		if info.Field(s.field) != "err" {
			info = before
		}
		if info.Field(s.field) != "err" {
			continue
		}
		facts := forkFacts(info)
		if s.field == "aof_last_write_status" { // nothing is forked
			facts = ""
		}
		w.add("last-save-failed", w.node, "%s (%s:err)%s", s.meaning, s.field, facts)
	}
}

// forkFacts returns the figures of INFO about the child process that saves, with a hint
// if it may have lacked memory.
func forkFacts(info info.Info) string {
	var facts []string
	used, _ := info.Int("used_memory")
	total, _ := info.Int("total_system_memory")
	if used > 0 && total > 0 {
		facts = append(facts, "the server uses "+humanize.IBytes(uint64(used))+" of the machine's "+humanize.IBytes(uint64(total)))
	}
	if fork, _ := info.Int("latest_fork_usec"); fork > 0 && fork < 1e12 {
		facts = append(facts, "the latest fork took "+(time.Duration(fork)*time.Microsecond).String())
	}
	if copied, _ := info.Int("rdb_last_cow_size"); copied > 0 {
		facts = append(facts, "the last save copied "+humanize.IBytes(uint64(copied))+" of memory")
	}
	if len(facts) == 0 {
		return ""
	}
	text := ". " + strings.ToUpper(facts[0][:1]) + strings.Join(facts, ", ")[1:]
	if used > total/2 && total > 0 {
		text += "; with more than half of it in use, a fork may be refused unless vm.overcommit_memory is 1"
	}
	return text
}

// maxOdd is the number of odd figures that are named.
const maxOdd = 10

// warnOdd warns of invalid values in INFO and TYPE, and of a clock that was set back.
func (c *collector) warnOdd(w *warner) {
	for i, odd := range c.odd {
		if i == maxOdd {
			w.add("odd-figure", w.node, "%d more fields of INFO make no sense", len(c.odd)-i)
			break
		}
		w.add("odd-figure", w.node, "INFO has %q for %q, which makes no sense: it is treated as unknown", shortName(odd.Value), shortName(odd.Field))
	}
	if c.oddType != nil {
		w.add("odd-figure", w.node, "TYPE answered %q, which is not the name of a type, or is one type too many to list: such keys are under %s", *c.oddType, profile.OtherType)
	}
	if c.setBack > 0 {
		w.add("odd-figure", w.node, "the clock of the machine that ran keyprof was set back by %v during the scan: the end given here is the beginning plus the time that the scan took", c.setBack.Round(time.Second))
	}
}

// addOdd adds the invalid fields of another reply to INFO.
func (c *collector) addOdd(more []info.InvalidField) {
	for _, odd := range more {
		if !slices.ContainsFunc(c.odd, func(o info.InvalidField) bool { return o.Field == odd.Field }) {
			c.odd = append(c.odd, odd)
		}
	}
}

// warnStalls names the commands that took longer than the timeout.
func warnStalls(w *warner, p *profile.Profile) {
	for _, s := range p.Receipt.Stalls {
		what := "got no answer for"
		if s.Answered {
			what = "took"
		}
		took := time.Duration(s.TookS * float64(time.Second)).Round(time.Millisecond)
		w.add("key-stalled", fmt.Sprintf("db%d", s.DB), "%s of key %q%s %s %v, longer than --timeout; other clients may have waited as long, so it was not sent again",
			strings.ToUpper(s.Command), shortName(s.Name), ofType(s.Type), what, took)
	}
}

func ofType(name string) string {
	if name == "" {
		return ""
	}
	return " (" + name + ")"
}

// maxShownName is the longest part of a name shown in a sentence, in bytes.
const maxShownName = 100

func shortName(name string) string {
	if len(name) <= maxShownName {
		return name
	}
	return strings.ToValidUTF8(name[:maxShownName], "") + "…"
}
