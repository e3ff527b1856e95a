package prom

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

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

// What cannot be written leaves the older file as it was.
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
