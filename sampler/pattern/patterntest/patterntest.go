// Package patterntest generates key names of known families, to test grouping
// with. It is support for tests, and no part of the program.
package patterntest

import (
	_ "embed"
	"fmt"
	"math/rand/v2"
	"strings"
)

//go:embed testdata/families.tsv
var familiesTSV string

// Family is one kind of key name.
type Family struct {
	Name     string // unique, for messages
	Template string // literal text with {…} where it varies
	Want     string // the namespace that a person would expect to read
}

// Families returns the families of testdata/families.tsv in its order.
func Families() []Family {
	var families []Family
	for line := range strings.Lines(familiesTSV) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(f) != 3 {
			panic(fmt.Sprintf("families.tsv: %d fields, want 3: %q", len(f), line))
		}
		families = append(families, Family{Name: f[0], Template: f[1], Want: f[2]})
	}
	return families
}

// NeedsTrie reports whether no lexer can group the family: it has words that
// only the other names show to vary.
func (f Family) NeedsTrie() bool { return strings.Contains(f.Want, "<*>") }

// Words returns how many namespaces the family may have: one for each word of
// its {word:…}.
func (f Family) Words() int {
	_, words, found := strings.Cut(f.Template, "{word:")
	if !found {
		return 1
	}
	words, _, _ = strings.Cut(words, "}")
	return strings.Count(words, ",") + 1
}

// Generate returns n names of the family.
func (f Family) Generate(rng *rand.Rand, n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = Expand(rng, f.Template)
	}
	return names
}

// Mix returns n names of each family, shuffled.
func Mix(rng *rand.Rand, families []Family, n int) []string {
	var names []string
	for _, f := range families {
		names = append(names, f.Generate(rng, n)...)
	}
	rng.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	return names
}
