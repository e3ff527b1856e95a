package command

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"keyprof/report"
	"keyprof/report/alarm"
	"keyprof/report/diff"
	"keyprof/report/prom"
	"keyprof/sampler/profile"
)

const (
	reportCategory = "Report"
	outputCategory = "Output"
)

func reportFlags() []cli.Flag {
	return append([]cli.Flag{
		&cli.StringFlag{Category: reportCategory, Name: "format", Aliases: []string{"f"}, Usage: "`FORMAT`: " + report.List(report.Formats()), Value: string(report.DefaultFormat)},
		&cli.StringFlag{Category: reportCategory, Name: "sort", Usage: "`ORDER`: " + report.List(report.Sorts()), Value: string(report.DefaultSort)},
		&cli.IntFlag{Category: reportCategory, Name: "top", Usage: "list `N` namespaces and sum up the others", Value: report.DefaultTop},
	}, scopeFlags()...)
}

// scopeFlags returns the flags that select the namespaces to show and their depth.
func scopeFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Category: reportCategory, Name: "under", Usage: "only namespaces that begin with `PREFIX`, as printed"},
		&cli.IntFlag{Category: reportCategory, Name: "depth", Usage: "merge namespaces by their first `N` segments"},
	}
}

// scopeOf reads the scope flags. Depth 0 means all segments.
func scopeOf(c *cli.Context) (under string, depth int, err error) {
	under, depth = c.String("under"), c.Int("depth")
	if c.IsSet("depth") && depth < 1 {
		return "", 0, flagError("depth", nil, "must be at least 1")
	}
	return under, depth, nil
}

// reportOf reads the options for printing a profile.
func reportOf(c *cli.Context) (o report.Options, err error) {
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
		return o, &usageError{problem: "--depth has no effect with --format json, which has the whole profile"}
	}
	return o, nil
}

func failOnFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Category: outputCategory, Name: "fail-on", Usage: "exit with 5 if `CONDITION` holds; repeatable"},
	}
}

// failOnOf returns the conditions on a single profile.
func failOnOf(c *cli.Context) ([]*alarm.Condition, error) {
	return conditionsOf(c, alarm.OneProfile)
}

// conditionsOf returns the conditions of --fail-on. It rejects those that the evidence
// cannot decide.
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
	return []cli.Flag{
		&cli.StringFlag{Category: outputCategory, Name: "prom-file", Usage: "write metrics to `FILE` (.prom) for node_exporter"},
		&cli.IntFlag{Category: outputCategory, Name: "prom-top", Usage: "with --prom-file, list `N` namespaces", Value: prom.DefaultTop},
	}
}

// promFile describes the textfile for Prometheus.
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
			hint:    "name a file such as keyprof.prom in the directory of node_exporter's --collector.textfile.directory",
		}
	}
	return f, nil
}

// check tests before the scan whether the file can be written.
func (f promFile) check() error {
	if f.Path == "" {
		return nil
	}
	if err := prom.CheckWritable(f.Path); err != nil {
		return &hintedError{error: fmt.Errorf("--prom-file: %w", err), hint: "choose a directory that exists and that you may write to"}
	}
	return nil
}

// write writes the file, if there is a path. The comparison is nil without an earlier
// profile.
func (f promFile) write(p *profile.Profile, c *diff.Comparison) error {
	if f.Path == "" {
		return nil
	}
	if err := prom.WriteFile(f.Path, p, c, f.Options); err != nil {
		return &hintedError{error: fmt.Errorf("--prom-file: %w", err), hint: "free some space, or choose another place with --prom-file"}
	}
	return nil
}
