package pattern

import "strings"

// Trie groups names into namespaces and holds a value of type V for each. It
// sees what no single name shows: which literals vary.
//
// Names are parted by their shape first, and by their literals from left to
// right then. A node with more different literals than its bound collapses for
// good: one child, the wildcard, takes the place of all but the protected
// literals, and their subtrees are merged. "More than K different ones" can
// only become true, never false again, and merging is commutative. Hence for
// one dictionary
//
//	merge(F(A), F(B)) = F(A ∪ B)
//
// whatever the order of the names, and however they are spread over tries.
//
// Parting by shape first keeps ten thousand slugs before ":inbox" from
// swallowing the word before ":<uuid>" that is there once.
//
// A Trie is for one goroutine.
type Trie[V any] struct {
	dict   *Dictionary
	values Values[V]
	rules  *Rules
	lexer  *Lexer
	path   path
	rung   int
	shapes map[string]*shape[V]
	named  map[string]*leaf[V] // by the name that a rule gave
	guard  *protection
	leaves int
}

// Values tells a trie how to deal with its values.
type Values[V any] struct {
	New   func() V           // a value that has seen nothing
	Merge func(into, from V) // adds what from has seen; from is not used again
}

// NewTrie returns an empty trie that keeps to the decisions of dict, which it
// does not change. A nil dict has made none.
func NewTrie[V any](dict *Dictionary, values Values[V]) *Trie[V] {
	if dict == nil {
		dict = &Dictionary{}
	}
	return &Trie[V]{
		dict: dict, values: values, guard: dict.protection(), lexer: dict.FirstLevel().newLexer(),
		rung: dict.startRung(), shapes: map[string]*shape[V]{}, named: map[string]*leaf[V]{},
	}
}

// SetRules makes the trie try rules before anything else. The trie counts in
// them, so no other may use them.
func (t *Trie[V]) SetRules(rules *Rules) { t.rules = rules }

// shape holds all names of one shape.
type shape[V any] struct {
	key     string
	words   int       // literals in key
	protect []wordSet // by level
	root    *node[V]
}

// node is a literal, or a wildcard, at one place of a shape, and all before it.
type node[V any] struct {
	children children[V]
	common   int      // children that are not protected
	wild     *node[V] // takes them all, once the node has collapsed
	leaf     *leaf[V] // of the last level only
}

// leaf is a namespace.
type leaf[V any] struct {
	value V
	hits  int64 // names
	// words are the literals of its names. Those at the levels in many differ
	// between names; the others do not, even where a node above has collapsed.
	words []string
	many  uint64
}

// At returns the value of the namespace of name. It allocates only for a
// namespace that is new.
func (t *Trie[V]) At(name string) V {
	if t.rules != nil {
		if as, ok := t.rules.Match(name); ok {
			return t.namedLeaf(as).value
		}
	}
	t.path.read(name, t.lexer.Tokens(name))
	l := t.find(&t.path)
	l.hits++
	return l.value
}

// namedLeaf is the leaf of a rule.
func (t *Trie[V]) namedLeaf(name string) *leaf[V] {
	l := t.named[name]
	if l == nil {
		l = t.newLeaf()
		t.named[strings.Clone(name)] = l
	}
	l.hits++
	return l
}

// find descends to the leaf of p.
func (t *Trie[V]) find(p *path) *leaf[V] {
	t.cut(p)
	sh := t.shapeOf(p.shape)
	n, wild := sh.root, uint64(0)
	for level, word := range p.words {
		next := n.children.get(word)
		if next == nil {
			next = t.descend(sh, n, level, word, true)
		}
		if next == n.wild {
			wild |= 1 << level
		}
		n = next
	}
	return t.arrive(n, wild, p.words)
}

// shapeOf returns the shape of this key.
func (t *Trie[V]) shapeOf(key []byte) *shape[V] {
	if sh := t.shapes[string(key)]; sh != nil {
		return sh
	}
	return t.newShape(string(key))
}

// arrive returns the leaf of n, to which words have led, at the levels in wild
// through wildcards.
func (t *Trie[V]) arrive(n *node[V], wild uint64, words []string) *leaf[V] {
	if n.leaf == nil {
		n.leaf = t.newLeaf()
		n.leaf.words = cloneWords(words)
	}
	n.leaf.note(wild, words)
	return n.leaf
}

// cut shortens p to the elements that the rung allows.
func (t *Trie[V]) cut(p *path) {
	end, cut := t.guard.cutShape(p.shape, ladder[t.rung])
	if cut {
		p.shape = append(p.shape[:end], restMark)
		p.words = p.words[:countWords(p.shape)]
	}
}

// note marks the levels among wild at which words differ from those before.
func (l *leaf[V]) note(wild uint64, words []string) {
	if wild &^= l.many; wild == 0 {
		return
	}
	for level, word := range words {
		if wild&(1<<level) != 0 && l.words[level] != word {
			l.many |= 1 << level
			l.words[level] = ""
		}
	}
}

// descend returns the child of n, a node of this level, for word; it makes one
// where there is none, and collapses n where there would be too many. It copies
// word if told to.
func (t *Trie[V]) descend(sh *shape[V], n *node[V], level int, word string, clone bool) *node[V] {
	if next := n.children.get(word); next != nil {
		return next
	}
	protected := sh.protect[level][word]
	if !protected {
		if n.wild == nil && n.common >= ladder[t.rung].literals(level) {
			t.collapse(sh, n, level)
		}
		if n.wild != nil {
			return n.wild
		}
		n.common++
	}
	if clone {
		word = strings.Clone(word)
	}
	next := &node[V]{}
	n.children.put(word, next)
	return next
}

// newShape starts a shape with what the dictionary knows of it.
func (t *Trie[V]) newShape(key string) *shape[V] {
	sh := &shape[V]{key: key, words: countWords(key), protect: t.guard.levels(key, ladder[t.rung]), root: &node[V]{}}
	t.shapes[key] = sh
	t.restore(sh)
	return sh
}

// restore collapses the nodes that have collapsed in the dictionary. They are
// there from the beginning, met or not, so that the order of names does not
// matter.
func (t *Trie[V]) restore(sh *shape[V]) {
	for _, words := range t.guard.collapsed[sh.key] {
		n := sh.root
		for level, word := range words {
			if word == wildcard {
				t.collapse(sh, n, level)
				n = n.wild
			} else {
				n = t.descend(sh, n, level, word, false)
			}
		}
		t.collapse(sh, n, len(words))
	}
}

func (t *Trie[V]) newLeaf() *leaf[V] {
	t.leaves++
	return &leaf[V]{value: t.values.New()}
}

// cloneWords copies words and their text, in two allocations.
func cloneWords(words []string) []string {
	all := strings.Join(words, "")
	clones := make([]string, len(words))
	for i, w := range words {
		clones[i], all = all[:len(w)], all[len(w):]
	}
	return clones
}

// Leaves returns how many namespaces there are, before related ones are fused.
func (t *Trie[V]) Leaves() int { return t.leaves }

// K returns how many literals a node of the first level keeps apart.
func (t *Trie[V]) K() int { return ladder[t.rung].k }

// Each calls visit with the value of every namespace, in no order.
func (t *Trie[V]) Each(visit func(V)) {
	for _, sh := range t.shapes {
		sh.root.each(func(l *leaf[V]) { visit(l.value) })
	}
	for _, l := range t.named {
		visit(l.value)
	}
}

// each visits the leaves at and below n by their words, the wildcard last.
func (n *node[V]) each(visit func(*leaf[V])) {
	if n == nil {
		return
	}
	if n.leaf != nil {
		visit(n.leaf)
	}
	for _, c := range n.children.list {
		c.node.each(visit)
	}
	n.wild.each(visit)
}
