package scanner

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
)

// Everything that a server sends is read here. The hot path speaks RESP itself, over the
// connection that go-redis logged in on: a page is a few hundred tiny commands, and
// objects for each of them would cost more than the server's replies. Replies that
// go-redis asked for are passed to it whole ([replyConn]), once they are known to be
// within the limits: its own reader has none.

// Limits on what a server may send.
const (
	maxReply     = 4 << 20   // bytes of a reply that go-redis reads, such as that to INFO
	maxItems     = 1 << 16   // items in one reply, nested ones included
	maxNesting   = 8         // levels of arrays, maps and sets
	maxNames     = 1 << 16   // names in one reply to SCAN
	maxPage      = 16 << 20  // bytes of the names of a page that are kept
	maxBulk      = 512 << 20 // bytes of one name: Redis's own limit (proto-max-bulk-len)
	maxError     = 512       // bytes of an error, or of a type's name, that are kept
	initialAlloc = 16 << 10  // bytes allocated at once for an announced length; more as data arrives
)

// MaxName is the longest name that is probed, in bytes. Each probe sends the name back,
// and the server keeps what it receives in memory that counts against maxmemory.
const MaxName = 64 << 10

// longPrefix is the part of a longer name that is kept, in bytes.
const longPrefix = 1 << 10

// errProtocol is a reply that is not RESP, or not one that the command has. Nothing can
// be read from the connection after it.
var errProtocol = errors.New("malformed reply")

// errWrongReply is the Reply.Err of a well-formed reply of a type that the command does
// not have.
const errWrongReply = replyError("unexpected type of reply")

// replyError is an error reply. It satisfies redis.Error.
type replyError string

func (e replyError) Error() string { return string(e) }

// RedisError marks error replies, as in go-redis.
func (replyError) RedisError() {}

// appendCommand appends a command to a pipeline.
func appendCommand(b []byte, words ...string) []byte {
	b = appendLength(b, '*', len(words))
	for _, w := range words {
		b = appendBulk(b, w)
	}
	return b
}

func appendBulk(b []byte, s string) []byte {
	b = appendLength(b, '$', len(s))
	b = append(b, s...)
	return append(b, "\r\n"...)
}

func appendLength(b []byte, kind byte, n int) []byte {
	b = append(b, kind)
	b = strconv.AppendInt(b, int64(n), 10)
	return append(b, "\r\n"...)
}

// respReader reads replies in RESP2 and RESP3.
type respReader struct {
	*bufio.Reader
	page *pageBuffer
	// mask hides passwords in texts; nil: there are none.
	mask func(string) string
}

// text returns what is kept of a text from the server, without passwords.
func (r respReader) text(b []byte) string {
	if r.mask == nil {
		return string(b[:min(len(b), maxError)])
	}
	text := r.mask(string(b)) // before it is cut: half a password must not remain
	return text[:min(len(text), maxError)]
}

// maxErrorCode is longer than the first word of any error, in bytes.
const maxErrorCode = 20

// errorText is text for an error. Its first word, the code, is not masked, so that errors
// are recognized whatever the password is.
func (r respReader) errorText(b []byte) string {
	code := bytes.IndexByte(b, ' ') + 1
	if code > maxErrorCode || bytes.ContainsFunc(b[:max(0, code-1)], func(c rune) bool { return c < 'A' || c > 'Z' }) {
		code = 0
	}
	return string(b[:code]) + r.text(b[code:])
}

// malformed returns errProtocol for a reply, with its beginning.
func (r respReader) malformed(expected string, kind byte, rest []byte) error {
	return fmt.Errorf("%w: got %q%.30q, expected %s", errProtocol, kind, r.text(rest), expected)
}

// pageBuffer holds the names of a page while it is read; it is reused for the next.
type pageBuffer struct {
	block []byte // one name after the other
	ends  []int  // of the names in block
	long  []LongName
}

// LongName is a name that is not probed, because it is longer than MaxName or the names
// before it on the page are very long together.
type LongName struct {
	Prefix string
	Bytes  int64 // of the whole name
}

// maxBufferKept is the size above which a pageBuffer is not reused, in bytes: names of
// megabytes are rare.
const maxBufferKept = 256 << 10

func newReader(r io.Reader) respReader {
	return respReader{Reader: bufio.NewReaderSize(r, readBuffer), page: &pageBuffer{}}
}

// line reads one line and splits off its first byte. The rest is valid until the next
// read.
func (r respReader) line() (kind byte, rest []byte, err error) {
	line, err := r.ReadSlice('\n')
	if err != nil {
		if errors.Is(err, bufio.ErrBufferFull) {
			err = fmt.Errorf("%w: line too long", errProtocol)
		}
		return 0, nil, err
	}
	if len(line) < 3 || line[len(line)-2] != '\r' {
		return 0, nil, r.malformed("a line ending in CRLF", line[0], line[1:])
	}
	return line[0], line[1 : len(line)-2], nil
}

// head is line, skipping push messages.
func (r respReader) head() (kind byte, rest []byte, err error) {
	for {
		kind, rest, err = r.line()
		if err != nil || kind != '>' {
			return kind, rest, err
		}
		if _, err := r.finish(nil, kind, rest, &limits{}, 0); err != nil {
			return 0, nil, err
		}
	}
}

// reply reads the reply to a probe, whose type is ':' or '+'.
func (r respReader) reply(want byte) (Reply, error) {
	kind, rest, err := r.head()
	if err != nil {
		return Reply{}, err
	}
	switch {
	case kind == '-':
		return Reply{Err: replyError(r.errorText(rest))}, nil
	case kind == '_', (kind == '$' || kind == '*') && string(rest) == "-1":
		return Reply{Nil: true}, nil
	case kind != want:
		_, err := r.finish(nil, kind, rest, &limits{}, 0)
		return Reply{Err: errWrongReply}, err
	case kind == '+':
		return Reply{Text: r.typeName(rest)}, nil
	}
	n, err := r.number(rest)
	if err != nil { // the line was read completely: the next reply starts after it
		return Reply{Err: errWrongReply}, nil
	}
	return Reply{Int: n}, nil
}

// typeNames holds the replies of TYPE, so that none is allocated for each key.
var typeNames = map[string]string{
	"string": "string", "list": "list", "set": "set", "zset": "zset", "hash": "hash", "stream": "stream", "none": "none",
}

func (r respReader) typeName(b []byte) string {
	if s, ok := typeNames[string(b)]; ok {
		return s
	}
	return r.text(b)
}

// scanReply reads the reply to SCAN. The names share one block of memory.
func (r respReader) scanReply() (ScanReply, error) {
	kind, rest, err := r.head()
	switch {
	case err != nil:
		return ScanReply{}, err
	case kind == '-':
		return ScanReply{}, replyError(r.errorText(rest))
	case kind != '*' || string(rest) != "2":
		return ScanReply{}, r.malformed("a cursor and keys", kind, rest)
	}
	text, _, err := r.bulk(nil, maxCursor, maxCursor)
	if err != nil {
		return ScanReply{}, err
	}
	cursor, err := strconv.ParseUint(string(text), 10, 64)
	if err != nil {
		return ScanReply{}, r.malformed("a cursor", '$', text)
	}
	if kind, rest, err = r.line(); err != nil {
		return ScanReply{}, err
	}
	page, err := r.names(kind, rest)
	page.Cursor = cursor
	return page, err
}

// maxCursor is longer than any 64-bit number, in bytes.
const maxCursor = 64

// slotNames reads the reply to CLUSTER GETKEYSINSLOT.
func (r respReader) slotNames() (ScanReply, error) {
	kind, rest, err := r.head()
	switch {
	case err != nil:
		return ScanReply{}, err
	case kind == '-':
		return ScanReply{}, replyError(r.errorText(rest))
	}
	return r.names(kind, rest)
}

// names reads the names that a line announces.
func (r respReader) names(kind byte, rest []byte) (page ScanReply, err error) {
	count, err := r.number(rest)
	switch {
	case err != nil, kind != '*', count < 0:
		return page, r.malformed("an array of keys", kind, rest)
	case count > maxNames:
		return page, fmt.Errorf("%w: a page of %d keys", errProtocol, count)
	}
	p := r.page
	p.block, p.ends, p.long = p.block[:0], p.ends[:0], nil
	for range count {
		if err := r.name(p); err != nil {
			return page, err
		}
	}
	page.Names, page.Long = splitAt(string(p.block), p.ends), p.long
	if cap(p.block)+8*cap(p.ends) > maxBufferKept {
		*p = pageBuffer{}
	}
	return page, nil
}

// name reads one name. It keeps only the beginning of one that is too long.
func (r respReader) name(p *pageBuffer) error {
	before := len(p.block)
	most := min(MaxName, maxPage-before)
	block, length, err := r.bulk(p.block, most, maxBulk)
	p.block = block
	if err != nil {
		return err
	}
	if length > int64(most) {
		prefix := p.block[before:min(len(p.block), before+longPrefix)]
		p.long = append(p.long, LongName{string(prefix), length})
		p.block = p.block[:before]
		return nil
	}
	p.ends = append(p.ends, len(p.block))
	return nil
}

func splitAt(block string, ends []int) []string {
	names := make([]string, len(ends))
	begin := 0
	for i, end := range ends {
		names[i] = block[begin:end]
		begin = end
	}
	return names
}

// bulk reads a string of announced length, which must not exceed limit, and appends
// the first keep bytes of it to b.
func (r respReader) bulk(b []byte, keep int, limit int64) (_ []byte, length int64, err error) {
	kind, rest, err := r.line()
	if err != nil {
		return b, 0, err
	}
	length, err = r.number(rest)
	if err != nil || kind != '$' || length < 0 || length > limit {
		return b, 0, r.malformed("a bulk string", kind, rest)
	}
	kept := min(length, int64(keep))
	if b, err = r.appendN(b, kept); err != nil {
		return b, 0, err
	}
	if length > kept {
		if _, err := io.CopyN(io.Discard, r.Reader, length-kept); err != nil {
			return b, 0, err
		}
	}
	return b, length, r.lineEnd()
}

// appendN appends the next n bytes to b.
func (r respReader) appendN(b []byte, n int64) ([]byte, error) {
	for n > 0 {
		piece := min(n, initialAlloc)
		b = append(b, make([]byte, piece)...)
		if _, err := io.ReadFull(r.Reader, b[len(b)-int(piece):]); err != nil {
			return b, err
		}
		n -= piece
	}
	return b, nil
}

func (r respReader) lineEnd() error {
	end, err := r.Peek(2)
	switch {
	case err == io.EOF && len(end) > 0:
		return io.ErrUnexpectedEOF
	case err != nil:
		return err
	case string(end) != "\r\n":
		return fmt.Errorf("%w: string longer than announced", errProtocol)
	}
	_, err = r.Discard(2)
	return err
}

// limits counts what one reply has used of maxReply and maxItems.
type limits struct{ bytes, items int64 }

func (l *limits) use(bytes, items int64) error {
	l.bytes += bytes
	l.items += items
	if l.bytes > maxReply || l.items > maxItems {
		return fmt.Errorf("%w: longer than %d bytes or %d items", errProtocol, maxReply, maxItems)
	}
	return nil
}

// value reads one reply of any type and appends it to b unchanged, except for passwords
// in errors.
func (r respReader) value(b []byte, l *limits, depth int) ([]byte, error) {
	kind, rest, err := r.line()
	if err != nil {
		return b, err
	}
	return r.finish(b, kind, rest, l, depth)
}

// finish is value for a reply whose first line has been read.
func (r respReader) finish(b []byte, kind byte, rest []byte, l *limits, depth int) ([]byte, error) {
	if err := l.use(int64(len(rest)), 1); err != nil {
		return b, err
	}
	switch kind {
	case '-':
		return appendLine(b, '-', r.errorText(rest)), nil
	case ':', '+', '_', '#', ',', '(':
		return appendLine(b, kind, string(rest)), nil
	case '$', '=', '!':
		return r.finishBulk(b, kind, rest, l)
	case '*', '~', '>', '%', '|':
		return r.finishItems(b, kind, rest, l, depth)
	default:
		return b, r.malformed("a RESP type", kind, rest)
	}
}

func appendLine(b []byte, kind byte, text string) []byte {
	return append(append(append(b, kind), text...), "\r\n"...)
}

// finishItems is finish for an aggregate type.
func (r respReader) finishItems(b []byte, kind byte, count []byte, l *limits, depth int) ([]byte, error) {
	items, err := r.number(count)
	if err != nil || items < -1 || items > maxItems || depth >= maxNesting {
		return b, r.malformed("a number of items", kind, count)
	}
	b = appendLine(b, kind, string(count))
	switch kind {
	case '%':
		items *= 2
	case '|':
		items = 2*items + 1 // the last is the reply with the attributes
	}
	for range items {
		if b, err = r.value(b, l, depth+1); err != nil {
			return b, err
		}
	}
	return b, nil
}

// finishBulk is finish for a string of announced length.
func (r respReader) finishBulk(b []byte, kind byte, length []byte, l *limits) ([]byte, error) {
	n, err := r.number(length)
	if err != nil || n < -1 || n > maxReply {
		return b, r.malformed("a length in bytes", kind, length)
	}
	before := len(b)
	b = appendLine(b, kind, string(length))
	if n < 0 {
		return b, nil
	}
	if err := l.use(n, 0); err != nil {
		return b, err
	}
	begin := len(b)
	if b, err = r.appendN(b, n); err != nil {
		return b, err
	}
	if kind == '!' { // a bulk error, passed on as a simple one
		text := strings.NewReplacer("\r", " ", "\n", " ").Replace(r.text(b[begin:]))
		return appendLine(b[:before], '-', text), r.lineEnd()
	}
	return append(b, "\r\n"...), r.lineEnd()
}

// replyConn is a connection as go-redis sees it. It reads whole replies. If one does not
// arrive, or not in time, it closes the connection: go-redis keeps it, and a late reply
// would be taken for that to a request of the scan.
type replyConn struct {
	net.Conn
	reader respReader
	unread []byte // rest of the reply that is being read
	failed error  // the error of a reply that did not arrive
}

func (h *replyConn) Read(b []byte) (n int, err error) {
	if h.failed != nil {
		return 0, h.failed // go-redis continues after HELLO has failed
	}
	if len(h.unread) == 0 {
		if h.unread, err = h.reader.value(h.unread[:0], &limits{}, 0); err != nil {
			h.unread, h.failed = nil, err
			_ = h.Close() // err is the error that matters
			return 0, err
		}
	}
	n = copy(b, h.unread)
	h.unread = h.unread[n:]
	return n, nil
}

func (h *replyConn) Write(b []byte) (int, error) {
	if h.failed != nil {
		return 0, h.failed
	}
	return h.Conn.Write(b)
}

// number parses a decimal integer as RESP writes it.
func (r respReader) number(b []byte) (int64, error) {
	n, err := strconv.ParseInt(string(b), 10, 64)
	if err != nil || b[0] == '+' {
		return 0, fmt.Errorf("%w: %.30q is not a number", errProtocol, r.text(b))
	}
	return n, nil
}
