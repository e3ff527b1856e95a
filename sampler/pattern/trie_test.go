package pattern

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"keyprof/sampler/pattern/patterntest"
)

// counter is the simplest value.
type counter struct{ names int }

var counters = Values[*counter]{
	New:   func() *counter { return new(counter) },
	Merge: func(into, from *counter) { into.names += from.names },
}

func newCounting(dict *Dictionary, names ...string) *Trie[*counter] {
	trie := NewTrie(dict, counters)
	for _, name := range names {
		trie.At(name).names++
	}
	return trie
}

// listing shows the leaves of a trie before fusion, so that it shows more.
func listing(trie *Trie[*counter]) []string {
	var lines []string
	rows, leaves := trie.rows()
	for i, r := range rows {
		lines = append(lines, fmt.Sprintf("%s %d", r.pattern, leaves[i].value.names))
	}
	return append(lines, fmt.Sprintf("%d leaves, K %d", trie.Leaves(), trie.K()))
}

// drawName makes names of few shapes and many words, so that nodes collapse on
// all levels.
func drawName(t *rapid.T) string {
	word := rapid.Custom(func(t *rapid.T) string {
		pick := rapid.SampledFrom([]string{"user", "order", "id", "x"})
		if rapid.Bool().Draw(t, "frequent") {
			return pick.Draw(t, "word")
		}
		return fmt.Sprintf("%c%c", 'a'+rapid.IntRange(0, 25).Draw(t, "first"), 'a'+rapid.IntRange(0, 25).Draw(t, "second"))
	})
	parts := rapid.SliceOfN(rapid.OneOf(word, word, rapid.SampledFrom([]string{"17", "4711", "550e8400-e29b-41d4-a716-446655440000"})), 1, 5)
	return strings.Join(parts.Draw(t, "parts"), rapid.SampledFrom([]string{":", "/", "_"}).Draw(t, "delimiter"))
}

// drawDictionary makes decisions that concern the names of drawName.
func drawDictionary(t *rapid.T) *Dictionary {
	d := (&Dictionary{}).copy()
	if rapid.Bool().Draw(t, "protect") {
		d.Protected[""] = []string{"user", "id"}
		d.Protected["<*>:"] = []string{"order", "ab"}
		d.Shapes = []string{"<*>:<*>:<*>:<*>"}
	}
	if rapid.Bool().Draw(t, "collapse") {
		d.Collapsed["<*>:<*>"] = [][]string{{"order"}, {"zz"}}
		d.Collapsed["<*>:<*>:<*>"] = [][]string{{"aa"}, {"<*>", "order"}}
	}
	d.setCoarseness(rapid.SampledFrom([]int{0, 3, 5}).Draw(t, "rung of the dictionary"))
	return d
}

// TestMergeIsGroupingOfTheUnion: merge(F(A), F(B)) = F(A ∪ B) for any order of
// the names and any number of shards, and names that are there twice.
func TestMergeIsGroupingOfTheUnion(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SliceOfN(rapid.Custom(drawName), 0, 600).Draw(t, "names")
		names = append(names, names[:len(names)/10]...)
		dict := drawDictionary(t)
		lower := rapid.IntRange(0, MaxCoarseness).Draw(t, "rung")
		whole := newCounting(dict, names...)
		whole.CoarsenTo(lower)
		want := listing(whole)

		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		rng.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
		shards := make([]*Trie[*counter], rapid.IntRange(1, 16).Draw(t, "shards"))
		for i := range shards {
			shards[i] = newCounting(dict)
		}
		for i, name := range names {
			if i == len(names)/2 {
				shards[0].CoarsenTo(rng.IntN(lower + 1))
			}
			shards[rng.IntN(len(shards))].At(name).names++
		}
		rng.Shuffle(len(shards), func(i, j int) { shards[i], shards[j] = shards[j], shards[i] })
		for _, s := range shards[1:] {
			shards[0].Merge(s)
		}
		shards[0].CoarsenTo(lower)
		if diff := cmp.Diff(want, listing(shards[0])); diff != "" {
			t.Fatalf("grouping of all names (-) and of %d shards, merged (+):\n%s", len(shards), diff)
		}
	})
}

// TestFamiliesInShards tests the same for the names of all families, after fusion.
func TestFamiliesInShards(t *testing.T) {
	names := patterntest.Mix(rand.New(rand.NewPCG(4, 4)), patterntest.Families(), 300)
	want := patternsOf(newCounting(nil, names...).Namespaces())
	for shards := 1; shards <= 16; shards++ {
		rng := rand.New(rand.NewPCG(5, uint64(shards)))
		tries := make([]*Trie[*counter], shards)
		for i := range tries {
			tries[i] = newCounting(nil)
		}
		for _, i := range rng.Perm(len(names)) {
			tries[rng.IntN(shards)].At(names[i]).names++
		}
		for _, other := range tries[1:] {
			tries[0].Merge(other)
		}
		if diff := cmp.Diff(want, patternsOf(tries[0].Namespaces())); diff != "" {
			t.Fatalf("%d shards:\n%s", shards, diff)
		}
	}
}

func patternsOf(list []Namespace[*counter]) map[string]int {
	patterns := map[string]int{}
	for _, n := range list {
		patterns[n.Pattern] = n.Value.names
	}
	return patterns
}

// checkGroups fails unless names become these namespaces with these counts.
func checkGroups(t *testing.T, trie *Trie[*counter], want map[string]int) {
	t.Helper()
	if diff := cmp.Diff(want, patternsOf(trie.Namespaces())); diff != "" {
		t.Errorf("namespaces (-want +got):\n%s", diff)
	}
}

// slugs returns n different words.
func slugs(n int) []string {
	set := map[string]bool{}
	for rng := rand.New(rand.NewPCG(6, 6)); len(set) < n; {
		set[patterntest.Expand(rng, "{slug}")] = true
	}
	return slices.Sorted(maps.Keys(set))
}

func TestLiteralsCollapseBeyondTheirBound(t *testing.T) {
	trie := newCounting(nil)
	for _, s := range slugs(DefaultK) {
		trie.At(s + ":inbox")
	}
	if n := trie.CountNamespaces(); n != DefaultK {
		t.Errorf("%d literals make %d namespaces", DefaultK, n)
	}
	trie.At("one-more:inbox").names++
	checkGroups(t, trie, map[string]int{"<*>:inbox": 1})
}

// A word that is frequent stays, although thousands of others share its place.
func TestFrequentWordsAreProtected(t *testing.T) {
	var names []string
	for i, s := range slugs(10_000) {
		names = append(names, s+":1")
		if i%20 == 0 {
			names = append(names, "session:7", "user:8")
		}
	}
	survey := NewSurvey(nil)
	for _, name := range names {
		survey.Add(name)
	}
	checkGroupCounts := map[string]int{"<*>:<int>": 10_000, "session:<int>": 500, "user:<int>": 500}
	checkGroups(t, newCounting(survey.Dictionary(), names...), checkGroupCounts)
}

// A rare word among slugs is kept apart by the text after it, even if the survey never
// saw it.
func TestRareWordsAreToldByWhatFollows(t *testing.T) {
	trie := newCounting(nil)
	for _, s := range slugs(500) {
		trie.At(s+":inbox").names++
	}
	trie.At("config:limits").names++
	trie.At("config:limits").names++
	checkGroups(t, trie, map[string]int{"<*>:inbox": 500, "config:limits": 2})
}

func TestLoweringTheBoundEndsWithOneNamespace(t *testing.T) {
	names := patterntest.Mix(rand.New(rand.NewPCG(7, 7)), patterntest.Families(), 50)
	trie := newCounting(nil, names...)
	before := trie.Leaves()
	for rung := range MaxCoarseness + 1 {
		trie.CoarsenTo(rung)
		if after := trie.Leaves(); after > before {
			t.Errorf("K %d: %d namespaces, %d before", trie.K(), after, before)
		} else {
			before = after
		}
	}
	checkGroups(t, trie, map[string]int{"<...>": len(names)})
}

func TestAtDoesNotAllocate(t *testing.T) {
	names := patterntest.Mix(rand.New(rand.NewPCG(8, 8)), patterntest.Families(), 100)
	trie := newCounting(nil, names...)
	if allocs := testing.AllocsPerRun(10, func() {
		for _, name := range names {
			trie.At(name)
		}
	}); allocs != 0 {
		t.Errorf("At allocates %v times for %d names that it knows", allocs, len(names))
	}
}

// A trie must not keep the buffer that a name lies in.
func TestTrieCopiesWords(t *testing.T) {
	buf := []byte("user:profile")
	trie := newCounting(nil)
	trie.At(unsafeString(buf)).names++
	trie.At(unsafeString(buf)).names++
	copy(buf, "XXXX:XXXXXXX")
	checkGroups(t, trie, map[string]int{"user:profile": 2})
}

// unsafeString returns the text of buf without a copy: it changes with buf.
func unsafeString(buf []byte) string { return unsafe.String(&buf[0], len(buf)) }

// FuzzTrie groups names, in any order and in two tries, after a survey that
// has seen them, by any delimiters.
func FuzzTrie(f *testing.F) {
	f.Add("user:1\nuser:2\nsession:x7Gk2Qa\n\n{a}:\xff\x00\n<uuid>:\"\\", uint64(1), DefaultDelimiters)
	f.Add(strings.Repeat("a:", 100)+"\n%3A%2f-_\n用户:١٢٣\n<*>\n\u202e", uint64(2), "-%<")
	f.Fuzz(func(t *testing.T, text string, seed uint64, strong string) {
		names := strings.Split(text, "\n")
		for i := range 3 * DefaultK {
			names = append(names, names[i%len(names)]+fmt.Sprintf("%c%c", 'a'+i%26, 'a'+i/26))
		}
		survey := NewSurvey(NewDictionary(delimitersIn(strong)))
		for _, name := range names {
			survey.Add(name)
		}
		dict := survey.Dictionary()
		whole, other := newCounting(dict, names...), newCounting(dict)
		rng := rand.New(rand.NewPCG(seed, 1))
		halves := newCounting(dict)
		for _, i := range rng.Perm(len(names)) {
			if rng.IntN(2) == 0 {
				halves.At(names[i]).names++
			} else {
				other.At(names[i]).names++
			}
		}
		halves.Merge(other)
		decided := whole.Dictionary()
		if err := decided.Check(); err != nil {
			t.Fatalf("dictionary of %q: %v", names, err)
		}
		want := whole.Namespaces()
		if diff := cmp.Diff(patternsOf(want), patternsOf(halves.Namespaces())); diff != "" {
			t.Fatalf("%q: one trie (-) and two (+):\n%s", names, diff)
		}
		for _, n := range want {
			if !isPattern(n.Pattern) {
				t.Fatalf("%q: namespace %q", names, n.Pattern)
			}
		}
		if n := total(want); n != len(names) {
			t.Fatalf("%q: %d names in namespaces, want %d", names, n, len(names))
		}
	})
}
