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
	facts = append(facts, databasesFact(v))
	if p.Design.Match != "" {
		facts = append(facts, matchFact(p.Design.Match))
	}
	facts = append(facts, coverageFact(v))
	if sampled(p) {
		facts = append(facts, estimateFact(p))
	}
	if p.Design.Redacted {
		facts = append(facts, fact{label: "redacted", line: say(words("keys are shown as their namespace and a token; rare words in namespaces are <*>"))})
	}
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
	server = slices.DeleteFunc(server, func(s string) bool { return s == "" }) // INFO is refused
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

// databasesListed is how many databases the header names.
const databasesListed = 16

// databasesFact lists the databases that were walked and the keys that the
// server says they hold: "db0 (5 keys by INFO), db1 (2 keys by INFO)", or, if
// others hold keys, "only db0 (5 of 7 keys by INFO) of db0, db1".
func databasesFact(v *view) fact {
	keys := keysByDB(v.p)
	text := "none"
	switch e := v.extent; {
	case len(e.walked) == 0:
	case e.listed && !e.every():
		text = "only " + listDBs(e.walked, nil) + ofAllKeys(v, keys) + " of " + listDBs(allDBs(e), nil)
	case !e.listed:
		text = listDBs(e.walked, keys) + "; INFO does not tell which others hold keys"
	default:
		text = listDBs(e.walked, keys)
	}
	return fact{label: "databases", line: say(words(text))}
}

// allDBs are the databases that were walked and those that hold keys.
func allDBs(e extent) []int {
	all := slices.Concat(e.walked, e.left())
	slices.Sort(all)
	return all
}

// keysByDB are the keys that each walked database held before by INFO.
func keysByDB(p *profile.Profile) map[int]int64 {
	keys := map[int]int64{}
	for _, n := range p.Nodes {
		for _, db := range n.Databases {
			if db.Before != nil {
				keys[db.DB] += db.Before.Keys
			}
		}
	}
	return keys
}

// ofAllKeys is how many of the server's keys the walked databases held.
func ofAllKeys(v *view, walked map[int]int64) string {
	var some, all int64
	for _, n := range walked {
		some += n
	}
	for i := range v.p.Nodes {
		held, _ := keyspaceOf(&v.p.Nodes[i])
		for _, k := range held {
			all += k.Keys
		}
	}
	return " (" + unit.FormatCount(some) + " of " + plural(all, "key") + " by INFO)"
}

func listDBs(numbers []int, keys map[int]int64) string {
	shown := numbers[:min(len(numbers), databasesListed)]
	parts := make([]string, len(shown))
	for i, db := range shown {
		parts[i] = "db" + dbNumber(db)
		if n, ok := keys[db]; ok {
			parts[i] += " (" + plural(n, "key") + " by INFO)"
		}
	}
	if more := len(numbers) - len(shown); more > 0 {
		parts = append(parts, unit.FormatCount(int64(more))+" more")
	}
	return strings.Join(parts, ", ")
}

// matchFact says that not all keys were looked at.
func matchFact(glob string) fact {
	return fact{label: "match", line: say(words("only keys that match "), name(display(glob)))}
}

// shortRun is how long a run must be, in seconds, for its share of the server's
// time to mean anything; a tenth of it is too little of a pause to speak of.
const shortRun = 1.0

// mainThreadAtMost is the lesser of two bounds on the main thread's time that was
// ours, in seconds: that of our round trips, and all CPU time of the server.
func mainThreadAtMost(r *profile.Receipt) float64 {
	if r.ServerCPUS != nil {
		return min(r.MainThreadS, *r.ServerCPUS)
	}
	return r.MainThreadS
}

// bound says what kind of figure that is: over a link it is estimated.
func bound(r *profile.Receipt) string {
	if r.OverLink {
		return "about"
	}
	return "at most"
}

// LoadAtMost is the share of the server's main thread that was ours, at most; ok is
// false if the run was too short to tell one.
func LoadAtMost(r *profile.Receipt) (share float64, ok bool) {
	ours := mainThreadAtMost(r)
	if r.ElapsedS < shortRun || ours <= 0 {
		return 0, false
	}
	return ours / r.ElapsedS, true
}

func loadFact(r *profile.Receipt) fact {
	share, ok := LoadAtMost(r)
	if !ok {
		return fact{label: "load", line: say(words("too short a run to tell a share: " + bound(r) + " " + unit.FormatElapsed(mainThreadAtMost(r)) + " of the server's main thread was ours"))}
	}
	text := bound(r) + " " + unit.FormatShare(share) + " of the server's main thread was ours"
	if r.MaxLoad > 0 {
		text += " (allowed: " + unit.FormatExactShare(r.MaxLoad) + ")"
	}
	return fact{label: "load", line: say(words(text))}
}

func underFact(v *view) fact {
	t := tallyOf(v.scope()...)
	text := ": " + plural(int64(len(v.chosen)), "namespace") + ", " + v.amountOf(t.keys, t.bytes)
	if slices.ContainsFunc(v.p.Namespaces, func(ns profile.Namespace) bool { return ns.Other }) {
		text += "; " + profile.OtherPattern + " may hold more that is not counted here"
	}
	return fact{label: "only under", line: say(name(displayPrefix(v.o.Under)), words(text))}
}
