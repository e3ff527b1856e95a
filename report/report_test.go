package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/jedib0t/go-pretty/v6/text"

	"keyprof/sampler/profile"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestMain makes widths independent of the locale.
func TestMain(m *testing.M) {
	flag.Parse()
	eastAsian(false)
	os.Exit(m.Run())
}

// eastAsian chooses whether characters of ambiguous width take two columns.
func eastAsian(wide bool) {
	text.OverrideRuneWidthEastAsianWidth(wide)
}

// cases are the profiles that every test of the formats goes through.
var cases = sync.OnceValue(func() map[string]*profile.Profile {
	return map[string]*profile.Profile{
		"resque":     resque().build(),
		"tickets":    tickets().build(),
		"gitlab":     gitlab().build(),
		"databases":  databases().build(),
		"refused":    refused().build(),
		"incomplete": incomplete().build(),
		"hostile":    hostile().build(),
		"empty":      empty().build(),
		"incidents":  incidents().build(),
		"part":       deniedWalk(part().build()),
		"counters":   counters().build(),
		"sample":     sample().build(),
		"giants":     giants().build(),
	}
})

func write(t *testing.T, p *profile.Profile, o Options) string {
	t.Helper()
	var out bytes.Buffer
	if err := Write(&out, p, o); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestGolden(t *testing.T) {
	suffix := map[Format]string{Text: "txt", CSV: "csv", Markdown: "md"}
	for name, p := range cases() {
		for format, ext := range suffix {
			golden(t, name+"."+ext, write(t, p, Options{Format: format}))
		}
	}
	golden(t, "resque-color.txt", write(t, cases()["resque"], Options{Color: true}))
	golden(t, "databases-under.txt", write(t, cases()["databases"], Options{Under: "user", Sort: SortIdleBytes}))
	golden(t, "gitlab-narrow.txt", write(t, cases()["gitlab"], Options{Width: 70, Top: 5, Sort: SortKeys}))
	golden(t, "resque-nothing-under.txt", write(t, cases()["resque"], Options{Under: "reskue"}))
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s differs (-want +got), run with -update if it is meant to:\n%s", name, diff)
	}
}

func TestWidth(t *testing.T) {
	for name, p := range cases() {
		for _, columns := range []int{0, 60, 80, 132, 200} {
			o := Options{Width: columns}
			limit := o.withDefaults().Width
			for line := range strings.SplitSeq(write(t, p, o), "\n") {
				// Whatever the locale, terminals draw the lines of boxes in one column.
				if w := width(strings.ReplaceAll(line, "─", "-")); w > limit {
					t.Errorf("%s: %d columns, want at most %d: %q", name, w, limit, line)
				}
			}
		}
	}
}

// TestWidthInEastAsia counts characters of ambiguous width twice.
func TestWidthInEastAsia(t *testing.T) {
	eastAsian(true)
	defer eastAsian(false)
	TestWidth(t)
}

// TestNothingHidden checks that no character reaches the output that a
// terminal would obey, or that nobody could see.
func TestNothingHidden(t *testing.T) {
	for name, p := range cases() {
		for _, o := range []Options{{Format: Text}, {Format: Text, Color: true}, {Format: JSON}, {Format: CSV}, {Format: Markdown}, {Under: "\x1b[31m"}} {
			got := write(t, p, o)
			if o.Color {
				got = withoutOurColors(got)
			}
			if r, found := firstHidden(got); found {
				t.Errorf("%s as %s: %U in the output", name, o.Format, r)
			}
		}
	}
}

func withoutOurColors(s string) string {
	for _, code := range colors {
		s = strings.ReplaceAll(s, code, "")
	}
	return strings.ReplaceAll(s, colorOff, "")
}

func firstHidden(s string) (rune, bool) {
	for i, r := range s {
		_, size := utf8.DecodeRuneInString(s[i:])
		if r != '\n' && (profile.Hidden(r) || !unicode.IsPrint(r) || r == utf8.RuneError && size == 1) {
			return r, true
		}
	}
	return 0, false
}

// TestImmutable encodes the profile before and after every format.
func TestImmutable(t *testing.T) {
	for name, p := range cases() {
		before := encode(t, p)
		for _, format := range Formats() {
			for _, sort := range Sorts() {
				if format != JSON {
					write(t, p, Options{Format: format, Sort: sort, Under: "resque", Top: 2, Color: true})
				}
				write(t, p, Options{Format: format, Sort: sort})
			}
		}
		if !bytes.Equal(before, encode(t, p)) {
			t.Errorf("%s was changed by a report", name)
		}
	}
}

func encode(t *testing.T, p *profile.Profile) []byte {
	t.Helper()
	b, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestJSONIsTheDocument(t *testing.T) {
	for name, p := range cases() {
		var want bytes.Buffer
		if err := profile.Write(&want, p, profile.Plain); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(want.String(), write(t, p, Options{Format: JSON})); diff != "" {
			t.Errorf("%s: not the document:\n%s", name, diff)
		}
	}
}

func TestOptions(t *testing.T) {
	p := cases()["empty"]
	for _, o := range []Options{{Format: "xml"}, {Sort: "size"}, {Format: "xml", Sort: "\x1b[31m"}} {
		var out bytes.Buffer
		err := Write(&out, p, o)
		if err == nil || out.Len() > 0 {
			t.Fatalf("%+v: got %v and %d bytes, want an error and nothing", o, err, out.Len())
		}
		if strings.Contains(err.Error(), "\x1b") || !strings.Contains(err.Error(), "want one of") {
			t.Errorf("%+v: error %q does not name what is right", o, err)
		}
	}
}

// full is a disk without room.
type full struct{}

var errFull = errors.New("no space left on device")

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestWriteError(t *testing.T) {
	for _, format := range Formats() {
		if err := Write(full{}, cases()["empty"], Options{Format: format}); !errors.Is(err, errFull) {
			t.Errorf("%s: got %v, want %v", format, err, errFull)
		}
	}
}
