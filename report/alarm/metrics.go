package alarm

import (
	"math"

	"keyprof/report/unit"
	"keyprof/sampler/profile"
)

// metric is a figure that conditions compare, by the name that it has in the
// document and in the CSV report where it is there.
type metric struct {
	name string
	help string
	kind unit.Kind // Count, Bytes or Percent: how its values are written
	of   func(subject) reading
	// where the metric has a meaning.
	where scope
	// sums means that no part of a set of keys has a larger figure than the set.
	sums bool
	// part means that the share is one of a whole, so that it is at most 1.
	part bool
}

// scope is what a metric can be read from.
type scope int

const (
	anywhere       scope = iota // the whole keyspace, or a namespace
	namespacesOnly              // a figure of the whole would say nothing
	serverOnly                  // the server has it, whatever keys it holds
)

// metrics in the order in which they are listed.
var metrics = []metric{
	{name: "keys", help: "keys", kind: unit.Count, of: keys, sums: true},
	{name: "bytes", help: "bytes of all keys together", kind: unit.Bytes, of: bytes, sums: true},
	{name: "keys_share", help: "keys, as a share of those of all namespaces", kind: unit.Percent, of: ofAll(keys), where: namespacesOnly, sums: true, part: true},
	{name: "bytes_share", help: "bytes, as a share of those of all namespaces", kind: unit.Percent, of: ofAll(bytes), where: namespacesOnly, sums: true, part: true},
	{name: "no_ttl_keys", help: "keys that never expire", kind: unit.Count, of: noTTLKeys, sums: true},
	{name: "no_ttl_bytes", help: "their bytes", kind: unit.Bytes, of: noTTLBytes, sums: true},
	{name: "no_ttl_share", help: "share of the keys that never expire", kind: unit.Percent, of: share(noTTLKeys, keys), part: true},
	{name: "no_ttl_bytes_share", help: "share of the bytes that never expire", kind: unit.Percent, of: share(noTTLBytes, bytes), part: true},
	{name: "high_idle_keys", help: "keys idle for longer than --idle-over", kind: unit.Count, of: highIdleKeys, sums: true},
	{name: "high_idle_bytes", help: "their bytes", kind: unit.Bytes, of: highIdleBytes, sums: true},
	{name: "high_idle_share", help: "share of the keys that are high-idle", kind: unit.Percent, of: share(highIdleKeys, keys), part: true},
	{name: "high_idle_bytes_share", help: "share of the bytes that are high-idle", kind: unit.Percent, of: share(highIdleBytes, bytes), part: true},
	{name: "mean_size", help: "bytes a key", kind: unit.Bytes, of: meanSize},
	{name: "largest", help: "bytes of the largest key", kind: unit.Bytes, of: largest, sums: true},
	{name: "used_memory", help: "bytes that the server uses", kind: unit.Bytes, of: usedMemory, where: serverOnly},
	{name: "maxmemory_share", help: "share of the server's maxmemory that it uses", kind: unit.Percent, of: maxmemoryShare, where: serverOnly},
}

// Metric is what people may know of a metric.
type Metric struct{ Name, Help string }

// Metrics are those that conditions can compare.
func Metrics() []Metric {
	list := make([]Metric, len(metrics))
	for i, m := range metrics {
		list[i] = Metric{m.name, m.help}
	}
	return list
}

// Why a figure is absent.
const (
	noSizes    = "sizes were not measured"
	noTTLs     = "times to live were not measured"
	noIdle     = "idle times were not measured"
	lfu        = "idle times are not tracked under an LFU policy"
	noHorizon  = "--idle-over lies beyond the idle times that the server can know"
	noMemory   = "the server does not tell its memory"
	noLimit    = "the server has no maxmemory"
	limitTells = "the server does not tell its maxmemory"
)

func keys(s subject) reading { return estimated(&s.stats.Keys, s.partial()) }

func bytes(s subject) reading { return s.figure(s.stats.Bytes, noSizes) }

func noTTLKeys(s subject) reading { return s.figure(s.stats.NoTTLKeys, noTTLs) }

func noTTLBytes(s subject) reading {
	if s.stats.NoTTLKeys == nil {
		return lacking(noTTLs)
	}
	return s.figure(s.stats.NoTTLBytes, noSizes)
}

func highIdleKeys(s subject) reading { return s.figure(s.stats.HighIdleKeys, s.whyNotIdle()) }

func highIdleBytes(s subject) reading {
	if s.stats.HighIdleKeys == nil {
		return lacking(s.whyNotIdle())
	}
	return s.figure(s.stats.HighIdleBytes, noSizes)
}

// whyNotIdle says why there is no high-idle figure, if there is none.
func (s subject) whyNotIdle() string {
	switch {
	case s.stats.Idle != nil:
		return noHorizon
	case s.stats.Freq != nil:
		return lfu
	default:
		return noIdle
	}
}

// figure reads an estimate that may be absent.
func (s subject) figure(e *profile.Estimate, whyAbsent string) reading {
	if e == nil {
		return lacking(whyAbsent)
	}
	return estimated(e, s.partial())
}

// share is the metric that is a part of another one.
func share(part, whole func(subject) reading) func(subject) reading {
	return func(s subject) reading { return part(s).share(whole(s)) }
}

// ofAll is the metric of a namespace as a share of the whole keyspace's.
func ofAll(of func(subject) reading) func(subject) reading {
	return func(s subject) reading {
		return of(s).share(of(subject{profile: s.profile, stats: &s.profile.Totals}))
	}
}

func meanSize(s subject) reading { return bytes(s).over(keys(s)) }

func largest(s subject) reading {
	switch {
	case s.stats.Bytes == nil:
		return lacking(noSizes)
	case s.stats.Size == nil:
		return reading{nothing: true}
	}
	r := exactly(s.stats.Size.Max)
	if s.partial() || !s.stats.Keys.IsExact() { // a larger one may not have been seen
		r.hi, r.open = math.Inf(1), true
	}
	return r
}

func usedMemory(s subject) reading {
	if s.node.UsedMemory == nil {
		return lacking(noMemory)
	}
	return exactly(float64(*s.node.UsedMemory))
}

func maxmemoryShare(s subject) reading {
	switch {
	case s.node.Maxmemory == nil:
		return lacking(limitTells)
	case *s.node.Maxmemory == 0:
		return lacking(noLimit)
	}
	return usedMemory(s).over(exactly(float64(*s.node.Maxmemory)))
}
