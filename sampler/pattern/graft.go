package pattern

// Merging: of children into a wildcard, of two tries, and of a trie into one
// with lower bounds. All three graft one subtree onto another.

// Merge adds what other has seen, on the lower rung of the two. Both must have
// been made with the same dictionary; other is not used again.
func (t *Trie[V]) Merge(other *Trie[V]) {
	t.LowerTo(other.rung)
	other.LowerTo(t.rung)
	t.leaves += other.leaves
	for key, sh := range other.shapes {
		t.adopt(key, sh)
		delete(other.shapes, key) // so that its nodes can go before all have been merged
	}
	for name, l := range other.named {
		t.named[name] = t.join(t.named[name], l)
	}
}

// adopt grafts src onto the shape of this key.
func (t *Trie[V]) adopt(key string, src *shape[V]) {
	dst := t.shapes[key]
	if dst == nil {
		dst = t.newShape(key)
	}
	t.graft(dst, dst.root, src.root, 0)
}

// LowerTo goes down to a rung of the ladder of bounds, unless the trie is there
// already: nodes keep fewer literals apart, and names are cut sooner.
func (t *Trie[V]) LowerTo(rung int) {
	if rung <= t.rung {
		return
	}
	t.rung = rung
	old := t.shapes
	t.shapes = make(map[string]*shape[V], len(old))
	for key, sh := range old {
		delete(old, key) // so that its nodes can go before all have been merged
		if end, cut := t.guard.cutShape([]byte(key), ladder[rung]); cut {
			key = key[:end] + string([]byte{restMark})
		}
		t.adopt(key, sh)
	}
}

// collapse gives n, a node of this level, its wildcard.
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

// graft merges src into dst, a node of this level of sh. The shape of src may
// have more levels: then all its leaves become one.
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

// truncate forgets the words beyond the first n.
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

// Coarsen returns the names of t grouped by a coarser dictionary, such as the
// [Join] of that of t and another: what t has collapsed must have collapsed
// there too, and what is protected there must be protected in t. Then it is
// exact, as if the names had been grouped so at once. t is not used again.
func Coarsen[V any](t *Trie[V], coarser *Dictionary) *Trie[V] {
	c := NewTrie(coarser, t.values)
	c.LowerTo(t.rung)
	t.dict, t.guard = coarser, c.guard // from now on t cuts as c does
	t.LowerTo(c.rung)
	c.leaves = t.leaves
	for key, sh := range t.shapes {
		c.adopt(key, sh)
	}
	c.named = t.named
	return c
}
