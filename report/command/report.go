package command

import (
	"io"
	"slices"

	"github.com/urfave/cli/v2"

	"keyprof/report"
	"keyprof/report/alarm"
	"keyprof/report/redact"
)

const reportHelp = `Prints a saved profile again, in any format.

Examples:
  keyprof report tonight.json.zst
  keyprof report --under session: --sort idle-bytes tonight.json.zst
  keyprof report --redact --format json tonight.json.zst > shared.json
  keyprof report --fail-on 'high_idle_bytes >= 500MB' tonight.json.zst
  keyprof profile -o - redis://replica.internal | keyprof report -`

func reportCommand() *cli.Command {
	return &cli.Command{
		Name:        "report",
		Usage:       "print a saved profile",
		ArgsUsage:   "PROFILE|-",
		Description: reportHelp,
		Flags:       slices.Concat(reportFlags(), failOnFlags(), redactFlags()),
		Action: func(c *cli.Context) error {
			o, err := reportOptionsOf(c)
			if err != nil {
				return err
			}
			return runReport(o, c.App.Reader, c.App.Writer, c.App.ErrWriter)
		},
	}
}

// reportOptions holds the parameters of runReport.
type reportOptions struct {
	Path   string // or "-"
	Report report.Options
	FailOn []*alarm.Condition
	Redact *redact.Options // nil: not at all
}

func reportOptionsOf(c *cli.Context) (o reportOptions, err error) {
	if o.Path, err = oneArgument(c, "file"); err != nil {
		return o, err
	}
	if o.Path == "" {
		return o, &usageError{problem: "no profile given", hint: "keyprof report FILE, or - for standard input"}
	}
	if o.Report, err = reportOf(c); err != nil {
		return o, err
	}
	if o.FailOn, err = failOnOf(c); err != nil {
		return o, err
	}
	o.Redact, err = redactOf(c)
	return o, err
}

func runReport(o reportOptions, stdin io.Reader, stdout, stderr io.Writer) error {
	read, err := readProfile(o.Path, stdin)
	if err != nil {
		return err
	}
	p, err := redact.Share(read, o.Redact)
	if err != nil {
		return err
	}
	if err := show(stdout, p, o.Report); err != nil {
		return err
	}
	return listAlarms(stderr, p, o.FailOn)
}
