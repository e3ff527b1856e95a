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

var checkHelp = `Tells before the first profile what it would find and take: what the server is,
what it refuses and the ACL line that allows it, how long a walk would take and
how much of the server's CPU, and what to watch out for. Nothing is walked and no
key is touched: what is refused is learnt from questions about keys that do not
exist. Those that ACL refuses appear in the server's ACL LOG.

EXAMPLES
  keyprof check redis://replica.internal:6379
  keyprof check --askpass --user prof rediss://db.internal:6380 --cacert ca.pem
  keyprof check --max-load 10% --db 0,3 redis://replica.internal:6379
  keyprof check --format json redis://replica.internal:6379 > check.json

` + environmentHelp + `

EXIT STATUS
  0    a profile would be complete, with all measures
  1    failed: the server cannot be reached, or cannot be profiled
  2    usage: a bad flag, argument or URL
  4    a profile would lack measures, databases or keys
  130  interrupted`

func checkCommand() *cli.Command {
	return &cli.Command{
		Name:        "check",
		Usage:       "tell what a profile would find and take, without walking",
		ArgsUsage:   "[URL]",
		Description: checkHelp,
		Flags:       slices.Concat(checkFlags(), walkFlags(), connectionFlags()),
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
		&cli.StringFlag{Category: "Report", Name: "format", Aliases: []string{"f"}, Usage: "print as `FORMAT`: " + list(report.CheckupFormats()), Value: string(report.DefaultFormat)},
	}
}

// checkOptions are what runCheck needs.
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
		return o, flagError("format", nil, "wants one of "+list(report.CheckupFormats()))
	}
	return o, nil
}

// runCheck asks the server, and prints what it found whatever that is.
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

// verdictError is nil when a profile would be complete.
func verdictError(r *profile.Checkup) error {
	var err error
	var hint string
	switch r.Verdict {
	case profile.VerdictComplete:
		return nil
	case profile.VerdictLacking:
		err, hint = &lackingError{reason: r.Reasons[0]}, "a profile can be made all the same; it says what it lacks"
	default:
		err, hint = errors.New(r.Reasons[0]), cmp.Or(r.Hint, "the server does not have what keyprof needs: give it another one")
	}
	if r.ACL.Add != "" {
		hint = "to allow what is refused: " + r.ACL.Add
	}
	return &hintedError{error: err, hint: hint}
}
