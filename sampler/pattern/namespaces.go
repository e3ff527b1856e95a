package pattern

import (
	"maps"
	"slices"
	"strings"
)

// Namespace is a pattern and the value of its names.
type Namespace[V any] struct {
	Pattern string
	Names   int64
	Rule    bool // a rule named at least some of the names
	Value   V
}

// Namespaces finishes the trie: it fuses related namespaces and returns all, sorted by
// pattern.
func (t *Trie[V]) Namespaces() []Namespace[V] {
	rows, leaves := t.rows()
	fuse(rows, t.dict.Fused)
	merged := map[string]*leaf[V]{}
	for i, r := range rows {
		p := r.final()
		merged[p] = t.join(merged[p], leaves[i].withoutWords())
	}
	for name, l := range t.named {
		merged[name] = t.join(merged[name], l.withoutWords())
	}
	list := make([]Namespace[V], 0, len(merged))
	for p, l := range merged {
		list = append(list, Namespace[V]{Pattern: p, Names: l.hits, Rule: t.named[p] != nil, Value: l.value})
	}
	slices.SortFunc(list, func(a, b Namespace[V]) int { return strings.Compare(a.Pattern, b.Pattern) })
	return list
}

// withoutWords returns l without its words: leaves of different shapes can be joined.
func (l *leaf[V]) withoutWords() *leaf[V] { return &leaf[V]{value: l.value, hits: l.hits} }

// CountNamespaces returns the number of namespaces that Namespaces would return.
func (t *Trie[V]) CountNamespaces() int {
	rows, _ := t.rows()
	fuse(rows, t.dict.Fused)
	patterns := map[string]bool{}
	for _, r := range rows {
		patterns[r.final()] = true
	}
	for name := range t.named {
		patterns[name] = true
	}
	return len(patterns)
}

// rows returns a row for each leaf, sorted by pattern.
func (t *Trie[V]) rows() ([]*row, []*leaf[V]) {
	type both struct {
		*row
		*leaf[V]
	}
	var all []both
	for key, sh := range t.shapes {
		sh.root.each(func(l *leaf[V]) {
			r := newRow(t.lexer.delims, key, l.words, l.many, l.hits)
			r.keep(sh.protect)
			all = append(all, both{r, l})
		})
	}
	slices.SortFunc(all, func(a, b both) int { return strings.Compare(a.pattern, b.pattern) })
	rows, leaves := make([]*row, len(all)), make([]*leaf[V], len(all))
	for i, b := range all {
		rows[i], leaves[i] = b.row, b.leaf
	}
	return rows, leaves
}

// Dictionary returns the decisions that the trie started with and those that it made.
// It must be called before Namespaces.
func (t *Trie[V]) Dictionary() *Dictionary {
	found := NewDictionary(t.lexer.delims)
	found.setCoarseness(t.coarseness)
	found.Degraded = t.coarseness > t.dict.startCoarseness()
	found.Collapsed = t.collapsed()
	rows, _ := t.rows()
	fuse(rows, t.dict.Fused)
	for _, r := range rows {
		if p := r.final(); p != r.pattern {
			found.Fused[r.pattern] = p
		}
	}
	return t.dict.Extend(found)
}

// Crowded returns a dictionary that protects the words of nodes that are about to
// collapse. It extends the dictionary of the run: otherwise a few new words could merge
// namespaces that the last run kept apart. It omits a place with too many words for one
// list.
func (t *Trie[V]) Crowded() *Dictionary {
	d := NewDictionary(t.lexer.delims)
	if t.coarseness > 0 {
		return d
	}
	crowded := map[string]wordSet{}
	for key, sh := range t.shapes {
		befores := beginnings(key)
		sh.root.visit(0, func(level int, n *node[V]) {
			if level == sh.words || n.wild != nil || n.common <= boundsByCoarseness[0].literals(level)/2 {
				return
			}
			if crowded[befores[level]] == nil {
				crowded[befores[level]] = wordSet{}
			}
			for _, c := range n.children.list {
				crowded[befores[level]][c.word] = true
			}
		})
	}
	for before, words := range crowded {
		if len(words) <= DefaultK {
			d.Protected[printShape(before)] = slices.Sorted(maps.Keys(words))
		}
	}
	return d
}

// visit calls f with n, a node of this level, and all nodes below.
func (n *node[V]) visit(level int, f func(level int, n *node[V])) {
	f(level, n)
	for _, c := range n.children.list {
		c.node.visit(level+1, f)
	}
	if n.wild != nil {
		n.wild.visit(level+1, f)
	}
}

// collapsed returns the nodes that have collapsed, by their shape.
func (t *Trie[V]) collapsed() map[string][][]string {
	places := map[string][][]string{}
	for key, sh := range t.shapes {
		if paths := sh.root.collapsedPaths(nil); len(paths) > 0 {
			places[printShape(key)] = paths
		}
	}
	return places
}

// collapsedPaths returns the words that lead to each collapsed node at and
// below n, by word.
func (n *node[V]) collapsedPaths(before []string) (paths [][]string) {
	if n.wild != nil {
		paths = append(paths, append([]string{}, before...))
		paths = append(paths, n.wild.collapsedPaths(append(before, wildcard))...)
	}
	for _, c := range n.children.sorted() {
		paths = append(paths, c.node.collapsedPaths(append(before, c.word))...)
	}
	return paths
}
