package pattern

// A shape is a name with its literals taken out: which delimiters and which
// kinds of token follow one another. It is held as a string with one mark for
// each literal, one byte for each placeholder and the text of each delimiter.

const (
	literalMark     = 0x01 // stands for a literal
	placeholderMark = 0x80 // added to the Kind of a placeholder
)

// path is a name as the trie sees it: its shape, and its literals in order.
type path struct {
	shape []byte
	words []string // valid as long as the name
	buf   [MaxTokens]string
}

// read turns the tokens of name into p. Literals that touch count as one.
func (p *path) read(name string, tokens []Token) {
	p.shape, p.words = p.shape[:0], p.buf[:0]
	start := int32(-1) // of the literal that the token before is part of
	for _, t := range tokens {
		switch {
		case t.Kind == Literal && start >= 0:
			p.words[len(p.words)-1] = name[start:t.End]
			continue
		case t.Kind == Literal:
			start = t.Start
			p.shape = append(p.shape, literalMark)
			p.words = append(p.words, t.Text(name))
			continue
		case t.Kind == Delimiter:
			p.shape = append(p.shape, t.Text(name)...)
		default:
			p.shape = append(p.shape, placeholderMark|byte(t.Kind))
		}
		start = -1
	}
}

// nextMark returns the length of the first element of a shape that is not
// empty: 1, or 3 for a percent-encoded delimiter. Letters and digits occur in
// a shape only there.
func nextMark[S string | []byte](shape S) int {
	if shape[0] == '%' && len(shape) >= 3 && is(shape[1], isAlnum) {
		return 3
	}
	return 1
}

// cutShape returns how many bytes of shape its first limit elements take, and
// whether that is less than all. A shape that is cut ends in one more element.
func cutShape[S string | []byte](shape S, limit int) (int, bool) {
	if len(shape) <= limit {
		return len(shape), false
	}
	end := 0
	for range limit {
		if end == len(shape) {
			return end, false
		}
		end += nextMark(shape[end:])
	}
	return end, end < len(shape)
}

// restMark ends a shape that was cut.
const restMark = placeholderMark | byte(Rest)

// countWords returns how many literals a shape has.
func countWords[S string | []byte](shape S) (n int) {
	for i := range len(shape) {
		if shape[i] == literalMark {
			n++
		}
	}
	return n
}

// wildcard stands for literals that are too many to be names of anything. No
// name can contain it unescaped.
const wildcard = "<*>"

// wordsOf tells what to print for each literal of a shape.
type wordsOf func(level int) string

// everyWord prints wildcards.
func everyWord(int) string { return wildcard }

// appendShape appends a shape in print.
func appendShape(dst []byte, shape string, words wordsOf) []byte {
	if shape == "" {
		return append(dst, emptyPattern...)
	}
	level := 0
	for i := range len(shape) {
		switch b := shape[i]; {
		case b == literalMark:
			dst = append(dst, words(level)...)
			level++
		case b >= placeholderMark:
			dst = append(dst, kindNames[b&^placeholderMark]...)
		case mustEscape(shape, int32(i)):
			dst = append(dst, '\\', b)
		default:
			dst = append(dst, b)
		}
	}
	return dst
}
