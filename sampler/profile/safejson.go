package profile

import (
	"fmt"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// EscapeHidden writes as \uXXXX the characters of a JSON text that
// encoding/json leaves as they are and that are Hidden. All that is not ASCII,
// and DEL, can only be within strings, so this needs no parser. The text must be
// UTF-8.
func EscapeHidden(data []byte) []byte {
	out := make([]byte, 0, len(data))
	kept := 0 // data before it is in out
	for i := 0; i < len(data); {
		if data[i] < 0x7f {
			i++
			continue
		}
		r, size := utf8.DecodeRune(data[i:])
		if Hidden(r) {
			out = append(out, data[kept:i]...)
			out = appendEscape(out, r)
			kept = i + size
		}
		i += size
	}
	return append(out, data[kept:]...)
}

// Hidden reports whether r must not be shown as it is: a terminal may obey it,
// or nobody can see it. Control and format characters, line separators, spaces
// other than ASCII's, unassigned characters, and variation selectors.
func Hidden(r rune) bool {
	if r >= ' ' && r <= '~' {
		return false
	}
	return !unicode.IsPrint(r) || unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// appendEscape appends r as JSON escapes it, in UTF-16.
func appendEscape(out []byte, r rune) []byte {
	if high, low := utf16.EncodeRune(r); high != unicode.ReplacementChar {
		return fmt.Appendf(out, `\u%04x\u%04x`, high, low)
	}
	return fmt.Appendf(out, `\u%04x`, r)
}
