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

// History holds the profiles of one label in a directory.
type History struct{ dir, label string }

// ErrNoProfiles reports a directory without a profile of any label.
var ErrNoProfiles = errors.New("no profiles found")

// LabelsError reports that a directory has profiles of several labels, one of which
// must be chosen.
type LabelsError struct {
	Dir    string
	Labels []string // at least two, sorted
}

func (e *LabelsError) Error() string {
	return fmt.Sprintf("%s holds profiles of %d labels: %s", e.Dir, len(e.Labels), strings.Join(e.Labels, ", "))
}

// Open opens the history of a label in an existing directory, which may be empty.
// An empty label selects the only label there is: the error is a *LabelsError if
// there are several, and wraps ErrNoProfiles if there is none.
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

// Create opens a history for writing. It makes the directory, with mode 0700, if
// only the last part of its path is missing: a path that lacks more is likely
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

// Labels returns the labels of the profiles in a directory, by the names of the
// files, sorted.
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

// path returns the path of the profile whose scan began at that time.
func (h *History) path(began time.Time) string {
	return filepath.Join(h.dir, fileName(h.label, began))
}

// files returns the paths of the regular files named as profiles of the label,
// newest first.
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

// isAfter reports whether the name of a profile says that it began after a time.
func isAfter(path string, until time.Time) bool {
	_, began, ok := parseName(filepath.Base(path))
	return ok && began.After(until)
}

// errWrongName reports a file whose content does not match its name.
var errWrongName = errors.New("the file holds another profile than its name says")

// header reads the header of the profile at path, and checks its label and time
// against the name of the file.
func (h *History) header(path string) (profile.Header, error) {
	head, err := read(path, profile.ReadHeader)
	if err == nil && (head.Label != h.label || h.path(head.Began) != path) {
		err = fmt.Errorf("%s: %w", path, errWrongName)
	}
	return head, err
}

// read applies from to the file at path, and adds the path to errors.
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

// Saved is a profile and the path of its file.
type Saved struct {
	Path    string
	Profile *profile.Profile
}

// errFuture reports a profile that began in the future.
var errFuture = errors.New("the profile is dated in the future, as if a clock was wrong: move the file away")

// Newest reads the newest complete profiles of the label that began until then,
// newest first: n of them, or as many as there are. Files that are named as a
// profile but cannot be read as one are skipped. So are those that began later,
// with errFuture: as long as they stay, nothing else would be the newest. skipped
// holds an error for each.
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

// CheckLabel returns an error if a label cannot be part of a file name.
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

// LabelFor returns the default label for a server address: host:port, or the path
// of a socket. Characters that a label may not hold become -, so two addresses may
// get the same label. The result may be invalid: see CheckLabel.
func LabelFor(address string) string {
	return strings.TrimLeft(forbidden.ReplaceAllLiteralString(strings.ToLower(address), "-"), ".-")
}

const (
	stampLayout = "2006-01-02T15-04-05Z" // colons have no place in names on Windows
	suffix      = ".json.zst"
)

// fileName returns the name of the file of the profile whose scan began at that
// time.
func fileName(label string, began time.Time) string {
	return label + "-" + began.UTC().Format(stampLayout) + suffix
}

// parseName undoes fileName; ok is false if the name is not one of a profile. The
// time is to the second. Since its text has a fixed length, the label is
// unambiguous.
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
