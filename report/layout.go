package report

import (
	"strings"

	"keyprof/report/unit"
)

// A document is the content of a report, without its layout. All text in it is safe
// to print.
type document struct {
	title     string
	facts     []fact // the header
	headlines []line // what a person in an incident must know
	sections  []section
}

// style is the emphasis of a piece of text; the text report shows it as a color.
type style int

const (
	plain    style = iota
	quiet          // details
	strong         // names of things
	critical       // must not be overlooked
)

// span is a piece of a sentence: words, or a name that came from a server.
type span struct {
	text string
	name bool
}

// line is one or more sentences.
type line struct {
	spans    []span
	style    style
	verbatim bool // a command to be copied: text does not break it
}

// say makes a line of words and names.
func say(parts ...span) line { return line{spans: parts} }

// in sets the style of a line.
func (l line) in(t style) line { l.style = t; return l }

func words(s string) span { return span{text: s} }
func name(s string) span  { return span{text: s, name: true} }

// String returns the line without mark-up.
func (l line) String() string {
	var s string
	for _, part := range l.spans {
		s += part.text
	}
	return s
}

// fact is a line of the header.
type fact struct {
	label string
	line  line
}

// section is a part of the report below a title of its own.
type section struct {
	title string
	lines []line // above the table
	table *grid  // may be nil
	notes []line // below the table: how to read it
	// numbered lines are footnotes.
	numbered bool
}

// grid is a table. Its last column may hold names, which a renderer wraps.
type grid struct {
	columns []column
	rows    [][]cell
	foot    [][]cell // sums, separate from the rows
}

// column is the heading and alignment of a column.
type column struct {
	head         [2]string // two short lines
	left         bool      // aligned to the left; else to the right
	wraps        bool      // holds names; takes the remaining width
	apart        bool      // begins a group of columns
	dropPriority int       // when there is no room, the column of the highest value goes first; 0 stays
	group        *group
}

// group is the shared title of adjacent columns: its pieces stand above the first
// of them, and the rest above the last.
type group struct{ titles []string }

type cell struct {
	text  string
	name  bool
	style style
}

// absent stands for a figure that was not measured, which is never shown as 0.
const absent = "-"

// figures is one column of numbers before scaling: all cells of a column share a
// unit.
type figures struct {
	column
	kind   unit.Kind
	values []*float64 // one a row, base units; nil: not measured
	styles []style    // one a row, or nil
}

// gridBuilder collects the columns of a table. The last foot rows are sums.
type gridBuilder struct {
	grid grid
	rows int // all rows, sums included
	foot int
}

func newGrid(rows, foot int) *gridBuilder {
	return &gridBuilder{grid: grid{rows: make([][]cell, rows)}, rows: rows, foot: foot}
}

// number adds a column of figures, unless nothing in it was measured.
func (b *gridBuilder) number(f figures) {
	known := present(f.values)
	if len(known) == 0 {
		return
	}
	scale := unit.NewColumn(f.kind, known)
	if f.kind == unit.Bytes || f.kind == unit.Count && scale.Unit != "" {
		f.head[1] = scale.Unit
	}
	b.column(f.column)
	for i, v := range f.values {
		b.grid.rows[i] = append(b.grid.rows[i], f.cell(i, v, scale))
	}
}

func (f figures) cell(i int, v *float64, scale unit.Column) cell {
	if v == nil {
		return cell{text: absent, style: quiet}
	}
	c := cell{text: scale.Format(*v)}
	if f.styles != nil {
		c.style = f.styles[i]
	}
	return c
}

// words adds a column of text.
func (b *gridBuilder) words(c column, cells []cell) {
	b.column(c)
	for i, text := range cells {
		b.grid.rows[i] = append(b.grid.rows[i], text)
	}
}

// column adds a column's heading. The first column begins no new group.
func (b *gridBuilder) column(c column) {
	c.apart = c.apart && len(b.grid.columns) > 0
	b.grid.columns = append(b.grid.columns, c)
}

// done separates the sums from the rows.
func (b *gridBuilder) done() *grid {
	g := b.grid
	body := b.rows - b.foot
	g.rows, g.foot = g.rows[:body], g.rows[body:]
	g.setTitles()
	return &g
}

// setTitles puts the titles of groups above those of their columns that are there.
func (g *grid) setTitles() {
	for i := 0; i < len(g.columns); {
		of := g.columns[i].group
		n := 1
		for of != nil && i+n < len(g.columns) && g.columns[i+n].group == of {
			n++
		}
		if of != nil {
			g.setTitle(i, n, of.titles)
		}
		i += n
	}
}

// setTitle spreads a title over n columns from the i-th on.
func (g *grid) setTitle(i, n int, titles []string) {
	for j := range n {
		piece := ""
		switch {
		case j == n-1 && j < len(titles):
			piece = strings.TrimSpace(strings.Join(titles[j:], " "))
		case j < len(titles):
			piece = titles[j]
		}
		g.columns[i+j].head[0] = piece
	}
}

func present(values []*float64) []float64 {
	var known []float64
	for _, v := range values {
		if v != nil {
			known = append(known, *v)
		}
	}
	return known
}

// amount returns an integer figure of a table.
func amount(n int64) *float64 { v := float64(n); return &v }

// ratio returns part / whole; nil if either is unknown or whole is 0.
func ratio(part, whole *int64) *float64 {
	if part == nil || whole == nil || *whole == 0 {
		return nil
	}
	v := unit.Share(*part, *whole)
	return &v
}
