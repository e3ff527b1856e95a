package redact

import (
	"fmt"
	"slices"

	"keyprof/report/alarm"
	"keyprof/sampler/aggregate"
	"keyprof/sampler/profile"
)

// Profile returns p redacted, and the names. Namespaces that then have the same
// name are merged.
func Profile(p *profile.Profile, o Options) (*profile.Profile, *Names, error) {
	o.Delimiters = aggregate.DelimitersOf(p)
	names := NewNames(o, namesOf(p), p.Design.PatternRules)
	shown, err := aggregate.Rename(p, func(ns *profile.Namespace) string { return names.Pattern(ns.Pattern, ns.Rule) })
	if err != nil {
		return nil, nil, err
	}
	r := redaction{names: names, of: map[keyID]string{}}
	for i := range shown.Namespaces {
		r.namespace(&shown.Namespaces[i])
	}
	shown.Receipt.Stalls = r.stalls(p.Receipt.Stalls)
	shown.Totals.Examples, shown.Totals.Largest = r.keys(p.Totals.Examples), r.keys(p.Totals.Largest)
	shown.Largest = r.keys(p.Largest)
	if d := p.Design.Patterns; d != nil {
		shown.Design.Patterns = names.Dictionary(d)
	}
	return Server(shown), names, nil
}

func namesOf(p *profile.Profile) (rows []Row) {
	for i := range p.Namespaces {
		if ns := &p.Namespaces[i]; !ns.Other {
			rows = append(rows, Row{Pattern: ns.Pattern, Keys: ns.Probed, Rule: ns.Rule})
		}
	}
	return rows
}

// redaction knows the namespaces of keys that are listed elsewhere.
type redaction struct {
	names *Names
	of    map[keyID]string
}

// keyID identifies a key.
type keyID struct {
	db   int
	name profile.KeyName
}

// namespace redacts the keys of a namespace whose name has been redacted.
func (r *redaction) namespace(ns *profile.Namespace) {
	if !ns.Other {
		for _, k := range slices.Concat(ns.Examples, ns.Largest) {
			r.of[keyID{k.DB, k.KeyName}] = ns.Pattern
		}
	}
	ns.Examples, ns.Largest = r.keys(ns.Examples), r.keys(ns.Largest)
}

// keys returns redacted copies of keys.
func (r *redaction) keys(list []profile.Key) []profile.Key {
	shown := make([]profile.Key, len(list))
	for i, k := range list {
		if ns, known := r.of[keyID{k.DB, k.KeyName}]; known {
			shown[i] = r.names.Key(k, ns)
		} else {
			shown[i] = r.names.KeyAlone(k)
		}
	}
	return shown
}

// stalls returns redacted copies; nil stays nil.
func (r *redaction) stalls(list []profile.Stall) []profile.Stall {
	shown := slices.Clone(list)
	for i, s := range list {
		shown[i].KeyName = r.keys([]profile.Key{{DB: s.DB, KeyName: s.KeyName}})[0].KeyName
	}
	return shown
}

// NameGroups redacts names grouped by namespace, in place. rules are the pattern
// rules by which they were grouped.
func NameGroups(g *aggregate.NameGroups, o Options, rules []string) error {
	var rows []Row
	for _, n := range g.Namespaces {
		if !n.Other {
			rows = append(rows, Row{Pattern: n.Pattern, Keys: n.Names, Rule: n.Rule})
		}
	}
	o.Delimiters = g.Dictionary.FirstLevel()
	names := NewNames(o, rows, rules)
	if err := g.Rename(func(n *aggregate.NameGroup) string { return names.Pattern(n.Pattern, n.Rule) }); err != nil {
		return err
	}
	for i := range g.Namespaces {
		n := &g.Namespaces[i]
		examples := make([]profile.Key, len(n.Examples))
		for j, k := range n.Examples {
			if n.Other {
				examples[j] = names.KeyAlone(k)
			} else {
				examples[j] = names.Key(k, n.Pattern)
			}
		}
		n.Examples = examples
	}
	g.Dictionary = names.Dictionary(g.Dictionary)
	g.UnusedRules = slices.Repeat([]string{"<redacted>"}, len(g.UnusedRules))
	return nil
}

// Shareable is a profile as it may be shown to others.
type Shareable struct {
	*profile.Profile
	names    *Names // nil: nothing is redacted
	original *profile.Profile
}

// Share returns p redacted by o, or as it is if o is nil.
func Share(p *profile.Profile, o *Options) (Shareable, error) {
	if o == nil {
		return Shareable{Profile: p, original: p}, nil
	}
	shown, names, err := Profile(p, *o)
	if err != nil {
		return Shareable{}, fmt.Errorf("--redact: %w", err)
	}
	return Shareable{shown, names, p}, nil
}

// Evaluate evaluates conditions on the profile before redaction, so that redaction
// does not change whether they hold, and redacts the names in the result.
func (s Shareable) Evaluate(conditions []*alarm.Condition) alarm.Verdict {
	return s.shown(alarm.Evaluate(s.original, conditions))
}

// shown redacts the names in a verdict.
func (s Shareable) shown(v alarm.Verdict) alarm.Verdict {
	for i := range v.Findings {
		f := &v.Findings[i]
		f.Namespace, f.Node = s.namespace(f.Namespace), s.node(f.Node)
	}
	for i := range v.Doubts {
		v.Doubts[i].Namespace = s.namespace(v.Doubts[i].Namespace)
	}
	return v
}

// IsRedacted reports whether the profile is redacted.
func (s Shareable) IsRedacted() bool { return s.names != nil }

func (s Shareable) namespace(ns *profile.Namespace) *profile.Namespace {
	if ns == nil || s.names == nil {
		return ns
	}
	shown := *ns
	shown.Pattern = s.names.Pattern(ns.Pattern, ns.Rule)
	return &shown
}

func (s Shareable) node(n *profile.Node) *profile.Node {
	for i := range s.original.Nodes {
		if n == &s.original.Nodes[i] {
			return &s.Nodes[i]
		}
	}
	return n
}
