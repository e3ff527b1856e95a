package profile_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"keyprof/sampler/profile"
	"keyprof/sampler/profile/profiletest"
)

func TestReadHeader(t *testing.T) {
	p := profiletest.Full()
	want := profile.Header{Label: p.Label, Began: p.Began, Complete: p.Complete}
	if p.Label == "" {
		t.Fatal("the profile has no label")
	}
	for _, c := range compressions {
		if got, err := profile.ReadHeader(bytes.NewReader(written(t, p, c))); err != nil || got != want {
			t.Errorf("compression %v: %v, %v; want %v", c, got, err, want)
		}
	}
	text := plain(t, p)
	for _, rest := range []string{"", "\"x", "}", "not json", "]]"} {
		damaged := string(text[:bytes.Index(text, []byte(`"missing"`))]) + rest
		if got, err := profile.ReadHeader(strings.NewReader(damaged)); err != nil || got != want {
			t.Errorf("followed by %q: %v, %v; want %v", rest, got, err, want)
		}
	}
}

// The members may have another order.
func TestReadHeaderReordered(t *testing.T) {
	text := `{"x":[{"label":"no"}],"label":"a","complete":true,"began":"2026-11-21T04:00:00+01:00","tool":{"name":"keyprof"},"schema":1,`
	got, err := profile.ReadHeader(strings.NewReader(text))
	if err != nil || got.Label != "a" || !got.Complete || got.Began.String() != "2026-11-21 03:00:00 +0000 UTC" {
		t.Errorf("%v, %v", got, err)
	}
}

func TestReadHeaderOfOthers(t *testing.T) {
	for text, want := range map[string]error{
		"":                          profile.ErrTruncated,
		"{":                         profile.ErrTruncated,
		`{"schema":1`:               profile.ErrTruncated,
		`{"schema":1,`:              profile.ErrTruncated,
		`{"schema":1}`:              profile.ErrNotProfile,
		"[1]":                       profile.ErrNotProfile,
		`"text"`:                    profile.ErrNotProfile,
		"{}":                        profile.ErrNotProfile,
		"hello":                     profile.ErrNotProfile,
		`{"schema":"1"}`:            profile.ErrNotProfile,
		`{"tool":{"name":"other"}}`: profile.ErrNotProfile,
		`{"began":"yesterday"}`:     profile.ErrNotProfile,
		"\x1f\x8bnot gzip at all":   profile.ErrInvalid,
		"\x28\xb5\x2f\xfdzstandard": profile.ErrInvalid,
		"\x28\xb5\x2f\xfd":          profile.ErrTruncated,
		`{"schema":99,"tool":{"name":"keyprof"},"began":"2026-11-21T03:00:00Z","complete":true}`: profile.ErrNewerSchema,
	} {
		if got, err := profile.ReadHeader(strings.NewReader(text)); !errors.Is(err, want) {
			t.Errorf("%q: %v, %v; want %v", text, got, err, want)
		}
	}
}

// FuzzReadHeader: any file gives an error or a header, and that of a profile is
// the profile's once it is written again.
func FuzzReadHeader(f *testing.F) {
	f.Add(plain(f, smallest()))
	for _, c := range compressions {
		f.Add(written(f, profiletest.Fold(), c))
	}
	f.Add([]byte(`{"schema":1,"tool":{"name":"keyprof"},"began":"2026-11-21T03:00:00Z","complete":true`))
	f.Fuzz(func(t *testing.T, data []byte) {
		_, _ = profile.ReadHeader(bytes.NewReader(data))
		p, err := profile.Read(bytes.NewReader(data))
		if err != nil {
			return
		}
		head, err := profile.ReadHeader(bytes.NewReader(plain(t, p)))
		if err != nil || head.Label != p.Label || !head.Began.Equal(p.Began) || head.Complete != p.Complete {
			t.Errorf("%v, %v", head, err)
		}
	})
}
