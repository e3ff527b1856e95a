package history

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"keyprof/sampler/profile"
)

// History is the profiles of one label in a directory.
type History struct{ dir, label string }

// ErrNoProfiles says that a directory holds no profile of any label.
var ErrNoProfiles = errors.New("no profiles found")

// LabelsError says that a label must be chosen.
type LabelsError struct {
	Dir    string
	Labels []string // at least two, sorted
}

func (e *LabelsError) Error() string {
	return fmt.Sprintf("%s holds profiles of %d labels: %s", e.Dir, len(e.Labels), strings.Join(e.Labels, ", "))
}

// Open opens the history of a label in a directory that exists. It need not hold
// any profile yet. An empty label stands for the only one that there is: when
// there are several the error is a *LabelsError, and it wraps ErrNoProfiles when
// there is none.
func Open(dir, label string) (*History, error) {
	labels, err := Labels(dir)
	if err != nil {
		return nil, err
	}
	switch {
	case label != "":
		return &History{dir, label}, labelError(label)
	case len(labels) == 0:
		return nil, fmt.Errorf("%s: %w", dir, ErrNoProfiles)
	case len(labels) > 1:
		return nil, &LabelsError{dir, labels}
	}
	return &History{dir, labels[0]}, nil
}

// Create returns Open for a run that writes. It makes the directory, with mode 0700,
// if nothing but the last part of its path is missing: what lacks more is likely
// mistyped, or on a disk that is not mounted.
func Create(dir, label string) (*History, error) {
	if err := labelError(label); err != nil {
		return nil, err
	}
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		if err := os.Mkdir(dir, 0o700); err != nil {
			return nil, err
		}
	}
	return Open(dir, label)
}

func labelError(label string) error {
	if err := CheckLabel(label); err != nil {
		return fmt.Errorf("label %q: it %w", label, err)
	}
	return nil
}

// Labels returns those of which a directory holds files, by their names, sorted.
func Labels(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var labels []string
	for _, e := range entries {
		if label, _, ok := parseName(e.Name()); ok && e.Type().IsRegular() {
			labels = append(labels, label)
		}
	}
	slices.Sort(labels)
	return slices.Compact(labels), nil
}

// path returns that of the profile whose walk began then.
func (h *History) path(began time.Time) string {
	return filepath.Join(h.dir, fileName(h.label, began))
}

// files returns the paths of the regular files that are called as profiles of the
// label are, newest first.
func (h *History) files() ([]string, error) {
	entries, err := os.ReadDir(h.dir)
	if err != nil {
		return nil, err
	}
	var paths []string
	for _, e := range entries {
		if label, _, ok := parseName(e.Name()); ok && label == h.label && e.Type().IsRegular() {
			paths = append(paths, filepath.Join(h.dir, e.Name()))
		}
	}
	slices.Sort(paths) // they differ in the time alone
	slices.Reverse(paths)
	return paths, nil
}

// isAfter reports whether the profile that a file is called after began after a time.
func isAfter(path string, until time.Time) bool {
	_, began, ok := parseName(filepath.Base(path))
	return ok && began.After(until)
}

// errWrongName says that a file does not hold what its name promises.
var errWrongName = errors.New("the file holds another profile than its name says")

// header reads that of a profile, if the file at path is one of the label, and
// was made when its name says.
func (h *History) header(path string) (profile.Header, error) {
	head, err := read(path, profile.ReadHeader)
	if err == nil && (head.Label != h.label || h.path(head.Began) != path) {
		err = fmt.Errorf("%s: %w", path, errWrongName)
	}
	return head, err
}

// read returns what from reads in the file at path, which errors name.
func read[T any](path string, from func(io.Reader) (T, error)) (T, error) {
	f, err := os.Open(path)
	if err != nil {
		return *new(T), err
	}
	defer f.Close()
	content, err := from(f)
	if err != nil {
		err = fmt.Errorf("%s: %w", path, err)
	}
	return content, err
}

// Saved is a profile in its file.
type Saved struct {
	Path    string
	Profile *profile.Profile
}

// errFuture says that a profile began later than it can have.
var errFuture = errors.New("the profile is dated in the future, as if a clock was wrong: move the file away")

// Newest reads the newest complete profiles of the label that began until then,
// newest first: n of them, or as many as there are. Files that are called like a
// profile and cannot be read as one are skipped, and so are those that began
// later, with errFuture: nothing else would be new as long as they stay. skipped says
// why, an error each.
func (h *History) Newest(n int, until time.Time) (newest []Saved, skipped []error, err error) {
	paths, err := h.files()
	if err != nil {
		return nil, nil, err
	}
	for _, path := range paths {
		if len(newest) >= n {
			break
		}
		head, err := h.header(path)
		if err != nil {
			skipped = append(skipped, err)
			continue
		}
		if !head.Complete {
			continue
		}
		if isAfter(path, until) {
			skipped = append(skipped, fmt.Errorf("%s: %w", path, errFuture))
			continue
		}
		p, err := read(path, profile.Read)
		if err != nil {
			skipped = append(skipped, err)
			continue
		}
		newest = append(newest, Saved{path, p})
	}
	return newest, skipped, nil
}

// MaxLabelBytes is the longest label, in bytes. File systems take names of 255.
const MaxLabelBytes = 200

var labelSyntax = regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9._-]*$`)

// CheckLabel returns what makes a label unfit for being part of a file's name.
func CheckLabel(label string) error {
	switch {
	case !labelSyntax.MatchString(label):
		return errors.New("may hold letters, digits, ., _ and -, and must not begin with a dot")
	case len(label) > MaxLabelBytes:
		return fmt.Errorf("may have at most %d characters", MaxLabelBytes)
	}
	return nil
}

var forbidden = regexp.MustCompile(`[^A-Za-z0-9._-]`)

// LabelFor returns the label of a server of which only the address is known: host:port,
// or the path of a socket. What a label may not hold becomes -. Two addresses that
// differ in nothing else get the same. It may be no label at all: see CheckLabel.
func LabelFor(address string) string {
	return strings.TrimLeft(forbidden.ReplaceAllLiteralString(strings.ToLower(address), "-"), ".-")
}

const (
	stampLayout = "2006-01-02T15-04-05Z" // colons have no place in names on Windows
	suffix      = ".json.zst"
)

// fileName returns the name of the profile whose walk began then.
func fileName(label string, began time.Time) string {
	return label + "-" + began.UTC().Format(stampLayout) + suffix
}

// parseName undoes fileName; not ok: the name is another's. The time is to the
// second. Since its text has a fixed length, no label can be taken for another,
// whatever it ends in.
func parseName(name string) (label string, began time.Time, ok bool) {
	stem, _ := strings.CutSuffix(name, suffix)
	cut := len(stem) - len("-") - len(stampLayout)
	if cut < 0 {
		return "", time.Time{}, false
	}
	began, err := time.Parse("-"+stampLayout, stem[cut:])
	label = stem[:cut]
	// time.Parse takes a little more than Format gives.
	if err != nil || CheckLabel(label) != nil || fileName(label, began) != name {
		return "", time.Time{}, false
	}
	return label, began, true
}
