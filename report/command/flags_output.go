package command

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"keyprof/report"
	"keyprof/report/alarm"
	"keyprof/report/diff"
	"keyprof/report/prom"
	"keyprof/sampler/profile"
)

func presentationFlags() []cli.Flag {
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

// failOnHelp is the part of --help that explains conditions on a profile.
var failOnHelp = `CONDITIONS
  --fail-on '` + alarm.Grammar + `' makes the exit code 5 when the condition
  holds for certain; what holds is listed on standard error. OP is > >= < or <=.
  VALUE is a number (1000000, 1,000,000, 1e6), a size (500MB, 1GiB) or a share
  (5%). GLOB is as in Redis (* ? [a-z] \), and is held against the namespaces as
  they are printed: each that matches is compared. Without in GLOB, all keys
  together are. Of an estimate the end is compared that makes it certain. What was
  not measured, and what the missing part of an incomplete profile may change, is
  a warning. METRIC is one of
` + metricsHelp(alarm.Metrics())

// failOnDiffHelp is the part of --help that explains conditions on a comparison.
var failOnDiffHelp = `CONDITIONS
  --fail-on '` + alarm.Grammar + `' makes the exit code 5 when the condition
  holds for certain; what holds is listed on standard error. OP is > >= < or <=.
  VALUE is a number (1000000, 1,000,000, 1e6), a size (500MB, 1GiB), a share (5%)
  or a time (14, 2.5, 14d, 36h). GLOB is as in Redis (* ? [a-z] \), and is held
  against the namespaces as they are printed: each that matches is compared.
  Without in GLOB, all keys together are. What cannot be compared is a warning.

  METRIC is one of these, which compare the two profiles. Changes have a sign: a
  VALUE such as -20% means a decrease. Of a change that noise may explain in part,
  the end is compared that makes it certain. A time to a limit is compared at the
  rate between the newest two profiles, whatever the rates before were. A namespace
  that is new counts whole, but has no growth; one that is gone has grown by -100%.
` + metricsHelp(alarm.ChangeMetrics()) + `

  Or METRIC is one of these, of the new profile.
` + metricsHelp(alarm.Metrics())

func metricsHelp(metrics []alarm.Metric) string {
	var lines []string
	for _, m := range metrics {
		lines = append(lines, fmt.Sprintf("  %-22s %s", m.Name, m.Help))
	}
	return strings.Join(lines, "\n")
}

func failOnFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Category: "Alarm", Name: "fail-on", Usage: "exit with 5 when `CONDITION` holds, such as 'no_ttl_share > 5% in resque:*'; repeatable"},
	}
}

// failOnOf are the conditions on a profile.
func failOnOf(c *cli.Context) ([]*alarm.Condition, error) {
	return conditionsOf(c, alarm.OneProfile)
}

// conditionsOf are the conditions that there will be evidence for.
func conditionsOf(c *cli.Context, by alarm.Evidence) (conditions []*alarm.Condition, err error) {
	for _, text := range c.StringSlice("fail-on") {
		condition, err := alarm.Parse(text, by)
		if err != nil {
			return nil, flagError("fail-on", err, "")
		}
		conditions = append(conditions, condition)
	}
	return conditions, nil
}

func promFlags() []cli.Flag {
	const category = "Prometheus"
	return []cli.Flag{
		&cli.StringFlag{Category: category, Name: "prom-file", Usage: "write the figures to `FILE` (.prom), for the textfile collector of node_exporter"},
		&cli.IntFlag{Category: category, Name: "prom-top", Usage: "with --prom-file, name the `N` largest namespaces and sum up the others", Value: prom.DefaultTop},
	}
}

// promFile is the textfile for Prometheus.
type promFile struct {
	Path string // empty: none
	prom.Options
}

func promOf(c *cli.Context) (promFile, error) {
	f := promFile{c.String("prom-file"), prom.Options{Top: c.Int("prom-top")}}
	switch {
	case f.Top < 1 || f.Top > prom.MaxTop:
		return f, flagError("prom-top", nil, fmt.Sprintf("must be between 1 and %d", prom.MaxTop))
	case f.Path == "" && c.IsSet("prom-top"):
		return f, &usageError{problem: "--prom-top without --prom-file has no effect"}
	case f.Path == "" && c.IsSet("prom-file"):
		return f, flagError("prom-file", nil, "must name a file")
	case f.Path == "":
		return f, nil
	}
	if err := prom.CheckName(f.Path); err != nil {
		return f, &usageError{
			problem: fmt.Sprintf("--prom-file: %v", err),
			hint:    "name a file in the directory that node_exporter's --collector.textfile.directory names, such as keyprof.prom",
		}
	}
	return f, nil
}

// check finds out before the walk whether the file can be written.
func (f promFile) check() error {
	if f.Path == "" {
		return nil
	}
	if err := prom.CheckWritable(f.Path); err != nil {
		return &hintedError{error: fmt.Errorf("--prom-file: %w", err), hint: "choose a directory that exists and may be written to"}
	}
	return nil
}

// write writes the file, if there is to be one. The comparison is nil without an
// earlier profile.
func (f promFile) write(p *profile.Profile, c *diff.Comparison) error {
	if f.Path == "" {
		return nil
	}
	if err := prom.WriteFile(f.Path, p, c, f.Options); err != nil {
		return &hintedError{error: fmt.Errorf("--prom-file: %w", err), hint: "free some space, or choose another place with --prom-file"}
	}
	return nil
}
