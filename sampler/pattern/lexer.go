package pattern

// The bounds of a pattern. A name that exceeds one ends in <...>.
const (
	// MaxPattern is the length of the longest pattern, in bytes.
	MaxPattern = 512
	// MaxSegments is the number of first-level segments that a pattern shows.
	MaxSegments = 12
	// MaxTokens is the number of tokens that a name is cut into.
	MaxTokens = 64
)

// Token is a stretch of a name and what it is. The tokens of a name follow one
// another without gaps, from its first byte to its last.
type Token struct {
	Kind  Kind
	Start int32 // index of the first byte in the name
	End   int32 // index after the last byte
}

// Text returns the token's part of name.
func (t Token) Text(name string) string { return name[t.Start:t.End] }

// Lexer cuts names into tokens. It holds scratch space that is used again for
// each name, so it must not be used by several goroutines at once. The zero
// value is ready to use, with the default delimiters.
type Lexer struct {
	name string // the whole name
	text string // its printable part, up to a <bin>
	all  class  // the classes of the bytes of name

	delims *Delimiters

	pos      int   // everything before is in tokens
	boundary level // of the delimiter before pos; 0 after other tokens
	segments int   // first-level segments begun
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

// Tokens returns the tokens of name. They are valid until the next call. The
// empty name has none.
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

// cutUp makes the tokens of name. Whether literals stay apart is to be told from
// the pattern alone, so that it can be parsed: what has a strong or medium
// delimiter only within a placeholder is cut up twice.
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

// step reads what starts at pos: a form that may span delimiters, a delimiter,
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

// delimiter reads one delimiter. A percent-encoded one counts as what it
// stands for.
func (l *Lexer) delimiter(level level) {
	n := 1
	if encoded := encodedDelimiter(l.text[l.pos:]); encoded != 0 {
		level, n = l.delims.levels[encoded], 3
	}
	l.firm = l.firm || l.delims.is(l.text[l.pos], isStrong|isMedium)
	l.push(Delimiter, l.pos+n)
	l.boundary = level
}

// push appends a token that reaches from pos to end, or cuts the name short
// where that would exceed a bound.
func (l *Lexer) push(kind Kind, end int) {
	if end <= l.pos { // the name has been cut short already
		return
	}
	room, slots := MaxPattern, MaxTokens
	if end < len(l.name) { // keep some for <...>
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

// cut covers the rest of the name with one token.
func (l *Lexer) cut() {
	l.text = l.name
	l.add(Rest, len(l.name))
}

func (l *Lexer) add(kind Kind, end int) {
	l.tokens[l.n] = Token{kind, int32(l.pos), int32(end)}
	l.n++
	l.pos, l.boundary = end, 0
}

// join makes one token of a literal, a weak delimiter and the literal that
// ends at end. What people call a slug or a snake-case word is one name. Only
// where the name has no stronger delimiter do the weak ones carry structure,
// and the words are kept apart.
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

// printedWidth returns how many bytes the token adds to the pattern.
func printedWidth(kind Kind, text string) int {
	switch {
	case kind.IsPlaceholder():
		return len(kindNames[kind])
	case kind == Delimiter && is(text[0], isEscaped):
		return 2
	}
	return len(text)
}

// AppendPattern appends the pattern of name to dst and returns the extended
// slice. It allocates only where dst must grow. The pattern of the empty name
// is two quotation marks.
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

// emptyPattern is what the empty name looks like. A leading quotation mark of
// another name is escaped, so no other name looks like that.
const emptyPattern = `""`

// mustEscape reports whether the delimiter at name[i] is printed with a
// backslash before it.
func mustEscape(name string, i int32) bool {
	return is(name[i], isEscaped) && (name[i] != '"' || i == 0)
}

// Of returns the pattern of name. For many names, [Lexer.AppendPattern] is
// faster.
func Of(name string) string {
	return string(new(Lexer).AppendPattern(nil, name))
}
