package pattern

// class is a set of properties of a byte. The classes of several bytes are
// OR-ed together to say what occurs in a stretch of text.
type class uint16

const (
	isDigit   class = 1 << iota // 0-9
	isLower                     // a-z
	isUpper                     // A-Z
	isNonHex                    // a letter beyond f
	isDash                      // - _, which random tokens contain too
	isPunct                     // other punctuation, and the space
	isSpecial                   // not printable ASCII
	isAt                        // @
	isDot                       // .
	isColon                     // :
	isSlash                     // /
	isPercent                   // %
	isEscaped                   // < > \ " may be printed with a backslash
	isPad                       // = or +, which only padded or standard base 64 has

	isLetter = isLower | isUpper
	isAlnum  = isLetter | isDigit
	isDelim  = isDash | isPunct
)

// classOf maps each byte to its class.
var classOf = makeClasses()

func makeClasses() (t [256]class) {
	for b := range t {
		t[b] = byteClass(byte(b))
	}
	for chars, c := range map[string]class{
		"@": isAt, ".": isDot, ":": isColon, "/": isSlash, "%": isPercent, "=+": isPad, `<>\"`: isEscaped,
	} {
		for i := range len(chars) {
			t[chars[i]] |= c
		}
	}
	return t
}

func byteClass(b byte) class {
	switch {
	case b < ' ' || b > '~':
		return isSpecial
	case '0' <= b && b <= '9':
		return isDigit
	case 'a' <= b && b <= 'f':
		return isLower
	case 'g' <= b && b <= 'z':
		return isLower | isNonHex
	case 'A' <= b && b <= 'F':
		return isUpper
	case 'G' <= b && b <= 'Z':
		return isUpper | isNonHex
	case b == '-' || b == '_':
		return isDash
	}
	return isPunct
}

// is reports whether b has one of the properties in c.
func is(b byte, c class) bool { return classOf[b]&c != 0 }

// only reports whether c has no property outside those in allowed.
func (c class) only(allowed class) bool { return c&^allowed == 0 }

// isHex reports whether text of class c consists of hexadecimal digits alone.
func (c class) isHex() bool { return c.only(isAlnum) }

// isSingleCase reports whether text of class c consists of letters of one case.
func (c class) isSingleCase() bool { return c.only(isLetter|isNonHex) && !c.isMixed() }

// isMixed reports whether both cases occur.
func (c class) isMixed() bool { return c&isLetter == isLetter }

// classes returns the union of the classes of the bytes of s. It reads every
// byte of every name, so it takes four at a time.
func classes(s string) (all class) {
	for len(s) >= 4 {
		all |= classOf[s[0]] | classOf[s[1]] | classOf[s[2]] | classOf[s[3]]
		s = s[4:]
	}
	for i := range len(s) {
		all |= classOf[s[i]]
	}
	return all
}

// span returns how many bytes at the start of s, at most limit, have one of
// the properties in c.
func span(s string, c class, limit int) int {
	n := min(len(s), limit)
	for i := 0; i < n; i++ {
		if classOf[s[i]]&c == 0 {
			return i
		}
	}
	return n
}

// endsAt reports whether a token may end before s[i]: at the end of the text
// or at a delimiter.
func endsAt(s string, i int) bool { return i >= len(s) || is(s[i], isDelim) }

// isHexDigit reports whether b is one of 0-9 a-f A-F.
func isHexDigit(b byte) bool {
	c := classOf[b]
	return c&isAlnum != 0 && c&isNonHex == 0
}
