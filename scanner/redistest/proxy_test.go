package redistest

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// dialTest connects to addr for as long as the test runs.
func dialTest(t *testing.T, addr string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return conn
}

// ask sends text and reads n bytes of reply.
func ask(t *testing.T, conn net.Conn, text string, n int) (string, error) {
	t.Helper()
	if _, err := io.WriteString(conn, text); err != nil {
		return "", err
	}
	buf := make([]byte, n)
	read, err := io.ReadFull(conn, buf)
	return string(buf[:read]), err
}

const pong = "+PONG\r\n"

func mustPing(t *testing.T, conn net.Conn) {
	t.Helper()
	if got, err := ask(t, conn, "PING\r\n", len(pong)); err != nil || got != pong {
		t.Errorf("PING: %q, %v", got, err)
	}
}

func TestProxyPassesAndCounts(t *testing.T) {
	s := New(t)
	for _, target := range []string{s.Addr(), s.Socket()} {
		p := NewProxy(t, target)
		mustPing(t, dialTest(t, p.Addr()))
		if err := ping(t, p.URL(), time.Second); err != nil {
			t.Error(err)
		}
		if n := p.Accepted(); n != 2 {
			t.Errorf("accepted %d connections", n)
		}
	}
}

func TestProxyLatency(t *testing.T) {
	const latency = 20 * time.Millisecond
	p := NewProxy(t, New(t).Addr())
	conn := dialTest(t, p.Addr())
	p.SetLatency(latency)
	began := time.Now()
	mustPing(t, conn)
	if took := time.Since(began); took < 2*latency || took > 10*latency {
		t.Errorf("one round trip took %v", took)
	}
}

// TestProxyLatencyDoesNotThrottle has 50 commands under way at once: they must
// arrive together, about one latency late, not one latency after another.
func TestProxyLatencyDoesNotThrottle(t *testing.T) {
	const latency, commands = 50 * time.Millisecond, 50
	p := NewProxy(t, New(t).Addr())
	conn := dialTest(t, p.Addr())
	p.SetLatency(latency)
	began := time.Now()
	for range commands {
		if _, err := io.WriteString(conn, "PING\r\n"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Millisecond) // so that each is a chunk of its own
	}
	if _, err := ask(t, conn, "", commands*len(pong)); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > commands*latency/4 {
		t.Errorf("%d pipelined commands took %v", commands, took)
	}
}

func TestProxyPassesBulk(t *testing.T) {
	s := New(t)
	big := make([]byte, 32<<20)
	if err := s.Client().Set(t.Context(), "big", big, 0).Err(); err != nil {
		t.Fatal(err)
	}
	p := NewProxy(t, s.Addr())
	p.SetLatency(time.Millisecond)
	client := redis.NewClient(&redis.Options{Addr: p.Addr(), ReadTimeout: 20 * time.Second})
	defer func() { _ = client.Close() }()
	if got, err := client.Get(t.Context(), "big").Result(); err != nil || len(got) != len(big) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

func TestProxyCutsAfterBytes(t *testing.T) {
	p := NewProxy(t, New(t).Addr())
	conn := dialTest(t, p.Addr())
	mustPing(t, conn)
	p.CutAfter(int64(len(pong)) + 3)
	mustPing(t, conn)
	got, err := ask(t, conn, "PING\r\n", len(pong))
	if len(got) > 3 || !isReset(err) {
		t.Errorf("after the cut: %q, %v", got, err)
	}
	mustPing(t, dialTest(t, p.Addr())) // once only
}

// isReset tells a reset, or an end within a message, from a clean end and from
// silence.
func isReset(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, io.ErrUnexpectedEOF)
}

func TestProxyCutCanBeCancelled(t *testing.T) {
	p := NewProxy(t, New(t).Addr())
	conn := dialTest(t, p.Addr())
	p.CutAfter(0)
	p.CutAfter(-1)
	mustPing(t, conn)
}

func TestProxyBlackhole(t *testing.T) {
	p := NewProxy(t, New(t).Addr())
	conn := dialTest(t, p.Addr())
	mustPing(t, conn)
	p.Blackhole(true)
	p.Blackhole(true)
	_ = conn.SetDeadline(time.Now().Add(50 * time.Millisecond))
	if _, err := ask(t, conn, "PING\r\n", len(pong)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("in the black hole: %v", err)
	}
	p.Blackhole(false)
	p.Blackhole(false)
	_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
	if got, err := ask(t, conn, "", len(pong)); err != nil || got != pong {
		t.Errorf("afterwards: %q, %v", got, err)
	}
}

func TestProxyReset(t *testing.T) {
	p := NewProxy(t, New(t).Addr())
	a, b := dialTest(t, p.Addr()), dialTest(t, p.Addr())
	mustPing(t, a)
	mustPing(t, b)
	p.Reset()
	for _, conn := range []net.Conn{a, b} {
		if _, err := ask(t, conn, "PING\r\n", len(pong)); !isReset(err) {
			t.Errorf("after the reset: %v", err)
		}
	}
	mustPing(t, dialTest(t, p.Addr()))
}

func TestProxyOfADeadTarget(t *testing.T) {
	s := New(t)
	p := NewProxy(t, s.Addr())
	s.Kill()
	conn, err := net.Dial("tcp", p.Addr()) // may see the reset already
	if err == nil {
		defer func() { _ = conn.Close() }()
		_, err = ask(t, conn, "PING\r\n", len(pong))
	}
	if !isReset(err) {
		t.Errorf("error = %v", err)
	}
}

// TestProxyPassesLastWords has a server that refuses and closes: the refusal must
// arrive although the client's own bytes can no longer be delivered.
func TestProxyPassesLastWords(t *testing.T) {
	refusal := Error("ERR max number of clients reached")
	f := NewFake(t, FakeOptions{Greeting: refusal, Close: true}, nil)
	p := NewProxy(t, f.Addr())
	p.SetLatency(20 * time.Millisecond)
	conn := dialTest(t, p.Addr())
	if got, err := ask(t, conn, "PING\r\n", len(refusal)); err != nil || got != refusal {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestProxyClosesUnderTraffic(t *testing.T) {
	p := NewProxy(t, New(t).Addr())
	conn := dialTest(t, p.Addr())
	p.SetLatency(time.Hour)
	if _, err := io.WriteString(conn, "PING\r\n"); err != nil {
		t.Fatal(err)
	}
	time.Sleep(10 * time.Millisecond)
	p.Close()
	if _, err := net.Dial("tcp", p.Addr()); err == nil {
		t.Error("a closed proxy accepts")
	}
}
