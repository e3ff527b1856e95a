package alarm

import (
	"cmp"
	"slices"

	"keyprof/report/diff"
	"keyprof/sampler/profile"
)

// Verdict holds the result of evaluating conditions.
type Verdict struct {
	Findings []Finding // condition by condition, the worst first
	Doubts   []Doubt
}

// Finding is a condition that holds for a namespace, a server or the whole
// keyspace.
type Finding struct {
	Condition *Condition
	Namespace *profile.Namespace // nil: not of one
	Node      *profile.Node      // nil: not of one
	OfAll     bool               // of all servers together, and not of keys
	Figure    string             // for people: "98.2 %"

	value float64
}

// Doubt is a condition that cannot be evaluated from the profile.
type Doubt struct {
	Condition *Condition
	Reason    string
	// Namespace is one of the namespaces concerned; nil if the condition is not
	// about namespaces, or none is known.
	Namespace *profile.Namespace
	More      int // other namespaces, for the same reason
}

// Evaluate evaluates conditions on a profile that has passed Check. Conditions that
// compare two profiles become a Doubt.
func Evaluate(p *profile.Profile, conditions []*Condition) Verdict {
	return input{profile: p}.evaluate(conditions)
}

// EvaluateDiff evaluates conditions on a comparison: those about changes on its
// rows, the others on its new profile.
func EvaluateDiff(c *diff.Comparison, conditions []*Condition) Verdict {
	return input{c.New.Profile, c}.evaluate(conditions)
}

// input holds the profile, or the comparison, that conditions are evaluated on.
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

// blocked returns why a condition cannot be evaluated for anything; empty if it
// can.
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

// subjects returns what a condition is evaluated for: namespaces, servers or the
// whole keyspace.
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

// namespaces returns all namespaces that a condition may be about; for changes,
// also those that are gone.
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

// namespaceOf returns the namespace of a row, with its new or else its old
// statistics.
func namespaceOf(row *diff.Row) *profile.Namespace {
	ns := &profile.Namespace{DB: row.DB, Pattern: row.Pattern, Other: row.Other, Rule: row.Rule}
	if stats := cmp.Or(row.New, row.Old); stats != nil {
		ns.Stats = *stats
	}
	return ns
}

// summedUp returns the rows that sum up the namespaces beyond the limit.
func (c *Condition) summedUp(m input) []subject {
	return slices.DeleteFunc(c.namespaces(m), func(s subject) bool { return !s.namespace.Other })
}

// evaluation collects the findings and doubts of one condition.
type evaluation struct {
	condition *Condition
	findings  []Finding
	doubts    []Doubt
}

// Reasons why a condition cannot be evaluated.
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

// evaluateOther checks the rows that sum up namespaces. Their namespaces are
// unknown, but the sum may show that none of them can meet the condition.
func (j *evaluation) evaluateOther(summedUp []subject) {
	for _, s := range summedUp {
		if !j.isBeyond(s) {
			j.doubt(nil, becauseOther)
			return
		}
	}
}

// isBeyond reports whether no part of a summed-up row can meet the condition.
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

// evaluateNone adds a doubt if nothing was compared and the condition is meant to
// alarm when there is too little of something.
func (j *evaluation) evaluateNone() {
	switch {
	case j.condition.metric.where == serverOnly:
		j.doubt(nil, becauseServer)
	case !j.condition.op.seeksMuch():
		j.doubt(nil, becauseNobody)
	}
}

// doubt adds a reason; a reason that is there already is only counted.
func (j *evaluation) doubt(ns *profile.Namespace, reason string) {
	for i := range j.doubts {
		if j.doubts[i].Reason == reason {
			j.doubts[i].More++
			return
		}
	}
	j.doubts = append(j.doubts, Doubt{Condition: j.condition, Reason: reason, Namespace: ns})
}
