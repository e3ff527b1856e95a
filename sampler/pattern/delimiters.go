package pattern

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// level is the strength of a delimiter. Those of several are OR-ed together. It
// is a type of its own, so that it is not asked of the table of characters,
// which is the same for all names.
type level uint8

const (
	isStrong level = 1 << iota // of the first level
	isMedium                   // of the second
	isWeak                     // of the third
)

// DefaultDelimiters are the delimiters of the first level, unless others are
// chosen.
const DefaultDelimiters = ":/|#{}[]()"

// Delimiters say how strong each character is as a delimiter. Those of the
// first level are chosen. Of all others, - and _ are weak, and the rest of the
// punctuation is of the second level. They are immutable, so any number of
// lexers may share them.
type Delimiters struct {
	levels     [256]level // by byte; 0 for what is no delimiter
	strongDash bool       // - or _ is of the first level
}

var defaultDelimiters = makeDelimiters(DefaultDelimiters)

// ParseDelimiters returns the delimiters of which chars are the first level: at
// least one printable ASCII character, and neither letters nor digits.
func ParseDelimiters(chars string) (*Delimiters, error) {
	if chars == "" {
		return nil, errors.New("at least one character is needed")
	}
	for i := range len(chars) {
		if !is(chars[i], isDelim) {
			return nil, errNoDelimiter(chars[i:])
		}
	}
	return makeDelimiters(chars), nil
}

// errNoDelimiter says why the first character of s can be no delimiter.
func errNoDelimiter(s string) error {
	_, n := utf8.DecodeRuneInString(s)
	switch char := s[:n]; {
	case is(s[0], isLetter):
		return fmt.Errorf("%q is a letter", char)
	case is(s[0], isDigit):
		return fmt.Errorf("%q is a digit", char)
	default:
		return fmt.Errorf("%q is no printable ASCII character", char)
	}
}

// makeDelimiters makes the table for a first level of delimiters alone.
func makeDelimiters(strong string) *Delimiters {
	d := &Delimiters{}
	for b := range d.levels {
		switch {
		case strings.IndexByte(strong, byte(b)) >= 0:
			d.levels[b] = isStrong
			d.strongDash = d.strongDash || is(byte(b), isDash)
		case is(byte(b), isDash):
			d.levels[b] = isWeak
		case is(byte(b), isPunct):
			d.levels[b] = isMedium
		}
	}
	return d
}

// String returns the delimiters of the first level, sorted.
func (d *Delimiters) String() string {
	var chars []byte
	for b, level := range d.levels {
		if level == isStrong {
			chars = append(chars, byte(b))
		}
	}
	return string(chars)
}

// inDictionary is how the first level stands in a dictionary.
func (d *Delimiters) inDictionary() string {
	if d.Equal(defaultDelimiters) {
		return ""
	}
	return d.String()
}

// Equal reports whether d and other cut every name alike.
func (d *Delimiters) Equal(other *Delimiters) bool { return *d == *other }

// is reports whether b is a delimiter of one of the levels in l.
func (d *Delimiters) is(b byte, l level) bool { return d.levels[b]&l != 0 }

// hasStronger reports whether s, whose classes are all, has a delimiter that is
// not weak. Only where a dash may be strong must it look for one.
func (d *Delimiters) hasStronger(s string, all class) bool {
	return all&isPunct != 0 || d.strongDash && all&isDash != 0 && d.hasStrong(s)
}

func (d *Delimiters) hasStrong(s string) bool {
	for i := range len(s) {
		if d.is(s[i], isStrong) {
			return true
		}
	}
	return false
}

// encodedDelimiter returns the delimiter that the percent-encoding at the start
// of s stands for, or 0.
func encodedDelimiter(s string) byte {
	if len(s) < 3 || s[0] != '%' || !isHexDigit(s[1]) || !isHexDigit(s[2]) {
		return 0
	}
	if b := hexValue(s[1])<<4 | hexValue(s[2]); is(b, isDelim) {
		return b
	}
	return 0
}

func hexValue(b byte) byte {
	if b <= '9' {
		return b - '0'
	}
	return b&0xf + 9
}
