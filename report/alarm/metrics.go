package alarm

import (
	"math"

	"keyprof/sampler/profile"
)

// metric is a figure that conditions compare. Its name is that of the JSON document
// and of the CSV report where these have it.
type metric struct {
	name string
	help string
	scale
	of func(subject) reading
	// where says what the metric applies to.
	where scope
	// ofPart bounds the figure of any part of the keys of a subject; nil if it
	// has no bound.
	ofPart func(subject) reading
	// change means that the metric compares two profiles.
	change bool
}

// scope says what a metric applies to.
type scope int

const (
	anywhere       scope = iota // the whole keyspace, or a namespace
	namespacesOnly              // a figure of the whole would say nothing
	serverOnly                  // the server has it, whatever keys it holds
	wholeOnly                   // all servers together have it
)

// profileMetrics lists the metrics of one profile, in the order of help.
var profileMetrics = []metric{
	{name: "keys", help: "keys", scale: counts, of: keys, ofPart: atMostOf(keys)},
	{name: "bytes", help: "bytes of all keys together", scale: sizes, of: bytes, ofPart: atMostOf(bytes)},
	{name: "keys_share", help: "keys, as a share of all keys", scale: shares, of: ofAll(keys), where: namespacesOnly, ofPart: atMostOf(ofAll(keys))},
	{name: "bytes_share", help: "bytes, as a share of all bytes", scale: shares, of: ofAll(bytes), where: namespacesOnly, ofPart: atMostOf(ofAll(bytes))},
	{name: "no_ttl_keys", help: "keys without a TTL", scale: counts, of: noTTLKeys, ofPart: atMostOf(noTTLKeys)},
	{name: "no_ttl_bytes", help: "bytes of keys without a TTL", scale: sizes, of: noTTLBytes, ofPart: atMostOf(noTTLBytes)},
	{name: "no_ttl_share", help: "share of the keys without a TTL", scale: shares, of: share(noTTLKeys, keys)},
	{name: "no_ttl_bytes_share", help: "share of the bytes without a TTL", scale: shares, of: share(noTTLBytes, bytes)},
	{name: "high_idle_keys", help: "keys idle for longer than --idle-over", scale: counts, of: highIdleKeys, ofPart: atMostOf(highIdleKeys)},
	{name: "high_idle_bytes", help: "bytes of keys idle for longer than --idle-over", scale: sizes, of: highIdleBytes, ofPart: atMostOf(highIdleBytes)},
	{name: "high_idle_share", help: "share of the keys that are high-idle", scale: shares, of: share(highIdleKeys, keys)},
	{name: "high_idle_bytes_share", help: "share of the bytes that are high-idle", scale: shares, of: share(highIdleBytes, bytes)},
	{name: "mean_size", help: "mean bytes per key", scale: sizes, of: meanSize},
	{name: "largest", help: "bytes of the largest key", scale: sizes, of: largest, ofPart: atMostOf(largest)},
	{name: "used_memory", help: "used_memory of the server, in bytes", scale: sizes, of: usedMemory, where: serverOnly},
	{name: "maxmemory_share", help: "used_memory as a share of maxmemory", scale: ratios, of: maxmemoryShare, where: serverOnly},
}

// Metric is the name of a metric and its description for help.
type Metric struct{ Name, Help string }

// Metrics returns the metrics of a profile; a comparison has them too, read from
// its new profile.
func Metrics() []Metric { return known(profileMetrics) }

// ChangeMetrics returns the metrics that need a comparison.
func ChangeMetrics() []Metric { return known(changeMetrics) }

func known(metrics []metric) []Metric {
	list := make([]Metric, len(metrics))
	for i, m := range metrics {
		list[i] = Metric{m.name, m.help}
	}
	return list
}

// Reasons why a figure is absent.
const (
	noSizes    = "sizes were not measured"
	noTTLs     = "TTLs were not measured"
	noIdle     = "idle times were not measured"
	lfu        = "idle times are not tracked under an LFU policy"
	noHorizon  = "--idle-over is longer than the idle times that the server can report"
	noMemory   = "the server does not report used_memory"
	noLimit    = "the server has no maxmemory"
	limitTells = "the server does not report maxmemory"
)

// atMostOf bounds a metric whose value for a part of a set of keys is at most that of
// the set.
func atMostOf(of func(subject) reading) func(subject) reading {
	return func(s subject) reading {
		r := of(s)
		r.lo = 0
		return r
	}
}

func keys(s subject) reading { return estimated(&s.stats.Keys, s.partial()) }

func bytes(s subject) reading { return s.figure(s.stats.Bytes, noSizes) }

func noTTLKeys(s subject) reading { return s.figure(s.stats.NoTTLKeys, noTTLs) }

func noTTLBytes(s subject) reading {
	if s.stats.NoTTLKeys == nil {
		return unknown(noTTLs)
	}
	return s.figure(s.stats.NoTTLBytes, noSizes)
}

func highIdleKeys(s subject) reading { return s.figure(s.stats.HighIdleKeys, s.whyNotIdle()) }

func highIdleBytes(s subject) reading {
	if s.stats.HighIdleKeys == nil {
		return unknown(s.whyNotIdle())
	}
	return s.figure(s.stats.HighIdleBytes, noSizes)
}

// whyNotIdle returns why there is no high-idle figure.
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
		return unknown(whyAbsent)
	}
	return estimated(e, s.partial())
}

// share returns a metric that is the ratio of part to whole.
func share(part, whole func(subject) reading) func(subject) reading {
	return func(s subject) reading { return part(s).share(whole(s)) }
}

// ofAll returns the metric of a namespace as a share of the whole keyspace's.
func ofAll(of func(subject) reading) func(subject) reading {
	return func(s subject) reading {
		return of(s).share(of(subject{profile: s.profile, stats: &s.profile.Totals}))
	}
}

func meanSize(s subject) reading { return bytes(s).over(keys(s)) }

func largest(s subject) reading {
	switch {
	case s.stats.Bytes == nil:
		return unknown(noSizes)
	case s.stats.Size == nil:
		return reading{noKeys: true}
	}
	r := exactly(s.stats.Size.Max)
	sampled := s.stats.Sample != nil && s.stats.Keys.Value > s.stats.Probed
	if s.partial() || sampled || !s.stats.Keys.IsExact() { // a larger one may not have been seen
		r.hi, r.open = math.Inf(1), true
	}
	return r
}

func usedMemory(s subject) reading {
	if s.node.UsedMemory == nil {
		return unknown(noMemory)
	}
	return exactly(float64(*s.node.UsedMemory))
}

func maxmemoryShare(s subject) reading {
	switch {
	case s.node.Maxmemory == nil:
		return unknown(limitTells)
	case *s.node.Maxmemory == 0:
		return unknown(noLimit)
	}
	return usedMemory(s).over(exactly(float64(*s.node.Maxmemory)))
}
