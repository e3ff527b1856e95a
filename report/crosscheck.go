package report

import (
	"keyprof/report/unit"
	"keyprof/sampler/profile"
)

// infoChecks hold what was walked against what INFO keyspace says: the names
// that SCAN returned, and the keys without TTL.
func infoChecks(v *view) []line {
	p := v.p
	if sampled(p) && p.Design.Sample != nil {
		return sampleLines(v)
	}
	if why := notComparable(p); why != "" {
		return []line{say(words("Not held against the numbers of keys in INFO: " + why + "."))}
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
		lines = append(lines, say(words("The keys without TTL are not held against INFO: PTTL was not measured.")))
	}
	return lines
}

// notComparable says why nothing of the profile can be held against INFO; empty
// if it can.
func notComparable(p *profile.Profile) string {
	if p.Design.Match != "" {
		return "only keys that match were walked"
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
	return "INFO does not tell them"
}

// namesLine compares the names that SCAN returned with INFO's keys before and
// after.
func namesLine(p *profile.Profile, n *profile.Node, db *profile.Database, where string) line {
	text := "Names, " + where + ": SCAN returned " + unit.FormatCount(db.Returned) + "; "
	switch {
	case db.Before == nil:
		return say(words(text + "not held against INFO, which does not tell of this database."))
	case !walkedThrough(p, db):
		return say(words(text + "INFO had " + plural(db.Before.Keys, "key") + ": the walk is incomplete."))
	case db.After == nil:
		text += "INFO had " + plural(db.Before.Keys, "key") + " before"
	case db.After.Keys == db.Before.Keys:
		text += "INFO had " + plural(db.Before.Keys, "key") + " before and after"
	default:
		text += "INFO had " + plural(db.Before.Keys, "key") + " before and " + unit.FormatCount(db.After.Keys) + " after"
	}
	return say(words(text + namesDifference(&p.Receipt, n, db) + "."))
}

// namesDifference explains why SCAN returned other than INFO had before.
func namesDifference(r *profile.Receipt, n *profile.Node, db *profile.Database) string {
	switch more := db.Returned - db.Before.Keys; {
	case more > 0:
		return ": " + unit.FormatCount(more) + " more (repeats or new keys)"
	case more == 0:
		return ""
	default:
		return ": " + unit.FormatCount(-more) + " fewer (" + whyFewer(r, n) + ")"
	}
}

// whyFewer is why SCAN may have returned fewer keys than INFO had before. What has
// expired is in INFO until the primary removes it; a replica's SCAN does not return
// it, and a primary's SCAN removes it. Keys that a full server evicts are gone before
// the walk comes to them.
func whyFewer(r *profile.Receipt, n *profile.Node) string {
	causes := ""
	if evicted := orZero(r.EvictedMeanwhile); evicted > 0 {
		causes = pick(evicted == 1, "the key", "some of "+plural(evicted, "key")) + " evicted meanwhile, "
	}
	switch noneExpired := r.ExpiredMeanwhile != nil && *r.ExpiredMeanwhile == 0; {
	case n.Role == profile.RoleReplica:
		causes += "expired but not yet reclaimed by its primary, "
	case noneExpired && causes == "":
		return "churn"
	case noneExpired:
	case n.Role == profile.RolePrimary:
		causes += "expired keys that the walk met, "
	default:
		causes += "expired keys, "
	}
	return causes + "or churn"
}

// verdict is the outcome of a cross-check.
type verdict int

const (
	exact       verdict = iota // the server says the same
	churned                    // the difference is no larger than what changed meanwhile
	evicted                    // nor than that and the keys that were evicted
	open                       // keys that were not measured leave it open
	unexplained                // it is larger than all of these
	unchecked                  // the figures cannot be compared
)

// check is one cross-check: keys without TTL, counted and as INFO has them.
type check struct {
	lost
	verdict       verdict
	counted       int64
	before, after int64  // INFO keyspace, keys less expires
	evictions     int64  // meanwhile
	why           string // it is unchecked
}

func crossCheck(p *profile.Profile, db *profile.Database) check {
	c := check{verdict: unchecked, lost: lostIn(p, db.DB)}
	switch {
	case p.Design.Match != "":
		c.why = "only keys that match were walked"
	case db.NoTTLKeys == nil:
		c.why = "PTTL was not measured"
	case !walkedThrough(p, db):
		c.why = "the walk is incomplete"
	case db.Before == nil || db.After == nil:
		c.why = "INFO was not read before and after the walk"
	default:
		c.counted = *db.NoTTLKeys
		c.before, c.after = db.Before.Keys-db.Before.Expires, db.After.Keys-db.After.Expires
		c.verdict = c.judge(drift(db))
		// As many as were evicted may have been written in their place.
		if c.evictions = orZero(p.Receipt.EvictedMeanwhile); c.verdict == unexplained && c.judge(drift(db)+c.evictions) != unexplained {
			c.verdict = evicted
		}
	}
	return c
}

// drift is how many keys are known to have come, gone or been returned more
// than once.
func drift(db *profile.Database) int64 {
	return abs(db.After.Keys-db.Before.Keys) + max(0, db.Returned-max(db.Before.Keys, db.After.Keys))
}

func abs(n int64) int64 { return max(n, -n) }

// judge holds counted + gone + not measured against INFO. Those that were gone
// or not measured may or may not have had a TTL, so the sum is a range.
func (c check) judge(drift int64) verdict {
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
	switch c.verdict {
	case unchecked:
		return say(words(lead + "not held against INFO: " + c.why + "."))
	case exact:
		return say(words(lead + c.sum() + "; INFO says the same, before and after: exact."))
	case churned:
		return say(words(lead + c.sum() + c.info() + ": the difference is churn."))
	case evicted:
		return say(words(lead + c.sum() + c.info() + ": no more than " + plural(c.evictions, "key") + " evicted meanwhile, and others written in their place, explain."))
	case open:
		return say(words(lead + c.sum() + c.info() + ": this is no contradiction, and no proof while keys are not measured."))
	default:
		return say(words(lead + c.sum() + c.info() + ": the difference is unexplained.")).in(alarm)
	}
}

// sum is "458 counted + 2 gone when probed = at most 460".
func (c check) sum() string {
	text := unit.FormatCount(c.counted) + " counted"
	if c.verdict == exact || c.gone+c.unmeasured == 0 {
		return text
	}
	for _, part := range []countOf{{c.gone, "gone when probed"}, {c.unmeasured, "not measured"}} {
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
