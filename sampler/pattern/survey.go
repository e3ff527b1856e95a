package pattern

import (
	"maps"
	"slices"
	"strings"
)

// A survey ends after SurveySize names, or after surveyBytes of them. Both are
// fixed, so that the protected literals depend on the names alone, and not on
// how many come with each page or how many workers fold them.
const (
	SurveySize  = 50_000
	surveyBytes = 3 << 20
	// surveyShapes and surveyWords bound what is counted.
	surveyShapes = 4096
	surveyWords  = 30_000
)

// A literal is protected if it is met so often that this is no chance, or less
// often, but with this share of the names that have a literal at its place.
const (
	protectedHits  = 20
	fewHits        = 8
	protectedShare = 0.005
	// A word counts at most so often when shares are told: a family that holds
	// nearly all names must not hide the words of the others.
	countedHits = 1000
	// A level of a shape with more words than this that occur now and then has a
	// vocabulary.
	// One such level may list the kinds of things that there are. Two in one
	// shape are the words of slugs, which make far too many namespaces, so there
	// only words with manyShare are protected; likewise where one level has more
	// than maxProtected.
	vocabulary   = DefaultK / 2
	nowAndThen   = 4
	maxProtected = 2 * DefaultK
	manyShare    = 0.02
)

// Survey looks at the first names of a walk to find the literals that are too
// frequent to be anything but names that people chose.
type Survey struct {
	lexer  Lexer
	path   path
	names  int
	bytes  int
	shapes map[string]*surveyed
	hits   map[spot]int
}

// surveyed is what was counted of one shape.
type surveyed struct {
	names  int
	levels [][]string // the words, by level; known at the end
}

// spot is a word at a level of a shape.
type spot struct {
	shape *surveyed
	level int
	word  string
}

// NewSurvey returns a survey that has seen no names. It cuts them as dict does;
// a nil dict has made no decision.
func NewSurvey(dict *Dictionary) *Survey {
	if dict == nil {
		dict = &Dictionary{}
	}
	return &Survey{lexer: Lexer{delims: dict.FirstLevel()}, shapes: map[string]*surveyed{}, hits: map[spot]int{}}
}

// Add looks at one name, and reports whether the survey wants more.
func (s *Survey) Add(name string) (more bool) {
	if s.over() {
		return false
	}
	s.names++
	s.bytes += len(name)
	s.path.read(name, s.lexer.Tokens(name))
	if sh := s.shape(s.path.shape); sh != nil {
		sh.names++
		s.count(sh)
	}
	return !s.over()
}

func (s *Survey) over() bool { return s.names >= SurveySize || s.bytes >= surveyBytes }

// shape returns what was counted of a shape, nil if there are too many.
func (s *Survey) shape(shape []byte) *surveyed {
	sh := s.shapes[string(shape)]
	if sh == nil && len(s.shapes) < surveyShapes {
		sh = &surveyed{}
		s.shapes[string(shape)] = sh
	}
	return sh
}

func (s *Survey) count(sh *surveyed) {
	for level, word := range s.path.words {
		at := spot{sh, level, word}
		n := s.hits[at]
		if n == 0 {
			if len(s.hits) >= surveyWords {
				continue
			}
			at.word = strings.Clone(word)
		}
		s.hits[at] = n + 1
	}
}

// arrange lists the words of each shape.
func (s *Survey) arrange() {
	for shape, sh := range s.shapes {
		sh.levels = make([][]string, countWords(shape))
	}
	for at := range s.hits {
		words := &at.shape.levels[at.level]
		*words = append(*words, at.word)
	}
}

// Dictionary returns what the survey found.
func (s *Survey) Dictionary() *Dictionary {
	d := NewDictionary(s.lexer.delims)
	s.arrange()
	places := s.places()
	for shape, sh := range s.shapes {
		if sh.names >= protectedHits && float64(sh.names) >= protectedShare*float64(s.names) {
			d.Shapes = append(d.Shapes, printShape(shape))
		}
		sh.protect(placesOf(places, shape))
	}
	slices.Sort(d.Shapes)
	for before, p := range places {
		if len(p.keep) > 0 {
			d.Protected[printShape(before)] = slices.Sorted(maps.Keys(p.keep))
		}
	}
	return d
}

// place is where a literal stands: what is before it, in any shape.
type place struct {
	total int
	hits  map[string]int
	keep  wordSet // protected
}

// places adds up the words of shapes that begin in the same way.
func (s *Survey) places() map[string]*place {
	places := map[string]*place{}
	for shape, sh := range s.shapes {
		for level, before := range beginnings(shape) {
			p := places[before]
			if p == nil {
				p = &place{hits: map[string]int{}, keep: wordSet{}}
				places[before] = p
			}
			for _, w := range sh.levels[level] {
				p.hits[w] += s.hits[spot{sh, level, w}]
			}
		}
	}
	for _, p := range places {
		for _, n := range p.hits {
			p.total += min(n, countedHits)
		}
	}
	return places
}

// placesOf returns the places of the literals of a shape.
func placesOf(places map[string]*place, shape string) (list []*place) {
	for _, before := range beginnings(shape) {
		list = append(list, places[before])
	}
	return list
}

// beginnings returns what stands before each literal of a shape.
func beginnings(shape string) (list []string) {
	for i := range len(shape) {
		if shape[i] == literalMark {
			list = append(list, shape[:i])
		}
	}
	return list
}

// protect marks the words of the shape that no wildcard may take.
func (sh *surveyed) protect(places []*place) {
	counts := make([]int, len(places))
	vocabularies := 0
	for level, p := range places {
		if counts[level] = p.countRepeated(sh.levels[level]); counts[level] > vocabulary {
			vocabularies++
		}
	}
	for level, p := range places {
		many := counts[level] > maxProtected || counts[level] > vocabulary && vocabularies > 1
		for _, w := range sh.levels[level] {
			if p.isFrequent(w) && (!many || p.share(w) >= manyShare) {
				p.keep[w] = true
			}
		}
	}
}

// share is that of a word among all at the place.
func (p *place) share(word string) float64 {
	return float64(min(p.hits[word], countedHits)) / float64(p.total)
}

func (p *place) isFrequent(word string) bool {
	n := p.hits[word]
	return n >= protectedHits || n >= fewHits && p.share(word) >= protectedShare
}

// countRepeated returns how many of words occur now and then at the place.
func (p *place) countRepeated(words []string) (n int) {
	for _, w := range words {
		if p.hits[w] >= nowAndThen {
			n++
		}
	}
	return n
}
