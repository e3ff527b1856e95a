package pattern

import (
	"maps"
	"slices"
	"strings"
)

// A survey ends after SurveySize names, or after surveyBytes of them. Both are fixed,
// so that the protected literals depend on the names alone, and not on the size of a
// page or the number of workers.
const (
	SurveySize  = 50_000
	surveyBytes = 3 << 20
	// surveyShapes and surveyWords limit the number of shapes, and of words in all
	// levels of all shapes.
	surveyShapes = 4096
	surveyWords  = 30_000
	// surveyPaths limits the number of words in the paths of all shapes.
	surveyPaths = 1 << 19
)

// Survey examines the first names of a scan. It finds literals so frequent that people
// must have chosen them, and levels with too many different literals.
type Survey struct {
	lexer  Lexer
	path   path
	names  int
	bytes  int
	shapes map[string]*surveyed
	spots  map[spot]int32
	paths  int // number of words in the paths of all shapes
}

// surveyed holds the counts of one shape.
type surveyed struct {
	names  int
	levels [][]counted
	// paths holds the words of its names, each as an index into its level. It omits
	// names with a word that was not counted.
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

// Add examines one name, and reports whether the survey needs more.
func (s *Survey) Add(name string) (more bool) {
	if s.done() {
		return false
	}
	s.Skip(name)
	s.path.read(name, s.lexer.Tokens(name))
	if sh := s.shape(&s.path); sh != nil {
		sh.names++
		s.count(sh)
	}
	return !s.done()
}

// Skip replaces Add for a name whose namespace a rule gives. It counts towards the end
// of the survey, but its words are no evidence about other names.
func (s *Survey) Skip(name string) (more bool) {
	s.names++
	s.bytes += len(name)
	return !s.done()
}

func (s *Survey) done() bool { return s.names >= SurveySize || s.bytes >= surveyBytes }

// shape returns the counts of the shape of p, or nil if there are too many shapes.
func (s *Survey) shape(p *path) *surveyed {
	sh := s.shapes[string(p.shape)]
	if sh == nil && len(s.shapes) < surveyShapes {
		sh = &surveyed{levels: make([][]counted, len(p.words))}
		s.shapes[string(p.shape)] = sh
	}
	return sh
}

// count counts the words of the current path.
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

// index returns the index of a word in its level, or -1 if there are too many words.
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

// Extend returns the earlier decisions together with those of the survey.
func (s *Survey) Extend(known *Dictionary) *Dictionary {
	d := known.Extend(s.frequent())
	return d.Extend(&Dictionary{Version: DictionaryVersion, K: DefaultK, Collapsed: s.collapsed(d)})
}

// Dictionary returns the decisions of the survey.
func (s *Survey) Dictionary() *Dictionary { return s.Extend(NewDictionary(s.lexer.delims)) }

// frequent returns a dictionary of the protected words and shapes.
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

// collapsed returns the places where the names of the survey collapse in a trie with
// this dictionary. They collapse in any trie that has seen these names, so this changes
// no namespace. It saves memory: without it, a trie keeps the words below such a place
// apart until it has seen too many at each. Where every level has many words, that
// makes far more namespaces than remain in the end.
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

// A literal is protected if it occurs protectedHits times, or fewHits times with
// protectedShare of the names that have a literal at its place.
const (
	protectedHits  = 20
	fewHits        = 8
	protectedShare = 0.005
	// A word counts at most this often in shares: a family with nearly all names must
	// not hide the words of the others.
	countedHits = 1000
	// A level of a shape is a vocabulary if more than this number of its words occur
	// nowAndThen times. One vocabulary may list kinds of things. Two in one shape are
	// the words of slugs, which make far too many namespaces. There, and in a level
	// with more than maxProtected such words, only words with manyShare are protected.
	vocabulary   = DefaultK / 2
	nowAndThen   = 4
	maxProtected = 2 * DefaultK
	manyShare    = 0.02
	// In a vocabulary, a word is protected if it occurs this many times as often as
	// the words that are not frequent.
	outstandingTimes = 3
	// The protected words of a shape may separate this many namespaces.
	affordable = 512
)

// place is the position of a literal, identified by the elements before it, in any
// shape.
type place struct {
	total int
	hits  map[string]int
	keep  wordSet // protected
}

// places sums the words of shapes with the same beginning.
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
				p.hits[w.word] += w.hits
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

// beginnings returns the part of a shape before each literal.
func beginnings(shape string) (list []string) {
	for i := range len(shape) {
		if shape[i] == literalMark {
			list = append(list, shape[:i])
		}
	}
	return list
}

// protect marks the words of the shape that no wildcard replaces.
func (sh *surveyed) protect(places []*place) {
	chosen := sh.choose(places)
	sh.afford(chosen)
	for level, words := range chosen {
		for i, is := range words {
			if is {
				places[level].keep[sh.levels[level][i].word] = true
			}
		}
	}
}

// choose selects the frequent words of each level.
func (sh *surveyed) choose(places []*place) [][]bool {
	counts, vocabularies := make([]int, len(places)), 0
	for level, p := range places {
		if counts[level] = p.countRepeated(sh.levels[level]); counts[level] > vocabulary {
			vocabularies++
		}
	}
	chosen := make([][]bool, len(places))
	for level, p := range places {
		words := sh.levels[level]
		switch many := counts[level] > maxProtected || vocabularies > 1; {
		case counts[level] <= vocabulary:
			chosen[level] = choose(words, p.isFrequent)
		case many:
			chosen[level] = p.outstanding(words, func(w string) bool { return p.isFrequent(w) && p.share(w) >= manyShare })
		default:
			chosen[level] = p.outstanding(words, p.isFrequent)
		}
	}
	return chosen
}

func choose(words []counted, is func(word string) bool) []bool {
	chosen := make([]bool, len(words))
	for i, w := range words {
		chosen[i] = is(w.word)
	}
	return chosen
}

// outstanding chooses the words of a vocabulary that are frequent and occur far more
// often than any other. If all words are about equally common and some are not
// frequent, it chooses none.
func (p *place) outstanding(words []counted, isFrequent func(word string) bool) []bool {
	rest := 0 // hits of the most frequent word that is not chosen
	for i, is := range choose(words, isFrequent) {
		if !is {
			rest = max(rest, p.hits[words[i].word])
		}
	}
	return choose(words, func(w string) bool { return isFrequent(w) && p.hits[w] >= outstandingTimes*rest })
}

// share returns the share of a word among all words at the place.
func (p *place) share(word string) float64 {
	return float64(min(p.hits[word], countedHits)) / float64(p.total)
}

func (p *place) isFrequent(word string) bool {
	n := p.hits[word]
	return n >= protectedHits || n >= fewHits && p.share(word) >= protectedShare
}

// countRepeated returns the number of words that occur at least nowAndThen times at the
// place.
func (p *place) countRepeated(words []counted) (n int) {
	for _, w := range words {
		if p.hits[w.word] >= nowAndThen {
			n++
		}
	}
	return n
}

// afford drops the words of levels, from left to right, that would divide the names of
// the shape into more groups than are affordable.
func (sh *surveyed) afford(chosen [][]bool) {
	if sh.atMost(chosen) <= affordable {
		return
	}
	p := parting{groups: make([]int32, len(sh.paths)/len(chosen)), count: 1}
	for level := range chosen {
		next := sh.part(p, level, chosen[level])
		if next.count > max(affordable, p.count) {
			clear(chosen[level])
			next = sh.part(p, level, chosen[level])
		}
		p = next
	}
}

// atMost returns an upper bound on the number of groups.
func (sh *surveyed) atMost(chosen [][]bool) int {
	n := 1
	for level := range chosen {
		n = min(n, affordable+1) * width(chosen[level], level)
	}
	return n
}

// parting divides the names of a shape into groups, by the words at their first levels.
type parting struct {
	groups []int32 // the group of each name
	count  int     // number of groups; an estimate if there are too few names
}

// part divides the groups by the words of one more level.
func (sh *surveyed) part(p parting, level int, chosen []bool) parting {
	type member struct{ group, word int32 }
	all, known := stands(chosen, level), map[member]int32{}
	next := parting{groups: make([]int32, len(p.groups))}
	for i, group := range p.groups {
		m := member{group, sh.paths[i*len(sh.levels)+level]}
		if !all && !chosen[m.word] {
			m.word = -1
		}
		id, ok := known[m]
		if !ok {
			id = int32(len(known))
			known[m] = id
		}
		next.groups[i] = id
	}
	if next.count = len(known); next.count*nowAndThen > len(p.groups) {
		next.count = p.count * width(chosen, level)
	}
	return next
}

// stands reports whether a level keeps even the words that are not chosen, since there
// are few.
func stands(chosen []bool, level int) bool {
	return len(chosen)-count(chosen) <= boundsByCoarseness[0].literals(level)
}

// width returns the number of words that a level keeps, including the wildcard.
func width(chosen []bool, level int) int {
	if stands(chosen, level) {
		return max(1, len(chosen))
	}
	return count(chosen) + 1
}

func count(chosen []bool) (n int) {
	for _, is := range chosen {
		if is {
			n++
		}
	}
	return n
}
