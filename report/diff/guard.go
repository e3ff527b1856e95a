package diff

import (
	"fmt"
	"slices"
	"strings"

	"keyprof/sampler/profile"
)

// Refusal says that two profiles should not be compared.
type Refusal struct {
	Reason, Hint string
}

func (r *Refusal) Error() string { return r.Reason }

// What a difference makes incomparable.
var (
	idleFigures = []Measure{HighIdleBytes}
	byteFigures = []Measure{Bytes, NoTTLBytes, HighIdleBytes, MeanSize}
	sums        = []Measure{Keys, Bytes, NoTTLKeys, NoTTLBytes, HighIdleBytes}
)

// guard holds the two profiles against each other, all but their keys.
func guard(before, after *profile.Profile, o Options) (caveats []Caveat, err error) {
	sides := pair{before, after}
	for _, refuse := range []func(pair) *Caveat{pair.otherDatabases, pair.otherMatch, pair.otherNames} {
		caveat := refuse(sides)
		switch {
		case caveat == nil:
		case !o.Force:
			return nil, &Refusal{Reason: caveat.Text, Hint: "compare profiles of the same keys; --force compares these all the same"}
		default:
			caveats = append(caveats, *caveat)
		}
	}
	for _, note := range []func(pair) *Caveat{
		pair.same, pair.overlap, pair.otherLabel, pair.incomplete, pair.otherProcess, pair.idleReset, pair.otherRole, pair.otherServer,
		pair.otherAllocator, pair.otherPolicy, pair.otherThreshold, pair.otherMethod, pair.unmeasured, pair.limited,
	} {
		if caveat := note(sides); caveat != nil {
			caveats = append(caveats, *caveat)
		}
	}
	if o.Ungrouped != nil {
		caveats = append(caveats, ungrouped(o))
	}
	if caveats == nil {
		caveats = []Caveat{}
	}
	return caveats, nil
}

// ungrouped leaves namespaces out unless they are to be compared at all costs:
// the same pattern may stand for other names.
func ungrouped(o Options) Caveat {
	c := Caveat{Code: "grouping-differs", HidesNamespaces: !o.Force}
	c.Text = "names were grouped differently: " + o.Ungrouped.Error()
	if o.Force {
		c.Text += "; the same namespace may stand for other keys"
	} else {
		c.Text += "; so only all keys together are compared"
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

// pair is what guards compare.
type pair struct{ before, after *profile.Profile }

// otherDatabases tells when a database was walked on one side only, unless the
// other side knows that it was empty.
func (p pair) otherDatabases() *Caveat {
	only := func(a, b *profile.Profile) (list []int) {
		for _, db := range a.Design.Databases {
			if !slices.Contains(b.Design.Databases, db) && !knownEmpty(b, db) {
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

// otherNames: words that were redacted in one profile are not in the other.
func (p pair) otherNames() *Caveat {
	if p.before.Design.Redacted == p.after.Design.Redacted {
		return nil
	}
	return &Caveat{Code: "one-redacted", HidesNamespaces: true, Text: "one of the profiles is redacted, so its namespaces are called otherwise"}
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
		return &Caveat{Code: "walks-overlap", Text: "the new walk began before the old one had ended: there is no rate between them"}
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
	return &Caveat{Code: "incomplete", Hides: sums, Text: which + " incomplete: what is missing would look like a change, so that sums are not compared"}
}

// otherProcess: idle times do not outlive a process.
func (p pair) otherProcess() *Caveat {
	a, b := only(p.before), only(p.after)
	switch {
	case a == nil || b == nil:
		return &Caveat{Code: "nodes-differ", Hides: idleFigures, Text: fmt.Sprintf("the old profile is of %d servers, the new one of %d", len(p.before.Nodes), len(p.after.Nodes))}
	case a.RunID == "" || b.RunID == "":
		if p.before.Design.Redacted { // they are left out there
			return nil
		}
		return &Caveat{Code: "process-unknown", Hides: idleFigures, Text: "whether the same server process was profiled is not known, as INFO was refused: idle times are not compared"}
	case a.RunID == b.RunID && a.ReplID != b.ReplID && b.Role == profile.RoleReplica:
		return &Caveat{Code: "resynced", Hides: idleFigures, Text: "the replication id changed: a full resync sets idle times to 0, so they are not compared"}
	case a.RunID == b.RunID:
		return nil
	case a.ReplID == b.ReplID || descends(a, b):
		return &Caveat{Code: "other-process", Hides: idleFigures, Text: "another server process with the same data was profiled (" + whichProcess(a, b) + "): idle times are not its own, and are not compared"}
	default:
		return &Caveat{Code: "other-server", Hides: idleFigures, Text: "another server process was profiled (" + whichProcess(a, b) + "), and its replication id is another: it was restarted, or holds other data; idle times are not compared"}
	}
}

// idleReset finds a full resync, which sets all idle times to 0 and leaves no
// other trace: no key has been left alone since the old profile, though some had
// been for longer before it.
func (p pair) idleReset() *Caveat {
	a, b := only(p.before), only(p.after)
	if a == nil || b == nil || a.RunID != b.RunID || a.LargestIdleS == nil || b.LargestIdleS == nil {
		return nil
	}
	elapsed := int64(p.after.Began.Sub(p.before.Ended).Seconds())
	if *b.LargestIdleS >= elapsed || *a.LargestIdleS <= *b.LargestIdleS {
		return nil
	}
	return &Caveat{Code: "idle-reset", Hides: idleFigures, Text: fmt.Sprintf("no key is idle for longer than %d s, and %d s lie between the profiles: a full resync may have set idle times to 0, so they are not compared", *b.LargestIdleS, elapsed)}
}

// descends reports whether the data of b are those of a after a fail-over.
func descends(a, b *profile.Node) bool {
	return a.ReplID != "" && b.Info["replication"]["master_replid2"] == a.ReplID
}

func whichProcess(a, b *profile.Node) string {
	if a.Address == b.Address {
		return "at the same address"
	}
	return fmt.Sprintf("at %s, before at %s", b.Address, a.Address)
}

func (p pair) otherRole() *Caveat {
	a, b := only(p.before), only(p.after)
	if a == nil || b == nil || a.Role == b.Role {
		return nil
	}
	return &Caveat{Code: "role-differs", Hides: idleFigures, Text: fmt.Sprintf("the server was a %s, and is a %s now: idle times count from different events, and are not compared", a.Role, b.Role)}
}

func (p pair) otherServer() *Caveat {
	a, b := only(p.before), only(p.after)
	if a == nil || b == nil || a.Version == b.Version && a.Engine == b.Engine {
		return nil
	}
	return &Caveat{Code: "version-differs", Hides: byteFigures, Text: fmt.Sprintf("the server was %s %s, and is %s %s now: MEMORY USAGE of the same key differs between versions, so bytes are not compared", a.Engine, a.Version, b.Engine, b.Version)}
}

func (p pair) otherAllocator() *Caveat {
	a, b := only(p.before), only(p.after)
	if a == nil || b == nil || a.Allocator == b.Allocator {
		return nil
	}
	return &Caveat{Code: "allocator-differs", Hides: byteFigures, Text: fmt.Sprintf("the server's allocator was %q, and is %q now: the same key takes another number of bytes, so bytes are not compared", a.Allocator, b.Allocator)}
}

func (p pair) otherPolicy() *Caveat {
	a, b := only(p.before), only(p.after)
	if a == nil || b == nil || a.Policy == b.Policy {
		return nil
	}
	c := &Caveat{Code: "policy-differs", Text: fmt.Sprintf("maxmemory-policy was %s, and is %s now", orUnknown(a.Policy), orUnknown(b.Policy))}
	if isLFU(a.Policy) != isLFU(b.Policy) {
		c.Hides, c.Text = idleFigures, c.Text+": idle times are not tracked under an LFU policy, and are not compared"
	}
	return c
}

func isLFU(policy string) bool { return strings.HasSuffix(policy, "-lfu") }

func orUnknown(s string) string {
	if s == "" {
		return "not known"
	}
	return s
}

func (p pair) otherThreshold() *Caveat {
	if p.before.Design.IdleOverS == p.after.Design.IdleOverS {
		return nil
	}
	return &Caveat{Code: "threshold-differs", Hides: idleFigures, Text: "--idle-over was another: what was called high-idle is not compared"}
}

func (p pair) otherMethod() *Caveat {
	a, b := p.before.Design, p.after.Design
	switch {
	case a.Method == profile.MethodSample && b.Method == profile.MethodSample && !paired(p.before, p.after):
		return &Caveat{Code: "samples-differ", Text: "the profiles are samples of different keys: what the intervals of both explain is noise"}
	case a.Method == b.Method && a.Fraction == b.Fraction:
		return nil
	}
	return &Caveat{Code: "method-differs", Text: fmt.Sprintf("keys were chosen by a %s, then by a %s: what the intervals of estimates explain is noise", a.Method, b.Method)}
}

// unmeasured names what only one side measured.
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

// limited: which namespaces are summed up is chance.
func (p pair) limited() *Caveat {
	other := func(ns profile.Namespace) bool { return ns.Other }
	if !slices.ContainsFunc(p.before.Namespaces, other) && !slices.ContainsFunc(p.after.Namespaces, other) {
		return nil
	}
	return &Caveat{Code: "namespaces-limited", Text: "some namespaces are summed up as " + profile.OtherPattern + ": a change there, or one that seems new or gone, may be one between the rows"}
}

// only is the one server of a profile; nil if there are several, or none.
func only(p *profile.Profile) *profile.Node {
	if len(p.Nodes) != 1 {
		return nil
	}
	return &p.Nodes[0]
}

func runID(p *profile.Profile) string {
	if n := only(p); n != nil {
		return n.RunID
	}
	return ""
}
