package report

import (
	"slices"
	"strings"

	"keyprof/report/unit"
	"keyprof/sampler/profile"
)

// trustSection shows the cross-checks against INFO, and what could not be measured.
func trustSection(v *view) (section, bool) {
	s := section{title: "How far to trust this", lines: infoChecks(v)}
	if text := notMeasured(&v.p.Totals); text != "" {
		s.lines = append(s.lines, say(words(text)))
	}
	if n := v.p.Totals.Stalled; n > 0 {
		s.lines = append(s.lines, say(words(plural(n, "key")+" stalled the server: figures that it did not return in time are missing.")))
	}
	for _, m := range v.p.Missing {
		s.lines = append(s.lines, missingLine(m))
	}
	return s, len(s.lines) > 0
}

// notMeasured counts the keys that SCAN returned and that are not in any figure.
func notMeasured(t *profile.Stats) string {
	text := counted([]countOf{
		{t.Vanished, "vanished before being measured"},
		{t.Expired, "expired before being measured"},
		{t.Moved, verb(t.Moved, "belongs", "belong") + " to another cluster node"},
		{t.Denied, verb(t.Denied, "is", "are") + " outside the user's ACL key patterns"},
		{t.TooLong, verb(t.TooLong, "has a name", "have names") + " too long to request"},
		{t.Failed, "got an invalid reply"},
	})
	if text == "" {
		return ""
	}
	return "Keys returned by SCAN but not in any figure: " + text + "."
}

func missingLine(m profile.Missing) line {
	text := "Not measured on " + displayWord(m.Node) + ": " + displayWord(string(m.Measure)) + " (" + display(m.Reason) + ")."
	if m.Remedy != "" {
		text += " Remedy: " + display(m.Remedy)
	}
	return say(words(text)).in(critical)
}

// warningSection numbers the warnings.
func warningSection(p *profile.Profile) (section, bool) {
	s := section{title: "Warnings", numbered: true}
	for _, w := range p.Warnings {
		text := display(w.Text)
		if w.Scope != "" {
			text = displayWord(w.Scope) + ": " + text
		}
		s.lines = append(s.lines, say(words(text+" ["+displayWord(w.Code)+"]")))
	}
	return s, len(s.lines) > 0
}

// infoChecks compares the scan with INFO keyspace: the keys that SCAN returned, and
// those without a TTL.
func infoChecks(v *view) []line {
	p := v.p
	if sampled(p) && p.Design.Sample != nil {
		return sampleLines(v)
	}
	if why := notComparable(p); why != "" {
		return []line{say(words("Not checked against the key counts in INFO: " + why + "."))}
	}
	var lines []line
	for i := range p.Nodes {
		n := &p.Nodes[i]
		for j := range n.Databases {
			db := &n.Databases[j]
			where := "db" + dbNumber(db.DB)
			if len(p.Nodes) > 1 {
				where = displayWord(n.Address) + " " + where
			}
			lines = append(lines, namesLine(p, n, db, where))
			if p.Totals.NoTTLKeys != nil {
				lines = append(lines, crossCheck(p, db).line(where))
			}
		}
	}
	if len(lines) > 0 && p.Totals.NoTTLKeys == nil {
		lines = append(lines, say(words("Keys without a TTL not checked against INFO: PTTL was not measured.")))
	}
	return lines
}

// notComparable returns why the profile cannot be compared with INFO; empty if it
// can.
func notComparable(p *profile.Profile) string {
	if p.Design.Match != "" {
		return "only keys that match were scanned"
	}
	databases := 0
	for _, n := range p.Nodes {
		for _, db := range n.Databases {
			if db.Before != nil {
				return ""
			}
			databases++
		}
	}
	if databases == 0 {
		return ""
	}
	return "INFO does not report them"
}

// namesLine compares the number of keys that SCAN returned with INFO before and
// after.
func namesLine(p *profile.Profile, n *profile.Node, db *profile.Database, where string) line {
	text := "Names, " + where + ": SCAN returned " + unit.FormatCount(db.Returned) + "; "
	switch {
	case db.Before == nil:
		return say(words(text + "not checked, as INFO does not list this database."))
	case !scanFinished(p, db):
		return say(words(text + "INFO had " + plural(db.Before.Keys, "key") + ": the scan is incomplete."))
	case db.After == nil:
		text += "INFO had " + plural(db.Before.Keys, "key") + " before"
	case db.After.Keys == db.Before.Keys:
		text += "INFO had " + plural(db.Before.Keys, "key") + " before and after"
	default:
		text += "INFO had " + plural(db.Before.Keys, "key") + " before and " + unit.FormatCount(db.After.Keys) + " after"
	}
	return say(words(text + namesDifference(&p.Receipt, n, db) + "."))
}

// namesDifference explains why SCAN returned more or fewer keys than INFO had
// before.
func namesDifference(r *profile.Receipt, n *profile.Node, db *profile.Database) string {
	switch more := db.Returned - db.Before.Keys; {
	case more > 0:
		return ": " + unit.FormatCount(more) + " more (duplicates or new keys)"
	case more == 0:
		return ""
	default:
		return ": " + unit.FormatCount(-more) + " fewer (" + whyFewer(r, n) + ")"
	}
}

// keysChanged explains a small difference from INFO.
const keysChanged = "keys changed during the scan"

// whyFewer returns why SCAN may have returned fewer keys than INFO had before.
// Expired keys stay in INFO until the primary deletes them: a replica's SCAN does
// not return them, a primary's deletes them. Keys that a full server evicts may be
// gone before SCAN reaches them.
func whyFewer(r *profile.Receipt, n *profile.Node) string {
	causes := ""
	if evicted := profile.OrZero(r.EvictedMeanwhile); evicted > 0 {
		causes = pick(evicted == 1, "the key", "some of "+plural(evicted, "key")) + " evicted during the scan, "
	}
	switch noneExpired := r.ExpiredMeanwhile != nil && *r.ExpiredMeanwhile == 0; {
	case n.Role == profile.RoleReplica:
		causes += "expired but not yet deleted by its primary, "
	case noneExpired && causes == "":
		return keysChanged
	case noneExpired:
	case n.Role == profile.RolePrimary:
		causes += "expired keys that SCAN deleted, "
	default:
		causes += "expired keys, "
	}
	return causes + "or " + keysChanged
}

// outcome is the outcome of a cross-check.
type outcome int

const (
	exact       outcome = iota // the server says the same
	churned                    // the difference is no larger than the changes during the scan
	evicted                    // nor than that and the keys that were evicted
	open                       // keys that were not measured leave it open
	unexplained                // it is larger than all of these
	unchecked                  // the figures cannot be compared
)

// check is the cross-check of a database: keys without a TTL, counted and by INFO.
type check struct {
	lost
	outcome       outcome
	counted       int64
	before, after int64  // INFO keyspace, keys less expires
	evictions     int64  // during the scan
	why           string // it is unchecked
}

func crossCheck(p *profile.Profile, db *profile.Database) check {
	c := check{outcome: unchecked, lost: lostIn(p, db.DB)}
	switch {
	case p.Design.Match != "":
		c.why = "only keys that match were scanned"
	case db.NoTTLKeys == nil:
		c.why = "PTTL was not measured"
	case !scanFinished(p, db):
		c.why = "the scan is incomplete"
	case db.Before == nil || db.After == nil:
		c.why = "INFO was not read before and after the scan"
	default:
		c.counted = *db.NoTTLKeys
		c.before, c.after = db.Before.Keys-db.Before.Expires, db.After.Keys-db.After.Expires
		c.outcome = c.outcomeWith(drift(db))
		// As many as were evicted may have been written in their place.
		if c.evictions = profile.OrZero(p.Receipt.EvictedMeanwhile); c.outcome == unexplained && c.outcomeWith(drift(db)+c.evictions) != unexplained {
			c.outcome = evicted
		}
	}
	return c
}

// drift returns the number of keys known to have come, gone or been returned twice.
func drift(db *profile.Database) int64 {
	return abs(db.After.Keys-db.Before.Keys) + max(0, db.Returned-max(db.Before.Keys, db.After.Keys))
}

func abs(n int64) int64 { return max(n, -n) }

// outcomeWith compares counted + gone + not measured with INFO. Keys that were gone
// or not measured may or may not have had a TTL, so the sum is a range.
func (c check) outcomeWith(drift int64) outcome {
	low, high := min(c.before, c.after), max(c.before, c.after)
	switch {
	case c.counted == low && c.counted == high:
		return exact
	case c.counted-drift > high || c.counted+c.gone+c.unmeasured+drift < low:
		return unexplained
	case c.unmeasured > 0:
		return open
	default:
		return churned
	}
}

func (c check) line(where string) line {
	lead := "No TTL, " + where + ": "
	switch c.outcome {
	case unchecked:
		return say(words(lead + "not checked against INFO: " + c.why + "."))
	case exact:
		return say(words(lead + c.sum() + "; INFO had the same count before and after: exact."))
	case churned:
		return say(words(lead + c.sum() + c.info() + ": " + keysChanged + "."))
	case evicted:
		return say(words(lead + c.sum() + c.info() + ": no more than the " + plural(c.evictions, "key") + " evicted during the scan and new keys in their place explain."))
	case open:
		return say(words(lead + c.sum() + c.info() + ": consistent, but not proven, as some keys were not measured."))
	default:
		return say(words(lead + c.sum() + c.info() + ": the difference is unexplained.")).in(critical)
	}
}

// sum returns "458 counted + 2 vanished = at most 460".
func (c check) sum() string {
	text := unit.FormatCount(c.counted) + " counted"
	if c.outcome == exact || c.gone+c.unmeasured == 0 {
		return text
	}
	for _, part := range []countOf{{c.gone, "vanished"}, {c.unmeasured, "not measured"}} {
		if part.n > 0 {
			text += " + " + unit.FormatCount(part.n) + " " + part.what
		}
	}
	return text + " = at most " + unit.FormatCount(c.counted+c.gone+c.unmeasured)
}

func (c check) info() string {
	if c.before == c.after {
		return "; INFO had " + unit.FormatCount(c.before) + " before and after"
	}
	return "; INFO had " + unit.FormatCount(c.before) + " before and " + unit.FormatCount(c.after) + " after"
}

const (
	// lruClockS is the period of the server's LRU clock of 24 bits, in seconds.
	lruClockS = 1 << 24
	// clockSlackS is the error of idle times and of the uptime, in seconds,
	// as the server reads its clock once a second for both.
	clockSlackS = 2
)

// horizon is the longest idle time that the server can report, as far as it is
// known.
type horizon struct {
	known   bool
	seconds int64
	largest *int64 // seconds; the largest idle time seen
}

func horizonOf(p *profile.Profile) horizon {
	h := horizon{known: len(p.Nodes) > 0}
	for i := range p.Nodes {
		h.known = h.known && p.Nodes[i].IdleHorizonS != nil
		h.see(p.Nodes[i].LargestIdleS)
	}
	if p.Totals.Idle == nil {
		h.known = false
		return h
	}
	h.seconds = p.Totals.Idle.HorizonS
	if d := p.Totals.Idle.IdleS; d != nil {
		most := int64(d.Max)
		h.see(&most)
	}
	return h
}

func (h *horizon) see(idle *int64) {
	if idle != nil && (h.largest == nil || *idle > *h.largest) {
		h.largest = idle
	}
}

// exceeded reports whether idle times were seen that this server cannot have
// measured.
func (h horizon) exceeded() bool {
	return h.known && h.largest != nil && *h.largest > h.seconds+clockSlackS
}

// trusted reports whether idle times can be relied on.
func (h horizon) trusted() bool { return h.known && !h.exceeded() }

// text returns the longest idle time that can be measured, and why.
func (h horizon) text(p *profile.Profile) string {
	switch {
	case !h.known:
		return "the longest idle time that the server can report is unknown, as INFO has no uptime"
	case h.exceeded():
		return "this server cannot have measured idle times over " + unit.FormatDuration(float64(h.seconds)) + horizonReason(p, h.seconds) +
			", yet it reports up to " + unit.FormatDuration(float64(*h.largest)) +
			": they were loaded from an RDB file saved under an LRU policy, or are left over from an LFU policy that was switched off at run time and are meaningless"
	default:
		return "idle times over " + unit.FormatDuration(float64(h.seconds)) + " cannot be measured" + horizonReason(p, h.seconds)
	}
}

// horizonReason explains the horizon: a short uptime, or the LRU clock.
func horizonReason(p *profile.Profile, horizon int64) string {
	for i := range p.Nodes {
		if up := p.Nodes[i].UptimeS; up != nil && *up <= horizon && horizon < lruClockS {
			return ", as the server has not been up for longer"
		}
	}
	if horizon >= lruClockS {
		return ", as the server's LRU clock wraps around there"
	}
	return ""
}

// largestText returns the longest idle time seen, as evidence for the horizon.
func (h horizon) largestText() string {
	if h.largest == nil || h.exceeded() { // then text names it
		return ""
	}
	return "the longest seen is " + unit.FormatDuration(float64(*h.largest))
}

// resetText returns a doubt if idle times are much shorter than the horizon.
func (h horizon) resetText() string {
	if !h.known || h.largest == nil || *h.largest*2 >= h.seconds {
		return ""
	}
	return "a restart or a full resync may have reset all idle times"
}

// measureText returns since when idle time counts.
func measureText(v *view) string {
	return "Idle time counts " + displayWord(string(v.p.Totals.Idle.Measure))
}

// idleBasis returns what idle times are based on.
func idleBasis(v *view, clauses ...string) line {
	clauses = slices.DeleteFunc(clauses, func(s string) bool { return s == "" })
	text := strings.Join(clauses, "; ") + "."
	if left := sharedText(v.p.Totals.Idle.SharedKeys); left != "" {
		text += " " + left
	}
	return say(words(text)).in(quiet)
}

// sharedText counts the keys without an idle time of their own.
func sharedText(n int64) string {
	switch n {
	case 0:
		return ""
	case 1:
		return "The idle time of 1 key is left out: its value is, or may be, an integer that the server shares between keys."
	default:
		return "The idle times of " + unit.FormatCount(n) + " keys are left out: their values are, or may be, integers that the server shares between keys."
	}
}

// noIdleTimes reports whether idle time was measured and none could be used.
func noIdleTimes(s *profile.Stats) bool {
	return s.Idle != nil && len(s.Idle.Histogram) == 0 && s.Keys.Value > 0
}

// noIdleText returns why there are no idle times.
func noIdleText(s *profile.Stats) string {
	text := "No key has a known idle time."
	if left := sharedText(s.Idle.SharedKeys); left != "" {
		text += " " + left
	}
	return text
}
