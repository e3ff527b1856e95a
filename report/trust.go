package report

import (
	"strings"

	"keyprof/report/unit"
	"keyprof/sampler/profile"
)

// trustSection says how far the figures hold: the cross-check against the
// server's own count, and what could not be measured.
func trustSection(v *view) (section, bool) {
	s := section{title: "How far to trust this"}
	for i := range v.p.Nodes {
		s.lines = append(s.lines, crossChecks(v.p, &v.p.Nodes[i])...)
	}
	if text := notMeasured(&v.p.Totals); text != "" {
		s.lines = append(s.lines, say(words(text)))
	}
	for _, m := range v.p.Missing {
		s.lines = append(s.lines, missingLine(m))
	}
	return s, len(s.lines) > 0
}

// crossChecks hold the keys without TTL that were counted against INFO
// keyspace, one line a database.
func crossChecks(p *profile.Profile, n *profile.Node) []line {
	var lines []line
	for i := range n.Databases {
		db := &n.Databases[i]
		if db.NoTTLKeys == nil || db.Before == nil {
			continue
		}
		where := "db" + dbNumber(db.DB)
		if len(p.Nodes) > 1 {
			where = displayWord(n.Address) + " " + where
		}
		lines = append(lines, crossCheck(p, db).line(where))
	}
	return lines
}

// verdict is the outcome of a cross-check.
type verdict int

const (
	exact       verdict = iota // the server says the same
	explained                  // the difference is no larger than what changed meanwhile
	unexplained                // it is larger
	unchecked                  // the figures cannot be compared
)

// check is one cross-check: keys without TTL, counted and as INFO has them.
type check struct {
	verdict       verdict
	counted       int64
	before, after int64  // INFO keyspace, keys less expires
	why           string // it is unchecked
}

func crossCheck(p *profile.Profile, db *profile.Database) check {
	c := check{verdict: unchecked, counted: *db.NoTTLKeys, before: db.Before.Keys - db.Before.Expires}
	switch {
	case !p.Complete || !db.Complete:
		c.why = "the walk is incomplete"
	case p.Design.Match != "":
		c.why = "only keys that match were walked"
	case db.After == nil:
		c.why = "INFO was not read after the walk"
	default:
		c.after = db.After.Keys - db.After.Expires
		c.verdict = c.judge(churn(p, db))
	}
	return c
}

func (c check) judge(churn int64) verdict {
	low, high := min(c.before, c.after), max(c.before, c.after)
	switch {
	case c.counted == c.before && c.counted == c.after:
		return exact
	case c.counted >= low-churn && c.counted <= high+churn:
		return explained
	default:
		return unexplained
	}
}

// churn is how many keys are known to have changed or escaped measurement
// during the walk: keys that came or went, that were gone or refused when
// probed, or that SCAN may have returned more than once.
func churn(p *profile.Profile, db *profile.Database) int64 {
	n := abs(db.After.Keys-db.Before.Keys) + max(0, db.Returned-max(db.Before.Keys, db.After.Keys))
	for i := range p.Namespaces {
		if ns := &p.Namespaces[i]; ns.DB == db.DB {
			n += ns.Vanished + ns.Expired + ns.Denied + ns.Failed
		}
	}
	return n
}

func abs(n int64) int64 { return max(n, -n) }

func (c check) line(where string) line {
	counted := "Cross-check, " + where + ": " + plural(c.counted, "key") + " without TTL counted; "
	info := "INFO had " + unit.FormatCount(c.before) + " before and " + unit.FormatCount(c.after) + " after"
	switch c.verdict {
	case exact:
		return say(words(counted + "INFO says the same, before and after: exact."))
	case explained:
		return say(words(counted + info + ": within what changed meanwhile."))
	case unexplained:
		return say(words(counted + info + ": the difference is unexplained.")).in(alarm)
	default:
		return say(words(counted + "not held against INFO: " + c.why + "."))
	}
}

// notMeasured tells of keys that SCAN returned and that are in no figure.
func notMeasured(t *profile.Stats) string {
	counts := []struct {
		n    int64
		what string
	}{
		{t.Vanished, "were gone when probed"},
		{t.Expired, "expired between SCAN and probe"},
		{t.Denied, "lie outside the user's ACL key patterns"},
		{t.Failed, "gave an answer that makes no sense"},
	}
	var parts []string
	for _, c := range counts {
		if c.n > 0 {
			parts = append(parts, unit.FormatCount(c.n)+" "+c.what)
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return "Keys that SCAN returned and that are in no figure: " + strings.Join(parts, ", ") + "."
}

func missingLine(m profile.Missing) line {
	text := "Not measured on " + displayWord(m.Node) + ": " + displayWord(string(m.Measure)) + " (" + display(m.Reason) + ")."
	if m.Remedy != "" {
		text += " Remedy: " + display(m.Remedy)
	}
	return say(words(text)).in(alarm)
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
