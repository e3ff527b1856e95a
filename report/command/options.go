package command

import (
	"regexp"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"keyprof/report"
)

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
