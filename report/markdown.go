package report

import (
	"bytes"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"

	"keyprof/report/unit"
)

// renderMarkdown writes a document as GitHub-flavoured Markdown. Names stand in
// code spans, where neither HTML nor :emoji: nor @mentions mean anything.
func renderMarkdown(out *bytes.Buffer, d document) {
	out.WriteString("# " + escapeMarkdown(d.title) + "\n\n")
	for _, f := range d.facts {
		out.WriteString("- " + f.label + ": " + markdownLine(f.line) + "\n")
	}
	for _, l := range d.headlines {
		out.WriteString("\n" + markdownLine(l) + "\n")
	}
	for _, s := range d.sections {
		markdownSection(out, s)
	}
}

func markdownSection(out *bytes.Buffer, s section) {
	out.WriteString("\n## " + escapeMarkdown(s.title) + "\n")
	for i, l := range s.lines {
		if s.numbered {
			out.WriteString("\n" + unit.FormatCount(int64(i+1)) + ". " + markdownLine(l) + "\n")
			continue
		}
		out.WriteString("\n" + markdownLine(l) + "\n")
	}
	if s.table != nil {
		out.WriteString("\n" + markdownTable(s.table) + "\n")
	}
	for _, l := range s.notes {
		out.WriteString("\n" + markdownLine(l) + "\n")
	}
}

// markdownLine returns a line as Markdown, bold if it is critical.
func markdownLine(l line) string {
	var b strings.Builder
	for _, part := range l.spans {
		if part.name {
			b.WriteString(codeSpan(part.text))
		} else {
			b.WriteString(escapeMarkdown(part.text))
		}
	}
	if l.style == critical {
		return "**" + strings.TrimSpace(b.String()) + "**"
	}
	return b.String()
}

func markdownTable(g *grid) string {
	t := newTable(g)
	t.ResetHeaders()
	head := make(table.Row, len(g.columns))
	for i, c := range g.columns {
		head[i] = strings.TrimSpace(c.head[0] + " " + c.head[1])
		if c.group != nil { // without columns that line up, each needs the whole title
			head[i] = strings.Join(strings.Fields(strings.Join(c.group.titles, " ")+" "+c.head[1]), " ")
		}
	}
	t.AppendHeader(head)
	for _, cells := range g.rows {
		t.AppendRow(markdownRow(cells))
	}
	for _, cells := range g.foot {
		t.AppendFooter(markdownRow(cells))
	}
	return t.RenderMarkdown()
}

// markdownRow leaves pipes to go-pretty, which escapes them in all cells.
func markdownRow(cells []cell) table.Row {
	row := make(table.Row, len(cells))
	for i, c := range cells {
		switch {
		case c.text == "":
			row[i] = ""
		case c.name:
			row[i] = codeSpan(c.text)
		default:
			row[i] = strings.ReplaceAll(escapeMarkdown(c.text), `\|`, "|")
		}
	}
	return row
}

// escapeMarkdown makes text mean itself.
func escapeMarkdown(s string) string { return markdownEscapes.Replace(s) }

var markdownEscapes = strings.NewReplacer(
	"&", "&amp;", "<", "&lt;", ">", "&gt;",
	`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "|", `\|`, "#", `\#`, "~", `\~`,
)

// codeSpan fences a name with more backticks than it holds in a row.
func codeSpan(s string) string {
	fence := "`"
	for strings.Contains(s, fence) {
		fence += "`"
	}
	if strings.HasPrefix(s, "`") || strings.HasSuffix(s, "`") {
		s = " " + s + " "
	}
	return fence + s + fence
}
