package command

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"keyprof/report/unit"
)

// openNames opens a list of names.
func openNames(path string) (io.ReadCloser, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, &hintedError{
			error: fmt.Errorf("reading %s: %w", path, withoutPath(err)),
			hint:  "give a file that holds one key name a line, or - for standard input",
		}
	}
	if info, err := f.Stat(); err == nil && info.IsDir() {
		f.Close()
		return nil, &hintedError{
			error: fmt.Errorf("%s is a directory", path),
			hint:  "give a file that holds one key name a line, or - for standard input",
		}
	}
	return f, nil
}

// maxNameBytes is the longest name that is read.
const maxNameBytes = 1 << 20

// nameReader reads names that end in a separator.
type nameReader struct {
	scanner *bufio.Scanner
	lines   bool // separated by new lines
	names   int64
	// What may show that the list is not what it was taken for.
	firstNUL int64 // number of the first name with a NUL byte; 0: none has
	utf16    bool  // the first name begins as such a file does
	broken   bool  // the first name has new lines in it
}

func newNameReader(r io.Reader, separator byte) *nameReader {
	s := bufio.NewScanner(r)
	s.Buffer(nil, maxNameBytes)
	s.Split(func(data []byte, atEOF bool) (int, []byte, error) {
		if i := bytes.IndexByte(data, separator); i >= 0 {
			return i + 1, data[:i], nil
		}
		if atEOF && len(data) > 0 {
			return len(data), data, nil
		}
		return 0, nil, nil
	})
	return &nameReader{scanner: s, lines: separator == '\n'}
}

// all yields each name once.
func (r *nameReader) all(yield func(string) bool) {
	for r.scanner.Scan() {
		r.names++
		name := r.scanner.Text()
		if r.lines {
			name = r.asTyped(name)
		}
		r.watch(name)
		if !yield(name) {
			return
		}
	}
}

// asTyped is a line without what Windows adds at its end, and its editors at the
// beginning of a file.
func (r *nameReader) asTyped(line string) string {
	if r.names == 1 {
		line = strings.TrimPrefix(line, "\ufeff")
	}
	return strings.TrimSuffix(line, "\r")
}

func (r *nameReader) watch(name string) {
	if r.names == 1 {
		r.utf16 = strings.HasPrefix(name, "\xff\xfe") || strings.HasPrefix(name, "\xfe\xff")
		r.broken = strings.Contains(name, "\n")
	}
	if r.firstNUL == 0 && strings.Contains(name, "\x00") {
		r.firstNUL = r.names
	}
}

// doubt is why the list may be of another kind than it was read as; empty: it
// seems to be of that kind.
func (r *nameReader) doubt() string {
	switch {
	case r.lines && r.firstNUL > 0 && r.utf16:
		return "the list seems to be UTF-16, as PowerShell writes it: convert it to UTF-8"
	case r.lines && r.firstNUL > 0:
		return fmt.Sprintf("name %d has a NUL byte in it: if names end in one, and not in a new line, give -0", r.firstNUL)
	case !r.lines && r.names == 1 && r.broken:
		return "there is only one name, and it has new lines in it: if there is one name a line, leave out -0"
	}
	return ""
}

func (r *nameReader) err() error {
	err := r.scanner.Err()
	if !errors.Is(err, bufio.ErrTooLong) {
		return err
	}
	hint := "is this a list of key names, one a line? Names that end in a NUL byte need -0"
	if !r.lines {
		hint = "is this a list of key names that end in a NUL byte? Those that end in a new line need no -0"
	}
	return &hintedError{error: fmt.Errorf("name %d is longer than %s", r.names+1, unit.FormatBytes(maxNameBytes)), hint: hint}
}
