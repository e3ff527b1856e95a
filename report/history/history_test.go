package history

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

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

func TestLock(t *testing.T) {
	dir := t.TempDir()
	first := locked(t, dir, "prod")
	_, err := create(t, dir, "prod").Lock()
	if !errors.Is(err, ErrLocked) {
		t.Fatalf("locked twice: %v", err)
	}
	if runtime.GOOS != "windows" && !strings.Contains(err.Error(), "(process "+strconv.Itoa(os.Getpid())+")") {
		t.Errorf("the holder is not named: %v", err)
	}
	locked(t, dir, "prod-eu")
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	locked(t, dir, "prod")
}

// A lock is held by a process, and not by what stands in a file.
func TestLockFileOfOthers(t *testing.T) {
	for _, text := range []string{"", "1\n", "4194305\n", "no number", strings.Repeat("9", 100), "-5"} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, ".prod.lock"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		w := locked(t, dir, "prod")
		if runtime.GOOS == "windows" {
			continue
		}
		if got, err := os.ReadFile(w.h.lockPath()); err != nil || string(got) != strconv.Itoa(os.Getpid())+"\n" {
			t.Errorf("%q has become %q, %v", text, got, err)
		}
	}
}

// Nothing is written through a link, and nothing waits for a directory.
func TestLockIsNoFile(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("links need rights there")
	}
	dir := t.TempDir()
	victim := filepath.Join(t.TempDir(), "victim")
	if err := errors.Join(os.WriteFile(victim, []byte("text"), 0o600), os.Symlink(victim, filepath.Join(dir, ".prod.lock"))); err != nil {
		t.Fatal(err)
	}
	if _, err := create(t, dir, "prod").Lock(); err == nil {
		t.Error("locked a link")
	}
	if got, _ := os.ReadFile(victim); string(got) != "text" {
		t.Errorf("the link's target holds %q", got)
	}
	if err := os.Mkdir(filepath.Join(dir, ".other.lock"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := create(t, dir, "other").Lock(); err == nil {
		t.Error("locked a directory")
	}
}

func TestLockWithoutPermission(t *testing.T) {
	if runtime.GOOS == "windows" || os.Getuid() == 0 {
		t.Skip("directories are writable to everybody here")
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	if _, err := create(t, dir, "prod").Lock(); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("%v", err)
	}
}

// Two runs within a second give two files.
func TestLockWaitsForTheNextSecond(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(300 * time.Millisecond)
		for i := range 3 {
			began := time.Now()
			w, err := create(t, dir, "prod").Lock()
			if err != nil {
				t.Fatal(err)
			}
			if waited := time.Since(began); (waited > 0) != (i > 0) || waited > time.Second {
				t.Errorf("run %d waited for %v", i, waited)
			}
			if _, err := w.Save(made("prod", time.Now().UTC(), true)); err != nil {
				t.Fatal(err)
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
		}
	})
	if names := visible(t, dir); len(names) != 3 {
		t.Errorf("%d files", len(names))
	}
}

func TestSave(t *testing.T) {
	dir := t.TempDir()
	w := locked(t, dir, "prod")
	path, err := w.Save(made("prod", night, true))
	if want := filepath.Join(dir, "prod-2026-11-21T03-00-00Z.json.zst"); err != nil || path != want {
		t.Fatalf("%s, %v; want %s", path, err, want)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Save(made("prod", night.Add(time.Millisecond), false)); !errors.Is(err, fs.ErrExist) {
		t.Errorf("saved over another: %v", err)
	}
	if after, err := os.ReadFile(path); err != nil || string(after) != string(before) {
		t.Errorf("the earlier profile was changed, %v", err)
	}
	if _, err := w.Save(made("prod-eu", night.AddDate(0, 0, 1), true)); err == nil {
		t.Error("saved under another label")
	}
	invalid := made("prod", night.AddDate(0, 0, 1), true)
	invalid.Schema = 0
	if _, err := w.Save(invalid); err == nil {
		t.Error("saved what is not valid")
	}
	if names := visible(t, dir); len(names) != 1 {
		t.Errorf("%q", names)
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
		newest, passed, err := create(t, dir, "prod").Newest(n, night.AddDate(0, 0, 5))
		var got []string
		for _, s := range newest {
			got = append(got, s.Path)
			if s.Profile.Label != "prod" || !s.Profile.Complete {
				t.Errorf("%s: %+v", s.Path, s.Profile)
			}
		}
		if !reflect.DeepEqual(got, want) || passed != nil || err != nil {
			t.Errorf("%d: %q, %v, %v; want %q", n, got, passed, err, want)
		}
	}
}

// What cannot be read is passed over and told, as far as it was looked at.
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
	newest, passed, err := create(t, dir, "prod").Newest(2, later.Add(time.Second))
	if err != nil || len(newest) != 2 || newest[0].Path != nights[2] || newest[1].Path != nights[1] {
		t.Fatalf("%v, %v", newest, err)
	}
	for i, path := range []string{lent, copied, nights[5], nights[4], nights[3]} {
		if i >= len(passed) || !strings.HasPrefix(passed[i].Error(), path+": ") {
			t.Fatalf("%d: %v, want one about %s", i, passed, path)
		}
	}
	if len(passed) != 5 || !errors.Is(passed[0], errOther) || !errors.Is(passed[4], profile.ErrTruncated) {
		t.Errorf("%v", passed)
	}
}

// One profile of the future does not hide all that come after it.
func TestNewestPassesOverTheFuture(t *testing.T) {
	dir := t.TempDir()
	nights := putNights(t, dir, "prod", "cccc")
	newest, passed, err := create(t, dir, "prod").Newest(2, night.AddDate(0, 0, 2).Add(400*time.Millisecond))
	if err != nil || len(newest) != 2 || newest[0].Path != nights[2] || newest[1].Path != nights[1] {
		t.Errorf("%v, %v", newest, err)
	}
	if len(passed) != 1 || !errors.Is(passed[0], errFuture) || !strings.HasPrefix(passed[0].Error(), nights[3]+": ") {
		t.Errorf("%v", passed)
	}
}

// The file of a lock may have another name, as backups by hard links give it: what
// stands under that stays, and the lock holds all the same.
func TestLockFileWithATwin(t *testing.T) {
	dir := t.TempDir()
	twin := filepath.Join(t.TempDir(), "twin")
	path := filepath.Join(dir, ".prod.lock")
	if err := errors.Join(os.WriteFile(twin, []byte("4194305\n"), 0o600), os.Link(twin, path)); err != nil {
		t.Skip(err)
	}
	w := locked(t, dir, "prod")
	if _, err := create(t, dir, "prod").Lock(); !errors.Is(err, ErrLocked) || strings.Contains(err.Error(), "process") {
		t.Errorf("locked twice: %v", err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(twin); err != nil || string(got) != "4194305\n" {
		t.Errorf("the twin holds %q, %v", got, err)
	}
	// A link that comes in between leads nowhere, not even within the directory.
	if err := errors.Join(os.Remove(path), os.WriteFile(filepath.Join(dir, "other"), []byte("text"), 0o600), os.Symlink("other", path)); err != nil {
		t.Fatal(err)
	}
	w.sign("1\n")
	if got, err := os.ReadFile(filepath.Join(dir, "other")); err != nil || string(got) != "text" {
		t.Errorf("the target holds %q, %v", got, err)
	}
}

// What a killed run was writing is removed by the next one of its label, and nothing
// else.
func TestLockRemovesTemporaryFiles(t *testing.T) {
	dir := t.TempDir()
	ours := fileName("prod", night)
	long := strings.Repeat("l", MaxLabelBytes)
	var others []string
	for _, name := range []string{
		".keyprof-" + fileName("prod-eu", night) + "-123.tmp", ".keyprof-123.tmp", ".keyprof-prod-123.tmp", ".keyprof-" + ours + ".tmp",
		".keyprof-" + ours + "-.tmp", ".keyprof-" + ours + "-1x.tmp", ".keyprof-" + ours + "-123", ours, ".keyprof-" + ours + "-123.tmp.bak",
		".other.lock", "keyprof-" + ours + "-123.tmp",
	} {
		others = append(others, filepath.Join(dir, name))
	}
	killed := []string{
		filepath.Join(dir, ".keyprof-"+ours+"-123.tmp"),
		filepath.Join(dir, ".keyprof-"+fileName("prod", night.AddDate(1, 0, 0))+"-4294967295.tmp"),
		filepath.Join(dir, ".keyprof-"+fileName(long, night)+"-4294967295.tmp"),
	}
	for _, path := range append(others, killed...) {
		if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, ".keyprof-"+ours+"-7.tmp"), 0o700); err != nil {
		t.Fatal(err)
	}
	locked(t, dir, "prod")
	locked(t, dir, long)
	for _, path := range append(others, filepath.Join(dir, ".keyprof-"+ours+"-7.tmp")) {
		if _, err := os.Lstat(path); err != nil {
			t.Error(err)
		}
	}
	for _, path := range killed {
		if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", path, err)
		}
	}
}
