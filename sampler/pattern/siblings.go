package pattern

import "slices"

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
		if r.hits > chance || round.has(r) {
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
		if i > 0 && e.kind == Literal && !e.many && !e.kept && wild[before] >= generaliseFrom*chance {
			elems[i], changed = anyWord, true
		}
		before = extend(before, elems[i])
	}
	return changed
}

// joinStrays moves rows of hardly any names to a far larger one that has a
// wildcard in the place both of their first word and of a piece of a token:
// what the lexer rarely makes of a token must not bring the words before it to
// light one by one.
func joinStrays(rows []*row, round moves) {
	homes := map[string]*row{}
	for _, r := range rows {
		if len(r.elems) > 0 && r.elems[0].many && r.hits >= generaliseFrom*chance {
			homes[r.pattern] = r
		}
	}
	strays, pieces := map[*row][]*row{}, map[*row]int{}
	for _, r := range rows {
		if home, piece := r.home(homes); home != nil && !round.has(r) {
			strays[home] = append(strays[home], r)
			if piece {
				pieces[home]++
			}
		}
	}
	for home, list := range strays {
		for _, r := range list {
			if pieces[home] >= minPieces {
				round.add(r, home.elems)
			}
		}
	}
}

// home returns the row that r would be with wildcards for its first word and
// for a number or a piece of a token, and which of these it has.
func (r *row) home(homes map[string]*row) (home *row, piece bool) {
	if len(homes) == 0 || r.hits > chance || len(r.elems) < 2 || r.elems[0].kind != Literal || r.elems[0].many {
		return nil, false
	}
	r.gaps(func(g gap) {
		middle := g.middle()
		isPiece := isTokenPiece(middle)
		if home != nil || g.start == 0 || !isPiece && (len(middle) != 1 || !isNumber(middle[0].kind)) {
			return
		}
		elems := g.replace(anyWord)
		elems[0] = anyWord
		home, piece = homes[printElems(elems)], isPiece
	})
	return home, piece
}

// joinTokens moves rows with several wildcards to a larger one with a random
// token in each of these places: what was fused one place at a time leaves
// behind the tokens of which no place was recognised.
func joinTokens(rows []*row, round moves) {
	sizes := map[string]int64{}
	for _, r := range rows {
		sizes[r.pattern] = r.hits
	}
	token := elem{text: Rand.String(), kind: Rand}
	for _, r := range rows {
		elems, wild := slices.Clone(r.elems), 0
		for i, e := range elems {
			if e.many {
				elems[i] = token
				wild++
			}
		}
		if wild > 1 && !round.has(r) && sizes[printElems(elems)] >= r.hits {
			round.add(r, elems)
		}
	}
}
