package command

import (
	"os"
	"strings"
	"testing"
)

// benchMarkers enclose what `make bench` wrote, in the README.
const (
	benchBegins = "<!-- bench -->\n"
	benchEnds   = "<!-- /bench -->\n"
)

// TestReadmeBench checks that the README shows what `make bench` measured last.
// UPDATE=1 writes it into the README.
func TestReadmeBench(t *testing.T) {
	want, err := os.ReadFile("testdata/bench.md")
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	before, rest, begins := strings.Cut(string(readme), benchBegins)
	got, after, ends := strings.Cut(rest, benchEnds)
	switch {
	case !begins || !ends:
		t.Fatalf("the README has no place for the table between %q and %q", benchBegins, benchEnds)
	case got == string(want):
	case os.Getenv("UPDATE") == "":
		t.Error("the README's table is not that of testdata/bench.md (UPDATE=1 go test -run ReadmeBench ./report/command mends it)")
	default:
		if err := os.WriteFile("README.md", []byte(before+benchBegins+string(want)+benchEnds+after), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
