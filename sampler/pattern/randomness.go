package pattern

//go:generate go run gen_bigrams.go

// How random tokens are told from words.
//
// Each pair of neighbouring characters is evidence: "th" speaks for a word, "qk"
// and "x7" for a random token. The evidence of a pair is the logarithm of its
// probability in a random token over that in an identifier, so the sum over a
// text is a log-likelihood ratio. A threshold on the sum needs no rule about
// lengths: short texts cannot gather enough evidence, long ones always do.
// Evidence is in half bits, to stay in integers.
const (
	// A wrong <rand> hides a name that a person chose, a missed one leaves a
	// literal that the trie can still collapse. So a short text needs 9 bits (1
	// of 400 package names reaches them), and 4 bits if it is long or mixes
	// small letters, capitals and digits. A text whose length is that of a usual
	// token as well needs none.
	shortEvidence = 18
	longEvidence  = 8
	longLength    = 16
	// A text of 20 bytes or more that has a usual token's length, small letters,
	// capitals and digits, and no delimiter, is a word only if it clearly reads
	// like one: of 200,000 base-62 tokens of 24 bytes the lowest had -18, and
	// names such as OAuth2AuthorizationCode1 gather less than -26.
	tokenEvidence = -24
	tokenLength   = 20
	// Without digits, names come nearer (PHPSESSIDgcMaxLifetimeAA: -18).
	letterTokenEvidence = -12
	never               = 1 << 20

	// minRandom is the length below which no text is taken for random.
	minRandom = 6
	// maxWord is the length above which no text is taken for a word.
	maxWord = 64
	// evidenceLength bounds the text that is looked at: more changes nothing.
	evidenceLength = 256
	// wordEvidence is at most the evidence of a text that is clearly a word.
	wordEvidence  = -8
	camelEvidence = -14
)

// Symbols of the evidence tables: a letter in either case, a digit, a weak
// delimiter. Other bytes count as delimiters.
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

// makeEvidence expands the trained tables: one look-up a pair instead of three.
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

// evidence returns the evidence that s, whose classes are all, is random. It
// is negative for words.
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

// neededEvidence returns the evidence asked of n bytes of these classes.
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
		return never // unknown words and foreign names have unusual letters too
	}
	return shortEvidence
}

// convertsTo returns the evidence to take back for the 2 of names such as
// csv2sql and img2pdf, where it is a word.
func convertsTo(s string) int {
	for i := 1; i < len(s)-1; i++ {
		if s[i] == '2' && is(s[i-1], isLetter) && is(s[i+1], isLetter) {
			return int(singleEvidence[0][1] + singleEvidence[1][0])
		}
	}
	return 0
}

// isClearWord reports whether s is a word. Capitals within it, as in camel case,
// occur in random text more often, so they need more evidence.
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
