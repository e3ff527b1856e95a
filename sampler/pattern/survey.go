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
	// surveyPaths bounds the words of all names together.
	surveyPaths = 1 << 19
)

// Survey looks at the first names of a walk to find the literals that are too
// frequent to be anything but names that people chose, and the places where they
// are too many.
type Survey struct {
	lexer  Lexer
	path   path
	names  int
	bytes  int
	shapes map[string]*surveyed
	spots  map[spot]int32
	paths  int // words in the paths of all shapes
}

// surveyed is what was counted of one shape.
type surveyed struct {
	names  int
	levels [][]counted
	// paths are the words of its names, each as an index into its level. A name
	// with a word that was not counted is not there.
	paths []int32
}

type counted struct {
	word string
	hits int
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
	return &Survey{lexer: Lexer{delims: dict.FirstLevel()}, shapes: map[string]*surveyed{}, spots: map[spot]int32{}}
}

// Add looks at one name, and reports whether the survey wants more.
func (s *Survey) Add(name string) (more bool) {
	if s.over() {
		return false
	}
	s.Pass(name)
	s.path.read(name, s.lexer.Tokens(name))
	if sh := s.shape(&s.path); sh != nil {
		sh.names++
		s.count(sh)
	}
	return !s.over()
}

// Pass is Add for a name to which a rule gives its namespace: it brings the end
// of the survey nearer, but its words say nothing of others.
func (s *Survey) Pass(name string) (more bool) {
	s.names++
	s.bytes += len(name)
	return !s.over()
}

func (s *Survey) over() bool { return s.names >= SurveySize || s.bytes >= surveyBytes }

// shape returns what was counted of the shape of p, nil if there are too many.
func (s *Survey) shape(p *path) *surveyed {
	sh := s.shapes[string(p.shape)]
	if sh == nil && len(s.shapes) < surveyShapes {
		sh = &surveyed{levels: make([][]counted, len(p.words))}
		s.shapes[string(p.shape)] = sh
	}
	return sh
}

// count counts the words of the path that was read.
func (s *Survey) count(sh *surveyed) {
	before, whole := len(sh.paths), true
	for level, word := range s.path.words {
		i := s.index(spot{sh, level, word})
		if i < 0 {
			whole = false
			continue
		}
		sh.levels[level][i].hits++
		sh.paths = append(sh.paths, i)
	}
	if s.paths += len(s.path.words); !whole || s.paths > surveyPaths {
		sh.paths = sh.paths[:before]
	}
}

// index returns which word of its level is at a spot, -1 if there are too many.
func (s *Survey) index(at spot) int32 {
	if i, ok := s.spots[at]; ok {
		return i
	}
	if len(s.spots) >= surveyWords {
		return -1
	}
	at.word = strings.Clone(at.word)
	level := &at.shape.levels[at.level]
	i := int32(len(*level))
	*level = append(*level, counted{word: at.word})
	s.spots[at] = i
	return i
}

// Extend returns what was decided before with what the survey found.
func (s *Survey) Extend(known *Dictionary) *Dictionary {
	d := known.Extend(s.frequent())
	return d.Extend(&Dictionary{Version: DictionaryVersion, K: DefaultK, Collapsed: s.collapsed(d)})
}

// Dictionary returns what the survey found.
func (s *Survey) Dictionary() *Dictionary { return s.Extend(NewDictionary(s.lexer.delims)) }

// frequent returns the words and shapes that are protected.
func (s *Survey) frequent() *Dictionary {
	d := NewDictionary(s.lexer.delims)
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

// collapsed returns the places that the names of the survey collapse in a trie
// with this dictionary. They would in any trie that meets these names, so this
// changes no namespace. But a trie that knew nothing would hold the words below
// such a place apart, until it has met too many at each: where every level has
// its words, that is far more namespaces than there are in the end.
func (s *Survey) collapsed(d *Dictionary) map[string][][]string {
	t := NewTrie(d, Values[struct{}]{New: func() (none struct{}) { return none }, Merge: func(_, _ struct{}) {}})
	for shape, sh := range s.shapes {
		sh.each(func(words []string) {
			s.path.shape, s.path.words = append(s.path.shape[:0], shape...), words
			t.find(&s.path)
		})
	}
	return t.collapsed()
}

// each calls visit with the words of each name.
func (sh *surveyed) each(visit func(words []string)) {
	n := len(sh.levels)
	words := make([]string, n)
	for paths := sh.paths; len(paths) > 0; paths = paths[n:] {
		for level := range words {
			words[level] = sh.levels[level][paths[level]].word
		}
		visit(words)
	}
}
