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
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/rogpeppe/go-internal/testscript"

	"keyprof/report/unit"
	"keyprof/sampler/profile"
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

// runs are the commands that the running script started, by name.
type runs map[string]*exec.Cmd

type runsKey struct{}

// awaitAtMost limits the wait of a script for an event that is certain to happen.
const awaitAtMost = time.Minute

// crash: crash SERVER kills a server; it does not come back.
func crash(ts *testscript.TestScript, _ bool, args []string) { serverOf(ts, args[0]).Kill() }

// restart: restart SERVER kills a server and starts another on the same port,
// with what was saved.
func restart(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(serverOf(ts, args[0]).Restart(context.Background(), args[1:]...))
}

// startRun: start NAME keyprof ... starts keyprof and goes on; both outputs go
// to the file NAME.
func startRun(ts *testscript.TestScript, _ bool, args []string) {
	cmd := startInto(ts, args[0], args[1:])
	ts.Defer(func() { _ = cmd.Process.Kill() })
	ts.Value(runsKey{}).(runs)[args[0]] = cmd
}

// awaitText: await FILE REGEXP waits until a file holds a text; await SERVER
// pages N, until a server was asked for so many pages of names.
func awaitText(ts *testscript.TestScript, _ bool, args []string) {
	holds := func() bool { return regexp.MustCompile(args[1]).MatchString(ts.ReadFile(args[0])) }
	if len(args) == 3 {
		pages, err := strconv.ParseInt(args[2], 10, 64)
		ts.Check(err)
		holds = func() bool {
			counts, err := serverOf(ts, args[0]).CommandCounts(context.Background())
			ts.Check(err)
			return counts["scan"] >= pages
		}
	}
	for began := time.Now(); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Since(began) > awaitAtMost {
			ts.Fatalf("waited in vain")
		}
	}
}

// signalRun: signal NAME SIGNAL signals what was started.
func signalRun(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(ts.Value(runsKey{}).(runs)[args[0]].Process.Signal(signals[args[1]]))
}

// endedWith: ended NAME CODE waits for the end of what was started, and wants
// this exit code.
func endedWith(ts *testscript.TestScript, _ bool, args []string) {
	cmd := ts.Value(runsKey{}).(runs)[args[0]]
	hung := time.AfterFunc(awaitAtMost, func() { _ = cmd.Process.Kill() })
	defer hung.Stop()
	err := cmd.Wait()
	if got := strconv.Itoa(cmd.ProcessState.ExitCode()); got != args[1] {
		ts.Fatalf("exit code %s (%v), want %s:\n%s", got, err, args[1], ts.ReadFile(args[0]))
	}
}

// smallDisk: small-disk DIR makes a directory on a disk of its own, of 16 KiB.
func smallDisk(ts *testscript.TestScript, _ bool, args []string) {
	dir := ts.MkAbs(args[0])
	ts.Check(os.Mkdir(dir, 0o700))
	ts.Check(mountSmallDisk(dir))
	ts.Defer(func() { _ = unmount(dir) })
}

func mountSmallDisk(dir string) error {
	return exec.Command("mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", dir).Run()
}

func unmount(dir string) error { return exec.Command("umount", dir).Run() }

// scriptCondition is [mount]: disks can be mounted, which takes root on Linux.
func scriptCondition(name string) (bool, error) {
	if name != "mount" {
		return false, fmt.Errorf("unknown condition %q", name)
	}
	dir, err := os.MkdirTemp("", "keyprof")
	if err != nil {
		return false, err
	}
	defer os.Remove(dir)
	if mountSmallDisk(dir) != nil {
		return false, nil
	}
	return true, unmount(dir)
}

// later: later FROM TO SPAN [OLD] writes the profile FROM as if its scan had run SPAN
// later, or SPAN after that of OLD, with only the times changed.
func later(ts *testscript.TestScript, _ bool, args []string) {
	p, err := profile.ReadFile(ts.MkAbs(args[0]))
	ts.Check(err)
	span, err := unit.ParseSpan(args[2])
	ts.Check(err)
	if len(args) > 3 {
		after, err := profile.ReadFile(ts.MkAbs(args[3]))
		ts.Check(err)
		span += middle(after).Sub(middle(p))
	}
	age(p, span)
	ts.Check(profile.WriteFile(ts.MkAbs(args[1]), p))
}

// put: put FILE DIR SPAN puts a profile into a history, dated so much earlier.
func put(ts *testscript.TestScript, _ bool, args []string) {
	p, err := profile.ReadFile(ts.MkAbs(args[0]))
	ts.Check(err)
	span, err := unit.ParseSpan(args[2])
	ts.Check(err)
	p.Began, p.Ended = p.Began.Add(-span), p.Ended.Add(-span)
	dir := ts.MkAbs(args[1])
	ts.Check(os.MkdirAll(dir, 0o700))
	name := p.Label + "-" + p.Began.Format("2006-01-02T15-04-05Z") + ".json.zst"
	ts.Check(profile.WriteFile(filepath.Join(dir, name), p))
}

// idle: idle SERVER DB SPAN makes all keys of a database look unused for so long.
func idle(ts *testscript.TestScript, _ bool, args []string) {
	db, err := strconv.Atoi(args[1])
	ts.Check(err)
	span, err := unit.ParseSpan(args[2])
	ts.Check(err)
	ts.Check(redistest.AgeAll(context.Background(), serverOf(ts, args[0]).ClientDB(db), func(string) time.Duration { return span }))
}

// middle is the time that a profile is of.
func middle(p *profile.Profile) time.Time { return p.Began.Add(p.Ended.Sub(p.Began) / 2) }

// age makes a profile, and the server in it, so much older.
func age(p *profile.Profile, span time.Duration) {
	p.Began, p.Ended = p.Began.Add(span), p.Ended.Add(span)
	seconds := int64(span.Seconds())
	for i := range p.Nodes {
		n := &p.Nodes[i]
		for _, s := range []*int64{n.UptimeS, n.IdleHorizonS} {
			if s != nil {
				*s += seconds
			}
		}
	}
	stats := []*profile.Stats{&p.Totals}
	for i := range p.Namespaces {
		stats = append(stats, &p.Namespaces[i].Stats)
	}
	for _, s := range stats {
		if s.Idle != nil {
			s.Idle.HorizonS += seconds
		}
	}
}
