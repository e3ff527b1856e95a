package pattern

import "strings"

// parsed is a parsed pattern: the path of its names, with the wildcard for words that
// vary.
type parsed struct {
	shape string
	words []string
	many  uint64 // the levels of those that vary
}

// parsePattern parses a printed row. It reports whether s is a pattern.
func (d *Delimiters) parsePattern(s string) (parsed, bool) {
	r := patternReader{delims: d, rest: s}
	if !r.all() {
		return parsed{}, false
	}
	if r.firm {
		r.joinLiterals()
	}
	return r.parsed(), true
}

// parseCut parses a pattern that was cut and has no strong or medium delimiter left,
// although its literals are joined.
func (d *Delimiters) parseCut(s string) (parsed, bool) {
	r := patternReader{delims: d, rest: s}
	if !strings.HasSuffix(s, kindNames[Rest]) || !r.all() || r.firm {
		return parsed{}, false
	}
	r.joinLiterals()
	return r.parsed(), true
}

// patternReader collects the elements of a pattern.
type patternReader struct {
	delims *Delimiters
	rest   string
	marks  []string // of the shape
	words  []string // the word of each mark; "" if it is not a literal
	firm   bool     // as in Lexer
}

// all reads the elements up to the end.
func (r *patternReader) all() bool {
	if r.rest == emptyPattern {
		r.rest = ""
	}
	for r.rest != "" {
		if !r.element() {
			return false
		}
	}
	return true
}

// element reads one element. It rejects a text longer than any pattern: a foreign file
// may hold millions of characters.
func (r *patternReader) element() bool {
	if len(r.marks) >= maxPrinted {
		return false
	}
	if n := literalLen(r.rest); n > 0 {
		r.add(literal, r.rest[:n], n)
		return true
	}
	mark, n := parseMark(r.rest)
	switch {
	case n == 0:
		return false
	case mark == literal:
		r.add(mark, wildcard, n)
	default:
		r.firm = r.firm || r.delims.is(mark[0], isStrong|isMedium)
		r.add(mark, "", n)
	}
	return true
}

const literal = string(rune(literalMark))

func (r *patternReader) add(mark, word string, n int) {
	r.marks = append(r.marks, mark)
	r.words = append(r.words, word)
	r.rest = r.rest[n:]
}

// literalLen returns the length of the literal at the start of s, in bytes.
func literalLen(s string) int {
	n := strings.IndexFunc(s, func(c rune) bool { return c < 0x80 && is(byte(c), isDelim|isEscaped) })
	if n < 0 {
		return len(s)
	}
	return n
}

// joinLiterals joins literals as Lexer.join does.
func (r *patternReader) joinLiterals() {
	for i := 2; i < len(r.marks); {
		if r.isWord(i-2) && r.isWord(i) && len(r.marks[i-1]) == 1 && r.delims.is(r.marks[i-1][0], isWeak) {
			r.words[i-2] += r.marks[i-1] + r.words[i]
			r.marks = append(r.marks[:i-1], r.marks[i+1:]...)
			r.words = append(r.words[:i-1], r.words[i+1:]...)
			continue
		}
		i++
	}
}

// isWord reports whether element i is a literal that does not vary.
func (r *patternReader) isWord(i int) bool { return r.marks[i] == literal && r.words[i] != wildcard }

func (r *patternReader) parsed() (p parsed) {
	p.shape = strings.Join(r.marks, "")
	for i, word := range r.words {
		if r.marks[i] != literal {
			continue
		}
		if word == wildcard {
			p.many |= 1 << len(p.words)
		}
		p.words = append(p.words, word)
	}
	return p
}

// Element is one element of a printed pattern: a delimiter, a placeholder, or a word
// that is kept.
type Element struct {
	Text   string
	Word   bool
	Strong bool // a delimiter of the first level
}

// Wildcard is the element that replaces words.
const Wildcard = wildcard

// Elements returns the elements of a pattern. It separates words that the lexer joined,
// as in user_profile. It reports whether p is a pattern.
func (d *Delimiters) Elements(p string) (list []Element, ok bool) {
	if p == emptyPattern {
		return []Element{{Text: p}}, true
	}
	for r := (patternReader{delims: d, rest: p}); r.rest != ""; {
		before := r.rest
		if !r.element() {
			return nil, false
		}
		mark, word := r.marks[len(r.marks)-1], r.words[len(r.words)-1]
		list = append(list, Element{
			Text:   before[:len(before)-len(r.rest)],
			Word:   word != "" && word != wildcard,
			Strong: d.levelOf(mark)&isStrong != 0,
		})
	}
	return list, true
}

// RollUp returns the common part of all patterns with the same first segments, at most
// depth of them, separated by first-level delimiters. <...> replaces the rest. Text
// that is not a pattern is returned unchanged.
func (d *Delimiters) RollUp(p string, depth int) string {
	r := patternReader{delims: d, rest: p}
	segments, boundary := 0, true
	for r.rest != "" {
		before := len(p) - len(r.rest)
		if p == emptyPattern || !r.element() {
			return p
		}
		mark := r.marks[len(r.marks)-1]
		strong := d.levelOf(mark)&isStrong != 0
		if !strong && boundary {
			if segments++; segments > depth {
				return p[:before] + kindNames[Rest]
			}
		}
		boundary = strong
	}
	return p
}

// A shape is a name without its literals: the sequence of its delimiters and kinds of
// token. It is stored as a string with one mark for each literal, one byte for each
// placeholder and the text of each delimiter.

const (
	literalMark     = 0x01 // represents a literal
	placeholderMark = 0x80 // added to the Kind of a placeholder
)

// path is a name as the trie sees it: its shape, and its literals in order.
type path struct {
	shape []byte
	words []string // valid as long as the name
	buf   [MaxTokens]string
}

// read turns the tokens of name into p. Literals that touch count as one.
func (p *path) read(name string, tokens []Token) {
	p.shape, p.words = p.shape[:0], p.buf[:0]
	start := int32(-1) // of the literal that the token before is part of
	for _, t := range tokens {
		switch {
		case t.Kind == Literal && start >= 0:
			p.words[len(p.words)-1] = name[start:t.End]
			continue
		case t.Kind == Literal:
			start = t.Start
			p.shape = append(p.shape, literalMark)
			p.words = append(p.words, t.Text(name))
			continue
		case t.Kind == Delimiter:
			p.shape = append(p.shape, t.Text(name)...)
		default:
			p.shape = append(p.shape, placeholderMark|byte(t.Kind))
		}
		start = -1
	}
}

// nextMark returns the length of the first element of a shape that is not
// empty: 1, or 3 for a percent-encoded delimiter. Letters and digits occur in
// a shape only there.
func nextMark[S string | []byte](shape S) int {
	if shape[0] == '%' && len(shape) >= 3 && is(shape[1], isAlnum) {
		return 3
	}
	return 1
}

// cutShape returns the length of the first limit elements of shape, in bytes, and
// whether shape has more. A shape that is cut ends in one more element.
func cutShape[S string | []byte](shape S, limit int) (int, bool) {
	if len(shape) <= limit {
		return len(shape), false
	}
	end := 0
	for range limit {
		if end == len(shape) {
			return end, false
		}
		end += nextMark(shape[end:])
	}
	return end, end < len(shape)
}

// restMark ends a shape that was cut.
const restMark = placeholderMark | byte(Rest)

// countWords returns the number of literals in a shape.
func countWords[S string | []byte](shape S) (n int) {
	for i := range len(shape) {
		if shape[i] == literalMark {
			n++
		}
	}
	return n
}

// wildcard replaces literals that are too many to be chosen names. No name contains it
// unescaped.
const wildcard = "<*>"

// wordsOf returns the text to print for the literal at a level of a shape.
type wordsOf func(level int) string

// everyWord prints wildcards.
func everyWord(int) string { return wildcard }

// appendShape appends the printed shape.
func appendShape(dst []byte, shape string, words wordsOf) []byte {
	if shape == "" {
		return append(dst, emptyPattern...)
	}
	level := 0
	for i := range len(shape) {
		switch b := shape[i]; {
		case b == literalMark:
			dst = append(dst, words(level)...)
			level++
		case b >= placeholderMark:
			dst = append(dst, kindNames[b&^placeholderMark]...)
		case mustEscape(shape, int32(i)):
			dst = append(dst, '\\', b)
		default:
			dst = append(dst, b)
		}
	}
	return dst
}
