package command

import (
	"cmp"
	"context"
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
	"keyprof/report/redact"
	"keyprof/report/unit"
	"keyprof/sampler"
	"keyprof/sampler/profile"
)

const profileHelp = `Scans all keys with SCAN and measures each with MEMORY USAGE, PTTL, OBJECT
IDLETIME (or FREQ) and TYPE. None of these writes, and none counts as an access.

Examples:
  keyprof profile redis://replica.internal:6379
  keyprof profile -o tonight.json.zst --max-load 10% redis://replica.internal
  keyprof profile --askpass rediss://db.internal:6380 --cacert ca.pem
  keyprof profile --sample 200000 -h 127.0.0.1 -p 56379 --format csv > keys.csv
  keyprof profile --save-dir history --label prod redis://replica.internal:6379`

func profileCommand() *cli.Command {
	return &cli.Command{
		Name:        "profile",
		Usage:       "profile a live server and print the report",
		ArgsUsage:   "[URL]",
		Description: profileHelp,
		Flags:       slices.Concat(connectionFlags(), walkFlags(), sampleFlags(), durationFlags(), reportFlags(), profileFlags(), historyFlags(), failOnFlags(), promFlags(), redactFlags(), quietFlags(), groupingFlags()),
		Action: func(c *cli.Context) error {
			opts, err := untilInterrupted(c.Context, func() (profileOptions, error) { return profileOptionsOf(c) })
			if err != nil {
				return err
			}
			return runProfile(c.Context, opts, c.App.Reader, c.App.Writer, c.App.ErrWriter)
		},
	}
}

func durationFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Category: walkCategory, Name: "max-duration", Usage: "stop after `SPAN`; the profile is then incomplete"},
		&cli.IntFlag{Category: walkCategory, Name: "workers", Usage: "group keys with `N` workers", Value: sampler.DefaultWorkers},
	}
}

func profileFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Category: outputCategory, Name: "output", Aliases: []string{"o"}, Usage: "save the profile as `FILE` (.json, .json.gz, .json.zst); - prints it"},
		&cli.StringFlag{Category: outputCategory, Name: "label", Usage: "`NAME` of this deployment (letters, digits, ., _ and -)"},
	}
}

func quietFlags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Category: outputCategory, Name: "quiet", Aliases: []string{"q"}, Usage: "print no report and no progress"},
		&cli.BoolFlag{Category: outputCategory, Name: "no-progress", Usage: "show no progress bar"},
	}
}

// profileOptions holds the parameters of runProfile, independent of flags.
type profileOptions struct {
	Connection connection
	Collect    sampler.Options
	Report     report.Options
	FailOn     []*alarm.Condition
	Redact     *redact.Options // nil: not at all
	Output     string          // file, "-", or empty
	History    *historyOptions // nil: none is kept
	Prom       promFile
	Quiet      bool
	Progress   bool // show a bar, if stderr is a terminal
}

func profileOptionsOf(c *cli.Context) (o profileOptions, err error) {
	o.Output, o.Quiet = c.String("output"), c.Bool("quiet")
	o.Progress = !c.Bool("no-progress") && !o.Quiet
	if err := o.readFlags(c); err != nil {
		return o, err
	}
	if o.History, err = historyOf(c, &o); err != nil {
		return o, err
	}
	if err := o.checkUse(c.IsSet("format")); err != nil {
		return o, err
	}
	return o, cmp.Or(o.checkOutput(), o.Prom.check())
}

// readFlags reads the flags that do not depend on others; the history depends on them.
func (o *profileOptions) readFlags(c *cli.Context) (err error) {
	if o.Connection, err = connectionOf(c); err != nil {
		return err
	}
	if o.Report, err = reportOf(c); err != nil {
		return err
	}
	if o.Collect, err = collectOptionsOf(c); err != nil {
		return err
	}
	if o.FailOn, err = conditionsOf(c, evidenceOf(c)); err != nil {
		return err
	}
	if o.Redact, err = redactOf(c); err != nil {
		return err
	}
	o.Prom, err = promOf(c)
	return err
}

// evidenceOf returns the evidence for conditions. With a history it includes changes.
func evidenceOf(c *cli.Context) alarm.Evidence {
	if c.IsSet("save-dir") {
		return alarm.TwoProfiles
	}
	return alarm.OneProfile
}

// checkUse checks the flags for the output of the scan.
func (o *profileOptions) checkUse(formatted bool) error {
	switch {
	case o.Quiet && o.Output == "" && o.History == nil && o.Prom.Path == "":
		return &usageError{problem: "--quiet without --output, --save-dir or --prom-file would produce no output"}
	case o.Output == "-" && formatted:
		return &usageError{problem: "--output - prints only the profile, so --format has no effect", hint: "leave out one of the two"}
	}
	return nil
}

func collectOptionsOf(c *cli.Context) (sampler.Options, error) {
	o, err := walkOptionsOf(c)
	if err != nil {
		return o, err
	}
	o.Label, o.Workers = c.String("label"), c.Int("workers")
	if o.Sample, err = sampleOf(c); err != nil {
		return o, err
	}
	if o.Grouping, err = groupingOf(c); err != nil {
		return o, err
	}
	if text := c.String("max-duration"); text != "" {
		if o.MaxDuration, err = unit.ParseSpan(text); err != nil || o.MaxDuration < time.Second {
			return o, flagError("max-duration", err, "must be at least 1s")
		}
	}
	if err := history.CheckLabel(o.Label); o.Label != "" && err != nil {
		return o, flagError("label", nil, err.Error())
	}
	if o.Workers < 1 || o.Workers > maxWorkers {
		return o, flagError("workers", nil, fmt.Sprintf("must be between 1 and %d", maxWorkers))
	}
	return o, nil
}

const maxWorkers = 64

// checkOutput tests before the scan whether the profile can be saved.
func (o profileOptions) checkOutput() error {
	if o.Output == "" || o.Output == "-" {
		return nil
	}
	if _, err := profile.CompressionFor(o.Output); err != nil {
		return flagError("output", err, "")
	}
	if err := profile.CheckWritable(o.Output); err != nil {
		return &hintedError{error: fmt.Errorf("--output: %w", err), hint: "choose a directory that exists and that you may write to"}
	}
	return nil
}

// runProfile connects, scans, saves and reports.
func runProfile(ctx context.Context, o profileOptions, stdin io.Reader, stdout, stderr io.Writer) error {
	past, err := openHistory(o.History, stderr)
	if err != nil {
		return err
	}
	defer past.close()
	if o.Collect.Grouping, err = past.grouping(o.Collect.Grouping); err != nil {
		return err
	}
	past.sampleAgain(o.Collect.Sample)
	collected, err := collect(ctx, o, past, stdin, stderr)
	if err != nil {
		return redact.Error(err, o.Redact)
	}
	p, err := redact.Share(collected, o.Redact)
	if err != nil {
		return err
	}
	p.Label = o.Collect.Label // a label given with --redact is meant to be shown
	failed, alarms := o.deliver(p, past, stdout, stderr)
	switch {
	case failed != nil: // the other exit codes promise that everything was written
		return failed
	case !p.Complete && ctx.Err() != nil:
		return context.Cause(ctx)
	case !p.Complete:
		return incomplete(p.Profile)
	default:
		return alarms
	}
}

// deliver saves the profile, writes the textfile, lists alarms and prints. Each step
// runs even if another fails. Printing comes last, because a reader that closes the
// pipe ends the process. failed holds the errors of saving and printing. alarms reports
// conditions that hold; they have already been listed.
func (o profileOptions) deliver(p redact.Shareable, past *pastProfiles, stdout, stderr io.Writer) (failed, alarms error) {
	changes := past.changes(p.Profile) // before save adds the profile to the history
	saved := failuresOf(past.save(p.Profile), o.saveOutput(p.Profile))
	textfile := o.Prom.write(p.Profile, changes)
	o.tellProblems(stderr, p.Profile, stdout)
	alarms = o.listAlarms(stderr, p, changes)
	failed = failuresOf(saved, textfile, o.print(stdout, p, changes))
	if errors.Is(failed, profile.ErrNotValid) && (!o.reports(stdout) || o.Report.Format == report.JSON) { // keep the figures of the scan
		o.Report.Format = report.Text
		failed = failuresOf(failed, show(stdout, p, o.Report))
	}
	return failed, alarms
}

// problems lists the codes of warnings that should not recur every night.
var problems = []string{"measure-refused", "info-refused", "replica-link-down", "server-changed", "rule-unused", "wrong-replies", "last-save-failed", "key-stalled", "odd-figure"}

// tellProblems prints warnings for a nightly run, for which no report is printed.
func (o profileOptions) tellProblems(stderr io.Writer, p *profile.Profile, stdout io.Writer) {
	if o.History == nil || o.reports(stdout) {
		return
	}
	for _, w := range p.Warnings {
		if slices.Contains(problems, w.Code) {
			warn(stderr, "%s: %s", w.Scope, w.Text)
		}
	}
}

// incomplete returns an error that says why a profile is incomplete.
func incomplete(p *profile.Profile) error {
	err := &incompleteError{reason: p.Nodes[0].Incomplete}
	if strings.HasSuffix(err.reason, sampler.ErrTimeUp.Error()) {
		err.hint = "allow more time with --max-duration, or a higher load with --max-load"
	}
	return err
}

func collect(ctx context.Context, o profileOptions, past *pastProfiles, stdin io.Reader, stderr io.Writer) (*profile.Profile, error) {
	var progress *bar
	if o.Collect.MaxLoad < 1 {
		giveWay()
	} else {
		defer limitProcessors(o.Collect.Workers)()
	}
	if o.Redact != nil {
		o.Connection.Hide = func(err error) error { return redact.Error(err, o.Redact) }
	}
	conn, databases, err := o.Connection.open(ctx, stdin, stderr, func() { progress.interrupt() })
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	o.Collect.Databases = databases
	if near := sampler.NearMaxmemory(conn.Node); near != nil && !past.toldOf(near.Code) {
		warn(stderr, "%s", near.Text)
	}
	if o.Progress && isTerminal(stderr) {
		progress = newBar(stderr)
		defer progress.finish()
		o.Collect.Progress, o.Collect.OnPause = progress.show, progress.pause
	} else {
		o.Collect.OnPause = tellPauses(stderr, minPauseTold)
	}
	return sampler.Collect(ctx, conn, o.Collect)
}

// listAlarms evaluates the conditions on the changes if they are known, since a
// comparison includes the newest profile. If they are not, the reason has been printed,
// or it is the first night.
func (o profileOptions) listAlarms(stderr io.Writer, p redact.Shareable, changes *diff.Comparison) error {
	if changes == nil {
		return listAlarms(stderr, p, slices.DeleteFunc(slices.Clone(o.FailOn), (*alarm.Condition).NeedsDiff))
	}
	return listVerdict(stderr, alarm.EvaluateDiff(changes, o.FailOn))
}

// saveOutput saves the profile to the file of --output.
func (o profileOptions) saveOutput(p *profile.Profile) error {
	if o.Output == "" || o.Output == "-" {
		return nil
	}
	if err := profile.WriteFile(o.Output, p); err != nil {
		return notSaved(err, "free some space, or choose another place with --output")
	}
	return nil
}

// print prints the profile or the report, then the changes.
func (o profileOptions) print(stdout io.Writer, p redact.Shareable, changes *diff.Comparison) error {
	if o.Output == "-" {
		return profile.Write(stdout, p.Profile, profile.Plain)
	}
	if o.reports(stdout) {
		if err := show(stdout, p, o.Report); err != nil {
			return err
		}
	}
	if changes == nil || !o.History.Diff {
		return nil
	}
	return showChanges(stdout, changes, report.DiffOptions{Options: o.Report})
}

// reports reports whether the report is printed.
func (o profileOptions) reports(stdout io.Writer) bool {
	switch {
	case o.Quiet || o.Output == "-":
		return false
	case o.History != nil && !o.History.Report:
		return isTerminal(stdout)
	}
	return true
}
