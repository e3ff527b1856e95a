package report

import (
	"slices"
	"strings"
	"time"

	"keyprof/report/diff"
	"keyprof/report/unit"
	"keyprof/sampler/aggregate"
	"keyprof/sampler/profile"
)

// finder looks for one thing that matters in an incident. It returns a sentence
// only if the data support all of it.
type finder func(*view) (line, bool)

// rule is a finder and the priority at which its sentence is dropped.
type rule struct {
	find         finder
	dropPriority int // when there are too many, the sentence of the highest value goes first
}

// rules lists the finders in the order of their sentences: where the memory is, why
// it is not freed, what comes next, and what is not the cause. At most maxHeadlines
// of them have a dropPriority of 0.
var rules = []rule{
	{find: dominance},
	{find: idleness, dropPriority: 1},
	{find: another},
	{find: expiry, dropPriority: 2},
	{find: limit},
	{find: evictable},
	{find: heavyKey},
	{find: lightKeys, dropPriority: 3},
	{find: otherNamespaces, dropPriority: 4},
}

// maxHeadlines limits the number of sentences.
const maxHeadlines = 5

// headlines returns the sentences of the rules that apply. They are about the whole
// profile, so a report of a part has none.
func headlines(v *view) []line {
	if v.o.Under != "" || v.p.Totals.Keys.Value == 0 {
		return nil
	}
	var lines []line
	var found []rule
	for _, r := range rules {
		if l, ok := r.find(v); ok {
			lines, found = append(lines, l), append(found, r)
		}
	}
	for len(lines) > maxHeadlines {
		i := nextToDropRule(found)
		lines, found = slices.Delete(lines, i, i+1), slices.Delete(found, i, i+1)
	}
	return lines
}

// nextToDropRule returns the index of the rule with the highest dropPriority.
func nextToDropRule(list []rule) int {
	best := 0
	for i, r := range list {
		if r.dropPriority > list[best].dropPriority {
			best = i
		}
	}
	return best
}

// Thresholds of the rules, as shares.
const (
	dominantPart  = 0.5  // a namespace with this much of the bytes is where the memory is
	mostlyIdle    = 0.5  // of a namespace's bytes
	nearLimit     = 0.9  // used memory of maxmemory
	littleToEvict = 0.25 // of the bytes
	heavyPart     = 0.25 // a single key with this much is a finding of its own
	lightPart     = 0.1  // a single key with less than this is not the problem
	anotherPart   = 0.2  // a namespace with this much of bytes or keys may need a sentence of its own
	mostlyNoTTL   = 0.5  // of a namespace's keys
)

// quietDay is the shortest idle time of a namespace's most recently used key, in
// seconds, that is worth a sentence.
const quietDay = 86400

// dominant returns the namespace that holds at least half of the bytes, or of the
// keys if bytes were not measured; nil if there is none.
func dominant(v *view) *profile.Namespace {
	of := bytesOf
	if v.p.Totals.Bytes == nil {
		of = keysOf
	}
	for _, ns := range byWeight(v) {
		if part := ratio(of(&ns.Stats), of(&v.p.Totals)); part != nil && *part >= dominantPart {
			return ns
		}
	}
	return nil
}

// dominance names the namespace that holds most of the memory, and how many of its
// keys have a TTL; or says that there is none.
func dominance(v *view) (line, bool) {
	ns := dominant(v)
	if ns == nil {
		return spreadOut(v)
	}
	text := " holds " + v.ofKeys(ns.Keys.Value)
	if ns.Bytes != nil && v.p.Totals.Bytes != nil {
		text += " and " + v.ofBytes(ns.Bytes.Value)
	} else {
		text += v.extent.word()
	}
	if clause := expiryClause(&ns.Stats); clause != "" {
		text += "; " + clause
	}
	return say(name(displayPattern(ns)), words(v.dbNote(ns)+text+".")).in(strong), true
}

// expiryClause returns how many of a namespace's keys have a TTL.
func expiryClause(s *profile.Stats) string {
	share := ratio(noTTLKeysOf(s), keysOf(s))
	switch one := s.Keys.Value == 1; {
	case share == nil:
		return ""
	case *share == 1 && s.Sample != nil:
		return "none of its measured keys has a TTL"
	case *share == 0 && s.Sample != nil:
		return "all of its measured keys have a TTL"
	case *share == 1:
		return pick(one, "its one key has no TTL", "none of its keys has a TTL")
	case *share == 0:
		return pick(one, "its one key has a TTL", "all of its keys have a TTL")
	default:
		return unit.FormatShare(*share) + " of its keys have no TTL"
	}
}

// another names a second large namespace most of whose keys have no TTL.
func another(v *view) (line, bool) {
	first := dominant(v)
	for _, ns := range byWeight(v) {
		s := &ns.Stats
		share := ratio(noTTLKeysOf(s), keysOf(s))
		if ns == first || s.Keys.Value == 1 || !largePart(v, s) || share == nil || *share <= mostlyNoTTL {
			continue // heavyKey covers single keys
		}
		text := ": " + unit.FormatShare(*share) + " of its " + plural(s.Keys.Value, "key") + " have no TTL."
		if *share == 1 && s.Sample == nil {
			text = ": none of its " + plural(s.Keys.Value, "key") + " has a TTL."
		}
		return say(name(displayPattern(ns)), words(v.dbNote(ns)+text)).in(strong), true
	}
	return line{}, false
}

// byWeight returns all namespaces, largest first, however the report is sorted.
func byWeight(v *view) []*profile.Namespace {
	list := slices.Clone(v.chosen)
	slices.SortStableFunc(list, byBytes.compare)
	return list
}

// largePart reports whether a set of keys holds a large part of the bytes or keys.
func largePart(v *view, s *profile.Stats) bool {
	part := func(of measureOf) float64 {
		if r := ratio(of(s), of(&v.p.Totals)); r != nil {
			return *r
		}
		return 0
	}
	return max(part(bytesOf), part(keysOf)) >= anotherPart
}

// spreadOut says that no namespace holds half of the bytes.
func spreadOut(v *view) (line, bool) {
	const few = 3
	if v.p.Totals.Bytes == nil || len(v.chosen) <= few {
		return line{}, false
	}
	largest := byWeight(v)[:few]
	parts := []span{words("No namespace holds half of the bytes" + v.extent.word() + "; the largest " + unit.FormatCount(few) + " hold " +
		unit.FormatShare(unit.Share(profile.OrZero(aggregate.Sum(statsOf(largest), bytesOf)), v.p.Totals.Bytes.Value)) + ": ")}
	for i, ns := range largest {
		if i > 0 {
			parts = append(parts, words(", "))
		}
		parts = append(parts, name(displayPattern(ns)), words(v.dbNote(ns)))
	}
	return say(append(parts, words("."))...).in(strong), true
}

// expiry describes the TTLs of the whole keyspace where dominance does not: most
// keys have none, or all have one.
func expiry(v *view) (line, bool) {
	t := &v.p.Totals
	share := ratio(noTTLKeysOf(t), keysOf(t))
	switch {
	case share == nil:
		return line{}, false
	case *share == 0 && v.extent.whole():
		return say(words("Every key has a TTL.")), true
	case *share >= mostlyNoTTL && dominant(v) == nil:
		return say(words(v.amountOf(noTTLKeysOf(t), noTTLBytesOf(t)) + verb(t.NoTTLKeys.Value, " has no TTL.", " have no TTL."))), true
	}
	return line{}, false
}

// idleness returns since when the dominant namespace has not been accessed. It
// continues the sentence of dominance. It returns nothing if the server's idle
// times cannot be relied on.
func idleness(v *view) (line, bool) {
	ns := dominant(v)
	if ns == nil || ns.Idle == nil || ns.Idle.IdleS == nil || !horizonOf(v.p).trusted() {
		return line{}, false
	}
	touched := "accessed"
	if ns.Idle.Measure != profile.IdleSinceAccess {
		touched = "written (or read on this replica)"
	}
	var clauses []string
	if share := highIdleShare(summarize(&ns.Stats)); share != nil && *share >= mostlyIdle {
		clauses = append(clauses, unit.FormatShare(*share)+" of its "+v.unitOfWeight()+" were last "+touched+" more than "+v.threshold()+" ago")
	}
	if d := ns.Idle.IdleS; d.Min >= quietDay && d.Count == ns.Keys.Value {
		since := unit.FormatDate(v.p.Began.Add(-time.Duration(d.Min) * time.Second))
		none := pick(len(clauses) == 0, "None", "none") + " of its keys has"
		if d.Count == 1 {
			none = pick(len(clauses) == 0, "Its", "its") + " one key has not"
		}
		clauses = append(clauses, none+" been "+touched+" since "+since)
	}
	if len(clauses) == 0 {
		return line{}, false
	}
	return say(words(strings.Join(clauses, "; ") + ".")), true
}

// heavyKey names a single key that holds much.
func heavyKey(v *view) (line, bool) {
	k, part := largestKey(v)
	if part < heavyPart {
		return line{}, false
	}
	return say(words("A single key, "), name(displayKey(k.KeyName)), words(v.keyNote(k)+", holds "+v.ofBytes(*k.Bytes)+".")), true
}

// lightKeys says that no single key holds much, although a namespace does.
func lightKeys(v *view) (line, bool) {
	k, part := largestKey(v)
	if part == 0 || part >= lightPart || dominant(v) == nil || !v.extent.whole() {
		return line{}, false
	}
	return say(words("No single key is the problem: the largest, "), name(displayKey(k.KeyName)),
		words(v.keyNote(k)+", holds "+v.ofBytes(*k.Bytes)+".")), true
}

// largestKey returns the largest key and its share of the bytes; 0 if none is known.
func largestKey(v *view) (k profile.Key, part float64) {
	if len(v.p.Largest) == 0 {
		return k, 0
	}
	k = v.p.Largest[0]
	if r := ratio(k.Bytes, bytesOf(&v.p.Totals)); r != nil {
		part = *r
	}
	return k, part
}

// keyNote returns a key's type and size in brackets.
func (v *view) keyNote(k profile.Key) string {
	size := unit.FormatBytes(*k.Bytes)
	switch k.Type {
	case "":
		return " (" + size + ", type unknown)"
	case stringType:
		return " (" + k.Type + ", " + size + ")"
	default:
		return " (" + displayType(k.Type) + ", " + size + " by the server's estimate)"
	}
}

// otherNamespaces sums up all other namespaces, unless another names one of them.
func otherNamespaces(v *view) (line, bool) {
	ns := dominant(v)
	others := int64(len(v.chosen) + len(v.other) - 1)
	if ns == nil || others < 1 || v.p.Totals.Bytes == nil || ns.Bytes == nil || !v.extent.whole() {
		return line{}, false
	}
	if _, guilty := another(v); guilty {
		return line{}, false
	}
	rest := v.p.Totals.Bytes.Value - ns.Bytes.Value
	if others == 1 {
		return say(words("The one other namespace holds " + v.ofBytes(rest) + ".")), true
	}
	return say(words("The " + plural(others, "other namespace") + " together hold " + v.ofBytes(rest) + ".")), true
}

// ofKeys returns a share of all keys: "98.9 % of the keys".
func (v *view) ofKeys(n int64) string {
	return unit.FormatShare(unit.Share(n, v.p.Totals.Keys.Value)) + " of the keys"
}

// ofBytes returns a share of all bytes: "97.2 % of the bytes".
func (v *view) ofBytes(n int64) string {
	return unit.FormatShare(unit.Share(n, v.p.Totals.Bytes.Value)) + " of the bytes" + v.extent.word()
}

// dbNote names the database of a namespace if there are several.
func (v *view) dbNote(ns *profile.Namespace) string {
	if !v.manyDBs {
		return ""
	}
	return " in db" + dbNumber(ns.DB)
}

// limit says that memory is nearly at maxmemory, and what happens then.
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
		text += "; at 100 %, writes fail (noeviction)" + diff.ReplicaNote(n)
	case strings.HasPrefix(n.Policy, "allkeys-"):
		text += "; at 100 %, " + displayWord(n.Policy) + " evicts keys" + diff.ReplicaNote(n)
	}
	return say(words(text + ".")), true
}

// evictable says how little a volatile-* policy can evict before writes fail. It is
// about all databases: if the profile does not cover them, INFO is used.
func evictable(v *view) (line, bool) {
	n := limitedNode(v.p)
	if n == nil || !strings.HasPrefix(n.Policy, "volatile-") {
		return line{}, false
	}
	pool, ok := measuredPool(v)
	if !ok {
		pool, ok = poolByInfo(n)
	}
	if !ok || pool.part > littleToEvict {
		return line{}, false
	}
	clause := ": " + pool.text + "; once " + verb(pool.keys, "it is", "they are") + " gone, writes fail when memory is full"
	if pool.keys == 0 {
		clause = ", and there are none: writes fail when memory is full"
	}
	return say(words(displayWord(n.Policy) + " can evict only keys that have a TTL" + clause + diff.ReplicaNote(n) + ".")), true
}

// pool counts the keys that a volatile-* policy can evict.
type pool struct {
	keys int64
	part float64 // of the server's bytes, or of its keys where bytes are not known
	text string
}

// measuredPool returns the measured pool; ok is false if the profile does not cover
// all keys.
func measuredPool(v *view) (pool, bool) {
	t := &v.p.Totals
	if t.NoTTLKeys == nil || !v.extent.whole() {
		return pool{}, false
	}
	keys := t.Keys.Value - t.NoTTLKeys.Value
	if t.Bytes == nil || t.NoTTLBytes == nil {
		return pool{keys, unit.Share(keys, t.Keys.Value), v.amountOf(&keys, nil)}, true
	}
	bytes := t.Bytes.Value - t.NoTTLBytes.Value
	return pool{keys, unit.Share(bytes, t.Bytes.Value), v.amountOf(&keys, &bytes)}, true
}

// poolByInfo returns the pool of all databases by INFO.
func poolByInfo(n *profile.Node) (pool, bool) {
	dbs, ok := keyspaceOf(n)
	var keys, expires int64
	for _, k := range dbs {
		keys += k.Keys
		expires += k.Expires
	}
	part := unit.Share(expires, keys)
	return pool{expires, part, unit.FormatCount(expires) + " of " + plural(keys, "key") + " (" + unit.FormatShare(part) + ") by INFO"}, ok && keys > 0
}

// limitedNode returns the only node if it has a memory limit; else nil.
func limitedNode(p *profile.Profile) *profile.Node {
	if len(p.Nodes) != 1 || profile.OrZero(p.Nodes[0].Maxmemory) <= 0 {
		return nil
	}
	return &p.Nodes[0]
}
