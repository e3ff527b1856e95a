package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"keyprof/report"
	"keyprof/report/alarm"
	"keyprof/report/diff"
	"keyprof/report/unit"
	"keyprof/sampler"
	"keyprof/sampler/profile"
)

var diffHelp = `Compares two saved profiles: what changed by namespace, in keys, bytes, TTLs and
idle bytes; what of that is more than noise (` + "~" + ` is not); which namespaces are
written without a TTL since; and how long what can be evicted, or what is left of
maxmemory, lasts at the rate seen. Earlier profiles, given before OLD, make that a
range.

What cannot be compared, as the server was restarted or upgraded in between, is left
out with a warning. Profiles of different databases, or of different --match, are
refused.

EXAMPLES
  keyprof diff monday.json.zst tuesday.json.zst
  keyprof diff --sort no-ttl-bytes --min-change 5% monday.json.zst tuesday.json.zst
  keyprof diff --fail-on 'bytes_growth > 20%' monday.json.zst tuesday.json.zst
  keyprof diff --format csv monday.json.zst tuesday.json.zst > changes.csv
  keyprof profile -o - redis://replica | keyprof diff monday.json.zst -

` + failOnHelp + "\n\n" + readExitStatusHelp + "\n  5    a condition of --fail-on holds"

func diffCommand() *cli.Command {
	return &cli.Command{
		Name:        "diff",
		Usage:       "compare two saved profiles",
		ArgsUsage:   "[EARLIER...] OLD NEW|-",
		Description: diffHelp,
		Flags:       slices.Concat(diffFlags(), reportFlags(), failOnFlags()),
		Action: func(c *cli.Context) error {
			o, err := diffOptionsOf(c)
			if err != nil {
				return err
			}
			return runDiff(o, c.App.Reader, c.App.Writer, c.App.ErrWriter)
		},
	}
}

func diffFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "min-change", Usage: "list only namespaces that changed by `AMOUNT`, such as 10MB, or by so much of what there was, such as 5%"},
		&cli.BoolFlag{Name: "force", Usage: "compare what should not be compared, with a warning"},
	}
}

// diffOptions are what runDiff needs.
type diffOptions struct {
	Paths  []string // oldest first, or so it is thought; one may be "-"
	Show   changesShown
	Force  bool
	FailOn []*alarm.Condition
}

// changesShown is how a comparison is shown.
type changesShown struct {
	report.DiffOptions
	Depth int // segments; 0: all
}

func diffOptionsOf(c *cli.Context) (o diffOptions, err error) {
	o.Paths, o.Force = c.Args().Slice(), c.Bool("force")
	switch stdin := countOf(o.Paths, "-"); {
	case len(o.Paths) < 2:
		return o, &usageError{problem: fmt.Sprintf("diff compares two profiles, and %s given", pickCount(len(o.Paths))), hint: "keyprof diff OLD NEW"}
	case stdin > 1:
		return o, &usageError{problem: "only one of the profiles can be read from standard input"}
	}
	if o.Show, err = changesShownOf(c); err != nil {
		return o, err
	}
	o.FailOn, err = failOnOf(c)
	return o, err
}

func pickCount(n int) string {
	if n == 0 {
		return "none is"
	}
	return "only one is"
}

func countOf(list []string, s string) (n int) {
	for _, v := range list {
		if v == s {
			n++
		}
	}
	return n
}

func changesShownOf(c *cli.Context) (o changesShown, err error) {
	show, err := presentationOf(c)
	if err != nil {
		return o, err
	}
	o.Options, o.Depth = show.Options, show.Depth
	text := c.String("min-change")
	switch {
	case text == "":
	case strings.HasSuffix(text, "%"):
		o.MinGrowth, err = unit.ParseRatio(text)
	default:
		var amount int64
		amount, err = unit.ParseSize(text)
		o.MinAmount = float64(amount)
	}
	if err != nil {
		return o, flagError("min-change", err, "")
	}
	return o, nil
}

// source is a profile and where it comes from.
type source struct {
	name string
	*profile.Profile
}

func runDiff(o diffOptions, stdin io.Reader, stdout, stderr io.Writer) error {
	sources := make([]source, len(o.Paths))
	for i, path := range o.Paths {
		p, err := readProfile(path, stdin)
		if err != nil {
			return err
		}
		sources[i] = source{path, p}
	}
	oldestFirst := func(a, b source) int { return a.Began.Compare(b.Began) }
	if !slices.IsSortedFunc(sources, oldestFirst) {
		warn(stderr, "the profiles are not in the order of their times: the older one is taken for OLD")
		slices.SortStableFunc(sources, oldestFirst)
	}
	c, err := compare(sources, o.Show.Depth, o.Show.Under, o.Force)
	if err != nil {
		return err
	}
	if err := showChanges(stdout, c, o.Show); err != nil {
		return err
	}
	return nil
}

// compare compares the newest two of some profiles, which are sorted by time; the
// others tell earlier rates.
func compare(sources []source, depth int, under string, force bool) (*diff.Comparison, error) {
	n := len(sources) - 2
	before, after := sources[n], sources[n+1]
	o := diff.Options{
		Tool:      profile.Tool{Name: profile.ToolName, Version: version},
		OldSource: before.name, NewSource: after.name, Force: force,
	}
	for _, s := range sources[:n] {
		o.Earlier = append(o.Earlier, s.Profile)
	}
	old, new, err := sampler.Regroup(before.Profile, after.Profile)
	if err != nil {
		o.Ungrouped = err
		old, new = before.Profile, after.Profile
	}
	if depth > 0 {
		old, err = sampler.RollUp(old, under, depth)
		if err == nil {
			new, err = sampler.RollUp(new, under, depth)
		}
		if err != nil {
			return nil, fmt.Errorf("--depth: %w", err)
		}
	}
	c, err := diff.Compare(old, new, o)
	if refused := (*diff.Refusal)(nil); errors.As(err, &refused) {
		return nil, &hintedError{error: err, hint: refused.Hint}
	}
	return c, err
}

// showChanges prints a comparison as suits stdout.
func showChanges(stdout io.Writer, c *diff.Comparison, o changesShown) error {
	o.Color = wantsColor(stdout)
	o.Width = min(terminalWidth(stdout), widest)
	if err := report.WriteDiff(stdout, c, o.DiffOptions); err != nil {
		return &hintedError{error: err, hint: writingHint}
	}
	return nil
}
