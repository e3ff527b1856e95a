package alarm

import (
	"cmp"
	"slices"

	"keyprof/report/diff"
	"keyprof/sampler/profile"
)

// Verdict is what becomes of conditions.
type Verdict struct {
	Findings []Finding // condition by condition, the worst first
	Doubts   []Doubt
}

// Finding is a condition that holds, and of what.
type Finding struct {
	Condition *Condition
	Namespace *profile.Namespace // nil: not of one
	Node      *profile.Node      // nil: not of one
	OfAll     bool               // of all servers together, and not of keys
	Figure    string             // for people: "98.2 %"

	value float64
}

// Doubt is a condition of which the profile does not tell whether it holds.
type Doubt struct {
	Condition *Condition
	Reason    string
	// Namespace is one of those that it cannot be told of; nil when the
	// condition is not about namespaces, or none is known.
	Namespace *profile.Namespace
	More      int // other namespaces, for the same reason
}

// Evaluate judges the conditions by a profile that has been checked. Those that
// need two cannot be told.
func Evaluate(p *profile.Profile, conditions []*Condition) Verdict {
	return input{profile: p}.evaluate(conditions)
}

// EvaluateDiff judges the conditions by a comparison: those that compare what
// changed by its rows, and the others by its new profile.
func EvaluateDiff(c *diff.Comparison, conditions []*Condition) Verdict {
	return input{c.New.Profile, c}.evaluate(conditions)
}

// input is what conditions are judged by.
type input struct {
	profile *profile.Profile
	diff    *diff.Comparison // nil: there is only one profile
}

func (m input) evaluate(conditions []*Condition) (v Verdict) {
	for _, c := range conditions {
		findings, doubts := c.evaluate(m)
		v.Findings = append(v.Findings, findings...)
		v.Doubts = append(v.Doubts, doubts...)
	}
	return v
}

func (c *Condition) evaluate(m input) ([]Finding, []Doubt) {
	j := evaluation{condition: c}
	if why := c.blocked(m); why != "" {
		j.doubt(nil, why)
		return nil, j.doubts
	}
	subjects := c.subjects(m)
	for _, s := range subjects {
		j.evaluate(s)
	}
	if c.each {
		j.evaluateOther(c.summedUp(m))
	}
	if len(subjects) == 0 && len(j.doubts) == 0 {
		j.evaluateNone()
	}
	slices.SortStableFunc(j.findings, func(a, b Finding) int {
		if c.op.seeksMuch() {
			a, b = b, a
		}
		return cmp.Compare(a.value, b.value)
	})
	return j.findings, j.doubts
}

// blocked returns why a condition cannot be told, whatever it is about.
func (c *Condition) blocked(m input) (why string) {
	if !c.NeedsDiff() {
		return ""
	}
	if m.diff == nil {
		return becauseAlone
	}
	for _, caveat := range m.diff.Caveats {
		if c.each && caveat.HidesNamespaces {
			return caveat.Text
		}
	}
	return ""
}

// subjects returns what a condition is about.
func (c *Condition) subjects(m input) (list []subject) {
	switch {
	case c.metric.where == serverOnly:
		for i := range m.profile.Nodes {
			list = append(list, subject{profile: m.profile, diff: m.diff, node: &m.profile.Nodes[i]})
		}
	case c.each:
		for _, s := range c.namespaces(m) {
			if !s.namespace.Other && c.in.matches(s.namespace.Pattern) {
				list = append(list, s)
			}
		}
	case c.NeedsDiff():
		list = []subject{{profile: m.profile, stats: m.diff.Totals.New, diff: m.diff, row: &m.diff.Totals}}
	default:
		list = []subject{{profile: m.profile, stats: &m.profile.Totals}}
	}
	return list
}

// namespaces returns all that a condition may be about: also those that are gone, if
// it is about what changed.
func (c *Condition) namespaces(m input) (list []subject) {
	if !c.NeedsDiff() {
		for i := range m.profile.Namespaces {
			ns := &m.profile.Namespaces[i]
			list = append(list, subject{profile: m.profile, stats: &ns.Stats, namespace: ns})
		}
		return list
	}
	for i := range m.diff.Namespaces {
		row := &m.diff.Namespaces[i]
		list = append(list, subject{profile: m.profile, stats: row.New, diff: m.diff, row: row, namespace: namespaceOf(row)})
	}
	return list
}

// namespaceOf returns the namespace that a row is about, as it is or was.
func namespaceOf(row *diff.Row) *profile.Namespace {
	ns := &profile.Namespace{DB: row.DB, Pattern: row.Pattern, Other: row.Other, Rule: row.Rule}
	if stats := cmp.Or(row.New, row.Old); stats != nil {
		ns.Stats = *stats
	}
	return ns
}

// summedUp returns the rows that stand for namespaces which are not known one by one.
func (c *Condition) summedUp(m input) []subject {
	return slices.DeleteFunc(c.namespaces(m), func(s subject) bool { return !s.namespace.Other })
}

// evaluation collects what is known of one condition.
type evaluation struct {
	condition *Condition
	findings  []Finding
	doubts    []Doubt
}

// Why a condition cannot be told.
const (
	becausePartial = "the profile is incomplete, and its missing keys may change the result"
	becauseOpen    = "only a bound of the figure is known"
	becauseOther   = "some namespaces are summed up as " + profile.OtherPattern
	becauseNobody  = "no namespace matches"
	becauseServer  = "the profile has no server"
	becauseAlone   = "there is no older profile to compare with"
)

func (j *evaluation) evaluate(s subject) {
	c := j.condition
	r := c.metric.of(s)
	switch holds, fails := c.op.compare(r, c.value); {
	case r.absent != "":
		j.doubt(s.namespace, r.absent)
	case r.noKeys:
	case holds:
		j.findings = append(j.findings, Finding{
			Condition: c, Namespace: s.namespace, Node: s.node, OfAll: c.metric.where == wholeOnly,
			Figure: c.op.text(r, c.metric.format), value: r.value,
		})
	case !fails && r.open && r.because != "":
		j.doubt(s.namespace, r.because)
	case !fails && r.open && s.partial():
		j.doubt(s.namespace, becausePartial)
	case !fails && r.open:
		j.doubt(s.namespace, becauseOpen)
	}
}

// evaluateOther considers the namespaces that are summed up. Which they are is not
// known, but it may be that none of them can meet the condition.
func (j *evaluation) evaluateOther(summedUp []subject) {
	for _, s := range summedUp {
		if !j.isBeyond(s) {
			j.doubt(nil, becauseOther)
			return
		}
	}
}

// isBeyond reports whether no part of what a row sums up can meet the condition.
func (j *evaluation) isBeyond(s subject) bool {
	c := j.condition
	whole := c.metric.of(s)
	switch {
	case whole.absent != "":
		return false
	case whole.noKeys:
		return true
	case c.metric.ofPart == nil:
		return false
	}
	_, fails := c.op.compare(c.metric.ofPart(s), c.value)
	return fails
}

// evaluateNone tells that nothing was compared, where that may be the very thing
// that the condition is to tell: that there is too little of something.
func (j *evaluation) evaluateNone() {
	switch {
	case j.condition.metric.where == serverOnly:
		j.doubt(nil, becauseServer)
	case !j.condition.op.seeksMuch():
		j.doubt(nil, becauseNobody)
	}
}

// doubt notes a reason once.
func (j *evaluation) doubt(ns *profile.Namespace, reason string) {
	for i := range j.doubts {
		if j.doubts[i].Reason == reason {
			j.doubts[i].More++
			return
		}
	}
	j.doubts = append(j.doubts, Doubt{Condition: j.condition, Reason: reason, Namespace: ns})
}
