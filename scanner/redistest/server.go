package redistest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// ErrNotInstalled is returned by Start when there is no redis-server to run.
var ErrNotInstalled = errors.New("redis-server is not installed; run scripts/install-redis")

const (
	startTimeout = 30 * time.Second // of one server; generous, as tests with -race share few cores
	startTries   = 5                // with another port each
)

// Binary is the path of a server's program, such as those that scripts/servers prints.
// Empty, it is the redis-server on the PATH. Its methods are like the functions of the
// same names, for that program.
type Binary string

// Server is a running redis-server, alone in a temporary folder. It listens on
// a unix socket and on a TCP port of 127.0.0.1. Its methods may be called from
// several goroutines.
type Server struct {
	dir      string
	scheme   string // of URL: redis or rediss
	port     int
	password string // of --requirepass, "" for none
	binary   Binary
	command  []string // of the process, less the binary
	process  *process
	stopOnce sync.Once
	stopErr  error

	mu      sync.Mutex
	clients map[int]*redis.Client // by database
}

// listen holds the options for a server's TCP port.
type listen struct {
	scheme string
	args   func(port int) []string
}

func plainListen() listen {
	return listen{scheme: "redis", args: func(port int) []string {
		return []string{"--port", strconv.Itoa(port)}
	}}
}

// Start runs a redis-server that keeps everything in memory and returns when it
// answers PING. The args are added to its command line and override the
// defaults: "--maxmemory-policy", "allkeys-lru". The caller must Stop it. The
// context bounds the start only, not the server's life. If redis-server is
// missing the error is ErrNotInstalled; if it refuses to start, the error ends
// with what it printed.
func Start(ctx context.Context, args ...string) (*Server, error) {
	return Binary("").Start(ctx, args...)
}

// Start is like the function Start, for this program.
func (b Binary) Start(ctx context.Context, args ...string) (*Server, error) {
	dir, err := tempDir()
	if err != nil {
		return nil, err
	}
	return b.startIn(ctx, dir, plainListen(), args)
}

// New is Start for tests. The server is stopped when the test ends, and its log
// is shown if the test failed. A missing redis-server fails the test: a test
// that is skipped where it matters proves nothing.
func New(tb testing.TB, args ...string) *Server {
	tb.Helper()
	return Binary("").New(tb, args...)
}

// New is like the function New, for this program.
func (b Binary) New(tb testing.TB, args ...string) *Server {
	tb.Helper()
	s, err := b.Start(tb.Context(), args...)
	if err != nil {
		tb.Fatalf("redistest: %v", err)
	}
	s.stopAtEnd(tb)
	return s
}

func (s *Server) stopAtEnd(tb testing.TB) {
	tb.Cleanup(func() {
		if err := s.Stop(); err != nil {
			tb.Errorf("redistest: stop: %v", err)
		}
		if tb.Failed() {
			tb.Logf("redistest: log of the server at %s:\n%s", s.Addr(), s.Log())
		}
	})
}

// tempDir makes the folder of a server. It is not a test's own TempDir, whose
// path holds the test's name: a unix socket's path may have 108 bytes (104 on
// macOS).
func tempDir() (string, error) {
	return os.MkdirTemp("", "redistest")
}

// startIn starts a server in dir, which it owns from then on. The kernel names a
// free port, but another process may take it before redis-server does: hence
// more than one try.
func (b Binary) startIn(ctx context.Context, dir string, l listen, args []string) (*Server, error) {
	return b.startOf(ctx, dir, defaultArgs(dir), l, args)
}

// startOf is startIn with the arguments that precede the others.
func (b Binary) startOf(ctx context.Context, dir string, first []string, l listen, args []string) (*Server, error) {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	var err error
	for range startTries {
		var s *Server
		if s, err = b.tryStart(ctx, dir, first, l, args); err == nil {
			return s, nil
		}
		if !strings.Contains(err.Error(), "Address already in use") {
			break
		}
	}
	return nil, errors.Join(err, os.RemoveAll(dir))
}

func (b Binary) tryStart(ctx context.Context, dir string, first []string, l listen, args []string) (*Server, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	s := &Server{
		dir: dir, scheme: l.scheme, port: port, binary: b,
		password: flagValue(args, "--requirepass"),
		clients:  map[int]*redis.Client{},
	}
	s.command = slices.Concat(first, l.args(port), args)
	if err := s.run(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

// run starts the process and waits until it answers.
func (s *Server) run(ctx context.Context) (err error) {
	path, err := s.binary.find()
	if err != nil {
		return err
	}
	if s.process, err = startProcess(path, s.command); err != nil {
		return err
	}
	if err := s.awaitReady(ctx); err != nil {
		s.process.kill()
		return fmt.Errorf("redis-server did not start: %w\n%s", err, s.Log())
	}
	return nil
}

// Restart ends the process as a crash would, and starts another in the same
// folder and on the same port, with more args. It has the data of the last SAVE.
// It returns when that process answers and has loaded them. Of the other methods
// only Addr, URL, Socket and SocketURL may be called meanwhile.
func (s *Server) Restart(ctx context.Context, args ...string) error {
	s.closeClients()
	s.process.kill()
	s.command = append(s.command, args...)
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	return s.run(ctx)
}

func defaultArgs(dir string) []string {
	return []string{
		"--bind", "127.0.0.1",
		"--unixsocket", filepath.Join(dir, "s"),
		"--dir", dir,
		"--daemonize", "no",
		"--save", "",
		"--appendonly", "no",
		// A primary would wait 5 seconds for more replicas before it sends its data.
		"--repl-diskless-sync-delay", "0",
	}
}

// freePort returns a TCP port of 127.0.0.1 that was free a moment ago. It is at
// most 55535, because in cluster mode redis-server also listens 10,000 higher.
func freePort() (int, error) {
	for {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return 0, err
		}
		port := l.Addr().(*net.TCPAddr).Port
		if err := l.Close(); err != nil {
			return 0, err
		}
		if port <= 55535 {
			return port, nil
		}
	}
}

// flagValue returns the argument after the last name in args, or "".
func flagValue(args []string, name string) string {
	value := ""
	for i := 0; i+1 < len(args); i++ {
		if strings.EqualFold(args[i], name) {
			value = args[i+1]
		}
	}
	return value
}
