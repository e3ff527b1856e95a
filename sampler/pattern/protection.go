package pattern

import "strings"

type wordSet map[string]bool

// protection is a dictionary in the form in which a trie looks things up.
type protection struct {
	words     map[string]wordSet    // by the shape before the literal
	shapes    wordSet               // that are never cut
	collapsed map[string][][]string // by shape
}

func (d *Dictionary) protection() *protection {
	p := &protection{words: map[string]wordSet{}, shapes: wordSet{}, collapsed: map[string][][]string{}}
	for place, words := range d.Protected {
		if shape, ok := parseShape(place); ok {
			p.words[shape] = setOf(words)
		}
	}
	for _, s := range d.Shapes {
		// A shape that was cut looks like one that lexed so.
		if shape, ok := parseShape(s); ok && !strings.HasSuffix(shape, string([]byte{restMark})) {
			p.shapes[shape] = true
		}
	}
	for place, paths := range d.Collapsed {
		if shape, ok := parseShape(place); ok {
			p.collapsed[shape] = fitting(paths, countWords(shape))
		}
	}
	return p
}

// fitting returns the paths that lead to a node of a shape with so many words.
func fitting(paths [][]string, words int) (fit [][]string) {
	for _, p := range paths {
		if len(p) < words {
			fit = append(fit, p)
		}
	}
	return fit
}

func setOf(words []string) wordSet {
	set := make(wordSet, len(words))
	for _, w := range words {
		set[w] = true
	}
	return set
}

// levels returns the words for each level of a shape that rung r spares.
func (p *protection) levels(shape string, r rung) []wordSet {
	sets := make([]wordSet, 0, countWords(shape))
	for _, before := range beginnings(shape) {
		words := p.words[before]
		if r.spares > sparesAll {
			words = nil
		}
		sets = append(sets, words)
	}
	return sets
}

// cutShape is the function of this name for rung r, but for shapes that it
// spares.
func (p *protection) cutShape(shape []byte, r rung) (int, bool) {
	end, cut := cutShape(shape, r.elements)
	if cut && r.spares < sparesNothing && p.shapes[string(shape)] {
		return len(shape), false
	}
	return end, cut
}

// printShape writes a shape, or the start of one, as a pattern with <*> for
// each literal.
func printShape(shape string) string {
	if shape == "" {
		return ""
	}
	return string(appendShape(nil, shape, everyWord))
}

// kindOf finds a placeholder by its name.
var kindOf = func() map[string]Kind {
	kinds := map[string]Kind{}
	for k := Bin; k < numKinds; k++ {
		kinds[kindNames[k]] = k
	}
	return kinds
}()

// parseShape is the inverse of printShape. It reports whether s is a shape.
func parseShape(s string) (string, bool) {
	shape := make([]byte, 0, len(s))
	for s != "" {
		mark, n := parseMark(s)
		if n == 0 {
			return "", false
		}
		shape = append(shape, mark...)
		s = s[n:]
	}
	return string(shape), true
}

// parseMark reads one element at the start of s, and returns how long it is, 0
// if there is none.
func parseMark(s string) (mark string, n int) {
	switch {
	case s[0] == '\\' && len(s) > 1 && is(s[1], isEscaped):
		return s[1:2], 2
	case s[0] == '<':
		end := strings.IndexByte(s, '>') + 1
		if s[:end] == wildcard {
			return string([]byte{literalMark}), end
		}
		if kind, ok := kindOf[s[:end]]; ok {
			return string([]byte{placeholderMark | byte(kind)}), end
		}
	case encodedDelimiter(s) != 0:
		return s[:3], 3
	case is(s[0], isDelim) && s[0] != '>':
		return s[:1], 1
	}
	return "", 0
}
