package pattern

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// level is the strength of a delimiter. Several levels are OR-ed together. It has its
// own type, so that it cannot be looked up in the table of character classes, which is
// the same for all names.
type level uint8

const (
	isStrong level = 1 << iota // of the first level
	isMedium                   // of the second
	isWeak                     // of the third
)

// DefaultDelimiters are the first-level delimiters, unless others are chosen.
const DefaultDelimiters = ":/|#{}[]()"

// Delimiters holds the strength of each character as a delimiter. The first level is
// chosen by the user. Of all other punctuation, - and _ are weak, and the rest is of
// the second level. Delimiters are immutable, so lexers may share them.
type Delimiters struct {
	levels     [256]level // by byte; 0 if it is not a delimiter
	strongDash bool       // - or _ is of the first level
}

var defaultDelimiters = makeDelimiters(DefaultDelimiters)

// ParseDelimiters returns the delimiters with chars as the first level: at least one
// printable ASCII character, and neither letters nor digits.
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

// errNoDelimiter returns an error that says why the first character of s cannot be a
// delimiter.
func errNoDelimiter(s string) error {
	_, n := utf8.DecodeRuneInString(s)
	switch char := s[:n]; {
	case is(s[0], isLetter):
		return fmt.Errorf("%q is a letter", char)
	case is(s[0], isDigit):
		return fmt.Errorf("%q is a digit", char)
	default:
		return fmt.Errorf("%q is not a printable ASCII character", char)
	}
}

// makeDelimiters returns the delimiters with the given first level.
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

// inDictionary returns the first level as a dictionary stores it.
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

// hasStronger reports whether s, whose classes are all, has a delimiter that is not
// weak. It looks for a dash only if dashes are strong.
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

// encodedDelimiter returns the delimiter that is percent-encoded at the start of s, or
// 0.
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

// class is a set of properties of a byte. The classes of several bytes are OR-ed
// together into the class of a text.
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

// isHex reports whether text of class c consists only of hexadecimal digits.
func (c class) isHex() bool { return c.only(isAlnum) }

// isSingleCase reports whether text of class c consists only of letters of one case.
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

// span returns the number of bytes at the start of s, at most limit, that have one of
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

// Kind is the kind of a token: text that is kept, or the placeholder that replaces it.
type Kind uint8

// The kinds of token. Those from Bin on are placeholders.
const (
	Literal   Kind = iota // text that is kept unchanged
	Delimiter             // one punctuation mark, perhaps percent-encoded

	Bin  // the rest of a name from the first part that is not printable text
	Rest // the rest of a name that is too long or too deep
	Java // the header that Java serialization puts before a string

	UUID   // 8-4-4-4-12 hexadecimal digits
	ULID   // 26 characters of Crockford's base 32
	KSUID  // 27 random letters and digits
	NanoID // 21 random characters of the URL-safe base 64 alphabet
	Hex16  // 16 hexadecimal digits; the next five likewise
	Hex24
	Hex32
	Hex40
	Hex64
	Hex128
	Hex    // hexadecimal digits of any other number, at least 7
	Rand   // a random token
	Base64 // padded or standard base 64
	JWT    // a JSON web token

	Int    // a whole number
	Float  // a number with a decimal point
	SemVer // a version: three or more numbers, or two after a v
	Phone  // + and 8 to 15 digits

	Date     // 2024-01-02, also with / . or _
	Date8    // 20240102
	Month    // 2024-01
	Week     // 2024-W05
	DateTime // a date with a time of day, compact or not
	TS       // Unix time in seconds, from 2014 to 2033
	TSMillis // the same in milliseconds
	TSMicros // the same in microseconds

	IP4   // an IPv4 address
	IP6   // an IPv6 address
	MAC   // six pairs of hexadecimal digits
	Email // an e-mail address
	URL   // scheme:// and all that follows

	numKinds
)

// kindNames holds what String returns. The names of placeholders are part of
// the patterns, so a change needs a new Version.
var kindNames = [numKinds]string{
	Literal: "literal", Delimiter: "delimiter",
	Bin: "<bin>", Rest: "<...>", Java: "<java>",
	UUID: "<uuid>", ULID: "<ulid>", KSUID: "<ksuid>", NanoID: "<nanoid>",
	Hex16: "<hex16>", Hex24: "<hex24>", Hex32: "<hex32>", Hex40: "<hex40>",
	Hex64: "<hex64>", Hex128: "<hex128>", Hex: "<hex>",
	Rand: "<rand>", Base64: "<b64>", JWT: "<jwt>",
	Int: "<int>", Float: "<float>", SemVer: "<version>", Phone: "<phone>",
	Date: "<date>", Date8: "<date8>", Month: "<month>", Week: "<week>",
	DateTime: "<datetime>", TS: "<ts>", TSMillis: "<ts_ms>", TSMicros: "<ts_us>",
	IP4: "<ip4>", IP6: "<ip6>", MAC: "<mac>", Email: "<email>", URL: "<url>",
}

// String returns the placeholder as it is printed, such as <uuid>, or the
// words literal and delimiter.
func (k Kind) String() string {
	if k < numKinds {
		return kindNames[k]
	}
	return "Kind(" + strconv.Itoa(int(k)) + ")"
}

// IsPlaceholder reports whether tokens of this kind are printed as a
// placeholder instead of their own text.
func (k Kind) IsPlaceholder() bool { return k > Delimiter }
