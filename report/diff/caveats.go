package diff

import (
	"fmt"
	"slices"
	"strings"

	"keyprof/report/unit"
	"keyprof/sampler/profile"
)

// Refusal reports that two profiles should not be compared.
type Refusal struct {
	Reason, Hint string
}

func (r *Refusal) Error() string { return r.Reason }

// Measures that a difference makes incomparable.
var (
	idleFigures = []Measure{HighIdleBytes}
	byteFigures = []Measure{Bytes, NoTTLBytes, HighIdleBytes, MeanSize}
)

// compareSettings compares everything but the keys of the two profiles: how they
// were made, and the servers. The error is a *Refusal.
func compareSettings(before, after *profile.Profile, force bool, ungrouped error) (caveats []Caveat, err error) {
	sides := pair{before, after}
	for _, refuse := range []func(pair) *Caveat{pair.otherDatabases, pair.otherMatch, pair.otherNames} {
		caveat := refuse(sides)
		switch {
		case caveat == nil:
		case !force:
			return nil, &Refusal{Reason: caveat.Text, Hint: "compare profiles of the same keys, or add --force to compare these anyway"}
		default:
			caveats = append(caveats, *caveat)
		}
	}
	add := func(notes ...func(pair) *Caveat) {
		for _, note := range notes {
			if caveat := note(sides); caveat != nil {
				caveats = append(caveats, *caveat)
			}
		}
	}
	add(pair.same, pair.overlap, pair.otherLabel, pair.incomplete, pair.bothRedacted, pair.leftOut)
	caveats = append(caveats, sides.aboutServers()...)
	add(pair.otherThreshold, pair.otherMethod, pair.unmeasured, pair.limited)
	if ungrouped != nil {
		caveats = append(caveats, otherGrouping(ungrouped, force))
	}
	if caveats == nil {
		caveats = []Caveat{}
	}
	return caveats, nil
}

// otherGrouping returns the caveat for names that were grouped differently. It hides
// namespaces unless the comparison is forced: the same pattern may stand for other
// names.
func otherGrouping(why error, force bool) Caveat {
	c := Caveat{Code: "grouping-differs", HidesNamespaces: !force}
	c.Text = "names were grouped differently: " + why.Error()
	if force {
		c.Text += "; a namespace may hold different keys in each"
	} else {
		c.Text += "; only the totals are compared"
	}
	return c
}

func hiddenBy(caveats []Caveat) map[Measure]bool {
	hidden := map[Measure]bool{}
	for _, c := range caveats {
		for _, m := range c.Hides {
			hidden[m] = true
		}
	}
	return hidden
}

func hidesNamespaces(caveats []Caveat) bool {
	return slices.ContainsFunc(caveats, func(c Caveat) bool { return c.HidesNamespaces })
}

// pair holds the two profiles.
type pair struct{ before, after *profile.Profile }

// otherDatabases returns a caveat if a database was scanned in one profile only,
// unless the other profile knows that it was empty.
func (p pair) otherDatabases() *Caveat {
	only := func(a, b *profile.Profile) (list []int) {
		walked := setOf(b.Design.Databases)
		for _, db := range a.Design.Databases {
			if !walked[db] && !knownEmpty(b, db) {
				list = append(list, db)
			}
		}
		return list
	}
	inOld, inNew := only(p.before, p.after), only(p.after, p.before)
	if len(inOld)+len(inNew) == 0 {
		return nil
	}
	return &Caveat{Code: "databases-differ", Text: fmt.Sprintf(
		"the profiles are of different databases: the old one of %s, the new one of %s",
		databases(p.before.Design.Databases), databases(p.after.Design.Databases))}
}

// leftOut returns a caveat if the profiles leave out different databases that hold
// keys.
func (p pair) leftOut() *Caveat {
	old, new := notWalked(p.before), notWalked(p.after)
	if slices.Equal(old, new) {
		return nil
	}
	return &Caveat{Code: "databases-left-out", Text: fmt.Sprintf(
		"only scanned databases are compared: the old profile leaves out %s, the new one %s, which held keys by INFO", databases(old), databases(new))}
}

// notWalked returns the databases that hold keys by INFO and were not scanned.
func notWalked(p *profile.Profile) (list []int) {
	known := setOf(p.Design.Databases)
	for i := range p.Nodes {
		for db := range p.Nodes[i].Info.Databases() {
			if !known[db] {
				known[db] = true
				list = append(list, db)
			}
		}
	}
	slices.Sort(list)
	return list
}

func setOf(numbers []int) map[int]bool {
	set := make(map[int]bool, len(numbers))
	for _, n := range numbers {
		set[n] = true
	}
	return set
}

// knownEmpty reports whether no server held keys in a database, by INFO.
func knownEmpty(p *profile.Profile, db int) bool {
	for i := range p.Nodes {
		keyspace, told := p.Nodes[i].Info["keyspace"]
		if _, holds := keyspace[fmt.Sprintf("db%d", db)]; !told || holds {
			return false
		}
	}
	return len(p.Nodes) > 0
}

func databases(numbers []int) string {
	if len(numbers) == 0 {
		return "none"
	}
	names := make([]string, len(numbers))
	for i, n := range numbers {
		names[i] = fmt.Sprintf("db%d", n)
	}
	return strings.Join(names, ", ")
}

func (p pair) otherMatch() *Caveat {
	a, b := p.before.Design.Match, p.after.Design.Match
	if a == b {
		return nil
	}
	return &Caveat{Code: "match-differs", Text: fmt.Sprintf("the profiles are of different keys: the old one of %s, the new one of %s", matched(a), matched(b))}
}

func matched(glob string) string {
	if glob == "" {
		return "all"
	}
	return fmt.Sprintf("those that match %q", glob)
}

// otherNames returns a caveat if only one profile is redacted.
func (p pair) otherNames() *Caveat {
	if p.before.Design.Redacted == p.after.Design.Redacted {
		return nil
	}
	return &Caveat{Code: "one-redacted", HidesNamespaces: true, Text: "one of the profiles is redacted, so its namespaces have other names"}
}

// bothRedacted returns a caveat for two redacted profiles: whether a word is
// redacted depends on the number of its keys at that time.
func (p pair) bothRedacted() *Caveat {
	if !p.before.Design.Redacted || !p.after.Design.Redacted || p.same() != nil {
		return nil
	}
	return &Caveat{Code: "both-redacted", HidesNamespaces: true, Text: "both profiles are redacted, and which words were replaced depends on the key counts of each: only the totals are compared"}
}

func (p pair) same() *Caveat {
	a, b := p.before, p.after
	if a.Began.Equal(b.Began) && a.Ended.Equal(b.Ended) && runID(a) == runID(b) {
		return &Caveat{Code: "same-profile", Text: "both are the same profile"}
	}
	return nil
}

func (p pair) overlap() *Caveat {
	if p.same() == nil && p.after.Began.Before(p.before.Ended) {
		return &Caveat{Code: "walks-overlap", Text: "the new scan began before the old one had ended: no rates can be computed"}
	}
	return nil
}

func (p pair) otherLabel() *Caveat {
	if a, b := p.before.Label, p.after.Label; a != b && a != "" && b != "" {
		return &Caveat{Code: "label-differs", Text: fmt.Sprintf("the labels differ: %q, then %q: this compares two deployments", a, b)}
	}
	return nil
}

func (p pair) incomplete() *Caveat {
	which := ""
	switch {
	case p.before.Complete && p.after.Complete:
		return nil
	case p.after.Complete:
		which = "the old profile is"
	case p.before.Complete:
		which = "the new profile is"
	default:
		which = "both profiles are"
	}
	return &Caveat{Code: "incomplete", Hides: Measures, Text: which + " incomplete: missing keys would look like a change, so nothing is compared"}
}

func (p pair) otherThreshold() *Caveat {
	if p.before.Design.IdleOverS == p.after.Design.IdleOverS {
		return nil
	}
	return &Caveat{Code: "threshold-differs", Hides: idleFigures, Text: "--idle-over differs, so high-idle figures are not compared"}
}

func (p pair) otherMethod() *Caveat {
	a, b := p.before.Design, p.after.Design
	switch {
	case a.Method == profile.MethodSample && b.Method == profile.MethodSample && !paired(p.before, p.after):
		return &Caveat{Code: "samples-differ", Text: "the profiles are samples of different keys: changes within their confidence intervals count as noise"}
	case a.Method == b.Method && a.Fraction == b.Fraction:
		return nil
	}
	return &Caveat{Code: "method-differs", Text: "the old profile is " + methodText(a) + ", the new one " + methodText(b) + ": changes within their confidence intervals count as noise"}
}

// methodText returns how the keys of a profile were chosen, in words.
func methodText(d profile.Design) string {
	if d.Method == profile.MethodSample {
		return "a sample of " + unit.FormatShare(d.Fraction) + " of the keys"
	}
	return "a full scan"
}

// unmeasured returns a caveat with the measures that only one profile has.
func (p pair) unmeasured() *Caveat {
	var names []string
	for _, m := range Measures {
		if m.Adds() && (side{profile: p.before}).measured(m) != (side{profile: p.after}).measured(m) {
			names = append(names, strings.ReplaceAll(string(m), "_", " "))
		}
	}
	if names == nil {
		return nil
	}
	return &Caveat{Code: "measures-differ", Text: "only one of the profiles has these, so they are not compared: " + strings.Join(names, ", ")}
}

// limited returns a caveat if namespaces are summed up: which ones is chance.
func (p pair) limited() *Caveat {
	other := func(ns profile.Namespace) bool { return ns.Other }
	if !slices.ContainsFunc(p.before.Namespaces, other) && !slices.ContainsFunc(p.after.Namespaces, other) {
		return nil
	}
	return &Caveat{Code: "namespaces-limited", Text: "some namespaces are summed up as " + profile.OtherPattern + ": one that seems new, gone or changed may only have moved into or out of that row"}
}

// aboutServers compares each server with itself, or with the one that took its
// place.
func (p pair) aboutServers() (caveats []Caveat) {
	pairs, caveat := p.nodes()
	if caveat != nil {
		return []Caveat{*caveat}
	}
	for _, n := range pairs {
		for _, note := range []func(nodes) *Caveat{
			nodes.unknownProcess, nodes.otherProcess, nodes.idleReset, nodes.otherRole, nodes.otherVersion, nodes.otherAllocator, nodes.otherPolicy,
		} {
			caveat := note(n)
			told := func(c Caveat) bool { return c.Code == caveat.Code }
			if caveat != nil && !slices.ContainsFunc(caveats, told) {
				caveats = append(caveats, *caveat)
			}
		}
	}
	return caveats
}

// nodes is one server in both profiles.
type nodes struct {
	old, new *profile.Node
	elapsed  int64 // seconds from the end of the old scan to the beginning of the new
	redacted bool  // what identifies a server is left out
}

// nodes matches the servers of the profiles; the caveat says that they cannot be
// matched.
func (p pair) nodes() (pairs []nodes, caveat *Caveat) {
	for i := range p.after.Nodes {
		n := nodes{
			new: &p.after.Nodes[i], old: counterpart(p.before, p.after, &p.after.Nodes[i]),
			elapsed: int64(p.after.Began.Sub(p.before.Ended).Seconds()), redacted: p.before.Design.Redacted || p.after.Design.Redacted,
		}
		if n.old != nil {
			pairs = append(pairs, n)
		}
	}
	if len(pairs) > 0 && len(pairs) == len(p.before.Nodes) && len(pairs) == len(p.after.Nodes) {
		return pairs, nil
	}
	return nil, &Caveat{
		Code: "nodes-differ", Hides: byteFigures, // and idle ones among them
		Text: fmt.Sprintf("the old profile is of %s, the new one of %s: the servers cannot be matched, so bytes and idle times are not compared",
			namesOf(p.before.Nodes), namesOf(p.after.Nodes)),
	}
}

// namesOf describes a list of servers.
func namesOf(list []profile.Node) string {
	switch len(list) {
	case 0:
		return "an unknown server"
	case 1:
		return list[0].Address
	default:
		return fmt.Sprintf("%d servers", len(list))
	}
}

// unknownProcess returns a caveat if INFO was refused: server processes cannot be
// told apart then.
func (n nodes) unknownProcess() *Caveat {
	if n.redacted || n.old.RunID != "" && n.new.RunID != "" {
		return nil
	}
	side := "both profiles"
	switch {
	case n.old.RunID != "":
		side = "the new profile"
	case n.new.RunID != "":
		side = "the old profile"
	}
	return &Caveat{Code: "process-unknown", Hides: idleFigures, Text: "INFO was refused for " + side + ", so the server process is unknown: idle times are not compared, and bytes may be those of another version"}
}

// otherProcess returns a caveat if the server process changed: its idle times do
// not survive.
func (n nodes) otherProcess() *Caveat {
	a, b := n.old, n.new
	switch {
	case a.RunID == "" || b.RunID == "":
		return nil
	case a.RunID == b.RunID && a.ReplID != b.ReplID && b.Role == profile.RoleReplica:
		return &Caveat{Code: "resynced", Hides: idleFigures, Text: "the replication ID changed: a full resync resets idle times, so they are not compared"}
	case a.RunID == b.RunID:
		return nil
	case a.ReplID == b.ReplID || descends(a, b):
		return &Caveat{Code: "other-process", Hides: idleFigures, Text: "the new profile is of another server process with the same data (" + whichProcess(a, b) + "): it did not measure the idle times itself, so they are not compared"}
	default:
		return &Caveat{Code: "other-server", Hides: idleFigures, Text: "the new profile is of another server process with another replication ID (" + whichProcess(a, b) + "): it was restarted, or holds other data; idle times are not compared"}
	}
}

// descends reports whether the data of b come from a by a fail-over.
func descends(a, b *profile.Node) bool {
	return a.ReplID != "" && b.Info["replication"]["master_replid2"] == a.ReplID
}

func whichProcess(a, b *profile.Node) string {
	if a.Address == b.Address {
		return "at the same address"
	}
	return fmt.Sprintf("at %s, before at %s", b.Address, a.Address)
}

// idleReset returns a caveat for a full resync, which resets all idle times and
// leaves no other trace: no key has been idle since the old profile, though some
// had been idle for longer before it.
func (n nodes) idleReset() *Caveat {
	a, b := n.old, n.new
	if a.RunID != b.RunID || a.LargestIdleS == nil || b.LargestIdleS == nil {
		return nil
	}
	if *b.LargestIdleS >= n.elapsed || *a.LargestIdleS <= *b.LargestIdleS {
		return nil
	}
	return &Caveat{Code: "idle-reset", Hides: idleFigures, Text: fmt.Sprintf("no key is idle for longer than %d s, though %d s passed between the profiles: a full resync may have reset idle times, so they are not compared", *b.LargestIdleS, n.elapsed)}
}

func (n nodes) otherRole() *Caveat {
	if !differ(n.old.Role, n.new.Role) {
		return nil
	}
	return &Caveat{Code: "role-differs", Hides: idleFigures, Text: fmt.Sprintf("the server was a %s and is now a %s: idle times count from different events, so they are not compared", n.old.Role, n.new.Role)}
}

func (n nodes) otherVersion() *Caveat {
	if !differ(n.old.Version, n.new.Version) && !differ(n.old.Engine, n.new.Engine) {
		return nil
	}
	return &Caveat{Code: "version-differs", Hides: byteFigures, Text: fmt.Sprintf("the server was %s %s and is now %s %s: MEMORY USAGE of the same key differs between versions, so bytes are not compared", n.old.Engine, n.old.Version, n.new.Engine, n.new.Version)}
}

func (n nodes) otherAllocator() *Caveat {
	if !differ(n.old.Allocator, n.new.Allocator) {
		return nil
	}
	return &Caveat{Code: "allocator-differs", Hides: byteFigures, Text: fmt.Sprintf("the server's allocator was %q and is now %q: the same key takes a different number of bytes, so bytes are not compared", n.old.Allocator, n.new.Allocator)}
}

func (n nodes) otherPolicy() *Caveat {
	a, b := n.old.Policy, n.new.Policy
	if !differ(a, b) {
		return nil
	}
	c := &Caveat{Code: "policy-differs", Text: fmt.Sprintf("maxmemory-policy was %s and is now %s", a, b)}
	if isLFU(a) != isLFU(b) {
		c.Hides, c.Text = idleFigures, c.Text+": idle times are not tracked under an LFU policy, so they are not compared"
	}
	return c
}

// differ reports whether two words of INFO are known and differ.
func differ(a, b string) bool {
	known := func(s string) bool { return s != "" && s != "unknown" }
	return known(a) && known(b) && a != b
}

func isLFU(policy string) bool { return strings.HasSuffix(policy, "-lfu") }

// onlyNode returns the server of a profile; nil if there are several, or none.
func onlyNode(p *profile.Profile) *profile.Node {
	if len(p.Nodes) != 1 {
		return nil
	}
	return &p.Nodes[0]
}

// mayBeLoaded reports whether the keys of the new profile may have been loaded from
// a file since the old one: by a restart, or by a full resync of a replica.
func (p pair) mayBeLoaded() bool {
	pairs, _ := p.nodes()
	return len(pairs) == 0 || slices.ContainsFunc(pairs, nodes.mayBeLoaded)
}

func (n nodes) mayBeLoaded() bool {
	a, b := n.old, n.new
	switch {
	case a.RunID == "" || a.RunID != b.RunID || a.ReplID != b.ReplID || a.Role != b.Role:
		return true
	case b.Role == profile.RolePrimary:
		return false
	default:
		return n.mayBeResynced()
	}
}

// mayBeResynced reports whether a replica may have been resynced. Since 7.0 a
// replica reports how many keys it loaded last, and idle times survive a resync
// only under an LRU policy.
func (n nodes) mayBeResynced() bool {
	const loaded = "rdb_last_load_keys_loaded"
	before, known := n.old.Info["persistence"][loaded]
	return !known || before != n.new.Info["persistence"][loaded] || n.new.LargestIdleS == nil || *n.new.LargestIdleS < n.elapsed
}

func runID(p *profile.Profile) string {
	if n := onlyNode(p); n != nil {
		return n.RunID
	}
	return ""
}
