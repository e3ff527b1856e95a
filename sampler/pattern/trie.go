package pattern

import (
	"slices"
	"strings"
	"unsafe"
)

// Trie groups names into namespaces and holds a value of type V for each. It detects
// which literals vary, which a single name cannot show.
//
// Names are divided by their shape, then by their literals from left to right. A node
// with more different literals than its limit collapses permanently: one child, the
// wildcard, replaces all literals except the protected ones, and their subtrees are
// merged. Once a node has more than K different literals it always has, and merging is
// commutative. Hence, for one dictionary,
//
//	merge(F(A), F(B)) = F(A ∪ B)
//
// for any order of the names and any distribution of them over tries.
//
// Dividing by shape first prevents ten thousand slugs before ":inbox" from swallowing
// the word before ":<uuid>" that occurs once.
//
// A Trie is not safe for concurrent use.
type Trie[V any] struct {
	dict       *Dictionary
	values     Values[V]
	rules      *Rules
	lexer      *Lexer
	path       path
	coarseness int
	shapes     map[string]*shape[V]
	named      map[string]*leaf[V] // by the name that a rule gave
	guard      *protection
	leaves     int
}

// Values holds the functions that create and merge the values of a trie.
type Values[V any] struct {
	New   func() V           // an empty value
	Merge func(into, from V) // adds from to into; from is not used again
}

// NewTrie returns an empty trie that follows the decisions of dict, which it does not
// change. A nil dict has no decisions.
func NewTrie[V any](dict *Dictionary, values Values[V]) *Trie[V] {
	if dict == nil {
		dict = &Dictionary{}
	}
	return &Trie[V]{
		dict: dict, values: values, guard: dict.protection(), lexer: dict.FirstLevel().newLexer(),
		coarseness: dict.startCoarseness(), shapes: map[string]*shape[V]{}, named: map[string]*leaf[V]{},
	}
}

// SetRules makes the trie try rules before anything else. The trie counts their matches
// in rules, so no other trie may use them.
func (t *Trie[V]) SetRules(rules *Rules) { t.rules = rules }

// shape holds all names of one shape.
type shape[V any] struct {
	key     string
	words   int       // number of literals in key
	protect []wordSet // by level
	root    *node[V]
}

// node represents a literal or a wildcard at one level of a shape, after a given
// beginning.
type node[V any] struct {
	children children[V]
	common   int      // number of children that are not protected
	wild     *node[V] // replaces these once the node has collapsed
	leaf     *leaf[V] // of the last level only
}

// leaf is a namespace.
type leaf[V any] struct {
	value V
	hits  int64 // names
	// words holds the literals of its names. Those at the levels in many differ
	// between names; the others do not, even if a node above has collapsed.
	words []string
	many  uint64
}

// At returns the value of the namespace of name. It allocates only for a new namespace.
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

// namedLeaf returns the leaf of a rule.
func (t *Trie[V]) namedLeaf(name string) *leaf[V] {
	l := t.named[name]
	if l == nil {
		l = t.newLeaf()
		t.named[strings.Clone(name)] = l
	}
	l.hits++
	return l
}

// find returns the leaf of p.
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

// shapeOf returns the shape with this key, and creates it if necessary.
func (t *Trie[V]) shapeOf(key []byte) *shape[V] {
	if sh := t.shapes[string(key)]; sh != nil {
		return sh
	}
	return t.newShape(string(key))
}

// arrive returns the leaf of n, reached by words. wild holds the levels that were
// wildcards.
func (t *Trie[V]) arrive(n *node[V], wild uint64, words []string) *leaf[V] {
	if n.leaf == nil {
		n.leaf = t.newLeaf()
		n.leaf.words = cloneWords(words)
	}
	n.leaf.note(wild, words)
	return n.leaf
}

// cut shortens p to the number of elements that the coarseness allows.
func (t *Trie[V]) cut(p *path) {
	end, cut := t.guard.cutShape(p.shape, boundsByCoarseness[t.coarseness])
	if cut {
		p.shape = append(p.shape[:end], restMark)
		p.words = p.words[:countWords(p.shape)]
	}
}

// note marks the levels among wild at which words differ from earlier ones.
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

// descend returns the child of n, a node of this level, for word. If there is none, it
// creates one, or collapses n if it would have too many. With clone it stores a copy of
// word.
func (t *Trie[V]) descend(sh *shape[V], n *node[V], level int, word string, clone bool) *node[V] {
	if next := n.children.get(word); next != nil {
		return next
	}
	protected := sh.protect[level][word]
	if !protected {
		if n.wild == nil && n.common >= boundsByCoarseness[t.coarseness].literals(level) {
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

// newShape creates a shape with the dictionary's decisions about it.
func (t *Trie[V]) newShape(key string) *shape[V] {
	sh := &shape[V]{key: key, words: countWords(key), protect: t.guard.levels(key, boundsByCoarseness[t.coarseness]), root: &node[V]{}}
	t.shapes[key] = sh
	t.restore(sh)
	return sh
}

// restore collapses the nodes that have collapsed in the dictionary. They exist from
// the beginning, even without names, so that the order of names does not matter.
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

// Leaves returns the number of namespaces, before related ones are fused.
func (t *Trie[V]) Leaves() int { return t.leaves }

// K returns the number of literals that a node of the first level keeps apart.
func (t *Trie[V]) K() int { return boundsByCoarseness[t.coarseness].k }

// Each calls visit with the value of every namespace, in no order.
func (t *Trie[V]) Each(visit func(V)) {
	for _, sh := range t.shapes {
		sh.root.each(func(l *leaf[V]) { visit(l.value) })
	}
	for _, l := range t.named {
		visit(l.value)
	}
}

// each visits the leaves at and below n, sorted by their words, the wildcard last.
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

// children holds the literal children of a node. Most nodes have one or two. For these
// a linear search is faster than a map, and much smaller.
type children[V any] struct {
	list  []child[V]
	index map[string]*node[V] // of list, once it is long
}

type child[V any] struct {
	word string
	node *node[V]
}

// indexAbove is the number of children above which an index is worth its memory.
const indexAbove = 8

func (c *children[V]) get(word string) *node[V] {
	if c.index != nil {
		return c.index[word]
	}
	for i := range c.list {
		if c.list[i].word == word {
			return c.list[i].node
		}
	}
	return nil
}

// put adds a new child. It keeps word.
func (c *children[V]) put(word string, n *node[V]) {
	c.list = append(c.list, child[V]{word, n})
	if c.index != nil {
		c.index[word] = n
		return
	}
	if len(c.list) > indexAbove {
		c.index = make(map[string]*node[V], 2*len(c.list))
		for _, k := range c.list {
			c.index[k.word] = k.node
		}
	}
}

// takeUnless removes and returns the children that are not in keep.
func (c *children[V]) takeUnless(keep wordSet) []child[V] {
	all := c.list
	*c = children[V]{}
	var taken []child[V]
	for _, k := range all {
		if keep[k.word] {
			c.put(k.word, k.node)
		} else {
			taken = append(taken, k)
		}
	}
	return taken
}

// sorted returns the children sorted by word.
func (c *children[V]) sorted() []child[V] {
	return slices.SortedFunc(slices.Values(c.list), func(a, b child[V]) int { return strings.Compare(a.word, b.word) })
}

// Merging children into a wildcard, two tries, or a trie into one with lower limits:
// all three graft one subtree onto another.

// Merge adds the names of other, at the greater coarseness of the two. Both tries must
// have been created with the same dictionary. other must not be used again.
func (t *Trie[V]) Merge(other *Trie[V]) {
	t.CoarsenTo(other.coarseness)
	other.CoarsenTo(t.coarseness)
	t.leaves += other.leaves
	for key, sh := range other.shapes {
		t.adopt(key, sh)
		delete(other.shapes, key) // so that its nodes can go before all have been merged
	}
	for name, l := range other.named {
		t.named[name] = t.join(t.named[name], l)
	}
}

// adopt grafts src onto the shape with this key.
func (t *Trie[V]) adopt(key string, src *shape[V]) {
	dst := t.shapes[key]
	if dst == nil {
		dst = t.newShape(key)
	}
	t.graft(dst, dst.root, src.root, 0)
}

// CoarsenTo makes the trie at least this coarse: nodes keep fewer literals apart, and
// names are cut sooner.
func (t *Trie[V]) CoarsenTo(rung int) {
	if rung <= t.coarseness {
		return
	}
	t.coarseness = rung
	old := t.shapes
	t.shapes = make(map[string]*shape[V], len(old))
	for key, sh := range old {
		delete(old, key) // so that its nodes can go before all have been merged
		if end, cut := t.guard.cutShape([]byte(key), boundsByCoarseness[rung]); cut {
			key = key[:end] + string([]byte{restMark})
		}
		t.adopt(key, sh)
	}
}

// collapse replaces the children of n, a node of this level, by a wildcard.
func (t *Trie[V]) collapse(sh *shape[V], n *node[V], level int) {
	if n.wild != nil {
		return
	}
	n.wild = &node[V]{}
	for _, c := range n.children.takeUnless(sh.protect[level]) {
		t.graft(sh, n.wild, c.node, level+1)
	}
	n.common = 0
}

// graft merges src into dst, a node of this level of sh. If the shape of src has more
// levels, all its leaves become one.
func (t *Trie[V]) graft(sh *shape[V], dst, src *node[V], level int) {
	if level == sh.words {
		src.each(func(l *leaf[V]) {
			l.truncate(sh.words)
			dst.leaf = t.join(dst.leaf, l)
		})
		return
	}
	if src.wild != nil {
		t.collapse(sh, dst, level)
		t.graft(sh, dst.wild, src.wild, level+1)
	}
	for _, c := range src.children.list {
		t.graft(sh, t.descend(sh, dst, level, c.word, false), c.node, level+1)
	}
}

// truncate drops the words beyond the first n.
func (l *leaf[V]) truncate(n int) {
	if n < len(l.words) {
		l.words = l.words[:n]
		l.many &= 1<<n - 1
	}
}

// join merges the leaf from into into, which may be nil, and returns the result.
func (t *Trie[V]) join(into, from *leaf[V]) *leaf[V] {
	if into == nil {
		return from
	}
	t.leaves--
	into.hits += from.hits
	into.many |= from.many
	for i := range into.words {
		if into.many&(1<<i) == 0 && into.words[i] != from.words[i] {
			into.many |= 1 << i
		}
		if into.many&(1<<i) != 0 {
			into.words[i] = ""
		}
	}
	t.values.Merge(into.value, from.value)
	return into
}

// Coarsen returns the names of t grouped by a coarser dictionary, such as the [Join] of
// that of t and another. Everything that has collapsed in t must have collapsed in the
// coarser dictionary, and everything that the coarser one protects must be protected in
// t. Then the result is exact, as if the names had been grouped that way at once. t
// must not be used again.
func Coarsen[V any](t *Trie[V], coarser *Dictionary) *Trie[V] {
	c := NewTrie(coarser, t.values)
	c.CoarsenTo(t.coarseness)
	t.dict, t.guard = coarser, c.guard // from here on, t cuts names as c does
	t.CoarsenTo(c.coarseness)
	c.leaves = t.leaves
	for key, sh := range t.shapes {
		c.adopt(key, sh)
	}
	c.named = t.named
	return c
}

// Patterns in a trie: which namespace takes the names of a namespace of another trie.

// mayHold reports whether names may have been grouped under p: every level that varies
// in it has collapsed.
func (t *Trie[V]) mayHold(p parsed) bool {
	if p.many == 0 {
		return true
	}
	n := t.shapeOf([]byte(p.shape)).root
	for level, word := range p.words {
		if p.many>>level == 0 {
			break
		}
		if n, _ = n.after(word); n == nil {
			return false
		}
	}
	return true
}

// after returns the child for word, or nil, and whether it is the wildcard.
func (n *node[V]) after(word string) (next *node[V], wild bool) {
	if next := n.children.get(word); next != nil {
		return next, false
	}
	return n.wild, n.wild != nil
}

// insert returns the leaf of p, and collapses the nodes at which it varies.
func (t *Trie[V]) insert(p parsed) *leaf[V] {
	to := path{shape: []byte(p.shape), words: p.words}
	t.cut(&to)
	sh := t.shapeOf(to.shape)
	n, wild := sh.root, uint64(0)
	for level, word := range to.words {
		if word == wildcard {
			t.collapse(sh, n, level)
		}
		next, _ := n.after(word)
		if next == nil {
			next = t.descend(sh, n, level, word, false)
		}
		if next == n.wild {
			wild |= 1 << level
		}
		n = next
	}
	l := t.arrive(n, wild, to.words)
	l.many |= p.many & (1<<len(to.words) - 1)
	return l
}

// lookUp returns the leaf of p, or nil, and the pattern that the trie prints for it.
func (t *Trie[V]) lookUp(p parsed) (*leaf[V], string) {
	to := path{shape: []byte(p.shape), words: p.words}
	t.cut(&to)
	n, many := t.shapeOf(to.shape).root, uint64(0)
	for level, word := range to.words {
		varies := word == wildcard
		if n != nil {
			var wild bool
			n, wild = n.after(word)
			varies = varies || wild
		}
		if varies {
			many |= 1 << level
		}
	}
	printed := newRow(t.lexer.delims, string(to.shape), to.words, many, 0).pattern
	if n == nil {
		return nil, printed
	}
	return n.leaf, printed
}

// Footprint returns the approximate size of the trie in bytes. value returns the size
// of one value.
func (t *Trie[V]) Footprint(value func(V) int) (bytes int) {
	for key, sh := range t.shapes {
		bytes += mapEntry + stringBytes(key) + int(unsafe.Sizeof(*sh)) + cap(sh.protect)*int(unsafe.Sizeof(wordSet{}))
		bytes += sh.root.footprint(value)
	}
	for name, l := range t.named {
		bytes += mapEntry + stringBytes(name) + l.footprint(value)
	}
	return bytes
}

// mapEntry is the approximate size of a map entry for a string and a pointer, in bytes:
// 24 bytes, a control byte, and as much again for free slots.
const mapEntry = 50

// stringBytes returns the bytes that the text of s occupies.
func stringBytes(s string) int { return (len(s) + 7) &^ 7 }

func (n *node[V]) footprint(value func(V) int) int {
	if n == nil {
		return 0
	}
	bytes := int(unsafe.Sizeof(*n)+7)&^7 + cap(n.children.list)*int(unsafe.Sizeof(child[V]{})) + len(n.children.index)*mapEntry
	for _, c := range n.children.list {
		bytes += stringBytes(c.word) + c.node.footprint(value)
	}
	if n.leaf != nil {
		bytes += n.leaf.footprint(value)
	}
	return bytes + n.wild.footprint(value)
}

func (l *leaf[V]) footprint(value func(V) int) int {
	bytes := int(unsafe.Sizeof(*l)) + cap(l.words)*int(unsafe.Sizeof(""))
	for _, w := range l.words {
		bytes += len(w)
	}
	return bytes + value(l.value)
}
