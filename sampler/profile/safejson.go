package profile

import (
	"fmt"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// escapeUnseen writes as \uXXXX the characters of a JSON text that
// encoding/json leaves as they are and that can change what a terminal or an
// editor shows: DEL, the C1 controls, and format characters such as those that
// turn the direction of text. All that is not ASCII, and DEL, can only be
// within strings, so this needs no parser. The text must be UTF-8.
func escapeUnseen(data []byte) []byte {
	out := make([]byte, 0, len(data))
	kept := 0 // data before it is in out
	for i := 0; i < len(data); {
		if data[i] < 0x7f {
			i++
			continue
		}
		r, size := utf8.DecodeRune(data[i:])
		if unseen(r) {
			out = append(out, data[kept:i]...)
			out = appendEscape(out, r)
			kept = i + size
		}
		i += size
	}
	return append(out, data[kept:]...)
}

// unseen reports whether r must not be shown as it is.
func unseen(r rune) bool {
	return unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp)
}

// appendEscape appends r as JSON escapes it, in UTF-16.
func appendEscape(out []byte, r rune) []byte {
	if high, low := utf16.EncodeRune(r); high != unicode.ReplacementChar {
		return fmt.Appendf(out, `\u%04x\u%04x`, high, low)
	}
	return fmt.Appendf(out, `\u%04x`, r)
}
