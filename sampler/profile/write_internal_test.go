package profile

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// some writes n bytes.
func some(n int) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := w.Write(make([]byte, n))
		return err
	}
}

var errFull = errors.New("disk full")

// fails writes a part, and then fails.
func fails(w io.Writer) error {
	_, _ = w.Write([]byte("part"))
	return errFull
}

// onlyFile fails unless dir holds name alone, with that many bytes; no name
// stands for an empty directory.
func onlyFile(t *testing.T, dir, name string, size int) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() != name {
			t.Errorf("%s is left", e.Name())
		}
	}
	if name == "" {
		return
	}
	if b, err := os.ReadFile(filepath.Join(dir, name)); err != nil || len(b) != size {
		t.Errorf("%s: %d bytes, %v; want %d", name, len(b), err, size)
	}
}

func TestAtomicReplaces(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a")
	for _, size := range []int{5, 3, 0} {
		if err := writeAtomic(path, some(size)); err != nil {
			t.Fatal(err)
		}
		onlyFile(t, dir, "a", size)
	}
}

func TestAtomicFailedWrite(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a")
	if err := writeAtomic(path, fails); !errors.Is(err, errFull) {
		t.Errorf("error %v", err)
	}
	onlyFile(t, dir, "", 0)
	if err := writeAtomic(path, some(5)); err != nil {
		t.Fatal(err)
	}
	if err := writeAtomic(path, fails); !errors.Is(err, errFull) {
		t.Errorf("error %v", err)
	}
	onlyFile(t, dir, "a", 5)
}

func TestAtomicFailedRename(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a")
	// A directory comes to be there only while the file is written.
	err := writeAtomic(path, func(w io.Writer) error {
		return errors.Join(some(5)(w), os.MkdirAll(filepath.Join(path, "sub"), 0o700))
	})
	if err == nil || strings.Contains(err.Error(), ".tmp") {
		t.Errorf("error %v", err)
	}
	entries, _ := os.ReadDir(dir)
	if len(entries) != 1 {
		t.Errorf("%d entries are left", len(entries))
	}
}

func TestAtomicFailedSync(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a")
	// Closing the file below writeAtomic has its Sync fail.
	err := writeAtomic(path, func(w io.Writer) error { return w.(*os.File).Close() })
	if !errors.Is(err, os.ErrClosed) {
		t.Errorf("error %v", err)
	}
	onlyFile(t, dir, "", 0)
}

func TestAtomicTargetIsDirectory(t *testing.T) {
	dir := t.TempDir()
	err := writeAtomic(dir, some(5))
	if err == nil || !strings.Contains(err.Error(), "is a directory") {
		t.Errorf("error %v", err)
	}
	onlyFile(t, dir, "", 0)
}

func TestAtomicNoDirectory(t *testing.T) {
	err := writeAtomic(filepath.Join(t.TempDir(), "none", "a"), some(5))
	if !errors.Is(err, os.ErrNotExist) || strings.Contains(err.Error(), ".tmp") {
		t.Errorf("error %v", err)
	}
}

func TestAtomicUnwritableDirectory(t *testing.T) {
	if runtime.GOOS == "windows" || os.Getuid() == 0 {
		t.Skip("directories are writable to everybody here")
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	if err := writeAtomic(filepath.Join(dir, "a"), some(5)); !errors.Is(err, os.ErrPermission) {
		t.Errorf("error %v", err)
	}
	onlyFile(t, dir, "", 0)
}

func TestAtomicUnreadableDirectory(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no such permissions")
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o300); err != nil {
		t.Fatal(err)
	}
	err := writeAtomic(filepath.Join(dir, "a"), some(5))
	_ = os.Chmod(dir, 0o700)
	if err != nil {
		t.Error(err)
	}
	onlyFile(t, dir, "a", 5)
}

// A temporary file is called after the one that it becomes, where there is room.
func TestTemporaryFor(t *testing.T) {
	dir := t.TempDir()
	for name, want := range map[string]string{
		"prod-2026-11-21T03-00-00Z.json.zst": "prod-2026-11-21T03-00-00Z.json.zst",
		strings.Repeat("l", 231):             strings.Repeat("l", 231),
		strings.Repeat("l", 232):             "",
		strings.Repeat("l", 255):             "",
		"a*b":                                "",
	} {
		err := writeAtomic(filepath.Join(dir, name), func(io.Writer) error {
			entries, err := os.ReadDir(dir)
			for _, e := range entries {
				if got := TemporaryFor(e.Name()); strings.HasSuffix(e.Name(), ".tmp") && got != want {
					t.Errorf("%s: its temporary file %s is that of %q", name, e.Name(), got)
				}
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
}
