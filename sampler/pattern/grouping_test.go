package pattern

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"keyprof/sampler/pattern/patterntest"
)

// owners counts the names of a namespace by family.
type owners map[string]int

var ownerValues = Values[owners]{
	New: func() owners { return owners{} },
	Merge: func(into, from owners) {
		for family, n := range from {
			into[family] += n
		}
	},
}

// sample is names that carry their family.
type sample struct{ family, name string }

func generate(rng *rand.Rand, families []patterntest.Family, count func(patterntest.Family) int) []sample {
	var all []sample
	for _, f := range families {
		for _, name := range f.Generate(rng, count(f)) {
			all = append(all, sample{f.Name, name})
		}
	}
	rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}

// groupAll is what a run does: a survey of the first names, then the trie.
func groupAll(samples []sample) []Namespace[owners] {
	survey := NewSurvey(nil)
	for _, s := range samples {
		if !survey.Add(s.name) {
			break
		}
	}
	trie := NewTrie(survey.Dictionary(), ownerValues)
	for _, s := range samples {
		trie.At(s.name)[s.family]++
	}
	return trie.Namespaces()
}

// checkRequirements fails unless each family is in one namespace for at least
// 98 % of its names (one for each of its words), no namespace holds names of
// two families, and there are few namespaces.
func checkRequirements(t *testing.T, families []patterntest.Family, list []Namespace[owners], wants bool) {
	t.Helper()
	rows, sizes, words := map[string]map[string]int{}, sizesOf(list), 0
	for _, n := range list {
		checkUnmixed(t, n, sizes)
		for family, count := range n.Value {
			if rows[family] == nil {
				rows[family] = map[string]int{}
			}
			rows[family][n.Pattern] += count
		}
	}
	for _, f := range families {
		words += f.Words()
		checkShare(t, f, rows[f.Name], wants)
	}
	if limit := words*3/2 + 5; len(list) > limit {
		t.Errorf("%d namespaces for %d families, want at most %d", len(list), len(families), limit)
	}
}

// sizesOf counts the names of each family.
func sizesOf(list []Namespace[owners]) owners {
	sizes := owners{}
	for _, n := range list {
		ownerValues.Merge(sizes, n.Value)
	}
	return sizes
}

// checkUnmixed fails if a namespace holds names of two families. One of 10,000
// random tokens may look like that of another family: share_… like one token
// with an underscore in it.
func checkUnmixed(t *testing.T, n Namespace[owners], sizes owners) {
	t.Helper()
	residents := 0
	for family, count := range n.Value {
		if count*10_000 > sizes[family] {
			residents++
		}
	}
	if residents > 1 {
		t.Errorf("%s mixes families: %v", n.Pattern, n.Value)
	}
}

func checkShare(t *testing.T, f patterntest.Family, rows map[string]int, wants bool) {
	t.Helper()
	var patterns []string
	total := 0
	for p, n := range rows {
		patterns = append(patterns, p)
		total += n
	}
	slices.SortFunc(patterns, func(a, b string) int { return rows[b] - rows[a] })
	share := 0
	for _, p := range patterns[:min(len(patterns), f.Words())] {
		share += rows[p]
	}
	if share*100 < total*98 || len(patterns) > 3*f.Words()+3 {
		t.Errorf("%s: %d of %d names in the main namespaces of %d:%s", f.Name, share, total, len(patterns), describe(patterns, rows))
	}
	if wants && f.Words() == 1 && patterns[0] != f.Want {
		t.Errorf("%s: namespace %q, want %q", f.Name, patterns[0], f.Want)
	}
}

func describe(patterns []string, rows map[string]int) string {
	var b strings.Builder
	for _, p := range patterns[:min(len(patterns), 8)] {
		fmt.Fprintf(&b, "\n\t%6d %s", rows[p], p)
	}
	return b.String()
}

const fewNames, manyNames = 200, 20_000

func TestEachFamilyAlone(t *testing.T) {
	for _, n := range []int{fewNames, manyNames} {
		for _, f := range patterntest.Families() {
			rng := rand.New(rand.NewPCG(1, uint64(n)))
			families := []patterntest.Family{f}
			list := groupAll(generate(rng, families, func(patterntest.Family) int { return n }))
			checkRequirements(t, families, list, true)
		}
	}
}

func TestFamiliesMixed(t *testing.T) {
	for _, n := range []int{fewNames, manyNames} {
		rng := rand.New(rand.NewPCG(2, uint64(n)))
		families := patterntest.Families()
		list := groupAll(generate(rng, families, func(patterntest.Family) int { return n }))
		t.Logf("%d names of each family: %d namespaces", n, len(list))
		checkRequirements(t, families, list, true)
	}
}

// TestOneFamilyDominates gives one family nearly all names.
func TestOneFamilyDominates(t *testing.T) {
	known := patterntest.Families()
	for _, tt := range []struct {
		families []patterntest.Family
		times    int // as many names as all others together
		step     int // between the families that dominate: all would take minutes
	}{
		{known, 99, 6},
		{slices.Concat(known, frameworks), 10, 20},
	} {
		for i := 1; i < len(tt.families); i += tt.step {
			checkDominated(t, tt.families, tt.families[i].Name, tt.times)
		}
	}
}

func checkDominated(t *testing.T, families []patterntest.Family, big string, times int) {
	t.Helper()
	rng := rand.New(rand.NewPCG(3, 3))
	list := groupAll(generate(rng, families, func(f patterntest.Family) int {
		if f.Name == big {
			return times * fewNames * (len(families) - 1)
		}
		return fewNames
	}))
	checkRequirements(t, families, list, false)
}
