package history

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/klauspost/compress/zstd"
	"pgregory.net/rapid"

	"keyprof/sampler/profile"
)

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
	w.writeHolder("1\n")
	if got, err := os.ReadFile(filepath.Join(dir, "other")); err != nil || string(got) != "text" {
		t.Errorf("the target holds %q, %v", got, err)
	}
}

// A run removes the temporary files of a killed run of the same label, and nothing
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

// pruned saves one more profile, prunes, and returns which of the nights stay, as
// letters.
func pruned(t testing.TB, nights string, tonight *profile.Profile, keep int) string {
	t.Helper()
	dir := t.TempDir()
	paths := putNights(t, dir, "prod", nights)
	w := locked(t, dir, "prod")
	saved, err := w.Save(tonight)
	if err != nil {
		t.Fatal(err)
	}
	removed, err := w.Prune(keep)
	if err != nil {
		t.Fatal(err)
	}
	stay := ""
	for i, path := range append(paths, saved) {
		_, err := os.Lstat(path)
		if (err != nil) != slices.Contains(removed, path) {
			t.Errorf("%s: %v, of %q", path, err, removed)
		}
		switch {
		case err != nil:
			stay += "-"
		case i == len(nights):
			stay += "+"
		default:
			stay += nights[i : i+1]
		}
	}
	return stay
}

func TestPrune(t *testing.T) {
	later := night.AddDate(1, 0, 0)
	for _, tt := range []struct {
		nights   string
		complete bool // tonight's
		keep     int
		want     string
	}{
		{"", true, 2, "+"},
		{"c", true, 2, "c+"},
		{"cc", true, 2, "-c+"},
		{"cccc", true, 3, "--cc+"},
		{"cccc", true, 90, "cccc+"},
		{"cccc", true, 0, "---c+"}, // as MinKeep

		// Incomplete ones do not count, and go with those that they lie between.
		{"cciii", true, 2, "-ciii+"},
		{"icicic", true, 2, "-----c+"},
		{"icicic", true, 3, "---cic+"},
		{"iii", true, 2, "iii+"},

		// After a night that failed all stay.
		{"cccc", false, 2, "cccc+"},
		{"iiii", false, 2, "iiii+"},
	} {
		if got := pruned(t, tt.nights, made("prod", later, tt.complete), tt.keep); got != tt.want {
			t.Errorf("%s, complete %v, keep %d: %s, want %s", tt.nights, tt.complete, tt.keep, got, tt.want)
		}
	}
	if got := pruned(t, "ccc", made("prod", night.AddDate(-1, 0, 0), true), 2); got != "ccc+" {
		t.Errorf("with a clock that was set back: %s", got)
	}
	// Between the second night and the third, which is dated in the future.
	if got := pruned(t, "cccc", made("prod", night.AddDate(0, 0, 2).Add(-time.Hour), true), 2); got != "-ccc+" {
		t.Errorf("with profiles of the future: %s", got)
	}
}

// A profile whose end is missing does not cost another that can be read.
func TestPruneKeepsWhatCanBeRead(t *testing.T) {
	dir := t.TempDir()
	nights := putNights(t, dir, "prod", "ccc")
	cut(t, nights[2], 9)
	w := locked(t, dir, "prod")
	if _, err := w.Save(made("prod", night.AddDate(1, 0, 0), true)); err != nil {
		t.Fatal(err)
	}
	if head, err := w.h.header(nights[2]); err != nil || !head.Complete {
		t.Fatalf("the damage is in the header: %+v, %v", head, err)
	}
	removed, err := w.Prune(2)
	if err != nil || !slices.Equal(removed, nights[:1]) {
		t.Errorf("removed %q, %v; want %q", removed, err, nights[:1])
	}
}

// cut takes the last bytes off what is compressed in a file.
func cut(t testing.TB, path string, n int) {
	t.Helper()
	encoder, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer encoder.Close()
	p, err := profile.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	if err := profile.Write(&text, p, profile.Plain); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, encoder.EncodeAll(text.Bytes()[:text.Len()-n], nil), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestPruneBeforeSave(t *testing.T) {
	dir := t.TempDir()
	putNights(t, dir, "prod", "cccc")
	if removed, err := locked(t, dir, "prod").Prune(2); removed != nil || err != nil {
		t.Errorf("%q, %v", removed, err)
	}
}

// foreigners lists files that may lie in a directory beside the profiles of a label.
var foreigners = []struct {
	name string
	put  func(t testing.TB, dir string, n int) error
}{
	{"another label's", func(t testing.TB, dir string, n int) error {
		for _, label := range []string{"prod-eu", "pro", "Prod2", "prod-2020-01-01T00-00-00Z", "x-prod"} {
			began := old(n)
			put(t, dir, fileName(label, began), made(label, began, true))
		}
		return nil
	}},
	{"a renamed copy", func(t testing.TB, dir string, n int) error {
		put(t, dir, fileName("prod", old(n)), made("prod", old(n).Add(time.Second), true))
		put(t, dir, fmt.Sprintf("copy%d of prod-2020-01-01T00-00-00Z.json.zst", n), made("prod", old(n), true))
		return nil
	}},
	{"another's profile by that name", func(t testing.TB, dir string, n int) error {
		put(t, dir, fileName("prod", old(n)), made("dev", old(n), true))
		return nil
	}},
	{"no profile by that name", func(t testing.TB, dir string, n int) error {
		return os.WriteFile(filepath.Join(dir, fileName("prod", old(n))), []byte(`{"name":"a package"}`), 0o600)
	}},
	{"a directory by that name", func(t testing.TB, dir string, n int) error {
		return os.MkdirAll(filepath.Join(dir, fileName("prod", old(n)), "sub"), 0o700)
	}},
	{"a link by that name", func(t testing.TB, dir string, n int) error {
		if runtime.GOOS == "windows" {
			return nil // links need rights there
		}
		target := put(t, t.TempDir(), "target.json.zst", made("prod", old(n), true))
		return os.Symlink(target, filepath.Join(dir, fileName("prod", old(n))))
	}},
	{"another suffix", func(t testing.TB, dir string, n int) error {
		put(t, dir, strings.TrimSuffix(fileName("prod", old(n)), suffix)+".json", made("prod", old(n), true))
		return nil
	}},
	{"hidden", func(t testing.TB, dir string, n int) error {
		return os.WriteFile(filepath.Join(dir, fmt.Sprintf(".keyprof-%d.tmp", n)), nil, 0o600)
	}},
}

// old is before all nights, and another time for each n.
func old(n int) time.Time { return night.AddDate(-1, 0, n) }

// Whatever lies there, Prune deletes the oldest profiles of its label alone.
func TestPruneLeavesOthers(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		dir := t.TempDir()
		nights := rapid.StringMatching(`[ci]{0,8}`).Draw(rt, "nights")
		ours := putNights(t, dir, "prod", nights)
		for n, i := range rapid.SliceOfN(rapid.IntRange(0, len(foreigners)-1), 0, 6).Draw(rt, "foreign") {
			if err := foreigners[i].put(t, dir, n); err != nil {
				rt.Fatal(err)
			}
		}
		before := visible(t, dir)
		w, err := create(t, dir, "prod").Lock()
		if err != nil {
			rt.Fatal(err)
		}
		defer w.Close()
		saved, err := w.Save(made("prod", night.AddDate(1, 0, 0), true))
		if err != nil {
			rt.Fatal(err)
		}
		keep := rapid.IntRange(MinKeep, 6).Draw(rt, "keep")
		removed, err := w.Prune(keep)
		if err != nil {
			rt.Fatal(err)
		}
		for _, path := range removed {
			if !slices.Contains(ours, path) {
				rt.Errorf("removed %s", path)
			}
		}
		for i, path := range ours {
			newer := strings.Count(nights[i+1:], "c") + 1 // with tonight's
			if surplus := newer >= keep; surplus != slices.Contains(removed, path) {
				rt.Errorf("night %d: surplus %v, removed %q", i, surplus, removed)
			}
		}
		after := append(visible(t, dir), baseNames(removed)...)
		slices.Sort(after)
		want := append(before, filepath.Base(saved))
		slices.Sort(want)
		if !slices.Equal(after, want) {
			rt.Errorf("%q\n%q", after, want)
		}
	})
}

func baseNames(paths []string) (names []string) {
	for _, path := range paths {
		names = append(names, filepath.Base(path))
	}
	return names
}
