package prom

import (
	"io"
	"os"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"keyprof/sampler/profile"
)

// timestamp is in seconds since 1970, to the millisecond.
func timestamp(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

// lastSuccess is when a run was last complete, in seconds since 1970: this one, or
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

// deploymentOf is the deployment that a sample is about; empty: it has no name.
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
