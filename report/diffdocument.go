package report

import (
	"math"
	"slices"

	"keyprof/report/diff"
	"keyprof/report/unit"
)

// newDiffDocument decides what the report of a comparison says.
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
	add(stoppedSection(v))
	add(lastingSection(v))
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
	facts = append(facts, fact{label: "apart", line: say(words(apart + " from the middle of one walk to that of the other"))})
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

// diffHeadlines are what must be known first.
func diffHeadlines(v *diffView) []line {
	if v.o.Under != "" {
		if len(v.chosen) == 0 {
			return []line{say(words("No namespace lies under " + displayPrefix(v.o.Under) + " on either side.")).in(strong)}
		}
		return nil
	}
	var lines []line
	for _, find := range []func(*diffView) (line, bool){stoppedHeadline, poolHeadline, fullHeadline, growthHeadline, lastingHeadline, comingsHeadline} {
		if l, ok := find(v); ok {
			lines = append(lines, l)
		}
	}
	if len(lines) == 0 {
		lines = append(lines, say(words(quietText(v))).in(strong))
	}
	return lines
}

// quietText is said when nothing is.
func quietText(v *diffView) string {
	t := v.c.Totals.Changes
	switch {
	case t[diff.Keys].Delta == nil && t[diff.Bytes].Delta == nil:
		return "Nothing is compared: see the warnings."
	case slices.ContainsFunc(v.chosen, moved):
		return "Little changed: the table tells what."
	case slices.ContainsFunc(v.chosen, func(r *diff.Row) bool { return size(r.Changes[diff.Bytes])+size(r.Changes[diff.Keys]) > 0 }):
		return "Nothing changed by more than noise explains."
	default:
		return "Nothing changed."
	}
}

// stoppedHeadline names the namespaces that have begun to be written without a TTL.
func stoppedHeadline(v *diffView) (line, bool) {
	i := slices.IndexFunc(v.c.Stopped, func(s diff.Stopped) bool { return s.Jumped })
	if i < 0 {
		return line{}, false
	}
	s := v.c.Stopped[i]
	text := v.dbOf(s.DB) + " is written without a TTL now: " + unit.FormatShare(s.Recent.Share()) + " of its " +
		plural(s.Recent.Keys, "key") + " that were " + v.c.RecentMeans() + " in the last " + unit.FormatDuration(float64(s.RecentS)) + " have none"
	if s.Older.Keys > 0 {
		text += ", of those idle for over " + unit.FormatDuration(float64(s.OlderS)) + " " + unit.FormatShare(s.Older.Share())
	}
	if s.MoreNoTTL > 0 {
		text += "; " + unit.FormatCount(s.MoreNoTTL) + " more of its keys never expire than before"
	}
	text += "."
	if more := countJumped(v.c.Stopped) - 1; more > 0 {
		text += " So " + verb(int64(more), "is ", "are ") + plural(int64(more), "more namespace") + "."
	}
	return say(name(patternText(s.Pattern, false)), words(text)).in(alarm), true
}

func countJumped(list []diff.Stopped) (n int) {
	for _, s := range list {
		if s.Jumped {
			n++
		}
	}
	return n
}

// dbOf names a database where there are several.
func (v *diffView) dbOf(db int) string {
	if !v.manyDBs {
		return ""
	}
	return " in db" + dbNumber(db)
}

// runway is that to a limit.
func (v *diffView) runway(limit diff.Limit) *diff.Runway {
	for i := range v.c.Runways {
		if v.c.Runways[i].Limit == limit {
			return &v.c.Runways[i]
		}
	}
	return nil
}

// urgent is how many days before a limit it is a finding.
const urgent = 30

// poolHeadline tells that a volatile-* policy will have nothing left to evict.
func poolHeadline(v *diffView) (line, bool) {
	r := v.runway(diff.PoolEmpty)
	if r == nil || r.Days == nil || *r.Days > urgent {
		return line{}, false
	}
	if r.Left == 0 {
		return say(words("No key that can be evicted is left: " + r.Assumption + "; " + r.Consequence + ".")).in(alarm), true
	}
	text := "No key that can be evicted is left in " + daysText(r) + " at this rate: " + unit.FormatCount(int64(r.Left)) + " keys have a TTL, " +
		unit.FormatCount(int64(lastRate(r))) + " fewer a day. Then writes fail."
	return say(words(text)).in(alarm), true
}

// lastRate is the one that led to the new profile.
func lastRate(r *diff.Runway) float64 { return r.Rates[len(r.Rates)-1].PerDay }

// fullHeadline tells that maxmemory will be reached.
func fullHeadline(v *diffView) (line, bool) {
	r := v.runway(diff.MaxmemoryFull)
	if r == nil || r.Days == nil || *r.Days > urgent {
		return line{}, false
	}
	if r.Left == 0 {
		return say(words("Memory is full: " + r.Assumption + "; " + r.Consequence + ".")).in(alarm), true
	}
	text := "Memory is full in " + daysText(r) + " at this rate: " + unit.FormatBytes(int64(r.Left)) + " are left, " +
		unit.FormatBytes(int64(lastRate(r))) + " less a day."
	return say(words(text)).in(alarm), true
}

// daysText is how long a runway is: "3.15 days", with its range.
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

// growthHeadline tells by how much the bytes changed, and which namespace did most
// of it.
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

// lastingHeadline tells that more keys never expire, where their share rose.
func lastingHeadline(v *diffView) (line, bool) {
	keys, share := v.c.Totals.Changes[diff.NoTTLKeys], v.c.Totals.Changes[diff.NoTTLShare]
	if !keys.Real() || !share.Real() || *keys.Delta < 0 || *share.Delta < leastRise {
		return line{}, false
	}
	text := unit.FormatCount(int64(*keys.Delta)) + " more keys never expire: " + unit.FormatShare(*share.New) + " of all, before " + unit.FormatShare(*share.Old)
	row := v.mostMoved(diff.NoTTLKeys, true)
	if row == nil {
		return say(words(text + ".")), true
	}
	return say(words(text+"; "), name(patternText(row.Pattern, row.Other)), words(v.dbOf(row.DB)+" has "+unit.FormatCount(int64(size(row.Changes[diff.NoTTLKeys])))+" more.")), true
}

// leastRise is by how much a share must have risen to be worth a sentence.
const leastRise = 0.01

// leastUnexplained is by how much used memory must have changed, as a ratio and in
// bytes, to be worth a sentence.
const (
	leastUnexplained      = 0.05
	leastUnexplainedBytes = 1 << 20
)

// unexplainedGrowth tells that memory changed where the sizes of keys do not say
// so: those of collections are too uncertain, or it is not keys that take it.
func unexplainedGrowth(v *diffView) (line, bool) {
	for _, l := range v.c.Server {
		growth, ok := l.Growth()
		if l.Name != "used_memory" || !ok || math.Abs(growth) < leastUnexplained || size(l.Change) < leastUnexplainedBytes {
			continue
		}
		text := "Used memory " + pick(growth > 0, "grew by ", "fell by ") + unit.FormatBytes(int64(size(l.Change))) + " (" +
			unit.FormatShare(math.Abs(growth)) + "), and the sizes of keys do not tell why: those marked " + noise + " may have changed, or it is not keys that take it."
		return say(words(text)), true
	}
	return line{}, false
}

// mostMoved is the namespace that changed most in a direction; nil if none did.
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

// comingsHeadline names namespaces that are new, and that are gone.
func comingsHeadline(v *diffView) (line, bool) {
	var parts []span
	for _, state := range []diff.State{diff.Added, diff.Vanished} {
		rows := slices.DeleteFunc(slices.Clone(v.chosen), func(r *diff.Row) bool { return r.State != state || r.Other })
		if len(rows) == 0 {
			continue
		}
		n := int64(len(rows))
		what := pick(state == diff.Added, verb(n, " is new: ", " are new: "), verb(n, " is gone: ", " are gone: "))
		parts = append(parts, words(pick(parts == nil, "", " ")+plural(n, "namespace")+what))
		for i, r := range rows[:min(n, comingsNamed)] {
			parts = append(parts, words(pick(i > 0, ", ", "")), name(patternText(r.Pattern, false)), words(v.dbOf(r.DB)))
		}
		parts = append(parts, words(pick(n > comingsNamed, ", …", ".")))
	}
	return say(parts...), parts != nil
}

// comingsNamed is how many namespaces are named that are new, or gone.
const comingsNamed = 3
