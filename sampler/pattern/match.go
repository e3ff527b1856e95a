package pattern

import "strings"

// Identifiers and encoded data. The match functions return the number of bytes at the
// start of s that have the form, or 0.

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

// uuidFirst is the length of the first group of a UUID.
const uuidFirst = 8

// gluedUUID reports whether the first n bytes of s end in the first group of a UUID,
// with a word right before it, as in results01234567-0123-…
func gluedUUID(s string, n int) bool {
	return n > uuidFirst && matchUUID(s[n-uuidFirst:]) > 0
}

// hexKind returns the kind of a part of hexadecimal digits, or Literal if it may be a
// word (deadbeef, face2face) or a number.
func hexKind(s string, all class) Kind {
	if kind := fixedHexKind(len(s)); kind != Literal {
		return kind
	}
	if len(s) >= 7 && all&isDigit != 0 && hexDensity(s) {
		return Hex
	}
	return Literal
}

// fixedHexKind returns the kind of n hexadecimal digits, or Literal if n is not a usual
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

// hexDensity reports whether a text of hexadecimal digits mixes letters and digits more
// than words with a number do.
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

// opaque returns the kind of a random token, or Literal if s is not one.
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

// gluedPrefix returns the length of a word that a token follows without a delimiter, as
// in cache0123456789abcdef…. It separates only tokens of the usual lengths from a
// longer word. 0x before hexadecimal digits is such a word too.
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

// isTokenAfterWord reports whether word is clearly a word and token clearly a token, so
// that they can be separated without a delimiter.
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

// matchJWT recognizes header.payload.signature in base 64. The header is a JSON object,
// so it starts with the code of {".
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

// maxBase64 is the longest text that is tried as base 64 at each segment, in bytes.
const maxBase64 = 1024

// matchBase64 recognizes base 64 by its padding, or by a plus sign or slash within text
// that is random enough.
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

// Addresses. net/netip and net/url are not used: they allocate an error for each name
// that is not an address, and most names are not.

// matchIP4 recognizes four numbers up to 255 with dots between them.
func matchIP4(s string) int {
	n := 0
	for i := range 4 {
		if i > 0 {
			if n >= len(s) || s[n] != '.' {
				return 0
			}
			n++
		}
		digits := span(s[n:], isDigit, 4)
		if digits == 0 || digits > 3 || digits == 3 && s[n:n+3] > "255" {
			return 0
		}
		n += digits
	}
	if !endsAt(s, n) || n+1 < len(s) && s[n] == '.' && is(s[n+1], isDigit) {
		return 0
	}
	return n
}

// ip6 is the state of reading an IPv6 address.
type ip6 struct {
	end    int  // after the last whole group or ::
	groups int  // of 16 bits
	gap    bool // :: was seen
}

// matchIP6 recognizes an IPv6 address. Numbers and short words with colons between them
// have the same form. So an address with a gap must start with a prefix in use, and an
// address without a gap must contain a letter.
func matchIP6(s string) int {
	a := readIP6(s)
	if a.end == 0 || !endsAt(s, a.end) {
		return 0
	}
	hasLetter := classes(s[:a.end])&isLetter != 0
	switch {
	case !a.gap:
		if a.groups != 8 || !hasLetter || a.end < fullIP6 && !hasUsualPrefix(s) {
			return 0
		}
	case s[0] == ':':
		if a.groups == 0 {
			return 0
		}
	case !hasUsualPrefix(s) || !hasLetter && a.groups < 3:
		return 0
	}
	return a.end
}

// fullIP6 is the length of an address with three digits a group. Short words and
// numbers are rarely that long.
const fullIP6 = 31

// readIP6 reads whole groups until the first other text.
func readIP6(s string) (a ip6) {
	i := 0
	if strings.HasPrefix(s, "::") {
		a.gap, i = true, 2
	}
	for a.groups < 8 {
		if n := matchIP4(s[i:]); n > 0 && (a.gap || a.groups == 6) {
			a.groups, a.end = a.groups+2, i+n
			return a
		}
		n := hexRun(s[i:])
		if n == 0 || n > 4 || !endsAt(s, i+n) {
			return a
		}
		i += n
		a.groups, a.end = a.groups+1, i
		switch {
		case strings.HasPrefix(s[i:], "::") && !a.gap:
			a.gap, i, a.end = true, i+2, i+2
		case i < len(s) && s[i] == ':':
			i++
		default:
			return a
		}
	}
	return a
}

// hexRun returns the number of hexadecimal digits at the start of s, at most 5.
func hexRun(s string) int {
	n := 0
	for n < len(s) && n < 5 && isHexDigit(s[n]) {
		n++
	}
	return n
}

// hasUsualPrefix reports whether the first group of an address is that of a
// global, a unique local, a link-local or a multicast address, or of NAT64.
func hasUsualPrefix(s string) bool {
	if strings.HasPrefix(s, "64:") {
		return true
	}
	if hexRun(s) != 4 {
		return false
	}
	switch s[0] | 0x20 {
	case '2', '3':
		return true
	case 'f':
		second := s[1] | 0x20
		return second == 'c' || second == 'd' || second == 'e' && s[2] >= '8' || second == 'f'
	}
	return false
}

// matchMAC recognizes six pairs of hexadecimal digits.
func matchMAC(s string) int {
	const n = 17
	if len(s) < n || s[2] != ':' && s[2] != '-' || !endsAt(s, n) {
		return 0
	}
	letter := false
	for i := range n {
		switch {
		case i%3 == 2:
			if s[i] != s[2] {
				return 0
			}
		case !isHexDigit(s[i]):
			return 0
		case is(s[i], isLetter):
			letter = true
		}
	}
	if !letter { // more likely a time
		return 0
	}
	return n
}

// The limits of RFC 5321 keep the search for an @ short.
const (
	maxLocal  = 64
	maxDomain = 255
)

// matchEmail recognizes an e-mail address whose domain has a dot.
func matchEmail(s string) int {
	n := 0
	for n < len(s) && n <= maxLocal && (is(s[n], isAlnum|isDot|isDash|isSpecial) || s[n] == '+') {
		n++
	}
	if n == 0 || n >= len(s) || s[n] != '@' {
		return 0
	}
	domain := matchDomain(s[n+1:])
	if domain == 0 {
		return 0
	}
	return n + 1 + domain
}

// matchDomain returns the length of the longest domain at the start of s that
// ends in a label of two or more letters.
func matchDomain(s string) int {
	run := 0
	for run < len(s) && run < maxDomain && (is(s[run], isAlnum|isDot) || s[run] == '-') {
		run++
	}
	longest := 0
	for i := 1; i < run; i++ {
		if s[i] != '.' || s[i-1] == '.' {
			continue
		}
		letters := span(s[i+1:run], isLetter, run)
		if letters >= 2 && endsAt(s, i+1+letters) {
			longest = i + 1 + letters
		}
	}
	return longest
}

// matchURL recognizes scheme://, even percent-encoded. Everything after it is part of
// the URL.
func matchURL(s string) int {
	n := span(s, isLower, 12)
	if n < 2 {
		return 0
	}
	if rest := s[n:]; strings.HasPrefix(rest, "://") || len(rest) >= 9 && strings.EqualFold(rest[:9], "%3A%2F%2F") {
		return len(s)
	}
	return 0
}

// numberKind returns the kind of a run of digits by its length and value. Times are
// limited to plausible years, so that few other numbers are taken for them: Unix times
// from 2014 to 2033, dates from 1900 to 2099.
func numberKind(s string) Kind {
	unix := s[0] == '1' && len(s) >= 10 && s[1] >= '4'
	switch len(s) {
	case 8:
		if isCompactDate(s) {
			return Date8
		}
	case 10:
		if unix {
			return TS
		}
		fallthrough
	case 12, 14:
		if isCompactDateTime(s) {
			return DateTime
		}
	case 13:
		if unix {
			return TSMillis
		}
	case 16:
		if unix {
			return TSMicros
		}
	}
	return Int
}

// matchSigned recognizes a negative number that fills its segment. The minus sign
// before other numbers is a delimiter.
func matchSigned(s string, delims *Delimiters) (Kind, int) {
	if len(s) < 2 || s[0] != '-' || !is(s[1], isDigit) {
		return Literal, 0
	}
	kind, n := matchDotted(s[1:])
	if n == 0 {
		kind, n = Int, span(s[1:], isDigit, len(s))
	}
	if n++; n < len(s) && !delims.is(s[n], isStrong|isMedium) || kind == SemVer {
		return Literal, 0
	}
	return kind, n
}

// matchDotted recognizes numbers with dots: 1.5 is a float, 1.2.3 a version.
func matchDotted(s string) (Kind, int) {
	n, dots := dottedDigits(s)
	switch {
	case dots == 0 || !endsAt(s, n):
		return Literal, 0
	case dots == 1:
		return Float, n
	}
	return SemVer, n + preRelease(s[n:])
}

// dottedDigits returns the length of the runs of digits at the start of s that are
// separated by single dots, and the number of dots.
func dottedDigits(s string) (n, dots int) {
	n = span(s, isDigit, len(s))
	for n > 0 && n+1 < len(s) && s[n] == '.' && is(s[n+1], isDigit) {
		n++
		n += span(s[n:], isDigit, len(s))
		dots++
	}
	return n, dots
}

// matchVersion recognizes v1.2 and v1.2.3-rc.1.
func matchVersion(s string) int {
	if len(s) < 4 || s[0]|0x20 != 'v' {
		return 0
	}
	n, dots := dottedDigits(s[1:])
	if n++; dots == 0 || !endsAt(s, n) {
		return 0
	}
	return n + preRelease(s[n:])
}

// preRelease returns the length of a suffix such as -rc.1 or -SNAPSHOT.
func preRelease(s string) int {
	if len(s) < 2 || s[0] != '-' {
		return 0
	}
	word := 1 + span(s[1:], isLetter, 16)
	switch s[1:word] {
	case "alpha", "beta", "rc", "pre", "preview", "dev", "snapshot", "SNAPSHOT", "canary", "next":
	default:
		return 0
	}
	n := word
	if n < len(s) && s[n] == '.' {
		n++
	}
	n += span(s[n:], isDigit, len(s))
	if !endsAt(s, n) {
		return 0
	}
	return n
}

// matchPhone recognizes a telephone number in the international form.
func matchPhone(s string) int {
	n := 1 + span(s[1:], isDigit, len(s))
	if n < 9 || n > 16 || !endsAt(s, n) {
		return 0
	}
	return n
}

// matchTime recognizes dates, months, weeks, and dates with a time of day. Compact ones
// without a T are left to numberKind.
func matchTime(s string) (Kind, int) {
	if len(s) < 7 || !isYear(s) {
		return Literal, 0
	}
	kind, n := matchDay(s)
	if n == 0 {
		return matchMonthOrWeek(s)
	}
	if t := matchClock(s[n:]); t > 0 {
		return DateTime, n + t
	}
	if kind == Date8 || !endsAt(s, n) {
		return Literal, 0
	}
	return kind, n
}

// matchDay recognizes 2024-01-02 and 20240102.
func matchDay(s string) (Kind, int) {
	if len(s) >= 8 && isCompactDate(s[:8]) {
		return Date8, 8
	}
	if len(s) < 10 || s[7] != s[4] || !isMonth(s[5:]) || !isDay(s[8:]) {
		return Literal, 0
	}
	switch s[4] {
	case '-', '/', '.', '_':
		return Date, 10
	}
	return Literal, 0
}

// matchMonthOrWeek recognizes 2024-01, 2024-W05 and 2024W05.
func matchMonthOrWeek(s string) (Kind, int) {
	if s[4] == '-' && isMonth(s[5:]) && endsAt(s, 7) {
		return Month, 7
	}
	i := 4
	if s[i] == '-' {
		i++
	}
	if s[i] == 'W' && inRange(s[i+1:], 1, 53) && endsAt(s, i+3) {
		return Week, i + 3
	}
	return Literal, 0
}

// matchClock recognizes the time of day after a date: T15, T15:04, T15:04:05.000Z,
// T150405+0100. After a space, minutes are required.
func matchClock(s string) int {
	if len(s) < 3 || !inRange(s[1:], 0, 23) {
		return 0
	}
	n := 3
	if minutes := matchSixty(s[n:]); minutes > 0 {
		n += minutes
		n += matchSixty(s[n:])
		n += fraction(s[n:])
	} else if s[0] == ' ' {
		return 0
	}
	switch s[0] {
	case 'T', 't', ' ':
	default:
		return 0
	}
	if n += matchZone(s[n:]); !endsAt(s, n) {
		return 0
	}
	return n
}

// matchSixty recognizes minutes or seconds, with or without a colon.
func matchSixty(s string) int {
	i := 0
	if len(s) > 0 && s[0] == ':' {
		i = 1
	}
	if !inRange(s[i:], 0, 60) {
		return 0
	}
	return i + 2
}

func fraction(s string) int {
	if len(s) < 2 || s[0] != '.' && s[0] != ',' || !is(s[1], isDigit) {
		return 0
	}
	return 1 + span(s[1:], isDigit, 9)
}

// matchZone recognizes Z, +01, +0100 and +01:00.
func matchZone(s string) int {
	switch {
	case len(s) > 0 && (s[0] == 'Z' || s[0] == 'z'):
		return 1
	case len(s) < 3 || s[0] != '+' && s[0] != '-' || !inRange(s[1:], 0, 14):
		return 0
	}
	return 3 + matchSixty(s[3:])
}

// isCompactDate reports whether s starts with a date like 20240102.
func isCompactDate(s string) bool {
	return isYear(s) && isMonth(s[4:]) && isDay(s[6:])
}

// isCompactDateTime reports whether s is such a date with hours, and perhaps minutes
// and seconds.
func isCompactDateTime(s string) bool {
	if !isCompactDate(s) || !inRange(s[8:], 0, 23) {
		return false
	}
	for i := 10; i < len(s); i += 2 {
		if !inRange(s[i:], 0, 59) {
			return false
		}
	}
	return true
}

func isYear(s string) bool  { return len(s) >= 4 && inRange(s, 19, 20) && inRange(s[2:], 0, 99) }
func isMonth(s string) bool { return inRange(s, 1, 12) }
func isDay(s string) bool   { return inRange(s, 1, 31) }

// inRange reports whether s starts with two digits whose value is from lo to hi.
func inRange(s string, lo, hi int) bool {
	if len(s) < 2 || !is(s[0], isDigit) || !is(s[1], isDigit) {
		return false
	}
	v := int(s[0]-'0')*10 + int(s[1]-'0')
	return lo <= v && v <= hi
}
