package pattern

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"keyprof/sampler/pattern/patterntest"
)

func TestDictionaryIsWrittenAndRead(t *testing.T) {
	names := patterntest.Mix(rand.New(rand.NewPCG(1, 1)), patterntest.Families(), 500)
	survey := NewSurvey(nil)
	for _, name := range names {
		survey.Add(name)
	}
	want := newCounting(survey.Dictionary(), names...).Dictionary()
	if len(want.Protected) == 0 || len(want.Shapes) == 0 || len(want.Collapsed) == 0 || len(want.Fused) == 0 {
		t.Errorf("a dictionary of all families lacks decisions of one kind: %+v", want)
	}
	var text bytes.Buffer
	if err := want.Write(&text); err != nil {
		t.Fatal(err)
	}
	for _, document := range []string{text.String(), `{"schema": 1, "design": {"method": "census", "patterns": ` + text.String() + `}}`} {
		got, err := ReadDecisions(strings.NewReader(document))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got.Dictionary); diff != "" {
			t.Errorf("dictionary read is not the one written (-want +got):\n%s", diff)
		}
	}
}

func TestBadDictionaries(t *testing.T) {
	for text, want := range map[string]string{
		``:                                      "the file is empty",
		"\ufeff \n":                             "the file is empty",
		"{\n\"k\": 3,\n":                        "the file is not JSON: line 3",
		"user:1\nuser:2":                        "the file is not JSON: line 1",
		`{"patterns": {"version": 1, "kk": 3}}`: `: unknown field "kk"`,
		`{"patterns": {"version": 1}, "pattern_rule": []}`:                `: unknown field "pattern_rule"`,
		`{"patterns": {"version": 1}, "pattern_rules": "a=b"}`:            "pattern_rules is a JSON string, want an array",
		`{"patterns": {"version": 1}, "redacted": true}`:                  "it is redacted",
		`{"design": {"patterns": {"version": 1}, "redacted": true}}`:      "it is redacted",
		`{"version": 1, "kk": 3}`:                                         "unknown field",
		`{"version": 9}`:                                                  "version 9",
		`[1]`:                                                             "this is a JSON array, want an object",
		`{"k": "x"}`:                                                      "k is a JSON string, want a whole number",
		`{"collapsed": []}`:                                               "collapsed is a JSON array, want an object",
		`{"protected": {"": ""}}`:                                         "protected is a JSON string, want an array",
		`{"version": 1, "k": 65}`:                                         "k is 65",
		`{"version": 1, "k": 64, "delimiters": ":x"}`:                     `delimiters: "x" is a letter`,
		`{"version": 1, "k": 64, "delimiters": "\u001b"}`:                 `delimiters: "\x1b" is not a printable`,
		`{"design": {}}`:                                                  "older version",
		`{"version": 1, "k": 64, "protected": {"user:": ["x"]}}`:          "not a shape",
		`{"version": 1, "k": 64, "protected": {"<*>:": [""]}}`:            "not a literal",
		`{"version": 1, "k": 64, "shapes": ["<what>"]}`:                   "not a shape",
		`{"version": 1, "k": 64, "collapsed": {"<*>:<int>": [["user"]]}}`: "no place after",
		`{"version": 1, "k": 64, "fused": {"a": "\u001b[0m"}}`:            "not a pattern",
	} {
		_, err := ReadDecisions(strings.NewReader(text))
		found := false
		for alternative := range strings.SplitSeq(want, "|") {
			found = found || err != nil && strings.Contains(err.Error(), alternative)
		}
		if !found {
			t.Errorf("%s: error %v, want %q", text, err, want)
		}
	}
}

// The delimiters are a decision like the others: they are written, read, and
// kept by all that is derived from a dictionary.
func TestDictionaryKeepsDelimiters(t *testing.T) {
	trie := newCounting(NewDictionary(mustParse(t, "_:")), "a_b:1")
	var text bytes.Buffer
	if err := trie.Dictionary().Write(&text); err != nil {
		t.Fatal(err)
	}
	if want := `"delimiters": ":_"`; !strings.Contains(text.String(), want) {
		t.Errorf("dictionary without %s: %s", want, &text)
	}
	read, err := ReadDecisions(&text)
	if err != nil {
		t.Fatal(err)
	}
	got := read.Dictionary
	if diff := cmp.Diff(trie.Dictionary(), got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("dictionary read is not the one written (-want +got):\n%s", diff)
	}
	if sum := got.Extend(surveyOf("a:1")); sum.Delimiters != ":_" {
		t.Errorf("extended, it has the delimiters %q", sum.Delimiters)
	}
	edited := &Dictionary{Version: DictionaryVersion, K: DefaultK, Delimiters: "_::"}
	if joined, err := Join(edited, got); err != nil || joined.Delimiters != ":_" {
		t.Errorf("joined with one that people edited: %+v, %v", joined, err)
	}
}

func TestDictionariesWithOtherDelimitersAreNotJoined(t *testing.T) {
	a, b := NewDictionary(mustParse(t, ":_")), NewDictionary(mustParse(t, ":"))
	for _, other := range []*Dictionary{b, {}, NewDictionary(defaultDelimiters)} {
		if joined, err := Join(a, other); err == nil {
			t.Errorf("dictionaries with the delimiters %q and %q are joined: %+v", a.Delimiters, other.Delimiters, joined)
		}
	}
}

// A document that holds rules beside a dictionary gives both.
func TestDecisionsHaveRules(t *testing.T) {
	for _, document := range []string{
		`{"names": 3, "namespaces": [], "patterns": {"version": 1, "k": 64}, "pattern_rules": ["^a=b", "^c=d"]}`,
		`{"patterns": {"version": 1, "k": 64}, "pattern_rules": ["^a=b", "^c=d"]}`,
		`{"schema": 1, "design": {"method": "census", "patterns": {"version": 1, "k": 64}, "pattern_rules": ["^a=b", "^c=d"]}}`,
	} {
		got, err := ReadDecisions(strings.NewReader(document))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(&Decisions{&Dictionary{Version: 1, K: 64}, []string{"^a=b", "^c=d"}}, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", document, diff)
		}
	}
}

func FuzzReadDecisions(f *testing.F) {
	f.Add(`{"version":1,"k":64,"protected":{"<*>:":["x"]},"shapes":["<*>:<int>"],"collapsed":{"<*>:<*>":[[],["a"]]},"fused":{"a<int>":"b"}}`)
	f.Add(`{"design":{"patterns":{"version":1,"k":0}}}`)
	f.Add(`{"names":1,"patterns":{"version":1,"k":0},"pattern_rules":["a=b"]}`)
	f.Add(`{"version":1,"k":64,"delimiters":"-_:","protected":{"<*>-":["x"]}}`)
	f.Fuzz(func(t *testing.T, text string) {
		read, err := ReadDecisions(strings.NewReader(text))
		if err != nil {
			return
		}
		d := read.Dictionary
		trie := newCounting(d, "a:b", "b", "a1", "x:1", "c:d:e")
		joined, err := Join(d, trie.Dictionary())
		if err != nil {
			t.Fatalf("%s: cannot be joined with itself: %v", text, err)
		}
		if err := joined.Check(); err != nil {
			t.Errorf("%s: joined with itself: %v", text, err)
		}
		if total := total(trie.Namespaces()); total != 5 {
			t.Errorf("%s: %d names in namespaces, want 5", text, total)
		}
	})
}

func total(list []Namespace[*counter]) (names int) {
	for _, n := range list {
		names += n.Value.names
	}
	return names
}

// A place that has collapsed stays so, even if it has few literals tonight.
func TestCollapsedPlacesStay(t *testing.T) {
	first := newCounting(nil)
	for _, s := range slugs(500) {
		first.At("tenant:" + s + ":orders")
	}
	second := newCounting(first.Dictionary(), "tenant:acme:orders", "tenant:initech:orders", "tenant:acme:orders")
	checkGroups(t, second, map[string]int{"tenant:<*>:orders": 3})
}

// A literal that was protected stays so, even if it is rare tonight, and is
// joined by those found tonight, while they are not too many.
func TestProtectedLiteralsStay(t *testing.T) {
	before := (&Dictionary{}).copy()
	before.Protected[""] = []string{"session"}
	tonight := (&Dictionary{}).copy()
	for i := range 3 * DefaultK {
		tonight.Protected[""] = append(tonight.Protected[""], fmt.Sprintf("w%03d", i))
	}
	sum := before.Extend(tonight)
	if words := sum.Protected[""]; len(words) != 2*DefaultK || words[0] != "session" {
		t.Errorf("%d words are protected, the first %q; want %d, and session", len(words), words[0], 2*DefaultK)
	}
	if len(before.Protected[""]) != 1 {
		t.Error("Extend has changed the dictionary that it extends")
	}
}

// Patterns that were fused stay so, even where tonight shows no reason, and go
// where their target goes.
func TestFusedPatternsStay(t *testing.T) {
	d := (&Dictionary{}).copy()
	d.Fused["shard1:lag"] = "shard<int>:lag"
	d.Fused["a:x"], d.Fused["b:x"], d.Fused["c:x"] = "b:x", "c:x", "d:x"
	d.Fused["e:x"], d.Fused["f:x"] = "f:x", "e:x"
	trie := newCounting(d, "shard1:lag", "shard22:lag", "a:x", "d:x", "e:x")
	got := patternsOf(trie.Namespaces())
	if got["shard<int>:lag"] != 2 || got["d:x"] != 2 || got["e:x"]+got["f:x"] != 1 {
		t.Errorf("namespaces %v", got)
	}
}

func TestLoweredBoundsStay(t *testing.T) {
	trie := newCounting(nil, "a:b")
	trie.CoarsenTo(3)
	d := trie.Dictionary()
	if !d.Degraded || d.K != 8 {
		t.Errorf("degraded %v, K %d; want true and 8", d.Degraded, d.K)
	}
	if k := NewTrie(d, counters).K(); k != 8 {
		t.Errorf("a trie with this dictionary starts with K %d", k)
	}
}

// TestCoarsen: grouping by two dictionaries and regrouping to their join is the
// same as grouping by the join in the first place.
func TestCoarsen(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SliceOfN(rapid.Custom(drawName), 0, 300).Draw(t, "names")
		a, b := drawDictionary(t), drawDictionary(t)
		first := newCounting(a, names...)
		joined, err := Join(first.Dictionary(), newCounting(b, names...).Dictionary())
		if err != nil {
			t.Fatal(err)
		}
		got := listing(Coarsen(first, joined))
		want := listing(newCounting(joined, names...))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("grouped by the join (-), and regrouped to it (+):\n%s", diff)
		}
	})
}

// Words that the last run kept apart stay apart while a place has at most twice as many
// words as it keeps apart: one more shop does not merge all of them.
func TestOneMoreWordDoesNotCollapseAPlace(t *testing.T) {
	shops := slugs(70)
	names := func(n int) (list []string) {
		for _, shop := range shops[:n] {
			list = append(list, "shop:"+shop+":cart:1001")
		}
		return list
	}
	first := newCounting(nil, names(32)...)
	if got := len(first.Namespaces()); got != 32 {
		t.Fatalf("%d namespaces on the first night, want 32", got)
	}
	again := newCounting(nil, names(32)...)
	dict := again.Dictionary().Extend(again.Crowded())
	for _, tt := range []struct{ shops, namespaces int }{{33, 33}, {60, 60}, {70, 33}} {
		if got := len(newCounting(dict, names(tt.shops)...).Namespaces()); got != tt.namespaces {
			t.Errorf("%d shops on the second night: %d namespaces, want %d", tt.shops, got, tt.namespaces)
		}
	}
	if got := len(newCounting(nil, names(33)...).Namespaces()); got != 1 {
		t.Errorf("33 shops without a dictionary: %d namespaces", got)
	}
}

// A word that people protect is not hidden by what is fused.
func TestProtectedWordsAreNotGeneralised(t *testing.T) {
	dict := NewDictionary(defaultDelimiters)
	dict.Protected["<*>:"] = []string{"config"}
	var names []string
	for _, slug := range slugs(100) {
		names = append(names, "app:"+slug+":profile")
	}
	names = append(names, "app:config:limits", "app:config:smtp")
	checkGroups(t, newCounting(dict, names...), map[string]int{"app:<*>:profile": 100, "app:config:limits": 1, "app:config:smtp": 1})
}

// A word in a wildcard in the last run stays there, even if it is frequent now.
func TestCollapsedPlacesTakeFrequentWords(t *testing.T) {
	first := NewDictionary(defaultDelimiters)
	first.Collapsed["<*>:<*>"] = [][]string{{"session"}}
	tonight := NewDictionary(defaultDelimiters)
	tonight.Protected["<*>:"] = []string{"frequent"}
	tonight.Protected[""] = []string{"session"}
	sum := first.Extend(tonight)
	if len(sum.Protected["<*>:"]) > 0 || len(sum.Protected[""]) != 1 {
		t.Errorf("protected %v", sum.Protected)
	}
}

// Another's file may hold any number of words: what is done with them takes as long
// as they are many, and not the square of that.
func TestJoinOfManyWords(t *testing.T) {
	words := func(from int) (list []string) {
		for i := range 300_000 {
			list = append(list, strconv.Itoa(from+i))
		}
		return list
	}
	a := &Dictionary{Protected: map[string][]string{"": words(0)}, Shapes: words(0)}
	b := &Dictionary{Protected: map[string][]string{"": words(100_000)}, Shapes: words(100_000)}
	joint, err := Join(a, b)
	if err != nil || len(joint.Protected[""]) != 200_000 || len(joint.Shapes) != 200_000 {
		t.Errorf("%d words and %d shapes, %v", len(joint.Protected[""]), len(joint.Shapes), err)
	}
}
