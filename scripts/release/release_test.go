package main

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
)

// program makes a folder as build does, in a working directory of its own with
// the documents in it.
func program(t *testing.T, name string) string {
	t.Helper()
	t.Chdir(t.TempDir())
	path := filepath.Join("dist", "keyprof_v1_x_y", name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, file := range append([]string{"keyprof.1", "_keyprof", path}, documents...) {
		if err := os.WriteFile(file, []byte("content of "+name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

func TestPackTar(t *testing.T) {
	archive, err := pack(platform{"linux", "amd64"}, program(t, "keyprof"), []string{"keyprof.1"})
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(archive)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	compressed, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	modes := map[string]int64{}
	for r := tar.NewReader(compressed); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		modes[h.Name] = h.Mode
	}
	if len(modes) != 4 || modes["keyprof_v1_x_y/keyprof.1"] != 0o644 || modes["keyprof_v1_x_y/keyprof"] != 0o755 || modes["keyprof_v1_x_y/LICENSE"] != 0o644 {
		t.Errorf("entries: %v", modes)
	}
}

func TestPackZip(t *testing.T) {
	archive, err := pack(platform{"windows", "amd64"}, program(t, "keyprof.exe"), []string{"_keyprof"})
	if err != nil {
		t.Fatal(err)
	}
	r, err := zip.OpenReader(archive)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	var names []string
	for _, f := range r.File {
		names = append(names, f.Name)
	}
	want := []string{"keyprof_v1_x_y/keyprof.exe", "keyprof_v1_x_y/_keyprof", "keyprof_v1_x_y/LICENSE", "keyprof_v1_x_y/README.md"}
	if !slices.Equal(names, want) {
		t.Errorf("entries: %v", names)
	}
}

func TestArchivesAreReproducible(t *testing.T) {
	var sums []string
	for range 2 {
		archive, err := pack(platform{"linux", "arm64"}, program(t, "keyprof"), []string{"keyprof.1"})
		if err != nil {
			t.Fatal(err)
		}
		if err := writeSums("SHA256SUMS", []string{archive}); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile("SHA256SUMS")
		if err != nil {
			t.Fatal(err)
		}
		sums = append(sums, string(data))
	}
	if sums[0] != sums[1] || !regexp.MustCompile(`^[0-9a-f]{64}  keyprof_v1_x_y\.tar\.gz\n$`).MatchString(sums[0]) {
		t.Errorf("sums: %q", sums)
	}
}

func TestPrintExtras(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long: make soak")
	}
	t.Setenv("SOURCE_DATE_EPOCH", "1790000000")
	paths, err := printExtras(options{version: "v1.2.3", pkg: "keyprof"}, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if len(paths) != len(printed) {
		t.Errorf("files: %v", paths)
	}
	for i, want := range []string{`^\.TH KEYPROF 1 2026-09-21 "keyprof v1\.2\.3"`, `^# bash`, `^#compdef keyprof`, `^# fish`} {
		text, err := os.ReadFile(paths[i])
		if err != nil || !regexp.MustCompile(want).Match(text) {
			t.Errorf("%s: %v, %.80q", paths[i], err, text)
		}
	}
}
