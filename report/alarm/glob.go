package alarm

import (
	"errors"
	"slices"
	"strings"
	"unicode/utf8"
)

// glob matches namespaces as Redis matches keys: * is any text, ? any
// character, [abc], [a-c] and [^abc] one of some, and \ takes away the meaning
// of what follows.
type glob []element

// element matches one character, or any number of them.
type element struct {
	any     bool // any number of any characters
	negated bool
	ranges  []runeRange
}

type runeRange struct{ first, last rune }

var everyRune = []runeRange{{0, utf8.MaxRune}}

func (e element) matches(r rune) bool {
	in := slices.ContainsFunc(e.ranges, func(x runeRange) bool { return x.first <= r && r <= x.last })
	return in != e.negated
}

// parseGlob reads a glob. offset is where in text the error is.
func parseGlob(text string) (g glob, offset int, err error) {
	for rest := text; rest != ""; {
		e, tail, err := nextElement(rest)
		if err != nil {
			return nil, len(text) - len(rest), err
		}
		g, rest = append(g, e), tail
	}
	return g, 0, nil
}

func nextElement(s string) (e element, rest string, err error) {
	switch s[0] {
	case '*':
		return element{any: true}, strings.TrimLeft(s, "*"), nil
	case '?':
		return element{ranges: everyRune}, s[1:], nil
	case '[':
		return class(s[1:])
	}
	r, rest, err := character(s)
	return element{ranges: []runeRange{{r, r}}}, rest, err
}

// character reads one that stands for itself, or is escaped.
func character(s string) (r rune, rest string, err error) {
	if s[0] == '\\' {
		if s = s[1:]; s == "" {
			return 0, "", errors.New(`the \ at the end escapes nothing; write \\ for a backslash`)
		}
	}
	r, size := utf8.DecodeRuneInString(s)
	return r, s[size:], nil
}

var errClass = errors.New(`there is no ] for this [; write \[ for a bracket`)

// class reads what follows a bracket. A ] ends it wherever it stands, as in
// Redis.
func class(s string) (e element, rest string, err error) {
	if strings.HasPrefix(s, "^") {
		e.negated, s = true, s[1:]
	}
	for {
		switch {
		case s == "":
			return e, "", errClass
		case s[0] == ']':
			return e, s[1:], nil
		}
		var x runeRange
		if x, s, err = classRange(s); err != nil {
			return e, "", err
		}
		e.ranges = append(e.ranges, x)
	}
}

// classRange reads a character of a class, or two with a dash between them.
func classRange(s string) (x runeRange, rest string, err error) {
	if x.first, rest, err = character(s); err != nil {
		return x, "", errClass
	}
	x.last = x.first
	if len(rest) < 2 || rest[0] != '-' || rest[1] == ']' {
		return x, rest, nil
	}
	if x.last, rest, err = character(rest[1:]); err != nil {
		return x, "", errClass
	}
	return runeRange{min(x.first, x.last), max(x.first, x.last)}, rest, nil
}

// matches reports whether the glob matches all of text. When a star has taken
// too little it takes one character more; only the last star needs to, so the
// time is at most the product of both lengths.
func (g glob) matches(text string) bool {
	runes := []rune(text)
	at, star, taken := 0, -1, 0
	for i := 0; i < len(runes); {
		switch {
		case at < len(g) && g[at].any:
			star, taken = at, i
			at++
		case at < len(g) && g[at].matches(runes[i]):
			at, i = at+1, i+1
		case star >= 0:
			taken++
			at, i = star+1, taken
		default:
			return false
		}
	}
	for at < len(g) && g[at].any {
		at++
	}
	return at == len(g)
}
