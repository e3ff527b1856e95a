package alarm

import (
	"cmp"
	"slices"

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

// Evaluate judges the conditions by a profile that has been checked.
func Evaluate(p *profile.Profile, conditions []*Condition) Verdict {
	var v Verdict
	for _, c := range conditions {
		findings, doubts := c.evaluate(p)
		v.Findings = append(v.Findings, findings...)
		v.Doubts = append(v.Doubts, doubts...)
	}
	return v
}

func (c *Condition) evaluate(p *profile.Profile) ([]Finding, []Doubt) {
	j := judgement{condition: c}
	subjects := c.subjects(p)
	for _, s := range subjects {
		j.hear(s)
	}
	if c.each {
		j.hearOther(p)
	}
	if len(subjects) == 0 && len(j.doubts) == 0 {
		j.hearNobody()
	}
	slices.SortStableFunc(j.findings, func(a, b Finding) int {
		if c.op.seeksMuch() {
			a, b = b, a
		}
		return cmp.Compare(a.value, b.value)
	})
	return j.findings, j.doubts
}

// subjects are what a condition is about.
func (c *Condition) subjects(p *profile.Profile) (list []subject) {
	switch {
	case c.metric.where == serverOnly:
		for i := range p.Nodes {
			list = append(list, subject{profile: p, node: &p.Nodes[i]})
		}
	case !c.each:
		list = append(list, subject{profile: p, stats: &p.Totals})
	default:
		for i := range p.Namespaces {
			if ns := &p.Namespaces[i]; !ns.Other && c.in.matches(ns.Pattern) {
				list = append(list, subject{profile: p, stats: &ns.Stats, namespace: ns})
			}
		}
	}
	return list
}

// judgement collects what is known of one condition.
type judgement struct {
	condition *Condition
	findings  []Finding
	doubts    []Doubt
}

// Why a condition cannot be told.
const (
	becausePartial = "the profile is incomplete, and the keys that are missing may change this"
	becauseOpen    = "only a bound of the figure is known"
	becauseOther   = "there are namespaces that are summed up as " + profile.OtherPattern
	becauseNobody  = "no namespace matches"
	becauseServer  = "the profile knows no server"
)

func (j *judgement) hear(s subject) {
	c := j.condition
	r := c.metric.of(s)
	switch holds, fails := c.op.judge(r, c.value); {
	case r.absent != "":
		j.doubt(s.namespace, r.absent)
	case r.nothing:
	case holds:
		j.findings = append(j.findings, Finding{
			Condition: c, Namespace: s.namespace, Node: s.node, Figure: c.op.text(r, c.metric.kind), value: r.value,
		})
	case !fails && r.open && s.partial():
		j.doubt(s.namespace, becausePartial)
	case !fails && r.open:
		j.doubt(s.namespace, becauseOpen)
	}
}

// hearOther considers the namespaces that are summed up: which they are is not
// known, but no part of a sum exceeds it.
func (j *judgement) hearOther(p *profile.Profile) {
	c := j.condition
	for i := range p.Namespaces {
		ns := &p.Namespaces[i]
		if !ns.Other {
			continue
		}
		r := c.metric.of(subject{profile: p, stats: &ns.Stats, namespace: ns})
		if _, fails := c.op.judge(r, c.value); r.absent == "" && (r.nothing || fails && c.metric.sums && c.op.seeksMuch()) {
			continue
		}
		j.doubt(nil, becauseOther)
		return
	}
}

// hearNobody tells that nothing was compared, where that may be the very thing
// that the condition is to tell: that there is too little of something.
func (j *judgement) hearNobody() {
	switch {
	case j.condition.metric.where == serverOnly:
		j.doubt(nil, becauseServer)
	case !j.condition.op.seeksMuch():
		j.doubt(nil, becauseNobody)
	}
}

// doubt notes a reason once.
func (j *judgement) doubt(ns *profile.Namespace, reason string) {
	for i := range j.doubts {
		if j.doubts[i].Reason == reason {
			j.doubts[i].More++
			return
		}
	}
	j.doubts = append(j.doubts, Doubt{Condition: j.condition, Reason: reason, Namespace: ns})
}
