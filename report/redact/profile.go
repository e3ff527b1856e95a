package redact

import (
	"slices"

	"keyprof/sampler/aggregate"
	"keyprof/sampler/profile"
)

// Profile returns p fit to be shared, and what names became.
// Namespaces that are then called the same are merged.
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

// redaction finds the namespaces of keys that are listed elsewhere.
type redaction struct {
	names *Names
	of    map[keyID]string
}

// keyID tells keys apart.
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

// keys are redacted copies.
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

// stalls are redacted copies; absent stays absent.
func (r *redaction) stalls(list []profile.Stall) []profile.Stall {
	shown := slices.Clone(list)
	for i, s := range list {
		shown[i].KeyName = r.keys([]profile.Key{{DB: s.DB, KeyName: s.KeyName}})[0].KeyName
	}
	return shown
}

// NameGroups makes names by namespace fit to be shared, in place. rules are the pattern
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
