package pattern

import (
	"unicode"
	"unicode/utf8"
)

// single reads one part that is not empty: a number, a token, or a literal.
func (l *Lexer) single(p part) {
	s := l.in(p)
	switch {
	case p.all.only(isDigit):
		l.push(numberKind(s), p.end)
	case p.all&isSpecial != 0:
		l.foreign(p)
	default:
		l.ascii(p)
	}
}

// foreign reads a part with letters outside ASCII. It is never a token. Digits
// of any script make a number when they are alone; within words only ASCII
// digits do.
func (l *Lexer) foreign(p part) {
	if allDigits(l.in(p)) {
		l.push(Int, p.end)
		return
	}
	l.literal(p)
}

func allDigits(s string) bool {
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		if !unicode.IsDigit(r) {
			return false
		}
		s = s[n:]
	}
	return true
}

// ascii reads a part of letters and perhaps digits.
func (l *Lexer) ascii(p part) {
	s := l.in(p)
	if n := gluedPrefix(s, p.all); n > 0 {
		l.push(Literal, p.start+n)
		s = s[n:]
		p = part{p.start + n, p.end, classes(s)}
	}
	if kind := tokenKind(s, p.all); kind != Literal {
		l.push(kind, p.end)
		return
	}
	l.literal(p)
}

// tokenKind returns the kind of a part without delimiters, Literal if it is no
// token.
func tokenKind(s string, all class) Kind {
	if all.isHex() {
		if kind := hexKind(s, all); kind != Literal {
			return kind
		}
	}
	if isULID(s, all) {
		return ULID
	}
	return opaque(s, all)
}

// literal reads a part that is text, but for a number in it: user123 is
// user<int>.
func (l *Lexer) literal(p part) {
	if p.all&isDigit == 0 {
		l.pushText(p.end)
		return
	}
	s := l.in(p)
	if w, h := dimension(s); w > 0 {
		l.push(Int, p.start+w)
		l.push(Literal, p.start+w+1)
		l.push(Int, p.start+w+1+h)
		return
	}
	if i, j := numberInWord(s); i < j {
		l.pushText(p.start + i)
		l.push(numberKind(s[i:j]), p.start+j)
	}
	l.pushText(p.end)
}

// pushText appends a literal up to end, if there is any text.
func (l *Lexer) pushText(end int) {
	if l.pos < end {
		l.push(Literal, end)
	}
}

// numberInWord returns where the number in s is that varies: one of two digits
// at the end, or of three anywhere. Fewer are more often part of a name, as in
// oauth2 and h264. A word with several is left whole: it may be a code, and its
// pieces say less than the whole.
func numberInWord(s string) (start, end int) {
	for i := 0; i < len(s); {
		j := i + span(s[i:], isDigit, len(s))
		if j == i {
			i++
			continue
		}
		if !isNameWithDigits(s[:i], s[i:j]) {
			if end > 0 {
				return 0, 0
			}
			start, end = i, j
		}
		i = j
	}
	if n := end - start; n < 2 || n == 2 && (end < len(s) || start == 0) {
		return 0, 0
	}
	return start, end
}

// dimension returns the number of digits of a width and a height, as in 64x64.
func dimension(s string) (width, height int) {
	w := span(s, isDigit, len(s))
	if w == 0 || w+1 >= len(s) || s[w] != 'x' {
		return 0, 0
	}
	h := span(s[w+1:], isDigit, len(s))
	if h != len(s)-w-1 || w+h < 3 {
		return 0, 0
	}
	return w, h
}
