package redistest

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

func contextFor(d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), d)
}

// start is Start for tests that stop the server themselves.
func start(t *testing.T, args ...string) *Server {
	t.Helper()
	s, err := Start(t.Context(), args...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Stop() })
	return s
}

// ping asks for a sign of life at a URL, with a timeout of d.
func ping(t *testing.T, url string, d time.Duration) error {
	t.Helper()
	opts, err := redis.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	opts.MaxRetries = -1
	opts.DialTimeout, opts.ReadTimeout = d, d
	client := redis.NewClient(opts)
	defer func() { _ = client.Close() }()
	return client.Ping(t.Context()).Err()
}

func TestServerIsReachableEveryWay(t *testing.T) {
	s := New(t)
	for _, url := range []string{s.URL(), s.SocketURL()} {
		if err := ping(t, url, time.Second); err != nil {
			t.Errorf("%s: %v", url, err)
		}
	}
	if _, port, err := net.SplitHostPort(s.Addr()); err != nil || port == "0" {
		t.Errorf("Addr = %q", s.Addr())
	}
	if !strings.Contains(s.Log(), "Ready to accept connections") {
		t.Errorf("log lacks the server's greeting:\n%s", s.Log())
	}
	if n := len(s.Socket()); n >= 104 {
		t.Errorf("the socket's path has %d bytes", n)
	}
}

func TestArgsOverrideDefaults(t *testing.T) {
	s := New(t, "--maxmemory-policy", "allkeys-lru", "--databases", "3", "--requirepass", "s3 cret")
	got, err := s.Client().ConfigGet(t.Context(), "maxmemory-policy").Result()
	if err != nil || got["maxmemory-policy"] != "allkeys-lru" {
		t.Errorf("policy = %v, %v", got, err)
	}
	if err := s.ClientDB(2).Set(t.Context(), "k", "v", 0).Err(); err != nil {
		t.Error(err)
	}
	if n := s.Client().DBSize(t.Context()).Val(); n != 0 {
		t.Errorf("database 0 has %d keys", n)
	}
	if err := ping(t, s.URL(), time.Second); err == nil || !strings.HasPrefix(err.Error(), "NOAUTH") {
		t.Errorf("without password: %v", err)
	}
}

func TestClusterModeStarts(t *testing.T) {
	s := New(t, "--cluster-enabled", "yes")
	if info := s.Client().ClusterInfo(t.Context()).Val(); !strings.Contains(info, "cluster_state") {
		t.Errorf("CLUSTER INFO = %q", info)
	}
}

// Nothing is on the PATH: the server, the one that takes its place and its replica
// are of the program that was named.
func TestServersOfANamedBinary(t *testing.T) {
	path, err := Binary("").find()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", t.TempDir())
	s := Binary(path).New(t)
	if err := s.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	replica := Replica(t, s)
	for _, s := range []*Server{s, replica} {
		if got := s.process.cmd.Path; got != path {
			t.Errorf("%s runs, want %s", got, path)
		}
	}
	if _, err := Binary(filepath.Join(t.TempDir(), "no-server")).Start(t.Context()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a program that is not there: %v", err)
	}
}

// One half of a slot's keys is on each side, and neither node calls it done.
func TestMigrate(t *testing.T) {
	nodes := NewCluster(t, 2)
	const slot = 682 // of {going}
	for _, key := range []string{"{going}1", "{going}2"} {
		if err := nodes[0].Client().Set(t.Context(), key, "v", 0).Err(); err != nil {
			t.Fatal(err)
		}
	}
	Migrate(t, nodes[0], nodes[1], slot, "{going}2")
	for i, want := range []string{"->-", "-<-"} {
		if keys := nodes[i].Client().ClusterCountKeysInSlot(t.Context(), slot).Val(); keys != 1 {
			t.Errorf("node %d has %d keys of the slot", i, keys)
		}
		if known := nodes[i].Client().ClusterNodes(t.Context()).Val(); !strings.Contains(known, "[682"+want) {
			t.Errorf("node %d knows %s", i, known)
		}
	}
	for key, code := range map[string]string{"{going}1": "MOVED", "{going}2": "ASK"} {
		node := nodes[1]
		if code == "ASK" {
			node = nodes[0]
		}
		if err := node.Client().Get(t.Context(), key).Err(); err == nil || !strings.HasPrefix(err.Error(), code) {
			t.Errorf("%s: %v, want %s", key, err, code)
		}
	}
}

func TestClusterReplica(t *testing.T) {
	primary := NewCluster(t, 1)[0]
	if err := primary.Client().Set(t.Context(), "k", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	replica := ClusterReplica(t, primary)
	if n := replica.Client().DBSize(t.Context()).Val(); n != 1 {
		t.Errorf("%d keys", n)
	}
	if err := replica.Client().Get(t.Context(), "k").Err(); err == nil || !strings.HasPrefix(err.Error(), "MOVED") {
		t.Errorf("a replica that was not told READONLY: %v", err)
	}
}

func TestFailSaves(t *testing.T) {
	s := New(t)
	ctx, cancel := contextFor(startTimeout)
	defer cancel()
	if err := s.FailSaves(ctx); err != nil {
		t.Fatal(err)
	}
	if err := s.Client().Ping(ctx).Err(); err == nil || !strings.HasPrefix(err.Error(), "MISCONF") {
		t.Errorf("PING: %v", err)
	}
	if !s.answers() {
		t.Error("a server whose saves fail is called down")
	}
}

func TestStartReportsWhatTheServerSaid(t *testing.T) {
	_, err := Start(t.Context(), "--no-such-option", "1")
	if err == nil || !strings.Contains(err.Error(), "no-such-option") {
		t.Errorf("error = %v", err)
	}
}

func TestStartWithoutRedisNamesTheRemedy(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := Start(t.Context())
	if !errors.Is(err, ErrNotInstalled) || !strings.Contains(err.Error(), "scripts/install-redis") {
		t.Errorf("error = %v", err)
	}
}

func TestFailedStartLeavesNoFolder(t *testing.T) {
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	if _, err := Start(t.Context(), "--no-such-option", "1"); err == nil {
		t.Fatal("no error")
	}
	if left, _ := filepath.Glob(filepath.Join(tmp, "*")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestStopLeavesNothing(t *testing.T) {
	s := start(t)
	if err := s.Client().Set(t.Context(), "k", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(s.Log(), "ready to exit") {
		t.Errorf("the server was not asked to end by itself:\n%s", s.Log())
	}
	assertGone(t, s)
	if err := s.Stop(); err != nil {
		t.Errorf("second Stop: %v", err)
	}
}

func TestKillThenStop(t *testing.T) {
	s := start(t)
	s.Kill()
	if err := ping(t, s.URL(), time.Second); err == nil {
		t.Error("a killed server answers")
	}
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	assertGone(t, s)
}

func assertGone(t *testing.T, s *Server) {
	t.Helper()
	if _, err := os.Stat(s.dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("folder: %v", err)
	}
	select {
	case <-s.process.done:
	default:
		t.Error("the process runs on")
	}
}

func TestRestartOnTheSamePort(t *testing.T) {
	s := New(t)
	pid, addr := s.PID(), s.Addr()
	s.Client().Set(t.Context(), "saved", "v", 0)
	s.Client().Save(t.Context())
	s.Client().Set(t.Context(), "lost", "v", 0)
	if err := s.Restart(t.Context(), "--maxclients", "77"); err != nil {
		t.Fatal(err)
	}
	if s.PID() == pid || s.Addr() != addr {
		t.Errorf("process %d at %s, was %d at %s", s.PID(), s.Addr(), pid, addr)
	}
	if keys := s.Client().Keys(t.Context(), "*").Val(); len(keys) != 1 || keys[0] != "saved" {
		t.Errorf("keys %v", keys)
	}
	if got := s.Client().ConfigGet(t.Context(), "maxclients").Val()["maxclients"]; got != "77" {
		t.Errorf("maxclients %s", got)
	}
}

func TestPauseAndResume(t *testing.T) {
	s := New(t)
	if err := s.Pause(); err != nil {
		t.Skip(err) // Windows
	}
	if err := ping(t, s.URL(), 50*time.Millisecond); err == nil {
		t.Error("a paused server answers")
	}
	if err := s.Resume(); err != nil {
		t.Fatal(err)
	}
	if err := ping(t, s.URL(), 5*time.Second); err != nil {
		t.Error(err)
	}
}

func TestStopOfAPausedServer(t *testing.T) {
	s := start(t)
	if err := s.Pause(); err != nil {
		t.Skip(err)
	}
	began := time.Now()
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > shutdownGrace {
		t.Errorf("took %v", took)
	}
}

func TestCommandCounts(t *testing.T) {
	s := New(t)
	for range 3 {
		s.Client().Get(t.Context(), "k")
	}
	s.Client().ConfigGet(t.Context(), "save")
	counts, err := s.CommandCounts(t.Context())
	if err != nil || counts["get"] != 3 || counts["config|get"] != 1 {
		t.Errorf("counts = %v, %v", counts, err)
	}
}

func TestReplicaHasThePrimarysData(t *testing.T) {
	primary := New(t, "--requirepass", "secret")
	primary.Client().Set(t.Context(), "k", "v", 0)
	replica := Replica(t, primary, "--replica-read-only", "yes")
	if v := replica.Client().Get(t.Context(), "k").Val(); v != "v" {
		t.Errorf("k = %q", v)
	}
	if err := replica.Client().Set(t.Context(), "k", "w", 0).Err(); err == nil {
		t.Error("a write to a replica succeeded")
	}
}

func TestStartReplicaGivesUp(t *testing.T) {
	primary := New(t)
	primary.Kill()
	ctx, cancel := contextFor(500 * time.Millisecond)
	defer cancel()
	_, err := StartReplica(ctx, primary)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error = %v", err)
	}
}
