package scanner

import (
	"errors"
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
		wire string
		want Reply
	}{
		{":42\r\n", Reply{Int: 42}},
		{":-1\r\n", Reply{Int: -1}},
		{":-2\r\n", Reply{Int: -2}},
		{":9223372036854775807\r\n", Reply{Int: 1<<63 - 1}},
		{"+string\r\n", Reply{Text: "string"}},
		{"+ReJSON-RL\r\n", Reply{Text: "ReJSON-RL"}},
		{"_\r\n", Reply{Nil: true}},
		{"$-1\r\n", Reply{Nil: true}},
		{"*-1\r\n", Reply{Nil: true}},
		{"-NOPERM no\r\n", Reply{Err: replyError("NOPERM no")}},
		{">3\r\n+message\r\n$3\r\na\r\n\r\n*1\r\n:1\r\n:7\r\n", Reply{Int: 7}}, // a push comes first
	}
	for _, tt := range tests {
		got, err := respOf(tt.wire).reply()
		if err != nil || got != tt.want {
			t.Errorf("%q: %+v, %v; want %+v", tt.wire, got, err, tt.want)
		}
	}
}

func TestReplyRefusesNonsense(t *testing.T) {
	for _, wire := range []string{
		":\r\n", ":x\r\n", ":1.5\r\n", ":99999999999999999999\r\n", ":--1\r\n", ":-\r\n", "$3\r\nabc\r\n", "*2\r\n:1\r\n:2\r\n", "HTTP/1.1 400\r\n",
		"\r\n", ":1\n", "%1\r\n", ">-1\r\n:1\r\n", ">2000000000\r\n", strings.Repeat(">1\r\n", 100) + ":1\r\n", ":" + strings.Repeat("1", 1<<17) + "\r\n",
	} {
		if got, err := respOf(wire).reply(); err == nil {
			t.Errorf("%.40q: %+v, want an error", wire, got)
		}
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

// What is announced takes no memory until it arrives.
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
		_, _ = respOf(wire).reply()
		got, err := respOf(wire).scanReply()
		size, list := 0, got.Names
		if ofSlot, wrong := respOf(wire).slotNames(); err != nil && wrong == nil {
			list, err = ofSlot, nil
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

func TestEveryProbeIsAllowed(t *testing.T) {
	for probe := range numProbes {
		if !Allowed(Probe(probe).String()) {
			t.Errorf("%s is a probe and not on the allow-list", Probe(probe))
		}
	}
}

func TestLedgerStopsWhatIsNotAllowed(t *testing.T) {
	l := newLedger()
	for _, name := range []string{"get", "memory doctor", "memory", "object", "config get", "flushall", "SCAN", ""} {
		if err := l.enter(name, 1); !errors.Is(err, ErrNotAllowed) {
			t.Errorf("%q: %v", name, err)
		}
	}
	if len(l.counts()) != 0 {
		t.Errorf("counted %v", l.counts())
	}
}
