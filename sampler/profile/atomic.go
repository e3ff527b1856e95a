package profile

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
)

// writeAtomic makes the file at path hold what write writes, or leaves it as it
// was. The temporary file is in the same directory, since a rename cannot cross
// file systems, and reaches the disk before the rename, since a crash could
// otherwise leave an empty file under the new name. A symbolic link at path is
// replaced, not followed.
func writeAtomic(path string, write func(io.Writer) error) error {
	f, err := createBeside(path)
	if err != nil {
		return err
	}
	defer unfinished.Delete(f.Name())
	err = writeClosing(f, write)
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name()) // the first error is the one to tell
		return AboutFile(path, err)
	}
	return AboutFile(path, syncDir(filepath.Dir(path)))
}

// createBeside creates the temporary file for path, with mode 0600.
func createBeside(path string) (*os.File, error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return nil, AboutFile(path, errors.New("is a directory"))
	}
	f, err := os.CreateTemp(filepath.Dir(path), temporaryPattern(filepath.Base(path)))
	if err != nil {
		return nil, AboutFile(path, err)
	}
	unfinished.Store(f.Name(), true)
	return f, nil
}

const (
	temporaryPrefix = ".keyprof-"
	temporarySuffix = ".tmp"
	maxDigits       = 10 // of the number that os.CreateTemp puts into a name
	maxFileName     = 255
)

// temporaryPattern is that of the temporary file for a name: it holds the name, if
// there is room for it.
func temporaryPattern(name string) string {
	if len(temporaryPrefix)+len(name)+len("-")+maxDigits+len(temporarySuffix) > maxFileName || strings.Contains(name, "*") {
		return temporaryPrefix + "*" + temporarySuffix
	}
	return temporaryPrefix + name + "-*" + temporarySuffix
}

// TemporaryFor is the name of the file for which WriteFile made a temporary file that
// is called so; empty where the name is not one that it gives.
func TemporaryFor(temporary string) string {
	rest, ours := strings.CutPrefix(temporary, temporaryPrefix)
	rest, ends := strings.CutSuffix(rest, temporarySuffix)
	at := strings.LastIndexByte(rest, '-')
	if !ours || !ends || at < 0 || at+1 == len(rest) || strings.Trim(rest[at+1:], "0123456789") != "" {
		return ""
	}
	return rest[:at]
}

// unfinished are the names of temporary files.
var unfinished sync.Map

// RemoveUnfinished removes what files were being written, for a program that ends
// in the middle of it.
func RemoveUnfinished() {
	unfinished.Range(func(name, _ any) bool {
		_ = os.Remove(name.(string)) // there is nobody left to tell
		return true
	})
}

// writeClosing writes f to the disk and closes it, in every case.
func writeClosing(f *os.File, write func(io.Writer) error) error {
	err := write(f)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}

// syncDir makes a rename in dir last through a crash, where the system has such
// a thing: Windows has not, nor have some network file systems, and a directory
// may be writable without being readable.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return nil
	}
	defer d.Close()
	err = d.Sync()
	if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, syscall.EINVAL) {
		return nil
	}
	return err
}

// AboutFile is err as one about path, in the place of the temporary file of which
// the reader knows nothing; nil for nil.
func AboutFile(path string, err error) error {
	var pathError *fs.PathError
	var linkError *os.LinkError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &pathError):
		err = pathError.Err
	case errors.As(err, &linkError):
		err = linkError.Err
	}
	return &fs.PathError{Op: "write", Path: path, Err: err}
}
