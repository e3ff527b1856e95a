package report

import (
	"math"
	"slices"
	"strings"

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
	for _, find := range []func(*diffView) (line, bool){stoppedHeadline, poolHeadline, fullHeadline, growthHeadline, comingsHeadline} {
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
	case t[diff.Keys].Delta == nil:
		return "Sums are not compared: see the warnings."
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
		plural(s.Recent.Keys, "key") + " " + v.c.RecentMeans() + " since the old profile have none"
	if s.Older.Keys > 0 {
		text += ", of the older ones " + unit.FormatShare(s.Older.Share())
	}
	text += "."
	if more := countJumped(v.c.Stopped) - 1; more > 0 {
		text += " So " + verb(int64(more), "does ", "do ") + plural(int64(more), "more namespace") + "."
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
	keys := v.c.Pool.Keys
	text := "No key that can be evicted is left in " + daysText(r) + ": of " + unit.FormatCount(int64(*keys.Old)) + " keys with a TTL " +
		unit.FormatCount(int64(*keys.New)) + " are left, " + r.Assumption + "; " + r.Consequence + "."
	return say(words(text)).in(alarm), true
}

// fullHeadline tells that maxmemory will be reached.
func fullHeadline(v *diffView) (line, bool) {
	r := v.runway(diff.MaxmemoryFull)
	if r == nil || r.Days == nil || *r.Days > urgent {
		return line{}, false
	}
	return say(words("Memory is full in " + daysText(r) + ": " + r.Assumption + "; " + r.Consequence + ".")).in(alarm), true
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
	if days < 1.0/24 {
		return "less than an hour"
	}
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
		return line{}, false
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
	row := v.mostMoved(m, *total.Delta > 0)
	if row == nil {
		return say(words(text + ".")), true
	}
	part := size(row.Changes[m])
	clause := v.dbOf(row.DB) + pick(*total.Delta > 0, " grew by ", " shrank by ") + write(int64(part)) + "."
	return say(words(text+"; "), name(patternText(row.Pattern, row.Other)), words(clause)), true
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

// comingsHeadline counts namespaces that are new, and that are gone.
func comingsHeadline(v *diffView) (line, bool) {
	var parts []string
	if n := v.count(diff.Added); n > 0 {
		parts = append(parts, plural(n, "namespace")+verb(n, " is new", " are new"))
	}
	if n := v.count(diff.Vanished); n > 0 {
		parts = append(parts, plural(n, "namespace")+verb(n, " is gone", " are gone"))
	}
	if parts == nil {
		return line{}, false
	}
	return say(words(strings.Join(parts, ", ") + ".")), true
}

func (v *diffView) count(s diff.State) (n int64) {
	for _, r := range v.chosen {
		if r.State == s {
			n++
		}
	}
	return n
}
