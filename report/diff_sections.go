package report

import (
	"math"
	"slices"
	"strings"

	"keyprof/report/diff"
	"keyprof/report/unit"
	"keyprof/sampler/profile"
)

// caveatSection returns the differences besides keys, and what is not compared
// because of them.
func caveatSection(c *diff.Comparison) (section, bool) {
	s := section{title: "Warnings", numbered: true}
	for _, caveat := range c.Caveats {
		text := display(caveat.Text) + " [" + display(caveat.Code) + "]"
		if names := measureNames(caveat.Hides); names != "" {
			text += " (not compared: " + names + ")"
		}
		s.lines = append(s.lines, say(words(text)).in(critical))
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

// changeSection returns the main table of the diff.
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
	total := changeRow{label: "total", style: strong, changes: v.c.Totals.Changes}
	if v.o.Under != "" {
		total.label, foot = "whole keyspace", 2
		rows = append(rows, sumRow("all of these", strong, v.chosen))
	}
	bytes := changeColumns{measure: diff.Bytes, head: "bytes", old: true, growth: true, perDay: true, dropPriority: 1}
	keys := changeColumns{measure: diff.Keys, head: "keys", old: true, dropPriority: 3}
	if v.by == diff.Keys {
		bytes.dropPriority, keys.dropPriority = keys.dropPriority, bytes.dropPriority
	}
	s.table = v.changeGrid(append(rows, total), foot, bytes, keys,
		changeColumns{measure: diff.NoTTLShare, head: "no TTL", dropPriority: 2},
		changeColumns{measure: diff.MeanSize, head: "mean", dropPriority: 4, dropAll: true},
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

// changeNotes explains the tables.
func (v *diffView) changeNotes() []line {
	text := noise + ` marks a change within noise: keys changed during the scans, and MEMORY USAGE of hashes, sets, sorted sets, lists and streams is an estimate that varies by itself.`
	if sampled(v.c.Old.Profile) || sampled(v.c.New.Profile) {
		text += " In samples, so is a change within the 95 % confidence interval."
	}
	return []line{say(words(text)).in(quiet)}
}

// partSection returns a table of the namespaces in which a part of the keys changed
// most.
func (v *diffView) partSection(title string, by diff.Measure, columns ...changeColumns) section {
	s := section{title: title}
	rows := slices.DeleteFunc(slices.Clone(v.chosen), func(r *diff.Row) bool { return !r.Changes[by].Real() || !v.enough(r, by) })
	if len(rows) == 0 {
		s.lines = []line{say(words("No namespace changed by more than noise" + pick(v.o.MinAmount+v.o.MinGrowth+v.o.MinBytes > 0, " and --min-change", "") + ".")).in(quiet)}
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
		table = append(table, changeRow{label: "total", style: strong, changes: v.c.Totals.Changes})
	}
	s.table = v.changeGrid(table, foot, columns...)
	return s
}

// rows returns the number of rows of a list that usually has that many.
func (v *diffView) rows(usual int) int { return (&view{o: v.o.Options}).rows(usual) }

// noTTLChangeSection returns the changes of keys without a TTL.
func noTTLChangeSection(v *diffView) (section, bool) {
	by := diff.NoTTLBytes
	if v.c.Totals.Changes[by].Delta == nil {
		by = diff.NoTTLKeys
	}
	if v.c.Totals.Changes[by].Delta == nil {
		return section{}, false
	}
	return v.partSection("Keys without a TTL", by,
		changeColumns{measure: diff.NoTTLBytes, head: "bytes", old: true, dropPriority: 2},
		changeColumns{measure: diff.NoTTLKeys, head: "keys", old: true, dropPriority: 3},
		changeColumns{measure: diff.NoTTLShare, head: "share", old: true, dropPriority: 1},
	), true
}

// idleChangeSection returns the changes of high-idle keys.
func idleChangeSection(v *diffView) (section, bool) {
	if v.c.Totals.Changes[diff.HighIdleBytes].Delta == nil {
		return section{}, false
	}
	return v.partSection("High idle: over "+unit.FormatDuration(float64(v.c.New.Profile.Design.IdleOverS)), diff.HighIdleBytes,
		changeColumns{measure: diff.HighIdleBytes, head: "bytes", old: true, growth: true}), true
}

// ttlLossSection lists the namespaces that are written without a TTL.
func ttlLossSection(v *diffView) (section, bool) {
	list := slices.DeleteFunc(slices.Clone(v.c.TTLLosses), func(s diff.TTLLoss) bool { return !Below(s.Pattern, v.o.Under) })
	if len(list) == 0 {
		return ttlLossUnknown(v)
	}
	list = list[:min(len(list), v.rows(flaggedRows))]
	s := section{title: ttlLossTitle}
	rows := make([]changeRow, len(list))
	columns := [4][]*float64{}
	for i, st := range list {
		rows[i] = changeRow{label: patternText(st.Pattern, false), name: true, db: &st.DB, style: pick(st.Jumped, critical, plain)}
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
	text := recent + ": keys " + v.c.RecentMeans() + " since the old profile"
	if list[0].OlderS > 0 {
		text += "; " + older + ": keys that were not"
	}
	s.notes = append(s.notes, say(words(text+". Keys in between may be either.")).in(quiet))
	return s, true
}

// ttlLossUnknown returns a section that says why they are unknown, if so.
func ttlLossUnknown(v *diffView) (section, bool) {
	if v.c.TTLLossUnknown == "" || v.o.Under != "" {
		return section{}, false
	}
	text := "Unknown: " + display(v.c.TTLLossUnknown) + "."
	return section{title: ttlLossTitle, lines: []line{say(words(text)).in(quiet)}}, true
}

const ttlLossTitle = "Written without a TTL since the old profile"

func share(p diff.Portion) *float64 {
	if p.Keys == 0 {
		return nil
	}
	v := p.Share()
	return &v
}

func exampleLine(s diff.TTLLoss) (line, bool) {
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

// limitsSection returns the time until limits are reached.
func limitsSection(v *diffView) (section, bool) {
	s := section{title: "Time to the limits"}
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
	pool := r.Limit == diff.PoolEmpty
	switch {
	case r.Days == nil:
		return say(words(pick(pool, "Evictable keys: ", "Memory: ") + r.Assumption + "."))
	case r.Left == 0:
		return say(words(pick(pool, "No evictable keys are left: ", "Memory is full: ") + r.Assumption + "; " + r.Consequence + ".")).in(critical)
	}
	ends := pick(pool, "Evictable keys run out in ", "Memory reaches maxmemory in ") + daysText(r)
	return say(words(ends + ", " + r.Assumption + "; " + r.Consequence + ".")).in(critical)
}

// scheduleText returns how many keys expire within each span.
func scheduleText(p *diff.Pool) string {
	if len(p.Schedule) == 0 {
		return "How many keys will expire is unknown."
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
		return "No key expires within " + unit.FormatDuration(float64(last.WithinS)) + "."
	}
	return "Keys that will expire: " + strings.Join(parts, ", ") + "."
}

func (v *diffView) poolGrid() *grid {
	var rows []changeRow
	for _, r := range v.c.Pool.Namespaces[:min(len(v.c.Pool.Namespaces), v.rows(flaggedRows))] {
		rows = append(rows, changeRow{label: patternText(r.Pattern, r.Other), name: !r.Other, db: &r.DB, changes: poolChanges(r.Keys, r.Bytes)})
	}
	rows = append(rows, changeRow{label: "all keys with a TTL", style: strong, changes: poolChanges(v.c.Pool.Keys, v.c.Pool.Bytes)})
	return v.changeGrid(rows, 1,
		changeColumns{measure: diff.Keys, head: "keys", old: true, growth: true, perDay: true, dropPriority: 1},
		changeColumns{measure: diff.Bytes, head: "bytes", old: true, dropPriority: 2})
}

func poolChanges(keys diff.Change, bytes *diff.Change) map[diff.Measure]diff.Change {
	m := map[diff.Measure]diff.Change{diff.Keys: keys}
	if bytes != nil {
		m[diff.Bytes] = *bytes
	}
	return m
}

// serverSection returns the figures of INFO.
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

// serverNames maps fields of INFO to their names in reports.
var serverNames = map[string]string{
	"used_memory": "used memory", "used_memory_rss": "resident memory", "mem_fragmentation_ratio": "fragmentation",
	"maxmemory": "maxmemory", "maxmemory_policy": "policy", "mem_clients_normal": "client memory", "connected_clients": "clients",
	"evicted_keys": "evicted keys (since old)", "expired_keys": "expired keys (since old)", "hit_ratio": "hit ratio (since old)",
}

// oursText returns what the change of a figure leaves out.
func oursText(l diff.ServerLine) string {
	if l.Ours == 0 {
		return ""
	}
	return ", less " + unit.FormatCount(int64(l.Ours)) + " by the old scan"
}

// serverCells returns the texts of a figure. A counter has only a change.
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

// newDiffDocument composes the report of a comparison.
func newDiffDocument(v *diffView) document {
	d := document{title: diffTitle(v.c), facts: diffFacts(v), headlines: diffHeadlines(v)}
	add := func(s section, ok bool) {
		if ok {
			d.sections = append(d.sections, s)
		}
	}
	add(caveatSection(v.c))
	if len(v.chosen) == 0 && v.o.Under != "" {
		return d
	}
	if v.c.Totals.Changes[diff.Keys].Delta == nil && v.c.Totals.Changes[diff.Bytes].Delta == nil {
		add(serverSection(v.c))
		return d
	}
	add(changeSection(v))
	add(noTTLChangeSection(v))
	add(idleChangeSection(v))
	add(ttlLossSection(v))
	add(limitsSection(v))
	add(serverSection(v.c))
	return d
}

func diffTitle(c *diff.Comparison) string {
	title := displayWord(c.Tool.Name) + " " + displayWord(c.Tool.Version) + ", what changed"
	if c.New.Label != "" {
		title += " in " + displayWord(c.New.Label)
	}
	return title
}

func diffFacts(v *diffView) []fact {
	facts := []fact{sideFact("old", &v.c.Old), sideFact("new", &v.c.New)}
	if len(v.c.New.Profile.Nodes) == 1 {
		facts = append(facts, nodeFacts(&v.c.New.Profile.Nodes[0])...)
	}
	apart := unit.FormatElapsed(v.c.ElapsedS)
	if v.c.ElapsedS >= 3600 {
		apart = unit.FormatDuration(v.c.ElapsedS)
	}
	facts = append(facts, fact{label: "interval", line: say(words(apart + " from the middle of the old scan to the middle of the new one"))})
	if v.o.Under != "" {
		facts = append(facts, fact{label: "only under", line: say(name(displayPrefix(v.o.Under)))})
	}
	return facts
}

func sideFact(label string, s *diff.Side) fact {
	text := unit.FormatTime(s.Began) + ", " + totalText(&s.Profile.Totals)
	if !s.Complete {
		text += ", incomplete"
	}
	parts := []span{words(text)}
	if s.Source != "" {
		parts = append(parts, words(", "), name(display(s.Source)))
	}
	return fact{label: label, line: say(parts...)}
}

// diffHeadlines returns the most important findings.
func diffHeadlines(v *diffView) []line {
	if v.o.Under != "" {
		if len(v.chosen) == 0 {
			return []line{say(words("No namespace is under " + displayPrefix(v.o.Under) + " in either profile.")).in(strong)}
		}
		return nil
	}
	var lines []line
	for _, find := range []func(*diffView) (line, bool){ttlLossHeadline, poolHeadline, maxmemoryHeadline, growthHeadline, noTTLHeadline, newAndGoneHeadline} {
		if l, ok := find(v); ok {
			lines = append(lines, l)
		}
	}
	if len(lines) == 0 {
		lines = append(lines, say(words(noChangeText(v))).in(strong))
	}
	return lines
}

// noChangeText is the headline if there is no other.
func noChangeText(v *diffView) string {
	t := v.c.Totals.Changes
	switch {
	case t[diff.Keys].Delta == nil && t[diff.Bytes].Delta == nil:
		return "Nothing was compared: see the warnings."
	case slices.ContainsFunc(v.chosen, moved):
		return "Little changed: see the table."
	case slices.ContainsFunc(v.chosen, func(r *diff.Row) bool { return size(r.Changes[diff.Bytes])+size(r.Changes[diff.Keys]) > 0 }):
		return "Nothing changed by more than noise."
	default:
		return "Nothing changed."
	}
}

// ttlLossHeadline names the namespace that is now written without a TTL.
func ttlLossHeadline(v *diffView) (line, bool) {
	i := slices.IndexFunc(v.c.TTLLosses, func(s diff.TTLLoss) bool { return s.Jumped })
	if i < 0 {
		return line{}, false
	}
	s := v.c.TTLLosses[i]
	text := v.dbOf(s.DB) + " is now written without a TTL: " + unit.FormatShare(s.Recent.Share()) + " of its " +
		plural(s.Recent.Keys, "key") + " " + v.c.RecentMeans() + " in the last " + unit.FormatDuration(float64(s.RecentS)) + " have none"
	if s.Older.Keys > 0 {
		text += ", against " + unit.FormatShare(s.Older.Share()) + " of those idle for over " + unit.FormatDuration(float64(s.OlderS))
	}
	if s.MoreNoTTL > 0 {
		text += "; " + unit.FormatCount(s.MoreNoTTL) + " more of its keys have no TTL than before"
	}
	text += "."
	if more := countJumped(v.c.TTLLosses) - 1; more > 0 {
		text += " The same holds for " + plural(int64(more), "more namespace") + "."
	}
	return say(name(patternText(s.Pattern, false)), words(text)).in(critical), true
}

func countJumped(list []diff.TTLLoss) (n int) {
	for _, s := range list {
		if s.Jumped {
			n++
		}
	}
	return n
}

// dbOf names a database if there are several.
func (v *diffView) dbOf(db int) string {
	if !v.manyDBs {
		return ""
	}
	return " in db" + dbNumber(db)
}

// runway returns the runway to a limit; nil if there is none.
func (v *diffView) runway(limit diff.Limit) *diff.Runway {
	for i := range v.c.Runways {
		if v.c.Runways[i].Limit == limit {
			return &v.c.Runways[i]
		}
	}
	return nil
}

// urgent is the number of days before a limit from which it is a headline.
const urgent = 30

// poolHeadline says when a volatile-* policy runs out of keys to evict.
func poolHeadline(v *diffView) (line, bool) {
	r := v.runway(diff.PoolEmpty)
	if r == nil || r.Days == nil || *r.Days > urgent {
		return line{}, false
	}
	if r.Left == 0 {
		return say(words("No evictable keys are left: " + r.Assumption + "; " + r.Consequence + ".")).in(critical), true
	}
	text := "Evictable keys run out in " + daysText(r) + " at this rate: " + unit.FormatCount(int64(r.Left)) + " keys have a TTL, " +
		unit.FormatCount(int64(lastRate(r))) + " fewer a day; " + r.Consequence + "."
	return say(words(text)).in(critical), true
}

// lastRate returns the rate that leads to the new profile.
func lastRate(r *diff.Runway) float64 { return r.Rates[len(r.Rates)-1].PerDay }

// maxmemoryHeadline says when memory reaches maxmemory.
func maxmemoryHeadline(v *diffView) (line, bool) {
	r := v.runway(diff.MaxmemoryFull)
	if r == nil || r.Days == nil || *r.Days > urgent {
		return line{}, false
	}
	if r.Left == 0 {
		return say(words("Memory is full: " + r.Assumption + "; " + r.Consequence + ".")).in(critical), true
	}
	text := "Memory reaches maxmemory in " + daysText(r) + " at this rate: " + unit.FormatBytes(int64(r.Left)) + " are left, " +
		unit.FormatBytes(int64(lastRate(r))) + " less a day."
	return say(words(text)).in(critical), true
}

// daysText returns the length of a runway, with its range: "3.15 days".
func daysText(r *diff.Runway) string {
	text := decimalDays(*r.Days)
	switch {
	case r.Soonest == nil:
		return text
	case r.Latest == nil:
		return text + " (" + decimalDays(*r.Soonest) + " at the fastest rate seen, never at the slowest)"
	case *r.Soonest == *r.Latest:
		return text
	default:
		return text + " (" + decimalDays(*r.Soonest) + " to " + decimalDays(*r.Latest) + ")"
	}
}

func decimalDays(days float64) string {
	if days < 1 {
		return unit.FormatDuration(days * 86400)
	}
	return unit.FormatPlainFloat(math.Round(days*100)/100) + " days"
}

// growthHeadline returns the change of the bytes, and the namespaces with the
// largest part in it.
func growthHeadline(v *diffView) (line, bool) {
	m, write := diff.Bytes, unit.FormatBytes
	total := v.c.Totals.Changes[m]
	if total.Delta == nil {
		m, write = diff.Keys, unit.FormatCount
		total = v.c.Totals.Changes[m]
	}
	if !total.Real() {
		return unexplainedGrowth(v)
	}
	what := pick(m == diff.Bytes, "Bytes", "Keys")
	text := what + pick(*total.Delta > 0, " grew by ", " shrank by ") + write(int64(size(total)))
	if growth, ok := total.Growth(); ok {
		text += " (" + unit.FormatShare(math.Abs(growth)) + ")"
	}
	text += " to " + write(int64(*total.New))
	if total.PerDay != nil {
		text += ", " + write(int64(math.Abs(*total.PerDay))) + " a day"
	}
	parts := []span{words(text)}
	for _, up := range []bool{*total.Delta > 0, *total.Delta <= 0} {
		if row := v.mostMoved(m, up); row != nil {
			clause := v.dbOf(row.DB) + pick(up, " grew by ", " shrank by ") + write(int64(size(row.Changes[m])))
			parts = append(parts, words("; "), name(patternText(row.Pattern, row.Other)), words(clause))
		}
	}
	return say(append(parts, words("."))...), true
}

// noTTLHeadline says that more keys have no TTL, if their share rose.
func noTTLHeadline(v *diffView) (line, bool) {
	keys, share := v.c.Totals.Changes[diff.NoTTLKeys], v.c.Totals.Changes[diff.NoTTLShare]
	if !keys.Real() || !share.Real() || *keys.Delta < 0 || *share.Delta < leastRise {
		return line{}, false
	}
	text := unit.FormatCount(int64(*keys.Delta)) + " more keys have no TTL: " + unit.FormatShare(*share.New) + " of all, " + unit.FormatShare(*share.Old) + " before"
	row := v.mostMoved(diff.NoTTLKeys, true)
	if row == nil {
		return say(words(text + ".")), true
	}
	return say(words(text+"; "), name(patternText(row.Pattern, row.Other)), words(v.dbOf(row.DB)+" has "+unit.FormatCount(int64(size(row.Changes[diff.NoTTLKeys])))+" more.")), true
}

// leastRise is the smallest rise of a share that is worth a sentence.
const leastRise = 0.01

// leastUnexplained is the smallest change of used memory, as a ratio and in bytes,
// that is worth a sentence.
const (
	leastUnexplained      = 0.05
	leastUnexplainedBytes = 1 << 20
)

// unexplainedGrowth says that used memory changed without a certain change of the
// keys' sizes: those of collections are too uncertain, or something other than keys
// uses it.
func unexplainedGrowth(v *diffView) (line, bool) {
	for _, l := range v.c.Server {
		growth, ok := l.Growth()
		if l.Name != "used_memory" || !ok || math.Abs(growth) < leastUnexplained || size(l.Change) < leastUnexplainedBytes {
			continue
		}
		text := "Used memory " + pick(growth > 0, "grew by ", "fell by ") + unit.FormatBytes(int64(size(l.Change))) + " (" +
			unit.FormatShare(math.Abs(growth)) + "), which the sizes of keys do not explain: those marked " + noise + " may have changed, or something other than keys uses it."
		return say(words(text)), true
	}
	return line{}, false
}

// mostMoved returns the namespace that changed most in a direction; nil if none
// did.
func (v *diffView) mostMoved(m diff.Measure, up bool) *diff.Row {
	var most *diff.Row
	for _, r := range v.chosen {
		c := r.Changes[m]
		if c.Real() && (*c.Delta > 0) == up && (most == nil || size(c) > size(most.Changes[m])) {
			most = r
		}
	}
	return most
}

// newAndGoneHeadline names the namespaces that are new or gone.
func newAndGoneHeadline(v *diffView) (line, bool) {
	var parts []span
	for _, state := range []diff.State{diff.Added, diff.Vanished} {
		rows := slices.DeleteFunc(slices.Clone(v.chosen), func(r *diff.Row) bool { return r.State != state || r.Other })
		if len(rows) == 0 {
			continue
		}
		n := int64(len(rows))
		what := pick(state == diff.Added, verb(n, " is new: ", " are new: "), verb(n, " is gone: ", " are gone: "))
		parts = append(parts, words(pick(parts == nil, "", " ")+plural(n, "namespace")+what))
		for i, r := range rows[:min(n, namespacesNamed)] {
			parts = append(parts, words(pick(i > 0, ", ", "")), name(patternText(r.Pattern, false)), words(v.dbOf(r.DB)))
		}
		parts = append(parts, words(pick(n > namespacesNamed, ", …", ".")))
	}
	return say(parts...), parts != nil
}

// namespacesNamed limits how many of them are named.
const namespacesNamed = 3
