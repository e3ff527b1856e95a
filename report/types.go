package report

import (
	"cmp"
	"slices"

	"keyprof/report/unit"
	"keyprof/sampler/profile"
)

// stringType is the one type whose MEMORY USAGE is exact.
const stringType = "string"

// typeSum is the keys of one type.
type typeSum struct {
	name  string
	keys  int64
	bytes *int64
}

// typeSection shows keys and bytes by type, and how far sizes are estimates.
func typeSection(v *view) (section, bool) {
	list := sumTypes(v.scope())
	if len(list) == 0 {
		return section{}, false
	}
	s := section{title: "Types", table: typeGrid(v, list)}
	if text := sampledText(v); text != "" {
		s.notes = []line{say(words(text)).in(quiet)}
	}
	return s, true
}

// sumTypes adds types up, largest first.
func sumTypes(sets []*profile.Stats) []typeSum {
	byName := map[string]typeSum{}
	for _, s := range sets {
		for name, t := range s.Types {
			byName[name] = byName[name].plus(name, t)
		}
	}
	list := make([]typeSum, 0, len(byName))
	for _, t := range byName {
		list = append(list, t)
	}
	slices.SortFunc(list, func(a, b typeSum) int {
		return cmp.Or(cmp.Compare(orZero(b.bytes), orZero(a.bytes)), cmp.Compare(b.keys, a.keys), cmp.Compare(a.name, b.name))
	})
	return list
}

func (t typeSum) plus(name string, more profile.TypeStats) typeSum {
	sum := typeSum{name: name, keys: t.keys + more.Keys}
	if more.Bytes != nil {
		n := orZero(t.bytes) + *more.Bytes
		sum.bytes = &n
	}
	return sum
}

func typeGrid(v *view, list []typeSum) *grid {
	wholeKeys, wholeBytes := &v.p.Totals.Keys.Value, bytesOf(&v.p.Totals)
	if s := v.p.Totals.Sample; s != nil {
		wholeKeys, wholeBytes = &v.p.Totals.Probed, &s.Bytes.Bytes
	}
	keys := figures{column: column{head: [2]string{"", "keys"}}, kind: unit.Count}
	keysShare := figures{column: column{head: [2]string{"", "%"}, expend: 2}, kind: unit.Percent}
	bytes := figures{column: column{head: [2]string{"bytes", ""}, apart: true}, kind: unit.Bytes}
	bytesShare := figures{column: column{head: [2]string{"", "%"}, expend: 1}, kind: unit.Percent}
	var names, how []cell
	for _, t := range list {
		keys.values = append(keys.values, amount(t.keys))
		keysShare.values = append(keysShare.values, ratio(&t.keys, wholeKeys))
		bytes.values = append(bytes.values, optional(t.bytes))
		bytesShare.values = append(bytesShare.values, ratio(t.bytes, wholeBytes))
		names = append(names, cell{text: displayType(t.name), name: true})
		how = append(how, cell{text: sizing(t)})
	}
	columns := []figures{keys, keysShare, bytes, bytesShare}
	if sampled(v.p) { // how many there are is not known, only what part of all they are
		keysShare.head[0], bytesShare.head[0] = "keys", "bytes"
		columns = []figures{keysShare, bytesShare}
	}
	b := newGrid(len(list), 0)
	for _, f := range columns {
		b.number(f)
	}
	b.words(column{head: [2]string{"", "type"}, left: true, apart: true}, names)
	b.words(column{head: [2]string{"", "sizes are"}, left: true, apart: true}, how)
	return b.done()
}

// sizing says how far a type's bytes can be trusted.
func sizing(t typeSum) string {
	switch {
	case t.bytes == nil:
		return "not measured"
	case t.name == stringType:
		return "exact"
	default:
		return "estimated"
	}
}

// sampledText says how much of the bytes is an estimate of the server's.
func sampledText(v *view) string {
	sets := v.scope()
	sampled, bytes := sum(sets, sampledOf), sum(sets, bytesOf)
	switch {
	case sampled == nil || bytes == nil:
		return ""
	case *sampled == 0:
		return "Sizes of strings are exact."
	}
	return unit.FormatShare(unit.Share(*sampled, *bytes)) + " of the bytes (" + unit.FormatBytes(*sampled) + ") " +
		"are estimates. Sizes of strings are exact; sizes of all other types are the server's estimate, " +
		"for collections from their first 5 elements, and may be tens of per cent off."
}
