package pattern

import (
	"math/rand/v2"
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
