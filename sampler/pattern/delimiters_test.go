package pattern

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"keyprof/sampler/pattern/patterntest"
)

func mustParse(t rapid.TB, chars string) *Delimiters {
	t.Helper()
	d, err := ParseDelimiters(chars)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// allDelimiters are the characters that may be of the first level.
var allDelimiters = func() (chars []byte) {
	for b := range 256 {
		if is(byte(b), isDelim) {
			chars = append(chars, byte(b))
		}
	}
	return chars
}()

func drawDelimiters(t *rapid.T) *Delimiters {
	strong := rapid.SliceOfN(rapid.SampledFrom(allDelimiters), 1, 12).Draw(t, "strong")
	return mustParse(t, string(strong))
}

// delimitersIn takes those characters of text that may be delimiters, and the
// default ones if there is none.
func delimitersIn(text string) *Delimiters {
	d := &Dictionary{Delimiters: strings.Map(func(r rune) rune {
		if r < 0x80 && is(byte(r), isDelim) {
			return r
		}
		return -1
	}, text)}
	return d.FirstLevel()
}

func TestParseDelimiters(t *testing.T) {
	for _, tt := range []struct{ chars, want string }{
		{DefaultDelimiters, "#()/:[]{|}"},
		{":::", ":"},
		{"_-:", "-:_"},
		{" ~<>\\\"%", " \"%<>\\~"},
		{string(allDelimiters), string(allDelimiters)},
	} {
		if got := mustParse(t, tt.chars).String(); got != tt.want {
			t.Errorf("delimiters %q are %q, want %q", tt.chars, got, tt.want)
		}
	}
	for chars, want := range map[string]string{
		"":         "at least one character",
		":a":       `"a" is a letter`,
		"Z:":       `"Z" is a letter`,
		":7":       `"7" is a digit`,
		":\t":      `"\t" is not a printable`,
		"\x7f":     `"\x7f" is not a printable`,
		":é":       `"é" is not a printable`,
		":\xff/":   `"\xff" is not a printable`,
		"\u202e:":  `"\u202e" is not a printable`,
		"\x00abc_": `"\x00" is not a printable`,
	} {
		if _, err := ParseDelimiters(chars); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("delimiters %q: error %v, want %q", chars, err, want)
		}
	}
}

// Each character has the level that the choice of the first leaves it.
func TestLevels(t *testing.T) {
	for _, tt := range []struct {
		strong, chars string
		want          level
	}{
		{DefaultDelimiters, DefaultDelimiters, isStrong},
		{DefaultDelimiters, ".,;=&?@+ %<>\\\"'`~!$^*", isMedium},
		{DefaultDelimiters, "-_", isWeak},
		{"._", "._", isStrong},
		{"._", DefaultDelimiters + ",;", isMedium},
		{"._", "-", isWeak},
		{"._", "aZ09é\x00\x7f\xff", 0},
	} {
		d := mustParse(t, tt.strong)
		for i := range len(tt.chars) {
			if got := d.levels[tt.chars[i]]; got != tt.want {
				t.Errorf("%q is of level %d where %q are strong, want %d", tt.chars[i], got, tt.strong, tt.want)
			}
		}
	}
}

func TestTokensByOtherDelimiters(t *testing.T) {
	for _, tt := range []struct{ strong, name, want string }{
		// A strong dash parts words, and the weak one still does not.
		{"_", "user_profile:12", "literal(user) delimiter(_) literal(profile) delimiter(:) <int>(12)"},
		{"_", "a-b_c-d", "literal(a-b) delimiter(_) literal(c-d)"},
		{"-", "a-b_c-d", "literal(a) delimiter(-) literal(b_c) delimiter(-) literal(d)"},
		{"-_", "a-b_c", "literal(a) delimiter(-) literal(b) delimiter(_) literal(c)"},
		// A percent-encoded delimiter is as strong as what it stands for.
		{"_", "a-b%5Fc-d", "literal(a-b) delimiter(%5F) literal(c-d)"},
		{"%", "a%b%3Ac", "literal(a) delimiter(%) literal(b) delimiter(%3A) literal(c)"},
		// A delimiter that is no longer strong still separates words.
		{"|", "user_profile:12", "literal(user_profile) delimiter(:) <int>(12)"},
		{"|", "user_profile", "literal(user) delimiter(_) literal(profile)"},
		// Forms that contain strong delimiters are recognized where they begin.
		{"-", "job-550e8400-e29b-41d4-a716-446655440000-x", "literal(job) delimiter(-) <uuid>(550e8400-e29b-41d4-a716-446655440000) delimiter(-) literal(x)"},
		{"-", "job550e8400-e29b-41d4-a716-446655440000", "literal(job) <uuid>(550e8400-e29b-41d4-a716-446655440000)"},
		{"-", "at-2024-01-02T15:04:05Z", "literal(at) delimiter(-) <datetime>(2024-01-02T15:04:05Z)"},
		{"_", "at_2024_01_02", "literal(at) delimiter(_) <date>(2024_01_02)"},
		{"|", "rl6:2001:db8:6c8::699a|x", "literal(rl6) delimiter(:) <ip6>(2001:db8:6c8::699a) delimiter(|) literal(x)"},
		{"|", "page|https://x.y/z|a", "literal(page) delimiter(|) <url>(https://x.y/z|a)"},
		{".", "a:1.5", "literal(a) delimiter(:) <float>(1.5)"},
		{".", "a.1.5", "literal(a) delimiter(.) <int>(1) delimiter(.) <int>(5)"},
		{".@", "mail:bob.x@jade.de", "literal(mail) delimiter(:) <email>(bob.x@jade.de)"},
		{"-_", "mail:bob_x-y@jade.de", "literal(mail) delimiter(:) <email>(bob_x-y@jade.de)"},
		{"-_", "t:eyJh-G_c.eyJz-dWI.SflK_xw", "literal(t) delimiter(:) <jwt>(eyJh-G_c.eyJz-dWI.SflK_xw)"},
		{"-", "t:-5-x", "literal(t) delimiter(:) <int>(-5) delimiter(-) literal(x)"},
		{"_", "t:-5-x", "literal(t) delimiter(:) delimiter(-) <int>(5) delimiter(-) literal(x)"},
		{"-", "d-aa:bb:cc:dd:ee:ff", "literal(d) delimiter(-) <mac>(aa:bb:cc:dd:ee:ff)"},
		// A token of base 64 ends where a strong delimiter stands in it.
		{":_", "s:OBEWWMxQYncEKmLCbtCt4f-btcyLpmRBBEQpJFLLzLZ", "literal(s) delimiter(:) <rand>(OBEWWMxQYncEKmLCbtCt4f-btcyLpmRBBEQpJFLLzLZ)"},
		// The binary rest begins after what looks like a delimiter on purpose.
		{DefaultDelimiters, "k:\x00\x01", "literal(k) delimiter(:) <bin>(\x00\x01)"},
		{".", "k.\x00\x01", "literal(k) delimiter(.) <bin>(\x00\x01)"},
		{".", "k:\x00\x01", "<bin>(k:\x00\x01)"},
	} {
		lexer := mustParse(t, tt.strong).newLexer()
		var got []string
		for _, tok := range lexer.Tokens(tt.name) {
			got = append(got, fmt.Sprintf("%s(%s)", tok.Kind, tok.Text(tt.name)))
		}
		if diff := cmp.Diff(tt.want, strings.Join(got, " ")); diff != "" {
			t.Errorf("tokens of %q where %q are strong (-want +got):\n%s", tt.name, tt.strong, diff)
		}
	}
}

// Only segments of the first level count towards their bound.
func TestSegmentsAreOfTheFirstLevel(t *testing.T) {
	name := strings.Repeat("a.b:", 14)
	for strong, want := range map[string]string{
		":":  strings.Repeat("a.b:", MaxSegments) + "<...>",
		".:": strings.Repeat("a.b:", MaxSegments/2) + "<...>",
		"|":  name,
	} {
		if got := string(mustParse(t, strong).newLexer().AppendPattern(nil, name)); got != want {
			t.Errorf("pattern where %q are strong is %q, want %q", strong, got, want)
		}
	}
}

// The default delimiters, chosen in any order and more than once, change
// nothing and leave no trace.
func TestDefaultDelimitersChosenChangeNothing(t *testing.T) {
	names := patterntest.Mix(rand.New(rand.NewPCG(9, 9)), patterntest.Families(), 300)
	want := groupedBy(t, nil, names)
	rapid.Check(t, func(t *rapid.T) {
		chars := rapid.Permutation([]byte(DefaultDelimiters+DefaultDelimiters)).Draw(t, "chars")
		delims := mustParse(t, string(chars))
		for _, name := range names[:100] {
			if got, want := string(delims.newLexer().AppendPattern(nil, name)), Of(name); got != want {
				t.Fatalf("pattern of %q is %q, want %q", name, got, want)
			}
		}
		if d := NewDictionary(delims); d.Delimiters != "" || !d.FirstLevel().Equal(defaultDelimiters) {
			t.Fatalf("dictionary by the default delimiters holds %q", d.Delimiters)
		}
	})
	got := groupedBy(t, &Dictionary{Delimiters: "}{|][)(/#::"}, names)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("by nothing chosen (-) and by the default delimiters (+):\n%s", diff)
	}
}

// groupedBy returns the namespaces of names and the dictionary, as a run makes them.
func groupedBy(t *testing.T, dict *Dictionary, names []string) string {
	t.Helper()
	survey := NewSurvey(dict)
	for _, name := range names {
		survey.Add(name)
	}
	if dict == nil {
		dict = &Dictionary{}
	}
	trie := newCounting(dict.Extend(survey.Dictionary()), names...)
	var text strings.Builder
	if err := trie.Dictionary().Write(&text); err != nil {
		t.Fatal(err)
	}
	for _, n := range trie.Namespaces() {
		fmt.Fprintf(&text, "%s %d\n", n.Pattern, n.Value.names)
	}
	return text.String()
}

// Words between strong dashes vary for themselves.
func TestTrieByOtherDelimiters(t *testing.T) {
	dict := NewDictionary(mustParse(t, ":_"))
	survey := NewSurvey(dict)
	var names []string
	for _, s := range slugs(500) {
		names = append(names, strings.ReplaceAll(s, "-", "")+"_orders:17")
	}
	for _, name := range names {
		survey.Add(name)
	}
	trie := newCounting(dict.Extend(survey.Dictionary()), names...)
	checkGroups(t, trie, map[string]int{"<*>_orders:<int>": len(names)})
	if got := trie.Dictionary().Delimiters; got != ":_" {
		t.Errorf("the dictionary holds the delimiters %q", got)
	}
}

// Rows see the levels that the lexer saw: a percent-encoded delimiter too.
func TestRowsKnowTheirDelimiters(t *testing.T) {
	delims := mustParse(t, "_<")
	for name, want := range map[string][]level{
		"a_b:c-d":   {0, isStrong, 0, isMedium, 0},
		"<a%5Fb%3A": {isStrong, 0, isStrong, 0, isMedium},
	} {
		trie := newCounting(NewDictionary(delims), name)
		rows, _ := trie.rows()
		var got []level
		for _, e := range rows[0].elems {
			got = append(got, e.level)
		}
		if !slices.Equal(got, want) {
			t.Errorf("levels of %q are %v, want %v", name, got, want)
		}
	}
}
