package alarm

import (
	"errors"
	"math"
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
		c, err := Parse(text, OneProfile)
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
		"no_ttl_shar > 5%":          `unknown metric "no_ttl_shar"; want one of keys, bytes, keys_share, `,
		"Keys > 5":                  `unknown metric "Keys"`,
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
		"keys > 5 in a[b":           "this [ has no closing ]; write \\[ for a bracket: at character 14 of",
		`keys > 5 in a\`:            `escapes nothing; write \\ for a backslash: at character 14 of`,
		"keys > 5 in é[":            "at character 14 of",
		"bytes_share > 50%":         "bytes_share is the share of a namespace: add in GLOB, such as in *",
		"maxmemory_share > 9% in *": "leave out in GLOB: at character 25 of",
	} {
		_, err := Parse(text, OneProfile)
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

func TestParseForTwoProfiles(t *testing.T) {
	for text, want := range map[string]struct {
		metric string
		op     operator
		value  float64
	}{
		"no_ttl_share > 5% in resque:*": {"no_ttl_share", above, 0.05},
		"bytes_growth > 20%":            {"bytes_growth", above, 0.2},
		"keys_growth > 1,000%":          {},
		"bytes_growth > 1000%":          {"bytes_growth", above, 10},
		"bytes_growth<-50%":             {"bytes_growth", below, -0.5},
		"keys_growth <= -100%":          {"keys_growth", atMost, -1},
		"keys_growth < -0.2":            {"keys_growth", below, -0.2},
		"new_keys < -1,000,000":         {"new_keys", below, -1e6},
		"new_keys > -0":                 {"new_keys", above, 0},
		"new_bytes < -1.5GiB in a-b":    {"new_bytes", below, -1.5 * (1 << 30)},
		"no_ttl_share_rise > 5%":        {"no_ttl_share_rise", above, 0.05},
		"no_ttl_share_rise < -100%":     {"no_ttl_share_rise", below, -1},
		"days_to_empty < 14":            {"days_to_empty", below, 14},
		"days_to_empty < 2.125":         {"days_to_empty", below, 2.125},
		"days_to_full <= 14d":           {"days_to_full", atMost, 14},
		"days_to_full < 36h":            {"days_to_full", below, 1.5},
		"days_to_full < 1w":             {"days_to_full", below, 7},
		"used_memory_growth > 200%":     {"used_memory_growth", above, 2},
		"evicted_keys > 0":              {"evicted_keys", above, 0},
		"hit_ratio < 90%":               {"hit_ratio", below, 0.9},
		"ttl_stopped_keys >= 1e3 in *":  {"ttl_stopped_keys", atLeast, 1000},
	} {
		c, err := Parse(text, TwoProfiles)
		if want.metric == "" {
			if err == nil {
				t.Errorf("%s: no error", text)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if c.metric.name != want.metric || c.op != want.op || c.value != want.value || math.Signbit(c.value) != (want.value < 0) {
			t.Errorf("%s: got %s %s %v", text, c.metric.name, c.op, c.value)
		}
		_, err = Parse(text, OneProfile)
		if c.NeedsDiff() != (err != nil) {
			t.Errorf("%s: needs two profiles: %v, but of one: %v", text, c.NeedsDiff(), err)
		}
	}
}

func TestParseForTwoProfilesTellsMistakes(t *testing.T) {
	for text, want := range map[string]string{
		"byte_growth > 5%":             `unknown metric "byte_growth"; want one of keys, bytes, keys_share, `,
		"x":                            "maxmemory_share, keys_growth, bytes_growth, ",
		"keys > -5":                    `keys: count "-5": want a whole number`,
		"no_ttl_share > -5%":           "want a percentage such as 5%",
		"new_keys < - 5":               "a minus before it means a decrease: at character 12 of",
		"new_keys < --5":               `count "-5": want a whole number such as 1000000, 1,000,000 or 1e6; a minus before it means a decrease`,
		"new_keys < +5":                "want a whole number",
		"new_keys < -5%":               "want a whole number",
		"new_keys < -":                 "want a whole number",
		"new_bytes < -1GX":             "units are B, KB, MB",
		"bytes_growth > 20":            "want 20% for per cent, or a ratio such as 0.05",
		"bytes_growth < -100.1%":       "want at least -100%, which means that nothing is left",
		"bytes_growth > 1GiB":          "want a percentage such as 5%",
		"no_ttl_share_rise > 101%":     "want at most 100%",
		"no_ttl_share_rise < -101%":    "want at most 100%",
		"days_to_empty < -1":           `days_to_empty: time "-1": want days with at most three decimals, such as 14 or 2.5, or a span such as 14d or 36h`,
		"days_to_empty < 2.1234":       "at most three decimals",
		"days_to_empty < 2,5":          "at most three decimals",
		"days_to_empty < 14 days":      "such as 14d or 36h: at character 17 of",
		"days_to_empty < 5%":           "such as 14d or 36h",
		"days_to_empty < ":             "such as 14d or 36h",
		"days_to_empty < 14 in *":      "days_to_empty is a figure of the server, not of namespaces: leave out in GLOB: at character 23 of",
		"days_to_full < 1d in a":       "days_to_full is a figure of the server",
		"used_memory_growth > 5% in a": "used_memory_growth is a figure of the server",
		"evicted_keys > 5 in a":        "evicted_keys is a figure of the server",
		"hit_ratio < 200%":             "want at most 100%",
		"hit_ratio < 90% in a":         "hit_ratio is a figure of the server",
	} {
		_, err := Parse(text, TwoProfiles)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want %s", text, err, want)
		}
	}
	days := "days_to_full < 1" + strings.Repeat("0", 400)
	if _, err := Parse(days, TwoProfiles); err == nil {
		t.Error("a number of days beyond all numbers is taken")
	}
}

// Of one profile, the metrics of changes are told apart from misspelt ones, and
// are not offered.
func TestParseForOneProfileRefusesChanges(t *testing.T) {
	for _, m := range ChangeMetrics() {
		_, err := Parse(m.Name+" > 5%", OneProfile)
		want := m.Name + " compares two profiles: use it with keyprof diff, or with keyprof profile --save-dir DIR --diff; for one profile, METRIC is one of keys, "
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), ", keys_growth") {
			t.Errorf("%s: error %v, want %s", m.Name, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"no_ttl_share > 5% in resque:*", "keys>=1,000,000", "bytes < 1GiB in [^a-c]?\\*", "largest", "in in in", "keys > 1 in \xff[", "keys>0 in \n",
		"bytes_growth < -50% in a", "new_keys<-1e6", "new_bytes > -1.5GiB", "no_ttl_share_rise > 0.05", "days_to_empty < 2.125", "days_to_full <= 1d12h in *", "hit_ratio < --5%",
	} {
		f.Add(seed, "resque:status:<uuid>")
	}
	f.Fuzz(func(t *testing.T, text, namespace string) {
		c, err := Parse(text, TwoProfiles)
		if err != nil {
			var bad *Error
			if !errors.As(err, &bad) || bad.Offset < 0 || bad.Offset > len(text) || bad.Error() == "" {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		if math.IsNaN(c.value) || math.IsInf(c.value, 0) {
			t.Fatalf("%q: the value is %v", text, c.value)
		}
		again, err := Parse(c.String(), TwoProfiles)
		if err != nil || again.metric != c.metric || again.op != c.op || again.value != c.value || again.each != c.each {
			t.Fatalf("%q, printed as %q, is another condition: %v", text, c, err)
		}
		if c.in.matches(namespace) != again.in.matches(namespace) {
			t.Fatalf("%q, printed as %q, matches other namespaces", text, c)
		}
		if _, err := Parse(text, OneProfile); (err != nil) != c.NeedsDiff() {
			t.Fatalf("%q needs two profiles: %v, but of one: %v", text, c.NeedsDiff(), err)
		}
	})
}
