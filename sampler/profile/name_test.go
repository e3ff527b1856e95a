package profile_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"keyprof/sampler/profile"
)

func TestKeyNameRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		raw := rawName.Draw(t, "raw")
		text, err := json.Marshal(profile.NewKeyName(raw))
		if err != nil {
			t.Fatal(err)
		}
		var k profile.KeyName
		if err := json.Unmarshal(text, &k); err != nil {
			t.Fatal(err)
		}
		got, err := k.Raw()
		if err != nil {
			t.Fatal(err)
		}
		if k.Length == 0 && got != raw {
			t.Errorf("%q comes back as %q", raw, got)
		}
		if k.Length != 0 {
			checkCut(t, raw, k, got)
		}
	})
}

// checkCut checks a name that was stored as its beginning.
func checkCut(t *rapid.T, raw string, k profile.KeyName, got string) {
	if k.Length != len(raw) || len(raw) <= profile.MaxNameBytes || len(k.Hash) != 16 {
		t.Errorf("length %d of %d, hash %s", k.Length, len(raw), k.Hash)
	}
	if !strings.HasPrefix(raw, got) || len(got) > profile.MaxNameBytes || len(got) < profile.MaxNameBytes-utf8.UTFMax {
		t.Errorf("cut to %d bytes", len(got))
	}
	if utf8.ValidString(raw) && k.Escaped {
		t.Error("cut within a character")
	}
}

func TestNewKeyName(t *testing.T) {
	for _, tt := range []struct {
		raw  string
		want profile.KeyName
	}{
		{"", profile.KeyName{}},
		{`a\x41`, profile.KeyName{Name: `a\x41`}},
		{"a\x1b[31m\x00", profile.KeyName{Name: "a\x1b[31m\x00"}},
		{"é\xff\\", profile.KeyName{Name: `é\xff\\`, Escaped: true}},
		{"\ufffd", profile.KeyName{Name: "\ufffd"}},
		{strings.Repeat("x", 1024), profile.KeyName{Name: strings.Repeat("x", 1024)}},
		{strings.Repeat("x", 1025), profile.KeyName{Name: strings.Repeat("x", 1024), Length: 1025, Hash: "b631dc69e37288f6"}},
		{"a" + strings.Repeat("é", 512), profile.KeyName{Name: "a" + strings.Repeat("é", 511), Length: 1025, Hash: "da88b8e513f6b65f"}},
	} {
		if got := profile.NewKeyName(tt.raw); got != tt.want {
			t.Errorf("%.20q: %+v", tt.raw, got)
		}
	}
}

func TestRawRefuses(t *testing.T) {
	for _, name := range []string{`\`, `\x`, `\x4`, `\y41`, `\xg0`, `a\x+1`, `\x4é`} {
		if raw, err := (profile.KeyName{Name: name, Escaped: true}).Raw(); err == nil {
			t.Errorf("%s: %q", name, raw)
		}
	}
}

// Two names with the same beginning stay different when they are cut.
func TestKeyNameHash(t *testing.T) {
	long := strings.Repeat("x", 2000)
	if profile.NewKeyName(long+"a") == profile.NewKeyName(long+"b") {
		t.Error("two names are one")
	}
}
