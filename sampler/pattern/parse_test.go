package pattern

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"keyprof/sampler/pattern/patterntest"
)

// checkParses fails unless the pattern of name can be taken apart again.
func checkParses(t rapid.TB, lexer *Lexer, name string) {
	t.Helper()
	var p path
	p.read(name, lexer.Tokens(name))
	want := parsed{shape: string(p.shape), words: append([]string(nil), p.words...)}
	r := newRow(lexer.delims, want.shape, want.words, 0, 1)
	got, ok := lexer.delims.parsePattern(r.pattern)
	if !ok {
		t.Fatalf("%q: pattern %q cannot be parsed", name, r.pattern)
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(parsed{})); diff != "" {
		t.Fatalf("%q: parts of pattern %q (-want +got):\n%s", name, r.pattern, diff)
	}
}

func TestPatternsCanBeParsed(t *testing.T) {
	lexer := NewLexer()
	for _, name := range []string{
		"", `"`, `a"b`, "a", "a-b", "a-b:c", "a-b:c-d", "a--b:c", "a-b-x@y.org", "a-b-10.0.0.1", "a-b-c-d_e", "a%3Ab-c", "a%2Db-c",
		"<*>", "x<uuid>:y", `\`, "a:b-c-550e8400-e29b-41d4-a716-446655440000-d-e", "a b-c", "用户-名:1", "foo-bar-1.5", "a-b-ZGVhZGJlZWYxMjM0NTY3OA==",
	} {
		checkParses(t, lexer, name)
	}
	for _, name := range patterntest.Mix(rand.New(rand.NewPCG(8, 8)), patterntest.Families(), 100) {
		checkParses(t, lexer, name)
	}
}

func TestElements(t *testing.T) {
	for p, want := range map[string]string{
		"":                       "",
		`""`:                     `""`,
		"user:<int>:cart":        "[user] : <int> : [cart]",
		"user_profile-<uuid>":    "[user] _ [profile] - <uuid>",
		"user<int>/<*>":          "[user] <int> / <*>",
		`a\<b%3Ac`:               `[a] \< [b] %3A [c]`,
		"cust-<int>:<rand><...>": "[cust] - <int> : <rand> <...>",
	} {
		list, ok := defaultDelimiters.Elements(p)
		if got := inWords(list); !ok || got != want {
			t.Errorf("%s: got %s, %v, want %s", p, got, ok, want)
		}
	}
	for _, p := range []string{"a<", "a>b", "<nosuch>"} {
		if list, ok := defaultDelimiters.Elements(p); ok {
			t.Errorf("%q is taken for a pattern: %s", p, inWords(list))
		}
	}
}

func inWords(list []Element) string {
	var texts []string
	for _, e := range list {
		if e.Word {
			e.Text = "[" + e.Text + "]"
		}
		texts = append(texts, e.Text)
	}
	return strings.Join(texts, " ")
}

// Every name's pattern can be taken apart, and is its elements together.
func TestElementsAreThePattern(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := string(rapid.SliceOfN(rapid.OneOf(rapid.ByteRange(32, 126), rapid.Byte()), 0, 60).Draw(t, "name"))
		p := Of(name)
		list, ok := defaultDelimiters.Elements(p)
		joined := ""
		for _, e := range list {
			joined += e.Text
		}
		if !ok || joined != p {
			t.Fatal(fmt.Sprintf("%q has the pattern %q, whose elements are %q, %v", name, p, joined, ok))
		}
	})
}
