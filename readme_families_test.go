package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"

	"keyprof/sampler"
	"keyprof/sampler/pattern/patterntest"
)

// TestReadmeFamilies checks that the README shows what becomes of each family
// of names that grouping is tested with.
func TestReadmeFamilies(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	var table strings.Builder
	for i, f := range patterntest.Families() {
		rng := rand.New(rand.NewPCG(1, uint64(i)))
		example := f.Generate(rng, 1)[0]
		namespace := namespaceOf(f.Generate(rng, 1000))
		if f.Words() > 1 {
			namespace = f.Want // "one a word"
		}
		fmt.Fprintf(&table, "| `%s` | `%s` |\n", cell(shorten(example)), cell(namespace))
	}
	if !strings.Contains(string(text), table.String()) {
		t.Errorf("the README's table of namespaces should be\n%s", table.String())
	}
}

// namespaceOf is the namespace of most of the names.
func namespaceOf(names []string) string {
	groups := sampler.GroupNames(func(yield func(string) bool) {
		for _, name := range names {
			if !yield(name) {
				return
			}
		}
	}, sampler.Grouping{Limit: sampler.DefaultNamespaceLimit})
	most := groups.Namespaces[0]
	for _, n := range groups.Namespaces {
		if n.Names > most.Names {
			most = n
		}
	}
	return most.Pattern
}

// shorten prints a name for a table.
func shorten(name string) string {
	quoted := strconv.QuoteToASCII(name)
	quoted = quoted[1 : len(quoted)-1]
	if len(quoted) > 60 {
		return quoted[:59] + "…"
	}
	return quoted
}

// cell escapes what would end a cell of a Markdown table.
func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }
