package pattern

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// Fusion joins namespaces that a person would consider one. The lexer cannot know that
// x7Gk2Qa and abcdefg are tokens of the same kind. But where thousands of the first
// kind share everything around them, the second are more of the same. Fusion is a pure
// function of all leaves, so it keeps the guarantee of the trie: the result does not
// depend on order.

// fuseRounds is the maximum number of rounds of fusion. A pattern with three random
// places is fused one place at a time.
const fuseRounds = 4

// fuse sets the fused pattern of the rows that belong to another row, starting with the
// moves decided before.
func fuse(rows []*row, decided map[string]string) {
	live := make([]*row, 0, len(rows))
	for _, r := range rows {
		if r.fused = lookUpFused(decided, r.pattern); r.fused == "" {
			live = append(live, r)
		}
	}
	all := moves{}
	for range fuseRounds {
		round := moves{}
		joinSequences(live, round)
		generalise(live, round)
		joinStrays(live, round)
		for _, group := range groups(live) {
			group.fuse(round)
		}
		fuseNumbered(live, round)
		joinTokens(live, round)
		if len(round) == 0 {
			break
		}
		for from, to := range round {
			all[from] = to
		}
		live = combine(live, round)
	}
	for _, r := range rows {
		if to := all.follow(r.final()); to != "" {
			r.fused = to
		}
	}
}

// lookUpFused returns the pattern that p was decided to be part of, or "" for none. It
// follows decisions that users edited, but stops at a cycle.
func lookUpFused(decided map[string]string, p string) (end string) {
	for range fuseRounds {
		next := decided[p]
		if next == "" {
			break
		}
		end, p = next, next
	}
	return end
}

// moves maps each pattern to the pattern that it becomes part of.
type moves map[string]move

type move struct {
	pattern string
	elems   []elem
}

// add moves r to the elements, unless its pattern already has them.
func (m moves) add(r *row, to []elem) {
	if pattern := printElems(to); pattern != r.pattern {
		m[r.pattern] = move{pattern, to}
	}
}

// has reports whether r is moved.
func (m moves) has(r *row) bool { return m[r.pattern].pattern != "" }

// follow returns the last pattern in the chain of moves of p, or "" if p is not moved.
func (m moves) follow(p string) (end string) {
	for range len(m) {
		next, ok := m[p]
		if !ok {
			break
		}
		end, p = next.pattern, next.pattern
	}
	return end
}

// combine returns the rows after the moves of one round. It does not change the given
// rows.
func combine(live []*row, round moves) []*row {
	byPattern := map[string]*row{}
	for _, r := range live {
		elems := r.elems
		pattern := r.pattern
		for range len(round) {
			next, ok := round[pattern]
			if !ok {
				break
			}
			pattern, elems = next.pattern, next.elems
		}
		if byPattern[pattern] == nil {
			byPattern[pattern] = &row{pattern: pattern, elems: elems}
		}
		byPattern[pattern].hits += r.hits
	}
	return slices.SortedFunc(maps.Values(byPattern), func(a, b *row) int { return strings.Compare(a.pattern, b.pattern) })
}

// group holds rows that differ in one gap only.
type group struct {
	context
	gaps   []gap
	tokens bool // whether the wildcard among them represents random tokens
}

// whole reports whether the gap is the whole pattern.
func (g *group) whole() bool { return g.length == 0 }

// groups returns the groups of more than one row, in a fixed order.
func groups(rows []*row) []*group {
	known := make([]contexts, len(rows))
	members := map[context]int{}
	for i, r := range rows {
		known[i] = contextsOf(r.elems)
		r.gaps(func(g gap) { members[known[i].of(g)]++ })
	}
	byContext := map[context]*group{}
	for i, r := range rows {
		r.gaps(func(g gap) {
			c := known[i].of(g)
			if members[c] < 2 {
				return
			}
			if byContext[c] == nil {
				byContext[c] = &group{context: c}
			}
			byContext[c].gaps = append(byContext[c].gaps, g)
		})
	}
	return slices.SortedFunc(maps.Values(byContext), func(a, b *group) int {
		// Longer contexts first: they are stronger evidence about the gap.
		return cmp.Or(cmp.Compare(b.length, a.length), cmp.Compare(a.before, b.before), cmp.Compare(a.after, b.after))
	})
}

// fuse decides which members of g become one. It skips rows that this round has moved
// already.
func (g *group) fuse(round moves) {
	g.tokens = g.hasTokens()
	g.gaps = slices.DeleteFunc(g.gaps, func(m gap) bool { return round.has(m.row) })
	g.fuseSlugs(round)
	if a, ok := g.anchor(); ok {
		for _, m := range g.gaps {
			if m.row != a.row && g.belongs(m, a) {
				round.add(m.row, a.row.elems)
			}
		}
	}
}

// anchor returns the member with the most names among those whose gap is one random
// token, perhaps after a word, or one wildcard.
func (g *group) anchor() (best gap, found bool) {
	for _, m := range g.gaps {
		if g.isAnchor(m.middle()) && (!found || m.row.hits > best.row.hits) {
			best, found = m, true
		}
	}
	return best, found
}

func (g *group) isAnchor(middle []elem) bool {
	last := middle[len(middle)-1]
	if len(middle) == 1 {
		return last.many || last.kind == Bin || isOpaque(last.kind)
	}
	if !isOpaque(last.kind) || g.whole() {
		return false
	}
	for _, e := range middle[:len(middle)-1] { // cache<rand>, web-<hex>
		if e.kind != Delimiter && (e.kind != Literal || e.many) {
			return false
		}
	}
	return true
}

// isOpaque reports whether tokens of this kind are recognized by their randomness, so
// that some are missed.
func isOpaque(k Kind) bool {
	switch k {
	case Rand, NanoID, KSUID, Hex, Base64:
		return true
	}
	return false
}

// replace returns the elements of the row with the gap replaced.
func (g gap) replace(with ...elem) []elem {
	return slices.Concat(g.row.elems[:g.start], with, g.row.elems[g.end:])
}

var anyWord = elem{text: wildcard, kind: Literal, many: true}

// fuseSlugs joins slugs of different lengths, which the lexer cut at their weak
// delimiters: <*>-<*> and <*>-<*>-<*>.
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

// isSlug reports whether the elements are wildcards, separated by the same weak
// delimiter.
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

// generalise replaces words by a wildcard in rows of very few names, if a far larger
// row has a wildcard after the same beginning. Otherwise each rare reading of a name by
// the lexer would list its slugs one by one.
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

// generaliseFrom is the minimum ratio of names in the larger row to names in the
// smaller one.
const generaliseFrom = 20

// widen replaces the literals of elems that vary according to wild.
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

// joinStrays moves rows of very few names to a far larger row that has wildcards for
// their first word and for a piece of a token. Otherwise each rare reading of a token
// by the lexer would list the words before it one by one.
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

// home returns the larger row that r matches with wildcards for its first word and for
// a later number or piece of a token. piece reports which of the two it is.
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

// joinTokens moves rows with several wildcards to a larger row with a random token in
// each of these places. Fusing one place at a time leaves such rows: names of which no
// token was recognized.
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

// belongs reports whether the gap of m is the lexer's reading of further tokens of the
// same kind as those of the anchor a.
func (g *group) belongs(m, a gap) bool {
	middle, anchor := m.middle(), a.middle()
	switch kind := anchor[len(anchor)-1]; {
	case kind.kind == Bin:
		return middle[len(middle)-1].kind == Bin && m.row.hits <= few(a.row.hits, 20)
	case kind.many:
		return belongsToWild(middle, m.row.hits, a.row.hits, g.tokens)
	case len(middle) == 1 && len(anchor) == 1:
		return belongsAlone(middle[0], kind.kind, m.row.hits, a.row.hits)
	case m.start == 0 && hasPrefixWord(middle) && m.row.hits > chance:
		return false
	case len(anchor) > 1 && m.row.hits > few(a.row.hits, 20):
		return false
	}
	return isPieces(middle, join(anchor[:len(anchor)-1]), m.row.hits, a.row.hits)
}

// chance is the number of names that may resemble another kind by chance.
const chance = 3

// few returns n/parts, but at least chance.
func few(n, parts int64) int64 { return max(chance, n/parts) }

// belongsAlone decides whether a gap of one element belongs to random tokens.
func belongsAlone(e elem, anchor Kind, hits, anchorHits int64) bool {
	switch {
	case e.many:
		return hits <= anchorHits
	case e.kind == Literal:
		return hits <= chance && looksRandom(e.text, anchor)
	case isNumber(e.kind):
		return anchor == Hex && hits <= few(anchorHits, 8) || hits <= few(anchorHits, 300)
	case e.kind == Rand:
		return hits <= anchorHits
	case isOpaque(e.kind):
		return hits <= few(anchorHits, 50)
	case e.kind == ULID: // 1 of 30 tokens of its length has no I, L, O or U
		return hits <= few(anchorHits, 20)
	}
	return false
}

// isNumber reports whether tokens of kind k are only digits, as a random token may be.
func isNumber(k Kind) bool {
	switch k {
	case Int, Float, TS, TSMillis, TSMicros, Date8, DateTime:
		return true
	}
	return false
}

// looksRandom reports whether a literal may be a random token of the anchor's kind that
// resembles a word.
func looksRandom(word string, anchor Kind) bool {
	all := classes(word)
	if all&(isSpecial|isPunct) != 0 {
		return false
	}
	if anchor == Hex && all.isHex() {
		return len(word) >= minRandom
	}
	return len(word) >= 4 && !isClearWord(word, all) || isMixedToken(word, all)
}

// isMixedToken reports whether a long word with capitals and small letters resembles a
// name only by chance. The evidence of a real camel-case name grows with its length.
func isMixedToken(word string, all class) bool {
	return len(word) >= longLength && all.only(isAlnum|isNonHex) && all.isMixed() &&
		evidence(word, all)*12 > camelEvidence*len(word)
}

// isPieces reports whether the elements of a gap are pieces of random tokens that were
// cut at their - and _ or before digits. A given literal of n characters occurs by
// chance in one of 36^n tokens; if it is more frequent, a person chose it. The first
// literal may begin with the prefix of all of these tokens.
func isPieces(middle []elem, prefix string, hits, anchorHits int64) bool {
	expected := 2 * anchorHits
	for i, e := range middle {
		switch {
		case e.kind == Delimiter || e.many || isOpaque(e.kind):
		case e.kind == Literal:
			if i == 0 && prefix != "" {
				e.text = strings.TrimPrefix(e.text, prefix)
			}
			if isClearWord(e.text, classes(e.text)) && hits > chance {
				return false
			}
			for range len(e.text) {
				expected /= 36
			}
		case !isNumber(e.kind) && fixedHex(e.kind) == 0:
			return false
		}
	}
	return hits <= max(chance, expected)
}

// fixedHex returns the length of hexadecimal tokens of a fixed length, or 0.
func fixedHex(k Kind) int {
	switch k {
	case Hex16:
		return 16
	case Hex24:
		return 24
	case Hex32:
		return 32
	}
	return 0
}

// hasPrefixWord reports whether a gap begins with a literal and a weak delimiter, like
// sk_<rand>.
func hasPrefixWord(middle []elem) bool {
	return len(middle) > 2 && middle[0].kind == Literal && !middle[0].many && middle[1].level == isWeak
}

// belongsToWild decides whether a gap belongs to a wildcard. Slugs with a number, or of
// several parts, are slugs too. An element that is no word is a piece of a token if the
// wildcard represents tokens.
func belongsToWild(middle []elem, hits, anchorHits int64, tokens bool) bool {
	wild, constant := false, false
	for _, e := range middle {
		switch {
		case e.kind == Delimiter || isNumber(e.kind) || isOpaque(e.kind):
		case e.kind != Literal:
			return false
		case e.many:
			wild = true
		default:
			constant = true
		}
	}
	switch {
	case len(middle) == 1 && isNumber(middle[0].kind):
		return tokens && hits <= few(anchorHits, 4)
	case len(middle) == 1:
		return isOpaque(middle[0].kind) && hits <= anchorHits
	case constant:
		return hits <= chance || tokens && isTokenPiece(middle) && hits <= few(anchorHits, 50)
	}
	// bob and bob77 are names of one kind, whichever is more frequent.
	return wild && (hits <= anchorHits || isNumberedWild(middle) && hits <= 20*anchorHits)
}

// isNumberedWild reports whether the elements are <*><int>.
func isNumberedWild(middle []elem) bool {
	return len(middle) == 2 && middle[0].many && middle[1].kind == Int
}

// minPieces is the number of rows with pieces of tokens that shows that a wildcard
// beside them represents short random tokens, and not words.
const minPieces = 5

// hasTokens reports whether the other members show that a wildcard represents random
// tokens that are too short to be recognized.
func (g *group) hasTokens() bool {
	a, ok := g.anchor()
	if !ok {
		return false
	}
	n := 0
	for _, m := range g.gaps {
		if isTokenPiece(m.middle()) && m.row.hits <= few(a.row.hits, 50) {
			n++
		}
	}
	return n >= minPieces
}

// isTokenPiece reports whether the elements look like a short random token that was cut
// at its digits: a number, and too few letters for a word.
func isTokenPiece(middle []elem) bool {
	numbers, letters := 0, 0
	for _, e := range middle {
		switch {
		case isNumber(e.kind):
			numbers++
		case e.kind != Literal || !e.many && len(e.text) > maxPiece:
			return false
		case !e.many:
			letters++
		}
	}
	return numbers > 0 && letters > 0
}

// maxPiece is the length of the longest literal that is not taken for a word.
const maxPiece = 3
