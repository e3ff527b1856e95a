package redistest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// StartReplica starts a server of the primary's program that copies primary, and
// returns when the copy is complete and the link is up. The primary must have been made by Start.
func StartReplica(ctx context.Context, primary *Server, args ...string) (*Server, error) {
	link := []string{"--replicaof", "127.0.0.1", strconv.Itoa(primary.port)}
	if primary.password != "" {
		link = append(link, "--masterauth", primary.password)
	}
	s, err := primary.binary.Start(ctx, append(link, args...)...)
	if err != nil {
		return nil, err
	}
	if err := s.awaitLink(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("replica: %w\n%s", err, s.Log()), s.Stop())
	}
	return s, nil
}

// Replica is StartReplica for tests; see New.
func Replica(tb testing.TB, primary *Server, args ...string) *Server {
	tb.Helper()
	s, err := StartReplica(tb.Context(), primary, args...)
	if err != nil {
		tb.Fatalf("redistest: %v", err)
	}
	s.stopAtEnd(tb)
	return s
}

// awaitLink returns when the replica has the primary's data. A LOADING reply meanwhile is
// no error.
func (s *Server) awaitLink(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		info, err := s.Client().Info(ctx, "replication").Result()
		if err == nil && strings.Contains(info, "master_link_status:up") {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// Sentinel starts a Sentinel that watches primary under a name. It is stopped when the
// test ends.
func Sentinel(tb testing.TB, name string, primary *Server) *Server {
	tb.Helper()
	dir, err := tempDir()
	if err != nil {
		tb.Fatalf("redistest: %v", err)
	}
	// A Sentinel wants a file, which it rewrites, as its first argument.
	file := filepath.Join(dir, "sentinel.conf")
	watch := fmt.Appendf(nil, "sentinel monitor %s 127.0.0.1 %d 1\n", name, primary.port)
	if err := os.WriteFile(file, watch, 0o600); err != nil {
		tb.Fatalf("redistest: %v", err)
	}
	l := plainListen()
	args := l.args
	l.args = func(port int) []string {
		return append(args(port), "--unixsocket", filepath.Join(dir, "s"), "--sentinel")
	}
	s, err := primary.binary.startOf(tb.Context(), dir, []string{file}, l, nil)
	if err != nil {
		tb.Fatalf("redistest: %v", err)
	}
	s.stopAtEnd(tb)
	return s
}
