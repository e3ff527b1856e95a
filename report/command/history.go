package command

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"keyprof/report"
	"keyprof/report/alarm"
	"keyprof/report/diff"
	"keyprof/report/history"
	"keyprof/sampler"
	"keyprof/sampler/aggregate"
	"keyprof/sampler/pattern"
	"keyprof/sampler/profile"
)

func historyFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Category: outputCategory, Name: "save-dir", Usage: "save the profile in `DIR`, in a file of its own"},
		&cli.BoolFlag{Category: outputCategory, Name: "diff", Usage: "with --save-dir, print what changed since the last run"},
		&cli.IntFlag{Category: outputCategory, Name: "keep", Usage: "with --save-dir, keep `N` complete profiles", Value: history.DefaultKeep},
	}
}

// historyOptions says which profiles to keep and where.
type historyOptions struct {
	Dir, Label string
	Keep       int
	Regroup    bool // group as in the last profile
	Report     bool // print the report also if stdout is no terminal
	Compare    bool // compare with earlier profiles
	Diff       bool // print what changed
}

// historyOf returns nil when no history is kept. It sets the label of a profile that
// has none.
func historyOf(c *cli.Context, o *profileOptions) (*historyOptions, error) {
	h := &historyOptions{
		Dir: c.String("save-dir"), Keep: c.Int("keep"),
		Regroup: c.String("patterns") == "", Report: c.IsSet("format"), Diff: c.Bool("diff"),
	}
	h.Compare = h.Diff || o.Prom.Path != "" || slices.ContainsFunc(o.FailOn, (*alarm.Condition).NeedsDiff)
	switch {
	case !c.IsSet("save-dir") && c.IsSet("keep"):
		return nil, &usageError{problem: "--keep without --save-dir has no effect"}
	case !c.IsSet("save-dir") && h.Diff:
		return nil, &usageError{problem: "--diff needs --save-dir, which has the earlier profiles", hint: "keyprof diff OLD NEW compares two files"}
	case h.Diff && o.Output == "-":
		return nil, &usageError{problem: "--output - prints only the profile, so --diff has no effect"}
	case h.Diff && h.Report && o.Report.Format != report.Text && o.Report.Format != report.Markdown:
		return nil, &usageError{problem: "--diff prints a second document, which --format " + string(o.Report.Format) + " does not allow", hint: "keyprof diff --save-dir DIR --format " + string(o.Report.Format) + " prints the comparison alone"}
	case !c.IsSet("save-dir"):
		return nil, nil
	case h.Dir == "":
		return nil, flagError("save-dir", nil, "must name a directory")
	case h.Keep < history.MinKeep:
		return nil, flagError("keep", nil, fmt.Sprintf("must be at least %d", history.MinKeep))
	}
	if o.Collect.Label == "" {
		label, err := o.serverLabel()
		if err != nil {
			return nil, err
		}
		o.Collect.Label = label
	}
	h.Label = o.Collect.Label
	return h, nil
}

// serverLabel builds a label from the server's address, without the user.
func (o *profileOptions) serverLabel() (string, error) {
	if o.Redact != nil {
		return "", &usageError{problem: "--redact and --save-dir need a --label", hint: "without a label, the file would be named after the server's address"}
	}
	target, err := o.Connection.place()
	if err != nil {
		return "", err
	}
	label := history.LabelFor(target.Address)
	if history.CheckLabel(label) != nil {
		return "", &usageError{problem: "--save-dir: the server's address cannot be used as a label", hint: "choose one with --label"}
	}
	return label, nil
}

// pastProfiles is the locked history of a run. It is nil if the run keeps none.
type pastProfiles struct {
	options historyOptions
	history *history.History
	writer  *history.Writer
	stderr  io.Writer
	told    map[string]bool // warnings already printed
}

func openHistory(o *historyOptions, stderr io.Writer) (*pastProfiles, error) {
	if o == nil {
		return nil, nil
	}
	past := &pastProfiles{options: *o, stderr: stderr, told: map[string]bool{}}
	var err error
	if past.history, err = history.Create(o.Dir, o.Label); err == nil {
		past.writer, err = past.history.Lock()
	}
	if err != nil {
		return nil, &hintedError{error: fmt.Errorf("--save-dir: %w", err), hint: historyHint(err)}
	}
	return past, nil
}

func historyHint(err error) string {
	switch {
	case errors.Is(err, history.ErrLocked):
		return "nothing was done; wait until that run ends, or give this one another --label"
	case errors.Is(err, fs.ErrNotExist):
		return "create its parent directory: keyprof creates only the last part of the path"
	case errors.Is(err, syscall.ENOSPC):
		return spaceHint
	}
	return "choose a directory that you may read and write"
}

const spaceHint = "free some space, or choose another place with --save-dir"

func (past *pastProfiles) close() {
	if past == nil {
		return
	}
	if err := past.writer.Close(); err != nil {
		warn(past.stderr, "--save-dir: %v", err)
	}
}

// clocksApart is the largest expected difference between the clocks of machines that
// share a history.
const clocksApart = 5 * time.Minute

// newest returns up to n of the newest complete profiles that began by until. It warns
// once of each file that should be such a profile and is not.
func (past *pastProfiles) newest(n int, until time.Time) ([]history.Saved, error) {
	newest, passed, err := past.history.Newest(n, until)
	if err != nil {
		return nil, &hintedError{error: fmt.Errorf("--save-dir: %w", err), hint: historyHint(err)}
	}
	for _, problem := range passed {
		if text := problem.Error(); !past.told[text] {
			past.told[text] = true
			warn(past.stderr, "--save-dir: ignoring %s", text)
		}
	}
	return newest, nil
}

// grouping returns g with the decisions of the last profile, if they were made with the
// same delimiters and the same rules for splitting names. Other decisions do not apply
// and are ignored without a warning.
func (past *pastProfiles) grouping(g aggregate.Grouping) (aggregate.Grouping, error) {
	if past == nil || !past.options.Regroup {
		return g, nil
	}
	last, err := past.newest(1, time.Now().Add(clocksApart))
	if err != nil || len(last) == 0 {
		return g, err
	}
	decisions, err := decisionsOf(last[0].Profile)
	switch {
	case errors.Is(err, errNoDecisions), errors.Is(err, errRedactedDecisions):
		return g, nil
	case err != nil:
		warn(past.stderr, "--save-dir: names are grouped from scratch, as %s cannot be used: %v", last[0].Path, err)
		return g, nil
	}
	wanted := g.Dictionary // from --delimiters
	if wanted == nil {
		wanted = &pattern.Dictionary{}
	}
	again := g
	again.Dictionary = decisions.Dictionary
	if again.OtherLexing() != "" || !wanted.FirstLevel().Equal(decisions.Dictionary.FirstLevel()) {
		return g, nil
	}
	return again, nil
}

// sampleAgain makes the run measure the sample of the last profile again, so that
// changes are changes of the same keys.
func (past *pastProfiles) sampleAgain(size *sampler.SampleSize) {
	if past == nil || size == nil || size.Again != nil {
		return
	}
	if last, err := past.newest(1, time.Now()); err == nil && len(last) > 0 {
		size.Again = last[0].Profile
	}
}

// toldOf reports whether the last profile has a warning of this code. Users stop
// reading a warning that is repeated every night.
func (past *pastProfiles) toldOf(code string) bool {
	if past == nil {
		return false
	}
	last, err := past.newest(1, time.Now())
	return err == nil && len(last) > 0 &&
		slices.ContainsFunc(last[0].Profile.Warnings, func(w profile.Warning) bool { return w.Code == code })
}

// ratesOver is the number of earlier complete profiles that a comparison uses. With
// nightly runs, its rates cover about a week.
const ratesOver = 8

// changes compares p with the complete profiles before it. It returns nil if no
// comparison was asked for, or on the first night. It must be called before save. If
// the comparison fails it only warns, since the scan's result is worth more.
func (past *pastProfiles) changes(p *profile.Profile) *diff.Comparison {
	if past == nil || !past.options.Compare {
		return nil
	}
	newest, err := past.newest(ratesOver, p.Began)
	if err != nil {
		warn(past.stderr, "no comparison: %v", err)
		return nil
	}
	if len(newest) == 0 {
		past.warnOfNone()
		return nil
	}
	c, err := compare(append(sourcesOf(newest), source{"this run", p}), diff.Options{})
	if err != nil {
		warn(past.stderr, "no comparison with %s: %v", newest[0].Path, err)
	}
	return c
}

// warnOfNone warns that there is nothing to compare with, except on the first night.
func (past *pastProfiles) warnOfNone() {
	labels, err := history.Labels(past.options.Dir)
	if err != nil || slices.Contains(labels, past.options.Label) {
		warn(past.stderr, "no comparison: %s holds no complete profile of %s", past.options.Dir, past.options.Label)
	}
}

// sourcesOf returns saved profiles, sorted newest first, as sources sorted oldest
// first.
func sourcesOf(newest []history.Saved) []source {
	var list []source
	for _, s := range slices.Backward(newest) {
		list = append(list, source{s.Path, s.Profile})
	}
	return list
}

// save writes the profile and deletes the profiles beyond the limit.
func (past *pastProfiles) save(p *profile.Profile) error {
	if past == nil {
		return nil
	}
	if _, err := past.writer.Save(p); err != nil {
		hint := spaceHint
		switch {
		case errors.Is(err, fs.ErrExist):
			hint = "move that file away, and check whether the clock was set back"
		case errors.Is(err, fs.ErrNotExist):
			hint = "the directory existed when the scan began: find out what removed it"
		}
		return notSaved(err, hint)
	}
	if _, err := past.writer.Prune(past.options.Keep); err != nil {
		warn(past.stderr, "--save-dir: deleting old profiles: %v", err)
	}
	return nil
}
