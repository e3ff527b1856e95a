package redistest

import (
	"bufio"
	"context"
	"errors"
	"net"
	"os"
	"slices"
	"strings"
	"time"
)

// shutdownGrace is the time that a server has to exit by itself. A primary can take
// longer, as it waits for replicas that lag; it is killed then.
const shutdownGrace = 2 * time.Second

// wire is a plain connection to a server's socket, for what go-redis does too much for
// (PING until it replies) or too little (MONITOR).
type wire struct {
	net.Conn
	r *bufio.Reader
}

// dial connects to the unix socket and logs in if there is a password.
func (s *Server) dial(timeout time.Duration) (*wire, error) {
	conn, err := net.DialTimeout("unix", s.Socket(), timeout)
	if err != nil {
		return nil, err
	}
	w := &wire{Conn: conn, r: bufio.NewReader(conn)}
	if s.password == "" {
		return w, nil
	}
	if _, err := w.call(timeout, "AUTH", s.password); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return w, nil
}

// call sends a command and returns the first line of its reply.
func (w *wire) call(timeout time.Duration, args ...string) (string, error) {
	if err := w.SetDeadline(time.Now().Add(timeout)); err != nil {
		return "", err
	}
	if _, err := w.Write([]byte(Array(args...))); err != nil {
		return "", err
	}
	line, err := w.r.ReadString('\n')
	if err != nil {
		return "", err
	}
	return strings.TrimRight(line, "\r\n"), w.SetDeadline(time.Time{})
}

// awaitReady returns when the server replies to PING, or with the reason why it never
// will.
func (s *Server) awaitReady(ctx context.Context) error {
	for {
		if s.answers() {
			return nil
		}
		select {
		case <-s.process.done:
			return errors.New("the process has ended")
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// answers reports whether the server is up. A server that refuses PING because it wants a
// password, lost its primary or cannot save is up; one that loads its data is not.
func (s *Server) answers() bool {
	w, err := s.dial(time.Second)
	if err != nil {
		return false
	}
	defer func() { _ = w.Close() }()
	line, err := w.call(time.Second, "PING")
	word, _, _ := strings.Cut(line, " ")
	return err == nil && slices.Contains([]string{"+PONG", "-NOAUTH", "-MASTERDOWN", "-MISCONF"}, word)
}

// shutdown asks the server to end and waits for a while. It may fail at any
// point: the process is killed afterwards in any case.
func (s *Server) shutdown() {
	w, err := s.dial(shutdownGrace)
	if err != nil {
		return
	}
	defer func() { _ = w.Close() }()
	if _, err := w.call(shutdownGrace, "SHUTDOWN", "NOSAVE"); errors.Is(err, os.ErrDeadlineExceeded) {
		return
	}
	select {
	case <-s.process.done:
	case <-time.After(shutdownGrace):
	}
}
