package pattern

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"keyprof/sampler/pattern/patterntest"
)

func surveyOf(names ...string) *Dictionary {
	s := NewSurvey(nil)
	for _, name := range names {
		s.Add(name)
	}
	return s.Dictionary()
}

// A small family is found beside one that holds nearly all names.
func TestSurveyFindsSmallFamilies(t *testing.T) {
	var names []string
	for i := range 30_000 {
		names = append(names, fmt.Sprintf("session:%d", i))
		if i%1000 == 0 {
			names = append(names, fmt.Sprintf("cart:%d", i), fmt.Sprintf("%s:%d", slugs(30)[i/1000], i))
		}
	}
	if got, want := surveyOf(names...).Protected[""], []string{"cart", "session"}; !slices.Equal(got, want) {
		t.Errorf("protected %q, want %q", got, want)
	}
}

// The words of slugs repeat, and are not protected for that: but the kinds of
// things that one level lists are.
func TestSurveyKnowsVocabularies(t *testing.T) {
	var slugs, kinds []string
	for i := range 20_000 {
		slugs = append(slugs, fmt.Sprintf("post_w%c%c_w%c%c", 'a'+i%10, 'a'+i/10%10, 'a'+i/100%10, 'a'+i/1000%10))
		kinds = append(kinds, fmt.Sprintf("kind%c%c:%d", 'a'+i%10, 'a'+i/10%10, i))
	}
	if got := surveyOf(slugs...).Protected; len(got) != 1 || len(got[""]) != 1 {
		t.Errorf("protected %q, want post alone", got)
	}
	if got := surveyOf(kinds...).Protected[""]; len(got) != 100 {
		t.Errorf("%d kinds are protected, want 100", len(got))
	}
}

func TestSurveyIsBounded(t *testing.T) {
	s := NewSurvey(nil)
	n := 0
	for s.Add(fmt.Sprintf("a:%d", n)) {
		n++
	}
	if n+1 != SurveySize {
		t.Errorf("the survey is over after %d names, want %d", n+1, SurveySize)
	}
	if s.Add("b:1") || s.names != SurveySize {
		t.Error("a survey that is over takes another name")
	}
	long := NewSurvey(nil)
	if long.Add(strings.Repeat("x:", surveyBytes)) {
		t.Error("one long name does not end the survey")
	}
}

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

// The places that a survey collapses change no namespace.
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
