package report

import (
	"slices"

	"keyprof/report/unit"
	"keyprof/sampler/profile"
)

// flaggedRows is how many namespaces a flag names.
const flaggedRows = 5

// neverExpiring is the flag for keys without a TTL.
func neverExpiring(v *view) section {
	s := section{title: "Never expiring"}
	t := tallyOf(v.scope()...)
	switch {
	case t.noTTLKeys == nil:
		s.lines = []line{say(words("Not known: PTTL was not measured."))}
	case *t.noTTLKeys == 0:
		s.lines = []line{say(words("None: every key" + v.there() + " has a TTL."))}
	default:
		s.lines = []line{say(words(v.amountOf(t.noTTLKeys, t.noTTLBytes) + verb(*t.noTTLKeys, " never expires:", " never expire:")))}
		s.table = flagged(v, "% of its", "keys", noTTLKeysOf, noTTLBytesOf)
	}
	return s
}

// highIdle is the flag for keys that nobody touches, or the reason why there
// is none.
func highIdle(v *view) section {
	s := section{title: "High idle: over " + v.threshold()}
	t, h := tallyOf(v.scope()...), horizonOf(v.p)
	switch {
	case v.p.Totals.Freq != nil && v.p.Totals.Idle == nil:
		s.lines = []line{say(words("Idle time is not tracked under an LFU policy; the access frequency stands in its place."))}
	case v.p.Totals.Idle == nil:
		s.lines = []line{say(words("Not known: idle time was not measured."))}
	case noIdleTimes(&v.p.Totals):
		s.lines = []line{say(words(noIdleText(&v.p.Totals)))}
	case t.idleKeys == nil:
		s.lines = []line{say(words("Cannot be told: " + h.text(v.p) + ".")), idleBasis(v, measureText(v), h.largestText())}
	case *t.idleKeys == 0:
		s.lines = []line{say(words("None" + v.among() + ".")), idleBasis(v, measureText(v), h.text(v.p), h.largestText(), h.resetText())}
	default:
		s.lines = []line{say(words(v.amountOf(t.idleKeys, t.idleBytes) + " idle for over " + v.threshold() + ":")), idleBasis(v, measureText(v), h.text(v.p), h.largestText())}
		s.table = flagged(v, "% of its", "keys", idleKeysOf, idleBytesOf)
	}
	return s
}

// there restricts "every key" to what the report is about.
func (v *view) there() string {
	if v.o.Under != "" {
		return v.extent.word() + " there"
	}
	return v.extent.word()
}

// among restricts "none" to what the profile knows of.
func (v *view) among() string {
	if word := v.extent.word(); word != "" {
		return " among the keys" + word
	}
	return ""
}

// amountOf is keys and bytes with their shares of all that the profile knows of.
func (v *view) amountOf(keys, bytes *int64) string {
	whole, those := v.p.Totals, ""
	if word := v.extent.word(); word != "" {
		those = " of those" + word
	}
	s := plural(*keys, "key") + " (" + unit.FormatShare(unit.Share(*keys, whole.Keys.Value)) + those + ")"
	if bytes != nil && whole.Bytes != nil {
		s += " with " + unit.FormatBytes(*bytes) + " (" + unit.FormatShare(unit.Share(*bytes, whole.Bytes.Value)) + " of the bytes)"
	}
	return s
}

// flagged is a table of the namespaces with the most flagged bytes, and the
// share of each namespace's keys that is flagged.
func flagged(v *view, head, below string, keys, bytes measureOf) *grid {
	list := flaggedNamespaces(v, keys, bytes)
	shown := list[:min(v.rows(flaggedRows), len(list))]
	rest := list[len(shown):]
	groups := make([][]*profile.Stats, 0, len(shown)+1)
	for _, ns := range shown {
		groups = append(groups, []*profile.Stats{&ns.Stats})
	}
	if len(rest) > 0 {
		groups = append(groups, statsOf(rest))
	}
	b := newGrid(len(groups), 0)
	b.number(groupFigures("", "keys", unit.Count, groups, func(g []*profile.Stats) *float64 { return optional(sum(g, keys)) }))
	b.number(groupFigures(head, below, unit.Percent, groups, func(g []*profile.Stats) *float64 { return ratio(sum(g, keys), sum(g, keysOf)) }))
	size := groupFigures("bytes", "", unit.Bytes, groups, func(g []*profile.Stats) *float64 { return optional(sum(g, bytes)) })
	size.apart = true
	b.number(size)
	b.number(groupFigures("% of all", "bytes", unit.Percent, groups, func(g []*profile.Stats) *float64 {
		return ratio(sum(g, bytes), bytesOf(&v.p.Totals))
	}))
	addNames(b, v, shown, len(rest))
	return b.done()
}

func flaggedNamespaces(v *view, keys, bytes measureOf) []*profile.Namespace {
	var list []*profile.Namespace
	for _, ns := range slices.Concat(v.chosen, v.other) {
		if orZero(keys(&ns.Stats)) > 0 {
			list = append(list, ns)
		}
	}
	slices.SortStableFunc(list, func(a, b *profile.Namespace) int {
		if c := descending(bytes, a, b); c != 0 {
			return c
		}
		return order{of: keys}.compare(a, b)
	})
	return list
}

// groupFigures are a column of one figure for each group of statistics.
func groupFigures(top, low string, kind unit.Kind, groups [][]*profile.Stats, of func([]*profile.Stats) *float64) figures {
	f := figures{column: column{head: [2]string{top, low}}, kind: kind}
	for _, g := range groups {
		f.values = append(f.values, of(g))
	}
	return f
}

// addNames adds the columns that say which namespace a row is about; a last
// row sums up more others.
func addNames(b *gridBuilder, v *view, shown []*profile.Namespace, more int) {
	names, dbs := make([]cell, 0, b.rows), make([]cell, 0, b.rows)
	for _, ns := range shown {
		names = append(names, cell{text: displayPattern(ns), name: !ns.Other})
		dbs = append(dbs, cell{text: dbNumber(ns.DB)})
	}
	if more > 0 {
		names = append(names, cell{text: "… " + plural(int64(more), "more namespace"), tone: quiet})
		dbs = append(dbs, cell{})
	}
	if v.manyDBs {
		b.words(column{head: [2]string{"", "db"}, apart: true}, dbs)
	}
	b.words(column{head: [2]string{"", "namespace"}, left: true, wraps: true, apart: true}, names)
}
