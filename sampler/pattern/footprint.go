package pattern

import "unsafe"

// Footprint is about how many bytes the trie takes, with what value tells of
// each value.
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

// mapEntry is what a map takes for a string and a pointer: 24 bytes, a byte of
// control, and as much again for the slots that are free, more or less.
const mapEntry = 50

// stringBytes is what the text of s takes.
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
