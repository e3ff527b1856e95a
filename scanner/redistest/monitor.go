package redistest

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// Monitor records the commands that a server executes, through MONITOR on a
// connection of its own. Redis does not show everything there: commands that it
// counts as administrative (CONFIG, ACL, DEBUG, MONITOR itself) are left out, and
// the arguments of AUTH and HELLO are replaced. Server.CommandCounts shows that
// the former were called.
type Monitor struct {
	stream *wire // carries the recording
	marker *wire // sends the PING that ends it
	end    string
	done   chan struct{}
	seen   [][]string // until done: owned by the reading goroutine
	err    error
}

const (
	monitorTimeout = 10 * time.Second // of each step of starting and stopping
	monitorEnd     = "redistest-monitor-end-"
)

var monitors atomic.Int64 // makes the end mark of each Monitor its own

// StartMonitor begins to record; every command sent after it returns is seen.
func StartMonitor(s *Server) (*Monitor, error) {
	// The marker logs in now, so that its AUTH is not part of the recording.
	marker, err := s.dial(monitorTimeout)
	if err != nil {
		return nil, err
	}
	stream, err := s.dial(monitorTimeout)
	if err != nil {
		return nil, errors.Join(err, marker.Close())
	}
	m := &Monitor{
		stream: stream, marker: marker, done: make(chan struct{}),
		end: fmt.Sprintf("%s%d", monitorEnd, monitors.Add(1)),
	}
	line, err := stream.call(monitorTimeout, "MONITOR")
	if err != nil || line != "+OK" {
		return nil, errors.Join(fmt.Errorf("MONITOR answered %q", line), err, m.close())
	}
	go m.read()
	return m, nil
}

// NewMonitor is StartMonitor for tests. The connections are closed at the test's
// end if Stop was not called.
func NewMonitor(tb testing.TB, s *Server) *Monitor {
	tb.Helper()
	m, err := StartMonitor(s)
	if err != nil {
		tb.Fatalf("redistest: monitor: %v", err)
	}
	tb.Cleanup(func() {
		_ = m.close() // fails after Stop
		<-m.done
	})
	return m
}

// Stop ends the recording and returns each command as its arguments, in the order
// of execution, with the command's name in lower case. Every command that was
// answered before Stop was called is among them. It may be called once.
func (m *Monitor) Stop() ([][]string, error) {
	if _, err := m.marker.call(monitorTimeout, "PING", m.end); err != nil {
		return nil, err
	}
	if err := m.stream.SetReadDeadline(time.Now().Add(monitorTimeout)); err != nil {
		return nil, err
	}
	<-m.done
	return m.seen, errors.Join(m.err, m.close())
}

func (m *Monitor) close() error { return errors.Join(m.stream.Close(), m.marker.Close()) }

func (m *Monitor) read() {
	defer close(m.done)
	for {
		args, err := m.next()
		if err != nil {
			m.err = err
			return
		}
		if len(args) == 2 && args[1] == m.end {
			return
		}
		if len(args) == 2 && strings.HasPrefix(args[1], monitorEnd) {
			continue // of another Monitor
		}
		m.seen = append(m.seen, args)
	}
}

func (m *Monitor) next() ([]string, error) {
	line, err := m.stream.r.ReadString('\n')
	if err != nil {
		return nil, err
	}
	return parseMonitorLine(line)
}

// parseMonitorLine reads one line such as
//
//	+1700000000.123456 [0 127.0.0.1:50000] "set" "a\xff" "1"
//
// Redis quotes the arguments with a subset of Go's escapes.
func parseMonitorLine(line string) ([]string, error) {
	_, quoted, found := strings.Cut(strings.TrimRight(line, "\r\n"), "] ")
	if !found {
		return nil, fmt.Errorf("MONITOR: unexpected line %q", line)
	}
	var args []string
	for quoted != "" {
		one, err := strconv.QuotedPrefix(quoted)
		if err != nil {
			return nil, fmt.Errorf("MONITOR: %w in %q", err, line)
		}
		arg, err := strconv.Unquote(one)
		if err != nil {
			return nil, fmt.Errorf("MONITOR: %w in %q", err, line)
		}
		args = append(args, arg)
		quoted = strings.TrimPrefix(quoted[len(one):], " ")
	}
	if len(args) == 0 {
		return nil, fmt.Errorf("MONITOR: no command in %q", line)
	}
	args[0] = strings.ToLower(args[0])
	return args, nil
}
