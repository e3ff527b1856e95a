package command

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"keyprof/report"
	"keyprof/report/alarm"
	"keyprof/sampler"
	"keyprof/sampler/profile"
	"keyprof/sampler/redact"
)

var reportHelp = `Prints a saved profile again, in any format.

EXAMPLES
  keyprof report tonight.json.zst
  keyprof report --under session: --sort idle-bytes tonight.json.zst
  keyprof report --depth 1 tonight.json.zst
  keyprof report --redact --format json tonight.json.zst > shared.json
  keyprof report --fail-on 'high_idle_bytes >= 500MB' tonight.json.zst
  keyprof report --format csv tonight.json.zst > namespaces.csv
  keyprof profile -o - redis://replica | keyprof report -

` + failOnHelp + "\n\n" + redactHelp + "\n\n" + reportExitStatusHelp

func reportCommand() *cli.Command {
	return &cli.Command{
		Name:        "report",
		Usage:       "print a saved profile",
		ArgsUsage:   "PROFILE|-",
		Description: reportHelp,
		Flags:       slices.Concat(reportFlags(), failOnFlags(), redactFlags()),
		Action: func(c *cli.Context) error {
			path, err := oneArgument(c, "file")
			if err != nil {
				return err
			}
			if path == "" {
				return &usageError{problem: "no profile given", hint: "keyprof report FILE, or - for standard input"}
			}
			o, err := reportOptionsOf(c, path)
			if err != nil {
				return err
			}
			return runReport(o, c.App.Reader, c.App.Writer, c.App.ErrWriter)
		},
	}
}

func reportFlags() []cli.Flag {
	const category = "Report"
	return append([]cli.Flag{
		&cli.StringFlag{Category: category, Name: "format", Aliases: []string{"f"}, Usage: "print as `FORMAT`: " + list(report.Formats()), Value: string(report.DefaultFormat)},
		&cli.StringFlag{Category: category, Name: "sort", Usage: "sort namespaces by `ORDER`: " + list(report.Sorts()), Value: string(report.DefaultSort)},
		&cli.IntFlag{Category: category, Name: "top", Usage: "list `N` namespaces and sum up the others", Value: report.DefaultTop},
	}, scopeFlags(category)...)
}

// scopeFlags say which namespaces are shown, and how deep.
func scopeFlags(category string) []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Category: category, Name: "under", Usage: "only namespaces that begin with `PREFIX` as they are printed, such as resque:"},
		&cli.IntFlag{Category: category, Name: "depth", Usage: "sum namespaces up by their first `N` segments, the parts between delimiters of the first level (see --delimiters), counted from --under", DefaultText: "all"},
	}
}

// scopeOf is what the scope flags say; depth 0 is all.
func scopeOf(c *cli.Context) (under string, depth int, err error) {
	under, depth = c.String("under"), c.Int("depth")
	if c.IsSet("depth") && depth < 1 {
		return "", 0, flagError("depth", nil, "must be at least 1")
	}
	return under, depth, nil
}

func list[T ~string](items []T) string {
	words := make([]string, len(items))
	for i, item := range items {
		words[i] = string(item)
	}
	return strings.Join(words, ", ")
}

// presentation is how a profile is shown.
type presentation struct {
	report.Options
	Depth int // segments; 0: all
}

func presentationOf(c *cli.Context) (o presentation, err error) {
	o.Format, o.Sort, o.Top = report.Format(c.String("format")), report.Sort(c.String("sort")), c.Int("top")
	if o.Under, o.Depth, err = scopeOf(c); err != nil {
		return o, err
	}
	if err := o.Validate(); err != nil {
		return o, &usageError{problem: err.Error()}
	}
	switch {
	case o.Top < 1:
		return o, flagError("top", nil, "must be at least 1")
	case o.Depth > 0 && o.Format == report.JSON:
		return o, &usageError{problem: "--depth and --format json do not go together: the document is always whole"}
	}
	return o, nil
}

// reportOptions are what runReport needs.
type reportOptions struct {
	Path   string // or "-"
	Report presentation
	FailOn []*alarm.Condition
	Redact *redact.Options // nil: not at all
}

func reportOptionsOf(c *cli.Context, path string) (reportOptions, error) {
	show, err := presentationOf(c)
	if err != nil {
		return reportOptions{}, err
	}
	failOn, err := failOnOf(c)
	if err != nil {
		return reportOptions{}, err
	}
	redacted, err := redactOf(c)
	return reportOptions{Path: path, Report: show, FailOn: failOn, Redact: redacted}, err
}

func runReport(o reportOptions, stdin io.Reader, stdout, stderr io.Writer) error {
	read, err := readProfile(o.Path, stdin)
	if err != nil {
		return err
	}
	p, err := share(read, o.Redact)
	if err != nil {
		return err
	}
	if err := show(stdout, p, o.Report); err != nil {
		return err
	}
	return listAlarms(stderr, p, o.FailOn)
}

// show prints a report as suits stdout. On a terminal it is as wide as that,
// within reason; elsewhere its width does not depend on chance.
func show(stdout io.Writer, shown shareable, o presentation) error {
	if err := shown.checkUnder(o.Under); err != nil {
		return err
	}
	p := shown.Profile
	if o.Depth > 0 {
		rolled, err := sampler.RollUp(p, o.Under, o.Depth)
		if err != nil {
			return fmt.Errorf("--depth: %w", err)
		}
		p = rolled
	}
	o.Color = wantsColor(stdout)
	o.Width = min(terminalWidth(stdout), widest)
	if err := report.Write(stdout, p, o.Options); err != nil {
		return notWritten(err, writingHint)
	}
	return nil
}

// writingHint is what to do when a report cannot be printed.
const writingHint = "check where the output goes: a full disk, or a pipe that was closed"

// widest is a line that can still be read, in columns.
const widest = 140

// terminalWidth is how many columns a terminal has; 0: it is none.
func terminalWidth(w io.Writer) int {
	f, ok := osFile(w)
	if !ok {
		return 0
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return width
}

func readProfile(path string, stdin io.Reader) (*profile.Profile, error) {
	var p *profile.Profile
	var err error
	if path == "-" {
		p, err = profile.Read(stdin)
		path = "standard input"
	} else {
		p, err = profile.ReadFile(path)
	}
	if err != nil {
		if inFile := errors.Unwrap(err); path != "standard input" && inFile != nil {
			err = inFile // without the path, which ReadFile puts before it
		}
		return nil, &hintedError{error: fmt.Errorf("reading %s: %w", path, withoutPath(err)), hint: readHint(err)}
	}
	return p, nil
}

func readHint(err error) string {
	switch {
	case errors.Is(err, os.ErrNotExist):
		return "keyprof profile -o FILE URL makes a profile"
	case errors.Is(err, profile.ErrNewerSchema):
		return "use the keyprof that wrote it, or a newer one"
	case errors.Is(err, profile.ErrTruncated):
		return "the file was not copied or written to its end: copy it again"
	default:
		return "give a file that keyprof profile -o wrote"
	}
}

// wantsColor follows no-color.org: colours on a terminal, unless NO_COLOR is
// set to anything. Of Windows' terminals, the new one understands them.
func wantsColor(w io.Writer) bool {
	if runtime.GOOS == "windows" && os.Getenv("WT_SESSION") == "" {
		return false
	}
	return isTerminal(w) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// isTerminal reports whether a reader or writer is one.
func isTerminal(stream any) bool {
	f, ok := osFile(stream)
	return ok && term.IsTerminal(int(f.Fd()))
}

// osFile is the file that a reader or writer is.
func osFile(stream any) (*os.File, bool) {
	if out, ok := stream.(*output); ok {
		stream = out.Writer
	}
	f, ok := stream.(*os.File)
	return f, ok
}
