package report

import (
	"fmt"
	"hash/crc32"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/jedib0t/go-pretty/v6/text"

	"keyprof/report/unit"
	"keyprof/sampler/profile"
)

// Longest forms of names, in columns. What is longer is cut in the middle; its
// length and a checksum of the whole tell two such names apart.
const (
	maxPatternWidth = 240
	maxKeyWidth     = 90
	maxTypeWidth    = 20
	maxWordWidth    = 64  // of a word that a server chooses, such as its version
	maxTextWidth    = 500 // of a server's error message
)

// width returns the columns that s takes on a terminal, counted by rune as
// go-pretty does.
func width(s string) int { return text.StringWidthWithoutEscSequences(s) }

// maxMarks limits the combining marks on one character: more would be drawn over
// the lines above and below.
const maxMarks = 2

// maxTaken is the number of bytes of each end of a name that are examined: more
// than any width has room for.
const maxTaken = 2048

// ends shortens a very long name to its two ends: no form of it shows more.
func ends(s string) string {
	if len(s) <= 2*maxTaken {
		return s
	}
	return strings.ToValidUTF8(s[:maxTaken], "") + strings.ToValidUTF8(s[len(s)-maxTaken:], "")
}

// tokens splits s into pieces that can be shown: one a rune or invalid byte,
// escaped as in Go where need be. In a quoted string the quote and the
// backslash are escaped, too, which makes it reversible with strconv.Unquote.
func tokens(s string, quoted bool) []string {
	var out []string
	marks := maxMarks // none at the beginning, where there is nothing to stand on
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		if unicode.Is(unicode.M, r) {
			marks++
		} else {
			marks = 0
		}
		out = append(out, token(s[:size], r, quoted, marks > maxMarks))
		s = s[size:]
	}
	return out
}

func token(raw string, r rune, quoted, mustEscape bool) string {
	switch {
	case r == utf8.RuneError && len(raw) == 1:
		return fmt.Sprintf(`\x%02x`, raw[0])
	case quoted && (r == '"' || r == '\\'):
		return `\` + raw
	case mustEscape || profile.Hidden(r):
		return escapeRune(r)
	}
	return raw
}

func escapeRune(r rune) string {
	switch {
	case r == '\n':
		return `\n`
	case r == '\t':
		return `\t`
	case r == '\r':
		return `\r`
	case r < utf8.RuneSelf:
		return fmt.Sprintf(`\x%02x`, r)
	case r <= 0xffff:
		return fmt.Sprintf(`\u%04x`, r)
	}
	return fmt.Sprintf(`\U%08x`, r)
}

// cutMiddle joins tokens of the ends of whole, leaving some out in the middle if they
// are wider than limit columns.
func cutMiddle(parts []string, whole string, limit int) string {
	joined := strings.Join(parts, "")
	if len(whole) <= 2*maxTaken && width(joined) <= limit {
		return joined
	}
	gap := "…(" + unit.FormatCount(int64(len(whole))) + " bytes, crc32 " +
		fmt.Sprintf("%08x", crc32.ChecksumIEEE([]byte(whole))) + ")…"
	room := max(limit-width(gap), 2)
	head := takeWidth(parts, room*2/3)
	tail := takeWidthFromEnd(parts, room-room*2/3)
	return strings.Join(parts[:head], "") + gap + strings.Join(parts[tail:], "")
}

// takeWidth returns how many of the first parts fit into room columns.
func takeWidth(parts []string, room int) int {
	for i, part := range parts {
		if room -= width(part); room < 0 {
			return i
		}
	}
	return len(parts)
}

// takeWidthFromEnd returns the index of the first of those last parts that fit.
func takeWidthFromEnd(parts []string, room int) int {
	for i := len(parts) - 1; i >= 0; i-- {
		if room -= width(parts[i]); room < 0 {
			return i + 1
		}
	}
	return 0
}

// displayKey returns a key's name in quotes, escaped reversibly, and cut if long.
func displayKey(k profile.KeyName) string {
	raw, err := k.Raw()
	if err != nil { // not written by us; still to be shown
		raw = k.Name
	}
	parts := tokens(raw, true)
	if k.Length == 0 {
		return `"` + cutMiddle(parts, raw, maxKeyWidth) + `"`
	}
	// Only its beginning is known.
	head := strings.Join(parts[:takeWidth(parts, maxKeyWidth/2)], "")
	return `"` + head + `"…(` + unit.FormatCount(int64(k.Length)) + " bytes, xxh64 " + display(k.Hash) + ")"
}

// emptyName is the pattern of the key without a name.
const emptyName = `""`

// displayPattern returns a namespace's pattern for printing: as it is if that is
// unambiguous, else quoted and escaped. Only the row that sums up the rest is shown
// as profile.OtherPattern without quotes.
func displayPattern(ns *profile.Namespace) string { return patternText(ns.Pattern, ns.Other) }

func patternText(raw string, other bool) string {
	if other {
		return profile.OtherPattern
	}
	if raw == emptyName { // no other pattern begins with a bare quote
		return raw
	}
	shown := ends(raw)
	if plain := tokens(shown, false); strings.Join(plain, "") == shown && !needsQuotes(raw) {
		return cutMiddle(plain, raw, maxPatternWidth)
	}
	return `"` + cutMiddle(tokens(shown, true), raw, maxPatternWidth) + `"`
}

// needsQuotes reports whether a printable name could be mistaken for another
// if it stood without quotes.
func needsQuotes(s string) bool {
	return s == "" || s == profile.OtherPattern || s[0] == '"' ||
		strings.HasPrefix(s, " ") || strings.HasSuffix(s, " ") || strings.Contains(s, "  ")
}

// display returns any other outside text, such as a server's error message, with
// unprintable characters escaped.
func display(s string) string { return cutMiddle(tokens(ends(s), false), s, maxTextWidth) }

// displayPrefix returns a prefix that a user typed, in quotes.
func displayPrefix(s string) string {
	return `"` + cutMiddle(tokens(ends(s), true), s, maxTextWidth) + `"`
}

// displayWord returns an outside word, such as a server's address or version.
func displayWord(s string) string { return cutMiddle(tokens(ends(s), false), s, maxWordWidth) }

// displayType returns the name of a type, which modules choose.
func displayType(s string) string {
	parts := tokens(ends(s), false)
	if n := takeWidth(parts, maxTypeWidth); n < len(parts) {
		return strings.Join(parts[:takeWidth(parts, maxTypeWidth-1)], "") + "…"
	}
	return strings.Join(parts, "")
}

// NamespaceText returns a namespace's pattern as reports print it, safe for a
// terminal.
func NamespaceText(ns *profile.Namespace) string { return displayPattern(ns) }

// NodeText returns a server's address as reports print it, safe for a terminal.
func NodeText(n *profile.Node) string { return displayWord(n.Address) }

// KeyText returns a key's name as reports print it, in quotes and safe for a
// terminal, cut to a number of columns (0: not cut).
func KeyText(k profile.KeyName, columns int) string {
	whole := displayKey(k)
	if columns <= 0 || width(whole) <= columns {
		return whole
	}
	parts := tokens(whole, false)
	return strings.Join(parts[:takeWidth(parts, columns-1)], "") + "…"
}

// Columns returns the number of columns that a text takes on a terminal.
func Columns(s string) int { return width(s) }
