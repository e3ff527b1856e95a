package report

import (
	"slices"
	"strings"

	"keyprof/report/unit"
	"keyprof/sampler/profile"
)

// header is the tool, the server, when, and how complete.
func header(v *view) (title string, facts []fact) {
	p := v.p
	title = displayWord(p.Tool.Name) + " " + displayWord(p.Tool.Version) + ", " + unit.FormatTime(p.Began)
	if p.Label != "" {
		title += ", " + displayWord(p.Label)
	}
	for i := range p.Nodes {
		facts = append(facts, nodeFacts(&p.Nodes[i])...)
	}
	facts = append(facts, databasesFact(p), coverageFact(p))
	if p.Receipt.ElapsedS > 0 {
		facts = append(facts, loadFact(&p.Receipt))
	}
	if v.o.Under != "" {
		facts = append(facts, underFact(v))
	}
	return title, facts
}

func nodeFacts(n *profile.Node) []fact {
	server := []string{displayWord(n.Address), displayWord(n.Role), strings.TrimSpace(displayWord(n.Engine) + " " + displayWord(n.Version))}
	if n.UptimeS != nil {
		server = append(server, "up "+unit.FormatDuration(float64(*n.UptimeS)))
	}
	facts := []fact{{label: "server", line: say(words(strings.Join(server, ", "))).in(strong)}}
	if text := memoryText(n); text != "" {
		facts = append(facts, fact{label: "memory", line: say(words(text))})
	}
	return facts
}

func memoryText(n *profile.Node) string {
	var parts []string
	if n.UsedMemory != nil {
		parts = append(parts, unit.FormatBytes(*n.UsedMemory)+" used"+limitText(n))
	}
	if n.Policy != "" {
		parts = append(parts, "policy "+displayWord(n.Policy))
	}
	return strings.Join(parts, ", ")
}

// limitText continues "4.62 GiB used".
func limitText(n *profile.Node) string {
	switch {
	case n.Maxmemory == nil:
		return ", limit not known"
	case *n.Maxmemory == 0:
		return ", no limit"
	default:
		return " of " + unit.FormatBytes(*n.Maxmemory) + " (" + unit.FormatShare(unit.Share(*n.UsedMemory, *n.Maxmemory)) + ")"
	}
}

// databasesFact lists the databases that were walked and the keys that the
// server says they hold.
func databasesFact(p *profile.Profile) fact {
	keys := map[int]int64{}
	var numbers []int
	for _, n := range p.Nodes {
		for _, db := range n.Databases {
			if !slices.Contains(numbers, db.DB) {
				numbers = append(numbers, db.DB)
			}
			if db.Before != nil {
				keys[db.DB] += db.Before.Keys
			}
		}
	}
	slices.Sort(numbers)
	parts := make([]string, len(numbers))
	for i, db := range numbers {
		parts[i] = "db" + dbNumber(db)
		if n, ok := keys[db]; ok {
			parts[i] += " (" + plural(n, "key") + " by INFO)"
		}
	}
	if len(parts) == 0 {
		parts = []string{"none"}
	}
	return fact{label: "databases", line: say(words(strings.Join(parts, ", ")))}
}

// coverageFact says how complete the profile is.
func coverageFact(p *profile.Profile) fact {
	if !p.Complete {
		return fact{label: "coverage", line: say(words("INCOMPLETE: " + strings.Join(incompleteReasons(p), "; ") +
			". Figures are of the " + plural(p.Totals.Keys.Value, "key") + " seen.")).in(alarm)}
	}
	text := "complete: a " + displayWord(p.Design.Method) + " of " + plural(p.Totals.Keys.Value, "key")
	if p.Design.Match != "" {
		text += " that match " + display(p.Design.Match)
	}
	return fact{label: "coverage", line: say(words(text + " in " + unit.FormatElapsed(p.Receipt.ElapsedS)))}
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
			if db := &n.Databases[j]; !db.Complete {
				reasons = append(reasons, databaseReason(db, n.Incomplete))
			}
		}
	}
	if len(reasons) == 0 {
		return []string{"the profile does not say why"}
	}
	return reasons
}

// databaseReason leaves out the reason that was given for the whole node.
func databaseReason(db *profile.Database, given string) string {
	text := "db" + dbNumber(db.DB)
	if db.Incomplete != "" && db.Incomplete != given {
		text += ": " + display(db.Incomplete)
	}
	if db.Before == nil {
		return text
	}
	return text + " after " + unit.FormatCount(db.Returned) + " of about " + plural(db.Before.Keys, "key") +
		" (" + unit.FormatShare(min(1, unit.Share(db.Returned, db.Before.Keys))) + ")"
}

func loadFact(r *profile.Receipt) fact {
	text := "at most " + unit.FormatShare(r.MainThreadS/r.ElapsedS) + " of the server's main thread was ours"
	if r.MaxLoad > 0 {
		text += " (allowed: " + unit.FormatExactShare(r.MaxLoad) + ")"
	}
	return fact{label: "load", line: say(words(text))}
}

func underFact(v *view) fact {
	t := tallyOf(v.scope()...)
	text := ": " + plural(int64(len(v.chosen)), "namespace") + ", " + v.amountOf(t.keys, t.bytes)
	return fact{label: "only under", line: say(name(display(v.o.Under)), words(text))}
}
