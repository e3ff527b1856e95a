package aggregate

import (
	"iter"
	"slices"

	"keyprof/sampler/pattern"
	"keyprof/sampler/profile"
)

// NameGroups is a list of names by namespace: what a profile says when there is
// no server to ask about the keys.
type NameGroups struct {
	Names      int64 // all of them
	Namespaces []NameGroup
	Dictionary *pattern.Dictionary // the decisions that were made
	// UnusedRules are those that matched no name.
	UnusedRules []string
	Degraded    bool // as in profile.Design
}

// NameGroup is a namespace.
type NameGroup struct {
	Pattern  string
	Other    bool // the rest, beyond the limit
	Rule     bool // a rule gave the name
	Names    int64
	Examples []profile.Key // chosen by hash
}

// namesPage is how many names are folded at a time.
const namesPage = 100

// GroupNames groups names as a profile of keys with these names would.
func GroupNames(names iter.Seq[string], g Grouping) *NameGroups {
	f := NewFolder(1, g, -1)
	page := f.Fresh()
	for name := range names {
		page.Keys = append(page.Keys, Observation{Name: name})
		if len(page.Keys) == namesPage {
			f.Add(page)
			page = f.Fresh()
		}
	}
	f.Add(page)
	b := f.Finish()
	groups := &NameGroups{Dictionary: b.settle(), UnusedRules: b.UnusedRules()}
	groups.Degraded = groups.Dictionary.Degraded
	for _, r := range b.rows() {
		groups.Names += r.sums.probed
		groups.Degraded = groups.Degraded || r.other
		groups.Namespaces = append(groups.Namespaces, NameGroup{
			Pattern: r.pattern, Other: r.other, Rule: r.rule, Names: r.sums.probed, Examples: r.sums.examples.keys(),
		})
	}
	return groups
}

// RollUp rolls the namespaces up as [RollUp] does, in place.
func (g *NameGroups) RollUp(under string, depth int) error {
	delims := g.Dictionary.FirstLevel()
	return g.Rename(func(n *NameGroup) string { return rolledUp(delims, n.Pattern, under, depth) })
}

// Rename renames the namespaces, and merges those that are called the same then.
func (g *NameGroups) Rename(name func(*NameGroup) string) error {
	type id struct {
		pattern string
		other   bool
	}
	at, rolled := map[id]int{}, g.Namespaces[:0:0]
	for _, n := range g.Namespaces {
		if !n.Other {
			n.Pattern = name(&n)
		}
		i, met := at[id{n.Pattern, n.Other}]
		if !met {
			at[id{n.Pattern, n.Other}] = len(rolled)
			rolled = append(rolled, n)
			continue
		}
		examples := standouts{limit: examplesKept}
		if err := examples.restore(slices.Concat(rolled[i].Examples, n.Examples), exampleRankOf); err != nil {
			return err
		}
		rolled[i].Names += n.Names
		rolled[i].Rule = rolled[i].Rule || n.Rule
		rolled[i].Examples = examples.keys()
	}
	g.Namespaces = rolled
	return nil
}
