package pattern

import "strconv"

// Kind says what a token is: text that is kept, or which placeholder stands
// for it.
type Kind uint8

// The kinds of token. Those from Bin on are placeholders.
const (
	Literal   Kind = iota // text that is kept as it is
	Delimiter             // one punctuation mark, perhaps percent-encoded

	Bin  // the rest of a name from the first part that is not printable text
	Rest // the rest of a name that is too long or too deep
	Java // the header that Java serialisation puts before a string

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
