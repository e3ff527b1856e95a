package pattern

import (
	"cmp"
	"maps"
	"slices"
)

// Grouping is the final grouping of a set of names.
type Grouping struct {
	Dictionary *Dictionary // the decisions, including those of the run
	Rows       []GroupingRow
}

// GroupingRow is a namespace.
type GroupingRow struct {
	Pattern string
	Names   int64
	Rule    bool // a rule gave the name
}

// Regroup regroups two sets of names into the finest grouping that both can be
// converted to without knowing the names: names that may share a namespace in either
// share one in the result. It returns the new namespace of each pattern of a and of b.
// A namespace that combines several is named after the largest of those that fusion
// made, or as the trie of the [Join] prints it.
//
// Names beyond the limit on namespaces have lost their pattern and cannot be regrouped.
// The error is that of Join.
func Regroup(a, b *Grouping) (ofA, ofB map[string]string, err error) {
	joined, err := Join(a.Dictionary, b.Dictionary)
	if err != nil {
		return nil, nil, err
	}
	m := newJoinedGroups(joined)
	first, second := m.addSide(a), m.addSide(b)
	first.follow()
	second.follow()
	labels := m.labels()
	return first.labelled(labels), second.labelled(labels), nil
}

// joinedGroups finds which namespaces of several groupings belong together.
type joinedGroups struct {
	trie  *Trie[*set] // of the joined decisions
	named map[string]*set
}

// set is a leaf of the trie, or a namespace with a name of its own, from a rule or from
// fusion. It is an element of a disjoint-set forest: sets that may hold the same key
// are linked.
type set struct {
	parent *set // nil: the root of its set
	names  int64
}

func (p *set) root() *set {
	for p.parent != nil {
		p = p.parent
	}
	return p
}

func union(a, b *set) {
	if a, b = a.root(), b.root(); a != b {
		b.parent = a
	}
}

var setValues = Values[*set]{
	New:   func() *set { return new(set) },
	Merge: func(into, from *set) { into.names += from.names; union(into, from) },
}

func newJoinedGroups(dict *Dictionary) *joinedGroups {
	return &joinedGroups{trie: NewTrie(dict, setValues), named: map[string]*set{}}
}

// joinedSide is one of the groupings that are joined.
type joinedSide struct {
	*Grouping
	*joinedGroups
	own  *Trie[*set] // of its decisions, without names
	sets []*set      // by row
}

func (m *joinedGroups) addSide(g *Grouping) *joinedSide {
	e := &joinedSide{g, m, NewTrie(g.Dictionary, setValues), make([]*set, len(g.Rows))}
	for i, r := range g.Rows {
		e.sets[i] = e.addRow(r)
		e.sets[i].names += r.Names
	}
	return e
}

// addRow returns the set of a row. Only a pattern that the grouping's own trie can have
// made becomes a leaf: leaves for fused patterns would collapse nodes unnecessarily.
func (e *joinedSide) addRow(r GroupingRow) *set {
	paths := e.parse(r.Pattern)
	if r.Rule || len(paths) == 0 {
		return e.byName(r.Pattern)
	}
	first := e.trie.insert(paths[0]).value
	for _, p := range paths[1:] {
		union(first, e.trie.insert(p).value)
	}
	return first
}

// parse returns the paths that names of a pattern may have taken: none if the
// grouping's own trie has no such path, one, or two for a pattern that was cut.
func (e *joinedSide) parse(pattern string) (paths []parsed) {
	delims := e.own.lexer.delims
	for _, parse := range []func(string) (parsed, bool){delims.parsePattern, delims.parseCut} {
		if p, ok := parse(pattern); ok && e.own.mayHold(p) {
			paths = append(paths, p)
		}
	}
	return paths
}

func (m *joinedGroups) byName(name string) *set {
	if m.named[name] == nil {
		m.named[name] = new(set)
	}
	return m.named[name]
}

// follow links fused patterns, after all rows have been added. It adds no leaves, which
// might collapse nodes.
func (e *joinedSide) follow() {
	for from, to := range e.Dictionary.Fused {
		union(e.find(to), e.find(from))
	}
	for i, r := range e.Rows {
		if r.Rule { // the namespace may also hold names outside the rule
			union(e.find(r.Pattern), e.sets[i])
		}
	}
}

// find returns the set of a pattern. If it has no leaf, its names still share a set in
// all groupings: that of the path that they would take.
func (e *joinedSide) find(pattern string) (found *set) {
	for _, p := range e.parse(pattern) {
		leaf, path := e.trie.lookUp(p)
		place := (*set)(nil)
		if leaf != nil {
			place = leaf.value
		} else {
			place = e.byName(path)
		}
		if found == nil {
			found = place
		}
		union(found, place)
	}
	if found == nil {
		return e.byName(pattern)
	}
	return found
}

// labelled returns the new namespace of each pattern.
func (e *joinedSide) labelled(labels map[*set]string) map[string]string {
	of := make(map[string]string, len(e.Rows))
	for i, r := range e.Rows {
		of[r.Pattern] = labels[e.sets[i].root()]
	}
	return of
}

// candidate is a possible label of a set.
type candidate struct {
	label string
	*set
	named bool
}

// labels returns the label of each set, by its root. It links sets that would have the
// same label.
func (m *joinedGroups) labels() map[*set]string {
	byLabel, labels := map[string]*set{}, map[*set]string{}
	for _, c := range m.candidates() {
		root := c.root()
		if labels[root] != "" {
			continue
		}
		if same := byLabel[c.label]; same != nil {
			union(same, root)
			continue
		}
		byLabel[c.label], labels[root] = root, c.label
	}
	return labels
}

// candidates returns the possible labels of rows, best first.
func (m *joinedGroups) candidates() (list []candidate) {
	rows, leaves := m.trie.rows()
	for i, r := range rows {
		list = append(list, candidate{r.pattern, leaves[i].value, false})
	}
	for name, p := range maps.All(m.named) {
		list = append(list, candidate{name, p, p.names > 0})
	}
	slices.SortFunc(list, func(a, b candidate) int {
		switch {
		case a.named != b.named && a.named:
			return -1
		case a.named != b.named:
			return 1
		}
		return cmp.Or(cmp.Compare(b.names, a.names), cmp.Compare(a.label, b.label))
	})
	return list
}
