package command

import (
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"
)

// helpWidth is the longest line of --help, in columns, but for words that are
// longer.
const helpWidth = 90

// helpTemplate is the library's, but for the flags: each has a line, and below it
// what it does, wrapped. The library would put all that into one line.
func helpTemplate(c *cli.Command) string {
	return `NAME:
   {{.HelpName}} - {{.Usage}}

USAGE:
   {{.HelpName}}{{if .VisibleFlags}} [command options]{{end}}{{if .ArgsUsage}} {{.ArgsUsage}}{{end}}{{if .Description}}

DESCRIPTION:
   {{wrap .Description 3}}{{end}}

OPTIONS:
{{` + strconv.Quote(optionsHelp(c)) + `}}`
}

// optionsHelp lists the flags in the order of the manual page.
func optionsHelp(c *cli.Command) string {
	var text strings.Builder
	for i, group := range byCategory(options(c)) {
		if i > 0 {
			text.WriteString("\n")
		}
		if category := group[0].category; category != "" {
			text.WriteString("   " + category + "\n\n")
		}
		for _, o := range group {
			text.WriteString("   " + optionNames(o) + "\n")
			text.WriteString(wrapped(o.usage+optionNotes(o), "         "))
		}
	}
	return text.String()
}

// byCategory groups flags, those of no category first.
func byCategory(all []option) [][]option {
	groups, at := [][]option{nil}, map[string]int{"": 0}
	for _, o := range all {
		i, met := at[o.category]
		if !met {
			i = len(groups)
			at[o.category] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], o)
	}
	if len(groups[0]) == 0 {
		return groups[1:]
	}
	return groups
}

func optionNames(o option) string {
	var names []string
	for _, name := range o.names {
		if o.value != nil {
			name += " " + o.value.placeholder
		}
		names = append(names, name)
	}
	return strings.Join(names, ", ")
}

// optionNotes is what holds when the flag is not given.
func optionNotes(o option) string {
	notes := ""
	if o.standard != "" {
		notes += " (default: " + strings.Trim(o.standard, `"`) + ")"
	}
	if o.environment != "" {
		notes += " [$" + o.environment + "]"
	}
	return notes
}

// wrapped is text in lines of at most helpWidth columns, each indented.
func wrapped(text, indent string) string {
	var out strings.Builder
	line := indent
	for word := range strings.FieldsSeq(text) {
		if len(line) > len(indent) && len(line)+len(word) >= helpWidth {
			out.WriteString(line + "\n")
			line = indent
		}
		if len(line) > len(indent) {
			line += " "
		}
		line += word
	}
	out.WriteString(line + "\n")
	return out.String()
}
