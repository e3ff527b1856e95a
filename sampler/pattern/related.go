package pattern

import "strings"

// belongs reports whether what stands in the gap of m is what the lexer made of
// more tokens of the same kind as those of the anchor a.
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

// chance is how many names may look like something that they are not without
// there being a reason.
const chance = 3

// few is one part of n, but at least chance.
func few(n, parts int64) int64 { return max(chance, n/parts) }

// belongsAlone decides about a gap of one element beside random tokens.
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
	case e.kind == ULID: // one of 30 tokens of its length has no I, L, O and U
		return hits <= few(anchorHits, 20)
	}
	return false
}

// isNumber reports whether k is digits alone, as a random token may be.
func isNumber(k Kind) bool {
	switch k {
	case Int, Float, TS, TSMillis, TSMicros, Date8, DateTime:
		return true
	}
	return false
}

// looksRandom reports whether a literal may be a random token of the anchor's
// kind that happens to read like a word.
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

// isMixedToken reports whether a long word in both cases, none of which is
// clearly a camel-case name, reads like one by chance: the evidence of a name
// grows with its length.
func isMixedToken(word string, all class) bool {
	return len(word) >= longLength && all.only(isAlnum|isNonHex) && all.isMixed() &&
		evidence(word, all)*12 > camelEvidence*len(word)
}

// isPieces reports whether the elements of a gap are pieces of random tokens
// that were cut at their - and _ or before digits. A literal of n characters is
// met by chance in one of 36^n tokens; in more it was written on purpose. It may
// begin with the prefix that stands before all of these tokens.
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

// fixedHex is the length of hexadecimal tokens of a usual length, else 0.
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

// hasPrefixWord reports whether a gap begins as sk_<rand> does: with a literal
// and a weak delimiter.
func hasPrefixWord(middle []elem) bool {
	return len(middle) > 2 && middle[0].kind == Literal && !middle[0].many && middle[1].level == isWeak
}

// belongsToWild decides about a gap beside a wildcard: slugs with a number, or
// of several parts, are slugs too. What is no word is a piece of a token if the
// wildcard stands for tokens.
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
	// bob and bob77 are names of one kind, whichever there are more of.
	return wild && (hits <= anchorHits || isNumberedWild(middle) && hits <= 20*anchorHits)
}

// isNumberedWild reports whether the elements are <*><int>.
func isNumberedWild(middle []elem) bool {
	return len(middle) == 2 && middle[0].many && middle[1].kind == Int
}

// minPieces is how many rows with pieces of tokens show that a wildcard beside
// them stands for short random tokens, and not for words.
const minPieces = 5

// hasTokens reports whether the members beside a wildcard tell that it stands
// for random tokens, which are too short to be known as such.
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

// isTokenPiece reports whether the elements look like a short random token that
// was cut at its digits: a number, and letters that are too few for a word.
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

// maxPiece is the length of the longest literal that is no word.
const maxPiece = 3
