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
	"strings"
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

// ReadFile calls Read on the file at path. Its errors name the file.
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

// readDocument returns the decompressed content of r. Neither this nor what r holds
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
	text := &meteredReader{r: plain}
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

// explain returns the error to report when reading stopped with err: that of the
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
	// Type errors are reported last, after the whole document was read. Documents of
	// another tool, or of a newer keyprof, are expected to have some.
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

// inUTC returns t in UTC, without the monotonic clock that no file can hold.
func inUTC(t time.Time) time.Time { return t.Round(0).UTC() }

func isSyntax(err error) bool {
	var syntax *json.SyntaxError
	return errors.As(err, &syntax)
}

// syntaxError distinguishes a document that is cut short from a damaged one.
func syntaxError(data []byte, err error) error {
	var all json.RawMessage
	derr := json.NewDecoder(bytes.NewReader(data)).Decode(&all)
	if errors.Is(derr, io.ErrUnexpectedEOF) {
		return ErrTruncated
	}
	return fmt.Errorf("%w: %w", ErrInvalid, err)
}

// Header holds the fields that distinguish profiles in a directory.
type Header struct {
	Label    string
	Began    time.Time // UTC
	Complete bool
}

// ReadHeader reads no more of a profile than its header, which Write puts at the
// beginning: what follows may be damaged or missing. Errors are those of Read.
func ReadHeader(r io.Reader) (Header, error) {
	source := &source{r: r, left: MaxDocumentBytes}
	stored := bufio.NewReader(source)
	plain, err := decompressor(stored, detect(stored), MaxDocumentBytes)
	if err != nil {
		return Header{}, source.explain(err)
	}
	defer plain.Close()
	text := &meteredReader{r: plain}
	p, err := decodeHeader(io.LimitReader(text, MaxDocumentBytes))
	switch {
	case text.err != nil && source.err == nil:
		return Header{}, text.err
	case isSyntax(err):
		return Header{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	case errors.Is(err, ErrNotProfile):
		return Header{}, err
	case err != nil:
		return Header{}, source.explain(err)
	}
	return Header{p.Label, inUTC(p.Began), p.Complete}, p.checkHeader()
}

// decodeHeader decodes the members of a document up to the last that a header
// needs. Others hold what they may.
func decodeHeader(r io.Reader) (*Profile, error) {
	var p Profile
	needed := map[string]any{"schema": &p.Schema, "tool": &p.Tool, "began": &p.Began, "complete": &p.Complete}
	d := json.NewDecoder(r)
	open, err := d.Token()
	if err == nil && open != json.Delim('{') {
		err = ErrNotProfile
	}
	if err != nil {
		return nil, err
	}
	for len(needed) > 0 {
		name, err := d.Token()
		if err != nil {
			return nil, err
		}
		key, more := name.(string)
		if !more { // but the end of the document
			break
		}
		into, wanted := needed[key]
		switch {
		case key == "label":
			into = &p.Label
		case !wanted:
			into = new(json.RawMessage)
		}
		if err := decodeMember(d, into); err != nil {
			return nil, err
		}
		delete(needed, key)
	}
	return &p, nil
}

// decodeMember decodes one value. One of another type is that of another tool.
func decodeMember(d *json.Decoder, into any) error {
	var text json.RawMessage
	if err := d.Decode(&text); err != nil {
		return err
	}
	if json.Unmarshal(text, into) != nil {
		return ErrNotProfile
	}
	return nil
}

// Limits on the parts of a document. They bound the memory that Read takes to
// about 1 GiB beside the text, since two bytes of JSON can stand for a struct
// of 256. 4,096 namespaces with well filled tables have about 700,000 objects
// and 4 million values.
const (
	MaxRows    = 1 << 16 // elements of lists at the top: namespaces, nodes, warnings, ...
	MaxObjects = 1 << 21 // objects
	MaxValues  = 1 << 23 // values, lists and objects counted twice

	MaxElements    = 1 << 18 // elements of one list, or members of one object
	MaxStringBytes = 1 << 18 // bytes of one string or number, as it is written; a sketch with all bins full needs 110,000
	MaxDepth       = 32      // lists and objects within one another; ours need 8
)

// budget holds the number of each limited element in a document.
type budget struct{ rows, objects, values int }

// limitMeter counts what JSON text has while it arrives, and refuses it as soon as it
// passes a limit. If the text is not valid JSON the numbers mean little, and the
// decoder says so later.
type limitMeter struct {
	budget
	began    bool // the first byte that is neither a blank nor of utf8BOM was seen
	depth    int
	elements [MaxDepth + 1]int // commas in the list or object of each depth
	inString bool
	escaped  bool // the byte before was a backslash that counts
	text     int  // bytes of the string at hand
	bare     int  // bytes since the last string or mark: a number, a word, blanks
}

// rowDepth is the depth of an element of a list: within the document, and within the
// list.
const rowDepth = 2

// count counts the next bytes of the text. The error wraps ErrTooLarge, or is
// ErrNotProfile when the text is no object.
func (m *limitMeter) count(data []byte) error {
	for _, c := range data {
		switch {
		case m.inString:
			m.countInString(c)
		case !m.began && strings.IndexByte(" \t\r\n\xef\xbb\xbf", c) >= 0:
		case !m.began && c != '{':
			return ErrNotProfile
		default:
			m.countOutside(c)
		}
		if err := m.excess(); err != nil {
			return err
		}
	}
	return nil
}

// countInString counts a byte of a string.
func (m *limitMeter) countInString(c byte) {
	m.text++
	switch {
	case m.escaped:
		m.escaped = false
	case c == '\\':
		m.escaped = true
	case c == '"':
		m.inString = false
	}
}

// countOutside counts a byte outside strings.
func (m *limitMeter) countOutside(c byte) {
	m.began = true
	m.bare++
	if strings.IndexByte(`"{[}],:`, c) >= 0 {
		m.bare = 0
	}
	switch c {
	case '"':
		m.inString, m.text = true, 0
	case '{', '[':
		m.values++
		if c == '{' {
			m.objects++
		}
		m.depth++
		if 0 <= m.depth && m.depth <= MaxDepth {
			m.elements[m.depth] = 0
		}
	case '}', ']':
		m.depth--
	case ',':
		m.values++
		if m.depth == rowDepth {
			m.rows++
		}
		if m.depth >= 0 {
			m.elements[m.depth]++
		}
	}
}

// excess returns the error of the limit that has been passed; nil: none.
func (m *limitMeter) excess() error {
	if m.rows <= MaxRows && m.objects <= MaxObjects && m.values <= MaxValues && max(m.text, m.bare) <= MaxStringBytes &&
		m.depth <= MaxDepth && (m.depth < 0 || m.elements[m.depth] <= MaxElements) {
		return nil
	}
	switch {
	case m.rows > MaxRows:
		return tooMany("more than %d rows", MaxRows)
	case m.objects > MaxObjects:
		return tooMany("more than %d objects", MaxObjects)
	case m.values > MaxValues:
		return tooMany("more than %d values", MaxValues)
	case m.text > MaxStringBytes:
		return tooMany("a text of more than %d KiB", MaxStringBytes>>10)
	case m.bare > MaxStringBytes:
		return tooMany("a number, or blanks, of more than %d KiB", MaxStringBytes>>10)
	case m.depth > MaxDepth:
		return tooMany("nested more than %d deep", MaxDepth)
	default:
		return tooMany("more than %d elements in one list", MaxElements)
	}
}

func tooMany(format string, limit int) error {
	return fmt.Errorf("%w: "+format, ErrTooLarge, limit)
}

// meteredReader is a reader of a document whose text is counted as it arrives. It
// remembers its error, to distinguish it from those of the reader.
type meteredReader struct {
	r     io.Reader
	meter limitMeter
	err   error
}

func (m *meteredReader) Read(p []byte) (int, error) {
	n, err := m.r.Read(p)
	if m.err = m.meter.count(p[:n]); m.err != nil {
		return 0, m.err
	}
	return n, err
}

// Compression is the storage format of a document.
type Compression int

// The ways to store a document.
const (
	Plain Compression = iota // JSON as it is
	Gzip
	Zstd
)

// suffixes are those of file names, the longer before those that end them.
var suffixes = []struct {
	suffix string
	c      Compression
}{
	{".json", Plain},
	{".json.gz", Gzip},
	{".json.zst", Zstd},
}

// CompressionFor returns the compression that the suffix of a file's name asks for:
// .json, .json.gz or .json.zst. Any other gives an error that wraps ErrSuffix.
func CompressionFor(path string) (Compression, error) {
	for _, s := range suffixes {
		if strings.HasSuffix(path, s.suffix) {
			return s.c, nil
		}
	}
	return 0, fmt.Errorf("%q: %w", path, ErrSuffix)
}

// The first bytes of compressed data.
var (
	gzipMagic = []byte{0x1f, 0x8b}
	zstdMagic = []byte{0x28, 0xb5, 0x2f, 0xfd}
)

// IsCompressed reports whether data begins as a compressed document does.
func IsCompressed(data []byte) bool {
	return bytes.HasPrefix(data, gzipMagic) || bytes.HasPrefix(data, zstdMagic)
}

// detect determines the compression of r from its first bytes. It leaves them there.
func detect(r *bufio.Reader) Compression {
	head, _ := r.Peek(len(zstdMagic)) // a file shorter than that is plain, and read to its end soon
	switch {
	case bytes.HasPrefix(head, gzipMagic):
		return Gzip
	case bytes.HasPrefix(head, zstdMagic):
		return Zstd
	}
	return Plain
}

// decompressor undoes c, and refuses data that says it is larger than limit
// bytes. To close it does not close r.
func decompressor(r io.Reader, c Compression, limit int64) (io.ReadCloser, error) {
	switch c {
	case Gzip:
		return gzip.NewReader(r)
	case Zstd:
		// Concurrency 1 decodes within Read, so that nothing goes on decoding
		// what nobody reads. The window bounds what a hostile frame can claim.
		d, err := zstd.NewReader(r,
			zstd.WithDecoderConcurrency(1),
			zstd.WithDecoderMaxMemory(uint64(limit)),
			zstd.WithDecoderMaxWindow(maxZstdWindow))
		if err != nil {
			return nil, err
		}
		return d.IOReadCloser(), nil
	}
	return io.NopCloser(r), nil
}

// maxZstdWindow is the largest window that a frame may ask for, in bytes; ours
// ask for 8 MiB at most.
const maxZstdWindow = 64 << 20

// compressor does c. Its output is the same for the same input. To close it
// does not close w.
func compressor(w io.Writer, c Compression) (io.WriteCloser, error) {
	switch c {
	case Plain:
		return nopCloser{w}, nil
	case Gzip:
		return gzip.NewWriter(w), nil
	case Zstd:
		return zstd.NewWriter(w, zstd.WithEncoderConcurrency(1))
	}
	return nil, fmt.Errorf("unknown compression %d", c)
}

// nopCloser is a writer with a Close that does nothing.
type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }

// Errors of Read. It wraps one of these, unless reading itself failed.
var (
	// ErrNotProfile means that the file is not a profile.
	ErrNotProfile = errors.New("not a keyprof profile")
	// ErrNewerSchema means that a newer keyprof wrote the file.
	ErrNewerSchema = errors.New("profile of a newer version")
	// ErrTooLarge means that the file exceeds a limit: MaxDocumentBytes, or one of
	// those on the parts of a document, such as MaxValues.
	ErrTooLarge = errors.New("profile is too large")
	// ErrTruncated means that the end of the file is missing.
	ErrTruncated = errors.New("profile is cut short")
	// ErrInvalid means that the file is damaged, or was edited by hand.
	ErrInvalid = errors.New("profile is damaged")
)

// ErrNotValid means that a profile to be written fails Check.
var ErrNotValid = errors.New("profile is not valid")

// ErrSuffix means that the name of a file to be written has an unknown suffix.
var ErrSuffix = errors.New("file name must end in .json, .json.gz or .json.zst")
