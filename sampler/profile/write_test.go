package profile_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"keyprof/sampler/profile"
	"keyprof/sampler/profile/profiletest"
)

func TestCompressionFor(t *testing.T) {
	for path, want := range map[string]profile.Compression{
		"a.json": profile.Plain, "dir.json.gz/a.json": profile.Plain,
		"a.json.gz": profile.Gzip, "a.b.json.zst": profile.Zstd,
	} {
		if got, err := profile.CompressionFor(path); got != want || err != nil {
			t.Errorf("%s: %v, %v; want %v", path, got, err, want)
		}
	}
	for _, path := range []string{"", "a", "a.gz", "a.zst", "a.json.bz2", "a.txt", "a.JSON", "json"} {
		if _, err := profile.CompressionFor(path); !errors.Is(err, profile.ErrSuffix) {
			t.Errorf("%q: error %v", path, err)
		}
	}
}

// ignoreSketches leaves comparing sketches to their encoding.
var ignoreSketches = cmpopts.IgnoreTypes(&profile.Sketch{})

func TestWriteFileReadFile(t *testing.T) {
	for _, name := range []string{"a.json", "a.json.gz", "a.json.zst"} {
		path := filepath.Join(t.TempDir(), name)
		want := profiletest.Full()
		if err := profile.WriteFile(path, want); err != nil {
			t.Fatal(err)
		}
		got, err := profile.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, ignoreSketches); diff != "" {
			t.Errorf("%s: (-written +read)\n%s", name, diff)
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if runtime.GOOS != "windows" && info.Mode() != 0o600 {
			t.Errorf("%s: mode %v", name, info.Mode())
		}
		if bytes, _ := os.ReadFile(path); strings.HasPrefix(string(bytes), "{") != (name == "a.json") {
			t.Errorf("%s: begins with %q", name, bytes[:4])
		}
	}
}

func TestWriteLeavesTheProfileAlone(t *testing.T) {
	p := withoutLists()
	p.Began = p.Began.In(time.FixedZone("", 3600))
	before := *p
	plain(t, p)
	if diff := cmp.Diff(&before, p, ignoreSketches); diff != "" {
		t.Error(diff)
	}
	if p.Totals.TTL.Histogram != nil || p.Namespaces != nil {
		t.Error("Write has filled the caller's lists")
	}
}

func TestWriteHasNoNull(t *testing.T) {
	text := string(plain(t, withoutLists()))
	text = strings.ReplaceAll(text, `"hi": null`, "")
	if i := strings.Index(text, "null"); i >= 0 {
		t.Errorf("null in %q", text[i-40:i+4])
	}
}

func TestWriteIsInUTC(t *testing.T) {
	p := profiletest.Full()
	p.Began = p.Began.In(time.FixedZone("", -5*3600))
	if !bytes.Equal(plain(t, p), plain(t, profiletest.Full())) {
		t.Error("the time zone shows")
	}
}

// unseen are characters that must not reach a terminal.
var unseen = regexp.MustCompile(`[\x00-\x09\x0b-\x1f\x7f\x{80}-\x{9f}\x{2028}\x{2029}\p{Cf}]`)

func TestWriteIsHarmlessToShow(t *testing.T) {
	var all strings.Builder
	for r := range rune(unicode.MaxRune) {
		if unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp) {
			all.WriteRune(r)
		}
	}
	p := profiletest.Full()
	p.Warnings[0].Text = all.String()
	p.Nodes[0].Info["server"]["x"] = "\xff\x1b"
	text := plain(t, p)
	if found := unseen.Find(text); found != nil {
		t.Errorf("%q is written as it is", found)
	}
	again, err := profile.Read(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if again.Warnings[0].Text != all.String() {
		t.Error("escaped characters come back as others")
	}
}

func TestWriteIsReadable(t *testing.T) {
	text := string(plain(t, profiletest.Full()))
	if !strings.Contains(text, `"pattern": "resque:status:<uuid>"`) {
		t.Error("angle brackets are escaped")
	}
	if !strings.HasPrefix(text, "{\n \"schema\": 1,\n") || !strings.HasSuffix(text, "\n}\n") {
		t.Error("not indented, or no newline at the end")
	}
}

func TestWriteRefusesWhatReadWould(t *testing.T) {
	p := profiletest.Full()
	p.Totals.Probed = -1
	path := filepath.Join(t.TempDir(), "a.json")
	err := profile.WriteFile(path, p)
	if err == nil || !strings.Contains(err.Error(), "totals.probed: negative") {
		t.Errorf("error %v", err)
	}
	noFiles(t, filepath.Dir(path))
}

func TestWriteUnknownCompression(t *testing.T) {
	var b bytes.Buffer
	if err := profile.Write(&b, profiletest.Full(), 9); err == nil || b.Len() > 0 {
		t.Errorf("error %v, %d bytes written", err, b.Len())
	}
}

func TestCheckWritable(t *testing.T) {
	dir := t.TempDir()
	if err := profile.CheckWritable(filepath.Join(dir, "a.json.zst")); err != nil {
		t.Error(err)
	}
	noFiles(t, dir)
	for name, path := range map[string]string{
		"no suffix":      filepath.Join(dir, "a"),
		"no directory":   filepath.Join(dir, "none", "a.json"),
		"is a directory": mkdir(t, filepath.Join(dir, "d.json")),
	} {
		if err := profile.CheckWritable(path); err == nil {
			t.Errorf("%s: passes", name)
		} else if strings.Contains(err.Error(), ".tmp") {
			t.Errorf("%s: error tells of the temporary file: %v", name, err)
		}
	}
}

func mkdir(t *testing.T, path string) string {
	t.Helper()
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

// noFiles fails if dir holds a file.
func noFiles(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !e.IsDir() {
			t.Errorf("%s is left", e.Name())
		}
	}
}

// A server that says too much of itself does not keep the walk from being saved:
// what is written can be read.
func TestWriteClipsTheServersTexts(t *testing.T) {
	p := profiletest.Full()
	long := strings.Repeat("\x00é", 1<<20)
	n := &p.Nodes[0]
	n.Version, n.Incomplete, n.Info = long, long, map[string]map[string]string{"server": {"os": long, long: "x"}, "other": {}}
	for i := range 500_000 {
		n.Info["other"][strconv.Itoa(i)] = "x"
	}
	n.Databases[0].Incomplete = long
	p.Missing = append(p.Missing, profile.Missing{Measure: profile.MeasureFreq, Reason: long})
	p.Warnings = append(p.Warnings, profile.Warning{Code: "x", Text: long})
	p.Receipt.Waits = append(p.Receipt.Waits, profile.Wait{Cause: long})
	var b bytes.Buffer
	if err := profile.Write(&b, p, profile.Zstd); err != nil {
		t.Fatal(err)
	}
	if again, err := profile.Read(&b); err != nil || !strings.HasPrefix(long, strings.TrimSuffix(again.Nodes[0].Version, "…")) {
		t.Error(err)
	}
	if n.Version != long || len(n.Info["other"]) != 500_000 || p.Warnings[len(p.Warnings)-1].Text != long {
		t.Error("the profile itself was changed")
	}
}
