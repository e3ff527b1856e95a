package command

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
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
		names := f.Generate(rng, 1000)
		namespace := namespaceOf(names)
		if f.Words() > 1 { // each word has a row of its own, as all are literals
			namespace = namespaceOf([]string{example})
			if !hasNamespace(append(names, example), namespace) {
				t.Errorf("%s: among others, %q is not in %s", f.Name, example, namespace)
			}
		}
		fmt.Fprintf(&table, "| `%s` | `%s` |\n", cell(shorten(example)), cell(namespace))
	}
	if !strings.Contains(string(text), table.String()) {
		t.Errorf("the README's table of namespaces should be\n%s", table.String())
	}
}

// namespaceOf is the namespace of most of the names.
func namespaceOf(names []string) string {
	groups := groupsOf(names)
	return slices.MinFunc(groups.Namespaces, byNames).Pattern
}

func hasNamespace(names []string, namespace string) bool {
	return slices.ContainsFunc(groupsOf(names).Namespaces, func(n sampler.NameGroup) bool { return n.Pattern == namespace })
}

func groupsOf(names []string) *sampler.NameGroups {
	return sampler.GroupNames(slices.Values(names), sampler.Grouping{Limit: sampler.DefaultNamespaceLimit})
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
