package prom

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"keyprof/report/diff"
	"keyprof/sampler/profile"
)

// DefaultTop is how many namespaces have samples of their own.
const DefaultTop = 20

// MaxTop is the most namespaces that may have samples of their own: each makes
// five time series, and others whenever namespaces change places.
const MaxTop = 1000

// Options say what to write.
type Options struct {
	// Top is how many namespaces, the largest, have samples of their own; the
	// others are summed up.
	Top int
}

// What can be wrong with the name of a file to be written.
var (
	// ErrSuffix says that node_exporter would not read the file.
	ErrSuffix = errors.New("file name must end in .prom: node_exporter reads no other files")
	// ErrStar says that the temporary file could not be named: its name would end
	// in .prom, too.
	ErrStar = errors.New("file name must not contain a *")
)

// CheckName reports whether a file of that name can serve. The error is ErrSuffix
// or ErrStar.
func CheckName(path string) error {
	switch name := filepath.Base(path); {
	case filepath.Ext(name) != ".prom":
		return ErrSuffix
	case strings.Contains(name, "*"):
		return ErrStar
	}
	return nil
}

// CheckWritable reports whether WriteFile can write to path, as far as that can be
// known without doing it: by creating its temporary file and removing it.
func CheckWritable(path string) error {
	if err := CheckName(path); err != nil {
		return err
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return profile.AboutFile(path, errors.New("is a directory"))
	}
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)) // as WriteToTextfile does
	if err != nil {
		return profile.AboutFile(path, err)
	}
	err = f.Close()
	if rerr := os.Remove(f.Name()); err == nil {
		err = rerr
	}
	return profile.AboutFile(path, err)
}

// WriteFile writes the figures of p to the file at path, with mode 0644. Runways
// are those of c, the comparison with an earlier profile; nil: there is none. If p
// is incomplete, the time of the last success is that in the file that path names.
//
// The file appears whole or not at all: after an error the older one is as it was.
// A symbolic link at path is replaced, not followed.
func WriteFile(path string, p *profile.Profile, c *diff.Comparison, o Options) error {
	if err := CheckName(path); err != nil {
		return err
	}
	registry, err := gather(p, c, o, lastSuccess(path, p))
	if err != nil {
		return err
	}
	return profile.AboutFile(path, prometheus.WriteToTextfile(path, registry))
}

// timestamp returns in seconds since 1970, to the millisecond.
func timestamp(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

// lastSuccess returns when a run was last complete, in seconds since 1970: this one, or
// the one that the older file at path tells of. nil: not known.
func lastSuccess(path string, p *profile.Profile) *float64 {
	if p.Complete {
		return new(timestamp(p.Ended))
	}
	for _, m := range readFile(path)[prefix+"_last_success_timestamp_seconds"].GetMetric() {
		v := m.GetGauge().GetValue()
		if deploymentOf(m) == p.Label && v > 0 && v <= timestamp(p.Ended) {
			return &v
		}
	}
	return nil
}

// deploymentOf returns the deployment that a sample is about; empty: it has no name.
func deploymentOf(m *dto.Metric) string {
	for _, l := range m.GetLabel() {
		if l.GetName() == deploymentLabel {
			return l.GetValue()
		}
	}
	return ""
}

// mostBytes of an older file are read: many times what MaxTop namespaces take.
const mostBytes = 16 << 20

// readFile reads the metrics of an older file; none if it is damaged, as what it
// says then may be cut short.
func readFile(path string) map[string]*dto.MetricFamily {
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() { // reading a pipe may not end
		return nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(io.LimitReader(f, mostBytes))
	if err != nil {
		return nil
	}
	return families
}
