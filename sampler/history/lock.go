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

// ErrLocked says that another process is making a profile of the label.
var ErrLocked = errors.New("another run is making a profile of this label")

// Writer is a history that nobody else writes to until Close.
type Writer struct {
	h    *History
	lock *flock.Flock
	last Saved // what Save wrote last
}

// Lock makes sure that one process writes to the history at a time, and that it can:
// what hinders it should show before the walk. The system ends the lock with the
// process, however that ends, so the file of the lock stays and means nothing by
// itself. (To remove it would allow two locks: one on the file that is removed,
// one on the next.) A held lock gives an error that wraps ErrLocked and tells who
// holds it, where that is known.
//
// Lock waits for the next second, if there is a profile of this one: files are
// called after the second.
func (h *History) Lock() (*Writer, error) {
	path := h.lockPath()
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no file for a lock", path) // a pipe would hold us up, a link lead elsewhere
	}
	w := &Writer{h: h, lock: flock.New(path)}
	got, err := w.lock.TryLock()
	switch {
	case err != nil:
		return nil, fmt.Errorf("locking: %w", err)
	case !got:
		return nil, fmt.Errorf("%w%s", ErrLocked, h.holder())
	}
	w.sign(strconv.Itoa(os.Getpid()) + "\n")
	if err := errors.Join(profile.CheckWritable(h.path(time.Now())), h.awaitFreeSecond()); err != nil {
		return nil, errors.Join(err, w.Close())
	}
	return w, nil
}

// Close ends the lock.
func (w *Writer) Close() error {
	w.sign("")
	return w.lock.Close()
}

func (h *History) lockPath() string { return filepath.Join(h.dir, h.lockName()) }

// lockName cannot be another label's, nor that of a profile: no label begins
// with a dot.
func (h *History) lockName() string { return "." + h.label + ".lock" }

// sign writes who holds the lock into its file. It is for people: where it cannot
// be written (Windows protects locked files, a disk may be full) nobody is named.
func (w *Writer) sign(text string) {
	root, err := os.OpenRoot(w.h.dir) // no link leads out of it
	if err != nil {
		return
	}
	defer root.Close()
	_ = root.WriteFile(w.h.lockName(), []byte(text), 0o600)
}

// holder continues ErrLocked.
func (h *History) holder() string {
	f, err := os.Open(h.lockPath())
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

// awaitFreeSecond returns in a second after which no profile is called.
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
