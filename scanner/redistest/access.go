package redistest

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// clientTimeout bounds one pipeline of a Client, not one command.
const clientTimeout = time.Minute

// Addr returns the server's TCP address, "127.0.0.1:port".
func (s *Server) Addr() string {
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port))
}

// Socket returns the path of the server's unix socket. It never speaks TLS.
func (s *Server) Socket() string { return filepath.Join(s.dir, "s") }

// URL returns "redis://127.0.0.1:port", or "rediss://..." if the server was made
// by StartTLS, without the password.
func (s *Server) URL() string { return s.scheme + "://" + s.Addr() }

// SocketURL returns "unix:///path/of/the/socket", without the password.
func (s *Server) SocketURL() string {
	return (&url.URL{Scheme: "unix", Path: filepath.ToSlash(s.Socket())}).String()
}

// Client returns a client of database 0, shared by all callers and closed by
// Stop. It goes through the unix socket, sends no CLIENT commands of its own
// accord, knows the password of --requirepass and never retries.
func (s *Server) Client() *redis.Client { return s.ClientDB(0) }

// ClientDB is Client for another database.
func (s *Server) ClientDB(db int) *redis.Client {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.clients[db] == nil {
		s.clients[db] = redis.NewClient(s.clientOptions(db))
	}
	return s.clients[db]
}

func (s *Server) clientOptions(db int) *redis.Options {
	return &redis.Options{
		Network:                  "unix",
		Addr:                     s.Socket(),
		Password:                 s.password,
		DB:                       db,
		MaxRetries:               -1, // a retried RPUSH would write twice
		ReadTimeout:              clientTimeout,
		WriteTimeout:             clientTimeout,
		DisableIdentity:          true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
}

func (s *Server) closeClients() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.clients {
		_ = c.Close() // fails if it is closed already
	}
	clear(s.clients)
}

// CommandCounts returns how often each command was called since the server
// started, by lower-case name with the subcommand as in "memory|usage", taken
// from INFO commandstats. Unlike MONITOR it includes the administrative
// commands (CONFIG, ACL, DEBUG). It counts one "info" for itself the next time.
func (s *Server) CommandCounts(ctx context.Context) (map[string]int64, error) {
	text, err := s.Client().Info(ctx, "commandstats").Result()
	if err != nil {
		return nil, err
	}
	counts := map[string]int64{}
	for line := range strings.Lines(text) {
		name, stats, found := strings.Cut(strings.TrimPrefix(line, "cmdstat_"), ":calls=")
		if !found {
			continue
		}
		digits, _, _ := strings.Cut(stats, ",")
		if counts[name], err = strconv.ParseInt(digits, 10, 64); err != nil {
			return nil, fmt.Errorf("INFO commandstats: %q: %w", line, err)
		}
	}
	return counts, nil
}

// FailSaves makes a BGSAVE fail, and every one after it, and gives the server save
// points. PING and writes answer MISCONF from then on, if stop-writes-on-bgsave-error
// is yes, as it is by default.
func (s *Server) FailSaves(ctx context.Context) error {
	// The file that a child has written takes the place of the last one: not of a
	// folder. This works on root too, and from 7.0 CONFIG SET dir is protected.
	if err := os.Mkdir(filepath.Join(s.dir, "dump.rdb"), 0o700); err != nil {
		return err
	}
	if err := s.Client().ConfigSet(ctx, "save", "3600 1").Err(); err != nil {
		return err
	}
	if err := s.Client().Do(ctx, "BGSAVE").Err(); err != nil {
		return err
	}
	for {
		info, err := s.Client().Info(ctx, "persistence").Result()
		if err != nil || strings.Contains(info, "rdb_last_bgsave_status:err") {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
	}
}
