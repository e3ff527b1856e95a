package scanner_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"keyprof/scanner"
	"keyprof/scanner/redistest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func target(t *testing.T, url string) scanner.Target {
	t.Helper()
	target, err := scanner.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	return target
}

func connect(t *testing.T, url string) *scanner.Conn {
	t.Helper()
	conn, err := scanner.Connect(context.Background(), target(t, url), time.Minute, scanner.RetryPolicy{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	return conn
}

// go-redis and the scan take turns on one connection.
func TestConnStaysInStep(t *testing.T) {
	ctx := context.Background()
	server := redistest.New(t)
	for db, value := range []string{"a", "bb"} {
		if err := server.ClientDB(db).Set(ctx, "k", value, 0).Err(); err != nil {
			t.Fatal(err)
		}
	}
	conn := connect(t, server.SocketURL())
	for range 3 {
		for _, db := range []int{1, 0} {
			if err := conn.Select(ctx, db); err != nil {
				t.Fatal(err)
			}
			requests := []scanner.Request{{Probe: scanner.PTTL, Key: "k"}, {Probe: scanner.Type, Key: "none"}}
			replies, page, err := conn.RoundTrip(ctx, requests, &scanner.Scan{Count: 10}, nil)
			if err != nil || len(page.Names) != 1 || page.Cursor != 0 || replies[0].Int != -1 || replies[1].Text != "none" {
				t.Fatalf("db%d: %+v, %+v, %v", db, replies, page, err)
			}
			if got := conn.InfoNow(ctx).Field("run_id"); got != conn.Node.Info.Field("run_id") {
				t.Fatalf("run_id %q, was %q", got, conn.Node.Info.Field("run_id"))
			}
		}
	}
	cost := conn.Cost()
	if cost.Commands["select"] != 6 || cost.Commands["scan"] != 6 || cost.Commands["pttl"] != 6 || cost.BytesIn == 0 || cost.BytesOut == 0 {
		t.Errorf("cost %+v", cost)
	}
}

func TestFallBackToRESP2(t *testing.T) {
	info := "# Server\r\nredis_version:5.0.14\r\n# Replication\r\nrole:master\r\n"
	fake := redistest.NewFake(t, redistest.FakeOptions{Hello: redistest.HelloRefuse}, func(args []string) string {
		switch strings.ToLower(args[0]) {
		case "info":
			return redistest.Bulk(info)
		case "ping":
			return redistest.Simple("PONG")
		case "auth":
			if args[len(args)-1] != "secret" {
				return redistest.Error("ERR invalid password")
			}
			return redistest.Simple("OK")
		case "memory":
			return redistest.Null()
		default:
			return redistest.UnknownCommand(args)
		}
	})
	conn := connect(t, "redis://:secret@"+fake.Addr())
	if name, version := conn.Node.Engine(); name != "redis" || version != "5.0.14" {
		t.Errorf("engine %s %s", name, version)
	}
	replies, _, err := conn.RoundTrip(context.Background(), []scanner.Request{{Probe: scanner.MemoryUsage, Key: "x"}}, nil, nil)
	if err != nil || !replies[0].Nil {
		t.Errorf("%+v, %v: want RESP2's null", replies, err)
	}
	_, err = scanner.Connect(context.Background(), target(t, "redis://:wrong@"+fake.Addr()), time.Minute, scanner.RetryPolicy{})
	var failed *scanner.Error
	if !errors.As(err, &failed) || !strings.Contains(failed.Hint, "password") {
		t.Errorf("%v", err)
	}
}

// A server that announces two billion names must not exhaust our memory.
func TestHostileScanReply(t *testing.T) {
	fake := redistest.NewFake(t, redistest.FakeOptions{}, func(args []string) string {
		switch strings.ToLower(args[0]) {
		case "scan":
			return "*2\r\n$1\r\n1\r\n" + redistest.ArrayHeader(2_000_000_000)
		case "info":
			return redistest.Bulk("# Server\r\nredis_version:7.0.15\r\n")
		default:
			return redistest.Simple("OK")
		}
	})
	conn := connect(t, fake.URL())
	_, _, err := conn.RoundTrip(context.Background(), nil, &scanner.Scan{Count: 10}, nil)
	var failed *scanner.Error
	if !errors.As(err, &failed) {
		t.Fatalf("%v, want a *scanner.Error", err)
	}
	if _, _, err := conn.RoundTrip(context.Background(), nil, &scanner.Scan{Count: 10}, nil); err == nil {
		t.Error("the connection was used again after an answer that made no sense")
	}
}

// Error replies that hold for every command end the round trip; others concern one key.
func TestBlockingReplies(t *testing.T) {
	answer := ""
	fake := redistest.NewFake(t, redistest.FakeOptions{}, func(args []string) string {
		switch strings.ToLower(args[0]) {
		case "pttl":
			return redistest.Error(answer)
		case "info":
			return redistest.Bulk("# Server\r\nredis_version:7.0.15\r\n")
		default:
			return redistest.Simple("OK")
		}
	})
	for text, wantErr := range map[string]bool{
		"LOADING Redis is loading": true, "MASTERDOWN Link": true, "BUSY Redis is busy": true, "CLUSTERDOWN x": true,
		"NOPERM x": false, "MOVED 1 h:1": false, "ERR x": false,
	} {
		answer = text
		conn := connect(t, fake.URL())
		replies, _, err := conn.RoundTrip(context.Background(), []scanner.Request{{Probe: scanner.PTTL, Key: "k"}}, nil, nil)
		if (err != nil) != wantErr || !wantErr && replies[0].Err == nil {
			t.Errorf("%s: %+v, %v", text, replies, err)
		}
	}
}

func TestConnectEndsWithItsContext(t *testing.T) {
	server := redistest.New(t)
	proxy := redistest.NewProxy(t, server.Addr())
	proxy.Blackhole(true)
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(100*time.Millisecond, cancel)
	began := time.Now()
	if _, err := scanner.Connect(ctx, target(t, proxy.URL()), time.Minute, scanner.RetryPolicy{}); err == nil {
		t.Error("connected through a black hole")
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("took %v to give up after the context ended", took)
	}
}

func TestConnectNeverShowsThePassword(t *testing.T) {
	server := redistest.New(t, "--requirepass", "right")
	for _, password := range []string{"wr0ng", "p%ss/w#rd"} {
		u := url.URL{Scheme: "redis", Host: server.Addr(), User: url.UserPassword("", password)}
		_, err := scanner.Connect(context.Background(), target(t, u.String()), time.Minute, scanner.RetryPolicy{})
		if err == nil || strings.Contains(err.Error(), password) {
			t.Errorf("%v", err)
		}
	}
}

// Nothing keeps dialling in the background after connecting has failed, or when a server
// never returns.
func TestNothingDialsOnAfterTheEnd(t *testing.T) {
	server := redistest.New(t)
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	patience := scanner.RetryPolicy{MaxWait: 200 * time.Millisecond}
	conn, err := scanner.Connect(context.Background(), target(t, server.URL()), time.Second, patience)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	server.Kill()
	_, _, err = conn.RoundTrip(context.Background(), nil, &scanner.Scan{Count: 1}, nil)
	if err == nil || !strings.Contains(err.Error(), "refused; gave up after 200ms") {
		t.Errorf("a server that never came back: %v", err)
	}
	if _, err := scanner.Connect(context.Background(), target(t, server.URL()), time.Second, patience); err == nil {
		t.Error("connected to a server that was killed")
	}
}

// Some servers send an error as soon as a client connects, and close the connection.
func TestTurnedAway(t *testing.T) {
	for greeting, hint := range map[string]string{
		"ERR max number of clients reached":                           "maxclients",
		"DENIED Redis is running in protected mode because it is so.": "protected mode",
	} {
		fake := redistest.NewFake(t, redistest.FakeOptions{Greeting: redistest.Error(greeting), Close: true}, nil)
		_, err := scanner.Connect(context.Background(), target(t, fake.URL()), 5*time.Second, scanner.RetryPolicy{})
		var failed *scanner.Error
		if !errors.As(err, &failed) || failed.Err.Error() != greeting || !strings.Contains(failed.Hint, hint) {
			t.Errorf("%s: %v", greeting, err)
		}
	}
}

// keyprof cannot profile a Sentinel; the error names the primaries that it monitors.
func TestSentinelIsNoServer(t *testing.T) {
	primary := redistest.New(t)
	sentinel := redistest.Sentinel(t, "shop", primary)
	_, err := scanner.Connect(context.Background(), target(t, sentinel.URL()), time.Minute, scanner.RetryPolicy{})
	var failed *scanner.Error
	if !errors.As(err, &failed) || !strings.Contains(failed.Error(), "Sentinel") || !strings.Contains(failed.Hint, "shop at "+primary.Addr()) {
		t.Errorf("%v", err)
	}
}

// A password in the server's INFO is masked.
func TestPasswordInInfoIsMasked(t *testing.T) {
	fake := redistest.NewFake(t, redistest.FakeOptions{}, func(args []string) string {
		if args[0] == "info" {
			return redistest.Bulk("# Server\r\nredis_version:7.0.15\r\nos:s3cretpw\r\ns3cretpw:1\r\n# s3cretpw\r\na:s3cretpw!\r\n")
		}
		return redistest.Simple("OK")
	})
	conn := connect(t, strings.Replace(fake.URL(), "://", "://:s3cretpw@", 1))
	if text := fmt.Sprint(conn.Node.Info, conn.InfoNow(context.Background())); strings.Contains(text, "s3cret") || !strings.Contains(text, "7.0.15") {
		t.Error(text)
	}
}
