package pattern

// Identifiers and encoded data. The match functions return how many bytes at
// the start of s have the form, 0 for none.

// uuidLen is the length of 01234567-0123-0123-0123-0123456789ab.
const uuidLen = 36

func matchUUID(s string) int {
	if len(s) < uuidLen || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' || !endsAt(s, uuidLen) {
		return 0
	}
	for i := range uuidLen {
		switch i {
		case 8, 13, 18, 23:
		default:
			if !isHexDigit(s[i]) {
				return 0
			}
		}
	}
	return uuidLen
}

// uuidFirst is the length of its first group.
const uuidFirst = 8

// gluedUUID reports whether the last digits of the first n bytes of s are the
// first group of a UUID, and a word stands right before it, as in
// results01234567-0123-…
func gluedUUID(s string, n int) bool {
	return n > uuidFirst && matchUUID(s[n-uuidFirst:]) > 0
}

// hexKind returns the kind of a part of hexadecimal digits, Literal if it may
// be a word (deadbeef, face2face) or a number.
func hexKind(s string, all class) Kind {
	if kind := fixedHexKind(len(s)); kind != Literal {
		return kind
	}
	if len(s) >= 7 && all&isDigit != 0 && hexDensity(s) {
		return Hex
	}
	return Literal
}

// fixedHexKind returns the kind of n hexadecimal digits, Literal if n is no usual
// length.
func fixedHexKind(n int) Kind {
	switch n {
	case 16:
		return Hex16
	case 24:
		return Hex24
	case 32:
		return Hex32
	case 40:
		return Hex40
	case 64:
		return Hex64
	case 128:
		return Hex128
	}
	return Literal
}

// isFixedHex reports whether s is a hexadecimal identifier of a usual length.
func isFixedHex(s string, all class) bool {
	return all.isHex() && all&isLetter != 0 && fixedHexKind(len(s)) != Literal
}

// hexDensity reports whether a text of hexadecimal digits mixes letters
// and digits as words with a number do not.
func hexDensity(s string) bool {
	digits, changes := 0, 0
	for i := range len(s) {
		digit := is(s[i], isDigit)
		if digit {
			digits++
		}
		if i > 0 && digit != is(s[i-1], isDigit) {
			changes++
		}
	}
	return digits >= 2 && (changes >= 2 || changes == 1 && is(s[0], isDigit) && digits < len(s)-1)
}

const ulidLen = 26

// isULID reports whether s has the form of a ULID: one case, no I, L, O or U,
// and at most 48 bits of time.
func isULID(s string, all class) bool {
	if len(s) != ulidLen || s[0] < '0' || s[0] > '7' || all.isMixed() {
		return false
	}
	for i := range len(s) {
		switch s[i] | 0x20 {
		case 'i', 'l', 'o', 'u':
			return false
		}
	}
	return true
}

// opaque returns the kind of a random token, Literal if s is none.
func opaque(s string, all class) Kind {
	if !isRandom(s, all) {
		return Literal
	}
	switch {
	case len(s) == 21:
		return NanoID
	case len(s) == 27 && all&isDash == 0:
		return KSUID
	}
	return Rand
}

// gluedPrefix returns the length of the word that a token follows without a
// delimiter, as in cache0123456789abcdef…: only tokens of the usual lengths are
// told from the end of a longer word. 0x before hexadecimal digits is such a
// word too.
func gluedPrefix(s string, all class) int {
	if len(s) >= 9 && s[0] == '0' && s[1]|0x20 == 'x' && classes(s[2:]).isHex() {
		return 2
	}
	if all&isDigit == 0 {
		return 0
	}
	for _, tail := range [...]int{128, 64, 40, 32} {
		n := len(s) - tail
		if n < 2 || fixedHexKind(len(s)) != Literal {
			continue
		}
		if isTokenAfterWord(s[:n], s[n:]) {
			return n
		}
	}
	return 0
}

// isTokenAfterWord reports whether word is a word and token a token, both
// clearly enough to part them without a delimiter.
func isTokenAfterWord(word, token string) bool {
	inWord := classes(word)
	if !inWord.only(isLetter | isNonHex) {
		return false
	}
	inToken := classes(token)
	if inToken.isHex() && inToken&isDigit != 0 {
		return true
	}
	return len(word) >= 5 && len(token) <= 64 && inWord.isSingleCase() &&
		evidence(word, inWord) <= 0 && isRandom(token, inToken)
}

// matchJWT recognises header.payload.signature in base 64. The header is a JSON
// object, so it starts with the code of {".
func matchJWT(s string) int {
	if len(s) < 3 || s[:3] != "eyJ" {
		return 0
	}
	end := span(s, isAlnum|isDash, len(s))
	for range 2 {
		if end >= len(s) || s[end] != '.' {
			return 0
		}
		end++
		end += span(s[end:], isAlnum|isDash, len(s))
	}
	if !endsAt(s, end) {
		return 0
	}
	return end
}

// maxBase64 bounds the text that is tried as base 64 at each segment.
const maxBase64 = 1024

// matchBase64 recognises base 64 by its padding, or by a plus sign or slash
// within what is random enough.
func matchBase64(s string) int {
	n, all := 0, class(0)
	for n < len(s) && n < maxBase64 && (is(s[n], isAlnum|isSlash) || s[n] == '+') {
		all |= classOf[s[n]]
		n++
	}
	pad := 0
	for n+pad < len(s) && pad < 2 && s[n+pad] == '=' {
		pad++
	}
	padded, plus := pad > 0 && (n+pad)%4 == 0, all&isPad != 0
	if n < longLength || !padded && !plus || !endsAt(s, n+pad) {
		return 0
	}
	first := s[:span(s, isAlnum, n)]
	isPath := len(first) < n && isClearWord(first, classes(first))
	if isPath || !isRandom(s[:n], all|isDash) { // its slashes count as dashes
		return 0
	}
	return n + pad
}
