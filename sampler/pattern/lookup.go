package pattern

// Patterns in a trie: what becomes of a namespace that another trie has made.

// mayHold reports whether names may have come to p: whether all that varies in
// it does so by a decision.
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

// after returns the node to which word leads, nil if there is none, and whether
// that is the wildcard.
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

// lookUp returns the leaf of p, nil if there is none, and how the trie prints
// the path there.
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
