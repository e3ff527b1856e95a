package pattern

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"
)

// DictionaryVersion is the version of the format of a [Dictionary].
const DictionaryVersion = 1

// Dictionary holds the decisions that were made while names were grouped, so
// that the next run makes the same ones, and so that people can correct them.
// It is part of every profile, and a JSON document of its own.
//
// Places are written as patterns in which every literal is <*>: the shape of
// what stands there. It is immutable once made.
type Dictionary struct {
	Version int `json:"version"` // version of this form
	Lexer   int `json:"lexer"`   // version of the lexing rules
	// Delimiters are those of the first level, sorted; absent: the default ones.
	Delimiters string `json:"delimiters,omitempty"`
	// K is the number of different literals that a node of the first level keeps
	// apart; 0 is none at all.
	K int `json:"k"`
	// Coarseness tells apart bounds of the same K: it is the number of times that they
	// were lowered.
	Coarseness int `json:"rung,omitempty"`
	// Degraded means that K or the length of patterns had to be lowered to keep
	// the namespaces few: they are coarser than they would be in a smaller
	// keyspace.
	Degraded bool `json:"degraded,omitempty"`
	// Protected are the literals that no wildcard takes, by what stands before
	// them: "" for the beginning, "<*>:" for the second segment.
	Protected map[string][]string `json:"protected,omitempty"`
	// Shapes are the shapes of names that are never cut.
	Shapes []string `json:"shapes,omitempty"`
	// Collapsed are the nodes whose literals have become <*>, by their shape:
	// for each node the literals that lead to it.
	Collapsed map[string][][]string `json:"collapsed,omitempty"`
	// Fused are the patterns that were merged into a related one.
	Fused map[string]string `json:"fused,omitempty"`
}

// NewDictionary returns a dictionary with no decisions except the delimiters.
func NewDictionary(d *Delimiters) *Dictionary {
	return (&Dictionary{Delimiters: d.String()}).copy()
}

// FirstLevel returns the first-level delimiters.
func (d *Dictionary) FirstLevel() *Delimiters {
	if delims, err := ParseDelimiters(d.Delimiters); err == nil {
		return delims
	}
	return defaultDelimiters // d has no delimiters, or invalid ones
}

// startCoarseness returns the initial coarseness of a trie with this dictionary.
func (d *Dictionary) startCoarseness() int {
	if d.Version == 0 {
		return 0
	}
	return max(d.Coarseness, coarsenessOf(d.K))
}

// setCoarseness sets K and the coarseness of d.
func (d *Dictionary) setCoarseness(coarseness int) {
	d.K, d.Coarseness = boundsByCoarseness[coarseness].k, coarseness
}

// Extend returns d with the decisions of found added. Both must use the same
// delimiters. If both know a place, its protected literals stay protected, and new ones
// are added up to twice the number that an unprotected place keeps apart. A collapsed
// node gets no new ones: a literal that was in <*> stays there, however frequent it
// becomes.
func (d *Dictionary) Extend(found *Dictionary) *Dictionary {
	sum, collapsed := d.copy(), d.collapsedPlaces()
	for place, words := range found.Protected {
		if collapsed[place] {
			continue
		}
		sum.Protected[place] = appendNew(sum.Protected[place], words, 2*DefaultK)
	}
	sum.Shapes = appendNew(sum.Shapes, found.Shapes, maxShapes)
	for place, paths := range found.Collapsed {
		sum.Collapsed[place] = unionPaths(sum.Collapsed[place], paths)
	}
	for from, to := range found.Fused {
		if sum.Fused[from] == "" {
			sum.Fused[from] = to
		}
	}
	sum.setCoarseness(max(d.startCoarseness(), found.startCoarseness()))
	sum.Degraded = d.Degraded || found.Degraded
	return sum
}

// collapsedPlaces returns the text before the words of collapsed nodes, in the form of
// the keys of Protected.
func (d *Dictionary) collapsedPlaces() map[string]bool {
	places := map[string]bool{}
	for printed, paths := range d.Collapsed {
		shape, ok := parseShape(printed)
		if !ok {
			continue
		}
		befores := beginnings(shape)
		for _, words := range fitting(paths, len(befores)) {
			places[printShape(befores[len(words)])] = true
		}
	}
	return places
}

// maxShapes limits the protected shapes. A share of 0.5 % allows for 200.
const maxShapes = 400

// copy returns a copy of d in the present version, without nil maps.
func (d *Dictionary) copy() *Dictionary {
	c := &Dictionary{
		Version: DictionaryVersion, Lexer: Version, Degraded: d.Degraded,
		Delimiters: d.FirstLevel().inDictionary(),
		Protected:  map[string][]string{}, Collapsed: map[string][][]string{}, Fused: map[string]string{},
	}
	c.setCoarseness(d.startCoarseness())
	for place, words := range d.Protected {
		c.Protected[place] = slices.Clone(words)
	}
	for place, paths := range d.Collapsed {
		c.Collapsed[place] = slices.Clone(paths)
	}
	c.Shapes = slices.Clone(d.Shapes)
	maps.Copy(c.Fused, d.Fused)
	return c
}

// appendNew adds the elements of more that list lacks, up to limit, and sorts the
// result.
func appendNew(list, more []string, limit int) []string {
	known := setOf(list)
	for _, w := range more {
		if len(list) < limit && !known[w] {
			known[w] = true
			list = append(list, w)
		}
	}
	slices.Sort(list)
	return list
}

func unionPaths(a, b [][]string) [][]string {
	all := slices.Concat(a, b)
	slices.SortFunc(all, slices.Compare)
	return slices.CompactFunc(all, slices.Equal)
}

// Join returns the dictionary to which names of both a and b can be regrouped: a node
// is collapsed if it is in either, and a literal is protected if it is in both. It
// returns an error if a and b use different delimiters.
func Join(a, b *Dictionary) (*Dictionary, error) {
	if first, second := a.FirstLevel(), b.FirstLevel(); !first.Equal(second) {
		return nil, fmt.Errorf("pattern dictionaries with different delimiters: %q and %q", first, second)
	}
	sum := a.Extend(b)
	for place, words := range sum.Protected {
		inA, inB := setOf(a.Protected[place]), setOf(b.Protected[place])
		kept := slices.DeleteFunc(words, func(w string) bool { return !inA[w] || !inB[w] })
		if sum.Protected[place] = kept; len(kept) == 0 {
			delete(sum.Protected, place)
		}
	}
	inA, inB := setOf(a.Shapes), setOf(b.Shapes)
	sum.Shapes = slices.DeleteFunc(sum.Shapes, func(s string) bool { return !inA[s] || !inB[s] })
	return sum, nil
}

// Limits on a dictionary that is read.
const (
	maxDictionaryBytes = 16 << 20
	maxDecisions       = 50_000 // of each kind
)

// Write writes d as indented JSON with sorted keys, suitable for reading, editing and
// version control.
func (d *Dictionary) Write(w io.Writer) error {
	text, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		return err
	}
	_, err = w.Write(append(text, '\n'))
	return err
}

// Decisions holds the dictionary and the rules of a file.
type Decisions struct {
	Dictionary *Dictionary
	Rules      []string // as they were written, in order; a dictionary alone has none
}

// ReadDecisions reads a dictionary, alone, from a profile, or from the output of the
// patterns command. The latter two also hold the rules. It checks the dictionary.
func ReadDecisions(r io.Reader) (*Decisions, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxDictionaryBytes+1))
	switch {
	case err != nil:
		return nil, err
	case len(text) > maxDictionaryBytes:
		return nil, fmt.Errorf("pattern dictionary: more than %d bytes", maxDictionaryBytes)
	}
	text = bytes.TrimPrefix(text, []byte("\ufeff")) // as editors on Windows write
	d, err := decodeDecisions(text)
	if err != nil {
		return nil, fmt.Errorf("pattern dictionary: %w", plainJSONError(err, text))
	}
	if err := d.Dictionary.Check(); err != nil {
		return nil, fmt.Errorf("pattern dictionary: %w", err)
	}
	return d, nil
}

// recorded holds the decisions within a longer document.
type recorded struct {
	Patterns json.RawMessage `json:"patterns"`
	Rules    []string        `json:"pattern_rules"`
	Redacted bool            `json:"redacted"`
	// Other fields of the output of the patterns command are ignored.
	Names      json.RawMessage `json:"names"`
	Namespaces json.RawMessage `json:"namespaces"`
}

// decodeDecisions detects a profile by its design, and the output of the patterns
// command by its patterns.
func decodeDecisions(text []byte) (*Decisions, error) {
	var document struct {
		Design   *recorded       `json:"design"`
		Patterns json.RawMessage `json:"patterns"`
	}
	if err := json.Unmarshal(text, &document); err != nil {
		return nil, err
	}
	switch {
	case document.Design != nil:
		return document.Design.decisions(json.Unmarshal)
	case document.Patterns != nil:
		var printed recorded
		if err := unmarshalStrictly(text, &printed); err != nil {
			return nil, err
		}
		return printed.decisions(unmarshalStrictly)
	}
	d := &Decisions{Dictionary: &Dictionary{}}
	return d, unmarshalStrictly(text, d.Dictionary)
}

func (r *recorded) decisions(unmarshal func([]byte, any) error) (*Decisions, error) {
	if r.Redacted {
		return nil, errors.New("it is redacted: its rules and some of its decisions were left out")
	}
	if r.Patterns == nil || string(r.Patterns) == "null" {
		return nil, errors.New("the profile has none: an older version made it")
	}
	d := &Decisions{&Dictionary{}, r.Rules}
	return d, unmarshal(r.Patterns, d.Dictionary)
}

// unmarshalStrictly rejects unknown fields: users edit dictionaries, and a misspelt
// field would be ignored.
func unmarshalStrictly(text []byte, v any) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	return decoder.Decode(v)
}

// plainJSONError replaces an error of the JSON decoder that mentions Go or its types.
func plainJSONError(err error, text []byte) error {
	var wrong *json.UnmarshalTypeError
	var syntax *json.SyntaxError
	switch {
	case len(bytes.TrimSpace(text)) == 0:
		return errors.New("the file is empty")
	case errors.As(err, &syntax):
		return fmt.Errorf("the file is not JSON: line %d", 1+bytes.Count(text[:syntax.Offset], []byte("\n")))
	case !errors.As(err, &wrong):
		return errors.New(strings.TrimPrefix(err.Error(), "json: "))
	case wrong.Field == "":
		return fmt.Errorf("this is a JSON %s, want an object such as a profile has under design.patterns", wrong.Value)
	}
	return fmt.Errorf("%s is a JSON %s, want %s", wrong.Field, wrong.Value, wantedJSON(wrong.Type))
}

func wantedJSON(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Int:
		return "a whole number"
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "a string"
	case reflect.Slice:
		return "an array"
	}
	return "an object"
}

// Check returns an error about the first invalid value in d.
func (d *Dictionary) Check() error {
	switch {
	case d.Version != DictionaryVersion:
		return fmt.Errorf("version %d, want %d", d.Version, DictionaryVersion)
	case d.K < 0 || d.K > DefaultK:
		return fmt.Errorf("k is %d, want 0 to %d", d.K, DefaultK)
	case d.Coarseness < 0 || d.Coarseness > MaxCoarseness || d.Coarseness > 0 && boundsByCoarseness[d.Coarseness].k != d.K:
		return fmt.Errorf("coarseness is %d, which is not one of k %d; leave it out", d.Coarseness, d.K)
	case max(len(d.Protected), len(d.Shapes), len(d.Collapsed), len(d.Fused)) > maxDecisions:
		return fmt.Errorf("more than %d decisions of one kind", maxDecisions)
	}
	if _, err := ParseDelimiters(d.Delimiters); d.Delimiters != "" && err != nil {
		return fmt.Errorf("delimiters: %w", err)
	}
	for place, words := range d.Protected {
		if err := checkPlace("protected", place, words); err != nil {
			return err
		}
	}
	for _, s := range d.Shapes {
		if err := checkPlace("shapes", s, nil); err != nil {
			return err
		}
	}
	return errors.Join(d.checkCollapsed(), d.checkFused())
}

func (d *Dictionary) checkCollapsed() error {
	for place, paths := range d.Collapsed {
		for _, words := range paths {
			if err := checkPlace("collapsed", place, words); err != nil {
				return err
			}
			if shape, _ := parseShape(place); len(words) >= countWords(shape) {
				return fmt.Errorf("collapsed: %q has no place after %q", place, words)
			}
		}
	}
	return nil
}

func (d *Dictionary) checkFused() error {
	for from, to := range d.Fused {
		if !isPattern(from) || !isPattern(to) {
			return fmt.Errorf("fused: %q: %q is not a pattern", from, to)
		}
	}
	return nil
}

// checkPlace checks a shape and the words there.
func checkPlace(field, place string, words []string) error {
	if shape, ok := parseShape(place); !ok || len(shape) > MaxPattern {
		return fmt.Errorf("%s: %q is not a shape: write <*> for each literal, and the rest as in a pattern", field, place)
	}
	for _, w := range words {
		if !isPattern(w) {
			return fmt.Errorf("%s: %q: %q is not a literal", field, place, w)
		}
	}
	return nil
}

// maxPrinted is the length of the longest pattern with wildcards: a wildcard may be
// longer than the literal that it replaces.
const maxPrinted = MaxPattern + MaxTokens*len(wildcard)

// isPattern reports whether s is a pattern that can be printed.
func isPattern(s string) bool {
	return s != "" && len(s) <= maxPrinted && utf8.ValidString(s) && unprintable(s) == len(s)
}

type wordSet map[string]bool

// protection is a dictionary in the form that a trie uses for lookups.
type protection struct {
	words     map[string]wordSet    // by the shape before the literal
	shapes    wordSet               // shapes that are never cut
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

// fitting returns the paths that lead to a node of a shape with the given number of
// words.
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

// levels returns the protected words for each level of a shape, as far as r keeps them.
func (p *protection) levels(shape string, r bounds) []wordSet {
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

// cutShape calls the function cutShape with the limits r, except for shapes that r
// spares.
func (p *protection) cutShape(shape []byte, r bounds) (int, bool) {
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

// parseShape reverses printShape. It reports whether s is a shape.
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

// parseMark reads one element at the start of s, and returns its length, or 0 if there
// is none.
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

// Limits on the trie. Each coarseness gives coarser namespaces than the one before it,
// down to a single namespace. Coarsening is a pure function of the trie, so tries that
// were filled separately have the same namespaces at the same coarseness.

// DefaultK is the number of different literals that a node of the first level keeps
// apart before they collapse, as long as the namespaces are few enough.
const DefaultK = 64

// bounds holds the limits of one coarseness.
type bounds struct {
	k        int // literals kept apart at the first level
	elements int // of a shape, before the rest of the name is cut off
	spares   protected
}

// protected is the part of the protected literals and shapes that a coarseness keeps.
type protected uint8

const (
	sparesAll protected = iota
	sparesShapes
	sparesNothing
)

// boundsByCoarseness begins with the bounds that hold for almost every keyspace. Those
// below MaxReadableCoarseness no longer show a namespace as a person would write it; they
// keep a trie within its memory whatever the names are.
var boundsByCoarseness = [...]bounds{
	{DefaultK, MaxTokens, sparesAll},
	{32, 32, sparesAll},
	{16, 24, sparesAll},
	{8, 16, sparesAll},
	{4, 12, sparesAll},
	{2, 8, sparesAll},
	{1, 6, sparesAll},
	{0, 4, sparesAll},
	{0, 2, sparesAll},
	{0, 1, sparesAll},
	{0, 0, sparesAll},
	{0, 0, sparesShapes},
	{0, 0, sparesNothing},
}

// Coarseness is counted from 0, the widest bounds.
const (
	MaxReadableCoarseness  = 4                           // the last whose namespaces read well
	MaxProtectedCoarseness = 10                          // the last that spares what is protected
	MaxCoarseness          = len(boundsByCoarseness) - 1 // it has a single namespace
)

// levelShift narrows the levels below the first: 64, 32, 32, 16, 16, 16, 8, … The
// deeper a level, the more nodes it has.
var levelShift = [...]int{0, 1, 1, 2, 2, 2, 3}

// literals returns the number of literals that a node of this level keeps apart.
func (r bounds) literals(level int) int {
	return r.k >> levelShift[min(level, len(levelShift)-1)]
}

// coarsenessOf returns the lowest coarseness whose K is at most k.
func coarsenessOf(k int) int {
	for i, r := range boundsByCoarseness {
		if r.k <= k {
			return i
		}
	}
	return MaxCoarseness
}
