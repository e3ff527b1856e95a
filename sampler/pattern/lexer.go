package pattern

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// The limits of a pattern. A name that exceeds one ends in <...>.
const (
	// MaxPattern is the length of the longest pattern, in bytes.
	MaxPattern = 512
	// MaxSegments is the number of first-level segments that a pattern shows.
	MaxSegments = 12
	// MaxTokens is the number of tokens that a name is cut into.
	MaxTokens = 64
)

// Token is a part of a name and its kind. The tokens of a name follow one another
// without gaps, from its first byte to its last.
type Token struct {
	Kind  Kind
	Start int32 // index of the first byte in the name
	End   int32 // index after the last byte
}

// Text returns the token's part of name.
func (t Token) Text(name string) string { return name[t.Start:t.End] }

// Lexer cuts names into tokens. It reuses scratch space for each name, so it is not
// safe for concurrent use. The zero value is ready to use, with the default delimiters.
type Lexer struct {
	name string // the whole name
	text string // its printable part, up to a <bin>
	all  class  // the classes of the bytes of name

	delims *Delimiters

	pos      int   // everything before is in tokens
	boundary level // level of the delimiter before pos; 0 after other tokens
	segments int   // first-level segments so far
	width    int   // printed length of tokens

	noRunBefore int // no opaque run starts before this position

	firm   bool // a strong or medium delimiter is among the tokens
	joined bool // literals have been joined
	apart  bool // literals are not joined

	n      int
	tokens [MaxTokens]Token
}

// NewLexer returns a new Lexer with the default delimiters.
func NewLexer() *Lexer { return defaultDelimiters.newLexer() }

func (d *Delimiters) newLexer() *Lexer { return &Lexer{delims: d} }

// Tokens returns the tokens of name. They are valid until the next call. The empty name
// has none.
func (l *Lexer) Tokens(name string) []Token {
	if l.delims == nil {
		l.delims = defaultDelimiters
	}
	l.all = classes(name)
	l.cutUp(name, !l.delims.hasStronger(name, l.all))
	if l.joined && !l.firm {
		l.cutUp(name, true)
	}
	return l.tokens[:l.n]
}

// cutUp makes the tokens of name. Whether literals are joined must be visible in the
// pattern, so that it can be parsed. A name whose only strong or medium delimiters are
// inside placeholders is therefore cut up twice.
func (l *Lexer) cutUp(name string, apart bool) {
	l.reset(name)
	l.apart = apart
	for l.pos < len(l.text) {
		l.step()
	}
	if l.pos < len(name) {
		l.push(Bin, len(name))
	}
}

func (l *Lexer) reset(name string) {
	l.name, l.text = name, name
	l.pos, l.boundary, l.segments, l.width, l.n = 0, isStrong, 0, 0, 0
	l.noRunBefore, l.firm, l.joined = 0, false, false
	if l.all&isSpecial != 0 {
		l.markBinary()
	}
}

// step reads the next element at pos: a form that may contain delimiters, a delimiter,
// or a part of the region between two strong or medium delimiters.
func (l *Lexer) step() {
	level := l.delims.levels[l.text[l.pos]]
	if l.boundary == isStrong && level != isStrong {
		if l.segments++; l.segments > MaxSegments {
			l.cut()
			return
		}
	}
	if l.boundary != 0 {
		if kind, n := l.structured(l.pos, l.boundary); n > 0 {
			l.push(kind, l.pos+n)
			return
		}
	}
	// A weak delimiter right after another may belong to an opaque token.
	if level&(isStrong|isMedium) != 0 || level == isWeak && l.boundary == 0 {
		l.delimiter(level)
		return
	}
	l.readPart()
}

// delimiter reads one delimiter. A percent-encoded delimiter has the level of the
// character that it encodes.
func (l *Lexer) delimiter(level level) {
	n := 1
	if encoded := encodedDelimiter(l.text[l.pos:]); encoded != 0 {
		level, n = l.delims.levels[encoded], 3
	}
	l.firm = l.firm || l.delims.is(l.text[l.pos], isStrong|isMedium)
	l.push(Delimiter, l.pos+n)
	l.boundary = level
}

// push appends a token from pos to end, or cuts the name short if it would exceed a
// limit.
func (l *Lexer) push(kind Kind, end int) {
	if end <= l.pos { // the name has been cut short already
		return
	}
	room, slots := MaxPattern, MaxTokens
	if end < len(l.name) { // reserve room for <...>
		room, slots = room-len(kindNames[Rest]), slots-1
	}
	width := printedWidth(kind, l.name[l.pos:end])
	if l.width+width > room || l.n >= slots {
		l.cut()
		return
	}
	l.width += width
	if kind == Literal && l.join(end) {
		l.pos = end
		return
	}
	l.add(kind, end)
}

// cut makes the rest of the name one token.
func (l *Lexer) cut() {
	l.text = l.name
	l.add(Rest, len(l.name))
}

func (l *Lexer) add(kind Kind, end int) {
	l.tokens[l.n] = Token{kind, int32(l.pos), int32(end)}
	l.n++
	l.pos, l.boundary = end, 0
}

// join merges a literal, a weak delimiter and the literal that ends at end into one
// token: a slug or a snake-case word is one name. Only in a name without stronger
// delimiters do weak ones separate segments, and then words are kept apart.
func (l *Lexer) join(end int) bool {
	if l.n < 2 || l.apart {
		return false
	}
	before, delim := &l.tokens[l.n-2], l.tokens[l.n-1]
	if before.Kind != Literal || delim.Kind != Delimiter || !l.delims.is(l.name[delim.Start], isWeak) {
		return false
	}
	before.End = int32(end)
	l.n--
	l.boundary, l.joined = 0, true
	return true
}

// printedWidth returns the number of bytes that the token adds to the pattern.
func printedWidth(kind Kind, text string) int {
	switch {
	case kind.IsPlaceholder():
		return len(kindNames[kind])
	case kind == Delimiter && is(text[0], isEscaped):
		return 2
	}
	return len(text)
}

// AppendPattern appends the pattern of name to dst and returns the extended slice. It
// allocates only if dst must grow. The pattern of the empty name is two quotation
// marks.
func (l *Lexer) AppendPattern(dst []byte, name string) []byte {
	if name == "" {
		return append(dst, emptyPattern...)
	}
	for _, t := range l.Tokens(name) {
		switch {
		case t.Kind.IsPlaceholder():
			dst = append(dst, kindNames[t.Kind]...)
		case t.Kind == Delimiter && mustEscape(name, t.Start):
			dst = append(dst, '\\', name[t.Start])
		default:
			dst = append(dst, name[t.Start:t.End]...)
		}
	}
	return dst
}

// emptyPattern is the pattern of the empty name. No other name has it, since a leading
// quotation mark is escaped.
const emptyPattern = `""`

// mustEscape reports whether the delimiter at name[i] needs a backslash before it in
// the pattern.
func mustEscape(name string, i int32) bool {
	return is(name[i], isEscaped) && (name[i] != '"' || i == 0)
}

// Of returns the pattern of name by the default delimiters. For many names,
// [Lexer.AppendPattern] is faster.
func Of(name string) string {
	return string(new(Lexer).AppendPattern(nil, name))
}

// Of returns the pattern of name.
func (d *Delimiters) Of(name string) string {
	return string((&Lexer{delims: d}).AppendPattern(nil, name))
}

// single reads one part that is not empty: a number, a token, or a literal.
func (l *Lexer) single(p part) {
	s := l.in(p)
	switch {
	case p.all.only(isDigit):
		l.push(numberKind(s), p.end)
	case p.all&isSpecial != 0:
		l.foreign(p)
	default:
		l.ascii(p)
	}
}

// foreign reads a part with letters outside ASCII. It is never a token. Digits of any
// script are a number when they are alone; within words only ASCII digits are.
func (l *Lexer) foreign(p part) {
	if allDigits(l.in(p)) {
		l.push(Int, p.end)
		return
	}
	l.literal(p)
}

func allDigits(s string) bool {
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		if !unicode.IsDigit(r) {
			return false
		}
		s = s[n:]
	}
	return true
}

// ascii reads a part of letters and perhaps digits.
func (l *Lexer) ascii(p part) {
	s := l.in(p)
	if n := gluedPrefix(s, p.all); n > 0 {
		l.push(Literal, p.start+n)
		s = s[n:]
		p = part{p.start + n, p.end, classes(s)}
	}
	if kind := tokenKind(s, p.all); kind != Literal {
		l.push(kind, p.end)
		return
	}
	l.literal(p)
}

// tokenKind returns the kind of a part without delimiters, or Literal if it is no
// token.
func tokenKind(s string, all class) Kind {
	if all.isHex() {
		if kind := hexKind(s, all); kind != Literal {
			return kind
		}
	}
	if isULID(s, all) {
		return ULID
	}
	return opaque(s, all)
}

// literal reads a part that is text, except for a number in it: user123 becomes
// user<int>.
func (l *Lexer) literal(p part) {
	if p.all&isDigit == 0 {
		l.pushText(p.end)
		return
	}
	s := l.in(p)
	if w, h := dimension(s); w > 0 {
		l.push(Int, p.start+w)
		l.push(Literal, p.start+w+1)
		l.push(Int, p.start+w+1+h)
		return
	}
	if i, j := numberInWord(s); i < j {
		l.pushText(p.start + i)
		l.push(numberKind(s[i:j]), p.start+j)
	}
	l.pushText(p.end)
}

// pushText appends a literal up to end, unless it is empty.
func (l *Lexer) pushText(end int) {
	if l.pos < end {
		l.push(Literal, end)
	}
}

// A region is a stretch without strong or medium delimiters, such as celery-task-meta
// or a URL-safe random token. Weak delimiters divide it into parts. Only several parts
// together show whether a weak delimiter separates words or is one of 64 random
// characters. The functions below examine them.

// part is one part of a region; it may be empty.
type part struct {
	start, end int
	all        class // the classes of its bytes
}

// partAt returns the part that starts at start.
func (l *Lexer) partAt(start int) part {
	p := part{start: start, end: start}
	for p.end < len(l.text) {
		c := classOf[l.text[p.end]]
		if c&isDelim != 0 {
			break
		}
		p.all |= c
		p.end++
	}
	return p
}

// in returns the text of p.
func (l *Lexer) in(p part) string { return l.text[p.start:p.end] }

// more reports whether a weak delimiter, and so another part, follows p.
func (l *Lexer) more(p part) bool { return p.end < len(l.text) && l.delims.is(l.text[p.end], isWeak) }

// readPart reads the part at pos, or the run of parts that are one opaque token.
func (l *Lexer) readPart() {
	p := l.partAt(l.pos)
	glued := gluedUUID(l.text[p.start:], p.end-p.start)
	if !glued && l.more(p) && l.pos >= l.noRunBefore && !l.standsAlone(p) && l.run(p) {
		return
	}
	switch {
	case p.start == p.end:
		l.delimiter(isWeak)
	case glued:
		l.literal(part{p.start, p.end - uuidFirst, p.all})
		l.push(UUID, min(l.pos+uuidLen, len(l.text)))
	default:
		l.single(p)
	}
}

// standsAlone reports whether p cannot be a piece of a random token.
func (l *Lexer) standsAlone(p part) bool {
	return p.all&isSpecial != 0 || isFixedHex(l.in(p), p.all) || isClearWord(l.in(p), p.all)
}

// run tries to read the run of parts that starts with p as one token.
func (l *Lexer) run(first part) bool {
	end, rest := l.runEnd(first)
	if end == first.end { // single reads a part alone
		return false
	}
	text, tail := l.text[first.start:end], l.text[first.end+1:end]
	if isPrefix(l.in(first), first.all) && (isRandom(tail, rest) && !onlyWhole(len(text), len(tail), rest) || isLongHex(tail, rest)) {
		return false // single reads the prefix, and then comes the tail
	}
	if kind := opaque(text, first.all|rest|isDash); kind != Literal {
		l.push(kind, end)
		return true
	}
	l.noRunBefore = end
	return false
}

// runEnd returns the end of the run that starts with p, and the classes of all
// characters after p in it. A run ends before a part that is clearly something else: a
// word, a number, a date, a UUID.
func (l *Lexer) runEnd(p part) (end int, rest class) {
	delim := class(0) // the delimiters between parts of rest; none before the first
	for l.more(p) {
		next := l.partAt(p.end + 1)
		if next.end > next.start && l.breaksRun(next) {
			break
		}
		rest |= next.all | delim
		p, delim = next, isDash
	}
	return p.end, rest
}

// breaksRun reports whether p, within a run, is not a piece of a random token. About
// one in a thousand tokens of 64 random characters has a piece that looks so by chance.
func (l *Lexer) breaksRun(p part) bool {
	if p.all.only(isDigit) && p.end-p.start >= 3 || l.standsAlone(p) {
		return true
	}
	_, n := l.compact(p.start)
	return n > 0
}

// isPrefix reports whether s may be a short word or number before a random
// token, as in sk_live_…, u_… or 17-….
func isPrefix(s string, all class) bool {
	switch {
	case all.only(isDigit), all.only(isLower | isNonHex):
		return len(s) > 0
	case all.only(isUpper | isNonHex):
		return len(s) > 1
	}
	letters := span(s, isLetter, len(s))
	digits := span(s[letters:], isDigit, 2)
	return letters >= 2 && letters+digits == len(s) && !all.isMixed()
}

// isLongHex reports whether s is a part with so many hexadecimal digits, as in
// i-0a1b2c3d4e5f67890, that it cannot be a piece of a token with other letters.
func isLongHex(s string, all class) bool {
	return len(s) >= longLength && all&isDigit != 0 && all.isHex() && !all.isMixed()
}

// onlyWhole reports whether the whole length is usual for a token, and the length
// without the first part is not. Then the first part belongs to the token. If neither
// is usual, a single first character belongs to it too.
func onlyWhole(whole, tail int, inTail class) bool {
	if usualLength(tail, inTail) {
		return false
	}
	return whole-tail == 2 || usualLength(whole, inTail|isDash)
}

// usualLength reports whether random tokens of n characters are common: those of 16,
// 24, 32, 48, 64 or 96 bytes in base 64, nanoids, and, if the token has no - or _,
// round numbers.
func usualLength(n int, all class) bool {
	switch n {
	case 11, 21, 22, 32, 43, 64, 86, 128:
		return true
	case 16, 20, 24, 26, 36, 40, 44, 48, 88:
		return all&isDash == 0
	}
	return false
}

// structured recognizes at pos, which follows a delimiter of level boundary, the forms
// that contain delimiters themselves. It returns the length, or 0 for none. It skips
// forms whose characters do not occur in the name.
func (l *Lexer) structured(pos int, boundary level) (Kind, int) {
	s := l.text[pos:]
	c := classOf[s[0]]
	if boundary&(isStrong|isMedium) != 0 {
		if kind, n := l.spanning(s, c); n > 0 {
			return kind, n
		}
	}
	if l.all&isDot != 0 && c&isLower != 0 {
		if n := matchJWT(s); n > 0 {
			return JWT, n
		}
	}
	return l.compact(pos)
}

// compact recognizes at pos the forms with dots and weak delimiters only. Its time is
// bounded, so it may be tried at every part of a region.
func (l *Lexer) compact(pos int) (Kind, int) {
	s := l.text[pos:]
	switch c := classOf[s[0]]; {
	case c&isDigit != 0:
		return l.fromDigit(s, pos > 0 && l.text[pos-1] == '.')
	case c&isLetter != 0:
		return l.fromLetter(s)
	}
	return Literal, 0
}

// spanning recognizes the forms that contain strong or medium delimiters. After a weak
// delimiter they are too unlikely to be worth the time.
func (l *Lexer) spanning(s string, c class) (Kind, int) {
	switch {
	case c&isAlnum != 0:
		return l.spanningAlnum(s, c)
	case s[0] == ':':
		return IP6, matchIP6(s)
	case s[0] == '+':
		return Phone, matchPhone(s)
	case s[0] == '-':
		return matchSigned(s, l.delims)
	}
	return Literal, 0
}

// spanningAlnum recognizes the forms that start with a letter or digit.
func (l *Lexer) spanningAlnum(s string, c class) (Kind, int) {
	if c&isLower != 0 && l.all&(isSlash|isPercent) != 0 {
		if n := matchURL(s); n > 0 {
			return URL, n
		}
	}
	if l.all&isAt != 0 {
		if n := matchEmail(s); n > 0 {
			return Email, n
		}
	}
	if l.all&isColon != 0 && c&isNonHex == 0 {
		if n := matchIP6(s); n > 0 {
			return IP6, n
		}
	}
	if l.all&isPad != 0 {
		return Base64, matchBase64(s)
	}
	return Literal, 0
}

// fromDigit recognizes the forms that start with a digit. After a dot, a number with a
// dot is not a float: both dots are delimiters.
func (l *Lexer) fromDigit(s string, afterDot bool) (Kind, int) {
	if kind, n := matchTime(s); n > 0 {
		return kind, n
	}
	if l.all&isDot != 0 {
		if n := matchIP4(s); n > 0 {
			return IP4, n
		}
		if afterDot {
			return l.fromHex(s)
		}
		if kind, n := matchDotted(s); n > 0 {
			return kind, n
		}
	}
	return l.fromHex(s)
}

// fromLetter recognizes the forms that start with a letter.
func (l *Lexer) fromLetter(s string) (Kind, int) {
	if l.all&isDot != 0 {
		if n := matchVersion(s); n > 0 {
			return SemVer, n
		}
	}
	if is(s[0], isNonHex) {
		return Literal, 0
	}
	return l.fromHex(s)
}

// fromHex recognizes the forms that start with a hexadecimal digit.
func (l *Lexer) fromHex(s string) (Kind, int) {
	if l.all&isDash != 0 {
		if n := matchUUID(s); n > 0 {
			return UUID, n
		}
	}
	return MAC, matchMAC(s)
}

// javaHeader starts every string written by Java's serialization, such as by Spring's
// default key serializer. Two bytes with the length follow.
const javaHeader = "\xac\xed\x00\x05t"

// markBinary processes a name that is not plain ASCII: it removes a Java header, and
// ends text where the unprintable part begins.
func (l *Lexer) markBinary() {
	if n := javaHeaderLen(l.name); n > 0 {
		l.push(Java, n)
		l.boundary = isStrong
	}
	if bad := l.pos + unprintable(l.name[l.pos:]); bad < len(l.name) {
		l.text = l.name[:max(l.pos, binaryStart(l.name, bad, l.delims))]
	}
}

// javaHeaderLen returns the length of the Java header of name, or 0. The length in the
// header must match the rest of the name.
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

// unprintable returns the index of the first byte that is not part of a printable
// character, or len(s).
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

// binaryStart returns the start of the binary part whose first unprintable byte is at
// bad: after the last delimiter before it. Bytes of binary data may look like
// delimiters, so a delimiter counts only at the end of a plausible segment.
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

// plausibleSegment reports whether a person may have written the segment that ends at a
// delimiter. strong reports whether that is a strong one. A longer segment is less
// likely to be binary data.
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
