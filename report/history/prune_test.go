package history

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"pgregory.net/rapid"

	"keyprof/sampler/profile"
)

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

// foreigners are what may lie in a directory beside the profiles of a label.
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
