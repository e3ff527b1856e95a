package pattern

import (
	"math/bits"
	"strings"

	"github.com/cespare/xxhash/v2"
)

// row holds the data of a namespace that fusion needs.
type row struct {
	pattern string // before fusion
	fused   string // after it, if it differs
	hits    int64
	elems   []elem
}

// elem is one element of a pattern.
type elem struct {
	text  string // as printed
	kind  Kind
	many  bool  // a literal that varies
	kept  bool  // a literal that is protected
	level level // of a delimiter
}

// final returns the pattern after fusion.
func (r *row) final() string {
	if r.fused != "" {
		return r.fused
	}
	return r.pattern
}

func newRow(delims *Delimiters, shape string, words []string, many uint64, hits int64) *row {
	r := &row{hits: hits, elems: make([]elem, 0, len(shape))}
	level := 0
	for shape != "" {
		n := nextMark(shape)
		e := elemOf(delims, shape[:n], len(r.elems) == 0)
		if e.kind == Literal {
			if e.many = many&(1<<level) != 0; !e.many {
				e.text = words[level]
			}
			level++
		}
		r.elems = append(r.elems, e)
		shape = shape[n:]
	}
	r.pattern = printElems(r.elems)
	return r
}

// keep marks the literals that are protected at their level.
func (r *row) keep(protect []wordSet) {
	level := 0
	for i := range r.elems {
		if e := &r.elems[i]; e.kind == Literal {
			e.kept = !e.many && protect[level][e.text]
			level++
		}
	}
}

// elemOf returns the element for one mark of a shape, with a wildcard for a literal.
func elemOf(delims *Delimiters, mark string, first bool) elem {
	switch b := mark[0]; {
	case b == literalMark:
		return elem{text: wildcard, kind: Literal}
	case b >= placeholderMark:
		kind := Kind(b &^ placeholderMark)
		return elem{text: kind.String(), kind: kind}
	case is(b, isEscaped) && (b != '"' || first):
		return elem{text: `\` + mark, kind: Delimiter, level: delims.levels[b]}
	}
	return elem{text: mark, kind: Delimiter, level: delims.levelOf(mark)}
}

// levelOf returns the level of a delimiter in a shape, 0 for other elements.
func (d *Delimiters) levelOf(mark string) level {
	if len(mark) == 3 {
		return d.levels[encodedDelimiter(mark)]
	}
	return d.levels[mark[0]]
}

// printElems returns the pattern of elems.
func printElems(elems []elem) string {
	if len(elems) == 0 {
		return emptyPattern
	}
	return join(elems)
}

// join returns the printed elements.
func join(elems []elem) string {
	var b strings.Builder
	for _, e := range elems {
		b.WriteString(e.text)
	}
	return b.String()
}

// gap is a range of a row's elements in which rows that are otherwise the same may
// differ.
type gap struct {
	row        *row
	start, end int // indexes into row.elems
}

func (g gap) middle() []elem { return g.row.elems[g.start:g.end] }

// context identifies all of a row except the gap. Rows with many elements have many
// contexts, so it holds hashes instead of text.
type context struct {
	before, after uint64
	length        int // printed length of the elements
}

// contexts holds the contexts of all gaps of one row.
type contexts struct {
	before, after []uint64 // hashes by index into elems: of all before; of this one and all after
	lengths       []int    // printed length of all elements before
}

func contextsOf(elems []elem) contexts {
	n := len(elems)
	c := contexts{make([]uint64, n+1), make([]uint64, n+1), make([]int, n+1)}
	for i, e := range elems {
		c.before[i+1] = extend(c.before[i], e)
		c.lengths[i+1] = c.lengths[i] + len(e.text)
	}
	for i := n - 1; i >= 0; i-- {
		c.after[i] = extend(c.after[i+1], elems[i])
	}
	return c
}

func (c *contexts) of(g gap) context {
	n := len(c.lengths) - 1
	return context{c.before[g.start], c.after[g.end], c.lengths[g.start] + c.lengths[n] - c.lengths[g.end]}
}

// extend returns the hash of a sequence of elements extended by e.
func extend(hash uint64, e elem) uint64 {
	const odd = 0x9e3779b97f4a7c15
	return bits.RotateLeft64(hash, 23)*odd + xxhash.Sum64String(e.text)
}

// maxStarts is the maximum number of gaps examined that end with the same segment.
const maxStarts = 4

// gaps calls visit with each range of r that may be a random token cut into pieces:
// segments, parts of them, and, if r ends in binary data, the rest after each
// delimiter.
func (r *row) gaps(visit func(gap)) {
	for start := 0; start < len(r.elems); {
		end := start
		for end < len(r.elems) && r.elems[end].level&(isStrong|isMedium) == 0 {
			end++
		}
		r.gapsWithin(start, end, visit)
		start = end + 1
	}
	if n := len(r.elems); n > 0 && r.elems[n-1].kind == Bin {
		r.binaryGaps(visit)
	}
}

// gapsWithin visits the ranges of one segment that begin and end at its boundaries or
// at its weak delimiters.
func (r *row) gapsWithin(start, end int, visit func(gap)) {
	if start == end {
		return
	}
	starts, ends := []int{start}, []int{end}
	for i := start; i < end; i++ {
		if r.elems[i].level != isWeak {
			continue
		}
		if len(starts) <= maxStarts && i+1 < end {
			starts = append(starts, i+1)
		}
		if i > start {
			ends = append(ends, i)
		}
	}
	if n := len(ends); n > maxStarts+1 { // keep the first and the last ones
		ends = append(ends[:1], ends[n-maxStarts:]...)
	}
	for _, s := range starts {
		for _, e := range ends {
			if s < e {
				visit(gap{r, s, e})
			}
		}
	}
}

func (r *row) binaryGaps(visit func(gap)) {
	n, starts := len(r.elems), 0
	for i := 0; i < n-1 && starts < 2*maxStarts; i++ {
		if r.elems[i].level&(isStrong|isMedium) != 0 {
			visit(gap{r, i + 1, n})
			starts++
		}
	}
}
