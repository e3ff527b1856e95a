package pattern

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestTokens(t *testing.T) {
	for _, tt := range []struct{ name, want string }{
		{"", ""},
		{"user_profile:12", "literal(user_profile) delimiter(:) <int>(12)"},
		{"a-b-c:x", "literal(a-b-c) delimiter(:) literal(x)"},
		// Weak delimiters keep words apart where they are the only structure.
		{"app_user_bob", "literal(app) delimiter(_) literal(user) delimiter(_) literal(bob)"},
		{"user12%3Ax", "literal(user) <int>(12) delimiter(%3A) literal(x)"},
		{"k:\x00\x01", "literal(k) delimiter(:) <bin>(\x00\x01)"},
		{"{a}", "delimiter({) literal(a) delimiter(})"},
	} {
		var got []string
		for _, tok := range NewLexer().Tokens(tt.name) {
			got = append(got, fmt.Sprintf("%s(%s)", tok.Kind, tok.Text(tt.name)))
		}
		if diff := cmp.Diff(tt.want, strings.Join(got, " ")); diff != "" {
			t.Errorf("tokens of %q (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestEscapes(t *testing.T) {
	checkPairs(t, []pair{
		{"", `""`},
		{`""`, `\""`},
		{`a"b`, `a"b`},
		{"<uuid>", `\<uuid\>`},
		{`a\b`, `a\\b`},
		{"x:<rand>:1", `x:\<rand\>:<int>`},
	})
}

// TestUnprintable lists characters that must not reach a terminal.
func TestUnprintable(t *testing.T) {
	for _, bad := range []string{
		"\x1b[31m", "\x7f", "\u0085", "\u009b", "\u200b", "\u200d", "\u202e", "\u2028", "\u2029", "\u2066", "\ufeff", "\ue000",
		"\xff", "\xc3", "\xed\xa0\x80", "\xc0\x80", "\n", "\t", "\r", "\x00",
	} {
		if got := Of("user:1:x" + bad + "y:z"); got != "user:<int>:<bin>" {
			t.Errorf("pattern with %q is %q", bad, got)
		}
	}
}

func TestBounds(t *testing.T) {
	for _, tt := range []struct{ name, want string }{
		{strings.Repeat("a:", 40), strings.Repeat("a:", MaxSegments) + "<...>"},
		{strings.Repeat("{", 100_000), strings.Repeat("{", MaxTokens-1) + "<...>"},
		{strings.Repeat("用", 100) + ":" + strings.Repeat("户", 100), strings.Repeat("用", 100) + ":<...>"},
		{strings.Repeat("用", 1000), "<...>"},
		{"k:" + strings.Repeat("z", 100_000), "k:<rand>"},
	} {
		if got := Of(tt.name); got != tt.want {
			t.Errorf("pattern of %.20q… is %q, want %q", tt.name, got, tt.want)
		}
	}
}

// TestLinear reads long names that would be slowest if a step looked at the
// same text again and again: that would take minutes, even on a fast machine.
func TestLinear(t *testing.T) {
	if testing.Short() {
		t.Skip("measures time")
	}
	lexer := NewLexer()
	for _, unit := range []string{
		":", "{", "a-", "a_b-", "eyJ-", "eyJ.", "1.", "1-", "x7G-", "用", "用1", "a@", "a.", "%3A", "f:", "ab12", "12x", "-", "=", "A+/",
	} {
		name := strings.Repeat(unit, 512<<10/len(unit))
		start := time.Now()
		lexer.Tokens("k:" + name)
		lexer.Tokens(name + "\xff")
		lexer.Tokens(name + ".@=/:%\xac")
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("512 KiB of %q took %v", unit, took)
		}
	}
}

func TestNoAllocation(t *testing.T) {
	lexer := NewLexer()
	dst := make([]byte, 0, MaxPattern)
	names := []string{
		"user:123", "img:\xff", "a:" + strings.Repeat("x-1:", 300), "sha256:bob@example.com", "useSha256:2001:db8::1",
		"\xac\xed\x00\x05t\x00\x06user:1", "用户:١٢٣", "oauth2:V1StGXR8_Z5jdHi6B-myT",
	}
	allocs := testing.AllocsPerRun(100, func() {
		for _, name := range names {
			dst = lexer.AppendPattern(dst[:0], name)
		}
	})
	if allocs != 0 {
		t.Errorf("AppendPattern allocates %v times", allocs)
	}
}

// TestProperties checks the promises of the package on names of all sorts.
func TestProperties(t *testing.T) {
	pieces := rapid.OneOf(
		rapid.StringMatching(`[a-z]{1,8}|[0-9]{1,14}|[0-9a-f]{8,40}|[A-Za-z0-9_-]{1,50}|[:/{}#.,@%=+<>"\\_ -]{1,3}`),
		rapid.SampledFrom([]string{"2024-01-02", "T15:04:05Z", "10.0.0.1", "2001:db8::", "https://", "eyJ", "64x64", "0x", "%3A", "\xac\xed\x00\x05t\x00\x02"}),
		rapid.String(),
		rapid.Custom(func(t *rapid.T) string { return string(rapid.SliceOfN(rapid.Byte(), 0, 20).Draw(t, "bytes")) }),
	)
	lexer := NewLexer()
	rapid.Check(t, func(t *rapid.T) {
		name := strings.Join(rapid.SliceOfN(pieces, 0, 30).Draw(t, "pieces"), "")
		checkPromises(t, lexer, name)
		checkPromises(t, drawDelimiters(t).newLexer(), name)
	})
}

func FuzzPattern(f *testing.F) {
	for _, seed := range []string{
		"", "resque:status:550e8400-e29b-41d4-a716-446655440000", "share_V1StGXR8_Z5jdHi6B-myT", "img:\xff\x00",
		"page:https://x.y/z", "rl6:2001:db8::1", "a@b.co", "2024-01-02T15:04:05.1+02:00", "<uuid>", "用户:١٢٣", "64x64",
		"\xac\xed\x00\x05t\x00\x06user:1", "eyJh.eyJz.x", "b:Zm9vYmFyYmF6cXV4MTIzNA==", "v1.2.3-rc.1", "+4915112345678", "-1.5",
		"a:b:c:d:e:f:g:h:i:j:k:l:m", "%3A%2f", "0xdAC17F958D2ee523a2206206994597C13D831ec7", "cache9e107d9d372bb6826bd81d3542a419d6",
	} {
		for _, strong := range []string{DefaultDelimiters, "-_", "%.@", "<>\\\""} {
			f.Add(seed, strong)
		}
	}
	f.Fuzz(func(t *testing.T, name, strong string) {
		lexer := delimitersIn(strong).newLexer()
		checkPromises(t, lexer, name)
		checkPromises(t, lexer, strings.Repeat(name, 30))
	})
}

// checkPromises fails unless everything holds that the package promises of any
// name.
func checkPromises(t rapid.TB, lexer *Lexer, name string) {
	t.Helper()
	pattern := string(lexer.AppendPattern(nil, name))
	checkParses(t, lexer, name)
	fresh := &Lexer{delims: lexer.delims}
	if again := string(fresh.AppendPattern(nil, name)); again != pattern {
		t.Fatalf("pattern of %q is %q, and %q the second time", name, pattern, again)
	}
	if pattern == "" || len(pattern) > MaxPattern || !utf8.ValidString(pattern) {
		t.Fatalf("pattern of %q has %d bytes, or is not valid UTF-8: %q", name, len(pattern), pattern)
	}
	for _, r := range pattern {
		if !unicode.IsPrint(r) {
			t.Fatalf("pattern of %q contains %U: %q", name, r, pattern)
		}
	}
	placeholders := checkTiling(t, lexer, name)
	if n := unescapedAngles(pattern); n != placeholders {
		t.Fatalf("pattern of %q has %d placeholders, and reads as %d: %q", name, placeholders, n, pattern)
	}
}

// checkTiling checks that the tokens cover name in order, without gaps, and
// returns how many are placeholders.
func checkTiling(t rapid.TB, lexer *Lexer, name string) (placeholders int) {
	t.Helper()
	tokens, end := lexer.Tokens(name), int32(0)
	for _, tok := range tokens {
		if tok.Start != end || tok.End <= tok.Start {
			t.Fatalf("tokens of %q overlap, or leave a gap: %v", name, tokens)
		}
		end = tok.End
		if tok.Kind.IsPlaceholder() {
			placeholders++
		}
	}
	if int(end) != len(name) {
		t.Fatalf("tokens of %q end at %d: %v", name, end, tokens)
	}
	return placeholders
}

// unescapedAngles counts the < that have no backslash before them.
func unescapedAngles(pattern string) (n int) {
	for i := 0; i < len(pattern); i++ {
		switch pattern[i] {
		case '\\':
			i++
		case '<':
			n++
		}
	}
	return n
}
