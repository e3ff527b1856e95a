package command

import (
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
)

func manCommand() *cli.Command {
	return &cli.Command{
		Name:        "man",
		Usage:       "print the manual page",
		Hidden:      true, // for those who make packages
		Description: "Prints the manual page of section 1.\n\nEXAMPLES\n  keyprof man > keyprof.1\n\n" + readExitStatusHelp,
		Action: func(c *cli.Context) error {
			if err := noArguments(c); err != nil {
				return err
			}
			writeMan(c.App.Writer, c.App, manDate())
			return nil
		},
	}
}

// manDate is today, or what makes the page the same whenever it is printed.
func manDate() string {
	now := time.Now()
	if s, err := strconv.ParseInt(os.Getenv("SOURCE_DATE_EPOCH"), 10, 64); err == nil {
		now = time.Unix(s, 0)
	}
	return now.UTC().Format(time.DateOnly)
}

const manFiles = `FILES
  FILE.json, FILE.json.gz, FILE.json.zst  a saved profile, which only its owner can read; keyprof schema prints its JSON Schema
  FILE.toml  a configuration, named by --config or KEYPROF_CONFIG. Keys are the long names of flags; a table such as [profile] is for one command and beats what stands above all tables. No file is read unless it is named.`

// writeMan writes the manual page in the macros of man(7).
func writeMan(w io.Writer, app *cli.App, date string) {
	fmt.Fprintf(w, ".TH KEYPROF 1 %s %s %s\n.nh\n", date, macroArgument("keyprof "+version), macroArgument("User Commands"))
	fmt.Fprintf(w, ".SH NAME\nkeyprof \\- %s\n.SH SYNOPSIS\n", roff(app.Usage))
	for i, c := range shownCommands(app) {
		if i > 0 {
			fmt.Fprintln(w, ".br")
		}
		fmt.Fprintf(w, "%s\n", synopsis(c))
	}
	fmt.Fprintln(w, ".SH DESCRIPTION")
	help := parseHelp(app.Description)
	writeParagraphs(w, append(help.text, "Flags go before or after arguments. Every command knows --help."))
	fmt.Fprintln(w, ".SH COMMANDS")
	var examples []string
	for _, c := range shownCommands(app) {
		own := parseHelp(c.Description)
		fmt.Fprintf(w, ".SS %s\n", macroArgument("keyprof "+c.Name))
		writeParagraphs(w, append([]string{capital(c.Usage) + "."}, own.text...))
		writeOptions(w, c)
		examples = append(examples, own.sections["EXAMPLES"]...)
	}
	for _, name := range []string{"EXIT STATUS", "ENVIRONMENT"} {
		writeTable(w, name, help.sections[name])
	}
	writeTable(w, "FILES", parseHelp(manFiles).sections["FILES"])
	fmt.Fprint(w, ".SH EXAMPLES\n.nf\n")
	for _, line := range examples {
		fmt.Fprintln(w, roff(strings.TrimSpace(line)))
	}
	fmt.Fprint(w, ".fi\n.SH SEE ALSO\n.BR redis\\-cli (1)\n")
}

func synopsis(c *cli.Command) string {
	text := "\\fBkeyprof " + roff(c.Name) + "\\fR"
	if len(options(c)) > 1 {
		text += " [\\fIflags\\fR]"
	}
	if c.ArgsUsage != "" {
		text += " \\fI" + roff(c.ArgsUsage) + "\\fR"
	}
	return text
}

// writeOptions writes the flags in the order and under the headings of --help.
func writeOptions(w io.Writer, c *cli.Command) {
	for _, group := range byCategory(options(c)) {
		if category := group[0].category; category != "" {
			fmt.Fprintf(w, ".PP\n%s:\n", roff(category))
		}
		for _, o := range group {
			if o.names[0] != "--help" {
				fmt.Fprintf(w, ".TP\n%s\n%s\n", manNames(o), roff(capital(o.usage))+manDefault(o))
			}
		}
	}
}

func manNames(o option) string {
	var names []string
	for _, name := range o.names {
		name = "\\fB" + roff(name) + "\\fR"
		if o.value != nil {
			name += " \\fI" + roff(o.value.placeholder) + "\\fR"
		}
		names = append(names, name)
	}
	return strings.Join(names, ", ")
}

func manDefault(o option) string {
	if o.standard == "" {
		return ""
	}
	return " (default: " + roff(strings.Trim(o.standard, `"`)) + ")"
}

func writeParagraphs(w io.Writer, paragraphs []string) {
	for i, text := range paragraphs {
		if i > 0 {
			fmt.Fprintln(w, ".PP")
		}
		fmt.Fprintln(w, roff(text))
	}
}

// tableRow is a line such as "  0    done". What stands further to the right
// goes on with the row before.
var tableRow = regexp.MustCompile(`^  (\S.*?) {2,}(\S.*)$`)

func writeTable(w io.Writer, title string, rows []string) {
	fmt.Fprintf(w, ".SH %s\n", title)
	for _, row := range rows {
		if m := tableRow.FindStringSubmatch(row); m != nil {
			fmt.Fprintf(w, ".TP\n\\fB%s\\fR\n%s\n", roff(m[1]), roff(m[2]))
		} else {
			fmt.Fprintln(w, roff(strings.TrimSpace(row)))
		}
	}
}

// help is the description of a command, taken apart.
type help struct {
	text     []string            // paragraphs
	sections map[string][]string // lines of those with a title, such as EXAMPLES
}

var helpTitle = regexp.MustCompile(`^[A-Z ]+$`)

func parseHelp(description string) help {
	h := help{sections: map[string][]string{}}
	for block := range strings.SplitSeq(description, "\n\n") {
		title, body, _ := strings.Cut(block, "\n")
		if helpTitle.MatchString(title) {
			h.sections[title] = strings.Split(body, "\n")
		} else if block != "" {
			h.text = append(h.text, block)
		}
	}
	return h
}

func capital(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// roffEscapes keep what people copy into a shell: without them groff prints
// typographic signs.
var roffEscapes = strings.NewReplacer(`\`, `\e`, `-`, `\-`, `'`, `\(aq`, "`", `\(ga`, `^`, `\(ha`, `~`, `\(ti`, "\n.", "\n\\&.")

func roff(s string) string {
	if strings.HasPrefix(s, ".") {
		return `\&` + roffEscapes.Replace(s)
	}
	return roffEscapes.Replace(s)
}

func macroArgument(s string) string { return `"` + strings.ReplaceAll(roff(s), `"`, `\(dq`) + `"` }
