package alarm

import (
	"errors"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]struct {
		metric string
		op     operator
		value  float64
		each   bool
	}{
		"no_ttl_share > 5% in resque:*":   {"no_ttl_share", above, 0.05, true},
		"no_ttl_share>5%":                 {"no_ttl_share", above, 0.05, false},
		"  no_ttl_bytes\t>  1 GiB ":       {"no_ttl_bytes", above, 1 << 30, false},
		"high_idle_bytes >= 500MB":        {"high_idle_bytes", atLeast, 500e6, false},
		"keys > 1e6":                      {"keys", above, 1e6, false},
		"keys < 1,000,000":                {"keys", below, 1e6, false},
		"keys <= 1000000 in a in b":       {"keys", atMost, 1e6, true},
		"bytes > 1,000,000":               {"bytes", above, 1e6, false},
		"bytes_share >= 100% in *":        {"bytes_share", atLeast, 1, true},
		"maxmemory_share > 120%":          {"maxmemory_share", above, 1.2, false},
		"largest > 0 in  two words and  ": {"largest", above, 0, true},
	} {
		c, err := Parse(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if c.metric.name != want.metric || c.op != want.op || c.value != want.value || c.each != want.each {
			t.Errorf("%s: got %s %s %v %v", text, c.metric.name, c.op, c.value, c.each)
		}
		if c.String() != strings.TrimSpace(text) {
			t.Errorf("%s: printed as %s", text, c)
		}
	}
}

func TestParseTellsMistakes(t *testing.T) {
	for text, want := range map[string]string{
		"":                          "want METRIC OP VALUE [in GLOB], where METRIC is one of keys, bytes, ",
		" > 5":                      "at character 2 of",
		"no_ttl_shar > 5%":          `there is no metric "no_ttl_shar"; want one of keys, bytes, keys_share, `,
		"Keys > 5":                  `there is no metric "Keys"`,
		"keys":                      "want one of >, >=, <, <= after keys: at character 5 of",
		"keys = 5":                  "want one of >, >=, <, <= after keys: at character 6 of",
		"keys => 5":                 "at character 6 of",
		"keys >":                    `keys: count "": want a whole number such as 1000000, 1,000,000 or 1e6: at character 7 of`,
		"keys > 5%":                 `keys: count "5%": want a whole number`,
		"keys > 1e6 keys":           "at character 8 of",
		"bytes > 1GX":               "units are B, KB, MB, GB, TB, PB (1000) and KiB, MiB, GiB, TiB, PiB (1024): at character 9 of",
		"no_ttl_share > 5":          "want 5% for per cent, or a ratio such as 0.05",
		"no_ttl_share > 101%":       "want at most 100%",
		"no_ttl_share > 1GiB":       "want a percentage such as 5%",
		"keys > 5 in":               "want a namespace after in, such as resque:*: at character 12 of",
		"keys > 5 in   ":            "want a namespace after in",
		"keys > 5 in a[b":           "there is no ] for this [; write \\[ for a bracket: at character 14 of",
		`keys > 5 in a\`:            `escapes nothing; write \\ for a backslash: at character 14 of`,
		"keys > 5 in é[":            "at character 14 of",
		"bytes_share > 50%":         "bytes_share is the share of a namespace: add in GLOB, such as in *",
		"maxmemory_share > 9% in *": "leave out in: at character 25 of",
	} {
		_, err := Parse(text)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want %s", text, err, want)
		}
	}
}

func TestGlob(t *testing.T) {
	for _, tt := range []struct {
		glob, text string
		want       bool
	}{
		{"resque:*", "resque:status:<uuid>", true},
		{"resque:*", "resque:", true},
		{"resque:*", "resque", false},
		{"*", "", true},
		{"*:<uuid>", "resque:status:<uuid>", true},
		{"*:status:*", "resque:status:<uuid>", true},
		{"a*b*c", "a-b-b-c", true},
		{"a*b*c", "a-b-b-d", false},
		{"user:?", "user:é", true},
		{"user:?", "user:", false},
		{"[a-c]x", "bx", true},
		{"[c-a]x", "bx", true},
		{"[^a-c]x", "bx", false},
		{"[^a-c]x", "dx", true},
		{"[]x", "x", false},
		{"[^]x", "ax", true},
		{"[a-]x", "-x", true},
		{`[\]]x`, "]x", true},
		{`a\*`, "a*", true},
		{`a\*`, "ab", false},
		{`\<uuid\>`, "<uuid>", true},
		{`\\<uuid`, `\<uuid`, true},
		{"A", "a", false},
		{strings.Repeat("*a", 200), strings.Repeat("a", 2000) + "b", false},
	} {
		g, _, err := parseGlob(tt.glob)
		if err != nil {
			t.Errorf("%s: %v", tt.glob, err)
			continue
		}
		if got := g.matches(tt.text); got != tt.want {
			t.Errorf("%s matches %q: %v", tt.glob, tt.text, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"no_ttl_share > 5% in resque:*", "keys>=1,000,000", "bytes < 1GiB in [^a-c]?\\*", "largest", "in in in", "keys > 1 in \xff["} {
		f.Add(seed, "resque:status:<uuid>")
	}
	f.Fuzz(func(t *testing.T, text, namespace string) {
		c, err := Parse(text)
		if err != nil {
			var bad *Error
			if !errors.As(err, &bad) || bad.Offset < 0 || bad.Offset > len(text) || bad.Error() == "" {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		again, err := Parse(c.String())
		if err != nil || again.metric != c.metric || again.op != c.op || again.value != c.value || again.each != c.each {
			t.Fatalf("%q, printed as %q, is another condition: %v", text, c, err)
		}
		if c.in.matches(namespace) != again.in.matches(namespace) {
			t.Fatalf("%q, printed as %q, matches other namespaces", text, c)
		}
	})
}
