package command

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"keyprof/report"
	"keyprof/report/alarm"
	"keyprof/report/diff"
	"keyprof/report/history"
	"keyprof/report/unit"
)

const diffHelp = `Compares two saved profiles: what changed by namespace, which namespaces are
written without a TTL now, and how long the keys that can be evicted, or the
rest of maxmemory, will last. ~ marks a change that may be noise.

Examples:
  keyprof diff monday.json.zst tuesday.json.zst
  keyprof diff --save-dir /var/lib/keyprof --label prod
  keyprof diff --sort no-ttl-bytes --min-change 5% old.json new.json
  keyprof diff --fail-on 'bytes_growth > 20%' monday.json.zst tuesday.json.zst
  keyprof profile -o - redis://replica.internal | keyprof diff old.json -`

func diffCommand() *cli.Command {
	return &cli.Command{
		Name:        "diff",
		Usage:       "compare two saved profiles",
		ArgsUsage:   "[[EARLIER...] OLD NEW|-]",
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
	const category = "Comparison"
	return []cli.Flag{
		&cli.StringFlag{Category: category, Name: "save-dir", Usage: "compare the newest two complete profiles in `DIR`"},
		&cli.StringFlag{Category: category, Name: "label", Usage: "with --save-dir, those of label `NAME`", DefaultText: "the only one"},
		&cli.StringFlag{Category: category, Name: "min-change", Usage: "list only changes of at least `AMOUNT`: a size (10MB), a share (5%), or a number of what is sorted by (1000)"},
		&cli.BoolFlag{Category: category, Name: "force", Usage: "compare what should not be compared, with a warning"},
	}
}

// diffOptions holds the parameters of runDiff.
type diffOptions struct {
	Paths  []string // expected oldest first; one may be "-"
	Dir    string   // directory of a history, if Paths is empty
	Label  string   // label in Dir; empty: the only one
	Show   report.DiffOptions
	Force  bool
	FailOn []*alarm.Condition
}

func diffOptionsOf(c *cli.Context) (o diffOptions, err error) {
	o.Paths, o.Force = c.Args().Slice(), c.Bool("force")
	o.Dir, o.Label = c.String("save-dir"), c.String("label")
	switch stdin := countOf(o.Paths, "-"); {
	case o.Dir != "" && len(o.Paths) > 0:
		return o, &usageError{problem: "give two profiles or --save-dir, not both"}
	case o.Dir == "" && c.IsSet("save-dir"):
		return o, flagError("save-dir", nil, "must name a directory")
	case o.Dir == "" && c.IsSet("label"):
		return o, &usageError{problem: "--label without --save-dir has no effect"}
	case o.Label != "" && history.CheckLabel(o.Label) != nil:
		return o, flagError("label", nil, history.CheckLabel(o.Label).Error())
	case o.Dir != "":
	case len(o.Paths) < 2:
		return o, &usageError{problem: fmt.Sprintf("diff needs two profiles; %s given", pick(len(o.Paths), "none was", "only one was")), hint: "write keyprof diff OLD NEW, or --save-dir DIR for the newest two in DIR"}
	case stdin > 1:
		return o, &usageError{problem: "only one of the profiles can be read from standard input"}
	}
	if o.Show, err = shownOf(c); err != nil {
		return o, err
	}
	o.FailOn, err = conditionsOf(c, alarm.TwoProfiles)
	return o, err
}

// pick returns none if n is 0, else one.
func pick(n int, none, one string) string {
	if n == 0 {
		return none
	}
	return one
}

func countOf(list []string, s string) (n int) {
	for _, v := range list {
		if v == s {
			n++
		}
	}
	return n
}

func shownOf(c *cli.Context) (o report.DiffOptions, err error) {
	if o.Options, err = reportOf(c); err != nil {
		return o, err
	}
	if err := setLeast(&o, c.String("min-change")); err != nil {
		return o, flagError("min-change", err, "")
	}
	if c.IsSet("min-change") && (o.Format == report.JSON || o.Format == report.CSV) {
		return o, &usageError{problem: "--min-change has no effect with --format " + string(o.Format) + ", which has all changes"}
	}
	return o, nil
}

// setLeast reads the smallest change to show: a share, a number in the unit that
// namespaces are sorted by, or a size in bytes.
func setLeast(o *report.DiffOptions, text string) (err error) {
	if text == "" {
		return nil
	}
	if strings.HasSuffix(text, "%") {
		o.MinGrowth, err = unit.ParseRatio(text)
		return err
	}
	if n, err := unit.ParseCount(text); err == nil {
		o.MinAmount = float64(n)
		return nil
	}
	n, err := unit.ParseSize(text)
	o.MinBytes = float64(n)
	return err
}

func runDiff(o diffOptions, stdin io.Reader, stdout, stderr io.Writer) error {
	sources, err := o.sources(stdin, stderr)
	if err != nil {
		return err
	}
	c, err := compare(sources, diff.Options{Under: o.Show.Under, Depth: o.Show.Depth, Force: o.Force})
	if err != nil {
		return err
	}
	shown := showChanges(stdout, c, o.Show)
	alarms := listVerdict(stderr, alarm.EvaluateDiff(c, o.FailOn)) // even if the changes could not be printed
	return cmp.Or(shown, alarms)
}

// sources returns at least two profiles, oldest first.
func (o diffOptions) sources(stdin io.Reader, stderr io.Writer) ([]source, error) {
	if o.Dir != "" {
		return newestSources(o.Dir, o.Label, stderr)
	}
	sources := make([]source, len(o.Paths))
	for i, path := range o.Paths {
		p, err := readProfile(path, stdin)
		if err != nil {
			return nil, err
		}
		if path == "-" {
			path = "standard input"
		}
		sources[i] = source{path, p}
	}
	oldestFirst := func(a, b source) int { return a.Began.Compare(b.Began) }
	if !slices.IsSortedFunc(sources, oldestFirst) {
		warn(stderr, "the profiles are not in order of time: the older one is used as OLD")
		slices.SortStableFunc(sources, oldestFirst)
	}
	return withoutTwins(sources, stderr), nil
}

// withoutTwins drops each profile that repeats the one before it, but keeps at least
// two.
func withoutTwins(sources []source, stderr io.Writer) []source {
	once := sources[:1]
	for _, s := range sources[1:] {
		last := once[len(once)-1]
		if s.Began.Equal(last.Began) && s.Ended.Equal(last.Ended) && len(sources) > 2 {
			warn(stderr, "%s and %s are the same profile, which counts once", last.name, s.name)
			continue
		}
		once = append(once, s)
	}
	if len(once) < 2 {
		return sources[:2]
	}
	return once
}

// newestSources returns the newest complete profiles of a label in a history.
func newestSources(dir, label string, stderr io.Writer) ([]source, error) {
	h, err := history.Open(dir, label)
	var newest []history.Saved
	var passed []error
	if err == nil {
		newest, passed, err = h.Newest(ratesOver+1, time.Now().Add(clocksApart))
	}
	if err != nil {
		return nil, &hintedError{error: fmt.Errorf("--save-dir: %w", err), hint: openHistoryHint(err)}
	}
	for _, problem := range passed {
		warn(stderr, "--save-dir: ignoring %v", problem)
	}
	if len(newest) < 2 {
		return nil, tooFew(dir, label, len(newest))
	}
	return sourcesOf(newest), nil
}

// tooFew returns an error that a history has fewer than two profiles to compare. Its
// hint lists other labels.
func tooFew(dir, label string, n int) error {
	err := &hintedError{
		error: fmt.Errorf("--save-dir: %s holds %s of this label; two are needed", dir, pick(n, "no complete profile", "only one complete profile")),
		hint:  "keyprof profile --save-dir " + dir + " URL adds one",
	}
	if label == "" {
		return err
	}
	err.hint = "keyprof profile --save-dir " + dir + " --label " + label + " URL adds one"
	if labels, listing := history.Labels(dir); listing == nil && n == 0 && len(labels) > 0 {
		err.hint = "there are profiles of " + strings.Join(labels, ", ") + "; " + err.hint
	}
	return err
}

func openHistoryHint(err error) string {
	if several := (*history.LabelsError)(nil); errors.As(err, &several) {
		return "choose one with --label"
	}
	return "give the directory that keyprof profile --save-dir DIR saves to"
}
