package command

import (
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/cpuguy83/go-md2man/v2/md2man"
	"github.com/urfave/cli/v2"
)

func manCommand() *cli.Command {
	return &cli.Command{
		Name:        "man",
		Usage:       "print the manual page",
		Hidden:      true, // for packagers
		Description: "Prints the manual page, of section 1.\n\nExamples:\n  keyprof man > keyprof.1\n  man -l keyprof.1",
		Action: func(c *cli.Context) error {
			if err := noArguments(c); err != nil {
				return err
			}
			return writeMan(c.App.Writer, c.App, manDate())
		},
	}
}

// manDate returns today's date, or that of SOURCE_DATE_EPOCH for reproducible builds.
func manDate() string {
	now := time.Now()
	if s, err := strconv.ParseInt(os.Getenv("SOURCE_DATE_EPOCH"), 10, 64); err == nil {
		now = time.Unix(s, 0)
	}
	return now.UTC().Format(time.DateOnly)
}

const manFiles = `  FILE.json, FILE.json.gz, FILE.json.zst  a saved profile, which only its owner can read; keyprof schema prints its JSON Schema
  FILE.toml  a configuration, named by --config or KEYPROF_CONFIG; no file is read unless it is named`

// writeMan writes the manual page: the library's page of the commands, then the
// sections that the library lacks, and the topics.
func writeMan(w io.Writer, app *cli.App, date string) error {
	commands, err := app.ToMarkdown()
	if err != nil {
		return err
	}
	var page strings.Builder
	fmt.Fprintf(&page, "%% KEYPROF 1 %s \"keyprof %s\" \"User Commands\"\n\n", date, app.Version)
	page.WriteString(strings.NewReplacer(`**=""`, "**", " (default: 0)", "").Replace(commands))
	for _, section := range []struct{ title, rows string }{
		{"EXIT STATUS", exitStatusHelp}, {"ENVIRONMENT", environmentHelp}, {"FILES", manFiles},
	} {
		fmt.Fprintf(&page, "\n# %s\n\n%s\n", section.title, tableRow.ReplaceAllString(section.rows, "**$1**\n: $2\n"))
	}
	page.WriteString("\n# EXAMPLES\n\n")
	for _, c := range shownCommands(app) {
		for _, line := range examplesOf(c.Description) {
			fmt.Fprintf(&page, "    %s\n", strings.TrimSpace(line))
		}
	}
	for _, t := range topics() {
		_, body, _ := strings.Cut(t.text, "\n")
		body = table.ReplaceAllString(fence.ReplaceAllString(body, "```"), "    |")
		fmt.Fprintf(&page, "\n# %s: %s\n%s", strings.ToUpper(t.name), t.title, body)
	}
	page.WriteString("\n# SEE ALSO\n\n**redis-cli**(1)\n")
	source := subsection.ReplaceAllString(page.String(), "### ")
	_, err = io.WriteString(w, copyable(string(md2man.Render([]byte(source)))))
	return err
}

var (
	tableRow   = regexp.MustCompile(`(?m)^  (\S.*?) {2,}(\S.*)$`) // such as "  0    done"
	subsection = regexp.MustCompile(`(?m)^## `)                   // the renderer would make it a section
	table      = regexp.MustCompile(`(?m)^\|`)                    // readable as it is
	fence      = regexp.MustCompile("(?m)^```.+$")                // the renderer takes at most one word after it
)

// copyable protects text that users copy into a shell: without it formatters replace
// some characters with typographic ones.
func copyable(page string) string {
	var text strings.Builder
	for line := range strings.Lines(page) {
		if !strings.HasPrefix(line, ".") && !strings.HasPrefix(line, "'") { // not a roff request
			line = plainSigns.Replace(line)
		}
		text.WriteString(line)
	}
	return text.String()
}

var plainSigns = strings.NewReplacer(`\-`, `\-`, "-", `\-`, "'", `\(aq`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`)
