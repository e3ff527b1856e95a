package prom

import (
	"cmp"
	"slices"
	"strconv"

	"keyprof/report"
	"keyprof/sampler/aggregate"
	"keyprof/sampler/profile"
)

// measure is a metric of which each namespace has a sample.
type measure struct {
	name, help string
	of         func(*profile.Stats) *profile.Estimate
}

// others explains the row that is no namespace.
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
		"namespace_no_ttl_keys", "Keys of a namespace that never expire. Absent if times to live were not measured." + others,
		func(s *profile.Stats) *profile.Estimate { return s.NoTTLKeys },
	},
	{
		"namespace_no_ttl_bytes", "Bytes of a namespace's keys that never expire. Absent if times to live or sizes were not measured." + others,
		func(s *profile.Stats) *profile.Estimate { return s.NoTTLBytes },
	},
	{
		"namespace_high_idle_bytes", "Bytes of a namespace's keys that are idle for longer than keyprof_high_idle_threshold_seconds. Absent if idle times or sizes were not measured, under an LFU policy, and while the server has not been up for that long." + others,
		func(s *profile.Stats) *profile.Estimate { return s.HighIdleBytes },
	},
}

// namespaces are the figures of the largest namespaces, and the sums of the rest.
func (e *exposition) namespaces(p *profile.Profile, top int) {
	rows := rowsOf(p, top)
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

// bounds are the ends of the intervals of a measure that was estimated from a sample.
// Those of sums are not known to a row.
func (e *exposition) bounds(m measure, rows map[row][]*profile.Stats) {
	const absent = " Absent if all keys were walked, and for sums."
	lower := e.gauge(m.name+"_lower_bound", "Lower end of the 95 % interval of keyprof_"+m.name+"."+absent, "db", "namespace")
	upper := e.gauge(m.name+"_upper_bound", "Upper end of the 95 % interval of keyprof_"+m.name+", absent also where it is open, as a few keys may hold much more."+absent, "db", "namespace")
	for id, parts := range rows {
		if id.text == profile.OtherPattern || len(parts) != 1 {
			continue
		}
		estimate := m.of(parts[0])
		if estimate == nil || estimate.IsExact() {
			continue
		}
		lower.set(float64(estimate.Lo), strconv.Itoa(id.db), id.text)
		upper.setIf(number(estimate.Hi), strconv.Itoa(id.db), id.text)
	}
}

// row is what tells samples apart: a namespace as reports print it, or what sums
// the rest of a database up, which no namespace is printed like.
type row struct {
	db   int
	text string
}

// rowsOf are the keys of each row. Namespaces that are printed alike, as they may
// be when their names are cut, are one row: a sample that is there twice would
// make the whole file invalid.
func rowsOf(p *profile.Profile, top int) map[row][]*profile.Stats {
	rows := map[row][]*profile.Stats{}
	for i, ns := range ranked(p) {
		id := row{ns.DB, profile.OtherPattern}
		if i < top {
			id.text = report.NamespaceText(ns)
		}
		rows[id] = append(rows[id], &ns.Stats)
	}
	return rows
}

// ranked are the namespaces, the largest first, and what is no namespace last.
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

// weight is in bytes, or in keys if sizes were not measured.
func weight(ns *profile.Namespace) int64 {
	if ns.Bytes != nil {
		return ns.Bytes.Value
	}
	return ns.Keys.Value
}
