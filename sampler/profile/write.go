package profile

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
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

// encode returns the text of a document.
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
	if err := new(limitMeter).count(text); err != nil {
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

// CheckWritable returns an error if WriteFile could not write to path. It creates the
// temporary file of WriteFile and removes it.
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

// filled returns a copy of p as a document holds it: lists that are nil are empty,
// as a reader must not have to tell null from [], and times are in UTC. It
// shares with p all that needs no change.
func (p *Profile) filled() *Profile {
	f := *p
	f.Began, f.Ended = inUTC(p.Began), inUTC(p.Ended)
	f.Missing = orEmpty(slices.Clone(p.Missing))
	for i := range f.Missing {
		m := &f.Missing[i]
		m.Node, m.Reason, m.Remedy = truncate(m.Node), truncate(m.Reason), truncate(m.Remedy)
	}
	f.Largest = orEmpty(p.Largest)
	f.Warnings = orEmpty(slices.Clone(p.Warnings))
	for i := range f.Warnings {
		f.Warnings[i].Scope, f.Warnings[i].Text = truncate(f.Warnings[i].Scope), truncate(f.Warnings[i].Text)
	}
	f.Design.Databases = orEmpty(p.Design.Databases)
	f.Nodes = orEmpty(slices.Clone(p.Nodes))
	for i := range f.Nodes {
		f.Nodes[i].fill()
	}
	f.Totals.fill()
	f.Namespaces = orEmpty(slices.Clone(p.Namespaces))
	for i := range f.Namespaces {
		f.Namespaces[i].fill()
	}
	if f.Receipt.Commands == nil {
		f.Receipt.Commands = map[string]int64{}
	}
	f.Receipt.Waits = orEmpty(slices.Clone(p.Receipt.Waits))
	for i := range f.Receipt.Waits {
		f.Receipt.Waits[i].Cause = truncate(f.Receipt.Waits[i].Cause)
	}
	return &f
}

// maxText is the longest text of a server that a document holds, in bytes. In JSON
// each byte may take 6, which stays below MaxStringBytes.
const maxText = 32 << 10

// truncate cuts a text from the server to maxText bytes, so that the document can
// always be read again.
func truncate(text string) string {
	if len(text) <= maxText {
		return text
	}
	return strings.ToValidUTF8(text[:maxText], "") + "…"
}

// fill replaces lists that are nil, and truncates texts from the server.
func (n *Node) fill() {
	n.Databases = orEmpty(slices.Clone(n.Databases))
	for i := range n.Databases {
		n.Databases[i].Incomplete = truncate(n.Databases[i].Incomplete)
	}
	for _, text := range []*string{&n.Address, &n.Role, &n.Engine, &n.Version, &n.RunID, &n.ReplID, &n.Policy, &n.Allocator, &n.Incomplete} {
		*text = truncate(*text)
	}
	n.Info = truncateInfo(n.Info)
}

// maxInfo limits the server's INFO in a document, in bytes, with fieldBytes added for
// each field. Usually INFO has 10,000 bytes.
const (
	maxInfo    = 4 << 20
	fieldBytes = 32
)

// truncateInfo returns the fields of INFO that fit into maxInfo bytes, by section and
// field in the order of their names.
func truncateInfo(info map[string]map[string]string) map[string]map[string]string {
	if info == nil {
		return nil
	}
	clipped, room := map[string]map[string]string{}, maxInfo
	for _, section := range slices.Sorted(maps.Keys(info)) {
		fields := map[string]string{}
		for _, name := range slices.Sorted(maps.Keys(info[section])) {
			value := truncate(info[section][name])
			if room -= fieldBytes + len(name) + len(value); room >= 0 {
				fields[truncate(name)] = value
			}
		}
		clipped[truncate(section)] = fields
	}
	return clipped
}

// fill replaces lists that are nil, and nothing that s points to.
func (s *Stats) fill() {
	s.Examples = orEmpty(s.Examples)
	s.Largest = orEmpty(s.Largest)
	if s.TTL != nil && s.TTL.Histogram == nil {
		ttl := *s.TTL
		ttl.Histogram = []Bucket{}
		s.TTL = &ttl
	}
	if s.Idle != nil && s.Idle.Histogram == nil {
		idle := *s.Idle
		idle.Histogram = []Bucket{}
		s.Idle = &idle
	}
	if s.Freq != nil && s.Freq.Histogram == nil {
		s.Freq = NewFreqStats(nil)
	}
}

// orEmpty returns list, or an empty list for nil.
func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// EscapeHidden writes as \uXXXX the characters of a JSON text that
// encoding/json leaves as they are and that are Hidden. All that is not ASCII,
// and DEL, can only be within strings, so this needs no parser. The text must be
// UTF-8.
func EscapeHidden(data []byte) []byte {
	out := make([]byte, 0, len(data))
	kept := 0 // data before it is in out
	for i := 0; i < len(data); {
		if data[i] < 0x7f {
			i++
			continue
		}
		r, size := utf8.DecodeRune(data[i:])
		if Hidden(r) {
			out = append(out, data[kept:i]...)
			out = appendEscape(out, r)
			kept = i + size
		}
		i += size
	}
	return append(out, data[kept:]...)
}

// Hidden reports whether r must not be shown as it is: a terminal may obey it,
// or nobody can see it. Control and format characters, line separators, spaces
// other than ASCII's, unassigned characters, and variation selectors.
func Hidden(r rune) bool {
	if r >= ' ' && r <= '~' {
		return false
	}
	return !unicode.IsPrint(r) || unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// appendEscape appends r as JSON escapes it, in UTF-16.
func appendEscape(out []byte, r rune) []byte {
	if high, low := utf16.EncodeRune(r); high != unicode.ReplacementChar {
		return fmt.Appendf(out, `\u%04x\u%04x`, high, low)
	}
	return fmt.Appendf(out, `\u%04x`, r)
}

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

// temporaryPattern returns the os.CreateTemp pattern for a file name. It contains the
// name if there is room.
func temporaryPattern(name string) string {
	if len(temporaryPrefix)+len(name)+len("-")+maxDigits+len(temporarySuffix) > maxFileName || strings.Contains(name, "*") {
		return temporaryPrefix + "*" + temporarySuffix
	}
	return temporaryPrefix + name + "-*" + temporarySuffix
}

// TemporaryFor returns the name of the file that a temporary file of WriteFile was to
// become; empty if the name is not that of such a temporary file.
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

// RemoveUnfinished removes the temporary files of calls to WriteFile that have not
// returned, for a program that exits early.
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

// AboutFile returns err with path instead of the path of the temporary file; nil for
// nil.
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

// schema is made from the types of this package and their comments by
// `go test ./sampler/profile -run TestSchemaIsUpToDate -update`.
//
//go:embed schema.json
var schema []byte

// Schema returns the JSON Schema (draft 2020-12) of the document that Write writes.
// It allows no members that it does not name, though Read ignores those.
func Schema() []byte { return slices.Clone(schema) }
