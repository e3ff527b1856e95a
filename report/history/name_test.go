package history

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var night = time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC)

func TestFileName(t *testing.T) {
	for _, tt := range []struct {
		label string
		began time.Time
		want  string
	}{
		{"prod", night, "prod-2026-11-21T03-00-00Z.json.zst"},
		{"prod", night.Add(999 * time.Millisecond), "prod-2026-11-21T03-00-00Z.json.zst"},
		{"prod", night.In(time.FixedZone("", -5*3600)), "prod-2026-11-21T03-00-00Z.json.zst"},
		{"prod-eu", night, "prod-eu-2026-11-21T03-00-00Z.json.zst"},
	} {
		if got := fileName(tt.label, tt.began); got != tt.want {
			t.Errorf("%s, %v: %s, want %s", tt.label, tt.began, got, tt.want)
		}
	}
}

func TestParseName(t *testing.T) {
	const stamp = "2026-11-21T03-00-00Z"
	for name, want := range map[string]string{ // label; empty: the name is another's
		"prod-" + stamp + ".json.zst":               "prod",
		"prod-eu-" + stamp + ".json.zst":            "prod-eu",
		"_-" + stamp + ".json.zst":                  "_",
		"a.b-" + stamp + ".json.zst":                "a.b",
		"a.json.zst-" + stamp + ".json.zst":         "a.json.zst",
		stamp + "-" + stamp + ".json.zst":           stamp,
		"prod-" + stamp + "-" + stamp + ".json.zst": "prod-" + stamp,
		"prod--" + stamp + ".json.zst":              "prod-",

		"":                                                   "",
		stamp + ".json.zst":                                  "",
		"-" + stamp + ".json.zst":                            "",
		".prod-" + stamp + ".json.zst":                       "",
		"../x-" + stamp + ".json.zst":                        "",
		"prod" + stamp + ".json.zst":                         "",
		"prod_" + stamp + ".json.zst":                        "",
		"prod-" + stamp + ".json.gz":                         "",
		"prod-" + stamp + ".json.zst.bak":                    "",
		"prod-" + stamp + ".json.zst\n":                      "",
		"prod-" + stamp + " (1).json.zst":                    "",
		"prod-" + stamp:                                      "",
		"prod-2026-11-31T03-00-00Z.json.zst":                 "",
		"prod-2026-13-01T03-00-00Z.json.zst":                 "",
		"prod-2026-11-21T24-00-00Z.json.zst":                 "",
		"prod-2026-11-21T03:00:00Z.json.zst":                 "",
		"prod-2026-11-21t03-00-00z.json.zst":                 "",
		"prod-2026-11-21T03-00-00.0Z.json.zst":               "",
		"prod-2026-11-21T3-00-00Z.json.zst":                  "",
		"prod-12026-11-21T03-00-00Z.json.zst":                "",
		"prod-+2026-11-21T03-00-0Z.json.zst":                 "",
		"pröd-" + stamp + ".json.zst":                        "",
		"prod -" + stamp + ".json.zst":                       "",
		".keyprof-" + stamp + ".json.zst":                    "",
		strings.Repeat("a", 201) + "-" + stamp + ".json.zst": "",
	} {
		label, began, ok := parseName(name)
		if label != want || ok != (want != "") || ok && !began.Equal(night) {
			t.Errorf("%q: %q, %v, %v; want %q", name, label, began, ok, want)
		}
	}
}

func TestCheckLabel(t *testing.T) {
	for label, want := range map[string]string{
		"prod": "", "prod-eu": "", "A.b_C-1": "", "-x": "", "..": "begin with a dot", ".prod": "begin with a dot",
		"": "may hold", "../x": "may hold", "a/b": "may hold", `a\b`: "may hold", "a b": "may hold", "a\n": "may hold", "é": "may hold",
		"a:b": "may hold", "a\x00": "may hold",
		strings.Repeat("a", MaxLabelBytes): "", strings.Repeat("a", MaxLabelBytes+1): "at most 200",
	} {
		err := CheckLabel(label)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", label, err, want)
		}
	}
}

func TestLabelFor(t *testing.T) {
	for address, want := range map[string]string{
		"127.0.0.1:6379":        "127.0.0.1-6379",
		"Replica.Internal:6379": "replica.internal-6379",
		"[::1]:6379":            "1--6379",
		"/run/redis/redis.sock": "run-redis-redis.sock",
		"./redis.sock":          "redis.sock",
		"../../etc/passwd":      "etc-passwd",
		"/":                     "",
		"höst\x00\n:1":          "h-st---1",
	} {
		if got := LabelFor(address); got != want {
			t.Errorf("%q: %q, want %q", address, got, want)
		}
	}
}

var labels = rapid.StringMatching(`[A-Za-z0-9_-][A-Za-z0-9._-]{0,30}`)

// moments are those that a name can tell, to the second.
var moments = rapid.Custom(func(t *rapid.T) time.Time {
	return time.Unix(rapid.Int64Range(-62167219200, 253402300799).Draw(t, "second"), 0).UTC()
})

// Labels that end in what a name has behind a label are parted as well.
func TestNamesArePartedAgain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		label := labels.Draw(t, "label")
		if rapid.Bool().Draw(t, "odd") {
			label = strings.TrimSuffix(fileName(label, moments.Draw(t, "in label")), suffix)
		}
		began := moments.Draw(t, "began")
		gotLabel, got, ok := parseName(fileName(label, began))
		if gotLabel != label || !got.Equal(began) || !ok {
			t.Errorf("%q, %v: %q, %v, %v", label, began, gotLabel, got, ok)
		}
	})
}

// FuzzParseName: a name is no profile's, or is made again from what it tells.
func FuzzParseName(f *testing.F) {
	f.Add("prod-2026-11-21T03-00-00Z.json.zst")
	f.Add("prod-2026-11-21T03-00-00Z-2026-11-21T03-00-00Z.json.zst")
	f.Add("../x-0000-01-01T00-00-00Z.json.zst")
	f.Add("-2026-11-21T03-00-60Z.json.zst")
	f.Fuzz(func(t *testing.T, name string) {
		label, began, ok := parseName(name)
		if ok && (fileName(label, began) != name || CheckLabel(label) != nil || strings.ContainsAny(name, `/\`)) {
			t.Errorf("%q: %q, %v", name, label, began)
		}
		if !ok && label != "" {
			t.Errorf("%q: label %q of no profile", name, label)
		}
	})
}
