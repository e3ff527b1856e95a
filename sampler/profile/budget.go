package profile

import (
	"fmt"
	"io"
	"strings"
)

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

// budget is what a document has of each thing that is limited.
type budget struct{ rows, objects, values int }

// meter counts what JSON text has while it arrives, and refuses it as soon as it
// passes a limit. If the text is not valid JSON the numbers mean little, and the
// decoder says so later.
type meter struct {
	budget
	began    bool // the first byte that is neither a blank nor of utf8BOM was seen
	depth    int
	elements [MaxDepth + 1]int // commas in the list or object of each depth
	inString bool
	escaped  bool // the byte before was a backslash that counts
	text     int  // bytes of the string at hand
	bare     int  // bytes since the last string or mark: a number, a word, blanks
}

// rowDepth is how deep an element of a list of a document is: within the
// document, and within the list.
const rowDepth = 2

// take counts the next bytes of the text. The error wraps ErrTooLarge, or is
// ErrNotProfile when the text is no object.
func (m *meter) take(data []byte) error {
	for _, c := range data {
		switch {
		case m.inString:
			m.takeText(c)
		case !m.began && strings.IndexByte(" \t\r\n\xef\xbb\xbf", c) >= 0:
		case !m.began && c != '{':
			return ErrNotProfile
		default:
			m.takeMark(c)
		}
		if err := m.excess(); err != nil {
			return err
		}
	}
	return nil
}

// takeText counts a byte of a string.
func (m *meter) takeText(c byte) {
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

// takeMark counts a byte outside strings.
func (m *meter) takeMark(c byte) {
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

// excess is the error of the limit that has been passed; nil: none.
func (m *meter) excess() error {
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

// metered is a reader of a document whose text is counted as it arrives. It
// remembers the error, so that it can be told from those of the reader.
type metered struct {
	r     io.Reader
	meter meter
	err   error
}

func (m *metered) Read(p []byte) (int, error) {
	n, err := m.r.Read(p)
	if m.err = m.meter.take(p[:n]); m.err != nil {
		return 0, m.err
	}
	return n, err
}
