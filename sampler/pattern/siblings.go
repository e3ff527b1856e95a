package pattern

import "slices"

// minNumbered is how many different last digits make siblings numbered:
// app0 to app3. Two or three are more often versions.
const minNumbered = 4

// fuseNumbered joins literals that differ in their last digit only, and with
// them what the lexer saw with more digits: app0 … app9 and app<int>.
func (g *group) fuseNumbered(round moves) {
	digits, numbered := map[string]int{}, map[string]bool{}
	for _, m := range g.gaps {
		if stem, ok := numberedStem(m.middle()); ok {
			digits[stem]++
		}
		if mid := m.middle(); len(mid) == 2 && mid[0].kind == Literal && mid[1].kind == Int {
			numbered[mid[0].text] = true
		}
	}
	for _, m := range g.gaps {
		stem, ok := numberedStem(m.middle())
		if ok && !round.has(m.row) && (digits[stem] >= minNumbered || numbered[stem]) {
			round.add(m.row, m.replace(elem{text: stem, kind: Literal}, elem{text: Int.String(), kind: Int}))
		}
	}
}

// numberedStem returns what stands before the last digit of a literal, if that
// digit may be a number.
func numberedStem(middle []elem) (string, bool) {
	if len(middle) != 1 || middle[0].kind != Literal || middle[0].many {
		return "", false
	}
	text := middle[0].text
	n := len(text) - 1
	if n < 1 || !is(text[n], isDigit) || is(text[n-1], isDigit) || isNameWithDigits(text[:n], text[n:]) {
		return "", false
	}
	return text[:n], true
}

// replace returns the elements of the row with others in the gap.
func (g gap) replace(with ...elem) []elem {
	return slices.Concat(g.row.elems[:g.start], with, g.row.elems[g.end:])
}

var anyWord = elem{text: wildcard, kind: Literal, many: true}

// fuseSlugs joins slugs of different lengths, which have come apart at their
// weak delimiters: <*>-<*> and <*>-<*>-<*>.
func (g *group) fuseSlugs(round moves) {
	lengths := map[int]bool{}
	for _, m := range g.gaps {
		if isSlug(m.middle()) {
			lengths[m.end-m.start] = true
		}
	}
	if len(lengths) < 2 {
		return
	}
	for _, m := range g.gaps {
		if isSlug(m.middle()) && !round.has(m.row) {
			round.add(m.row, m.replace(anyWord))
		}
	}
}

// isSlug reports whether the elements are wildcards, with the same weak
// delimiter between them.
func isSlug(middle []elem) bool {
	for i, e := range middle {
		switch {
		case i%2 == 0 && !e.many:
			return false
		case i%2 == 1 && (e.level != isWeak || e.text != middle[1].text):
			return false
		}
	}
	return len(middle)%2 == 1
}

// generalise puts the wildcard into rows of hardly any names, where a far
// larger row has it after the same beginning: what the lexer rarely makes of a
// name must not bring its slugs to light one by one.
func generalise(rows []*row, round moves) {
	wild := map[uint64]int64{} // names of the rows with a wildcard after this
	for _, r := range rows {
		before := uint64(0)
		for i, e := range r.elems {
			if e.many && i > 0 {
				wild[before] = max(wild[before], r.hits)
			}
			before = extend(before, e)
		}
	}
	for _, r := range rows {
		if r.hits > chance {
			continue
		}
		if elems := slices.Clone(r.elems); widen(elems, wild) {
			round.add(r, elems)
		}
	}
}

// generaliseFrom is how many times as many names the larger row has.
const generaliseFrom = 20

// widen replaces the literals of elems that wild says vary.
func widen(elems []elem, wild map[uint64]int64) (changed bool) {
	before := uint64(0)
	for i, e := range elems {
		if i > 0 && e.kind == Literal && !e.many && wild[before] >= generaliseFrom*chance {
			elems[i], changed = anyWord, true
		}
		before = extend(before, elems[i])
	}
	return changed
}
