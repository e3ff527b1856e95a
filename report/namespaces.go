package report

import (
	"slices"
	"strconv"

	"keyprof/report/unit"
	"keyprof/sampler/profile"
)

// row is one row of the table of namespaces.
type row struct {
	label string
	name  bool // label is a namespace
	tone  tone
	db    *int
	tally tally
}

// namespaceSection is the table that the report is about.
func namespaceSection(v *view) section {
	rows, foot := namespaceRows(v), namespaceSums(v)
	return section{
		title: "Namespaces by " + v.order.label,
		lines: v.orderNotes(),
		table: namespaceGrid(v, append(rows, foot...), len(foot)),
		notes: namespaceNotes(v),
	}
}

func (v *view) orderNotes() []line {
	if v.order.instead == "" {
		return nil
	}
	return []line{say(words("Sorted by " + v.order.label + " instead of " + string(v.order.instead) + ", as these are not known.")).in(quiet)}
}

// namespaceRows are the rows of single namespaces, then what is left over, then
// the sum of those that are not shown.
func namespaceRows(v *view) []row {
	shown, rest := v.split()
	var rows []row
	for _, ns := range append(shown[:len(shown):len(shown)], v.other...) {
		rows = append(rows, row{label: displayPattern(ns), name: !ns.Other, db: &ns.DB, tally: tallyOf(&ns.Stats)})
	}
	if n := int64(len(rest)); n > 0 {
		rows = append(rows, row{label: "… " + plural(n, "more namespace"), tone: quiet, tally: tallyOf(statsOf(rest)...)})
	}
	return rows
}

// namespaceSums are the rows below the line.
func namespaceSums(v *view) []row {
	total := row{label: "total", tone: strong, tally: tallyOf(&v.p.Totals)}
	if v.o.Under == "" {
		return []row{total}
	}
	total.label = v.wholeLabel()
	return []row{{label: "all of these", tone: strong, tally: tallyOf(v.scope()...)}, total}
}

// namespaceGrid lays the rows out; the last foot of them are sums.
func namespaceGrid(v *view, rows []row, foot int) *grid {
	whole := tallyOf(&v.p.Totals)
	b := newGrid(len(rows), foot)
	for _, f := range namespaceFigures(v, whole, sampled(v.p)) {
		f.values = make([]*float64, len(rows))
		for i, r := range rows {
			f.values[i] = f.of(r.tally)
		}
		f.tones = f.tonesFor(rows, whole)
		b.number(f.figures)
	}
	if v.manyDBs {
		b.words(column{head: [2]string{"", "db"}, apart: true}, dbCells(rows))
	}
	cells := make([]cell, len(rows))
	for i, r := range rows {
		cells[i] = cell{text: r.label, name: r.name, tone: r.tone}
	}
	b.words(column{head: [2]string{"", "namespace"}, left: true, wraps: true, apart: true}, cells)
	return b.done()
}

// namespaceFigure is a column of figures and where it reads them.
type namespaceFigure struct {
	figures
	of       func(tally) *float64
	alarming bool // high shares are to be seen at once
}

func namespaceFigures(v *view, whole tally, sampled bool) []namespaceFigure {
	fig := func(top, low string, kind unit.Kind, of func(tally) *float64) namespaceFigure {
		return namespaceFigure{figures: figures{column: column{head: [2]string{top, low}}, kind: kind}, of: of}
	}
	list := []namespaceFigure{
		fig("", "keys", unit.Count, func(t tally) *float64 { return optional(t.keys) }),
		fig("", "%", unit.Percent, func(t tally) *float64 { return ratio(t.keys, whole.keys) }),
		fig("bytes", "", unit.Bytes, func(t tally) *float64 { return optional(t.bytes) }),
		fig("", "%", unit.Percent, func(t tally) *float64 { return ratio(t.bytes, whole.bytes) }),
		fig("no", "TTL%", unit.Percent, func(t tally) *float64 { return ratio(t.noTTLKeys, t.keys) }),
		fig("TTL", "p50", unit.Span, func(t tally) *float64 { return t.ttl.median() }),
		fig("idle", "p50", unit.Span, func(t tally) *float64 { return t.idle.median() }),
		fig("idle", "%>"+v.threshold(), unit.Percent, highIdleShare),
		fig("mean", "", unit.Bytes, func(t tally) *float64 { return t.size.average() }),
		fig("p99", "", unit.Bytes, func(t tally) *float64 { return t.size.tail() }),
		fig("max", "", unit.Bytes, func(t tally) *float64 { return t.size.largest() }),
	}
	for _, groupStart := range []int{2, 4, 6, 8} {
		list[groupStart].apart = true
	}
	list[4].alarming = true
	for expend, i := range []int{3, 4, 7, 1, 10, 8, 6, 5, 9} { // the last of these is left out first
		list[i].expend = expend + 1
	}
	if !sampled {
		return list
	}
	list = slices.Insert(list, 3, fig("", "±%", unit.Percent, func(t tally) *float64 { return t.bytesOff }))
	return slices.Insert(list, 1, fig("", "±%", unit.Percent, func(t tally) *float64 { return t.keysOff }))
}

// highIdleShare is by bytes, or by keys where bytes were not measured.
func highIdleShare(t tally) *float64 {
	if t.bytes == nil {
		return ratio(t.idleKeys, t.keys)
	}
	return ratio(t.idleBytes, t.bytes)
}

// What makes a share alarming: nearly all keys of a namespace never expire,
// and the namespace is a large part of the whole.
const (
	alarmingNoTTL = 0.9
	alarmingPart  = 0.1
)

func (f namespaceFigure) tonesFor(rows []row, whole tally) []tone {
	if !f.alarming {
		return nil
	}
	tones := make([]tone, len(rows))
	for i, r := range rows {
		part := ratio(r.tally.bytes, whole.bytes)
		if part == nil {
			part = ratio(r.tally.keys, whole.keys)
		}
		if v := f.values[i]; v != nil && part != nil && *v >= alarmingNoTTL && *part >= alarmingPart {
			tones[i] = alarm
		}
	}
	return tones
}

// threshold is the high-idle threshold in words.
func (v *view) threshold() string { return unit.FormatDuration(float64(v.p.Design.IdleOverS)) }

// namespaceNotes say how to read the table.
func namespaceNotes(v *view) []line {
	text := "p50 is the median"
	if v.p.Totals.Bytes != nil {
		text += "; mean, p99 and max are sizes of a key"
	}
	if idleKeysOf(&v.p.Totals) != nil {
		text += "; %>" + v.threshold() + " is the share of the namespace's " + v.unitOfWeight() + " that is idle for more than " + v.threshold()
	}
	if sampled(v.p) {
		text += "; ±% is by how much of keys or bytes they may be off, and - that a few keys hold the bytes, or may, so that they may be far more"
	}
	notes := []line{say(words(text + ".")).in(quiet)}
	if len(v.other) > 0 {
		notes = append(notes, say(words(profile.OtherPattern+" is no namespace: it holds the keys beyond the limit of "+
			plural(int64(v.p.Design.NamespaceLimit), "namespace")+".")).in(quiet))
	}
	return notes
}

func dbCells(rows []row) []cell {
	cells := make([]cell, len(rows))
	for i, r := range rows {
		if r.db != nil {
			cells[i].text = dbNumber(*r.db)
		}
	}
	return cells
}

// dbNumber is the number of a database, which is a name, not a figure.
func dbNumber(db int) string { return strconv.Itoa(db) }

// verb is the form of a verb that goes with n things.
func verb(n int64, one, many string) string { return pick(n == 1, one, many) }

// pick chooses between two wordings, or tones.
func pick[T any](first bool, yes, no T) T {
	if first {
		return yes
	}
	return no
}

// plural is n of a thing: "1 key", "2 keys".
func plural(n int64, thing string) string {
	if n == 1 {
		return unit.FormatCount(n) + " " + thing
	}
	return unit.FormatCount(n) + " " + thing + "s"
}
