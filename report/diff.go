package report

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"

	"keyprof/report/diff"
	"keyprof/report/unit"
	"keyprof/sampler/profile"
)

// DiffOptions controls how a comparison is shown. JSON is always whole: only Format
// applies, and Under is an error.
type DiffOptions struct {
	Options
	// Namespaces are not listed that changed by less of the measure by which they
	// are, or by a lesser ratio of what there was.
	MinAmount, MinGrowth float64
	MinBytes             float64 // of bytes, whatever they are sorted by
}

// WriteDiff writes a comparison to w. Nothing is written if it cannot be rendered.
func WriteDiff(w io.Writer, c *diff.Comparison, o DiffOptions) error {
	o.Options = o.withDefaults()
	if err := o.Validate(); err != nil {
		return err
	}
	var buf bytes.Buffer
	if err := renderDiff(&buf, c, o); err != nil {
		return fmt.Errorf("rendering as %s: %w", o.Format, err)
	}
	if _, err := w.Write(buf.Bytes()); err != nil {
		return fmt.Errorf("writing the diff: %w", err)
	}
	return nil
}

func renderDiff(buf *bytes.Buffer, c *diff.Comparison, o DiffOptions) error {
	switch o.Format {
	case JSON:
		text, err := json.MarshalIndent(c, "", "  ")
		if err != nil {
			return err
		}
		buf.Write(append(profile.EscapeHidden(text), '\n'))
		return nil
	case CSV:
		return renderDiffCSV(buf, newDiffView(c, o))
	case Markdown:
		renderMarkdown(buf, newDiffDocument(newDiffView(c, o)))
	default:
		renderText(buf, newDiffDocument(newDiffView(c, o)), o.Options)
	}
	return nil
}

// diffView is a comparison seen through options: which namespaces, in which order.
type diffView struct {
	c       *diff.Comparison
	o       DiffOptions
	by      diff.Measure // what namespaces are sorted by
	chosen  []*diff.Row  // below Options.Under, in order
	manyDBs bool
}

// diffMeasures lists, for each Sort, the measures to sort by, the best first.
var diffMeasures = map[Sort][]diff.Measure{
	SortBytes:      {diff.Bytes, diff.Keys},
	SortKeys:       {diff.Keys},
	SortNoTTLBytes: {diff.NoTTLBytes, diff.NoTTLKeys, diff.Bytes, diff.Keys},
	SortIdleBytes:  {diff.HighIdleBytes, diff.Bytes, diff.Keys},
}

func newDiffView(c *diff.Comparison, o DiffOptions) *diffView {
	v := &diffView{c: c, o: o, by: diff.Keys}
	for _, m := range diffMeasures[o.Sort] {
		if c.Totals.Changes[m].Delta != nil {
			v.by = m
			break
		}
	}
	for i := range c.Namespaces {
		row := &c.Namespaces[i]
		if row.Other && o.Under == "" || !row.Other && Below(row.Pattern, o.Under) {
			v.chosen = append(v.chosen, row)
		}
	}
	v.manyDBs = countDBs(c.Old.Profile) > 1 || countDBs(c.New.Profile) > 1
	v.sortBy(v.chosen, v.by)
	return v
}

// sortBy sorts certain changes first, then by size of the change.
func (v *diffView) sortBy(rows []*diff.Row, m diff.Measure) {
	slices.SortStableFunc(rows, func(a, b *diff.Row) int {
		x, y := a.Changes[m], b.Changes[m]
		return cmp.Or(
			cmp.Compare(certain(y), certain(x)),
			cmp.Compare(size(y), size(x)),
			cmp.Compare(size(b.Changes[diff.Keys]), size(a.Changes[diff.Keys])),
			cmp.Compare(a.DB, b.DB),
			cmp.Compare(a.Pattern, b.Pattern),
		)
	})
}

// certain returns 1 for a certain change, else 0.
func certain(c diff.Change) int {
	if c.Real() {
		return 1
	}
	return 0
}

// size returns the size of a change; 0 if unknown.
func size(c diff.Change) float64 {
	if c.Delta == nil {
		return 0
	}
	return math.Abs(*c.Delta)
}

// split separates the namespaces that get a row from those without a certain, or
// large enough, change.
func (v *diffView) split() (shown, rest []*diff.Row) {
	for _, row := range v.chosen {
		if v.worthARow(row) && (v.o.Top < 0 || len(shown) < v.o.Top) {
			shown = append(shown, row)
		} else {
			rest = append(rest, row)
		}
	}
	return shown, rest
}

func (v *diffView) worthARow(row *diff.Row) bool { return moved(row) && v.enough(row, v.by) }

// enough reports whether a measure changed by as much as the options ask for.
func (v *diffView) enough(row *diff.Row, by diff.Measure) bool {
	c := row.Changes[by]
	if growth, ok := c.Growth(); ok && math.Abs(growth) < v.o.MinGrowth {
		return false
	}
	return size(c) >= v.o.MinAmount && size(row.Changes[diff.Bytes]) >= v.o.MinBytes
}

// moved reports whether anything in a row certainly changed.
func moved(row *diff.Row) bool {
	return row.State != diff.Kept || slices.ContainsFunc(diff.Measures, func(m diff.Measure) bool { return row.Changes[m].Real() })
}

// changeRow is one row of a table of changes.
type changeRow struct {
	label   string
	name    bool // label is a namespace
	style   style
	db      *int
	state   diff.State
	changes map[diff.Measure]diff.Change
}

func rowOf(r *diff.Row) changeRow {
	return changeRow{label: patternText(r.Pattern, r.Other), name: !r.Other, db: &r.DB, state: r.State, changes: r.Changes}
}

// sumRow sums up several rows.
func sumRow(label string, t style, rows []*diff.Row) changeRow {
	sum := changeRow{label: label, style: t, state: diff.Kept, changes: map[diff.Measure]diff.Change{}}
	for _, m := range diff.Measures {
		if c, ok := sumOf(m, rows); ok {
			sum.changes[m] = c
		}
	}
	quotients(sum.changes)
	return sum
}

// sumOf adds up a measure that can be added; a sum is unknown if a part is.
func sumOf(m diff.Measure, rows []*diff.Row) (c diff.Change, ok bool) {
	if !m.Adds() {
		return c, false
	}
	var before, after, delta, noise, perDay float64
	known, rated := true, true
	for _, r := range rows {
		part := r.Changes[m]
		if part.Old == nil || part.New == nil {
			return c, false
		}
		before, after = before+*part.Old, after+*part.New
		if known = known && part.Delta != nil; known {
			delta, noise = delta+*part.Delta, noise+noiseOf(part)
		}
		if rated = rated && part.PerDay != nil; rated {
			perDay += *part.PerDay
		}
	}
	c = diff.Change{Old: &before, New: &after}
	if known {
		c.Delta, c.WithinNoise = &delta, delta != 0 && math.Abs(delta) <= noise
	}
	if known && rated {
		c.PerDay = &perDay
	}
	return c, true
}

// noiseOf returns the largest error of a change.
func noiseOf(c diff.Change) float64 {
	if c.Noise == nil {
		return math.Inf(1)
	}
	return *c.Noise
}

// quotients fills in shares and means of a sum.
func quotients(sums map[diff.Measure]diff.Change) {
	for m, part := range map[diff.Measure]diff.Measure{diff.NoTTLShare: diff.NoTTLKeys, diff.MeanSize: diff.Bytes} {
		p, whole := sums[part], sums[diff.Keys]
		c := diff.Change{Old: quotient(p.Old, whole.Old), New: quotient(p.New, whole.New)}
		if c.Old != nil && c.New != nil && p.Delta != nil && whole.Delta != nil {
			delta := *c.New - *c.Old
			c.Delta, c.WithinNoise = &delta, delta != 0 && !p.Real() && !whole.Real()
		}
		sums[m] = c
	}
}

func quotient(part, whole *float64) *float64 {
	if part == nil || whole == nil || *whole == 0 {
		return nil
	}
	q := *part / *whole
	return &q
}

// diffKinds maps measures to the kinds of their figures.
var diffKinds = map[diff.Measure]unit.Kind{
	diff.Keys: unit.Count, diff.Bytes: unit.Bytes, diff.NoTTLKeys: unit.Count, diff.NoTTLBytes: unit.Bytes,
	diff.NoTTLShare: unit.Percent, diff.HighIdleBytes: unit.Bytes, diff.MeanSize: unit.Bytes,
}

// noise stands for a change within noise.
const noise = "~"

// changeColumns are the columns of a measure.
type changeColumns struct {
	measure      diff.Measure
	head         string
	old          bool // what there was, too
	growth       bool // the change in per cent, too
	perDay       bool // the rate, too
	dropPriority int  // of all its columns but the change; see column
	dropAll      bool // the change may go, too
}

// changes adds the columns of a measure, which share a unit, unless all figures are
// unknown.
func (b *gridBuilder) changes(rows []changeRow, w changeColumns) {
	set := changeSet{kind: diffKinds[w.measure]}
	for _, r := range rows {
		set.list = append(set.list, r.changes[w.measure])
	}
	if !set.chooseUnit() {
		return
	}
	set.group = &group{titles: []string{w.head, set.unitName()}}
	figure := func(of func(diff.Change) *float64) func(diff.Change) cell {
		return func(c diff.Change) cell { return figureCell(of(c), set.scale.Format) }
	}
	if w.old {
		set.add(b, column{head: [2]string{"", "old"}, apart: true, dropPriority: w.dropPriority}, figure(func(c diff.Change) *float64 { return c.Old }))
	}
	set.add(b, column{head: [2]string{"", "new"}, apart: !w.old, dropPriority: w.dropPriority}, figure(func(c diff.Change) *float64 { return c.New }))
	set.add(b, column{head: [2]string{"", "change"}, dropPriority: pick(w.dropAll, w.dropPriority+1, 0)}, func(c diff.Change) cell {
		return changeCell(c, c.Delta, set.scale.FormatChange)
	})
	if w.growth {
		set.add(b, column{head: [2]string{"", "%"}, dropPriority: w.dropPriority}, growthCell)
	}
	if w.perDay {
		set.add(b, column{head: [2]string{"", "a day"}, dropPriority: w.dropPriority + perDayFirst}, func(c diff.Change) cell {
			return changeCell(c, c.PerDay, set.scale.FormatChange)
		})
	}
}

// perDayFirst makes rates the first columns to be dropped.
const perDayFirst = 20

// changeSet is one measure of all rows of a table.
type changeSet struct {
	list  []diff.Change
	kind  unit.Kind
	scale unit.Column
	group *group
}

// chooseUnit reports whether there is anything to show.
func (s *changeSet) chooseUnit() bool {
	var values []float64
	for _, c := range s.list {
		values = append(values, present([]*float64{c.Old, c.New})...)
		if c.Delta != nil {
			values = append(values, size(c))
		}
	}
	s.scale = unit.NewColumn(s.kind, values)
	return len(values) > 0
}

func (s *changeSet) unitName() string { return pick(s.kind == unit.Percent, "%", s.scale.Unit) }

// add adds a column, unless it is empty.
func (s *changeSet) add(b *gridBuilder, c column, of func(diff.Change) cell) {
	cells := make([]cell, len(s.list))
	for i := range s.list {
		cells[i] = of(s.list[i])
	}
	if !slices.ContainsFunc(cells, func(c cell) bool { return c.text != absent }) {
		return
	}
	c.group = s.group
	b.words(c, cells)
}

func figureCell(v *float64, write func(float64) string) cell {
	if v == nil {
		return cell{text: absent, style: quiet}
	}
	return cell{text: write(*v)}
}

// changeCell is a figure derived from a change.
func changeCell(c diff.Change, v *float64, write func(float64) string) cell {
	if v != nil && c.WithinNoise {
		return cell{text: noise, style: quiet}
	}
	return figureCell(v, write)
}

// growthCell is the change in per cent of the old figure.
func growthCell(c diff.Change) cell {
	var known *float64
	if growth, ok := c.Growth(); ok {
		known = &growth
	}
	return changeCell(c, known, func(v float64) string { return unit.Sign(v) + unit.FormatPercent(math.Abs(v)) })
}

// changeGrid lays out rows; the last foot of them are sums.
func (v *diffView) changeGrid(rows []changeRow, foot int, columns ...changeColumns) *grid {
	b := newGrid(len(rows), foot)
	for _, w := range columns {
		b.changes(rows, w)
	}
	v.nameColumns(b, rows)
	return b.done()
}

// nameColumns adds the columns with the state, database and namespace of a row.
func (v *diffView) nameColumns(b *gridBuilder, rows []changeRow) {
	states, dbs, names := make([]cell, len(rows)), make([]cell, len(rows)), make([]cell, len(rows))
	stated := false
	for i, r := range rows {
		states[i].text = stateWords[r.state]
		stated = stated || states[i].text != ""
		if r.db != nil {
			dbs[i].text = dbNumber(*r.db)
		}
		names[i] = cell{text: r.label, name: r.name, style: r.style}
	}
	if stated {
		b.words(column{left: true, apart: true}, states)
	}
	if v.manyDBs {
		b.words(column{head: [2]string{"", "db"}, apart: true}, dbs)
	}
	b.words(column{head: [2]string{"", "namespace"}, left: true, wraps: true, apart: true}, names)
}

var stateWords = map[diff.State]string{diff.Added: "new", diff.Vanished: "gone", diff.Unsure: "?"}

// renderDiffCSV writes a row for each namespace, whatever Top is, in base units,
// with empty cells for unknown or incomparable figures. A column is named after its
// measure and old, new, change, noise or per_day; new ones are appended.
func renderDiffCSV(buf *bytes.Buffer, v *diffView) error {
	w := csv.NewWriter(buf)
	head := []string{"db", "pattern", "state"}
	for _, m := range diff.Measures {
		for _, part := range changeParts {
			head = append(head, string(m)+"_"+part.name)
		}
	}
	if err := w.Write(head); err != nil {
		return err
	}
	for _, r := range v.chosen {
		if err := w.Write(diffRecord(r)); err != nil {
			return err
		}
	}
	w.Flush()
	return w.Error()
}

func diffRecord(r *diff.Row) []string {
	record := []string{dbNumber(r.DB), defuse(patternText(r.Pattern, r.Other)), string(r.State)}
	for _, m := range diff.Measures {
		for _, part := range changeParts {
			text := ""
			if v := part.of(r.Changes[m]); v != nil {
				text = unit.FormatPlainFloat(*v)
			}
			record = append(record, text)
		}
	}
	return record
}

// changeParts are the columns of a measure.
var changeParts = []struct {
	name string
	of   func(diff.Change) *float64
}{
	{"old", func(c diff.Change) *float64 { return c.Old }},
	{"new", func(c diff.Change) *float64 { return c.New }},
	{"change", func(c diff.Change) *float64 { return c.Delta }},
	{"noise", func(c diff.Change) *float64 { return c.Noise }},
	{"per_day", func(c diff.Change) *float64 { return c.PerDay }},
}
