package command

import (
	"cmp"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/urfave/cli/v2"

	"keyprof/report"
)

// The layout of --help, in columns: the longest line, and the column where the
// description of a flag begins.
const (
	helpWidth  = 80
	helpIndent = 26
)

// topicsOf names the topics that explain what a command does.
var topicsOf = map[string]string{
	"profile":  "safety, stunnel, sampling, reading, namespaces, history, alarms, prometheus, redact, config",
	"check":    "check, safety, stunnel, config",
	"report":   "reading, namespaces, alarms, redact, config",
	"diff":     "diff, history, alarms, config",
	"patterns": "namespaces, redact, config",
}

// exitCodesOf lists the exit codes of commands, on one line each. Commands that are not
// listed have only 0, 1, 2 and 130.
var exitCodesOf = map[string]string{
	"profile": "0 done, 1 failed, 2 usage, 4 incomplete, 5 alarm, 130 interrupted",
	"check":   "0 complete, 1 failed, 2 usage, 4 incomplete, 130 interrupted",
	"report":  "0 done, 1 failed, 2 usage, 5 alarm, 130 interrupted",
	"diff":    "0 done, 1 failed, 2 usage, 5 alarm, 130 interrupted",
}

func init() {
	cli.HelpPrinter = func(w io.Writer, _ string, of any) { // writes that fail are remembered by output
		switch of := of.(type) {
		case *cli.App:
			_, _ = io.WriteString(w, appHelp(of))
		case *cli.Command:
			_, _ = io.WriteString(w, commandHelp(of))
		}
	}
}

// commandHelp returns what --help prints for a command.
func commandHelp(c *cli.Command) string {
	var text strings.Builder
	fmt.Fprintf(&text, "keyprof %s: %s\n\nUsage: %s\n\n%s\n", c.Name, c.Usage, c.UsageText, c.Description)
	for _, group := range byCategory(options(c)) {
		fmt.Fprintf(&text, "\n%s:\n", cmp.Or(group[0].category, "Other flags"))
		for _, o := range group {
			text.WriteString(optionHelp(o))
		}
	}
	codes := cmp.Or(exitCodesOf[c.Name], "0 done, 1 failed, 2 usage, 130 interrupted")
	fmt.Fprintf(&text, "\nExit codes: %s.\n", codes)
	if first, others, found := strings.Cut(topicsOf[c.Name], ", "); found {
		text.WriteString(wrapped("See keyprof help "+first+"; other topics: "+others+".", 0))
	}
	return text.String()
}

// usageLine shows what to type, such as keyprof profile [flags] [URL].
func usageLine(c *cli.Command) string {
	line := "keyprof " + c.Name
	if len(c.Flags) > 1 {
		line += " [flags]"
	}
	return strings.TrimSpace(line + " " + c.ArgsUsage)
}

// appHelp returns what keyprof help prints.
func appHelp(app *cli.App) string {
	var text strings.Builder
	fmt.Fprintf(&text, "keyprof %s: %s\n\nUsage: %s\n       keyprof [flags] URL, short for keyprof profile\n\n%s\n\nCommands:\n", app.Version, app.Usage, app.UsageText, app.Description)
	for _, c := range shownCommands(app) {
		fmt.Fprintf(&text, "  %-10s  %s\n", c.Name, c.Usage)
	}
	text.WriteString("\nTopics:\n")
	for _, t := range topics() {
		fmt.Fprintf(&text, "  %-10s  %s\n", t.name, t.title)
	}
	fmt.Fprintf(&text, "\nEnvironment:\n%s\n\nExit codes:\n%s\n\n", environmentHelp, exitStatusHelp)
	text.WriteString("keyprof COMMAND --help lists the flags of a command, and keyprof help TOPIC\nexplains a topic.\n")
	return text.String()
}

// byCategory groups flags by category, in order of appearance. Flags without a category
// come last.
func byCategory(all []option) [][]option {
	var order []string
	groups := map[string][]option{}
	for _, o := range all {
		if o.category != "" && groups[o.category] == nil {
			order = append(order, o.category)
		}
		groups[o.category] = append(groups[o.category], o)
	}
	var list [][]option
	for _, category := range append(order, "") {
		list = append(list, groups[category])
	}
	return list
}

// optionHelp returns a flag and its description, on as many lines as needed.
func optionHelp(o option) string {
	names := "  " + optionNames(o)
	text := wrapped(o.usage+optionNotes(o), helpIndent)
	if len(names) > helpIndent-2 {
		return names + "\n" + text
	}
	return fmt.Sprintf("%-*s", helpIndent, names) + strings.TrimLeft(text, " ")
}

func optionNames(o option) string {
	names := strings.Join(o.names, ", ")
	if o.value != nil {
		names += " " + o.value.placeholder
	}
	return names
}

// optionNotes returns the default value of a flag and its environment variable.
func optionNotes(o option) string {
	notes := ""
	if o.standard != "" {
		notes += " (default " + strings.Trim(o.standard, `"`) + ")"
	}
	if o.environment != "" {
		notes += " [$" + o.environment + "]"
	}
	return notes
}

// wrapped breaks text into indented lines of at most helpWidth columns.
func wrapped(text string, indent int) string {
	var out strings.Builder
	margin := strings.Repeat(" ", indent)
	line := margin
	for word := range strings.FieldsSeq(text) {
		if len(line) > indent && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > helpWidth {
			out.WriteString(line + "\n")
			line = margin
		}
		if len(line) > indent {
			line += " "
		}
		line += word
	}
	out.WriteString(line + "\n")
	return out.String()
}

// examplesOf returns the examples of a description, one a line.
func examplesOf(description string) []string {
	_, examples, found := strings.Cut(description, "Examples:\n")
	if !found {
		return nil
	}
	examples, _, _ = strings.Cut(examples, "\n\n")
	return strings.Split(strings.TrimSpace(examples), "\n")
}

// slot is the place of a value: after a flag, or as an argument.
type slot struct {
	placeholder string
	words       []string // to choose from
	files       bool
}

// flagWords returns the values of a flag that takes one of a few.
func flagWords(command, flag string) []string {
	switch {
	case flag == "format" && command == "patterns":
		return patternsFormats
	case flag == "format" && command == "check":
		return report.Words(report.CheckupFormats())
	case flag == "format":
		return report.Words(report.Formats())
	case flag == "sort":
		return report.Words(report.Sorts())
	case flag == "db":
		return []string{"all"}
	}
	return nil
}

// fileWords matches the placeholders of files.
var fileWords = regexp.MustCompile(`FILE|PATH|PROFILE|DIR`)

func argumentSlot(c *cli.Command) slot {
	if c.Name == "help" {
		return slot{placeholder: c.ArgsUsage, words: topicNames()}
	}
	s := slot{placeholder: strings.Trim(c.ArgsUsage, "[]"), files: fileWords.MatchString(c.ArgsUsage)}
	for word := range strings.SplitSeq(s.placeholder, "|") {
		if word != "" && word == strings.ToLower(word) {
			s.words = append(s.words, word)
		}
	}
	return s
}

// option is a flag as shells and users see it.
type option struct {
	names    []string // with dashes, the long one first
	usage    string   // without back quotes
	category string
	value    *slot  // nil: a switch
	standard string // default value for users; empty: none worth showing
	// environment is the variable that also sets the flag; empty: none
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
		if o.standard == "0" { // 0 means that the flag has no default
			o.standard = ""
		}
	}
	if variables := d.GetEnvVars(); len(variables) > 0 {
		o.environment = variables[0]
	}
	return o
}

// options returns the visible flags of a command, and --help.
func options(c *cli.Command) []option {
	var all []option
	for _, f := range c.Flags {
		if visible, ok := f.(cli.VisibleFlag); ok && visible.IsVisible() && f.Names()[0] != "help" {
			all = append(all, optionOf(c, f))
		}
	}
	return append(all, option{names: []string{"--help", "-h"}, usage: "show help"})
}

// shownCommands returns the commands that are not hidden.
func shownCommands(app *cli.App) []*cli.Command {
	return slices.DeleteFunc(slices.Clone(app.Commands), func(c *cli.Command) bool { return c.Hidden })
}
