package pattern

import (
	"math/bits"
	"strings"
)

// minNumbered is the number of different digits from which siblings count as numbered,
// such as app0 to app3. Two or three are more often versions.
const minNumbered = 4

// minSequenceRatio is the minimum ratio of names in a row with <int> to names in a row whose
// digits would elsewhere be part of a word: among x0 to x99, x86 is not a processor.
const minSequenceRatio = 8

// minVersions is the number of different numbers after a word from which they are
// replaced, although each may be part of a name, such as v1 and v2: nobody
// distinguishes that many.
const minVersions = 12

// digitSet is a set of digits, as bits.
type digitSet uint16

const anyDigit digitSet = 1<<10 - 1

func digitOf(b byte) digitSet { return 1 << (b - '0') }

func (d digitSet) areNumbers() bool { return bits.OnesCount16(uint16(d)) >= minNumbered }

// fuseNumbered joins rows that differ in single digits at the end of words, together
// with the rows that have <int> for longer numbers: app0 … app9 and app<int>. A name
// may have several such digits, which may change together: web1:disk1 … web9:disk9.
func fuseNumbered(rows []*row, round moves) {
	numberings, known := numberingsOf(rows)
	for _, n := range numberings {
		if len(n.digits) > 0 && !round.has(n.row) {
			round.add(n.row, n.elemsWith(known[n.pattern]))
		}
	}
}

// numbering is a row with <int> in place of each single digit that may be a number.
type numbering struct {
	row     *row
	pattern string
	elems   []elem
	digits  []digitAt
}

type digitAt struct {
	index int // into the elements of the numbering
	digit byte
}

// numberingsOf returns the numbering of each row, and the digits seen at each element
// of numberings with the same pattern.
func numberingsOf(rows []*row) ([]numbering, map[string][]digitSet) {
	list := make([]numbering, len(rows))
	known := map[string][]digitSet{}
	for i, r := range rows {
		n := newNumbering(r)
		if list[i] = n; len(n.digits) > 0 {
			known[n.pattern] = make([]digitSet, len(n.elems))
		}
	}
	for _, n := range list {
		if met := known[n.pattern]; len(met) == len(n.elems) {
			n.note(met)
		}
	}
	return list, known
}

func newNumbering(r *row) numbering {
	n := numbering{row: r, pattern: r.pattern, elems: make([]elem, 0, len(r.elems))}
	for _, e := range r.elems {
		spots := digitSpots(e)
		if len(spots) == 0 {
			n.elems = append(n.elems, e)
			continue
		}
		start := len(n.elems)
		n.elems = appendNumbered(n.elems, e.text, spots)
		for i := start; i < len(n.elems); i++ {
			if n.elems[i].kind == Int {
				n.digits = append(n.digits, digitAt{i, e.text[spots[0]]})
				spots = spots[1:]
			}
		}
	}
	if len(n.digits) > 0 {
		n.pattern = printElems(n.elems)
	}
	return n
}

// note adds the digits of n to those seen. A longer number, which the lexer recognized,
// counts as all digits.
func (n numbering) note(met []digitSet) {
	next := n.digits
	for i, e := range n.elems {
		switch {
		case len(next) > 0 && next[0].index == i:
			met[i] |= digitOf(next[0].digit)
			next = next[1:]
		case e.kind == Int:
			met[i] = anyDigit
		}
	}
}

// elemsWith returns the elements of the row with <int> in place of the digits that vary
// enough.
func (n numbering) elemsWith(met []digitSet) []elem {
	elems, next := make([]elem, 0, len(n.elems)), n.digits
	for _, e := range n.row.elems {
		var spots []int
		for _, spot := range digitSpots(e) {
			if met[next[0].index].areNumbers() {
				spots = append(spots, spot)
			}
			next = next[1:]
		}
		if len(spots) == 0 {
			elems = append(elems, e)
		} else {
			elems = appendNumbered(elems, e.text, spots)
		}
	}
	return elems
}

// digitSpots returns the positions of single digits in a literal that may be numbers:
// at its end or at the end of one of its words.
func digitSpots(e elem) (spots []int) {
	if e.kind != Literal || e.many {
		return nil
	}
	start := 0 // of the word
	for i := range len(e.text) {
		if is(e.text[i], isDash) {
			start = i + 1
			continue
		}
		if i > start && endsAt(e.text, i+1) && is(e.text[i], isDigit) && !is(e.text[i-1], isDigit) &&
			!isNameWithDigits(e.text[start:i], e.text[i:i+1]) {
			spots = append(spots, i)
		}
	}
	return spots
}

// number is the element that replaces digits.
var number = elem{text: Int.String(), kind: Int}

// appendNumbered appends the elements that the lexer would read for a literal with
// longer numbers at spots.
func appendNumbered(elems []elem, text string, spots []int) []elem {
	start := 0
	for _, spot := range spots {
		elems = append(appendLiteral(elems, text[start:spot]), number)
		start = spot + 1
	}
	return appendLiteral(elems, text[start:])
}

// appendLiteral appends text, which may begin with a weak delimiter.
func appendLiteral(elems []elem, text string) []elem {
	for len(text) > 0 && is(text[0], isDash) && len(elems) > 0 && elems[len(elems)-1].kind != Literal {
		elems = append(elems, elem{text: text[:1], kind: Delimiter, level: isWeak})
		text = text[1:]
	}
	if text == "" {
		return elems
	}
	return append(elems, elem{text: text, kind: Literal})
}

// joinSequences moves rows to far larger ones that have a number where one of their
// words ends in digits: x86 to x<int>, bob7 to <*><int>. If minVersions rows or more
// would move to the same row, it need not exist: v1 … v12 become v<int>.
func joinSequences(rows []*row, round moves) {
	sizes, versions := map[string]int64{}, map[string]int{}
	for _, r := range rows {
		sizes[r.pattern] = r.hits
		r.eachStem(func(g gap, stem elem) { versions[g.numberedPattern(stem)]++ })
	}
	for _, r := range rows {
		r.eachStem(func(g gap, stem elem) {
			if versions[g.numberedPattern(stem)] >= minVersions && !round.has(r) {
				round.add(r, g.replace(stem, number))
			}
			g.joinSequence(stem, minSequenceRatio, sizes, round)
			g.joinSequence(anyWord, generaliseFrom, sizes, round)
		})
	}
}

// eachStem calls visit with each literal that ends in digits, and with the text before
// the digits.
func (r *row) eachStem(visit func(g gap, stem elem)) {
	for i, e := range r.elems {
		if stem := stemOf(e); stem != "" {
			visit(gap{r, i, i + 1}, elem{text: stem, kind: Literal})
		}
	}
}

func (g gap) numberedPattern(stem elem) string { return printElems(g.replace(stem, number)) }

// joinSequence moves the row of g to the one with stem and a number in the gap, if that
// has at least the given multiple of its names.
func (g gap) joinSequence(stem elem, times int64, sizes map[string]int64, round moves) {
	if round.has(g.row) || stem.many && len(digitSpots(g.middle()[0])) == 0 {
		return
	}
	to := g.replace(stem, number)
	if size, ok := sizes[printElems(to)]; ok && size >= times*g.row.hits {
		round.add(g.row, to)
	}
}

// stemOf returns the text before the digits at the end of a literal, or "" if there are
// none.
func stemOf(e elem) string {
	stem := strings.TrimRight(e.text, "0123456789")
	if e.kind != Literal || e.many || stem == e.text {
		return ""
	}
	return stem
}
