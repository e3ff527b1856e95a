package history

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"keyprof/sampler/profile"
)

const (
	// DefaultKeep is how many complete profiles to keep.
	DefaultKeep = 90
	// MinKeep is the fewest: two can be compared.
	MinKeep = 2
)

// Save writes p, which must have the label, whole or not at all, and returns the
// path of its file. No file is ever replaced: where there is one with this name
// the error wraps fs.ErrExist.
func (w *Writer) Save(p *profile.Profile) (string, error) {
	path := w.h.path(p.Began)
	if p.Label != w.h.label {
		return "", fmt.Errorf("profile of label %q in the history of %q", p.Label, w.h.label)
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		if err == nil {
			err = &fs.PathError{Op: "write", Path: path, Err: fs.ErrExist}
		}
		return "", err
	}
	if err := profile.WriteFile(path, p); err != nil {
		return "", err
	}
	w.last = Saved{path, p}
	return path, nil
}

// Prune deletes the complete profiles of the label beyond the newest keep, which
// are at least MinKeep, and the incomplete ones that are older than all that stay.
// It does so only if what was saved last is complete: nights that fail must not
// use up those that did not. That profile itself stays. Those that are dated after it
// stay, too, and are not among the newest: whether their clock was wrong or tonight's
// is not known. Of the newest, MinKeep are read to their end, so that as many stay
// that can be.
//
// A file is deleted only if its name and its content say that it is a profile of
// this label that began then. It returns the paths of the files that are gone, also
// with an error, which tells of those that could not be deleted.
func (w *Writer) Prune(keep int) (removed []string, err error) {
	if w.last.Profile == nil || !w.last.Profile.Complete {
		return nil, nil
	}
	surplus, err := w.surplus(max(keep, MinKeep))
	for _, path := range surplus {
		if rerr := os.Remove(path); rerr != nil {
			err = errors.Join(err, rerr)
			continue
		}
		removed = append(removed, path)
	}
	return removed, err
}

// surplus are the profiles behind the newest keep complete ones, of which the one
// that was saved last is the first.
func (w *Writer) surplus(keep int) ([]string, error) {
	paths, err := w.h.files()
	if err != nil || len(paths) <= keep {
		return nil, err
	}
	var surplus []string
	complete := 1
	for _, path := range paths {
		if path == w.last.Path || isAfter(path, w.last.Profile.Began) {
			continue
		}
		head, err := w.h.header(path)
		switch {
		case err != nil: // not ours, or not to be told
		case complete >= keep:
			surplus = append(surplus, path)
		case head.Complete && (complete >= MinKeep || isWhole(path)):
			complete++
		}
	}
	return surplus, nil
}

// isWhole reports whether a profile can be read to its end.
func isWhole(path string) bool {
	_, err := read(path, profile.Read)
	return err == nil
}
