package report

import (
	"bytes"
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"keyprof/report/unit"
)

// textRenderer lays out a document for a terminal of a given width.
type textRenderer struct {
	out   *bytes.Buffer
	width int // columns
	color bool
}

const (
	labelWidth = 11 // columns of the header's labels
	indent     = "  "
)

func renderText(out *bytes.Buffer, d document, o Options) {
	r := textRenderer{out: out, width: o.Width, color: o.Color}
	r.paragraph("", line{spans: []span{words(d.title)}, style: strong})
	r.blank()
	for _, f := range d.facts {
		r.paragraph(indent+padRight(f.label, labelWidth), f.line)
	}
	if len(d.headlines) > 0 {
		r.blank()
	}
	for _, l := range d.headlines {
		r.paragraph(indent, l)
	}
	for _, s := range d.sections {
		r.section(s)
	}
}

func (r textRenderer) section(s section) {
	r.blank()
	r.paragraph("", say(words(strings.ToUpper(s.title[:1])+s.title[1:])).in(strong))
	for i, l := range s.lines {
		lead := indent
		if s.numbered {
			lead += "[" + unit.FormatCount(int64(i+1)) + "] "
		}
		r.paragraph(lead, l)
	}
	if s.table != nil {
		r.table(s.table)
	}
	for _, l := range s.notes {
		r.paragraph(indent, l)
	}
}

func (r textRenderer) blank() { r.out.WriteByte('\n') }

// paragraph writes a line behind lead, wrapped and with a hanging indent.
func (r textRenderer) paragraph(lead string, l line) {
	room := r.width - width(lead)
	if l.verbatim {
		room = width(l.String())
	}
	for i, part := range wrapWords(l.String(), room) {
		if i > 0 {
			lead = strings.Repeat(" ", width(lead))
		}
		r.out.WriteString(strings.TrimRight(lead+r.paint(part, l.style), " ") + "\n")
	}
}

// ANSI colors: few, and each with one meaning.
var colors = map[style]string{
	quiet:    "\x1b[2m",
	strong:   "\x1b[1m",
	critical: "\x1b[31m",
}

const colorOff = "\x1b[0m"

// paint colors one line of text by its style.
func (r textRenderer) paint(s string, t style) string {
	if !r.color || t == plain || s == "" {
		return s
	}
	return colors[t] + s + colorOff
}

func padRight(s string, columns int) string {
	return s + strings.Repeat(" ", max(columns-width(s), 0))
}

const (
	// minNameWidth is the narrowest column of names, in columns, before figures are
	// dropped.
	minNameWidth = 20
	// continued marks the further lines of a wrapped name.
	continued = "  "
)

// table writes a grid, with as many columns as fit.
func (r textRenderer) table(g *grid) {
	room := r.width - width(indent)
	g, left := fit(g, room)
	t := newTable(g)
	nameRoom := room - fixedWidth(g)
	for _, cells := range g.rows {
		t.AppendRow(r.tableRow(g, cells, nameRoom))
	}
	for _, cells := range g.foot {
		t.AppendFooter(r.tableRow(g, cells, nameRoom))
	}
	t.SuppressTrailingSpaces()
	for text := range strings.SplitSeq(t.Render(), "\n") {
		r.out.WriteString(strings.TrimRight(indent+r.paintRule(text), " ") + "\n")
	}
	if len(left) > 0 {
		r.paragraph(indent, say(words("Columns hidden (narrow output): "+strings.Join(left, ", ")+".")).in(quiet))
	}
}

// newTable returns an empty table with the grid's columns.
func newTable(g *grid) table.Writer {
	t := table.NewWriter()
	t.SetStyle(tableStyle())
	head := make(table.Row, len(g.columns))
	configs := make([]table.ColumnConfig, len(g.columns))
	for i, c := range g.columns {
		head[i] = c.lead() + c.head[1]
		if g.tallHead() {
			head[i] = c.lead() + c.head[0] + "\n" + c.lead() + c.head[1]
		}
		align := text.AlignRight
		if c.left {
			align = text.AlignLeft
		}
		configs[i] = table.ColumnConfig{Number: i + 1, Align: align, AlignHeader: align, AlignFooter: align}
	}
	t.AppendHeader(head)
	t.SetColumnConfigs(configs)
	return t
}

// tallHead reports whether any heading takes two lines.
func (g *grid) tallHead() bool {
	return slices.ContainsFunc(g.columns, func(c column) bool { return c.head[0] != "" })
}

func tableStyle() table.Style {
	style := table.StyleLight
	style.Options = table.OptionsNoBordersAndSeparators
	style.Options.SeparateHeader = true
	style.Options.SeparateFooter = true
	style.Format.Header, style.Format.Footer = text.FormatDefault, text.FormatDefault
	style.Box.PaddingLeft, style.Box.PaddingRight = "", " "
	return style
}

// lead sets a column apart from the one before it.
func (c column) lead() string {
	if c.apart {
		return " "
	}
	return ""
}

func (r textRenderer) tableRow(g *grid, cells []cell, nameRoom int) table.Row {
	row := make(table.Row, len(cells))
	for i, c := range cells {
		column := g.columns[i]
		lines := []string{c.text}
		if column.wraps {
			lines = hang(c.text, nameRoom)
		}
		for j := range lines {
			lines[j] = column.lead() + r.paint(lines[j], c.style)
		}
		row[i] = strings.Join(lines, "\n")
	}
	return row
}

// hang wraps a name with its further lines set in.
func hang(s string, room int) []string {
	if width(s) <= room {
		return []string{s}
	}
	lines := wrapName(s, room-width(continued))
	for i := 1; i < len(lines); i++ {
		lines[i] = continued + lines[i]
	}
	return lines
}

// paintRule makes the lines between the parts of a table quiet.
func (r textRenderer) paintRule(s string) string {
	if strings.Trim(s, "─ ") == "" {
		return r.paint(s, quiet)
	}
	return s
}

// fit drops columns until the names have room, and returns the names of those
// dropped.
func fit(g *grid, room int) (fitted *grid, left []string) {
	need, all := min(widestName(g), minNameWidth), g
	for fixedWidth(g)+need > room {
		i := nextToDrop(g)
		if i < 0 {
			break
		}
		left = append(left, g.columns[i].name())
		g = g.without(i)
	}
	slices.SortStableFunc(left, func(a, b string) int { return cmp.Compare(all.indexOf(a), all.indexOf(b)) })
	return g, left
}

// indexOf returns the index of a column by its name.
func (g *grid) indexOf(name string) int {
	return slices.IndexFunc(g.columns, func(c column) bool { return c.name() == name })
}

// name returns the name of a column outside its table.
func (c column) name() string {
	if c.group != nil {
		return c.group.titles[0] + " " + c.head[1]
	}
	return strings.TrimSpace(strings.Join(c.head[:], " "))
}

// fixedWidth returns the width of all columns except that of the names, with gaps.
func fixedWidth(g *grid) int {
	total := 0
	for i, c := range g.columns {
		total += width(c.lead()) + 1
		if !c.wraps {
			total += g.columnWidth(i)
		}
	}
	return total
}

// columnWidth returns the widest text in column i, without gaps.
func (g *grid) columnWidth(i int) int {
	c := g.columns[i]
	widest := max(width(c.head[0]), width(c.head[1]))
	for _, cells := range slices.Concat(g.rows, g.foot) {
		widest = max(widest, width(cells[i].text))
	}
	return widest
}

func widestName(g *grid) int {
	for i, c := range g.columns {
		if c.wraps {
			return g.columnWidth(i)
		}
	}
	return 0
}

// nextToDrop returns the column to drop first; -1 if all must stay.
func nextToDrop(g *grid) int {
	best := -1
	for i, c := range g.columns {
		if c.dropPriority > 0 && (best < 0 || c.dropPriority > g.columns[best].dropPriority) {
			best = i
		}
	}
	return best
}

// without returns the grid without column i.
func (g *grid) without(i int) *grid {
	less := &grid{columns: slices.Delete(slices.Clone(g.columns), i, i+1)}
	for _, cells := range g.rows {
		less.rows = append(less.rows, slices.Delete(slices.Clone(cells), i, i+1))
	}
	for _, cells := range g.foot {
		less.foot = append(less.foot, slices.Delete(slices.Clone(cells), i, i+1))
	}
	less.setTitles()
	return less
}

// wrapWords breaks a sentence into lines of at most room columns, at spaces; a
// word that is longer than a line is broken like a name.
func wrapWords(s string, room int) []string {
	var lines []string
	current := ""
	for _, word := range strings.Split(s, " ") {
		if current != "" && width(current)+1+width(word) <= room {
			current += " " + word
			continue
		}
		if current != "" {
			lines = append(lines, current)
		}
		pieces := wrapName(word, room)
		lines = append(lines, pieces[:len(pieces)-1]...)
		current = pieces[len(pieces)-1]
	}
	return append(lines, current)
}

// delimiters are the preferred places to break a name.
const delimiters = ":/|.;_-}]"

// wrapName breaks a name into lines of at most room columns: after a delimiter
// if there is one in the second half of the line, else wherever it must. Nothing
// is dropped: the pieces put together are the name.
func wrapName(s string, room int) []string {
	room = max(room, 1)
	var lines []string
	for width(s) > room {
		at := breakAt(s, room)
		lines = append(lines, s[:at])
		s = s[at:]
	}
	if s == "" && len(lines) > 0 {
		return lines
	}
	return append(lines, s)
}

// breakAt returns the length in bytes of the piece of s for a line of room columns.
func breakAt(s string, room int) int {
	best, used, end := 0, 0, 0
	for i, r := range s {
		used += width(string(r))
		if used > room {
			break
		}
		end = i + utf8.RuneLen(r)
		if used > room/2 && strings.ContainsRune(delimiters, r) {
			best = end
		}
	}
	if best > 0 {
		return best
	}
	if at := escapeStart(s, end); at > 0 {
		return at
	}
	_, first := utf8.DecodeRuneInString(s)
	return max(end, first) // a rune may be wider than the room
}

// escapeLengths are the lengths in bytes of the escapes that token writes.
var escapeLengths = map[byte]int{'x': 4, 'u': 6, 'U': 10}

// escapeStart returns the start of the escape that a break at end would split; 0 if
// there is none.
func escapeStart(s string, end int) int {
	at := strings.LastIndexByte(s[:end], '\\')
	if at < 0 || at+1 >= len(s) {
		return 0
	}
	if at+max(escapeLengths[s[at+1]], 2) > end {
		return at
	}
	return 0
}
