package report

import (
	"strings"
	"time"

	"keyprof/report/unit"
	"keyprof/sampler/profile"
)

// A rule looks for one thing that a person in an incident must know. It speaks
// only if the data supports every word of its sentence.
type rule func(*view) (line, bool)

// rules in the order in which their sentences are read: where the memory is,
// why it does not go away, what comes next, what is innocent.
var rules = []rule{dominance, idleness, expiry, limit, evictable, oneKey, innocence}

// headlines are the sentences of the rules that apply. They are about the whole
// keyspace, so a report of a part of it has none.
func headlines(v *view) []line {
	if v.o.Under != "" || v.p.Totals.Keys.Value == 0 {
		return nil
	}
	var lines []line
	for _, r := range rules {
		if l, ok := r(v); ok {
			lines = append(lines, l)
		}
	}
	return lines
}

// Thresholds of the rules, as shares.
const (
	dominantPart  = 0.5  // a namespace with this much of the bytes is where the memory is
	mostlyIdle    = 0.5  // of a namespace's bytes
	nearLimit     = 0.9  // used memory of maxmemory
	littleToEvict = 0.25 // of the bytes
	heavyKey      = 0.25 // a single key with this much is a finding of its own
	innocentKey   = 0.1  // a single key with less than this is not the problem
)

// quietDay is the least idle time of a namespace's liveliest key, in seconds,
// that is worth a sentence.
const quietDay = 86400

// dominant is the namespace that holds at least half of the bytes, or of the
// keys where bytes were not measured.
func dominant(v *view) *profile.Namespace {
	of := bytesOf
	if v.p.Totals.Bytes == nil {
		of = keysOf
	}
	for _, ns := range v.chosen {
		if part := ratio(of(&ns.Stats), of(&v.p.Totals)); part != nil && *part >= dominantPart {
			return ns
		}
	}
	return nil
}

// dominance names the namespace that holds most of the memory and whether it
// will ever go; or says that there is none.
func dominance(v *view) (line, bool) {
	ns := dominant(v)
	if ns == nil {
		return spreadOut(v)
	}
	text := " holds " + v.ofKeys(ns.Keys.Value)
	if ns.Bytes != nil && v.p.Totals.Bytes != nil {
		text += " and " + v.ofBytes(ns.Bytes.Value)
	} else {
		text += v.which()
	}
	if clause := expiryClause(&ns.Stats); clause != "" {
		text += "; " + clause
	}
	return say(name(displayPattern(ns)), words(v.dbNote(ns)+text+".")).in(strong), true
}

// expiryClause says how many of a namespace's keys have a TTL.
func expiryClause(s *profile.Stats) string {
	share := ratio(noTTLKeysOf(s), keysOf(s))
	switch {
	case share == nil:
		return ""
	case *share == 1:
		return "none of its keys ever expires"
	case *share == 0:
		return "all of its keys have a TTL"
	default:
		return unit.FormatShare(*share) + " of its keys never expire"
	}
}

// spreadOut says that no namespace holds most of the bytes.
func spreadOut(v *view) (line, bool) {
	const few = 3
	if v.p.Totals.Bytes == nil || len(v.chosen) <= few {
		return line{}, false
	}
	largest := newView(v.p, Options{Sort: SortBytes}).top(few)
	parts := []span{words("No namespace holds half of the bytes. The largest " + unit.FormatCount(few) + " hold " +
		unit.FormatShare(unit.Share(orZero(sum(statsOf(largest), bytesOf)), v.p.Totals.Bytes.Value)) + ": ")}
	for i, ns := range largest {
		if i > 0 {
			parts = append(parts, words(", "))
		}
		parts = append(parts, name(displayPattern(ns)), words(v.dbNote(ns)))
	}
	return say(append(parts, words("."))...).in(strong), true
}

// expiry speaks of the whole keyspace where dominance did not speak for it:
// most keys never expire, or each of them does.
func expiry(v *view) (line, bool) {
	t := &v.p.Totals
	share := ratio(noTTLKeysOf(t), keysOf(t))
	switch {
	case share == nil:
		return line{}, false
	case *share == 0 && !v.partial():
		return say(words("Every key has a TTL.")), true
	case *share >= 0.5 && dominant(v) == nil:
		return say(words(v.amountOf(noTTLKeysOf(t), noTTLBytesOf(t)) + " never expire.")), true
	}
	return line{}, false
}

// idleness says since when nobody has touched the namespace that holds most. It
// goes on where dominance, which named that namespace, ended.
func idleness(v *view) (line, bool) {
	ns := dominant(v)
	if ns == nil || ns.Idle == nil || ns.Idle.IdleS == nil {
		return line{}, false
	}
	touched := "accessed"
	if ns.Idle.Measure != profile.IdleSinceAccess {
		touched = "written (or read on this replica)"
	}
	var clauses []string
	if share := highIdleShare(tallyOf(&ns.Stats)); share != nil && *share >= mostlyIdle {
		clauses = append(clauses, unit.FormatShare(*share)+" of its "+v.unitOfWeight()+" were last "+touched+" more than "+v.threshold()+" ago")
	}
	if d := ns.Idle.IdleS; d.Min >= quietDay && d.Count == ns.Keys.Value {
		since := v.p.Began.Add(-time.Duration(d.Min) * time.Second)
		clauses = append(clauses, "none of its keys has been "+touched+" since "+unit.FormatDate(since))
	}
	if len(clauses) == 0 {
		return line{}, false
	}
	return say(words(strings.Join(clauses, "; ") + ".")), true
}

// limit tells that memory is nearly used up, and what happens then.
func limit(v *view) (line, bool) {
	n := limitedNode(v.p)
	if n == nil || n.UsedMemory == nil {
		return line{}, false
	}
	used := unit.Share(*n.UsedMemory, *n.Maxmemory)
	if used < nearLimit {
		return line{}, false
	}
	text := "Memory is at " + unit.FormatShare(used) + " of maxmemory"
	switch {
	case n.Policy == "noeviction":
		text += "; at 100 % noeviction refuses writes" + replicaNote(n)
	case strings.HasPrefix(n.Policy, "allkeys-"):
		text += "; at 100 % " + displayWord(n.Policy) + " evicts keys" + replicaNote(n)
	}
	return say(words(text + ".")), true
}

// evictable says how little a volatile-* policy can evict, since that is what
// stands between a full server and refused writes.
func evictable(v *view) (line, bool) {
	n, t := limitedNode(v.p), &v.p.Totals
	if n == nil || !strings.HasPrefix(n.Policy, "volatile-") || t.NoTTLKeys == nil || v.partial() {
		return line{}, false
	}
	keys := t.Keys.Value - t.NoTTLKeys.Value
	part := unit.Share(keys, t.Keys.Value)
	var bytes *int64
	if t.Bytes != nil && t.NoTTLBytes != nil {
		b := t.Bytes.Value - t.NoTTLBytes.Value
		bytes, part = &b, unit.Share(b, t.Bytes.Value)
	}
	if part > littleToEvict {
		return line{}, false
	}
	clause := ": " + v.amountOf(&keys, bytes) + ". Once they are gone, a full server refuses writes"
	if keys == 0 {
		clause = ", and there are none: a full server refuses writes"
	}
	return say(words(displayWord(n.Policy) + " can evict only keys that have a TTL" + clause + replicaNote(n) + ".")), true
}

// limitedNode is the only node, if it has a memory limit.
func limitedNode(p *profile.Profile) *profile.Node {
	if len(p.Nodes) != 1 || orZero(p.Nodes[0].Maxmemory) <= 0 {
		return nil
	}
	return &p.Nodes[0]
}

// replicaNote reminds that what a replica is set to need not hold for its primary.
func replicaNote(n *profile.Node) string {
	if n.Role != profile.RoleReplica {
		return ""
	}
	return " (as this replica is set; the settings of its primary decide)"
}

// oneKey tells of a single key that holds much, or that none does although
// something holds most of the memory.
func oneKey(v *view) (line, bool) {
	if v.p.Totals.Bytes == nil || len(v.p.Largest) == 0 {
		return line{}, false
	}
	k := v.p.Largest[0]
	part := ratio(k.Bytes, bytesOf(&v.p.Totals))
	switch {
	case part == nil:
		return line{}, false
	case *part >= heavyKey:
		return say(words("One key alone, "), name(displayKey(k.KeyName)), words(v.keyNote(k)+", holds "+v.ofBytes(*k.Bytes)+".")), true
	case *part < innocentKey && dominant(v) != nil && !v.partial():
		return say(words("No single key is the problem: the largest, "), name(displayKey(k.KeyName)),
			words(v.keyNote(k)+", holds "+v.ofBytes(*k.Bytes)+".")), true
	}
	return line{}, false
}

// keyNote is a key's type and size in brackets.
func (v *view) keyNote(k profile.Key) string {
	note := unit.FormatBytes(*k.Bytes)
	if k.Type != "" {
		note = displayType(k.Type) + ", " + note
	}
	if k.Type != stringType {
		note += " by the server's estimate"
	}
	return " (" + note + ")"
}

// innocence clears all other namespaces.
func innocence(v *view) (line, bool) {
	ns := dominant(v)
	others := int64(len(v.chosen) + len(v.other) - 1)
	if ns == nil || others < 1 || v.p.Totals.Bytes == nil || ns.Bytes == nil || v.partial() {
		return line{}, false
	}
	rest := v.p.Totals.Bytes.Value - ns.Bytes.Value
	if others == 1 {
		return say(words("The one other namespace holds " + v.ofBytes(rest) + ".")), true
	}
	return say(words("All " + plural(others, "other namespace") + " together hold " + v.ofBytes(rest) + ".")), true
}

// ofKeys is a share of all keys: "98.9 % of the keys".
func (v *view) ofKeys(n int64) string {
	return unit.FormatShare(unit.Share(n, v.p.Totals.Keys.Value)) + " of the keys"
}

// ofBytes is a share of all bytes: "97.2 % of the bytes".
func (v *view) ofBytes(n int64) string {
	return unit.FormatShare(unit.Share(n, v.p.Totals.Bytes.Value)) + " of the bytes" + v.which()
}

// which keys or bytes a sentence is about, if not all.
func (v *view) which() string {
	switch {
	case v.p.Design.Match != "":
		return " that were matched"
	case v.partial():
		return " seen"
	}
	return ""
}

// dbNote tells namespaces of different databases apart.
func (v *view) dbNote(ns *profile.Namespace) string {
	if !v.manyDBs {
		return ""
	}
	return " in db" + dbNumber(ns.DB)
}
