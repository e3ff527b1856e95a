package pattern

import (
	"math/bits"
	"strings"

	"github.com/cespare/xxhash/v2"
)

// row is what fusion knows of a namespace.
type row struct {
	pattern string // before fusion
	fused   string // after it, if it differs
	hits    int64
	elems   []elem
}

// elem is one element of a pattern.
type elem struct {
	text  string // in print
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

// elemOf describes one element of a shape, with a wildcard for a literal.
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

// levelOf returns the strength of a delimiter in a shape, 0 for other elements.
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

// join returns elems in print.
func join(elems []elem) string {
	var b strings.Builder
	for _, e := range elems {
		b.WriteString(e.text)
	}
	return b.String()
}

// gap is a stretch of a row: what may differ between rows that are the same
// before and after it.
type gap struct {
	row        *row
	start, end int // indexes into row.elems
}

func (g gap) middle() []elem { return g.row.elems[g.start:g.end] }

// context stands for all of a row but the gap. Of rows with many elements there
// are many contexts, so it holds hashes in the place of text.
type context struct {
	before, after uint64
	length        int // of the elements in print
}

// contexts knows the contexts of the gaps of one row.
type contexts struct {
	before, after []uint64 // by index into elems: of all before, of this and all after
	lengths       []int    // of all before, in print
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

// extend returns the hash of a sequence of elements with one more.
func extend(hash uint64, e elem) uint64 {
	const odd = 0x9e3779b97f4a7c15
	return bits.RotateLeft64(hash, 23)*odd + xxhash.Sum64String(e.text)
}

// maxStarts bounds how many gaps are looked at that end with the same segment.
const maxStarts = 4

// gaps calls visit with each stretch of r in which a random token may have been
// cut to pieces: segments, parts of them, and, if r ends in binary data, all
// that follows any delimiter.
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

// gapsWithin visits the stretches of one segment that begin and end with it or
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
	if n := len(ends); n > maxStarts+1 { // the last ones
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
