package report

import (
	"slices"
	"strings"

	"keyprof/report/diff"
	"keyprof/report/unit"
	"keyprof/sampler/profile"
)

// caveatSection says what differs besides keys, and what is not compared for it.
func caveatSection(c *diff.Comparison) (section, bool) {
	s := section{title: "Warnings", numbered: true}
	for _, caveat := range c.Caveats {
		text := display(caveat.Text) + " [" + display(caveat.Code) + "]"
		if names := measureNames(caveat.Hides); names != "" {
			text += " (left out: " + names + ")"
		}
		s.lines = append(s.lines, say(words(text)).in(alarm))
	}
	return s, len(s.lines) > 0
}

func measureNames(list []diff.Measure) string {
	names := make([]string, len(list))
	for i, m := range list {
		names[i] = measureWords[m]
	}
	return strings.Join(names, ", ")
}

var measureWords = map[diff.Measure]string{
	diff.Keys: "keys", diff.Bytes: "bytes", diff.NoTTLKeys: "no-TTL keys", diff.NoTTLBytes: "no-TTL bytes",
	diff.NoTTLShare: "no-TTL share", diff.HighIdleBytes: "high-idle bytes", diff.MeanSize: "mean size",
}

// changeSection is the table that the diff is about.
func changeSection(v *diffView) (section, bool) {
	shown, rest := v.split()
	s := section{title: "Namespaces by change of " + measureWords[v.by]}
	rows := make([]changeRow, 0, len(shown)+3)
	for _, r := range shown {
		rows = append(rows, rowOf(r))
	}
	if len(rest) > 0 {
		rows = append(rows, sumRow("… "+plural(int64(len(rest)), "other"), quiet, rest))
	}
	foot := 1
	total := changeRow{label: "total", tone: strong, changes: v.c.Totals.Changes}
	if v.o.Under != "" {
		total.label, foot = "whole keyspace", 2
		rows = append(rows, sumRow("all of these", strong, v.chosen))
	}
	bytes := changeColumns{measure: diff.Bytes, head: "bytes", old: true, growth: true, perDay: true, expend: 1}
	keys := changeColumns{measure: diff.Keys, head: "keys", old: true, expend: 3}
	if v.by == diff.Keys {
		bytes.expend, keys.expend = keys.expend, bytes.expend
	}
	s.table = v.changeGrid(append(rows, total), foot, bytes, keys,
		changeColumns{measure: diff.NoTTLShare, head: "no TTL", expend: 2},
		changeColumns{measure: diff.MeanSize, head: "mean", expend: 4, expendAll: true},
	)
	if s.table.hasText(noise) {
		s.notes = v.changeNotes()
	}
	return s, true
}

// hasText reports whether a cell is just that.
func (g *grid) hasText(text string) bool {
	return slices.ContainsFunc(slices.Concat(g.rows, g.foot), func(cells []cell) bool {
		return slices.ContainsFunc(cells, func(c cell) bool { return c.text == text })
	})
}

// changeNotes say how to read the tables.
func (v *diffView) changeNotes() []line {
	text := noise + ` is a change that may be none: keys came and went while they were walked, and MEMORY USAGE of hashes, sets, sorted sets, lists and streams is the server's estimate, which moves by itself.`
	if sampled(v.c.Old.Profile) || sampled(v.c.New.Profile) {
		text += " And only a sample of the keys was measured: in 95 of 100 samples chance explains no more."
	}
	return []line{say(words(text)).in(quiet)}
}

// partSection is a table of the namespaces in which one part of the keys changed
// most.
func (v *diffView) partSection(title string, by diff.Measure, columns ...changeColumns) section {
	s := section{title: title}
	rows := slices.DeleteFunc(slices.Clone(v.chosen), func(r *diff.Row) bool { return !r.Changes[by].Real() || !v.enough(r, by) })
	if len(rows) == 0 {
		s.lines = []line{say(words("No namespace changed by more than noise explains" + pick(v.o.MinAmount+v.o.MinGrowth+v.o.MinBytes > 0, ", and by --min-change", "") + ".")).in(quiet)}
		return s
	}
	v.sortBy(rows, by)
	var table []changeRow
	for _, r := range rows[:min(len(rows), v.rows(flaggedRows))] {
		table = append(table, rowOf(r))
	}
	foot := 0
	if v.o.Under == "" {
		foot = 1
		table = append(table, changeRow{label: "total", tone: strong, changes: v.c.Totals.Changes})
	}
	s.table = v.changeGrid(table, foot, columns...)
	return s
}

// rows is how many rows a list shows that has usual ones by itself.
func (v *diffView) rows(usual int) int { return (&view{o: v.o.Options}).rows(usual) }

// noTTLChangeSection is about keys that never expire.
func noTTLChangeSection(v *diffView) (section, bool) {
	by := diff.NoTTLBytes
	if v.c.Totals.Changes[by].Delta == nil {
		by = diff.NoTTLKeys
	}
	if v.c.Totals.Changes[by].Delta == nil {
		return section{}, false
	}
	return v.partSection("Never expiring", by,
		changeColumns{measure: diff.NoTTLBytes, head: "bytes", old: true, expend: 2},
		changeColumns{measure: diff.NoTTLKeys, head: "keys", old: true, expend: 3},
		changeColumns{measure: diff.NoTTLShare, head: "share", old: true, expend: 1},
	), true
}

// idleChangeSection is about keys that nobody touches.
func idleChangeSection(v *diffView) (section, bool) {
	if v.c.Totals.Changes[diff.HighIdleBytes].Delta == nil {
		return section{}, false
	}
	return v.partSection("High idle: over "+unit.FormatDuration(float64(v.c.New.Profile.Design.IdleOverS)), diff.HighIdleBytes,
		changeColumns{measure: diff.HighIdleBytes, head: "bytes", old: true, growth: true}), true
}

// stoppedSection lists namespaces that are written without a TTL.
func stoppedSection(v *diffView) (section, bool) {
	list := slices.DeleteFunc(slices.Clone(v.c.Stopped), func(s diff.Stopped) bool { return !Below(s.Pattern, v.o.Under) })
	if len(list) == 0 {
		return stoppedUnknown(v)
	}
	list = list[:min(len(list), v.rows(flaggedRows))]
	s := section{title: stoppedTitle}
	rows := make([]changeRow, len(list))
	columns := [4][]*float64{}
	for i, st := range list {
		rows[i] = changeRow{label: patternText(st.Pattern, false), name: true, db: &st.DB, tone: pick(st.Jumped, alarm, plain)}
		columns[0] = append(columns[0], amount(st.Recent.Keys))
		columns[1] = append(columns[1], share(st.Recent))
		columns[2] = append(columns[2], amount(st.Older.Keys))
		columns[3] = append(columns[3], share(st.Older))
		if line, ok := exampleLine(st); ok {
			s.notes = append(s.notes, line)
		}
	}
	b := newGrid(len(rows), 0)
	recent, older := "≤"+unit.FormatDuration(float64(list[0].RecentS)), ">"+unit.FormatDuration(float64(list[0].OlderS))
	for i, head := range [4][2]string{{recent, "keys"}, {"no", "TTL%"}, {older, "keys"}, {"no", "TTL%"}} {
		kind := unit.Count
		if i%2 == 1 {
			kind = unit.Percent
		}
		b.number(figures{column: column{head: head, apart: i == 2}, kind: kind, values: columns[i]})
	}
	v.nameColumns(b, rows)
	s.table = b.done()
	text := recent + ": keys " + v.c.RecentMeans() + " so lately, which is since the old profile"
	if list[0].OlderS > 0 {
		text += "; " + older + ": keys that were not, for longer than that"
	}
	s.notes = append(s.notes, say(words(text+". Those between the two may be either.")).in(quiet))
	return s, true
}

// stoppedUnknown says why none can be listed, if so.
func stoppedUnknown(v *diffView) (section, bool) {
	if v.c.StoppedUnknown == "" || v.o.Under != "" {
		return section{}, false
	}
	text := "Cannot be told: " + display(v.c.StoppedUnknown) + "."
	return section{title: stoppedTitle, lines: []line{say(words(text)).in(quiet)}}, true
}

const stoppedTitle = "Written without a TTL since the old profile"

func share(p diff.Portion) *float64 {
	if p.Keys == 0 {
		return nil
	}
	v := p.Share()
	return &v
}

func exampleLine(s diff.Stopped) (line, bool) {
	if len(s.Examples) == 0 {
		return line{}, false
	}
	parts := []span{words("such as ")}
	for i, k := range s.Examples[:min(len(s.Examples), 3)] {
		if i > 0 {
			parts = append(parts, words(", "))
		}
		parts = append(parts, name(displayKey(k.KeyName)))
	}
	return say(parts...).in(quiet), true
}

// lastingSection is how long what is left of a limit lasts.
func lastingSection(v *diffView) (section, bool) {
	s := section{title: "How long it lasts"}
	if v.o.Under != "" {
		return s, false
	}
	for _, r := range v.c.Runways {
		s.lines = append(s.lines, runwayLine(&r))
	}
	if v.c.NoRunway != "" {
		s.lines = append(s.lines, say(words(sentence(display(v.c.NoRunway)))).in(quiet))
	}
	if p := v.c.Pool; p != nil && v.evictsVolatile() {
		s.lines = append(s.lines, say(words(scheduleText(p))))
		if len(p.Namespaces) > 0 {
			s.table = v.poolGrid()
		}
	}
	return s, len(s.lines) > 0
}

// evictsVolatile reports whether a server may evict keys that have a TTL, and only
// those.
func (v *diffView) evictsVolatile() bool {
	return slices.ContainsFunc(v.c.New.Profile.Nodes, func(n profile.Node) bool { return strings.HasPrefix(n.Policy, "volatile-") })
}

func runwayLine(r *diff.Runway) line {
	what := pick(r.Limit == diff.PoolEmpty, "The pool", "The way to maxmemory")
	if r.Days == nil {
		return say(words(what + ": " + r.Assumption + "."))
	}
	ends := pick(r.Limit == diff.PoolEmpty, " is empty in ", " ends in ") + daysText(r)
	if r.Left == 0 {
		ends = pick(r.Limit == diff.PoolEmpty, " is empty", " has ended")
	}
	return say(words(what + ends + ", " + r.Assumption + "; " + r.Consequence + ".")).in(alarm)
}

// scheduleText says what expires by itself.
func scheduleText(p *diff.Pool) string {
	if len(p.Schedule) == 0 {
		return "What expires by itself is not known."
	}
	var parts []string
	for _, e := range p.Schedule {
		text := plural(e.Keys, "key")
		if e.Bytes != nil {
			text += " (" + unit.FormatBytes(*e.Bytes) + ")"
		}
		parts = append(parts, text+" within "+unit.FormatDuration(float64(e.WithinS)))
	}
	if last := p.Schedule[len(p.Schedule)-1]; last.Keys == 0 {
		return "No key expires by itself within " + unit.FormatDuration(float64(last.WithinS)) + "."
	}
	return "By themselves expire " + strings.Join(parts, ", ") + "."
}

func (v *diffView) poolGrid() *grid {
	var rows []changeRow
	for _, r := range v.c.Pool.Namespaces[:min(len(v.c.Pool.Namespaces), v.rows(flaggedRows))] {
		rows = append(rows, changeRow{label: patternText(r.Pattern, r.Other), name: !r.Other, db: &r.DB, changes: poolChanges(r.Keys, r.Bytes)})
	}
	rows = append(rows, changeRow{label: "all keys with a TTL", tone: strong, changes: poolChanges(v.c.Pool.Keys, v.c.Pool.Bytes)})
	return v.changeGrid(rows, 1,
		changeColumns{measure: diff.Keys, head: "keys", old: true, growth: true, perDay: true, expend: 1},
		changeColumns{measure: diff.Bytes, head: "bytes", old: true, expend: 2})
}

func poolChanges(keys diff.Change, bytes *diff.Change) map[diff.Measure]diff.Change {
	m := map[diff.Measure]diff.Change{diff.Keys: keys}
	if bytes != nil {
		m[diff.Bytes] = *bytes
	}
	return m
}

// serverSection is what the server says of itself.
func serverSection(c *diff.Comparison) (section, bool) {
	s := section{title: "The server"}
	if len(c.Server) == 0 {
		return s, false
	}
	g := &grid{columns: []column{
		{head: [2]string{"", "figure"}, left: true}, {head: [2]string{"", "old"}}, {head: [2]string{"", "new"}}, {head: [2]string{"", "change"}},
	}}
	for _, l := range c.Server {
		old, new, change := serverCells(l)
		g.rows = append(g.rows, []cell{{text: serverNames[l.Name] + oursText(l)}, {text: old}, {text: new}, {text: change}})
	}
	s.table = g
	return s, true
}

// serverNames are what figures of INFO are called.
var serverNames = map[string]string{
	"used_memory": "used memory", "used_memory_rss": "resident memory", "mem_fragmentation_ratio": "fragmentation",
	"maxmemory": "maxmemory", "maxmemory_policy": "policy", "mem_clients_normal": "clients' memory", "connected_clients": "clients",
	"evicted_keys": "evicted keys, meanwhile", "expired_keys": "expired keys, meanwhile", "hit_ratio": "hit ratio, meanwhile",
}

// oursText says what the change of a figure leaves out.
func oursText(l diff.ServerLine) string {
	if l.Ours == 0 {
		return ""
	}
	return ", less " + unit.FormatCount(int64(l.Ours)) + " of the old walk"
}

// serverCells are the texts of a figure. Of a counter only what was counted
// meanwhile means something.
func serverCells(l diff.ServerLine) (old, new, change string) {
	if l.Kind == diff.Word {
		return displayWord(l.OldText), displayWord(l.NewText), pick(l.OldText == l.NewText, "", "changed")
	}
	write := func(v *float64) string {
		if v == nil {
			return absent
		}
		return serverFigure(l, *v)
	}
	if l.Delta != nil {
		change = unit.Sign(*l.Delta) + serverFigure(l, size(l.Change))
	}
	if l.Kind == diff.Counter {
		return "", "", change
	}
	return write(l.Old), write(l.New), change
}

func serverFigure(l diff.ServerLine, v float64) string {
	switch {
	case l.Kind == diff.Size:
		return unit.FormatBytes(int64(v))
	case l.Kind == diff.Share:
		return unit.FormatShare(v)
	case l.Kind == diff.Ratio:
		return unit.FormatPlainFloat(v)
	default:
		return unit.FormatCount(int64(v))
	}
}
