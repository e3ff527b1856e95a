package pattern

import (
	"slices"
	"strings"
)

// SurveySize is how many names a survey looks at. It is fixed, so that the
// protected literals depend on the names alone, and not on how many come with
// each page or how many workers fold them.
const SurveySize = 10_000

// A literal is protected if it has this share of the names that have a literal
// at its place, and so many of the survey that this is no chance.
const (
	protectedShare = 0.005
	protectedHits  = 20
	// Where more than this many words have that share, they are the vocabulary
	// of slugs or of a search. Then only words with manyShare are protected.
	manyProtected = DefaultK / 2
	manyShare     = 0.02
)

// Survey looks at the first names of a walk to find the literals that are too
// frequent to be anything but names that people chose.
type Survey struct {
	lexer  Lexer
	path   path
	names  int
	places map[string]*place
	shapes map[string]int
}

// place counts the literals after one beginning of a shape.
type place struct {
	total int
	hits  map[string]int
}

// NewSurvey returns a survey that has seen no names.
func NewSurvey() *Survey {
	return &Survey{places: map[string]*place{}, shapes: map[string]int{}}
}

// Add looks at one name, and reports whether the survey wants more.
func (s *Survey) Add(name string) (more bool) {
	if s.names >= SurveySize {
		return false
	}
	s.names++
	s.path.read(name, s.lexer.Tokens(name))
	shape, level := s.path.shape, 0
	s.shapes[string(shape)]++
	for i := range shape {
		if shape[i] == literalMark {
			s.count(shape[:i], s.path.words[level])
			level++
		}
	}
	return s.names < SurveySize
}

func (s *Survey) count(before []byte, word string) {
	p := s.places[string(before)]
	if p == nil {
		p = &place{hits: map[string]int{}}
		s.places[string(before)] = p
	}
	p.total++
	if _, known := p.hits[word]; !known {
		word = strings.Clone(word)
	}
	p.hits[word]++
}

// Dictionary returns what the survey found.
func (s *Survey) Dictionary() *Dictionary {
	d := (&Dictionary{}).copy()
	for before, p := range s.places {
		if words := frequent(p.hits, p.total); len(words) > 0 {
			d.Protected[printShape(before)] = words
		}
	}
	for _, shape := range frequent(s.shapes, s.names) {
		d.Shapes = append(d.Shapes, printShape(shape))
	}
	slices.Sort(d.Shapes)
	return d
}

// frequent returns the protected ones among texts, sorted.
func frequent(hits map[string]int, total int) []string {
	words := withShare(hits, total, protectedShare)
	if len(words) > manyProtected {
		words = withShare(hits, total, manyShare)
	}
	slices.Sort(words)
	return words
}

func withShare(hits map[string]int, total int, share float64) (words []string) {
	for w, n := range hits {
		if n >= protectedHits && float64(n) >= share*float64(total) {
			words = append(words, w)
		}
	}
	return words
}
