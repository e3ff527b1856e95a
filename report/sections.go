package report

import (
	"cmp"
	"slices"

	"keyprof/report/unit"
	"keyprof/sampler/aggregate"
	"keyprof/sampler/profile"
)

// flaggedRows is the number of namespaces that the sections on TTLs and idle times
// list.
const flaggedRows = 5

// neverExpiring returns the section on keys without a TTL.
func neverExpiring(v *view) section {
	s := section{title: "Keys without a TTL"}
	t := summarize(v.scope()...)
	switch {
	case t.noTTLKeys == nil:
		s.lines = []line{say(words("Unknown: PTTL was not measured."))}
	case *t.noTTLKeys == 0:
		s.lines = []line{say(words("None: every key" + v.there() + " has a TTL."))}
	default:
		s.lines = []line{say(words(v.amountOf(t.noTTLKeys, t.noTTLBytes) + verb(*t.noTTLKeys, " has no TTL:", " have no TTL:")))}
		s.table = flagged(v, "% of its", "keys", noTTLKeysOf, noTTLBytesOf)
	}
	return s
}

// highIdle returns the section on high-idle keys, or why there is none.
func highIdle(v *view) section {
	s := section{title: "High idle: over " + v.threshold()}
	t, h := summarize(v.scope()...), horizonOf(v.p)
	switch {
	case v.p.Totals.Freq != nil && v.p.Totals.Idle == nil:
		s.lines = []line{say(words("The server tracks no idle times under an LFU policy; see the access frequency below."))}
	case v.p.Totals.Idle == nil:
		s.lines = []line{say(words("Unknown: idle time was not measured."))}
	case noIdleTimes(&v.p.Totals):
		s.lines = []line{say(words(noIdleText(&v.p.Totals)))}
	case t.idleKeys == nil:
		s.lines = []line{say(words("Unavailable: " + h.text(v.p) + ".")), idleBasis(v, measureText(v), h.largestText())}
	case *t.idleKeys == 0:
		s.lines = []line{say(words("None" + v.among() + ".")), idleBasis(v, measureText(v), h.text(v.p), h.largestText(), h.resetText())}
	default:
		s.lines = []line{say(words(v.amountOf(t.idleKeys, t.idleBytes) + " idle for over " + v.threshold() + ":")), idleBasis(v, measureText(v), h.text(v.p), h.largestText())}
		s.table = flagged(v, "% of its", "keys", idleKeysOf, idleBytesOf)
	}
	return s
}

// there restricts "every key" to the keys that the report is about.
func (v *view) there() string {
	if v.o.Under != "" {
		return v.extent.word() + " there"
	}
	return v.extent.word()
}

// among restricts "none" to the keys that the profile covers.
func (v *view) among() string {
	if word := v.extent.word(); word != "" {
		return " among the keys" + word
	}
	return ""
}

// amountOf returns keys and bytes with their shares of all that the profile covers.
func (v *view) amountOf(keys, bytes *int64) string {
	whole, those := v.p.Totals, ""
	if word := v.extent.word(); word != "" {
		those = " of those" + word
	}
	s := plural(*keys, "key") + " (" + unit.FormatShare(unit.Share(*keys, whole.Keys.Value)) + those + ")"
	if bytes != nil && whole.Bytes != nil {
		s += " with " + unit.FormatBytes(*bytes) + " (" + unit.FormatShare(unit.Share(*bytes, whole.Bytes.Value)) + " of the bytes)"
	}
	return s
}

// flagged returns a table of the namespaces with the most flagged bytes, and the
// flagged share of each namespace's keys.
func flagged(v *view, head, below string, keys, bytes measureOf) *grid {
	list := flaggedNamespaces(v, keys, bytes)
	shown := list[:min(v.rows(flaggedRows), len(list))]
	rest := list[len(shown):]
	groups := make([][]*profile.Stats, 0, len(shown)+1)
	for _, ns := range shown {
		groups = append(groups, []*profile.Stats{&ns.Stats})
	}
	if len(rest) > 0 {
		groups = append(groups, statsOf(rest))
	}
	b := newGrid(len(groups), 0)
	b.number(groupFigures("", "keys", unit.Count, groups, func(g []*profile.Stats) *float64 { return profile.Float(aggregate.Sum(g, keys)) }))
	b.number(groupFigures(head, below, unit.Percent, groups, func(g []*profile.Stats) *float64 { return ratio(aggregate.Sum(g, keys), aggregate.Sum(g, keysOf)) }))
	size := groupFigures("bytes", "", unit.Bytes, groups, func(g []*profile.Stats) *float64 { return profile.Float(aggregate.Sum(g, bytes)) })
	size.apart = true
	b.number(size)
	b.number(groupFigures("% of all", "bytes", unit.Percent, groups, func(g []*profile.Stats) *float64 {
		return ratio(aggregate.Sum(g, bytes), bytesOf(&v.p.Totals))
	}))
	addNames(b, v, shown, len(rest))
	return b.done()
}

func flaggedNamespaces(v *view, keys, bytes measureOf) []*profile.Namespace {
	var list []*profile.Namespace
	for _, ns := range slices.Concat(v.chosen, v.other) {
		if profile.OrZero(keys(&ns.Stats)) > 0 {
			list = append(list, ns)
		}
	}
	slices.SortStableFunc(list, func(a, b *profile.Namespace) int {
		if c := descending(bytes, a, b); c != 0 {
			return c
		}
		return order{of: keys}.compare(a, b)
	})
	return list
}

// groupFigures returns a column with one figure for each group of statistics.
func groupFigures(top, low string, kind unit.Kind, groups [][]*profile.Stats, of func([]*profile.Stats) *float64) figures {
	f := figures{column: column{head: [2]string{top, low}}, kind: kind}
	for _, g := range groups {
		f.values = append(f.values, of(g))
	}
	return f
}

// addNames adds the columns with the database and namespace of a row; a last row
// sums up more others.
func addNames(b *gridBuilder, v *view, shown []*profile.Namespace, more int) {
	names, dbs := make([]cell, 0, b.rows), make([]cell, 0, b.rows)
	for _, ns := range shown {
		names = append(names, cell{text: displayPattern(ns), name: !ns.Other})
		dbs = append(dbs, cell{text: dbNumber(ns.DB)})
	}
	if more > 0 {
		names = append(names, cell{text: "… " + plural(int64(more), "more namespace"), style: quiet})
		dbs = append(dbs, cell{})
	}
	if v.manyDBs {
		b.words(column{head: [2]string{"", "db"}, apart: true}, dbs)
	}
	b.words(column{head: [2]string{"", "namespace"}, left: true, wraps: true, apart: true}, names)
}

// bandRows is the number of namespaces in the histogram.
const bandRows = 10

// bands merges the buckets of a histogram into few columns.
type bands struct {
	edges []int64 // upper edges, inclusive; one band more lies beyond the last
	// labels are one a band.
	labels []string
	// buckets reads the histogram of a set of keys.
	buckets func(*profile.Stats) []profile.Bucket
}

// idleBands are bands of idle time, in seconds.
var idleBands = bands{
	edges:  []int64{3600, 86400, 7 * 86400, 30 * 86400, 90 * 86400},
	labels: []string{"≤1h", "≤1d", "≤7d", "≤30d", "≤90d", ">90d"},
	buckets: func(s *profile.Stats) []profile.Bucket {
		if s.Idle == nil {
			return nil
		}
		return s.Idle.Histogram
	},
}

// freqBands are bands of OBJECT FREQ's counter, in which a new key starts at 5.
var freqBands = bands{
	edges:  []int64{0, 4, 5, 10, 50},
	labels: []string{"0", "1-4", "5", "6-10", "11-50", "51-255"},
	buckets: func(s *profile.Stats) []profile.Bucket {
		if s.Freq == nil {
			return nil
		}
		return s.Freq.Buckets()
	},
}

// bandSection returns the histogram of the top namespaces: by idle time, or by
// access frequency if there are no idle times.
func bandSection(v *view) (section, bool) {
	switch {
	case noIdleTimes(&v.p.Totals):
		return section{title: v.weight() + " by idle time", lines: []line{say(words(noIdleText(&v.p.Totals)))}}, true
	case v.p.Totals.Idle != nil:
		s := section{title: v.weight() + " by idle time", table: bandGrid(v, idleBands, v.p.Totals.Idle.HorizonS)}
		s.notes = []line{say(words("Shares of the namespace's " + v.unitOfWeight() + "; idle " + displayWord(string(v.p.Totals.Idle.Measure)) + ".")).in(quiet)}
		return s, true
	case v.p.Totals.Freq != nil:
		s := section{title: v.weight() + " by access frequency", table: bandGrid(v, freqBands, 0)}
		s.notes = []line{say(words("Shares of the namespace's " + v.unitOfWeight() +
			" by OBJECT FREQ: a logarithmic counter that decays, not a number of accesses; a new key starts at 5.")).in(quiet)}
		return s, true
	}
	return section{}, false
}

// weight returns the unit in which histograms weigh keys.
func (v *view) weight() string {
	if v.p.Totals.Bytes == nil {
		return "Keys"
	}
	return "Bytes"
}

func (v *view) unitOfWeight() string {
	if v.p.Totals.Bytes == nil {
		return "keys"
	}
	return "bytes"
}

// bandGrid has a row for each of the top namespaces. Bands beyond the horizon (0:
// none) are left out unless keys are in them.
func bandGrid(v *view, of bands, horizon int64) *grid {
	shown := v.top(v.rows(bandRows))
	rows := make([][]*float64, 0, len(shown)+1)
	for _, ns := range shown {
		rows = append(rows, of.shares(&ns.Stats))
	}
	rows = append(rows, of.shares(&v.p.Totals))
	b := newGrid(len(rows), 1)
	for i, label := range of.labels {
		f := figures{column: column{head: [2]string{"", label}, apart: true}, kind: unit.Percent}
		for _, shares := range rows {
			f.values = append(f.values, shares[i])
		}
		if !of.beyond(i, horizon) || anyAbove0(f.values) {
			f.styles = quietZeros(f.values)
			b.number(f)
		}
	}
	addBandNames(b, v, shown)
	return b.done()
}

// beyond reports whether band i begins at or above horizon.
func (of bands) beyond(i int, horizon int64) bool {
	return horizon > 0 && i > 0 && of.edges[i-1] >= horizon
}

// shares returns the shares of a set of keys by band, by bytes if they were
// measured; all nil without a histogram.
func (of bands) shares(s *profile.Stats) []*float64 {
	weights := make([]int64, len(of.edges)+1)
	var whole int64
	for _, bucket := range of.buckets(s) {
		w := bucket.Keys
		if bucket.Bytes != nil {
			w = *bucket.Bytes
		}
		weights[of.index(bucket.Edge)] += w
		whole += w
	}
	out := make([]*float64, len(weights))
	for i := range weights {
		out[i] = ratio(&weights[i], &whole)
	}
	return out
}

// index returns the band of a bucket with the given upper edge.
func (of bands) index(edge *int64) int {
	if edge == nil {
		return len(of.edges)
	}
	return profile.BucketIndex(of.edges, *edge)
}

func anyAbove0(values []*float64) bool {
	for _, v := range values {
		if v != nil && *v > 0 {
			return true
		}
	}
	return false
}

// quietZeros dims zeros so that the shape of a histogram stands out.
func quietZeros(values []*float64) []style {
	styles := make([]style, len(values))
	for i, v := range values {
		if v != nil && *v == 0 {
			styles[i] = quiet
		}
	}
	return styles
}

// addBandNames is like addNames, with a last row for the whole keyspace.
func addBandNames(b *gridBuilder, v *view, shown []*profile.Namespace) {
	addNames(b, v, shown, 0)
	whole := cell{text: v.wholeLabel(), style: strong}
	last := b.rows - 1
	if v.manyDBs {
		b.grid.rows[last] = append(b.grid.rows[last], cell{})
	}
	b.grid.rows[last] = append(b.grid.rows[last], whole)
}

// stringType is the only type whose MEMORY USAGE is exact.
const stringType = "string"

// typeSum sums up the keys of one type.
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
		return cmp.Or(cmp.Compare(profile.OrZero(b.bytes), profile.OrZero(a.bytes)), cmp.Compare(b.keys, a.keys), cmp.Compare(a.name, b.name))
	})
	return list
}

func (t typeSum) plus(name string, more profile.TypeStats) typeSum {
	sum := typeSum{name: name, keys: t.keys + more.Keys}
	if more.Bytes != nil {
		n := profile.OrZero(t.bytes) + *more.Bytes
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
	keysShare := figures{column: column{head: [2]string{"", "%"}, dropPriority: 2}, kind: unit.Percent}
	bytes := figures{column: column{head: [2]string{"bytes", ""}, apart: true}, kind: unit.Bytes}
	bytesShare := figures{column: column{head: [2]string{"", "%"}, dropPriority: 1}, kind: unit.Percent}
	var names, how []cell
	for _, t := range list {
		keys.values = append(keys.values, amount(t.keys))
		keysShare.values = append(keysShare.values, ratio(&t.keys, wholeKeys))
		bytes.values = append(bytes.values, profile.Float(t.bytes))
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

// sizing returns whether the sizes of a type are exact.
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

// sampledText returns how much of the bytes is the server's estimate.
func sampledText(v *view) string {
	sets := v.scope()
	sampled, bytes := aggregate.Sum(sets, sampledOf), aggregate.Sum(sets, bytesOf)
	switch {
	case sampled == nil || bytes == nil:
		return ""
	case *sampled == 0:
		return "Sizes of strings are exact."
	}
	return unit.FormatShare(unit.Share(*sampled, *bytes)) + " of the bytes (" + unit.FormatBytes(*sampled) + ") " +
		"are estimates. Sizes of strings are exact; sizes of all other types are the server's estimate, " +
		"for collections from their first 5 elements, and may be off by tens of per cent."
}

// largestRows is the number of largest keys shown.
const largestRows = 10

// largestSection lists the largest single keys.
func largestSection(v *view) (section, bool) {
	keys := v.largestKeys()
	if len(keys) == 0 || v.p.Totals.Bytes == nil {
		return section{}, false
	}
	return section{title: "Largest keys", table: largestGrid(v, keys)}, true
}

// largestKeys returns the largest keys of the whole keyspace, or of the chosen
// namespaces.
func (v *view) largestKeys() []profile.Key {
	keys := v.p.Largest
	if v.o.Under != "" {
		keys = largestOf(v.chosen)
	}
	return keys[:min(v.rows(largestRows), len(keys))]
}

// largestOf returns the largest keys of some namespaces, largest first.
func largestOf(list []*profile.Namespace) []profile.Key {
	var keys []profile.Key
	for _, ns := range list {
		keys = append(keys, ns.Largest...)
	}
	slices.SortStableFunc(keys, func(a, b profile.Key) int {
		return cmp.Or(cmp.Compare(profile.OrZero(b.Bytes), profile.OrZero(a.Bytes)), cmp.Compare(a.DB, b.DB), cmp.Compare(a.Name, b.Name))
	})
	return keys
}

func largestGrid(v *view, keys []profile.Key) *grid {
	bytes := figures{column: column{head: [2]string{"bytes", ""}}, kind: unit.Bytes}
	share := figures{column: column{head: [2]string{"", "%"}, dropPriority: 1}, kind: unit.Percent}
	var ttl, dbs, types, names []cell
	idle := figures{column: column{head: [2]string{"", "idle"}, apart: true, dropPriority: 2}, kind: unit.Span}
	for _, k := range keys {
		bytes.values = append(bytes.values, profile.Float(k.Bytes))
		share.values = append(share.values, ratio(k.Bytes, bytesOf(&v.p.Totals)))
		ttl = append(ttl, ttlCell(k))
		idle.values = append(idle.values, profile.Float(k.IdleS))
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
		return cell{text: absent, style: quiet}
	}
	return cell{text: displayType(k.Type)}
}

func ttlCell(k profile.Key) cell {
	switch {
	case k.NoTTL:
		return cell{text: "none"}
	case k.TTLS == nil:
		return cell{text: absent, style: quiet}
	default:
		return cell{text: unit.FormatDuration(*k.TTLS)}
	}
}
