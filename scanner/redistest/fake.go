package redistest

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Handler answers one command with the bytes to send, made by Simple, Error,
// Array and the others, or written by hand to be wrong. The args are the command
// as it came; its name is args[0], in the client's case.
type Handler func(args []string) string

// HelloMode says how a Fake answers HELLO.
type HelloMode int

const (
	HelloAccept HelloMode = iota // as Redis 7.0 with the protocol asked for
	HelloRefuse                  // "unknown command", as Redis 5 does: the client must fall back to RESP2
	HelloHandle                  // the Handler answers it as any other command
)

// FakeOptions change how a Fake behaves; the zero value suits most tests.
type FakeOptions struct {
	Hello    HelloMode
	Greeting string // sent to each client unasked, before it has said anything
	Close    bool   // hang up after the greeting
}

// Fake is a scripted server that speaks RESP, for answers that a real server
// gives only on a bad day. Like Redis it executes one command at a time, whatever
// the number of clients, so that a Handler needs no lock and one that blocks
// blocks everybody.
type Fake struct {
	listener net.Listener
	handler  Handler
	options  FakeOptions
	running  sync.WaitGroup

	executing sync.Mutex // one command at a time

	mu     sync.Mutex
	closed bool
	conns  map[net.Conn]struct{}
	calls  [][]string
}

// StartFake listens on a free port of 127.0.0.1. The caller must Close it. A nil
// handler answers every command but HELLO as unknown.
func StartFake(options FakeOptions, handler Handler) (*Fake, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	if handler == nil {
		handler = UnknownCommand
	}
	f := &Fake{listener: l, handler: handler, options: options, conns: map[net.Conn]struct{}{}}
	f.running.Go(f.accept)
	return f, nil
}

// NewFake is StartFake for tests; it is closed when the test ends.
func NewFake(tb testing.TB, options FakeOptions, handler Handler) *Fake {
	tb.Helper()
	f, err := StartFake(options, handler)
	if err != nil {
		tb.Fatalf("redistest: fake: %v", err)
	}
	tb.Cleanup(f.Close)
	return f
}

// Addr returns the address to connect to, "127.0.0.1:port".
func (f *Fake) Addr() string { return f.listener.Addr().String() }

// URL returns "redis://127.0.0.1:port".
func (f *Fake) URL() string { return "redis://" + f.Addr() }

// Calls returns the commands received so far, HELLO included, in the order in
// which they were executed.
func (f *Fake) Calls() [][]string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.calls)
}

// Close ends the fake and its connections, and returns when they are gone.
func (f *Fake) Close() {
	f.mu.Lock()
	f.closed = true
	for c := range f.conns {
		_ = c.Close()
	}
	f.mu.Unlock()
	_ = f.listener.Close()
	f.running.Wait()
}

func (f *Fake) accept() {
	for {
		conn, err := f.listener.Accept()
		if err != nil {
			return
		}
		if f.add(conn) {
			f.running.Go(func() { f.serve(conn) })
		}
	}
}

func (f *Fake) add(conn net.Conn) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		_ = conn.Close()
		return false
	}
	f.conns[conn] = struct{}{}
	return true
}

func (f *Fake) remove(conn net.Conn) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.conns, conn)
	_ = conn.Close()
}

// serve answers one client until it leaves or a reply says to hang up.
func (f *Fake) serve(conn net.Conn) {
	defer f.remove(conn)
	if _, err := io.WriteString(conn, f.options.Greeting); err != nil || f.options.Close {
		return
	}
	r := bufio.NewReader(conn)
	for {
		args, err := readCommand(r)
		if err != nil {
			return
		}
		reply, hangUp := strings.CutSuffix(f.answer(args), hangUpMark)
		if _, err := io.WriteString(conn, reply); err != nil || hangUp {
			return
		}
	}
}

func (f *Fake) answer(args []string) string {
	f.executing.Lock()
	defer f.executing.Unlock()
	f.record(args)
	if !strings.EqualFold(args[0], "hello") {
		return f.handler(args)
	}
	switch f.options.Hello {
	case HelloRefuse:
		return UnknownCommand(args)
	case HelloHandle:
		return f.handler(args)
	default:
		return hello(args)
	}
}

func (f *Fake) record(args []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, args)
}

// hello answers as Redis 7.0 does: a map, which is a flat array before RESP3.
func hello(args []string) string {
	fields := []string{
		Bulk("server"), Bulk("redis"), Bulk("version"), Bulk("7.0.15"),
		Bulk("proto"), Integer(2), Bulk("id"), Integer(1),
		Bulk("mode"), Bulk("standalone"), Bulk("role"), Bulk("master"),
		Bulk("modules"), ArrayHeader(0),
	}
	if len(args) > 1 && args[1] == "3" {
		fields[5] = Integer(3)
		return fmt.Sprintf("%%%d\r\n", len(fields)/2) + strings.Join(fields, "")
	}
	return ArrayHeader(int64(len(fields))) + strings.Join(fields, "")
}
