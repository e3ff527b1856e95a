package redact

import (
	"reflect"
	"strings"
	"testing"

	"keyprof/sampler/pattern"
)

func TestDictionary(t *testing.T) {
	n := NewNames(Options{Rare: 10}, []Row{{Pattern: "basket:<int>", Keys: 10}, {Pattern: "basket:alice", Keys: 1}}, nil)
	got := n.Dictionary(&pattern.Dictionary{
		Version: 1, K: 64,
		Protected: map[string][]string{"": {"alice", "basket"}, "<*>:": {"alice", "my_queue", "queue"}},
		Shapes:    []string{"<*>:<int>"},
		Collapsed: map[string][][]string{"<*>:<*>": {{"basket"}, {"alice"}}, "<*>:<*>:<int>": {{"alice", "<*>"}}},
		Fused:     map[string]string{"basket:alice": "basket:<*>", "basket:<int>": "basket:<rand>"},
	})
	want := &pattern.Dictionary{
		Version: 1, K: 64,
		Protected: map[string][]string{"": {"basket"}, "<*>:": {"queue"}},
		Shapes:    []string{"<*>:<int>"},
		Collapsed: map[string][][]string{"<*>:<*>": {{"basket"}}},
		Fused:     map[string]string{"basket:<int>": "basket:<rand>"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if err := got.Check(); err != nil {
		t.Error(err)
	}
}

// Text that is no pattern is not shown at all.
func TestWhatIsNoPattern(t *testing.T) {
	n := NewNames(Options{Rare: 1}, []Row{{Pattern: "ali<ce", Keys: 500}, {Pattern: "tenant:acme:*", Keys: 500, Rule: true}}, []string{"no rule"})
	for p, rule := range map[string]bool{"ali<ce": false, "ali>ce": true, "tenant:acme:*": true} {
		if got := n.Pattern(p, rule); strings.Contains(got, "ali") || strings.Contains(got, "acme") {
			t.Errorf("%s: got %s", p, got)
		}
	}
}

func TestVocabularyIsWords(t *testing.T) {
	for w := range vocabulary {
		if elements, ok := (&pattern.Dictionary{}).FirstLevel().Elements(w); !ok || len(elements) != 1 || !elements[0].Word {
			t.Errorf("%s is not one word of a pattern", w)
		}
	}
}
