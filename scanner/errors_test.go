package scanner_test

import (
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"keyprof/scanner"
)

// A tunnel accepts whatever its other end does: a refused certificate and a dead
// server look alike from here, and neither like a refused connection.
func TestTunnelThatLeadsNowhere(t *testing.T) {
	for name, end := range map[string]func(*net.TCPConn){
		"closed": func(*net.TCPConn) {},
		"reset":  func(c *net.TCPConn) { c.SetLinger(0) },
		"reset after a command": func(c *net.TCPConn) {
			c.Read(make([]byte, 1))
			c.SetLinger(0)
		},
	} {
		t.Run(name, func(t *testing.T) {
			target := scanner.Target{Network: "tcp", Address: hangUp(t, end)}
			_, err := scanner.Connect(t.Context(), target, 5*time.Second, scanner.RetryPolicy{})
			failed := (*scanner.Error)(nil)
			if !errors.As(err, &failed) {
				t.Fatalf("%v", err)
			}
			switch strings.TrimPrefix(failed.Error(), "connecting to "+target.Address+": ") {
			case "the server closed the connection", "the connection was reset":
			default:
				t.Errorf("error: %s", failed)
			}
			for _, word := range []string{"behind stunnel", "log", "certificate", "down"} {
				if !strings.Contains(failed.Hint, word) {
					t.Errorf("no %q in the hint: %s", word, failed.Hint)
				}
			}
		})
	}
}

// hangUp is the address of a listener that ends each connection as end says.
func hangUp(t *testing.T, end func(*net.TCPConn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			end(conn.(*net.TCPConn))
			conn.Close()
		}
	}()
	return l.Addr().String()
}
