package report

import (
	"strings"
	"unicode/utf8"
)

// wrapWords breaks a sentence into lines of at most room columns, at spaces; a
// word that is longer than a line is broken like a name.
func wrapWords(s string, room int) []string {
	var lines []string
	current := ""
	for _, word := range strings.Split(s, " ") {
		if current != "" && width(current)+1+width(word) <= room {
			current += " " + word
			continue
		}
		if current != "" {
			lines = append(lines, current)
		}
		pieces := wrapName(word, room)
		lines = append(lines, pieces[:len(pieces)-1]...)
		current = pieces[len(pieces)-1]
	}
	return append(lines, current)
}

// delimiters are where a name breaks best.
const delimiters = ":/|.;_-}]"

// wrapName breaks a name into lines of at most room columns: after a delimiter
// if there is one in the second half of the line, else wherever it must. Nothing
// is dropped: the pieces put together are the name.
func wrapName(s string, room int) []string {
	room = max(room, 1)
	var lines []string
	for width(s) > room {
		at := breakAt(s, room)
		lines = append(lines, s[:at])
		s = s[at:]
	}
	if s == "" && len(lines) > 0 {
		return lines
	}
	return append(lines, s)
}

// breakAt is the length in bytes of the piece of s for a line of room columns.
func breakAt(s string, room int) int {
	best, used, end := 0, 0, 0
	for i, r := range s {
		used += width(string(r))
		if used > room {
			break
		}
		end = i + utf8.RuneLen(r)
		if used > room/2 && strings.ContainsRune(delimiters, r) {
			best = end
		}
	}
	if best > 0 {
		return best
	}
	if at := escapeStart(s, end); at > 0 {
		return at
	}
	_, first := utf8.DecodeRuneInString(s)
	return max(end, first) // a rune may be wider than the room
}

// escapeLengths are the lengths in bytes of the escapes that token writes.
var escapeLengths = map[byte]int{'x': 4, 'u': 6, 'U': 10}

// escapeStart is where the escape begins that a break at end would tear apart;
// 0 if there is none.
func escapeStart(s string, end int) int {
	at := strings.LastIndexByte(s[:end], '\\')
	if at < 0 || at+1 >= len(s) {
		return 0
	}
	if at+max(escapeLengths[s[at+1]], 2) > end {
		return at
	}
	return 0
}
