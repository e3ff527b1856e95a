package command

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"keyprof/report"
	"keyprof/sampler"
	"keyprof/sampler/pattern"
	"keyprof/sampler/profile"
	"keyprof/sampler/redact"
)

const patternsHelp = `Groups key names from a file or standard input as "keyprof profile" would, with
no server: to try rules, or on the names that redis-cli --scan prints. There is
one name a line, without the carriage return that ends lines on Windows; a name
that ends in one, or has a new line in it, needs -0. What --format json prints holds
the decisions that were made, and the rules: --patterns takes it.

EXAMPLES
  redis-cli --scan | keyprof patterns -
  keyprof patterns --pattern-rule '^tenant:([^:]+):=tenant:$1:*' names.txt
  keyprof patterns --depth 1 --under cache: names.txt
  keyprof patterns --delimiters ':_' names.txt
  keyprof patterns --redact names.txt
  keyprof patterns --format json -0 names.bin

` + redactHelp + "\n\n" + readExitStatusHelp

func patternsCommand() *cli.Command {
	return &cli.Command{
		Name:        "patterns",
		Usage:       "group a list of key names, without a server",
		ArgsUsage:   "FILE|-",
		Description: patternsHelp,
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "format", Aliases: []string{"f"}, Usage: "print as `FORMAT`: " + strings.Join(patternsFormats, ", "), Value: string(report.Text)},
			&cli.BoolFlag{Name: "null", Aliases: []string{"0"}, Usage: "names end in a NUL byte, and not in a new line"},
			&cli.IntFlag{Name: "top", Usage: "list `N` namespaces as text and sum up the others", DefaultText: "all"},
		}, slices.Concat(groupingFlags(), scopeFlags(""), redactFlags())...),
		Action: func(c *cli.Context) error {
			o, err := patternsOptionsOf(c)
			if err != nil {
				return err
			}
			return runPatterns(o, c.App.Reader, c.App.Writer, c.App.ErrWriter)
		},
	}
}

// patternsFormats are the formats of the patterns command.
var patternsFormats = []string{string(report.Text), string(report.JSON)}

// patternsOptions are what runPatterns needs.
type patternsOptions struct {
	Path      string // or "-"
	Format    report.Format
	Separator byte
	Grouping  sampler.Grouping
	Under     string
	Depth     int             // segments; 0: all
	Top       int             // namespaces listed; 0: all
	Redact    *redact.Options // nil: not at all
}

func patternsOptionsOf(c *cli.Context) (o patternsOptions, err error) {
	if o.Path, err = oneArgument(c, "file"); err != nil {
		return o, err
	}
	if o.Path == "" {
		return o, &usageError{problem: "no file given", hint: "keyprof patterns FILE, or - for standard input"}
	}
	if o.Format = report.Format(c.String("format")); !slices.Contains(patternsFormats, string(o.Format)) {
		return o, flagError("format", nil, fmt.Sprintf("%.40q: want one of %s", o.Format, strings.Join(patternsFormats, ", ")))
	}
	if o.Separator = '\n'; c.Bool("null") {
		o.Separator = 0
	}
	if o.Under, o.Depth, err = scopeOf(c); err != nil {
		return o, err
	}
	if o.Top = c.Int("top"); c.IsSet("top") && o.Top < 1 {
		return o, flagError("top", nil, "must be at least 1")
	}
	if o.Redact, err = redactOf(c); err != nil {
		return o, err
	}
	o.Grouping, err = groupingOf(c)
	return o, err
}

func runPatterns(o patternsOptions, stdin io.Reader, stdout, stderr io.Writer) error {
	if o.Path == "-" && isTerminal(stdin) {
		fmt.Fprintln(stderr, "keyprof: reading names from the terminal, one a line; end with Ctrl-D")
	}
	read, err := groupNames(o, stdin)
	if err != nil {
		return err
	}
	groups := read.groups
	if o.Redact != nil {
		if err := groups.Redact(*o.Redact, o.Grouping.Rules.Texts()); err != nil {
			return fmt.Errorf("--redact: %w", err)
		}
	}
	if read.doubt != "" {
		warn(stderr, "%s", read.doubt)
	}
	warnGroups(stderr, groups, o.Grouping.Limit)
	if err := narrow(groups, o, stderr); err != nil {
		return err
	}
	var out bytes.Buffer
	if o.Format == report.JSON {
		if err := writeGroupsJSON(&out, groups, o); err != nil {
			return err
		}
	} else {
		writeGroupsText(&out, groups, o.Top, terminalWidth(stdout))
	}
	_, err = stdout.Write(out.Bytes())
	return err
}

// groupedNames are the names of a list by namespace.
type groupedNames struct {
	groups *sampler.NameGroups
	doubt  string // about the list, for people
}

func groupNames(o patternsOptions, stdin io.Reader) (groupedNames, error) {
	input := io.NopCloser(stdin)
	if o.Path != "-" {
		f, err := openNames(o.Path)
		if err != nil {
			return groupedNames{}, err
		}
		input = f
	}
	defer input.Close()
	names := newNameReader(input, o.Separator)
	groups := sampler.GroupNames(names.all, o.Grouping)
	if err := names.err(); err != nil {
		return groupedNames{}, fmt.Errorf("reading names: %w", err)
	}
	return groupedNames{groups, names.doubt()}, nil
}

// narrow leaves the namespaces that were asked for.
func narrow(groups *sampler.NameGroups, o patternsOptions, stderr io.Writer) error {
	if o.Under != "" {
		summedUp := slices.ContainsFunc(groups.Namespaces, func(n sampler.NameGroup) bool { return n.Other })
		groups.Namespaces = slices.DeleteFunc(groups.Namespaces, func(n sampler.NameGroup) bool {
			return n.Other || !report.Below(n.Pattern, o.Under)
		})
		if len(groups.Namespaces) == 0 && groups.Names > 0 {
			warnNothingUnder(stderr, o.Under, summedUp)
		}
	}
	if o.Depth == 0 {
		return nil
	}
	return groups.RollUp(o.Under, o.Depth)
}

// warnNothingUnder helps somebody who mistyped a prefix.
func warnNothingUnder(stderr io.Writer, under string, summedUp bool) {
	text := ""
	if summedUp {
		text = ", but some of those in " + profile.OtherPattern + " may"
	}
	warn(stderr, "no namespace lies under %s%s: it must be how a namespace begins, as keyprof patterns prints it without --under", under, text)
}

func warnGroups(stderr io.Writer, groups *sampler.NameGroups, limit int) {
	if groups.Names == 0 {
		warn(stderr, "there are no names to group")
	}
	for _, rule := range groups.UnusedRules {
		warn(stderr, "pattern rule %q matched no name", rule)
	}
	if slices.ContainsFunc(groups.Namespaces, func(n sampler.NameGroup) bool { return n.Other }) {
		warn(stderr, "there are more than %d namespaces: those with the fewest names are summed up under %s", limit, profile.OtherPattern)
	}
	if groups.Dictionary.Degraded {
		warn(stderr, "there were so many namespaces that they had to be made coarser: a place in a name becomes <*> when it has more different words than %d, where %d is usual (k in the dictionary); frequent words may stand all the same", groups.Dictionary.K, pattern.DefaultK)
	}
}
