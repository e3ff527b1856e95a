package command

import (
	"fmt"
	"slices"

	"github.com/urfave/cli/v2"

	"keyprof/report"
	"keyprof/report/alarm"
	"keyprof/sampler/history"
)

// historyHelp is the part of --help that explains --save-dir.
const historyHelp = `HISTORY
  --save-dir DIR keeps what is found night after night, in files such as
  DIR/prod-2026-11-21T03-00-00Z.json.zst: the label and when the walk began. Names
  are grouped as in the last complete one, unless --patterns or --delimiters say
  otherwise. One run at a time writes under a label; a second one says so, and ends.
  After a complete profile the oldest beyond --keep complete ones of this label are
  deleted, and nothing else ever is. Without --label, the server's address is the
  label. No report is printed, unless to a terminal or if --format is given. --diff
  prints what changed since the complete profile before; --fail-on then knows
  conditions on changes, as keyprof diff --help lists them.`

func historyFlags() []cli.Flag {
	const category = "History"
	return []cli.Flag{
		&cli.StringFlag{Category: category, Name: "save-dir", Usage: "save the profile in `DIR`, beside those of other nights"},
		&cli.BoolFlag{Category: category, Name: "diff", Usage: "with --save-dir, print what changed since the complete profile before, also with --quiet"},
		&cli.IntFlag{Category: category, Name: "keep", Usage: "with --save-dir, keep the newest `N` complete profiles of the label", Value: history.DefaultKeep},
	}
}

// historyOptions say which profiles to keep where.
type historyOptions struct {
	Dir, Label string
	Keep       int
	Regroup    bool // as in the last profile
	Report     bool // also where stdout is no terminal
	Compare    bool // with the profiles before
	Diff       bool // print what changed
}

// historyOf is nil when no history is kept. It sets the label of a profile that
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
		return nil, &usageError{problem: "--diff needs --save-dir, where the profiles of other nights are", hint: "keyprof diff OLD NEW compares two files"}
	case h.Diff && o.Output == "-":
		return nil, &usageError{problem: "--output - prints the profile alone, without --diff"}
	case h.Diff && h.Report && o.Report.Format != report.Text && o.Report.Format != report.Markdown:
		return nil, &usageError{problem: "--diff prints a second document, which --format " + string(o.Report.Format) + " has no place for", hint: "keyprof diff --save-dir DIR --format " + string(o.Report.Format) + " prints it alone"}
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

// serverLabel is made of where the server is, and not of who logs in.
func (o *profileOptions) serverLabel() (string, error) {
	if o.Redact != nil {
		return "", &usageError{problem: "--redact and --save-dir need a --label", hint: "without one the server's address would be the label, and not stay hidden"}
	}
	target, err := o.Connection.place()
	if err != nil {
		return "", err
	}
	label := history.LabelFor(target.Address)
	if history.CheckLabel(label) != nil {
		return "", &usageError{problem: "--save-dir: the server's address makes no label", hint: "choose one with --label"}
	}
	return label, nil
}
