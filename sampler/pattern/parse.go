package pattern

import "strings"

// parsed is a pattern taken apart: the path of its names, in which words that
// vary are the wildcard.
type parsed struct {
	shape string
	words []string
	many  uint64 // the levels of those that vary
}

// parsePattern is the inverse of printing a row. It reports whether s is a
// pattern.
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

// parseCut is parsePattern for a pattern that may have lost the delimiter by which
// it is told that its literals are joined: one that was cut, and has none left.
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
	words  []string // of each mark; "" for what is no literal
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

// element reads one element. A text of more than any pattern has is none: another's
// file may hold millions.
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

// literalLen returns how many bytes at the start of s are a literal.
func literalLen(s string) int {
	n := strings.IndexFunc(s, func(c rune) bool { return c < 0x80 && is(byte(c), isDelim|isEscaped) })
	if n < 0 {
		return len(s)
	}
	return n
}

// joinLiterals does what Lexer.join does.
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
