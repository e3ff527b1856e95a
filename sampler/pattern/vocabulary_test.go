package pattern

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"keyprof/sampler/pattern/patterntest"
)

// letters returns n different words.
func letters(prefix string, n int) (words []string) {
	for i := range n {
		words = append(words, fmt.Sprintf("%s%c%c", prefix, 'a'+i%26, 'a'+i/26))
	}
	return words
}

// Words that each level repeats are protected from left to right, as far as
// their combinations are few.
func TestProtectedCombinationsAreFew(t *testing.T) {
	first, second, third := letters("one", 30), letters("two", 30), letters("three", 5)
	var names []string
	for i := range 20_000 {
		names = append(names, strings.Join([]string{first[i%30], second[i/30%30], third[i/900%5], "4711"}, ":"))
	}
	got := surveyOf(names...).Protected
	if len(got[""]) != 30 || len(got["<*>:"]) != 0 || len(got["<*>:<*>:"]) != 0 {
		t.Errorf("protected %v; want the first level alone", got)
	}
}

// Where each word has its own words after it, their combinations are few.
func TestWordsOfNestedKindsAreProtected(t *testing.T) {
	var names []string
	kinds := letters("kind", 45)
	for i := range 40_000 {
		k := i % len(kinds)
		names = append(names, fmt.Sprintf("%s:part%c%c:%d", kinds[k], 'a'+k%20, 'a'+i/45%2, i))
	}
	got := surveyOf(names...).Protected
	if len(got[""]) != 45 || len(got["<*>:"]) != 40 {
		t.Errorf("%d and %d words are protected, want 45 and 40", len(got[""]), len(got["<*>:"]))
	}
}

// What a survey knows to collapse changes no namespace.
func TestSurveyCollapsesWhatWouldCollapse(t *testing.T) {
	names := patterntest.Mix(rand.New(rand.NewPCG(9, 9)), patterntest.Families(), 300)
	with := surveyOf(names...)
	if len(with.Collapsed) == 0 {
		t.Fatal("the survey has collapsed nothing")
	}
	without := with.copy()
	clear(without.Collapsed)
	a, b := newCounting(with, names...), newCounting(without, names...)
	if diff := cmp.Diff(a.Dictionary(), b.Dictionary()); diff != "" {
		t.Errorf("decisions with (-) and without (+) those of the survey:\n%s", diff)
	}
	if diff := cmp.Diff(listing(a), listing(b)); diff != "" {
		t.Errorf("namespaces with (-) and without (+):\n%s", diff)
	}
}

// A survey extends what was decided before, and keeps to it.
func TestSurveyExtends(t *testing.T) {
	known := (&Dictionary{}).copy()
	known.K, known.Protected[""] = 8, []string{"rare"}
	s := NewSurvey(nil)
	for _, name := range slugs(20) {
		s.Add(name + ":inbox")
	}
	got := s.Extend(known)
	want := known.copy()
	want.Protected["<*>:"], want.Shapes = []string{"inbox"}, []string{"<*>:<*>"}
	want.Collapsed["<*>:<*>"] = [][]string{{}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("extended (-want +got):\n%s", diff)
	}
}

// Of words that are all met about as often as protection asks for, none is
// protected by chance.
func TestUniformWordsAreAllOrNone(t *testing.T) {
	words := letters("kind", 100)
	for seed := range uint64(5) {
		rng := rand.New(rand.NewPCG(seed, 3))
		var names []string
		for i := range 8 * len(words) {
			names = append(names, fmt.Sprintf("%s:%d", words[rng.IntN(len(words))], i))
		}
		if got := surveyOf(names...).Protected; len(got) != 0 {
			t.Errorf("seed %d: %d words are protected, want none", seed, len(got[""]))
		}
	}
}
