package scanner

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// The hot path speaks RESP itself, over the connection that go-redis dialled
// and logged in: a page is a few hundred tiny commands, and objects for each of
// them cost more than the server's answers. Besides, an announced length is
// checked here before memory is taken for it.

// Limits on what a server may announce.
const (
	maxBulk    = 512 << 20 // bytes of one name: Redis's own limit (proto-max-bulk-len)
	maxNames   = 1 << 20   // names in one answer to SCAN, of which COUNT asks for 10,000 at most
	maxNesting = 8         // of values that are skipped
	firstBytes = 16 << 10  // taken at once for what is announced; more only as it arrives
)

// errProtocol is an answer that is no RESP, or not one that the command has.
// Nothing can be read from the connection after it.
var errProtocol = errors.New("an answer that makes no sense")

// replyError is an error that the server answered. It satisfies redis.Error.
type replyError string

func (e replyError) Error() string { return string(e) }

// RedisError marks the server's own errors, as in go-redis.
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

// respReader reads answers in RESP2 and RESP3.
type respReader struct {
	*bufio.Reader
	page *pageBuffer
}

// pageBuffer is where the names of a page are put together; it is used again for the
// next.
type pageBuffer struct {
	block []byte // one name after the other
	ends  []int  // of the names in block
}

// mostKept is what a pageBuffer may hold on to, in bytes: names of megabytes are rare.
const mostKept = 256 << 10

func newReader(r io.Reader) respReader {
	return respReader{bufio.NewReaderSize(r, readBuffer), &pageBuffer{}}
}

// line reads one line and splits off its first byte. The rest is valid until
// the next read.
func (r respReader) line() (kind byte, rest []byte, err error) {
	line, err := r.ReadSlice('\n')
	if err != nil {
		if errors.Is(err, bufio.ErrBufferFull) {
			err = fmt.Errorf("%w: a line without end", errProtocol)
		}
		return 0, nil, err
	}
	if len(line) < 3 || line[len(line)-2] != '\r' {
		return 0, nil, fmt.Errorf("%w: %.20q", errProtocol, line)
	}
	return line[0], line[1 : len(line)-2], nil
}

// head is line, past what a server may push in between.
func (r respReader) head() (kind byte, rest []byte, err error) {
	for {
		kind, rest, err = r.line()
		if err != nil || kind != '>' {
			return kind, rest, err
		}
		if err := r.skipItems(rest, 1); err != nil {
			return 0, nil, err
		}
	}
}

// reply reads the answer to a probe.
func (r respReader) reply() (Reply, error) {
	kind, rest, err := r.head()
	if err != nil {
		return Reply{}, err
	}
	switch kind {
	case ':':
		n, err := number(rest)
		return Reply{Int: n}, err
	case '+':
		return Reply{Text: typeName(rest)}, nil
	case '-':
		return Reply{Err: replyError(rest)}, nil
	case '_':
		return Reply{Nil: true}, nil
	case '$', '*':
		if string(rest) == "-1" {
			return Reply{Nil: true}, nil
		}
	}
	return Reply{}, fmt.Errorf("%w: %q to a probe", errProtocol, kind)
}

// typeNames are the answers of TYPE, kept so that none is allocated a key.
var typeNames = map[string]string{
	"string": "string", "list": "list", "set": "set", "zset": "zset", "hash": "hash", "stream": "stream", "none": "none",
}

func typeName(b []byte) string {
	if s, ok := typeNames[string(b)]; ok {
		return s
	}
	return string(b)
}

// scanReply reads the answer to SCAN. The names share one block of memory.
func (r respReader) scanReply() (ScanReply, error) {
	kind, rest, err := r.head()
	switch {
	case err != nil:
		return ScanReply{}, err
	case kind == '-':
		return ScanReply{}, replyError(rest)
	case kind != '*' || string(rest) != "2":
		return ScanReply{}, fmt.Errorf("%w: %q to SCAN", errProtocol, kind)
	}
	text, err := r.bulk(nil)
	if err != nil {
		return ScanReply{}, err
	}
	cursor, err := strconv.ParseUint(string(text), 10, 64)
	if err != nil {
		return ScanReply{}, fmt.Errorf("%w: cursor %.30q", errProtocol, text)
	}
	names, err := r.names()
	return ScanReply{Cursor: cursor, Names: names}, err
}

func (r respReader) names() ([]string, error) {
	kind, rest, err := r.line()
	if err != nil {
		return nil, err
	}
	return r.listOf(kind, rest)
}

// slotNames reads the answer to CLUSTER GETKEYSINSLOT.
func (r respReader) slotNames() ([]string, error) {
	kind, rest, err := r.head()
	switch {
	case err != nil:
		return nil, err
	case kind == '-':
		return nil, replyError(rest)
	}
	return r.listOf(kind, rest)
}

// listOf reads the names that a line announces.
func (r respReader) listOf(kind byte, rest []byte) ([]string, error) {
	count, err := number(rest)
	if err != nil || kind != '*' || count < 0 || count > maxNames {
		return nil, fmt.Errorf("%w: %q%.20q in the place of names", errProtocol, kind, rest)
	}
	p := r.page
	p.block, p.ends = p.block[:0], p.ends[:0]
	for range count {
		if p.block, err = r.bulk(p.block); err != nil {
			return nil, err
		}
		p.ends = append(p.ends, len(p.block))
	}
	names := cutAt(string(p.block), p.ends)
	if cap(p.block)+8*cap(p.ends) > mostKept {
		*p = pageBuffer{}
	}
	return names, nil
}

func cutAt(block string, ends []int) []string {
	names := make([]string, len(ends))
	begin := 0
	for i, end := range ends {
		names[i] = block[begin:end]
		begin = end
	}
	return names
}

// bulk appends a string of announced length to b.
func (r respReader) bulk(b []byte) ([]byte, error) {
	kind, rest, err := r.line()
	if err != nil {
		return b, err
	}
	n, err := number(rest)
	if err != nil || kind != '$' || n < 0 || n > maxBulk {
		return b, fmt.Errorf("%w: %q%.20q in the place of a string", errProtocol, kind, rest)
	}
	for left := int(n); left > 0; {
		piece := min(left, firstBytes)
		b = append(b, make([]byte, piece)...)
		if _, err := io.ReadFull(r.Reader, b[len(b)-piece:]); err != nil {
			return b, err
		}
		left -= piece
	}
	return b, r.lineEnd()
}

func (r respReader) lineEnd() error {
	end, err := r.Peek(2)
	switch {
	case err == io.EOF && len(end) > 0:
		return io.ErrUnexpectedEOF
	case err != nil:
		return err
	case string(end) != "\r\n":
		return fmt.Errorf("%w: a string longer than announced", errProtocol)
	}
	_, err = r.Discard(2)
	return err
}

// skipItems passes over the items of a pushed message.
func (r respReader) skipItems(count []byte, depth int) error {
	n, err := number(count)
	if err != nil || n < 0 || n > maxNames || depth > maxNesting {
		return fmt.Errorf("%w: a message of %.20q items", errProtocol, count)
	}
	for range n {
		if err := r.skip(depth + 1); err != nil {
			return err
		}
	}
	return nil
}

func (r respReader) skip(depth int) error {
	kind, rest, err := r.line()
	if err != nil {
		return err
	}
	switch kind {
	case '*', '~', '>':
		return r.skipItems(rest, depth)
	case '$':
		n, err := number(rest)
		if err != nil || n < 0 || n > maxBulk {
			return fmt.Errorf("%w: %.20q", errProtocol, rest)
		}
		if _, err := io.CopyN(io.Discard, r.Reader, n); err != nil {
			return err
		}
		return r.lineEnd()
	case ':', '+', '-', '_', '#', ',', '(':
		return nil
	default:
		return fmt.Errorf("%w: %q", errProtocol, kind)
	}
}

// number reads a decimal integer as RESP writes it.
func number(b []byte) (int64, error) {
	digits, negative := b, false
	if len(b) > 0 && b[0] == '-' {
		digits, negative = b[1:], true
	}
	if len(digits) == 0 || len(digits) > 18 {
		return longNumber(b)
	}
	var n int64
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, fmt.Errorf("%w: number %.30q", errProtocol, b)
		}
		n = n*10 + int64(c-'0')
	}
	if negative {
		n = -n
	}
	return n, nil
}

func longNumber(b []byte) (int64, error) {
	n, err := strconv.ParseInt(string(b), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%w: number %.30q", errProtocol, b)
	}
	return n, nil
}
