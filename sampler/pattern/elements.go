package pattern

// Element is one element of a pattern in print: a delimiter, a placeholder, or
// a word that is kept.
type Element struct {
	Text   string
	Word   bool
	Strong bool // a delimiter of the first level
}

// Wildcard is the element that stands for words.
const Wildcard = wildcard

// Elements takes a pattern apart. Words stay apart that the lexer joined, as in
// user_profile. It reports whether p is a pattern.
func (d *Delimiters) Elements(p string) (list []Element, ok bool) {
	if p == emptyPattern {
		return []Element{{Text: p}}, true
	}
	for r := (patternReader{delims: d, rest: p}); r.rest != ""; {
		before := r.rest
		if !r.element() {
			return nil, false
		}
		mark, word := r.marks[len(r.marks)-1], r.words[len(r.words)-1]
		list = append(list, Element{
			Text:   before[:len(before)-len(r.rest)],
			Word:   word != "" && word != wildcard,
			Strong: d.levelOf(mark)&isStrong != 0,
		})
	}
	return list, true
}
