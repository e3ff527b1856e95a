package report

import (
	"runtime"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"keyprof/sampler/profile"
)

func TestDisplayKey(t *testing.T) {
	tests := []struct{ raw, want string }{
		{"", `""`},
		{"user:17", `"user:17"`},
		{" a b ", `" a b "`},
		{`say "hi"\`, `"say \"hi\"\\"`},
		{"a\nb\t\r\x00\x1b\x7f", `"a\nb\t\r\x00\x1b\x7f"`},
		{"bad\xff\xc3", `"bad\xff\xc3"`},
		{"\u009b\u2028\u202e\u200b\ufeff", `"\u009b\u2028\u202e\u200b\ufeff"`},
		{"\U000e0041\u3164\ufe0f", `"\U000e0041\u3164\ufe0f"`},
		{"e\u0301\u0301\u0301", "\"e\u0301\u0301\\u0301\""},
		{"\u0301", `"\u0301"`},
		{"日本", `"日本"`},
		{strings.Repeat("k", 100), `"` + strings.Repeat("k", 40) + "…(100 bytes, crc32 24b42564)…" + strings.Repeat("k", 21) + `"`},
	}
	for _, tt := range tests {
		if got := displayKey(profile.NewKeyName(tt.raw)); got != tt.want {
			t.Errorf("displayKey(%q):\n got %s\nwant %s", tt.raw, got, tt.want)
		}
	}
}

func TestDisplayLongKeyNamesItsLengthAndHash(t *testing.T) {
	got := displayKey(profile.NewKeyName(strings.Repeat("k", 512<<10)))
	if !strings.Contains(got, "524,288 bytes, xxh64 ") || width(got) > maxKeyWidth {
		t.Errorf("got %s", got)
	}
}

func TestDisplayKeyOfABadEscape(t *testing.T) {
	if got := displayKey(profile.KeyName{Name: `a\q`, Escaped: true}); got != `"a\\q"` {
		t.Errorf("got %s", got)
	}
}

// TestDisplayIsReversible: a name that is not cut can be had back.
func TestDisplayIsReversible(t *testing.T) {
	for _, raw := range hostileNames {
		got := displayKey(profile.NewKeyName(raw))
		if strings.Contains(got, "…(") {
			continue
		}
		if back, err := strconv.Unquote(got); err != nil || back != raw {
			t.Errorf("%q is shown as %s, which is %q (%v)", raw, got, back, err)
		}
	}
}

// TestPatternsDiffer: no two namespaces look the same.
func TestPatternsDiffer(t *testing.T) {
	seen := map[string]string{displayPattern(&profile.Namespace{Pattern: "(other)", Other: true}): "what is left over"}
	for _, raw := range append(hostileNames, `"null\u00a0nbsp"`, `null\u00a0nbsp`, strings.Repeat("long", 401)) {
		shown := displayPattern(&profile.Namespace{Pattern: raw})
		if twin, ok := seen[shown]; ok {
			t.Errorf("%q and %q are both shown as %s", raw, twin, shown)
		}
		seen[shown] = raw
	}
}

func TestWrapName(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := strings.Join(tokens(rapid.String().Draw(t, "s"), true), "")
		room := rapid.IntRange(10, 60).Draw(t, "room")
		lines := wrapName(s, room)
		if strings.Join(lines, "") != s {
			t.Fatalf("%q was wrapped to %q", s, lines)
		}
		for _, line := range lines {
			if width(line) > room {
				t.Fatalf("%q takes %d columns of %d", line, width(line), room)
			}
		}
	})
}

func TestWrap(t *testing.T) {
	tests := []struct {
		got  []string
		want string
	}{
		{wrapName("cache:gitlab:projects", 14), "cache:gitlab:|projects"},
		{wrapName("abcdefghij", 4), "abcd|efgh|ij"},
		{wrapName("日本語", 5), "日本|語"},
		{wrapName("日本語", 0), "日|本|語"},
		{wrapName(`abcd\u202eef`, 8), `abcd|\u202eef`},
		{wrapName("", 4), ""},
		{wrapWords("the quick brown fox", 10), "the quick|brown fox"},
		{wrapWords("a abcdefghijkl b", 5), "a|abcde|fghij|kl b"},
	}
	for _, tt := range tests {
		if got := strings.Join(tt.got, "|"); got != tt.want {
			t.Errorf("got %s, want %s", got, tt.want)
		}
	}
}

func TestDefuse(t *testing.T) {
	for in, want := range map[string]string{"=1": "'=1", "+1": "'+1", "-1": "'-1", "@a": "'@a", "\ta": "'\ta", "a=1": "a=1", "": ""} {
		if got := defuse(in); got != want {
			t.Errorf("defuse(%q) = %q, want %q", in, got, want)
		}
	}
}

// FuzzDisplay: whatever a server calls its keys, nothing hidden is printed.
func FuzzDisplay(f *testing.F) {
	for _, raw := range hostileNames {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		key := displayKey(profile.NewKeyName(raw))
		for _, shown := range []string{key, displayPattern(&profile.Namespace{Pattern: raw}), display(raw), displayType(raw)} {
			if r, found := firstHidden(shown); found || strings.Contains(shown, "\n") || !utf8.ValidString(shown) {
				t.Errorf("%q is shown as %q, with %U", raw, shown, r)
			}
		}
		if back, err := strconv.Unquote(key); !strings.Contains(key, "…(") && (err != nil || back != raw) {
			t.Errorf("%q is shown as %s, which is %q (%v)", raw, key, back, err)
		}
	})
}

func TestDisplayEmptyName(t *testing.T) {
	for raw, want := range map[string]string{`""`: `""`, `\""`: `\""`, `"quoted"`: `"\"quoted\""`, "": `""`} {
		if got := displayPattern(&profile.Namespace{Pattern: raw}); got != want {
			t.Errorf("%q is shown as %s, want %s", raw, got, want)
		}
	}
}

// A long name is taken apart at its ends alone: it may have millions of characters.
func TestLongNamesAreNotTakenApart(t *testing.T) {
	long := "begin" + strings.Repeat("\u202ea ", 4<<20) + "end"
	for name, show := range map[string]func() string{
		"pattern": func() string { return displayPattern(&profile.Namespace{Pattern: long}) },
		"word":    func() string { return displayWord(long) },
		"text":    func() string { return display(long) },
		"prefix":  func() string { return displayPrefix(long) },
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		got := show()
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; took > 1<<20+uint64(len(long)) { // the checksum needs a copy
			t.Errorf("%s: %d MiB allocated", name, took>>20)
		}
		if len(got) > 4*maxTextWidth || !strings.Contains(got, "begin") || !strings.Contains(got, "end") || !strings.Contains(got, "20,971,528 bytes, crc32 ") {
			t.Errorf("%s: %s", name, got)
		}
	}
}
