package pattern

import (
	"fmt"
	"maps"
	"slices"
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
	Version int `json:"version"` // DictionaryVersion
	Lexer   int `json:"lexer"`   // Version of the lexing rules
	// Delimiters are those of the first level; "" stands for [DefaultDelimiters].
	Delimiters string `json:"delimiters,omitempty"`
	// K is how many different literals a node of the first level keeps apart;
	// 0 is none at all.
	K int `json:"k"`
	// Rung tells apart bounds of the same K: how far they had to be lowered, 0
	// being not at all.
	Rung int `json:"rung,omitempty"`
	// Degraded means that K or the length of patterns had to be lowered to keep
	// the namespaces few: they are coarser than they would be in a smaller
	// keyspace.
	Degraded bool `json:"degraded,omitempty"`
	// Protected are the literals that no wildcard takes, by what stands before
	// them: "" for the beginning, "<*>:" for the second segment.
	Protected map[string][]string `json:"protected,omitempty"`
	// Shapes are those that are never cut.
	Shapes []string `json:"shapes,omitempty"`
	// Collapsed are the nodes whose literals have become <*>, by their shape:
	// for each node the literals that lead to it.
	Collapsed map[string][][]string `json:"collapsed,omitempty"`
	// Fused are the patterns that were merged into a related one.
	Fused map[string]string `json:"fused,omitempty"`
}

// NewDictionary returns a dictionary that has decided nothing but by which
// delimiters names are cut.
func NewDictionary(d *Delimiters) *Dictionary {
	return (&Dictionary{Delimiters: d.String()}).copy()
}

// FirstLevel returns the delimiters by which names are cut.
func (d *Dictionary) FirstLevel() *Delimiters {
	if delims, err := ParseDelimiters(d.Delimiters); err == nil {
		return delims
	}
	return defaultDelimiters // d says nothing, or what Check refuses
}

// startRung is where on the ladder a trie with this dictionary begins.
func (d *Dictionary) startRung() int {
	if d.Version == 0 {
		return 0
	}
	return max(d.Rung, rungOf(d.K))
}

// lower sets the bounds of d to those of a rung.
func (d *Dictionary) lower(rung int) { d.K, d.Rung = ladder[rung].k, rung }

// Extend returns d with the decisions of found added, which must have been made
// with the same delimiters. Where both know a place, literals that were protected
// stay so, and new ones come on top while there are at most twice as many as an
// unprotected place keeps apart. Where a node has collapsed none comes on top:
// what was in <*> stays there, however frequent it becomes.
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
	sum.lower(max(d.startRung(), found.startRung()))
	sum.Degraded = d.Degraded || found.Degraded
	return sum
}

// collapsedPlaces are what stands before the words of collapsed nodes, in the
// form of the keys of Protected.
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

// maxShapes bounds the protected shapes. A share of 0.5 % allows for 200.
const maxShapes = 400

// copy returns a copy of d of the present version, with no map missing.
func (d *Dictionary) copy() *Dictionary {
	c := &Dictionary{
		Version: DictionaryVersion, Lexer: Version, Degraded: d.Degraded,
		Delimiters: d.FirstLevel().inDictionary(),
		Protected:  map[string][]string{}, Collapsed: map[string][][]string{}, Fused: map[string]string{},
	}
	c.lower(d.startRung())
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

// appendNew adds those of more that list has not, up to limit, and sorts.
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

// Join returns the dictionary to which names of both a and b can be regrouped:
// a node is collapsed if it is in either, a literal protected if it is in both.
// There is none where a and b cut names by different delimiters.
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
