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

// DefaultTop is the default number of namespaces with samples of their own.
const DefaultTop = 20

// MaxTop limits the namespaces with samples of their own: each makes five time
// series, and more whenever namespaces change places.
const MaxTop = 1000

// Options controls what is written.
type Options struct {
	// Top is the number of namespaces, the largest ones, with samples of their
	// own; the others are summed up.
	Top int
}

// Errors of CheckName.
var (
	// ErrSuffix reports a file name that node_exporter would not read.
	ErrSuffix = errors.New("file name must end in .prom: node_exporter reads no other files")
	// ErrStar reports a file name that would give a temporary file whose name ends
	// in .prom, which node_exporter would read.
	ErrStar = errors.New("file name must not contain a *")
)

// CheckName returns ErrSuffix or ErrStar if a file of that name cannot be used.
func CheckName(path string) error {
	switch name := filepath.Base(path); {
	case filepath.Ext(name) != ".prom":
		return ErrSuffix
	case strings.Contains(name, "*"):
		return ErrStar
	}
	return nil
}

// CheckWritable returns an error if WriteFile could not write to path. It creates a
// temporary file in the same directory and removes it.
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

// timestamp returns seconds since 1970, to the millisecond.
func timestamp(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

// lastSuccess returns the end of the last complete run, in seconds since 1970: this
// one, or that in the older file at path; nil if unknown.
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

// deploymentOf returns the deployment label of a sample; empty if it has none.
func deploymentOf(m *dto.Metric) string {
	for _, l := range m.GetLabel() {
		if l.GetName() == deploymentLabel {
			return l.GetValue()
		}
	}
	return ""
}

// mostBytes limits how much of an older file is read: many times what MaxTop
// namespaces take.
const mostBytes = 16 << 20

// readFile returns the metrics of an older file; none if the file is damaged.
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
