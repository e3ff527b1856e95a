package history

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/gofrs/flock"

	"keyprof/sampler/profile"
)

// ErrLocked reports that another process is making a profile of the label.
var ErrLocked = errors.New("another run is profiling under this label")

// Writer is a history that is locked for writing until Close.
type Writer struct {
	h    *History
	lock *flock.Flock
	last Saved // what Save wrote last
}

// Lock locks the history for one writing process, and checks that it can be written
// to, so that errors show before the scan. The system releases the lock when the
// process ends, so the lock file stays and means nothing by itself. (If it were
// removed, two processes could hold a lock: one on the removed file, one on the
// next.) If another process holds the lock, the error wraps ErrLocked and names the
// process, if known.
//
// If there is a profile of this second, Lock waits for the next one: files are
// named after the second.
func (h *History) Lock() (*Writer, error) {
	path := h.lockPath()
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file, so it cannot be the lock file", path) // a pipe would hold us up, a link lead elsewhere
	}
	w := &Writer{h: h, lock: flock.New(path)}
	got, err := w.lock.TryLock()
	switch {
	case err != nil:
		return nil, fmt.Errorf("locking: %w", err)
	case !got:
		return nil, fmt.Errorf("%w%s", ErrLocked, h.holder())
	}
	w.writeHolder(strconv.Itoa(os.Getpid()) + "\n")
	h.sweep()
	if err := errors.Join(profile.CheckWritable(h.path(time.Now())), h.awaitFreeSecond()); err != nil {
		return nil, errors.Join(err, w.Close())
	}
	return w, nil
}

// sweep removes the temporary files of runs that were killed. Only the holder of
// the lock writes files of this label. Errors are ignored: what stays does no harm.
func (h *History) sweep() {
	entries, err := os.ReadDir(h.dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		label, _, ok := parseName(profile.TemporaryFor(e.Name()))
		if ok && label == h.label && e.Type().IsRegular() {
			_ = os.Remove(filepath.Join(h.dir, e.Name()))
		}
	}
}

// Close releases the lock.
func (w *Writer) Close() error {
	w.writeHolder("")
	return w.lock.Close()
}

func (h *History) lockPath() string { return filepath.Join(h.dir, h.lockName()) }

// lockName cannot be another label's, nor that of a profile: no label begins
// with a dot.
func (h *History) lockName() string { return "." + h.label + ".lock" }

// writeHolder writes the process ID of the holder to the lock file, for users. If that
// fails (Windows protects locked files, a disk may be full), no holder is named.
func (w *Writer) writeHolder(text string) {
	f, err := w.h.openLock(os.O_WRONLY)
	if err != nil {
		return
	}
	defer f.Close()
	if f.Truncate(0) == nil {
		_, _ = f.WriteString(text)
	}
}

// errHardLink reports a lock file with another hard link, as some backups make: the
// file is not ours to write to.
var errHardLink = errors.New("the file has another name")

// openLock opens the lock file to read or write its content. The file must have no
// other hard link.
func (h *History) openLock(flag int) (*os.File, error) {
	named, err := os.Lstat(h.lockPath())
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(h.dir) // no link leads out of it
	if err != nil {
		return nil, err
	}
	defer root.Close()
	f, err := root.OpenFile(h.lockName(), flag, 0)
	if err != nil {
		return nil, err
	}
	opened, err := f.Stat()
	if err == nil && (!os.SameFile(named, opened) || linkCount(opened) > 1) {
		err = errHardLink
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// holder returns the holder of the lock, to be appended to ErrLocked; empty if
// unknown.
func (h *History) holder() string {
	f, err := h.openLock(os.O_RDONLY)
	if err != nil {
		return ""
	}
	defer f.Close()
	var pid int
	if _, err := fmt.Fscanln(io.LimitReader(f, 32), &pid); err != nil || pid < 1 {
		return ""
	}
	return fmt.Sprintf(" (process %d)", pid)
}

// awaitFreeSecond returns in a second that no profile is named after.
func (h *History) awaitFreeSecond() error {
	for {
		now := time.Now()
		_, err := os.Lstat(h.path(now))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return err
		}
		time.Sleep(now.Truncate(time.Second).Add(time.Second).Sub(now))
	}
}

const (
	// DefaultKeep is the default number of complete profiles to keep.
	DefaultKeep = 90
	// MinKeep is the fewest profiles to keep: two can be compared.
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

// Prune deletes the complete profiles of the label beyond the newest keep (at least
// MinKeep), and the incomplete ones that are older than all that stay. It does so
// only if the profile saved last is complete, so that failed runs do not use up the
// good ones; that profile itself stays. Profiles dated after it stay too, and are
// not counted: a clock was wrong, then or now. The newest MinKeep profiles are read
// to their end, so that at least as many readable ones stay.
//
// A file is deleted only if its name and its content say that it is a profile of
// this label that began at that time. Prune returns the paths of the deleted files,
// also with an error, which names those that could not be deleted.
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

// surplus returns the profiles older than the newest keep complete ones, counting
// the one saved last as the first.
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
		case err != nil: // not ours, or unreadable
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
