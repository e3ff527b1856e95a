package history

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"keyprof/sampler/profile"
	"keyprof/sampler/profile/profiletest"
)

// made is a profile of a night.
func made(label string, began time.Time, complete bool) *profile.Profile {
	p := profiletest.Fold()
	p.Label, p.Began, p.Ended, p.Complete = label, began, began.Add(time.Minute), complete
	return p
}

// put writes a profile under any name, and returns its path.
func put(t testing.TB, dir, name string, p *profile.Profile) string {
	t.Helper()
	var content bytes.Buffer // WriteFile would wait for the disk
	err := profile.Write(&content, p, profile.Zstd)
	path := filepath.Join(dir, name)
	if err := errors.Join(err, os.WriteFile(path, content.Bytes(), 0o600)); err != nil {
		t.Fatal(err)
	}
	return path
}

// putNights writes a profile for each letter, the oldest first: c is a complete
// one and i an incomplete one.
func putNights(t testing.TB, dir, label, nights string) (paths []string) {
	t.Helper()
	for i, letter := range nights {
		began := night.AddDate(0, 0, i)
		paths = append(paths, put(t, dir, fileName(label, began), made(label, began, letter == 'c')))
	}
	return paths
}

func create(t testing.TB, dir, label string) *History {
	t.Helper()
	h, err := Create(dir, label)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func locked(t testing.TB, dir, label string) *Writer {
	t.Helper()
	w, err := create(t, dir, label).Lock()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return w
}

// visible are the names in a directory that are not hidden.
func visible(t testing.TB, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") {
			names = append(names, e.Name())
		}
	}
	return names
}

func TestCreate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	create(t, dir, "prod")
	info, err := os.Stat(dir)
	if err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", info, err)
	}
	create(t, dir, "prod")
	if _, err := Create(filepath.Join(dir, "a", "b"), "prod"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("below a directory that is missing: %v", err)
	}
	file := put(t, dir, "file.json", made("", night, true))
	if _, err := Create(file, "prod"); err == nil {
		t.Error("in a file")
	}
	for _, label := range []string{"", "../x", ".prod"} {
		if _, err := Create(filepath.Join(dir, "other"), label); err == nil || !strings.Contains(err.Error(), "may hold") {
			t.Errorf("label %q: %v", label, err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "other")); err == nil {
		t.Error("a directory was made for a bad label")
	}
}

func TestLabels(t *testing.T) {
	dir := t.TempDir()
	if _, err := Open(dir, ""); !errors.Is(err, ErrNoProfiles) {
		t.Errorf("empty: %v", err)
	}
	putNights(t, dir, "prod", "cc")
	put(t, dir, "other.json", made("other", night, true))
	if err := os.Mkdir(filepath.Join(dir, fileName("directory", night)), 0o700); err != nil {
		t.Fatal(err)
	}
	if h, err := Open(dir, ""); err != nil || h.label != "prod" {
		t.Errorf("one label: %v, %v", h, err)
	}
	putNights(t, dir, "prod-eu", "c")
	if got, err := Labels(dir); err != nil || !reflect.DeepEqual(got, []string{"prod", "prod-eu"}) {
		t.Errorf("%q, %v", got, err)
	}
	var several *LabelsError
	if _, err := Open(dir, ""); !errors.As(err, &several) || !strings.Contains(err.Error(), "2 labels: prod, prod-eu") {
		t.Errorf("two labels: %v", err)
	}
	if h, err := Open(dir, "prod-eu"); err != nil || h.label != "prod-eu" {
		t.Errorf("a chosen label: %v, %v", h, err)
	}
	if _, err := Open(dir, "../x"); err == nil {
		t.Error("a bad label")
	}
	if _, err := Labels(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no directory: %v", err)
	}
}

func TestNewest(t *testing.T) {
	dir := t.TempDir()
	nights := putNights(t, dir, "prod", "ccicci")
	putNights(t, dir, "prod-eu", "cccccccccc")
	putNights(t, dir, "prod-2027-01-01T00-00-00Z", "c")
	for n, want := range map[int][]string{
		0: nil,
		1: {nights[4]},
		3: {nights[4], nights[3], nights[1]},
		9: {nights[4], nights[3], nights[1], nights[0]},
	} {
		newest, skipped, err := create(t, dir, "prod").Newest(n, night.AddDate(0, 0, 5))
		var got []string
		for _, s := range newest {
			got = append(got, s.Path)
			if s.Profile.Label != "prod" || !s.Profile.Complete {
				t.Errorf("%s: %+v", s.Path, s.Profile)
			}
		}
		if !reflect.DeepEqual(got, want) || skipped != nil || err != nil {
			t.Errorf("%d: %q, %v, %v; want %q", n, got, skipped, err, want)
		}
	}
}

// Unreadable files are skipped and reported, among the files examined.
func TestNewestPassesOver(t *testing.T) {
	dir := t.TempDir()
	nights := putNights(t, dir, "prod", "cccccc")
	whole, err := os.ReadFile(nights[5])
	if err != nil {
		t.Fatal(err)
	}
	for path, text := range map[string]string{nights[0]: "x", nights[3]: "", nights[4]: "foreign", nights[5]: string(whole[:len(whole)-9])} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	later := night.AddDate(1, 0, 0)
	copied := put(t, dir, fileName("prod", later), made("prod", night, true))
	lent := put(t, dir, fileName("prod", later.Add(time.Second)), made("other", later, true))
	newest, skipped, err := create(t, dir, "prod").Newest(2, later.Add(time.Second))
	if err != nil || len(newest) != 2 || newest[0].Path != nights[2] || newest[1].Path != nights[1] {
		t.Fatalf("%v, %v", newest, err)
	}
	for i, path := range []string{lent, copied, nights[5], nights[4], nights[3]} {
		if i >= len(skipped) || !strings.HasPrefix(skipped[i].Error(), path+": ") {
			t.Fatalf("%d: %v, want one about %s", i, skipped, path)
		}
	}
	if len(skipped) != 5 || !errors.Is(skipped[0], errWrongName) || !errors.Is(skipped[4], profile.ErrTruncated) {
		t.Errorf("%v", skipped)
	}
}

// One profile of the future does not hide all that come after it.
func TestNewestPassesOverTheFuture(t *testing.T) {
	dir := t.TempDir()
	nights := putNights(t, dir, "prod", "cccc")
	newest, skipped, err := create(t, dir, "prod").Newest(2, night.AddDate(0, 0, 2).Add(400*time.Millisecond))
	if err != nil || len(newest) != 2 || newest[0].Path != nights[2] || newest[1].Path != nights[1] {
		t.Errorf("%v, %v", newest, err)
	}
	if len(skipped) != 1 || !errors.Is(skipped[0], errFuture) || !strings.HasPrefix(skipped[0].Error(), nights[3]+": ") {
		t.Errorf("%v", skipped)
	}
}

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
