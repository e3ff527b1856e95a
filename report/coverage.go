package report

import (
	"strings"

	"keyprof/report/unit"
	"keyprof/sampler/profile"
)

// coverageFact says how complete the profile is.
func coverageFact(v *view) fact {
	p, t := v.p, &v.p.Totals
	switch {
	case !p.Complete:
		figures := pick(sampled(p) && !p.Totals.Keys.IsExact(), "Figures are estimated from ", "Figures are of ")
		text := "INCOMPLETE: " + strings.Join(incompleteReasons(p), "; ") + ". " + figures + measuredText(t) + "."
		return fact{label: "coverage", line: say(words(text)).in(alarm)}
	case v.extent.unmeasured > 0:
		return fact{label: "coverage", line: say(words(pick(sampled(p), "not all keys of the sample were measured: "+censusText(p), "all keys were walked, but not all of them measured: "+censusText(p)))).in(alarm)}
	default:
		return fact{label: "coverage", line: say(words(pick(sampled(p), "", "complete: ") + censusText(p)))}
	}
}

// censusText says how many keys were walked, and how many of these measured:
// "a census of 10 keys, 4 of them measured (6 denied by ACL), in 3s".
func censusText(p *profile.Profile) string {
	t := &p.Totals
	text := "a " + displayWord(p.Design.Method) + " of " + plural(walkedKeys(t), "key")
	if p.Design.Match != "" {
		text += verb(walkedKeys(t), " that matches", " that match")
	}
	if s := p.Design.Sample; s != nil {
		text += ", " + unit.FormatShare(s.Covered) + " of all"
	}
	if why := lostText(t); why != "" {
		text += ", " + unit.FormatCount(t.Probed) + " of them measured (" + why + ")"
	}
	if strings.Contains(text, ", ") { // a clause to close
		text += ","
	}
	return text + " in " + unit.FormatElapsed(p.Receipt.ElapsedS)
}

// measuredText says of how many keys an incomplete profile knows.
func measuredText(t *profile.Stats) string {
	why := lostText(t)
	if why == "" {
		return "the " + plural(t.Probed, "key") + " measured"
	}
	return "the " + plural(t.Probed, "key") + " measured, of " + unit.FormatCount(walkedKeys(t)) + " walked (" + why + ")"
}

// walkedKeys are all keys that SCAN returned and that were probed.
func walkedKeys(t *profile.Stats) int64 {
	return t.Probed + t.Gone() + t.Unmeasured()
}

// lostText says why keys that were walked are in no figure: "6 denied by ACL".
func lostText(t *profile.Stats) string {
	return counted([]countOf{
		{t.Vanished, "gone when probed"},
		{t.Expired, "expired meanwhile"},
		{t.Moved, "moved to another node"},
		{t.Denied, "denied by ACL"},
		{t.TooLong, "named too long"},
		{t.Failed, "answered without sense"},
	})
}

// countOf is a number and what it counts.
type countOf struct {
	n    int64
	what string
}

// counted lists the counts that are not 0.
func counted(counts []countOf) string {
	var parts []string
	for _, c := range counts {
		if c.n > 0 {
			parts = append(parts, unit.FormatCount(c.n)+" "+c.what)
		}
	}
	return strings.Join(parts, ", ")
}

// incompleteReasons say which part is missing, why, and how far it came.
func incompleteReasons(p *profile.Profile) []string {
	var reasons []string
	for i := range p.Nodes {
		n := &p.Nodes[i]
		if n.Incomplete != "" {
			reasons = append(reasons, displayWord(n.Address)+": "+display(n.Incomplete))
		}
		for j := range n.Databases {
			if text := databaseReason(p, &n.Databases[j], n.Incomplete); text != "" {
				reasons = append(reasons, text)
			}
		}
	}
	if len(reasons) == 0 {
		return []string{"the profile does not say why"}
	}
	return reasons
}

// databaseReason leaves out the reason that was given for the whole node; there
// is none for a database that is complete.
func databaseReason(p *profile.Profile, db *profile.Database, given string) string {
	if db.Complete {
		return ""
	}
	why := ""
	if db.Incomplete != given {
		why = display(db.Incomplete)
	}
	if walkedThrough(p, db) { // how far it came says nothing
		return why
	}
	text := "db" + dbNumber(db.DB)
	if why != "" {
		text += ": " + why
	}
	if db.Before == nil {
		return text
	}
	return text + " after " + unit.FormatCount(db.Returned) + " of about " + plural(db.Before.Keys, "key") +
		" (" + unit.FormatShare(min(1, unit.Share(db.Returned, db.Before.Keys))) + ")"
}

// walkedThrough reports whether SCAN came to the end of a database, which may
// be incomplete all the same as some of its keys could not be measured.
func walkedThrough(p *profile.Profile, db *profile.Database) bool {
	return db.Complete || db.Cursor == "" && lostIn(p, db.DB).unmeasured > 0
}

// lost is what SCAN returned of a database and what is in no figure.
type lost struct {
	gone       int64 // no longer there when probed
	unmeasured int64 // denied, stalled, or answered without sense
}

func lostIn(p *profile.Profile, db int) lost {
	var l lost
	for i := range p.Namespaces {
		if ns := &p.Namespaces[i]; ns.DB == db {
			l.gone += ns.Gone()
			l.unmeasured += ns.Unmeasured() + ns.Stalled
		}
	}
	return l
}
