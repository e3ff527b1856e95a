package pattern

import (
	"fmt"
	"slices"
	"strings"
	"testing"
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
