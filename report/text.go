package report

import (
	"bytes"
	"strings"

	"keyprof/report/unit"
)

// textRenderer puts a document on a terminal of a given width.
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
	r.paragraph("", line{spans: []span{words(d.title)}, tone: strong})
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
		r.out.WriteString(strings.TrimRight(lead+r.paint(part, l.tone), " ") + "\n")
	}
}

// ANSI colours: few, and each with one meaning.
var colors = map[tone]string{
	quiet:  "\x1b[2m",
	strong: "\x1b[1m",
	alarm:  "\x1b[31m",
}

const colorOff = "\x1b[0m"

// paint gives one line of text the colour of its tone.
func (r textRenderer) paint(s string, t tone) string {
	if !r.color || t == plain || s == "" {
		return s
	}
	return colors[t] + s + colorOff
}

func padRight(s string, columns int) string {
	return s + strings.Repeat(" ", max(columns-width(s), 0))
}
