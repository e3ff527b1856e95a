package command

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"keyprof/report/diff"
	"keyprof/report/prom"
	"keyprof/sampler/profile"
)

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
