package command

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"keyprof/report"
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
{{` + strconv.Quote(optionsHelp(c)+topicHint(c)) + `}}`
}

// topicHint names the topic of a command's name; empty: there is none.
func topicHint(c *cli.Command) string {
	if _, found := findTopic(c.Name); !found {
		return ""
	}
	return "\nkeyprof help " + c.Name + " explains what it prints.\n"
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

// slot is a place where a value belongs: after a flag, or an argument.
type slot struct {
	placeholder string
	words       []string // to choose from
	files       bool
}

// flagWords are the values of flags that have few.
func flagWords(command, flag string) []string {
	switch {
	case flag == "format" && command == "patterns":
		return patternsFormats
	case flag == "format" && command == "check":
		return strings.Split(list(report.CheckupFormats()), ", ")
	case flag == "format":
		return strings.Split(list(report.Formats()), ", ")
	case flag == "sort":
		return strings.Split(list(report.Sorts()), ", ")
	case flag == "db":
		return []string{"all"}
	}
	return nil
}

// fileWords are the placeholders for which there are files.
var fileWords = regexp.MustCompile(`FILE|PATH|PROFILE|DIR`)

func argumentSlot(c *cli.Command) slot {
	s := slot{placeholder: strings.Trim(c.ArgsUsage, "[]"), files: fileWords.MatchString(c.ArgsUsage)}
	for word := range strings.SplitSeq(s.placeholder, "|") {
		if word != "" && word == strings.ToLower(word) {
			s.words = append(s.words, word)
		}
	}
	return s
}

// option is a flag as shells and people see it.
type option struct {
	names      []string // with dashes, the long one first
	usage      string   // without back quotes
	category   string
	value      *slot // nil: a switch
	repeatable bool
	standard   string // default value for people, empty: none worth telling
	// environment is the variable that stands in for the flag; empty: none does
	environment string
}

var placeholder = regexp.MustCompile("`([^`]*)`")

func optionOf(c *cli.Command, f cli.Flag) option {
	d := f.(cli.DocGenerationFlag)
	o := option{usage: strings.ReplaceAll(d.GetUsage(), "`", "")}
	for _, name := range f.Names() {
		o.names = append(o.names, strings.Repeat("-", min(2, len(name)))+name)
	}
	if categorized, ok := f.(cli.CategorizableFlag); ok {
		o.category = categorized.GetCategory()
	}
	if d.TakesValue() {
		s := slot{placeholder: "VALUE"}
		if m := placeholder.FindStringSubmatch(d.GetUsage()); m != nil {
			s.placeholder = m[1]
		}
		s.files, s.words = fileWords.MatchString(s.placeholder), flagWords(c.Name, f.Names()[0])
		o.value, o.standard = &s, d.GetDefaultText()
		if o.standard == "0" { // stands for a flag that has no default
			o.standard = ""
		}
	}
	if variables := d.GetEnvVars(); len(variables) > 0 {
		o.environment = variables[0]
	}
	_, o.repeatable = f.(*cli.StringSliceFlag)
	return o
}

// options are the flags of a command that show, and --help.
func options(c *cli.Command) []option {
	var all []option
	for _, f := range c.Flags {
		if visible, ok := f.(cli.VisibleFlag); ok && visible.IsVisible() && f.Names()[0] != "help" {
			all = append(all, optionOf(c, f))
		}
	}
	return append(all, option{names: []string{"--help", "-h"}, usage: "show help"})
}

// shownCommands leaves out the library's help command and those that hide.
func shownCommands(app *cli.App) []*cli.Command {
	return slices.DeleteFunc(slices.Clone(app.Commands), func(c *cli.Command) bool { return c.Hidden || c.Name == "help" })
}
