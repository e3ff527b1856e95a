package sampler_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"keyprof/sampler"
	"keyprof/sampler/profile"
	"keyprof/scanner"
	"keyprof/scanner/redistest"
)

// A server crashes and comes back on the same port, with its data or without:
// a cursor of the former process means nothing to it.
func TestRestartedOnTheSamePort(t *testing.T) {
	for name, save := range map[string]bool{"with its data": true, "without": false} {
		t.Run(name, func(t *testing.T) {
			server := newFaultServer(t)
			if save {
				do(t, server.Client(), "save")
			}
			o := small()
			o.Progress = once(func() { restart(t, server) })
			p, _, err := patiently(context.Background(), t, server.URL(), 10*time.Second, o)
			checkOtherProcess(t, p, err)
			if keys := server.Client().DBSize(context.Background()).Val(); keys > 0 != save {
				t.Errorf("the server came back with %d keys", keys)
			}
		})
	}
}

func restart(t *testing.T, server *redistest.Server, args ...string) {
	t.Helper()
	if err := server.Restart(context.Background(), args...); err != nil {
		t.Error(err)
	}
}

// A server that never comes back is waited for as long as was asked, and no longer.
func TestNeverComesBack(t *testing.T) {
	server := newFaultServer(t)
	o := small()
	o.Progress = once(server.Kill)
	p, notices, err := patiently(context.Background(), t, server.URL(), 500*time.Millisecond, o)
	if err != nil {
		t.Fatal(err)
	}
	if len(notices) != 1 || p.Complete || !strings.HasSuffix(p.Nodes[0].Incomplete, "refused; gave up after 500ms") {
		t.Errorf("complete %v, %q, noticed %q", p.Complete, p.Nodes[0].Incomplete, notices)
	}
	if len(p.Receipt.Waits) != 1 || p.Receipt.Waits[0].TookS < 0.5 || p.Receipt.Waits[0].TookS > 5 {
		t.Errorf("waits %+v", p.Receipt.Waits)
	}
}

// The time for the scan runs out while a server is waited for.
func TestTimeUpInAWait(t *testing.T) {
	server := newFaultServer(t)
	o := small()
	o.MaxDuration = 2 * time.Second
	o.Progress = once(server.Kill)
	p, notices, err := patiently(context.Background(), t, server.URL(), time.Minute, o)
	if err != nil {
		t.Fatal(err)
	}
	if len(notices) != 1 || p.Complete || p.Nodes[0].Incomplete != sampler.ErrTimeUp.Error() {
		t.Errorf("complete %v, %q, noticed %q", p.Complete, p.Nodes[0].Incomplete, notices)
	}
	if p.Receipt.ElapsedS > 30 {
		t.Errorf("took %.1f s", p.Receipt.ElapsedS)
	}
}

// A server that is out of memory and refuses all writes still serves a scan, which
// writes nothing.
func TestNoMemoryLeft(t *testing.T) {
	server := newFaultServer(t)
	want := collect(t, server.SocketURL(), fast())
	do(t, server.Client(), "config", "set", "maxmemory", "1mb")
	if err := server.Client().Set(context.Background(), "new", "x", 0).Err(); err == nil || !strings.HasPrefix(err.Error(), "OOM") {
		t.Fatalf("a write: %v; the server should refuse it", err)
	}
	p, notices, err := patiently(context.Background(), t, server.URL(), time.Second, small())
	checkWhole(t, want, p, err)
	if len(notices) != 0 {
		t.Errorf("noticed %q", notices)
	}
}

// A server still loads its data set when we come: there is one notice, and then
// all of the keys.
func TestLoadingAtTheBeginning(t *testing.T) {
	server := newFaultServer(t)
	want := collect(t, server.SocketURL(), fast())
	do(t, server.Client(), "save")
	loaded := make(chan struct{})
	server.Kill()
	go func() {
		defer close(loaded)
		// One second for all keys, and a look at the clients after each.
		delay := time.Second / faultKeys / time.Microsecond
		restart(t, server, "--key-load-delay", fmt.Sprint(int64(delay)), "--loading-process-events-interval-bytes", "1024")
	}()
	awaitListener(t, server.Addr())
	p, notices, err := patiently(context.Background(), t, server.URL(), 30*time.Second, fast())
	<-loaded
	checkWhole(t, want, p, err)
	if len(notices) != 1 || !strings.Contains(notices[0], "LOADING") || len(p.Receipt.Waits) != 1 {
		t.Errorf("noticed %q, waits %v", notices, p.Receipt.Waits)
	}
}

func awaitListener(t *testing.T, addr string) {
	t.Helper()
	for range 2000 {
		if conn, err := net.Dial("tcp", addr); err == nil {
			_ = conn.Close()
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatal("the server does not come back")
}

// All connections of a server are taken when we come, and again when we come
// back after ours was lost.
func TestNoConnectionLeft(t *testing.T) {
	server := newFaultServer(t)
	want := collect(t, server.SocketURL(), fast())
	for _, url := range []string{server.URL(), server.SocketURL()} {
		p, notices := profileWithoutConnections(t, server, url)
		checkWhole(t, want, p, nil)
		if len(notices) != 2 || !strings.Contains(notices[0], "max number of clients") {
			t.Errorf("%s: noticed %q, want one at the beginning and one on the way", url, notices)
		}
	}
}

func profileWithoutConnections(t *testing.T, server *redistest.Server, url string) (*profile.Profile, []string) {
	t.Helper()
	target, err := scanner.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	admin := adminOf(t, server)
	killOthers := func() { do(t, admin, "client", "kill", "type", "normal", "skipme", "yes") }
	killOthers()
	do(t, admin, "config", "set", "maxclients", "2")
	other := occupy(t, server)
	var notices []string
	patience := scanner.RetryPolicy{MaxWait: 30 * time.Second, Notice: func(cause error) {
		notices = append(notices, cause.Error())
		time.AfterFunc(200*time.Millisecond, func() { _ = other.Close() })
	}}
	conn, err := scanner.Connect(context.Background(), target, 5*time.Second, patience)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	o := small()
	o.Progress = once(func() {
		killOthers()
		other = occupy(t, server)
	})
	p, err := sampler.Collect(context.Background(), conn, o)
	if err != nil {
		t.Fatal(err)
	}
	return p, notices
}

// adminOf returns a client with a single connection, which it keeps.
func adminOf(t *testing.T, server *redistest.Server) *redis.Conn {
	t.Helper()
	client := redis.NewClient(&redis.Options{Network: "unix", Addr: server.Socket(), MaxRetries: -1})
	t.Cleanup(func() { _ = client.Close() })
	conn := client.Conn()
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// occupy takes the last connection of a server.
func occupy(t *testing.T, server *redistest.Server) net.Conn {
	t.Helper()
	conn, err := net.Dial("unix", server.Socket())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	pong := make([]byte, len("+PONG"))
	if _, err := conn.Write([]byte("PING\r\n")); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(conn, pong); err != nil || string(pong) != "+PONG" {
		t.Fatalf("%q, %v", pong, err)
	}
	return conn
}

// Interrupted while a server loads, before there was anything to scan.
func TestInterruptedWhileConnecting(t *testing.T) {
	fake := redistest.NewFake(t, redistest.FakeOptions{}, func([]string) string { return redistest.Error("LOADING it takes a while") })
	ctx, cancel := context.WithCancelCause(context.Background())
	target, err := scanner.ParseURL(fake.URL())
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	_, err = scanner.Connect(ctx, target, time.Second, scanner.RetryPolicy{MaxWait: time.Minute, Notice: func(error) { cancel(sampler.ErrInterrupted) }})
	if !errors.Is(err, sampler.ErrInterrupted) || time.Since(began) > 10*time.Second {
		t.Errorf("after %s: %v", time.Since(began), err)
	}
}
