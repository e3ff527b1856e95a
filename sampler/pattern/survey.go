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

// Survey looks at the first names of a scan to find the literals that are too
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

// Skip is Add for a name whose namespace a rule gives: it brings the end
// of the survey nearer, but its words say nothing of others.
func (s *Survey) Skip(name string) (more bool) {
	s.names++
	s.bytes += len(name)
	return !s.done()
}

func (s *Survey) done() bool { return s.names >= SurveySize || s.bytes >= surveyBytes }

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
	// Of a vocabulary, words are protected if they are met so many times as often
	// as those that are not frequent.
	outstandingTimes = 3
	// The words that are protected in a shape may tell so many namespaces apart.
	affordable = 512
)

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

// choose tells which words of each level are frequent enough.
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

// outstanding chooses the words of a vocabulary that are frequent, and met far
// more often than any that are not: of words that are all met as often, none, if
// not all are frequent.
func (p *place) outstanding(words []counted, isFrequent func(word string) bool) []bool {
	rest := 0 // hits of the most frequent word that is not chosen
	for i, is := range choose(words, isFrequent) {
		if !is {
			rest = max(rest, p.hits[words[i].word])
		}
	}
	return choose(words, func(w string) bool { return isFrequent(w) && p.hits[w] >= outstandingTimes*rest })
}

// share returns the share of a word among all at the place.
func (p *place) share(word string) float64 {
	return float64(min(p.hits[word], countedHits)) / float64(p.total)
}

func (p *place) isFrequent(word string) bool {
	n := p.hits[word]
	return n >= protectedHits || n >= fewHits && p.share(word) >= protectedShare
}

// countRepeated returns how many of words occur now and then at the place.
func (p *place) countRepeated(words []counted) (n int) {
	for _, w := range words {
		if p.hits[w.word] >= nowAndThen {
			n++
		}
	}
	return n
}

// afford drops the words of levels, from left to right, that would part the
// names of the shape into more groups than are affordable.
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

// atMost returns a bound on the groups into which the names are parted.
func (sh *surveyed) atMost(chosen [][]bool) int {
	n := 1
	for level := range chosen {
		n = min(n, affordable+1) * width(chosen[level], level)
	}
	return n
}

// parting is the names of a shape by the words that stand at their first levels.
type parting struct {
	groups []int32 // of each name
	count  int     // groups; an estimate where the names are too few to tell
}

// part parts the names by the words of one more level.
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

// stands reports whether the words that are not chosen stand as well, as there
// are few.
func stands(chosen []bool, level int) bool {
	return len(chosen)-count(chosen) <= boundsByCoarseness[0].literals(level)
}

// width returns how many words are kept, the wildcard included.
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
