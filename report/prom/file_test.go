package prom

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestMode(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("files have no such mode")
	}
	path := write(t, whole(), nil, 20)
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(path, whole(), nil, Options{Top: 20}); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode() != 0o644 {
		t.Error(info.Mode(), err)
	}
}

func TestNames(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "dir.prom"), 0o700); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		want error
	}{
		{"a.prom", nil},
		{"a", ErrSuffix},
		{"a.prom.gz", ErrSuffix},
		{"a.PROM", ErrSuffix},
		{"", ErrSuffix},
		{"*.prom", ErrStar},
		{"nosuch/a.prom", fs.ErrNotExist},
		{strings.Repeat("a", 250) + ".prom", &fs.PathError{}}, // there is no room for the temporary file's name
		{"dir.prom", &fs.PathError{}},
	}
	for _, tt := range tests {
		path := filepath.Join(dir, tt.name)
		for what, err := range map[string]error{"check": CheckWritable(path), "write": WriteFile(path, whole(), nil, Options{Top: 1})} {
			var about *fs.PathError
			switch {
			case tt.want == nil && err != nil, tt.want != nil && err == nil:
				t.Errorf("%s %.20q: %v", what, tt.name, err)
			case errors.As(tt.want, &about):
				if !errors.As(err, &about) || about.Path != path {
					t.Errorf("%s %.20q: %v", what, tt.name, err)
				}
			case !errors.Is(err, tt.want):
				t.Errorf("%s %.20q: %v", what, tt.name, err)
			}
		}
	}
	if d := cmp.Diff([]string{"a.prom", "dir.prom"}, list(t, dir)); d != "" {
		t.Errorf("left behind: %s", d)
	}
}

func list(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// If the new file cannot be written, the old one stays unchanged.
func TestOlderFileIsKept(t *testing.T) {
	path := write(t, whole(namespace(0, "a", 1, 1)), nil, 20)
	before, _ := os.ReadFile(path)
	p := whole(namespace(0, "b", 1, 1))
	p.Receipt.Commands["\xff"] = 1
	if err := WriteFile(path, p, nil, Options{Top: 20}); err == nil {
		t.Error("a label that is not UTF-8 was written")
	}
	after, _ := os.ReadFile(path)
	if string(before) != string(after) || len(list(t, filepath.Dir(path))) != 1 {
		t.Errorf("%s\n%q", after, list(t, filepath.Dir(path)))
	}
}

const success = "keyprof_last_success_timestamp_seconds{deployment=shop}"

// An incomplete run keeps the time of the last complete one, however often.
func TestLastSuccessIsCarriedOver(t *testing.T) {
	path := write(t, whole(), nil, 20)
	p := whole()
	p.Complete = false
	for range 3 {
		p.Began, p.Ended = p.Began.Add(24*time.Hour), p.Ended.Add(24*time.Hour)
		if err := WriteFile(path, p, nil, Options{Top: 20}); err != nil {
			t.Fatal(err)
		}
		got := read(t, path)
		if got[success] != timestamp(ended) || got["keyprof_last_run_timestamp_seconds{deployment=shop}"] != timestamp(p.Ended) || got["keyprof_run_complete{deployment=shop}"] != 0 {
			t.Error(got)
		}
	}
	p.Complete = true
	if err := WriteFile(path, p, nil, Options{Top: 20}); err != nil {
		t.Fatal(err)
	}
	if got := read(t, path)[success]; got != timestamp(p.Ended) {
		t.Errorf("after a complete run: %v", got)
	}
}

// An older file that does not tell is none.
func TestOlderFile(t *testing.T) {
	const line = "# TYPE keyprof_last_success_timestamp_seconds gauge\nkeyprof_last_success_timestamp_seconds"
	tests := []struct {
		name, text string
		want       float64 // 0: none
	}{
		{"good", line + "{deployment=\"shop\"} 1.7e9\n", 1.7e9},
		{"of two", line + "{deployment=\"mail\"} 1.6e9\nkeyprof_last_success_timestamp_seconds{deployment=\"shop\"} 1.7e9\n", 1.7e9},
		{"empty", "", 0},
		{"of another deployment", line + "{deployment=\"mail\"} 1.7e9\n", 0},
		{"of no deployment", line + " 1.7e9\n", 0},
		{"in the future", line + "{deployment=\"shop\"} 9e9\n", 0},
		{"negative", line + "{deployment=\"shop\"} -1\n", 0},
		{"not a number", line + "{deployment=\"shop\"} NaN\n", 0},
		{"infinite", line + "{deployment=\"shop\"} +Inf\n", 0},
		{"cut in a number", line + "{deployment=\"shop\"} 17", 0},
		{"cut in a label", line + "{deployment=\"shop", 0},
		{"damaged behind it", line + "{deployment=\"shop\"} 1.7e9\nkeyprof_run_complete{{{\n", 0},
		{"damaged", "\x00\xff{{{\n" + line + "{deployment=\"shop\"} 1.7e9\n", 0},
		{"another type", "# TYPE keyprof_last_success_timestamp_seconds counter\nkeyprof_last_success_timestamp_seconds{deployment=\"shop\"} 1.7e9\n", 0},
	}
	for _, tt := range tests {
		path := filepath.Join(t.TempDir(), "keyprof.prom")
		if err := os.WriteFile(path, []byte(tt.text), 0o600); err != nil {
			t.Fatal(err)
		}
		p := whole()
		p.Complete = false
		if err := WriteFile(path, p, nil, Options{Top: 20}); err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		if got := read(t, path)[success]; got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

func FuzzOlderFile(f *testing.F) {
	f.Add([]byte("# TYPE keyprof_last_success_timestamp_seconds gauge\nkeyprof_last_success_timestamp_seconds{deployment=\"shop\"} 1.7e9\n"))
	f.Add([]byte("# TYPE a histogram\na_bucket{le=\"+Inf\"} 1\n# HELP a b\n"))
	p := whole()
	p.Complete = false
	path := filepath.Join(f.TempDir(), "keyprof.prom")
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		if v := lastSuccess(path, p); v != nil && !(*v > 0 && *v <= timestamp(p.Ended)) {
			t.Errorf("%v", *v)
		}
	})
}
