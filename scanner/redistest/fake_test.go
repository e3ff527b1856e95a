package redistest

import (
	"bufio"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"
)

// fakeClient returns a client of the fake that does not retry.
func fakeClient(t *testing.T, f *Fake) *redis.Client {
	t.Helper()
	client := redis.NewClient(&redis.Options{Addr: f.Addr(), MaxRetries: -1, DisableIdentity: true})
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// replies answers every command by its lower-case name.
func replies(byName map[string]string) Handler {
	return func(args []string) string {
		if reply, ok := byName[strings.ToLower(args[0])]; ok {
			return reply
		}
		return UnknownCommand(args)
	}
}

func TestFakeReplies(t *testing.T) {
	f := NewFake(t, FakeOptions{}, replies(map[string]string{
		"ping":  Simple("PONG"),
		"get":   Bulk("a\r\nb"),
		"ttl":   Integer(-1),
		"dump":  Null(),
		"scan":  ScanPage(1<<63, "k1", ""),
		"keys":  Array(),
		"pttl":  Error("NOPERM this user has no permissions to run the 'pttl' command"),
		"type":  Error("LOADING Redis is loading the dataset in memory"),
		"hgetx": Error("unused"),
	}))
	if err := ping(t, f.URL(), time.Second); err != nil {
		t.Error(err)
	}
	c, ctx := fakeClient(t, f), t.Context()
	if got := c.Ping(ctx).Val(); got != "PONG" {
		t.Errorf("PING = %q", got)
	}
	if got := c.Get(ctx, "k").Val(); got != "a\r\nb" {
		t.Errorf("GET = %q", got)
	}
	if got := c.Do(ctx, "TTL", "k").Val(); got != int64(-1) {
		t.Errorf("TTL = %v", got)
	}
	if err := c.Dump(ctx, "k").Err(); !errors.Is(err, redis.Nil) {
		t.Errorf("DUMP: %v", err)
	}
	keys, cursor, err := c.Scan(ctx, 0, "", 0).Result()
	if err != nil || cursor != 1<<63 || !cmp.Equal(keys, []string{"k1", ""}) {
		t.Errorf("SCAN = %q, %d, %v", keys, cursor, err)
	}
	for name, err := range map[string]error{"NOPERM": c.PTTL(ctx, "k").Err(), "LOADING": c.Type(ctx, "k").Err(), "ERR unknown command 'DBSIZE'": c.Do(ctx, "DBSIZE").Err()} {
		if err == nil || !strings.HasPrefix(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFakeHello(t *testing.T) {
	for name, c := range map[string]struct {
		mode HelloMode
		want string // protocol that GET is answered in: seen by what the client asked for
	}{
		"accepted": {HelloAccept, "hello 3|get k"},
		"refused":  {HelloRefuse, "hello 3|get k"},
	} {
		f := NewFake(t, FakeOptions{Hello: c.mode}, replies(map[string]string{"get": Bulk("v"), "client": Simple("OK")}))
		if got := fakeClient(t, f).Get(t.Context(), "k").Val(); got != "v" {
			t.Errorf("%s: GET = %q", name, got)
		}
		var seen []string
		for _, call := range f.Calls() {
			if line := strings.ToLower(strings.Join(call, " ")); !strings.HasPrefix(line, "client") {
				seen = append(seen, line)
			}
		}
		if got := strings.Join(seen, "|"); got != c.want {
			t.Errorf("%s: calls = %q", name, got)
		}
	}
}

func TestFakeHelloProtocols(t *testing.T) {
	f := NewFake(t, FakeOptions{}, nil)
	conn := dialTest(t, f.Addr())
	if got, err := ask(t, conn, "HELLO 3\r\n", 4); err != nil || got != "%7\r\n" {
		t.Errorf("HELLO 3 = %q, %v", got, err)
	}
	if got, err := ask(t, dialTest(t, f.Addr()), Array("hello", "2"), 5); err != nil || got != "*14\r\n" {
		t.Errorf("HELLO 2 = %q, %v", got, err)
	}
}

func TestFakeHandlesHelloItself(t *testing.T) {
	f := NewFake(t, FakeOptions{Hello: HelloHandle}, func([]string) string {
		return HangUpAfter(1000, "HTTP/1.1 400 Bad Request\r\n\r\n")
	})
	conn := dialTest(t, f.Addr())
	if _, err := io.WriteString(conn, Array("HELLO", "3")); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(conn); err != nil || string(got) != "HTTP/1.1 400 Bad Request\r\n\r\n" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestFakeHangsUpInMidReply(t *testing.T) {
	f := NewFake(t, FakeOptions{}, func([]string) string { return HangUpAfter(6, Bulk("value")) })
	err := fakeClient(t, f).Get(t.Context(), "k").Err()
	if err == nil || !strings.Contains(err.Error(), "EOF") {
		t.Errorf("error = %v", err)
	}
}

func TestFakeHostileReply(t *testing.T) {
	f := NewFake(t, FakeOptions{}, func([]string) string {
		return ArrayHeader(2) + Bulk("0") + ArrayHeader(2_000_000_000)
	})
	conn := dialTest(t, f.Addr())
	want := "*2\r\n$1\r\n0\r\n*2000000000\r\n"
	if got, err := ask(t, conn, "SCAN 0\r\n", len(want)); err != nil || got != want {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestFakeGreeting(t *testing.T) {
	f := NewFake(t, FakeOptions{Greeting: Error("ERR max number of clients reached"), Close: true}, nil)
	got, err := io.ReadAll(dialTest(t, f.Addr()))
	if err != nil || !strings.HasPrefix(string(got), "-ERR max") {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestFakeRunsOneCommandAtATime(t *testing.T) {
	running := 0 // no lock: -race must be content
	f := NewFake(t, FakeOptions{}, func([]string) string {
		running++
		time.Sleep(time.Millisecond)
		running--
		return Integer(int64(running))
	})
	a, b := dialTest(t, f.Addr()), dialTest(t, f.Addr())
	for range 10 {
		_, _ = io.WriteString(a, "X\r\n")
		if got, err := ask(t, b, "X\r\n", 4); err != nil || got != ":0\r\n" {
			t.Errorf("got %q, %v", got, err)
		}
	}
}

func TestReadCommand(t *testing.T) {
	for _, bad := range []string{"", "\r\n", "*0\r\n", "*-1\r\n", "*2000000000\r\n", "*1\r\n$-1\r\n", "*1\r\n$99999999999\r\n", "*1\r\n$5\r\nab", "*2\r\n$1\r\na\r\n"} {
		if args, err := readCommand(bufio.NewReader(strings.NewReader(bad))); err == nil {
			t.Errorf("%q gave %q", bad, args)
		}
	}
	args, err := readCommand(bufio.NewReader(strings.NewReader(Array("set", "", "a\r\nb"))))
	if err != nil || !cmp.Equal(args, []string{"set", "", "a\r\nb"}) {
		t.Errorf("got %q, %v", args, err)
	}
}
