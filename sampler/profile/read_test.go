package profile_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"keyprof/sampler/profile"
	"keyprof/sampler/profile/profiletest"
)

var compressions = []profile.Compression{profile.Plain, profile.Gzip, profile.Zstd}

func TestReadFromAnyReader(t *testing.T) {
	for _, c := range compressions {
		data := written(t, profiletest.Full(), c)
		for name, r := range map[string]io.Reader{
			"one byte at a time": iotest.OneByteReader(bytes.NewReader(data)),
			"data with EOF":      iotest.DataErrReader(bytes.NewReader(data)),
			"half":               iotest.HalfReader(bytes.NewReader(data)),
		} {
			if _, err := profile.Read(r); err != nil {
				t.Errorf("compression %d, %s: %v", c, name, err)
			}
		}
	}
}

func TestReadReportsTheReadersError(t *testing.T) {
	for _, c := range compressions {
		data := written(t, profiletest.Full(), c)
		for _, n := range []int{0, 2, 10, len(data) / 2} {
			r := io.MultiReader(bytes.NewReader(data[:n]), iotest.ErrReader(os.ErrDeadlineExceeded))
			if _, err := profile.Read(r); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("compression %d, after %d bytes: %v", c, n, err)
			}
		}
	}
}

func TestReadTruncated(t *testing.T) {
	for _, c := range compressions {
		data := bytes.TrimSpace(written(t, profiletest.Full(), c))
		for n := 0; n < len(data); n += 1 + len(data)/500 {
			_, err := profile.Read(bytes.NewReader(data[:n]))
			if !errors.Is(err, profile.ErrTruncated) && n >= 4 || err == nil {
				t.Fatalf("compression %d, %d of %d bytes: %v", c, n, len(data), err)
			}
		}
	}
}

func TestReadTrailingData(t *testing.T) {
	for _, c := range compressions {
		data := written(t, profiletest.Full(), c)
		for name, tail := range map[string][]byte{
			"text":             []byte("more"),
			"the same again":   data,
			"an empty object":  []byte("{}"),
			"the other's head": {0x1f, 0x8b, 0x28, 0xb5},
		} {
			_, err := profile.Read(io.MultiReader(bytes.NewReader(data), bytes.NewReader(tail)))
			if !errors.Is(err, profile.ErrInvalid) && !errors.Is(err, profile.ErrTruncated) {
				t.Errorf("compression %d, %s: %v", c, name, err)
			}
		}
	}
}

func TestReadDamaged(t *testing.T) {
	for _, c := range []profile.Compression{profile.Gzip, profile.Zstd} {
		data := written(t, profiletest.Full(), c)
		for i := 20; i < len(data); i += 97 {
			bad := bytes.Clone(data)
			bad[i] ^= 0x55
			if _, err := profile.Read(bytes.NewReader(bad)); err == nil {
				t.Errorf("compression %d, byte %d changed: passes", c, i)
			}
		}
	}
}

func TestReadRefuses(t *testing.T) {
	doc := string(plain(t, profiletest.Full()))
	tool := "\"name\": \"keyprof\",\n  \"version\": \"test\""
	for _, tt := range []struct {
		name, text string
		want       error
		says       string
	}{
		{"nothing", "", profile.ErrTruncated, "empty"},
		{"blanks", " \n", profile.ErrTruncated, "empty"},
		{"text", "hello", profile.ErrNotProfile, ""},
		{"a list", "[1]", profile.ErrNotProfile, ""},
		{"a number", "1", profile.ErrNotProfile, ""},
		{"null", "null", profile.ErrNotProfile, ""},
		{"an RDB file", "REDIS0011\xfa\x09redis-ver", profile.ErrNotProfile, ""},
		{"an empty object", "{}", profile.ErrNotProfile, ""},
		{"another tool", `{"schema": {"type": "x"}, "tool": "vegeta", "nodes": 3}`, profile.ErrNotProfile, ""},
		{"another tool with a schema", `{"schema": 1, "tool": {"name": "other"}}`, profile.ErrNotProfile, ""},
		{"no schema", `{"tool": {"name": "keyprof"}}`, profile.ErrNotProfile, ""},
		{
			"newer", `{"schema": 2, "tool": {"name": "keyprof", "version": "9.1"}, "began": 7}`, profile.ErrNewerSchema,
			`schema 2, written by keyprof "9.1"; this one reads schema 1`,
		},
		{"a type", strings.Replace(doc, `"complete": false`, `"complete": 1`, 1), profile.ErrInvalid, "complete"},
		{"a list that is null", strings.Replace(doc, `"examples": [`, `"examples": null, "x": [`, 1), profile.ErrInvalid, "examples: missing"},
		{"a number too large", strings.Replace(doc, `"page": 50`, `"page": 1e99`, 1), profile.ErrInvalid, "page"},
		{"syntax", strings.Replace(doc, `"complete": `, `"complete" `, 1), profile.ErrInvalid, "invalid character"},
		{"not UTF-8", strings.Replace(doc, tool, tool+",\"x\":\"\xff\"", 1), profile.ErrInvalid, "UTF-8"},
		{"UTF-16", "\xff\xfe{\x00}\x00", profile.ErrNotProfile, ""},
	} {
		_, err := profile.Read(strings.NewReader(tt.text))
		if !errors.Is(err, tt.want) || !strings.Contains(fmt.Sprint(err), tt.says) {
			t.Errorf("%s: error %v; want %v ... %s", tt.name, err, tt.want, tt.says)
		}
	}
}

func TestReadTakes(t *testing.T) {
	doc := string(plain(t, profiletest.Full()))
	for name, text := range map[string]string{
		"blanks around":   "\n\t " + doc + "\r\n\n",
		"byte order mark": "\ufeff" + doc,
		"unknown member":  strings.Replace(doc, `"label":`, `"later": {"x": [null]}, "label":`, 1),
		"another zone":    strings.Replace(doc, `"2026-11-21T02:00:00Z"`, `"2026-11-21T03:00:00+01:00"`, 1),
	} {
		p, err := profile.Read(strings.NewReader(text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !bytes.Equal(plain(t, p), []byte(doc)) {
			t.Errorf("%s: read as another profile", name)
		}
	}
}

func TestReadFileNamesTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "no\x1b[31m.json")
	if err := os.WriteFile(path, []byte("hello"), 0o600); err != nil {
		t.Skip(err)
	}
	_, err := profile.ReadFile(path)
	if !errors.Is(err, profile.ErrNotProfile) || !strings.Contains(err.Error(), `no\x1b[31m.json": not a keyprof profile`) {
		t.Errorf("error %v", err)
	}
	if _, err := profile.ReadFile(path + "x"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v", err)
	}
	if _, err := profile.ReadFile(filepath.Dir(path)); err == nil {
		t.Error("a directory passes")
	}
}

// counters returns the members of an object with n of them.
func counters(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `"%d":0,`, i)
	}
	return strings.TrimSuffix(b.String(), ",")
}

// The most that passes the limits must not take the machine's memory. A
// sixteenth of it is tried, and what it takes reckoned up.
func TestReadMemoryIsBounded(t *testing.T) {
	const part = 16
	head := `{"schema":1,"tool":{"name":"keyprof","version":""},`
	for name, text := range map[string]string{
		"namespaces": head + `"namespaces":[{}` + strings.Repeat(",{}", profile.MaxRows/part) + "]}",
		"keys":       head + `"namespaces":[{"largest":[{}` + strings.Repeat(",{}", profile.MaxObjects/part) + "]}]}",
		"numbers":    head + `"design":{"databases":[0` + strings.Repeat(",0", profile.MaxElements/part) + strings.Repeat("],\"databases\":[0"+strings.Repeat(",0", profile.MaxElements/part), 31) + "]}}",
		"members":    head + `"receipt":{"commands":{` + counters(profile.MaxElements/part) + "}}}",
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := profile.Read(strings.NewReader(text))
		runtime.ReadMemStats(&after)
		if !errors.Is(err, profile.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
		// A list is copied as it grows: this counts what is garbage, too.
		if took := part * (after.TotalAlloc - before.TotalAlloc); took > 2<<30 {
			t.Errorf("%s: %d MiB would be allocated", name, took>>20)
		}
	}
}

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

// FuzzRead: any file gives an error or a profile that can be written and read
// again, and takes no more memory than the limits allow. Give it
// -fuzzminimizetime=1s: it spends its time on making seeds shorter otherwise.
func FuzzRead(f *testing.F) {
	f.Add(plain(f, profiletest.Full()))
	for _, p := range []*profile.Profile{smallest(), profiletest.Fold()} {
		for _, c := range compressions {
			data := written(f, p, c)
			f.Add(data)
			f.Add(data[:len(data)/2])
			f.Add(append(bytes.Clone(data), data...))
		}
	}
	f.Add([]byte(`{"schema":2,"tool":{"name":"keyprof"}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		p, err := profile.Read(bytes.NewReader(data))
		runtime.ReadMemStats(&after)
		// Reading a small file costs buffers and tables of a fixed size, and
		// what it holds times a factor; a bomb, the document's limit.
		if took := after.TotalAlloc - before.TotalAlloc; took > 8*profile.MaxDocumentBytes {
			t.Errorf("%d MiB allocated for %d bytes", took>>20, len(data))
		}
		if err != nil {
			return
		}
		first := plain(t, p)
		again, err := profile.Read(bytes.NewReader(first))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(first, plain(t, again)) {
			t.Error("written, read and written again, it is another file")
		}
	})
}

// smallest returns a profile of one key, so that a fuzzer can change most of it.
func smallest() *profile.Profile {
	return profiletest.Fold(profiletest.Observation{Pattern: "a", Name: "\xff", Type: "hash", Bytes: 72, TTLS: 0.5})
}
