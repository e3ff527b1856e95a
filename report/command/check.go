package command

import (
	"cmp"
	"context"
	"errors"
	"io"
	"slices"

	"github.com/urfave/cli/v2"

	"keyprof/report"
	"keyprof/sampler"
	"keyprof/sampler/profile"
)

const checkHelp = `Reports what the server is, which measures it allows and the ACL line that is
missing, and how long a full scan would take. It scans no keys: it asks about
keys that do not exist.

Examples:
  keyprof check redis://replica.internal:6379
  keyprof check -h replica.internal -p 6379
  keyprof check --askpass --user prof rediss://db.internal:6380 --cacert ca.pem
  keyprof check --max-load 10% --db 0,3 redis://replica.internal:6379
  keyprof check --format json redis://replica.internal:6379 > check.json`

func checkCommand() *cli.Command {
	return &cli.Command{
		Name:        "check",
		Usage:       "report what a profile would find and cost",
		ArgsUsage:   "[URL]",
		Description: checkHelp,
		Flags:       slices.Concat(connectionFlags(), walkFlags(), checkFlags()),
		Action: func(c *cli.Context) error {
			opts, err := untilInterrupted(c.Context, func() (checkOptions, error) { return checkOptionsOf(c) })
			if err != nil {
				return err
			}
			return runCheck(c.Context, opts, c.App.Reader, c.App.Writer, c.App.ErrWriter)
		},
	}
}

func checkFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Category: reportCategory, Name: "format", Aliases: []string{"f"}, Usage: "`FORMAT`: " + report.List(report.CheckupFormats()), Value: string(report.DefaultFormat)},
	}
}

// checkOptions holds the parameters of runCheck.
type checkOptions struct {
	Connection connection
	Walk       sampler.Options
	Report     report.Options
}

func checkOptionsOf(c *cli.Context) (o checkOptions, err error) {
	if o.Connection, err = connectionOf(c); err != nil {
		return o, err
	}
	if o.Walk, err = walkOptionsOf(c); err != nil {
		return o, err
	}
	o.Report.Format = report.Format(c.String("format"))
	if !slices.Contains(report.CheckupFormats(), o.Report.Format) {
		return o, flagError("format", nil, "wants one of "+report.List(report.CheckupFormats()))
	}
	return o, nil
}

// runCheck queries the server and prints the findings, whatever they are.
func runCheck(ctx context.Context, o checkOptions, stdin io.Reader, stdout, stderr io.Writer) error {
	conn, databases, err := o.Connection.open(ctx, stdin, stderr, func() {})
	if err != nil {
		return err
	}
	defer conn.Close()
	o.Walk.Databases = databases
	found, err := sampler.Check(ctx, conn, o.Walk)
	if ctx.Err() != nil {
		return errInterruptedEarly
	}
	if err != nil {
		return err
	}
	o.Report.Color, o.Report.Width = wantsColor(stdout), reportWidth(stdout)
	if err := report.WriteCheckup(stdout, found, o.Report); err != nil {
		return &hintedError{error: err, hint: writingHint}
	}
	return verdictError(found)
}

// verdictError returns nil when a profile would be complete.
func verdictError(r *profile.Checkup) error {
	var err error
	var hint string
	switch r.Verdict {
	case profile.VerdictComplete:
		return nil
	case profile.VerdictLacking:
		err, hint = &lackingError{reason: r.Reasons[0]}, "you can make a profile anyway; it will say what is missing"
	default:
		err, hint = errors.New(r.Reasons[0]), cmp.Or(r.Hint, "the server lacks commands that keyprof needs; profile another server")
	}
	if r.ACL.Add != "" {
		hint = "to allow what is refused: " + r.ACL.Add
	}
	return &hintedError{error: err, hint: hint}
}
