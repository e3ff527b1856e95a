package pattern

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// javaHeader starts every string that Java's serialisation writes, as Spring's
// default key serializer does. Two bytes of length follow.
const javaHeader = "\xac\xed\x00\x05t"

// markBinary looks at a name that is not plain ASCII: it takes off a Java
// header, and ends text where the part begins that cannot be printed.
func (l *Lexer) markBinary() {
	if n := javaHeaderLen(l.name); n > 0 {
		l.push(Java, n)
		l.boundary = isStrong
	}
	if bad := l.pos + unprintable(l.name[l.pos:]); bad < len(l.name) {
		l.text = l.name[:max(l.pos, binaryStart(l.name, bad, l.delims))]
	}
}

// javaHeaderLen returns the length of the Java header of name, or 0. The length
// in the header must be that of the rest.
func javaHeaderLen(name string) int {
	n := len(javaHeader) + 2
	if !strings.HasPrefix(name, javaHeader) || len(name) < n {
		return 0
	}
	if int(name[n-2])<<8|int(name[n-1]) != len(name)-n {
		return 0
	}
	return n
}

// unprintable returns the index of the first byte that is not part of a
// printable character, or len(s).
func unprintable(s string) int {
	for i := 0; i < len(s); {
		if b := s[i]; b < utf8.RuneSelf {
			if is(b, isSpecial) {
				return i
			}
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n == 1 || !unicode.IsPrint(r) {
			return i
		}
		i += n
	}
	return len(s)
}

// binaryStart returns where the binary part begins whose first unprintable
// byte is at bad: after the last delimiter before it. Some bytes of binary data
// look like delimiters, so only one that ends a plausible segment counts.
func binaryStart(s string, bad int, delims *Delimiters) int {
	for end := lastDelimiter(s, bad); end >= 0; {
		start := lastDelimiter(s, end)
		if plausibleSegment(s[start+1:end], delims.is(s[end], isStrong)) {
			return end + 1
		}
		end = start
	}
	return 0
}

func lastDelimiter(s string, before int) int {
	i := before - 1
	for i >= 0 && !is(s[i], isDelim) {
		i--
	}
	return i
}

// plausibleSegment reports whether a person may have written the segment that
// ends at a delimiter, which may be strong. The longer it is, the less likely is it binary data.
func plausibleSegment(s string, strong bool) bool {
	all := classes(s)
	oneKind := all.only(isDigit) || all.only(isSpecial) || all.isSingleCase()
	switch {
	case len(s) == 0:
		return false
	case len(s) == 1:
		return strong && all&(isDigit|isLower) != 0
	case len(s) <= 3:
		return oneKind && (strong || len(s) == 3)
	}
	return oneKind || strong
}
