package pattern

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

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
