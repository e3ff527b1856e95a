package pattern

import (
	"maps"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"keyprof/sampler/pattern/patterntest"
)

// grouped returns the namespaces and counts of a run over names, as in a profile.
func grouped(dict *Dictionary, rules *Rules, names []string) (*Grouping, map[string]int) {
	trie := NewTrie(dict, counters)
	trie.SetRules(rules)
	for _, name := range names {
		trie.At(name).names++
	}
	g, counts := &Grouping{Dictionary: trie.Dictionary()}, map[string]int{}
	for _, n := range trie.Namespaces() {
		g.Rows = append(g.Rows, GroupingRow{Pattern: n.Pattern, Names: n.Names, Rule: n.Rule})
		counts[n.Pattern] = n.Value.names
	}
	return g, counts
}

func regrouped(counts map[string]int, to map[string]string) map[string]int {
	sums := map[string]int{}
	for p, n := range counts {
		sums[to[p]] += n
	}
	return sums
}

// checkMeeting groups the same names twice, each time by decisions that were
// made for others, and fails unless regrouping brings both to the same rows.
func checkMeeting(t rapid.TB, names []string, rules *Rules, first, second *Dictionary) map[string]int {
	t.Helper()
	a, inA := grouped(first, rules.Clone(), names)
	b, inB := grouped(second, rules.Clone(), names)
	ofA, ofB, err := Regroup(a, b)
	if err != nil {
		t.Fatal(err)
	}
	gotA, gotB := regrouped(inA, ofA), regrouped(inB, ofB)
	if diff := cmp.Diff(gotA, gotB); diff != "" {
		t.Fatalf("the same names, regrouped from two groupings (-first +second):\n%s", diff)
	}
	return gotA
}

// Two groupings of the same names regroup to the same result, whatever the earlier
// decisions of each.
func TestRegroupingIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		decide := func(label string) *Dictionary {
			trie := newCounting(drawDictionary(t), rapid.SliceOfN(rapid.Custom(drawName), 0, 200).Draw(t, label)...)
			trie.CoarsenTo(rapid.IntRange(0, MaxCoarseness).Draw(t, "rung"))
			return trie.Dictionary()
		}
		names := rapid.SliceOfN(rapid.Custom(drawName), 0, 300).Draw(t, "names")
		checkMeeting(t, names, nil, decide("first"), decide("second"))
	})
}

// The same for families, with fusion and rules, for surveys of different parts.
func TestRegroupingOfFamilies(t *testing.T) {
	rules, err := ParseRules(`^user:.*=people`, `^(cache):=$1:*`)
	if err != nil {
		t.Fatal(err)
	}
	for seed := range uint64(4) {
		names := patterntest.Mix(rand.New(rand.NewPCG(seed, 8)), patterntest.Families(), 300)
		decide := func(names []string) *Dictionary {
			survey := NewSurvey(nil)
			for _, name := range names {
				survey.Add(name)
			}
			return newCounting(survey.Dictionary(), names...).Dictionary()
		}
		half := len(names) / 2
		rows := checkMeeting(t, names, rules, decide(names[:half/int(seed+1)]), decide(names[half:]))
		if len(rows) < len(patterntest.Families()) {
			t.Errorf("seed %d: %d rows of %d families", seed, len(rows), len(patterntest.Families()))
		}
	}
}

// Decisions that are the same on both sides change nothing.
func TestRegroupingToTheSame(t *testing.T) {
	names := patterntest.Mix(rand.New(rand.NewPCG(3, 8)), patterntest.Families(), 1000)
	first, counts := grouped(nil, nil, names)
	second, _ := grouped(first.Dictionary, nil, names[:len(names)/2])
	ofFirst, _, err := Regroup(first, second)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(counts, regrouped(counts, ofFirst)); diff != "" {
		t.Errorf("regrouped to what it was (-before +after):\n%s", diff)
	}
}

// sets remembers the names of each namespace.
var sets = Values[map[string]bool]{
	New:   func() map[string]bool { return map[string]bool{} },
	Merge: func(into, from map[string]bool) { maps.Copy(into, from) },
}

// groupedNames is grouped for names in two halves with other bounds for the
// second. It returns the namespace of each name.
func groupedNames(dict *Dictionary, rules *Rules, names []string, rung int) (*Grouping, map[string]string) {
	trie := NewTrie(dict, sets)
	trie.SetRules(rules)
	for i, name := range names {
		if i == len(names)/2 {
			trie.CoarsenTo(rung)
		}
		trie.At(name)[name] = true
	}
	g, of := &Grouping{Dictionary: trie.Dictionary()}, map[string]string{}
	for _, n := range trie.Namespaces() {
		g.Rows = append(g.Rows, GroupingRow{Pattern: n.Pattern, Names: n.Names, Rule: n.Rule})
		for name := range n.Value {
			of[name] = n.Pattern
		}
	}
	return g, of
}

// drawOddName makes names that fusion, cutting and joining change.
func drawOddName(t *rapid.T) string {
	part := rapid.OneOf(
		rapid.SampledFrom([]string{"user", "web", "a-b", "in_box", "<*>", `\`, "%3A", "ünï", "10.0.0.1", "a@b.com", "550e8400-e29b-41d4-a716-446655440000"}),
		rapid.StringMatching(`(web|app|)[0-9]{1,3}`), rapid.StringMatching(`[a-zA-Z0-9]{8}`), rapid.StringMatching(`[a-z]{2}(-[a-z]{2}){0,3}`),
	)
	parts := rapid.SliceOfN(part, 1, 5).Draw(t, "parts")
	return strings.Join(parts, rapid.SampledFrom([]string{":", "/", "_", ".", "-"}).Draw(t, "delimiter"))
}

// A name that two nights have in common is in one namespace once the two are
// regrouped, whatever each of them had decided and however far its bounds were
// lowered.
func TestRegroupingTellsTheSameOfEachName(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dict := NewDictionary(delimitersIn(rapid.SampledFrom([]string{DefaultDelimiters, ":", "_:", "-"}).Draw(t, "delimiters")))
		rules, err := ParseRules(`^user.*=user:<int>`, `web(\d)=web$1`)
		if err != nil {
			t.Fatal(err)
		}
		names := rapid.SliceOfN(rapid.Custom(drawOddName), 20, 400).Draw(t, "names")
		night := func(names []string) (*Grouping, map[string]string) {
			survey := NewSurvey(dict)
			for _, name := range names[:len(names)/2] {
				survey.Add(name)
			}
			return groupedNames(survey.Extend(dict), rules.Clone(), names, max(0, rapid.IntRange(-MaxCoarseness, MaxCoarseness).Draw(t, "rung")))
		}
		from, to := rapid.IntRange(0, len(names)/2).Draw(t, "from"), rapid.IntRange(len(names)/2, len(names)).Draw(t, "to")
		first, inFirst := night(names[:to])
		second, inSecond := night(names[from:])
		ofFirst, ofSecond, err := Regroup(first, second)
		if err != nil {
			t.Fatal(err)
		}
		for name, p := range inFirst {
			if q, common := inSecond[name]; common && ofFirst[p] != ofSecond[q] {
				t.Fatalf("%q is in %q and becomes %q, and is in %q and becomes %q", name, p, ofFirst[p], q, ofSecond[q])
			}
		}
	})
}
