package pattern

import (
	"slices"
	"strings"
)

// children are the literal children of a node. Most nodes have one or two, for
// which looking at each is faster, and much smaller, than a map.
type children[V any] struct {
	list  []child[V]
	index map[string]*node[V] // of list, once it is long
}

type child[V any] struct {
	word string
	node *node[V]
}

// indexAbove is the number of children from which an index is worth its memory.
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

// put adds a child that is not there. It keeps word.
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

// sorted returns the children by word.
func (c *children[V]) sorted() []child[V] {
	return slices.SortedFunc(slices.Values(c.list), func(a, b child[V]) int { return strings.Compare(a.word, b.word) })
}
