package pattern

import "strings"

//go:generate go run gen_bigrams.go

// Random tokens and words are separated by the likelihood of their pairs of characters.
//
// Each pair of neighboring characters is evidence: "th" suggests a word, "qk" and "x7"
// a random token. The evidence of a pair is the logarithm of its probability in a
// random token over that in an identifier, so the sum over a text is a log-likelihood
// ratio. A threshold on the sum needs no rule about lengths: short texts cannot gather
// enough evidence, long ones always do. Evidence is in half bits, to use integers.
const (
	// A wrong <rand> hides a name that a person chose; a missed one leaves a literal
	// that the trie can still collapse. So a short text needs 9 bits (1 of 400 package
	// names reaches them), and 4 bits if it is long or mixes small letters, capitals
	// and digits. A mixed text that also has the length of a usual token needs none.
	shortEvidence = 18
	longEvidence  = 8
	longLength    = 16
	// A text of 20 bytes or more that has a usual token's length, small letters,
	// capitals and digits, and no delimiter, is a word only if it clearly reads
	// like one: of 200,000 base-62 tokens of 24 bytes the lowest had -18, and
	// names such as OAuth2AuthorizationCode1 gather less than -26.
	tokenEvidence = -24
	tokenLength   = 20
	// Without digits, names have more evidence (PHPSESSIDgcMaxLifetimeAA: -18).
	letterTokenEvidence = -12
	never               = 1 << 20

	// minRandom is the length of the shortest random token.
	minRandom = 6
	// maxWord is the length of the longest word.
	maxWord = 64
	// evidenceLength is the number of bytes that are examined: more would not change
	// the result.
	evidenceLength = 256
	// wordEvidence is the most evidence of a text that is clearly a word.
	wordEvidence  = -8
	camelEvidence = -14
)

// Symbols of the evidence tables: a letter in either case, a digit, a weak delimiter.
// Other bytes count as delimiters.
const (
	symUpper = 26
	symDigit = 52
	symDelim = 53
	numSyms  = 64 // a power of two, so that an index needs no bounds check
)

type evidenceTable [numSyms * numSyms]int8

var (
	symbolOf             = makeSymbols()
	mixedTable, oneTable = makeEvidence()
)

func makeSymbols() (t [256]uint8) {
	for b := range t {
		switch c := byteClass(byte(b)); {
		case c&isLower != 0:
			t[b] = uint8(b - 'a')
		case c&isUpper != 0:
			t[b] = uint8(b-'A') + symUpper
		case c&isDigit != 0:
			t[b] = symDigit
		default:
			t[b] = symDelim
		}
	}
	return t
}

// makeEvidence expands the trained tables, so that a pair needs one lookup instead of
// three.
func makeEvidence() (mixed, one *evidenceTable) {
	mixed, one = new(evidenceTable), new(evidenceTable)
	for a := range symDigit + 1 {
		for b := range symDigit + 1 {
			letters := int8(0)
			if a < symDigit && b < symDigit {
				letters = base36(letterEvidence[a%26][b%26]) - 8
			}
			mixed[a*numSyms+b] = letters + mixedEvidence[a/26][b/26]
			one[a*numSyms+b] = letters + singleEvidence[a/symDigit][b/symDigit]
		}
		// A random URL-safe token has one delimiter in 32, names have one in 8.
		mixed[a*numSyms+symDelim], one[a*numSyms+symDelim] = -4, -4
	}
	return mixed, one
}

func base36(b byte) int8 {
	if b <= '9' {
		return int8(b - '0')
	}
	return int8(b-'a') + 10
}

// evidence returns the evidence that s, whose classes are all, is random. It is
// negative for words.
func evidence(s string, all class) (sum int) {
	if len(s) == 0 {
		return 0
	}
	table := oneTable
	if all.isMixed() {
		table = mixedTable
	}
	prev := int(symbolOf[s[0]])
	for i := 1; i < len(s) && i < evidenceLength; i++ {
		sym := int(symbolOf[s[i]])
		sum += int(table[(prev*numSyms+sym)&(numSyms*numSyms-1)])
		prev = sym
	}
	return sum
}

// isRandom reports whether s, whose classes are all, is clearly a random token.
func isRandom(s string, all class) bool {
	n := len(s)
	switch {
	case n < minRandom || all&isSpecial != 0:
		return false
	case n > maxWord && all&isDash == 0:
		return true
	}
	needed := neededEvidence(n, all)
	return evidence(s, all) >= needed && (n >= longLength || evidence(s, all)-convertsTo(s) >= needed)
}

// neededEvidence returns the evidence that n bytes of these classes need to count as
// random.
func neededEvidence(n int, all class) int {
	long, varied := n >= longLength, all&isAlnum == isAlnum
	switch {
	case n >= tokenLength && all.isMixed() && all&isDash == 0 && usualLength(n, all):
		if varied {
			return tokenEvidence
		}
		return letterTokenEvidence
	case long && varied && usualLength(n, all):
		return 0
	case all&isDash != 0:
		return shortEvidence
	case long || varied:
		return longEvidence
	case all.only(isLetter|isNonHex) && !all.isMixed():
		return never // unknown words and foreign names have unusual pairs of letters too
	}
	return shortEvidence
}

// convertsTo returns the evidence to subtract for the 2 in names such as csv2sql and
// img2pdf, where it is a word.
func convertsTo(s string) int {
	for i := 1; i < len(s)-1; i++ {
		if s[i] == '2' && is(s[i-1], isLetter) && is(s[i+1], isLetter) {
			return int(singleEvidence[0][1] + singleEvidence[1][0])
		}
	}
	return 0
}

// isClearWord reports whether s is a word. Capitals within it, as in camel case, occur
// more often in random text, so such words need more evidence.
func isClearWord(s string, all class) bool {
	if len(s) < 4 || len(s) > maxWord || !all.only(isLetter|isNonHex) {
		return false
	}
	limit := wordEvidence
	if all.isMixed() && classes(s[1:])&isUpper != 0 {
		limit = camelEvidence
	}
	return evidence(s, all) <= limit
}

// namesWithDigits are technical words that end in two or more digits. They are names,
// not a word and a number.
var namesWithDigits = makeNames(`
	utf16 utf32 ucs16 base16 base32 base36 base45 base58 base62 base64 base85 base91 ascii85
	sha224 sha256 sha384 sha512 ripemd160 crc16 crc32 crc64 fnv32 fnv64 xxh32 xxh64 xxh128 murmur32
	aes128 aes192 aes256 rsa2048 rsa4096 blake256 blake512 ed25519 x25519 curve25519 secp256 chacha20
	hs256 hs384 hs512 rs256 rs384 rs512 es256 es384 es512 ps256 ps384 ps512
	x86 x64 x509 x25 amd64 arm64 arm32 win16 win32 win64 mips64 ppc64 i386 i486 i586 i686 linux64
	int16 int32 int64 uint16 uint32 uint64 float16 float32 float64 bfloat16 decimal128
	h261 h263 h264 h265 mp42 av01 vp80 ieee754 iso8601 iso27001 iso3166 iso4217 iso639 rfc822 rfc2822 rfc3339
	tls10 tls11 tls12 tls13 http10 http11 http20 oauth10 oauth20 saml11 saml20 web20 web30 socks5h
	covid19 sqlite32 py27 py36 py37 py38 py39 py310 py311 py312 py313 jdk11 jdk17 jdk21 java11 java17
	es2015 es2016 es2017 es2018 es2019 es2020 gb2312 gbk18030 gb18030 latin10 windows1252 cp1252 log10 log4j12
`)

func makeNames(words string) map[string]bool {
	names := map[string]bool{}
	for _, w := range strings.Fields(words) {
		names[w] = true
	}
	return names
}

// maxNameWithDigits is longer than any of these names.
const maxNameWithDigits = 16

// isNameWithDigits reports whether the digits belong to the word before them:
// sha256, useSha256, v12.
func isNameWithDigits(before, digits string) bool {
	start := len(before)
	for start > 0 && is(before[start-1], isLetter) {
		start--
	}
	letters := before[start:]
	if len(letters) == 1 && letters[0]|0x20 == 'v' {
		return len(digits) <= 3
	}
	return isKnownName(letters, digits) || isKnownName(letters[lastHump(letters):], digits)
}

// lastHump returns the start of the last word of a camel-case name.
func lastHump(s string) int {
	for i := len(s) - 1; i > 0; i-- {
		if is(s[i], isUpper) && is(s[i-1], isLower) {
			return i
		}
	}
	return 0
}

// isKnownName looks up letters and digits, in any case, without allocating.
func isKnownName(letters, digits string) bool {
	var buf [maxNameWithDigits]byte
	n := len(letters) + len(digits)
	if n > len(buf) || letters == "" {
		return false
	}
	for i := range len(letters) {
		buf[i] = letters[i] | 0x20
	}
	copy(buf[len(letters):], digits)
	return namesWithDigits[string(buf[:n])]
}

// numberInWord returns the range of the number in s that varies: two digits at the end,
// or three anywhere. Fewer digits are more often part of a name, as in oauth2 and h264.
// A word with several numbers is not split: it may be a code, and its pieces say less
// than the whole.
func numberInWord(s string) (start, end int) {
	for i := 0; i < len(s); {
		j := i + span(s[i:], isDigit, len(s))
		if j == i {
			i++
			continue
		}
		if !isNameWithDigits(s[:i], s[i:j]) {
			if end > 0 {
				return 0, 0
			}
			start, end = i, j
		}
		i = j
	}
	if n := end - start; n < 2 || n == 2 && (end < len(s) || start == 0) {
		return 0, 0
	}
	return start, end
}

// dimension returns the number of digits of a width and a height, as in 64x64.
func dimension(s string) (width, height int) {
	w := span(s, isDigit, len(s))
	if w == 0 || w+1 >= len(s) || s[w] != 'x' {
		return 0, 0
	}
	h := span(s[w+1:], isDigit, len(s))
	if h != len(s)-w-1 || w+h < 3 {
		return 0, 0
	}
	return w, h
}
