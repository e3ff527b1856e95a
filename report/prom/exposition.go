package prom

import (
	"math"

	"github.com/prometheus/client_golang/prometheus"
)

// prefix begins the names of all metrics.
const prefix = "keyprof"

// deploymentLabel tells apart the files of several deployments.
const deploymentLabel = "deployment"

// exposition collects samples. The first error stays.
type exposition struct {
	registry   *prometheus.Registry
	registerer prometheus.Registerer
	err        error
}

// newExposition is one of which all samples carry the deployment, if it has a name.
func newExposition(deployment string) *exposition {
	r := prometheus.NewRegistry()
	e := &exposition{registry: r, registerer: r}
	if deployment != "" {
		e.registerer = prometheus.WrapRegistererWith(prometheus.Labels{deploymentLabel: deployment}, r)
	}
	return e
}

// gauge is a metric without samples. help may not depend on the profile:
// node_exporter wants it to be the same in all files.
func (e *exposition) gauge(name, help string, labels ...string) gauge {
	vec := prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: prefix, Name: name, Help: help}, labels)
	e.keep(e.registerer.Register(vec))
	return gauge{e, vec}
}

func (e *exposition) keep(err error) {
	if e.err == nil {
		e.err = err
	}
}

// gauge is a metric.
type gauge struct {
	in  *exposition
	vec *prometheus.GaugeVec
}

// set makes a sample, if v is a figure.
func (g gauge) set(v float64, labels ...string) {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return
	}
	sample, err := g.vec.GetMetricWithLabelValues(labels...)
	if err != nil {
		g.in.keep(err)
		return
	}
	sample.Set(v)
}

// setIf makes a sample of what may be absent.
func (g gauge) setIf(v *float64, labels ...string) {
	if v != nil {
		g.set(*v, labels...)
	}
}
