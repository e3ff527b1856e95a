package aggregate

import (
	"cmp"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"keyprof/sampler/estimate"
	"keyprof/sampler/pattern"
	"keyprof/sampler/profile"
)

// RollUp returns p with the namespaces below under, a prefix of patterns, rolled
// up to their first depth segments after it. Counts add up exactly; estimates of a
// sample are recomputed from the added sums.
func RollUp(p *profile.Profile, under string, depth int) (*profile.Profile, error) {
	delims := DelimitersOf(p)
	return Rename(p, func(ns *profile.Namespace) string { return rolledUp(delims, ns.Pattern, under, depth) })
}

// DelimitersOf returns the delimiters by which the names of p were cut.
func DelimitersOf(p *profile.Profile) *pattern.Delimiters {
	if dict := p.Design.Patterns; dict != nil {
		return dict.FirstLevel()
	}
	return (&pattern.Dictionary{}).FirstLevel()
}

func rolledUp(delims *pattern.Delimiters, name, under string, depth int) string {
	if rest, ok := strings.CutPrefix(name, under); ok {
		return under + delims.RollUp(rest, depth)
	}
	return name
}

// Regroup regroups two profiles into the finest namespaces common to both, so that
// they can be compared; see [pattern.Regroup]. Figures stay exact,
// but for the keys beyond the limit on namespaces, which stay where they are.
// Estimates of samples are recomputed for merged namespaces. It fails if the names
// were grouped with different lexing rules or pattern rules.
func Regroup(a, b *profile.Profile) (*profile.Profile, *profile.Profile, error) {
	if a.Design.Patterns == nil || b.Design.Patterns == nil {
		return nil, nil, errors.New("a profile lacks the decisions by which its names were grouped")
	}
	if x, y := a.Design.Patterns.Lexer, b.Design.Patterns.Lexer; x != y {
		return nil, nil, fmt.Errorf("names were grouped by rules of version %d, and of version %d", x, y)
	}
	if !slices.Equal(a.Design.PatternRules, b.Design.PatternRules) {
		return nil, nil, errors.New("names were grouped by different pattern rules")
	}
	first, second := groupingOf(a), groupingOf(b)
	if err := cmp.Or(first.Dictionary.Check(), second.Dictionary.Check()); err != nil {
		return nil, nil, err
	}
	ofA, ofB, err := pattern.Regroup(first, second)
	if err != nil {
		return nil, nil, err
	}
	join, err := pattern.Join(first.Dictionary, second.Dictionary)
	if err != nil {
		return nil, nil, err
	}
	to := func(p *profile.Profile, of map[string]string) (*profile.Profile, error) {
		p, err := Rename(p, func(ns *profile.Namespace) string { return of[ns.Pattern] })
		if err == nil {
			p.Design.Patterns = join
		}
		return p, err
	}
	a, errA := to(a, ofA)
	b, errB := to(b, ofB)
	return a, b, errors.Join(errA, errB)
}

// groupingOf says how the names of a profile were grouped.
func groupingOf(p *profile.Profile) *pattern.Grouping {
	g := &pattern.Grouping{Dictionary: p.Design.Patterns}
	for i := range p.Namespaces {
		if ns := &p.Namespaces[i]; !ns.Other {
			g.Rows = append(g.Rows, pattern.GroupingRow{Pattern: ns.Pattern, Names: ns.Probed, Rule: ns.Rule})
		}
	}
	return g
}

// Rename returns p with its namespaces renamed, and those with the same new name
// merged. The row "(other)" stays as it is.
func Rename(p *profile.Profile, name func(*profile.Namespace) string) (*profile.Profile, error) {
	type id struct {
		db      int
		pattern string
		other   bool
	}
	groups := map[id][]*profile.Namespace{}
	for i := range p.Namespaces {
		ns := &p.Namespaces[i]
		as := id{ns.DB, ns.Pattern, ns.Other}
		if !ns.Other {
			as.pattern = name(ns)
		}
		groups[as] = append(groups[as], ns)
	}
	result, m := *p, measuresOf(&p.Totals)
	result.Namespaces = make([]profile.Namespace, 0, len(groups))
	for as, group := range groups {
		ns, err := merged(group, m)
		if err != nil {
			return nil, err
		}
		ns.Pattern = as.pattern
		result.Namespaces = append(result.Namespaces, ns)
	}
	slices.SortFunc(result.Namespaces, func(a, b profile.Namespace) int {
		return namespaceSums{db: a.DB, pattern: a.Pattern, other: a.Other}.compare(namespaceSums{db: b.DB, pattern: b.Pattern, other: b.Other})
	})
	if p.Design.Method != profile.MethodSample {
		return &result, nil
	}
	// All estimates are made anew: namespaces learn from one another.
	result.Design.Sample = new(*p.Design.Sample)
	return &result, rescale(&result)
}

// merged merges namespaces of one database into one.
func merged(group []*profile.Namespace, m Measures) (profile.Namespace, error) {
	if len(group) == 1 {
		return *group[0], nil
	}
	sum := namespaceSums{db: group[0].DB, sums: newAccumulator()}
	for _, ns := range group {
		part, err := restore(&ns.Stats)
		if err != nil {
			return profile.Namespace{}, fmt.Errorf("namespace %q: %w", ns.Pattern, err)
		}
		sum.sums.merge(part)
		sum.rule = sum.rule || ns.Rule
	}
	return sum.namespace(m), nil
}

// NameGroups holds names grouped into namespaces, without any measures.
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

// namesPage is the number of names folded at a time.
const namesPage = 100

// GroupNames groups names as a profile of keys with these names would.
func GroupNames(names iter.Seq[string], g Grouping) *NameGroups {
	f := NewParallelBuilder(1, g, -1)
	page := f.NewPage()
	for name := range names {
		page.Keys = append(page.Keys, Observation{Name: name})
		if len(page.Keys) == namesPage {
			f.Add(page)
			page = f.NewPage()
		}
	}
	f.Add(page)
	b := f.Finish()
	groups := &NameGroups{Dictionary: b.unifyDecisions(), UnusedRules: b.UnusedRules()}
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

// Rename renames the namespaces and merges those with the same new name.
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
		examples := topKeys{limit: examplesKept}
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

// Sum returns the sum of one figure over disjoint sets of keys, such as namespaces; nil
// if it was not measured of one of them.
func Sum(sets []*profile.Stats, of func(*profile.Stats) *int64) *int64 {
	var total int64
	for _, s := range sets {
		v := of(s)
		if v == nil {
			return nil
		}
		total += *v
	}
	return &total
}

// SumEstimates is like Sum, for figures with confidence intervals.
func SumEstimates(sets []*profile.Stats, of func(*profile.Stats) *profile.Estimate) *profile.Estimate {
	parts := make([]profile.Estimate, 0, len(sets))
	for _, s := range sets {
		e := of(s)
		if e == nil {
			return nil
		}
		parts = append(parts, *e)
	}
	return new(estimate.Sum(parts...))
}

// Join returns one distribution over disjoint sets of keys, in the unit of its parts;
// nil if none of the sets has one.
func Join(sets []*profile.Stats, of func(*profile.Stats) *profile.Distribution) *profile.Distribution {
	var parts []*profile.Distribution
	for _, s := range sets {
		if d := of(s); d != nil && d.Count > 0 {
			parts = append(parts, d)
		}
	}
	switch len(parts) {
	case 0:
		return nil
	case 1:
		return parts[0]
	}
	var sketch profile.Sketch
	var sum profile.Sum
	lowest, highest := parts[0].Min, parts[0].Max
	for _, d := range parts {
		sketch.Merge(d.Sketch)
		sum = sum.Plus(d.Sum)
		lowest, highest = min(lowest, d.Min), max(highest, d.Max)
	}
	return profile.NewDistribution(&sketch, lowest, highest, sum)
}
