package report

import (
	"cmp"
	"slices"

	"keyprof/report/unit"
	"keyprof/sampler/profile"
)

// largestRows is how many of the largest keys are shown.
const largestRows = 10

// largestSection lists the largest single keys.
func largestSection(v *view) (section, bool) {
	keys := v.largestKeys()
	if len(keys) == 0 || v.p.Totals.Bytes == nil {
		return section{}, false
	}
	return section{title: "Largest keys", table: largestGrid(v, keys)}, true
}

// largestKeys are those of the whole keyspace, or those of the chosen namespaces.
func (v *view) largestKeys() []profile.Key {
	keys := v.p.Largest
	if v.o.Under != "" {
		keys = largestOf(v.chosen)
	}
	return keys[:min(v.rows(largestRows), len(keys))]
}

// largestOf are the largest keys of some namespaces, largest first.
func largestOf(list []*profile.Namespace) []profile.Key {
	var keys []profile.Key
	for _, ns := range list {
		keys = append(keys, ns.Largest...)
	}
	slices.SortStableFunc(keys, func(a, b profile.Key) int {
		return cmp.Or(cmp.Compare(orZero(b.Bytes), orZero(a.Bytes)), cmp.Compare(a.DB, b.DB), cmp.Compare(a.Name, b.Name))
	})
	return keys
}

func largestGrid(v *view, keys []profile.Key) *grid {
	bytes := figures{column: column{head: [2]string{"bytes", ""}}, kind: unit.Bytes}
	share := figures{column: column{head: [2]string{"", "%"}, expend: 1}, kind: unit.Percent}
	var ttl, dbs, types, names []cell
	idle := figures{column: column{head: [2]string{"", "idle"}, apart: true, expend: 2}, kind: unit.Span}
	for _, k := range keys {
		bytes.values = append(bytes.values, optional(k.Bytes))
		share.values = append(share.values, ratio(k.Bytes, bytesOf(&v.p.Totals)))
		ttl = append(ttl, ttlCell(k))
		idle.values = append(idle.values, optional(k.IdleS))
		dbs = append(dbs, cell{text: dbNumber(k.DB)})
		types = append(types, typeCell(k))
		names = append(names, cell{text: displayKey(k.KeyName), name: true})
	}
	b := newGrid(len(keys), 0)
	b.number(bytes)
	b.number(share)
	b.words(column{head: [2]string{"", "TTL"}, apart: true}, ttl)
	b.number(idle)
	if v.manyDBs {
		b.words(column{head: [2]string{"", "db"}, apart: true}, dbs)
	}
	b.words(column{head: [2]string{"", "type"}, left: true, apart: true}, types)
	b.words(column{head: [2]string{"", "key"}, left: true, wraps: true, apart: true}, names)
	return b.done()
}

func typeCell(k profile.Key) cell {
	if k.Type == "" {
		return cell{text: absent, tone: quiet}
	}
	return cell{text: displayType(k.Type)}
}

func ttlCell(k profile.Key) cell {
	switch {
	case k.NoTTL:
		return cell{text: "none"}
	case k.TTLS == nil:
		return cell{text: absent, tone: quiet}
	default:
		return cell{text: unit.FormatDuration(*k.TTLS)}
	}
}
