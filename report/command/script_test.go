package command

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/rogpeppe/go-internal/testscript"

	"keyprof/scanner/redistest"
)

// servers are those of the running script, by name.
type servers map[string]*redistest.Server

type serversKey struct{}

func serverOf(ts *testscript.TestScript, name string) *redistest.Server {
	s := ts.Value(serversKey{}).(servers)[name]
	if s == nil {
		ts.Fatalf("no server %q", name)
	}
	return s
}

func remember(ts *testscript.TestScript, name string, s *redistest.Server) {
	ts.Value(serversKey{}).(servers)[name] = s
	ts.Defer(func() { s.Stop() })
	ts.Setenv(name, "unix://"+s.Socket())
	ts.Setenv(name+"_SOCKET", s.Socket())
	ts.Setenv(name+"_PORT", portOf(s))
}

func portOf(s *redistest.Server) string {
	_, port, err := net.SplitHostPort(s.Addr())
	if err != nil {
		panic(err) // the server listens there
	}
	return port
}

// startServer: redis-server NAME [--option value ...] starts a server; $NAME is
// its URL, $NAME_SOCKET its socket and $NAME_PORT its port.
func startServer(ts *testscript.TestScript, _ bool, args []string) {
	s, err := redistest.Start(context.Background(), args[1:]...)
	ts.Check(err)
	remember(ts, args[0], s)
}

// startReplica: replica NAME PRIMARY [--option value ...].
func startReplica(ts *testscript.TestScript, _ bool, args []string) {
	s, err := redistest.StartReplica(context.Background(), serverOf(ts, args[1]), args[2:]...)
	ts.Check(err)
	remember(ts, args[0], s)
}

// sendCommand: redis NAME COMMAND [argument ...] sends one command to a server.
func sendCommand(ts *testscript.TestScript, _ bool, args []string) {
	command := make([]any, 0, len(args))
	for _, a := range args[1:] {
		command = append(command, a)
	}
	err := serverOf(ts, args[0]).Client().Do(context.Background(), command...).Err()
	if !errors.Is(err, redis.Nil) {
		ts.Check(err)
	}
}

// seed: seed NAME DB KIND fills a database: tickets, resque, mixed, or
// hostile (names meant to break terminals and files).
func seed(ts *testscript.TestScript, _ bool, args []string) {
	db, err := strconv.Atoi(args[1])
	ts.Check(err)
	ctx, client := context.Background(), serverOf(ts, args[0]).ClientDB(db)
	switch args[2] {
	case "tickets":
		err = redistest.SeedTickets(ctx, client)
	case "resque":
		err = redistest.SeedResque(ctx, client)
	case "mixed":
		err = redistest.Mixed(ctx, client, 3000, 1)
	case "hostile":
		for _, name := range hostileNames {
			err = client.Set(ctx, name, "some text", 0).Err()
		}
	default:
		ts.Fatalf("seed: unknown kind %q", args[2])
	}
	ts.Check(err)
}

var hostileNames = []string{
	"", "\x1b[31mred\x1b[0m:1", "a\nkeyprof: error: b", `quo"te`, "\xff\xfe\x00", "=cmd()", "<script>alert(1)</script>",
	strings.Repeat("long", 16<<10), "\u202egnp.exe", "\x9b31m", "tab\there", "|pipe|`tick`",
}

// startFake: fake NAME ANSWER starts a server that gives every command but
// HELLO the same answer, such as "LOADING ..."; $NAME is its URL.
func startFake(ts *testscript.TestScript, _ bool, args []string) {
	answer := redistest.Error(args[1])
	if args[1] == "http" {
		answer = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"
	}
	f, err := redistest.StartFake(redistest.FakeOptions{Hello: redistest.HelloHandle}, func([]string) string { return answer })
	ts.Check(err)
	ts.Defer(f.Close)
	ts.Setenv(args[0], f.URL())
}

// startHostile: hostile-server NAME starts a fake that says of itself what is meant
// to break terminals.
func startHostile(ts *testscript.TestScript, _ bool, args []string) {
	const evil = "\x1b[31m\u009b2J\u202ekeyprof: error: x"
	info := "# Server\r\nredis_version:7.0.15" + evil + "\r\nrole:slave\r\nmaster_host:" + evil + "\r\nmaster_link_status:" + evil +
		"\r\nmaxmemory_policy:" + evil + "\r\n# Keyspace\r\ndb0:keys=3,expires=1\r\n"
	f, err := redistest.StartFake(redistest.FakeOptions{}, func(args []string) string {
		switch strings.ToLower(args[0]) {
		case "info":
			return redistest.Bulk(info)
		case "memory":
			return redistest.Error("ERR unknown command " + evil)
		case "scan":
			return redistest.Error("ERR wrong number of arguments")
		default:
			return redistest.Integer(-1)
		}
	})
	ts.Check(err)
	ts.Defer(f.Close)
	ts.Setenv(args[0], f.URL())
}

// commandStats: commandstats NAME prints how often a server was called, by command.
func commandStats(ts *testscript.TestScript, _ bool, args []string) {
	counts, err := serverOf(ts, args[0]).CommandCounts(context.Background())
	ts.Check(err)
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		fmt.Fprintln(ts.Stdout(), name, counts[name])
	}
}

// startTLS: tls-server NAME starts a server that wants TLS with a client
// certificate; $NAME_PORT, $NAME_CA, $NAME_CERT and $NAME_KEY are what a client
// needs.
func startTLS(ts *testscript.TestScript, _ bool, args []string) {
	s, err := redistest.StartTLS(context.Background(), "--tls-auth-clients", "yes")
	ts.Check(err)
	remember(ts, args[0], s.Server)
	ts.Setenv(args[0]+"_PORT", portOf(s.Server))
	ts.Setenv(args[0]+"_CA", s.CAFile)
	ts.Setenv(args[0]+"_CERT", s.CertFile)
	ts.Setenv(args[0]+"_KEY", s.KeyFile)
}

// exitCodeIs: exit CODE keyprof ... runs keyprof and wants this exit code. Its
// output is checked with stdout and stderr, as after exec.
func exitCodeIs(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	if failed := (*exec.ExitError)(nil); errors.As(err, &failed) {
		got = failed.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// startInto starts a command with both outputs going to a file.
func startInto(ts *testscript.TestScript, file string, args []string) *exec.Cmd {
	cmd := exec.Command(mustLook(ts, args[0]), args[1:]...)
	cmd.Dir, cmd.Env = ts.Getenv("WORK"), []string{"PATH=" + ts.Getenv("PATH"), "HOME=" + ts.Getenv("HOME")}
	out, err := os.Create(ts.MkAbs(file))
	ts.Check(err)
	ts.Defer(func() { out.Close() })
	cmd.Stdout, cmd.Stderr = out, out
	ts.Check(cmd.Start())
	return cmd
}

func mustLook(ts *testscript.TestScript, name string) string {
	for _, dir := range filepath.SplitList(ts.Getenv("PATH")) {
		path := filepath.Join(dir, name)
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	ts.Fatalf("no %s on the PATH", name)
	return ""
}

var signals = map[string]os.Signal{"INT": os.Interrupt, "TERM": syscall.SIGTERM, "KILL": os.Kill}

// startProxy: proxy NAME SERVER puts a fault proxy in front of a server; $NAME
// is its address.
func startProxy(ts *testscript.TestScript, _ bool, args []string) {
	p, err := redistest.StartProxy(serverOf(ts, args[1]).Addr())
	ts.Check(err)
	ts.Defer(p.Close)
	ts.Value(proxiesKey{}).(proxies)[args[0]] = p
	ts.Setenv(args[0], p.Addr())
}

// proxies are those of the running script, by name.
type proxies map[string]*redistest.Proxy

type proxiesKey struct{}

// cut: cut PROXY BYTES resets the connection after so many bytes from the server.
func cut(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.ParseInt(args[1], 10, 64)
	ts.Check(err)
	ts.Value(proxiesKey{}).(proxies)[args[0]].CutAfter(n)
}

func pause(ts *testscript.TestScript, _ bool, args []string) { ts.Check(serverOf(ts, args[0]).Pause()) }

func resume(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(serverOf(ts, args[0]).Resume())
}

// interruptTwice: interrupt-twice DURATION FILE keyprof ... sends two signals
// and wants exit code 130 soon after the second.
func interruptTwice(ts *testscript.TestScript, _ bool, args []string) {
	wait, err := time.ParseDuration(args[0])
	ts.Check(err)
	cmd := startInto(ts, args[1], args[2:])
	time.Sleep(wait)
	ts.Check(cmd.Process.Signal(os.Interrupt))
	time.Sleep(wait)
	ts.Check(cmd.Process.Signal(os.Interrupt))
	began := time.Now()
	err = cmd.Wait()
	if got := cmd.ProcessState.ExitCode(); got != exitInterrupted || time.Since(began) > 10*time.Second {
		ts.Fatalf("exit code %d (%v) after %v, want %d at once", got, err, time.Since(began), exitInterrupted)
	}
}
