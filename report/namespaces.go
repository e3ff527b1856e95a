package report

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"keyprof/report/unit"
	"keyprof/sampler/profile"
)

// namespaceRow is one row of the table of namespaces.
type namespaceRow struct {
	label   string
	name    bool // label is a namespace
	style   style
	db      *int
	summary summary
}

// namespaceSection returns the main table of the report.
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
	return []line{say(words("Sorted by " + v.order.label + ": " + string(v.order.instead) + " are not available.")).in(quiet)}
}

// namespaceRows returns the rows of single namespaces, then (other), then the sum
// of those not shown.
func namespaceRows(v *view) []namespaceRow {
	shown, rest := v.split()
	var rows []namespaceRow
	for _, ns := range append(shown[:len(shown):len(shown)], v.other...) {
		rows = append(rows, namespaceRow{label: displayPattern(ns), name: !ns.Other, db: &ns.DB, summary: summarize(&ns.Stats)})
	}
	if n := int64(len(rest)); n > 0 {
		rows = append(rows, namespaceRow{label: "… " + plural(n, "more namespace"), style: quiet, summary: summarize(statsOf(rest)...)})
	}
	return rows
}

// namespaceSums returns the rows below the line.
func namespaceSums(v *view) []namespaceRow {
	total := namespaceRow{label: "total", style: strong, summary: summarize(&v.p.Totals)}
	if v.o.Under == "" {
		return []namespaceRow{total}
	}
	total.label = v.wholeLabel()
	return []namespaceRow{{label: "all of these", style: strong, summary: summarize(v.scope()...)}, total}
}

// namespaceGrid lays the rows out; the last foot of them are sums.
func namespaceGrid(v *view, rows []namespaceRow, foot int) *grid {
	whole := summarize(&v.p.Totals)
	b := newGrid(len(rows), foot)
	for _, f := range namespaceFigures(v, whole, sampled(v.p)) {
		f.values = make([]*float64, len(rows))
		for i, r := range rows {
			f.values[i] = f.of(r.summary)
		}
		f.styles = f.stylesFor(rows, whole)
		b.number(f.figures)
	}
	if v.manyDBs {
		b.words(column{head: [2]string{"", "db"}, apart: true}, dbCells(rows))
	}
	cells := make([]cell, len(rows))
	for i, r := range rows {
		cells[i] = cell{text: r.label, name: r.name, style: r.style}
	}
	b.words(column{head: [2]string{"", "namespace"}, left: true, wraps: true, apart: true}, cells)
	return b.done()
}

// namespaceFigure is a column of figures and how to read them.
type namespaceFigure struct {
	figures
	of       func(summary) *float64
	critical bool // high shares are to be seen at once
}

func namespaceFigures(v *view, whole summary, sampled bool) []namespaceFigure {
	fig := func(top, low string, kind unit.Kind, of func(summary) *float64) namespaceFigure {
		return namespaceFigure{figures: figures{column: column{head: [2]string{top, low}}, kind: kind}, of: of}
	}
	list := []namespaceFigure{
		fig("", "keys", unit.Count, func(t summary) *float64 { return profile.Float(t.keys) }),
		fig("", "%", unit.Percent, func(t summary) *float64 { return ratio(t.keys, whole.keys) }),
		fig("bytes", "", unit.Bytes, func(t summary) *float64 { return profile.Float(t.bytes) }),
		fig("", "%", unit.Percent, func(t summary) *float64 { return ratio(t.bytes, whole.bytes) }),
		fig("no", "TTL%", unit.Percent, func(t summary) *float64 { return ratio(t.noTTLKeys, t.keys) }),
		fig("TTL", "p50", unit.Span, func(t summary) *float64 { return t.ttl.median() }),
		fig("idle", "p50", unit.Span, func(t summary) *float64 { return t.idle.median() }),
		fig("idle", "%>"+v.threshold(), unit.Percent, highIdleShare),
		fig("mean", "", unit.Bytes, func(t summary) *float64 { return t.size.average() }),
		fig("p99", "", unit.Bytes, func(t summary) *float64 { return t.size.tail() }),
		fig("max", "", unit.Bytes, func(t summary) *float64 { return t.size.largest() }),
	}
	for _, groupStart := range []int{2, 4, 6, 8} {
		list[groupStart].apart = true
	}
	list[4].critical = true
	for dropPriority, i := range []int{3, 4, 7, 1, 10, 8, 6, 5, 9} { // the last of these is left out first
		list[i].dropPriority = dropPriority + 1
	}
	if !sampled {
		return list
	}
	list = slices.Insert(list, 3, fig("", "±%", unit.Percent, func(t summary) *float64 { return t.bytesOff }))
	return slices.Insert(list, 1, fig("", "±%", unit.Percent, func(t summary) *float64 { return t.keysOff }))
}

// highIdleShare is a share of the bytes, or of the keys if bytes were not measured.
func highIdleShare(t summary) *float64 {
	if t.bytes == nil {
		return ratio(t.idleKeys, t.keys)
	}
	return ratio(t.idleBytes, t.bytes)
}

// A share is critical if nearly all keys of a namespace have no TTL,
// and the namespace is a large part of the whole.
const (
	criticalNoTTL = 0.9
	criticalPart  = 0.1
)

func (f namespaceFigure) stylesFor(rows []namespaceRow, whole summary) []style {
	if !f.critical {
		return nil
	}
	styles := make([]style, len(rows))
	for i, r := range rows {
		part := ratio(r.summary.bytes, whole.bytes)
		if part == nil {
			part = ratio(r.summary.keys, whole.keys)
		}
		if v := f.values[i]; v != nil && part != nil && *v >= criticalNoTTL && *part >= criticalPart {
			styles[i] = critical
		}
	}
	return styles
}

// threshold returns the high-idle threshold in words.
func (v *view) threshold() string { return unit.FormatDuration(float64(v.p.Design.IdleOverS)) }

// namespaceNotes explains the table.
func namespaceNotes(v *view) []line {
	text := "p50 is the median"
	if v.p.Totals.Bytes != nil {
		text += "; mean, p99 and max are sizes of a key"
	}
	if idleKeysOf(&v.p.Totals) != nil {
		text += "; %>" + v.threshold() + " is the share of the namespace's " + v.unitOfWeight() + " that is idle for more than " + v.threshold()
	}
	if sampled(v.p) {
		text += "; ±% is the 95 % confidence interval; - in its place means that a few keys hold most of the bytes, or may, so that the true figure may be far larger"
	}
	notes := []line{say(words(text + ".")).in(quiet)}
	if len(v.other) > 0 {
		notes = append(notes, say(words(profile.OtherPattern+" is not a namespace: it sums up the keys beyond the limit of "+
			plural(int64(v.p.Design.NamespaceLimit), "namespace")+".")).in(quiet))
	}
	return notes
}

func dbCells(rows []namespaceRow) []cell {
	cells := make([]cell, len(rows))
	for i, r := range rows {
		if r.db != nil {
			cells[i].text = dbNumber(*r.db)
		}
	}
	return cells
}

// dbNumber returns the number of a database, which is a name, not a figure.
func dbNumber(db int) string { return strconv.Itoa(db) }

// verb returns the verb form for n things.
func verb(n int64, one, many string) string { return pick(n == 1, one, many) }

// pick chooses between two wordings or styles.
func pick[T any](first bool, yes, no T) T {
	if first {
		return yes
	}
	return no
}

// plural returns a count of things: "1 key", "2 keys".
func plural(n int64, thing string) string {
	if n == 1 {
		return unit.FormatCount(n) + " " + thing
	}
	return unit.FormatCount(n) + " " + thing + "s"
}

// view is a profile seen through Options: which namespaces, in which order.
type view struct {
	p     *profile.Profile
	o     Options
	order order
	// chosen are the namespaces below Options.Under, in order, without the (other)
	// row.
	chosen []*profile.Namespace
	other  []*profile.Namespace // the (other) rows, at most one per database
	// manyDBs is set when more than one database was scanned.
	manyDBs bool
	extent  extent
}

func newView(p *profile.Profile, o Options) *view {
	v := &view{p: p, o: o, order: orderFor(o.Sort, &p.Totals), manyDBs: countDBs(p) > 1, extent: extentOf(p)}
	for i := range p.Namespaces {
		ns := &p.Namespaces[i]
		switch {
		case ns.Other && o.Under == "":
			v.other = append(v.other, ns)
		case !ns.Other && Below(ns.Pattern, o.Under):
			v.chosen = append(v.chosen, ns)
		}
	}
	slices.SortStableFunc(v.chosen, v.order.compare)
	return v
}

// split separates the namespaces that get a row from those that are summed up.
func (v *view) split() (shown, rest []*profile.Namespace) {
	n := len(v.chosen)
	if v.o.Top > 0 && v.o.Top < n {
		n = v.o.Top
	}
	if n == len(v.chosen)-1 { // one row would take the place of one
		n++
	}
	return v.chosen[:n], v.chosen[n:]
}

// top returns the first n namespaces at most.
func (v *view) top(n int) []*profile.Namespace { return v.chosen[:min(n, len(v.chosen))] }

// scope returns the statistics that the report is about: the whole keyspace, or the
// namespaces below Options.Under.
func (v *view) scope() []*profile.Stats {
	if v.o.Under == "" {
		return []*profile.Stats{&v.p.Totals}
	}
	return statsOf(v.chosen)
}

// wholeLabel returns the label of the row of all keys that the profile covers.
func (v *view) wholeLabel() string {
	if word := v.extent.word(); word != "" {
		return "all keys" + word
	}
	return "whole keyspace"
}

func statsOf(list []*profile.Namespace) []*profile.Stats {
	out := make([]*profile.Stats, len(list))
	for i, ns := range list {
		out[i] = &ns.Stats
	}
	return out
}

// Below reports whether pattern lies under a prefix that ends where a word
// ends; see Options.Under.
func Below(pattern, under string) bool {
	rest, ok := strings.CutPrefix(pattern, under)
	if !ok || rest == "" || under == "" {
		return ok
	}
	last, _ := utf8.DecodeLastRuneInString(under)
	next, _ := utf8.DecodeRuneInString(rest)
	return !wordRune(last) || !wordRune(next)
}

func wordRune(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) }

func countDBs(p *profile.Profile) int {
	seen := map[int]bool{}
	for _, n := range p.Nodes {
		for _, db := range n.Databases {
			seen[db.DB] = true
		}
	}
	for i := range p.Namespaces {
		seen[p.Namespaces[i].DB] = true
	}
	return len(seen)
}

// order is the measure that namespaces are sorted by.
type order struct {
	label string
	of    measureOf
	// instead of an order that was asked for and whose measure is missing
	instead Sort
}

// orders lists, for each Sort, the orders to try: the first whose measure is
// available is used, and the last always is.
var orders = map[Sort][]order{
	SortBytes:      {byBytes, byKeys},
	SortKeys:       {byKeys},
	SortNoTTLBytes: {{label: "bytes without a TTL", of: noTTLBytesOf}, {label: "keys without a TTL", of: noTTLKeysOf}, byBytes, byKeys},
	SortIdleBytes:  {{label: "high-idle bytes", of: idleBytesOf}, {label: "high-idle keys", of: idleKeysOf}, byBytes, byKeys},
}

var (
	byBytes = order{label: "bytes", of: bytesOf}
	byKeys  = order{label: "keys", of: keysOf}
)

func orderFor(s Sort, totals *profile.Stats) order {
	for i, candidate := range orders[s] {
		if candidate.of(totals) == nil {
			continue
		}
		if i > 0 {
			candidate.instead = s
		}
		return candidate
	}
	return byKeys
}

// compare sorts larger namespaces first, equal ones by bytes, keys, database
// and pattern.
func (o order) compare(a, b *profile.Namespace) int {
	return cmp.Or(
		descending(o.of, a, b),
		descending(bytesOf, a, b),
		descending(keysOf, a, b),
		cmp.Compare(a.DB, b.DB),
		cmp.Compare(a.Pattern, b.Pattern),
	)
}

func descending(of measureOf, a, b *profile.Namespace) int {
	return cmp.Compare(profile.OrZero(of(&b.Stats)), profile.OrZero(of(&a.Stats)))
}

// rows returns the number of rows of a list that usually has that many: fewer, or
// more than DefaultTop, if Options.Top asks for it.
func (v *view) rows(usual int) int {
	switch top := v.o.Top; {
	case top < 0:
		return math.MaxInt
	case top > DefaultTop:
		return top
	default:
		return min(usual, top)
	}
}
