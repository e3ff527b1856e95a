package prom

import (
	"cmp"
	"math"
	"slices"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"keyprof/report"
	"keyprof/report/diff"
	"keyprof/sampler/aggregate"
	"keyprof/sampler/profile"
)

// gather returns all metrics of a profile. success is the end of the last complete
// run, in seconds since 1970; nil if unknown.
func gather(p *profile.Profile, c *diff.Comparison, o Options, success *float64) (*prometheus.Registry, error) {
	e := newExposition(p.Label)
	e.namespaces(p, o.Top)
	e.pool(p)
	e.runways(c)
	e.servers(p)
	e.run(p, success)
	e.cost(&p.Receipt)
	return e.registry, e.err
}

// pool adds the keys that a volatile-* policy can evict.
func (e *exposition) pool(p *profile.Profile) {
	keys := e.gauge("volatile_keys", "Scanned keys that have a TTL: all that a volatile-* policy can evict. Absent if TTLs were not measured.")
	bytes := e.gauge("volatile_bytes", "Bytes of the scanned keys that have a TTL. Absent if TTLs or sizes were not measured.")
	t := &p.Totals
	if t.NoTTLKeys == nil {
		return
	}
	keys.set(float64(t.Keys.Value - t.NoTTLKeys.Value))
	if t.Bytes != nil && t.NoTTLBytes != nil {
		bytes.set(float64(t.Bytes.Value - t.NoTTLBytes.Value))
	}
}

const secondsPerDay = 24 * 60 * 60

// runways adds the times until limits are reached.
func (e *exposition) runways(c *diff.Comparison) {
	likely := e.gauge("runway_seconds", "Time from the last run until a limit is reached, at the rate since the run before: pool-empty means that no key with a TTL is left to evict, maxmemory-full that used_memory has reached maxmemory. Absent if that rate does not lead to the limit, and without an earlier run to compare with.", "limit")
	soonest := e.gauge("runway_soonest_seconds", "Time from the last run until a limit is reached, at the fastest rate of all runs compared. Absent if fewer than two rates are known.", "limit")
	if c == nil {
		return
	}
	for _, r := range c.Runways {
		likely.setIf(inSeconds(r.Days), string(r.Limit))
		soonest.setIf(inSeconds(r.Soonest), string(r.Limit))
	}
}

func inSeconds(days *float64) *float64 {
	if days == nil {
		return nil
	}
	return new(*days * secondsPerDay)
}

// servers adds the memory figures of the servers.
func (e *exposition) servers(p *profile.Profile) {
	used := e.gauge("server_used_memory_bytes", "The server's used_memory when the scan began. Absent if INFO is refused.", "server")
	limit := e.gauge("server_maxmemory_bytes", "The server's maxmemory when the scan began; 0 means no limit. Absent if the server does not report it.", "server")
	rss := e.gauge("server_used_memory_rss_bytes", "The server's used_memory_rss, its resident set, when the scan began. Absent if the server does not report it.", "server")
	for i := range p.Nodes {
		n := &p.Nodes[i]
		name := report.NodeText(n)
		used.setIf(profile.Float(n.UsedMemory), name)
		limit.setIf(profile.Float(n.Maxmemory), name)
		rss.setIf(residentSet(n), name)
	}
}

func residentSet(n *profile.Node) *float64 {
	bytes, ok := n.Info.Bytes("used_memory_rss")
	if !ok {
		return nil
	}
	return profile.Float(&bytes)
}

// run adds when the scan ran and what it covered.
func (e *exposition) run(p *profile.Profile, success *float64) {
	e.gauge("last_run_timestamp_seconds", "End of the last run that wrote this file, complete or not, in seconds since 1970.").
		set(timestamp(p.Ended))
	e.gauge("last_success_timestamp_seconds", "End of the last complete run, in seconds since 1970. Absent if there was none.").
		setIf(success)
	e.gauge("run_duration_seconds", "Time that the last run took, pauses included.").
		set(p.Ended.Sub(p.Began).Seconds())
	e.gauge("run_complete", "1 if the last run scanned all selected databases to the end, 0 if not: then all figures of keys and bytes cover a part only.").
		set(oneIf(p.Complete))
	e.gauge("run_sampled_ratio", "Share of the keys that the last run covered: 1 for a full scan. Below 1, figures of keys and bytes are estimates.").
		set(sampled(p))
	e.gauge("run_missing_measures", "Measures of keys, such as sizes or idle times, that the server refused in the last run: their metrics are absent.").
		set(float64(missing(p)))
	e.gauge("high_idle_threshold_seconds", "Idle time over which keys are called high-idle (--idle-over).").
		set(float64(p.Design.IdleOverS))
	e.gauge("build_info", "1, with the version of the keyprof that made the last run.", "version").
		set(1, p.Tool.Version)
}

func oneIf(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func sampled(p *profile.Profile) float64 {
	if p.Design.Sample == nil {
		return 1
	}
	return p.Design.Sample.Covered
}

// missing counts measures, each once however many servers refuse it.
func missing(p *profile.Profile) int {
	refused := map[profile.Measure]bool{}
	for _, m := range p.Missing {
		refused[m.Measure] = true
	}
	return len(refused)
}

// cost adds the load of the run on the server.
func (e *exposition) cost(r *profile.Receipt) {
	load := e.gauge("run_main_thread_ratio", "Share of the server's main thread that the last run used, at most: may include waiting for other clients. Absent if the run was too short to measure.")
	if share, ok := report.LoadAtMost(r); ok {
		load.set(share)
	}
	allowed := e.gauge("run_main_thread_allowed_ratio", "Share of the server's main thread that the last run was allowed to use (--max-load).")
	if r.MaxLoad > 0 {
		allowed.set(r.MaxLoad)
	}
	e.gauge("run_server_cpu_seconds", "CPU time that the server used during the last run, for all its clients. Absent if the server does not report it.").
		setIf(r.ServerCPUS)
	commands := e.gauge("run_commands", "Commands that the last run sent, by name with subcommand.", "command")
	for name, n := range r.Commands {
		commands.set(float64(n), name)
	}
}

// prefix begins the names of all metrics.
const prefix = "keyprof"

// deploymentLabel keeps the files of several deployments apart.
const deploymentLabel = "deployment"

// exposition collects samples and keeps the first error.
type exposition struct {
	registry   *prometheus.Registry
	registerer prometheus.Registerer
	err        error
}

// newExposition returns an exposition whose samples carry the deployment label,
// unless deployment is empty.
func newExposition(deployment string) *exposition {
	r := prometheus.NewRegistry()
	e := &exposition{registry: r, registerer: r}
	if deployment != "" {
		e.registerer = prometheus.WrapRegistererWith(prometheus.Labels{deploymentLabel: deployment}, r)
	}
	return e
}

// gauge registers a metric. help must not depend on the profile: node_exporter
// wants the same text in all files.
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

// set adds a sample, unless v is NaN or infinite.
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

// setIf adds a sample unless v is nil.
func (g gauge) setIf(v *float64, labels ...string) {
	if v != nil {
		g.set(*v, labels...)
	}
}

// measure is a metric with a sample for each namespace.
type measure struct {
	name, help string
	of         func(*profile.Stats) *profile.Estimate
}

// others describes the sum of the namespaces without samples of their own.
const others = ` The namespace "(other)" is the sum of those that have no samples of their own.`

var measures = []measure{
	{
		"namespace_keys", "Keys of a namespace." + others,
		func(s *profile.Stats) *profile.Estimate { return &s.Keys },
	},
	{
		"namespace_bytes", "Bytes of a namespace's keys, by MEMORY USAGE. Absent if sizes were not measured." + others,
		func(s *profile.Stats) *profile.Estimate { return s.Bytes },
	},
	{
		"namespace_no_ttl_keys", "Keys of a namespace without a TTL. Absent if TTLs were not measured." + others,
		func(s *profile.Stats) *profile.Estimate { return s.NoTTLKeys },
	},
	{
		"namespace_no_ttl_bytes", "Bytes of a namespace's keys without a TTL. Absent if TTLs or sizes were not measured." + others,
		func(s *profile.Stats) *profile.Estimate { return s.NoTTLBytes },
	},
	{
		"namespace_high_idle_bytes", "Bytes of a namespace's keys that are idle for longer than keyprof_high_idle_threshold_seconds. Absent if idle times or sizes were not measured, under an LFU policy, and while the server has not been up for that long." + others,
		func(s *profile.Stats) *profile.Estimate { return s.HighIdleBytes },
	},
}

// namespaces adds the figures of the largest namespaces, and the sums of the
// others.
func (e *exposition) namespaces(p *profile.Profile, top int) {
	rows := seriesOf(p, top)
	for _, m := range measures {
		g := e.gauge(m.name, m.help, "db", "namespace")
		for id, parts := range rows {
			if sum := aggregate.SumEstimates(parts, m.of); sum != nil {
				g.set(float64(sum.Value), strconv.Itoa(id.db), id.text)
			}
		}
		e.bounds(m, rows)
	}
}

// bounds adds the ends of the confidence intervals of a sample. Sums have none.
func (e *exposition) bounds(m measure, rows map[seriesID][]*profile.Stats) {
	const absent = " Absent after a full scan, and for sums."
	lower := e.gauge(m.name+"_lower_bound", "Lower end of the 95 % interval of keyprof_"+m.name+"."+absent, "db", "namespace")
	upper := e.gauge(m.name+"_upper_bound", "Upper end of the 95 % interval of keyprof_"+m.name+", also absent where it is unknown, as a few keys may hold much more."+absent, "db", "namespace")
	for id, parts := range rows {
		if id.text == profile.OtherPattern || len(parts) != 1 {
			continue
		}
		estimate := m.of(parts[0])
		if estimate == nil || estimate.IsExact() {
			continue
		}
		lower.set(float64(estimate.Lo), strconv.Itoa(id.db), id.text)
		upper.setIf(profile.Float(estimate.Hi), strconv.Itoa(id.db), id.text)
	}
}

// seriesID identifies a time series: a database and a namespace as reports print
// it, or (other), which no namespace is printed as.
type seriesID struct {
	db   int
	text string
}

// seriesOf returns the statistics that each series sums up. Namespaces that are
// printed alike, as cut names may be, share a series: a duplicate sample would make
// the whole file invalid.
func seriesOf(p *profile.Profile, top int) map[seriesID][]*profile.Stats {
	rows := map[seriesID][]*profile.Stats{}
	for i, ns := range ranked(p) {
		id := seriesID{ns.DB, profile.OtherPattern}
		if i < top {
			id.text = report.NamespaceText(ns)
		}
		rows[id] = append(rows[id], &ns.Stats)
	}
	return rows
}

// ranked returns the namespaces, the largest first and (other) last.
func ranked(p *profile.Profile) []*profile.Namespace {
	list := make([]*profile.Namespace, len(p.Namespaces))
	for i := range p.Namespaces {
		list[i] = &p.Namespaces[i]
	}
	slices.SortFunc(list, func(a, b *profile.Namespace) int {
		return cmp.Or(
			cmp.Compare(oneIf(a.Other), oneIf(b.Other)),
			cmp.Compare(weight(b), weight(a)),
			cmp.Compare(a.DB, b.DB), cmp.Compare(a.Pattern, b.Pattern),
		)
	})
	return list
}

// weight returns the bytes of a namespace, or its keys if sizes were not measured.
func weight(ns *profile.Namespace) int64 {
	if ns.Bytes != nil {
		return ns.Bytes.Value
	}
	return ns.Keys.Value
}
