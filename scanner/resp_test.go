package scanner

import (
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

func respOf(wire string) respReader {
	return newReader(strings.NewReader(wire))
}

func TestReply(t *testing.T) {
	tests := []struct {
		want byte
		wire string
		got  Reply
	}{
		{':', ":42\r\n", Reply{Int: 42}},
		{':', ":-1\r\n", Reply{Int: -1}},
		{':', ":-2\r\n", Reply{Int: -2}},
		{':', ":9223372036854775807\r\n", Reply{Int: 1<<63 - 1}},
		{'+', "+string\r\n", Reply{Text: "string"}},
		{'+', "+ReJSON-RL\r\n", Reply{Text: "ReJSON-RL"}},
		{'+', "+" + strings.Repeat("x", 4000) + "\r\n", Reply{Text: strings.Repeat("x", maxError)}},
		{':', "_\r\n", Reply{Nil: true}},
		{':', "$-1\r\n", Reply{Nil: true}},
		{'+', "*-1\r\n", Reply{Nil: true}},
		{':', "-NOPERM no\r\n", Reply{Err: replyError("NOPERM no")}},
		{':', ">3\r\n+message\r\n$3\r\na\r\n\r\n*1\r\n:1\r\n:7\r\n", Reply{Int: 7}}, // a push comes first
		// Well-formed, but not a reply of the command.
		{':', "+OK\r\n", Reply{Err: errWrongReply}},
		{':', "$3\r\nabc\r\n", Reply{Err: errWrongReply}},
		{':', "*2\r\n:1\r\n%1\r\n+a\r\n,1.5\r\n", Reply{Err: errWrongReply}},
		{'+', ":1\r\n", Reply{Err: errWrongReply}},
		{':', ":\r\n", Reply{Err: errWrongReply}},
		{':', ":x\r\n", Reply{Err: errWrongReply}},
		{':', ":1.5\r\n", Reply{Err: errWrongReply}},
		{':', ":+1\r\n", Reply{Err: errWrongReply}},
		{':', ":--1\r\n", Reply{Err: errWrongReply}},
		{':', ":99999999999999999999\r\n", Reply{Err: errWrongReply}},
	}
	for _, tt := range tests {
		r := respOf(tt.wire)
		got, err := r.reply(tt.want)
		if _, end := r.ReadByte(); err != nil || got != tt.got || end != io.EOF {
			t.Errorf("%q: %+v, %v, then %v; want %+v", tt.wire, got, err, end, tt.got)
		}
	}
}

func TestReplyRefusesNonsense(t *testing.T) {
	for _, wire := range []string{
		"HTTP/1.1 400\r\n",
		"\r\n", ":1\n", ">-2\r\n:1\r\n", ">2000000000\r\n", strings.Repeat(">1\r\n", 100) + ":1\r\n", ":" + strings.Repeat("1", 1<<17) + "\r\n",
	} {
		if got, err := respOf(wire).reply(':'); err == nil {
			t.Errorf("%.40q: %+v, want an error", wire, got)
		}
	}
}

// handed returns a connection as go-redis sees it, on which a server sends this.
func handed(wire string) *replyConn {
	nc, _ := net.Pipe()
	return &replyConn{Conn: nc, reader: respOf(wire)}
}

// Replies that go-redis reads are passed to it byte for byte.
func TestValueIsHandedOver(t *testing.T) {
	for _, wire := range []string{
		"+PONG\r\n", "-ERR no\r\n", ":1\r\n", "$0\r\n\r\n", "$5\r\na\r\nbc\r\n", "$-1\r\n", "*-1\r\n", "_\r\n", "#t\r\n", ",1.5\r\n", "(123\r\n", "=5\r\ntxt:a\r\n",
		"%1\r\n+a\r\n*2\r\n:1\r\n~1\r\n_\r\n", "|1\r\n+a\r\n:1\r\n+OK\r\n", ">1\r\n+a\r\n",
	} {
		nc := handed(wire)
		if got, err := io.ReadAll(nc); err != nil || string(got) != wire {
			t.Errorf("%q: %q, %v", wire, got, err)
		}
	}
	nc := handed("!10\r\nERR a\r\nb c\r\n") // the same as an error in one line
	if got, err := io.ReadAll(nc); err != nil || string(got) != "-ERR a  b c\r\n" {
		t.Errorf("%q, %v", got, err)
	}
}

// endless is a text followed by another one repeated forever.
type endless struct {
	io.Reader
	again string
}

func newEndless(begin, again string) *endless { return &endless{strings.NewReader(begin), again} }

func (e *endless) Read(b []byte) (int, error) {
	n, err := e.Reader.Read(b)
	if err == io.EOF {
		e.Reader, err = strings.NewReader(e.again), nil
	}
	return n, err
}

// No reply crashes or exhausts us: excessive lengths, nesting and endless replies end in
// an error, and take little memory.
func TestValueIsBounded(t *testing.T) {
	a := strings.Repeat("a", 4096)
	for _, r := range []io.Reader{
		strings.NewReader("$9223372036854775807\r\n"), strings.NewReader("$100000000000000\r\n"), strings.NewReader("$-2\r\n"),
		strings.NewReader(">2000000000\r\n"), strings.NewReader("%2000000000\r\n"), strings.NewReader("%9223372036854775807\r\n"), strings.NewReader("*-2\r\n"),
		newEndless("", "*1\r\n"), newEndless("", "%1\r\n"), newEndless("+", a), newEndless("(", "1111"), newEndless("-", a), newEndless("$4194304\r\n", a),
		newEndless("*65536\r\n", "*65536\r\n"), newEndless("*65000\r\n", "*5000\r\n:1\r\n"), newEndless("*65000\r\n", "$4096\r\n"+a+"\r\n"),
		newEndless("|65000\r\n", ":1\r\n"),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := newReader(r).value(nil, &limits{}, 0)
		runtime.ReadMemStats(&after)
		if !errors.Is(err, errProtocol) && !errors.Is(err, io.EOF) {
			t.Errorf("%v", err)
		}
		if taken := after.TotalAlloc - before.TotalAlloc; taken > 8*maxReply {
			t.Errorf("it took %d bytes of memory", taken)
		}
	}
}

// Texts from a server are kept without our password, whole or truncated.
func TestPasswordsAreMasked(t *testing.T) {
	const password = Secret("correct horse battery staple")
	for wire, want := range map[string]string{
		"-ERR unknown command 'auth', with args beginning with: 'correct horse battery staple' \r\n": "ERR unknown command 'auth', with args beginning with: '***' ",
		"-ERR unknown command 'auth', with args beginning with: 'correct horse ba\r\n":               "ERR unknown command 'auth', with args beginning with: '***",
		"-ERR incorrect\r\n": "ERR incorrect",
		"-" + strings.Repeat("x", maxError-5) + string(password) + "\r\n": strings.Repeat("x", maxError-5) + "***",
	} {
		r := respOf(wire)
		r.mask = password.Mask
		if got, err := r.reply(':'); err != nil || got.Err.Error() != want {
			t.Errorf("%q: %v, %v", wire, got.Err, err)
		}
		r = respOf(wire)
		r.mask = password.Mask
		if got, err := r.value(nil, &limits{}, 0); err != nil || string(got) != "-"+want+"\r\n" {
			t.Errorf("%q is handed over as %q, %v", wire, got, err)
		}
	}
	for _, short := range []Secret{"ERR", "N"} { // the error code stays
		r := respOf("-ERR unknown command\r\n")
		r.mask = short.Mask
		if got, _ := r.reply(':'); !commandRefused(got.Err) && short == "ERR" || firstWord(got.Err.Error()) != "ERR" {
			t.Errorf("with the password %s: %v", string(short), got.Err)
		}
	}
	r := respOf("+" + string(password) + "\r\n")
	r.mask = password.Mask
	if got, _ := r.reply('+'); got.Text != "***" {
		t.Errorf("a type: %q", got.Text)
	}
	r = respOf("*2\r\n$28\r\n" + string(password) + "\r\n")
	r.mask = password.Mask
	if _, err := r.scanReply(); err == nil || strings.Contains(err.Error(), "correct h") {
		t.Errorf("a cursor: %v", err)
	}
}

// For names that are too long the beginning and the length are kept.
func TestLongNames(t *testing.T) {
	name := func(n int) string { return fmt.Sprintf("$%d\r\n%s\r\n", n, strings.Repeat("n", n)) }
	r := respOf("*2\r\n$1\r\n7\r\n*4\r\n" + name(3) + name(MaxName) + name(MaxName+1) + name(4) + ":1\r\n")
	page, err := r.scanReply()
	if err != nil || len(page.Names) != 3 || len(page.Names[1]) != MaxName || len(page.Names[2]) != 4 {
		t.Fatalf("%d names, %v", len(page.Names), err)
	}
	if len(page.Long) != 1 || page.Long[0].Bytes != MaxName+1 || page.Long[0].Prefix != strings.Repeat("n", longPrefix) {
		t.Errorf("%d long names", len(page.Long))
	}
	if next, err := r.reply(':'); err != nil || next.Int != 1 {
		t.Errorf("%+v, %v", next, err)
	}
	const many = 2 * maxPage / MaxName // together they are too long for one page
	page, err = respOf(fmt.Sprintf("*2\r\n$1\r\n7\r\n*%d\r\n", many) + strings.Repeat(name(MaxName), many)).scanReply()
	if err != nil || len(page.Names) != maxPage/MaxName || len(page.Long) != many-maxPage/MaxName {
		t.Errorf("%d names, %d long names, %v", len(page.Names), len(page.Long), err)
	}
}

func TestScanReply(t *testing.T) {
	got, err := respOf("*2\r\n$20\r\n18446744073709551615\r\n*3\r\n$0\r\n\r\n$4\r\na\r\nb\r\n$2\r\n\xff\x00\r\n").scanReply()
	if want := []string{"", "a\r\nb", "\xff\x00"}; err != nil || got.Cursor != 1<<64-1 || !slices.Equal(got.Names, want) {
		t.Errorf("%+v, %v; want cursor 2^64-1 and %q", got, err, want)
	}
	if got, err := respOf("*2\r\n$1\r\n0\r\n*0\r\n").scanReply(); err != nil || got.Cursor != 0 || len(got.Names) != 0 {
		t.Errorf("an empty last page: %+v, %v", got, err)
	}
	_, err = respOf("-LOADING wait\r\n").scanReply()
	if refused := replyError(""); !errors.As(err, &refused) {
		t.Errorf("an error of the server: %v", err)
	}
}

// Cut after every byte, and delivered byte by byte.
func TestScanReplyInPieces(t *testing.T) {
	const wire = "*2\r\n$2\r\n17\r\n*2\r\n$3\r\nabc\r\n$1\r\nd\r\n"
	for n := range len(wire) {
		if got, err := respOf(wire[:n]).scanReply(); err == nil {
			t.Errorf("cut after %d bytes: %+v without an error", n, got)
		}
	}
	slow := newReader(iotest.OneByteReader(strings.NewReader(wire)))
	if got, err := slow.scanReply(); err != nil || got.Cursor != 17 || !slices.Equal(got.Names, []string{"abc", "d"}) {
		t.Errorf("byte by byte: %+v, %v", got, err)
	}
}

// Announced data takes no memory until it arrives.
func TestScanReplyAnnouncingTooMuch(t *testing.T) {
	for _, wire := range []string{
		"*2\r\n$1\r\n1\r\n*2000000000\r\n",
		"*2\r\n$1\r\n1\r\n*1000000\r\n$1\r\na\r\n",
		"*2\r\n$1\r\n1\r\n*1\r\n$536870912\r\nabc",
		"*2\r\n$1\r\n1\r\n*1\r\n$99999999999\r\n",
		"*2\r\n$1\r\n1\r\n*-1\r\n", "*2\r\n$1\r\n1\r\n*1\r\n$-1\r\n", "*2\r\n$2\r\n-1\r\n*0\r\n", "*2\r\n$0\r\n\r\n*0\r\n", "*3\r\n",
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		got, err := respOf(wire).scanReply()
		runtime.ReadMemStats(&after)
		if err == nil {
			t.Errorf("%q: %+v without an error", wire, got)
		}
		if taken := after.TotalAlloc - before.TotalAlloc; taken > 1<<20 {
			t.Errorf("%q took %d bytes of memory", wire, taken)
		}
	}
}

// More names than any page can have are refused before the first is read.
func TestScanReplyOfTooManyNames(t *testing.T) {
	if _, err := respOf("*2\r\n$1\r\n1\r\n*2000000000\r\n$1\r\na\r\n").scanReply(); !errors.Is(err, errProtocol) {
		t.Errorf("%v, want %v", err, errProtocol)
	}
}

func FuzzRESP(f *testing.F) {
	for _, wire := range []string{":1\r\n", "+string\r\n", "-ERR x\r\n", "_\r\n", ">1\r\n:1\r\n:2\r\n", "*2\r\n$1\r\n7\r\n*1\r\n$1\r\na\r\n", "$-1\r\n", "*2\r\n$1\r\na\r\n$0\r\n\r\n"} {
		f.Add(wire)
	}
	f.Fuzz(func(t *testing.T, wire string) {
		if value, err := respOf(wire).value(nil, &limits{}, 0); err == nil && len(value) > len(wire) {
			t.Fatalf("%q becomes %q", wire, value)
		}
		_, _ = respOf(wire).reply(':')
		got, err := respOf(wire).scanReply()
		size, list := 0, got.Names
		if ofSlot, wrong := respOf(wire).slotNames(); err != nil && wrong == nil {
			list, err = ofSlot.Names, nil
		}
		for _, name := range list {
			size += len(name)
		}
		if err == nil && size > len(wire) {
			t.Fatalf("%q: names of %d bytes out of %d", wire, size, len(wire))
		}
	})
}

func TestAppendCommand(t *testing.T) {
	if got, want := string(appendCommand(nil, "scan", "0", "")), "*3\r\n$4\r\nscan\r\n$1\r\n0\r\n$0\r\n\r\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
