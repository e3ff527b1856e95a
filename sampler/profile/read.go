package profile

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
	"unicode/utf8"

	"github.com/klauspost/compress/zstd"
)

// MaxDocumentBytes is the largest document that Read takes, in bytes, stored as
// well as decompressed. 4,096 namespaces with all tables full need some 50 MB.
const MaxDocumentBytes = 96 << 20

// Read reads a profile from JSON, plain or compressed by gzip or zstd, which it
// tells by the content. What it returns has passed Check. Fields that this
// version does not know are ignored: only a change that an older reader must
// not miss raises SchemaVersion. Errors wrap one of the Err values of this
// package, or are those of r.
func Read(r io.Reader) (*Profile, error) {
	data, err := readDocument(r, MaxDocumentBytes)
	if err != nil {
		return nil, err
	}
	if err := checkText(data); err != nil {
		return nil, err
	}
	return decode(data)
}

// ReadFile is Read on the file at path, with errors that name it.
func ReadFile(path string) (*Profile, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	p, err := Read(f)
	if err != nil {
		return nil, fmt.Errorf("read %q: %w", path, err)
	}
	return p, nil
}

// readDocument is the decompressed content of r. Neither this nor what r holds
// may be more than limit bytes, and no part of it may pass the limits on parts: it
// is read no further than that.
func readDocument(r io.Reader, limit int64) ([]byte, error) {
	source := &source{r: r, left: limit}
	stored := bufio.NewReader(source)
	plain, err := decompressor(stored, detect(stored), limit)
	if err != nil {
		return nil, source.explain(err)
	}
	defer plain.Close()
	text := &metered{r: plain}
	data, err := io.ReadAll(io.LimitReader(text, limit+1))
	switch {
	case text.err != nil && source.err == nil:
		return nil, text.err
	case err != nil:
		return nil, source.explain(err)
	}
	if int64(len(data)) > limit {
		return nil, errDocumentBytes
	}
	return bytes.TrimPrefix(data, utf8BOM), nil
}

// utf8BOM is the mark that some editors put at the beginning of a file.
var utf8BOM = []byte("\ufeff")

var errDocumentBytes = fmt.Errorf("%w: more than %d MiB", ErrTooLarge, MaxDocumentBytes>>20)

// source is a reader with a limit that remembers why it failed, so that its
// failures can be told from faults in what it holds.
type source struct {
	r    io.Reader
	left int64 // bytes
	err  error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	s.left -= int64(n)
	if s.left < 0 {
		n, err = 0, errDocumentBytes
	}
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

// explain is the error to report when reading stopped with err: that of the
// source if it failed, else what is wrong with its content.
func (s *source) explain(err error) error {
	switch {
	case s.err != nil:
		return s.err
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return ErrTruncated
	case errors.Is(err, zstd.ErrDecoderSizeExceeded), errors.Is(err, zstd.ErrWindowSizeExceeded):
		return fmt.Errorf("%w: %w", ErrTooLarge, err)
	case errors.Is(err, gzip.ErrHeader), errors.Is(err, zstd.ErrMagicMismatch):
		return fmt.Errorf("%w: unexpected data after its end", ErrInvalid)
	}
	return fmt.Errorf("%w: %w", ErrInvalid, decompression(err))
}

// decompression shortens what compress/flate says of damaged input.
func decompression(err error) error {
	var corrupt flate.CorruptInputError
	if errors.As(err, &corrupt) {
		return fmt.Errorf("gzip data at byte %d", int64(corrupt))
	}
	return err
}

// checkText refuses what encoding/json need not see: text that is no object.
func checkText(data []byte) error {
	start := bytes.TrimLeft(data, " \t\r\n")
	if len(start) == 0 {
		return fmt.Errorf("%w: it is empty", ErrTruncated)
	}
	if start[0] != '{' {
		return ErrNotProfile
	}
	return nil
}

// decode reads the JSON of a document.
func decode(data []byte) (*Profile, error) {
	var p Profile
	err := json.Unmarshal(data, &p)
	if isSyntax(err) {
		return nil, syntaxError(data, err)
	}
	// A type error is told after the whole document was read. That of another
	// tool, or of a newer keyprof, is expected to have some.
	if herr := p.checkHeader(); herr != nil {
		return nil, herr
	}
	if err == nil && !utf8.Valid(data) {
		err = errNotUTF8 // encoding/json has put U+FFFD in its place
	}
	if err == nil {
		p.Began, p.Ended = inUTC(p.Began), inUTC(p.Ended)
		err = p.Check()
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return &p, nil
}

var errNotUTF8 = errors.New("not UTF-8")

// inUTC is t in UTC, without the monotonic clock that no file can hold.
func inUTC(t time.Time) time.Time { return t.Round(0).UTC() }

func isSyntax(err error) bool {
	var syntax *json.SyntaxError
	return errors.As(err, &syntax)
}

// syntaxError tells a document that is cut short from one that is damaged.
func syntaxError(data []byte, err error) error {
	var all json.RawMessage
	derr := json.NewDecoder(bytes.NewReader(data)).Decode(&all)
	if errors.Is(derr, io.ErrUnexpectedEOF) {
		return ErrTruncated
	}
	return fmt.Errorf("%w: %w", ErrInvalid, err)
}
