package profile

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// Compression is how a document is stored.
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

// CompressionFor is the compression that the suffix of a file's name asks for:
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

// detect tells from its first bytes how r is compressed. It leaves them there.
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
