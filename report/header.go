package report

import (
	"maps"
	"slices"
	"strings"

	"keyprof/report/unit"
	"keyprof/sampler/profile"

	"keyprof/scanner/info"
)

// header returns the title and the facts: server, time and completeness.
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
		return ", limit unknown"
	case *n.Maxmemory == 0:
		return ", no limit"
	default:
		return " of " + unit.FormatBytes(*n.Maxmemory) + " (" + unit.FormatShare(unit.Share(*n.UsedMemory, *n.Maxmemory)) + ")"
	}
}

// databasesListed limits how many databases the header lists.
const databasesListed = 16

// databasesFact lists the scanned databases and their keys by INFO: "db0 (5 keys by
// INFO), db1 (2 keys by INFO)", or, if others hold keys, "only db0 (5 of 7 keys by
// INFO) of db0, db1".
func databasesFact(v *view) fact {
	keys := keysByDB(v.p)
	text := "none"
	switch e := v.extent; {
	case len(e.scanned) == 0:
	case e.listed && !e.every():
		text = "only " + listDBs(e.scanned, nil) + ofAllKeys(v, keys) + " of " + listDBs(allDBs(e), nil)
	case !e.listed:
		text = listDBs(e.scanned, keys) + "; INFO does not list the other databases"
	default:
		text = listDBs(e.scanned, keys)
	}
	return fact{label: "databases", line: say(words(text))}
}

// allDBs returns the scanned databases and those that hold keys.
func allDBs(e extent) []int {
	all := slices.Concat(e.scanned, e.left())
	slices.Sort(all)
	return all
}

// keysByDB returns the keys of each scanned database before the scan, by INFO.
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

// ofAllKeys returns the keys of the scanned databases, of all keys of the server.
func ofAllKeys(v *view, scanned map[int]int64) string {
	var some, all int64
	for _, n := range scanned {
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

// matchFact says that only some keys were scanned.
func matchFact(glob string) fact {
	return fact{label: "match", line: say(words("only keys that match "), name(display(glob)))}
}

// shortRun is the shortest run, in seconds, whose share of the server's time is
// meaningful; pauses below a tenth of it are not explained.
const shortRun = 1.0

// mainThreadAtMost returns the lesser of two upper bounds of the main thread's time
// that the run used, in seconds: its round trips, and all CPU time of the server.
func mainThreadAtMost(r *profile.Receipt) float64 {
	if r.ServerCPUS != nil {
		return min(r.MainThreadS, *r.ServerCPUS)
	}
	return r.MainThreadS
}

// bound qualifies that figure: over a link it is estimated.
func bound(r *profile.Receipt) string {
	if r.OverLink {
		return "about"
	}
	return "at most"
}

// LoadAtMost returns the share of the server's main thread that the run used, at
// most; ok is false if the run was too short.
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
		return fact{label: "load", line: say(words("run too short to measure its load: " + bound(r) + " " + unit.FormatElapsed(mainThreadAtMost(r)) + " of the server's main thread"))}
	}
	text := bound(r) + " " + unit.FormatShare(share) + " of the server's main thread"
	if r.MaxLoad > 0 {
		text += " (--max-load " + unit.FormatExactShare(r.MaxLoad) + ")"
	}
	return fact{label: "load", line: say(words(text))}
}

func underFact(v *view) fact {
	t := summarize(v.scope()...)
	text := ": " + plural(int64(len(v.chosen)), "namespace") + ", " + v.amountOf(t.keys, t.bytes)
	if slices.ContainsFunc(v.p.Namespaces, func(ns profile.Namespace) bool { return ns.Other }) {
		text += "; " + profile.OtherPattern + " may include more that are not counted here"
	}
	return fact{label: "only under", line: say(name(displayPrefix(v.o.Under)), words(text))}
}

// coverageFact says whether the profile is complete, and of how many keys.
func coverageFact(v *view) fact {
	p, t := v.p, &v.p.Totals
	switch {
	case !p.Complete:
		figures := pick(sampled(p) && !p.Totals.Keys.IsExact(), "Figures are estimated from ", "Figures cover ")
		text := "INCOMPLETE: " + strings.Join(incompleteReasons(p), "; ") + ". " + figures + measuredText(t) + "."
		return fact{label: "coverage", line: say(words(text)).in(critical)}
	case v.extent.unmeasured > 0:
		return fact{label: "coverage", line: say(words(pick(sampled(p), "some keys of the sample", "all keys were scanned, but some") + " could not be measured: " + scanText(p))).in(critical)}
	default:
		return fact{label: "coverage", line: say(words(pick(sampled(p), "", "complete: ") + scanText(p)))}
	}
}

// scanText returns the numbers of keys scanned and measured: "full scan of 10 keys,
// 4 of them measured (6 denied by ACL), in 3s".
func scanText(p *profile.Profile) string {
	t := &p.Totals
	text := pick(sampled(p), "sample of ", "full scan of ") + plural(scannedKeys(t), "key")
	if p.Design.Match != "" {
		text += verb(scannedKeys(t), " that matches", " that match")
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

// measuredText returns the number of keys that an incomplete profile covers.
func measuredText(t *profile.Stats) string {
	why := lostText(t)
	if why == "" {
		return "the " + plural(t.Probed, "key") + " measured"
	}
	return "the " + plural(t.Probed, "key") + " measured, of " + unit.FormatCount(scannedKeys(t)) + " scanned (" + why + ")"
}

// scannedKeys returns the number of keys that SCAN returned and that were probed.
func scannedKeys(t *profile.Stats) int64 {
	return t.Probed + t.Gone() + t.Unmeasured()
}

// lostText returns why scanned keys are not in any figure: "6 denied by ACL".
func lostText(t *profile.Stats) string {
	return counted([]countOf{
		{t.Vanished, "vanished"},
		{t.Expired, "expired during the scan"},
		{t.Moved, "moved to another node"},
		{t.Denied, "denied by ACL"},
		{t.TooLong, "with too long a name"},
		{t.Failed, "with an invalid reply"},
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

// incompleteReasons returns which parts are missing, why, and how far the scan got.
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
		return []string{"the reason was not recorded"}
	}
	return reasons
}

// databaseReason returns why a database is incomplete, without the reason given for
// the whole node; empty if it is complete.
func databaseReason(p *profile.Profile, db *profile.Database, given string) string {
	if db.Complete {
		return ""
	}
	why := ""
	if db.Incomplete != given {
		why = display(db.Incomplete)
	}
	if scanFinished(p, db) { // how far it came says nothing
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

// scanFinished reports whether SCAN reached the end of a database. The database may
// be incomplete all the same, if keys could not be measured.
func scanFinished(p *profile.Profile, db *profile.Database) bool {
	return db.Complete || db.Cursor == "" && lostIn(p, db.DB).unmeasured > 0
}

// lost counts keys that SCAN returned and that are not in any figure.
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

// extent says which part of the servers' keys a profile covers, and so whether a
// sentence may speak of the whole keyspace.
type extent struct {
	sampled    bool  // only some of the keys were scanned, chosen at random
	incomplete bool  // the scan did not reach its end
	matched    bool  // only keys that match a pattern were scanned
	unmeasured int64 // keys that were scanned and that refused to be measured
	// scanned and held are the numbers of the databases that were scanned and of
	// those that hold keys.
	scanned, held []int
	listed        bool // held is known
}

func extentOf(p *profile.Profile) extent {
	e := extent{
		sampled: sampled(p), incomplete: !p.Complete, matched: p.Design.Match != "",
		unmeasured: p.Totals.Unmeasured(), listed: len(p.Nodes) > 0,
	}
	scanned, held := map[int]bool{}, map[int]bool{}
	for i := range p.Nodes {
		n := &p.Nodes[i]
		for _, db := range n.Databases {
			scanned[db.DB] = true
		}
		known, ok := keyspaceOf(n)
		e.listed = e.listed && ok
		for db := range known {
			held[db] = true
		}
	}
	e.scanned, e.held = slices.Sorted(maps.Keys(scanned)), slices.Sorted(maps.Keys(held))
	return e
}

// whole reports whether the profile covers all keys of the servers.
func (e extent) whole() bool {
	return e.every() && !e.matched && e.unmeasured == 0 && !e.incomplete && !e.sampled
}

// every reports whether every database that holds keys was scanned.
func (e extent) every() bool { return e.listed && len(e.left()) == 0 }

// left returns the databases that hold keys and were not scanned.
func (e extent) left() []int {
	return slices.DeleteFunc(slices.Clone(e.held), func(db int) bool { return slices.Contains(e.scanned, db) })
}

// word restricts "the keys" to those that the profile covers: " scanned"; empty if
// it covers all.
func (e extent) word() string {
	switch {
	case e.whole():
		return ""
	case e.sampled:
		return " sampled"
	case e.unmeasured > 0:
		return " measured"
	case e.matched && e.every() && !e.incomplete:
		return " matched"
	default:
		return " scanned"
	}
}

// keyspaceOf returns INFO keyspace of a node when the scan began: the databases
// that hold keys. ok is false if INFO does not report them.
func keyspaceOf(n *profile.Node) (dbs map[int]info.Keyspace, ok bool) {
	dbs = n.Info.Databases()
	maps.DeleteFunc(dbs, func(_ int, k info.Keyspace) bool { return k.Keys == 0 })
	if len(dbs) > 0 {
		return dbs, true
	}
	return dbs, len(n.Info) > 0 && !anyReturned(n) // an empty server has no line
}

func anyReturned(n *profile.Node) bool {
	return slices.ContainsFunc(n.Databases, func(db profile.Database) bool { return db.Returned > 0 })
}
