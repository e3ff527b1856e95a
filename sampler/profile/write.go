package profile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
)

// Write writes p as indented JSON, compressed as c says. The same profile gives
// the same bytes. Lists of p that are nil are written as empty, and p must pass
// Check with these: what Read would refuse is not written, not even in part, and the error wraps
// ErrNotValid.
func Write(w io.Writer, p *Profile, c Compression) error {
	text, err := encode(p)
	if err != nil {
		return err
	}
	z, err := compressor(w, c)
	if err != nil {
		return err
	}
	if _, err := z.Write(text); err != nil {
		return err
	}
	return z.Close()
}

// encode is the text of a document.
func encode(p *Profile) ([]byte, error) {
	f := p.filled()
	if err := f.Check(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotValid, err)
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // patterns such as <uuid> are for people to read
	e.SetIndent("", " ")
	if err := e.Encode(f); err != nil {
		return nil, err
	}
	text := EscapeHidden(b.Bytes())
	if err := new(meter).take(text); err != nil {
		return nil, err
	}
	return text, nil
}

// WriteFile writes p to the file at path, compressed as its suffix says (see
// CompressionFor). The file has mode 0600, as names of keys may be secrets. It
// appears whole or not at all: an older file with that name stays until the new
// one is safe, and after an error no part of it is left.
func WriteFile(path string, p *Profile) error {
	c, err := CompressionFor(path)
	if err != nil {
		return err
	}
	return writeAtomic(path, func(w io.Writer) error { return Write(w, p, c) })
}

// CheckWritable tells whether WriteFile can write to path, as far as that can
// be known without doing it: by creating its temporary file and removing it.
func CheckWritable(path string) error {
	if _, err := CompressionFor(path); err != nil {
		return err
	}
	f, err := createBeside(path)
	if err != nil {
		return err
	}
	err = f.Close()
	if rerr := os.Remove(f.Name()); err == nil {
		err = rerr
	}
	return err
}
