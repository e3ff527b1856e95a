package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"time"

	"keyprof/sampler/profile"
	"keyprof/scanner/redistest"
)

// tools holds the programs to run.
type tools struct {
	keyprof  string // path
	cli      string // path of redis-cli
	self     string // path of bench
	chrt     string // path, "" where there is none: cores are not kept awake
	nice     string // path, "" where there is none: links do not give way
	dir      string // temporary, for profiles
	versions map[string]string
	truths   map[*redistest.Server]*profile.Profile // of the last census of each
}

// findTools returns the programs to compare, or an error that names a missing one.
func findTools(ctx context.Context, o options) (*tools, error) {
	keyprof, err := exec.LookPath(o.keyprof)
	if err != nil {
		return nil, fmt.Errorf("%w (run make build)", err)
	}
	cli, err := exec.LookPath("redis-cli")
	if err != nil {
		if cli, err = exec.LookPath("valkey-cli"); err != nil {
			return nil, fmt.Errorf("redis-cli: %w (run scripts/install-redis)", err)
		}
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "keyprof-bench")
	if err != nil {
		return nil, err
	}
	t := &tools{keyprof: keyprof, cli: cli, self: self, dir: dir, truths: map[*redistest.Server]*profile.Profile{}, versions: map[string]string{
		"keyprof":   versionOf(ctx, keyprof, "version"),
		"redis-cli": versionOf(ctx, cli, "--version"),
		"go":        runtime.Version(),
	}}
	t.chrt, _ = exec.LookPath("chrt")
	t.nice, _ = exec.LookPath("nice")
	return t, nil
}

func (t *tools) remove() { _ = os.RemoveAll(t.dir) }

// versionOf returns the version that a program prints in its first line.
func versionOf(ctx context.Context, program, arg string) string {
	out, err := exec.CommandContext(ctx, program, arg).Output()
	if err != nil {
		return "unknown"
	}
	line, _, _ := strings.Cut(string(out), "\n")
	_, version, _ := strings.Cut(line, " ")
	return version
}

// link is a connection to a server.
type link struct {
	name    string
	server  *redistest.Server
	keys    int      // on the server
	url     string   // for keyprof
	cliArgs []string // for redis-cli

	roundTrip time.Duration // about, of one that is far
}

func socketLink(s *redistest.Server, keys int) link {
	return link{name: "unix socket", server: s, keys: keys, url: s.SocketURL(), cliArgs: []string{"-s", s.Socket()}}
}

func proxyLink(s *redistest.Server, p *redistest.Proxy, keys int, latency time.Duration) link {
	return tcpLink(fmt.Sprintf("TCP, %g ms each way", latency.Seconds()*1e3), s, p.Addr(), keys)
}

func tcpLink(name string, s *redistest.Server, addr string, keys int) link {
	host, port, _ := strings.Cut(addr, ":")
	return link{name: name, server: s, keys: keys, url: "redis://" + addr, cliArgs: []string{"-h", host, "-p", port}}
}

// census returns a program that makes a complete profile at full speed.
func (t *tools) census(l link) program {
	return program{"keyprof", func(ctx context.Context) (Run, error) {
		run, p, err := t.profile(ctx, l, "--max-load", "100%")
		if err != nil {
			return run, err
		}
		run.Keys, t.truths[l.server] = p.Totals.Keys.Value, p
		return run, nil
	}}
}

// profile runs keyprof and reads the profile that it saved. An incomplete profile is an
// error, as its time means nothing.
func (t *tools) profile(ctx context.Context, l link, args ...string) (Run, *profile.Profile, error) {
	run, p, err := t.part(ctx, l, args...)
	if err == nil && !p.Complete {
		err = errors.New("the profile is incomplete")
	}
	return run, p, err
}

// exitIncomplete is keyprof's exit code when it wrote an incomplete profile.
const exitIncomplete = 4

// part is profile, but accepts an incomplete one.
func (t *tools) part(ctx context.Context, l link, args ...string) (Run, *profile.Profile, error) {
	file := filepath.Join(t.dir, "profile.json")
	args = append(append([]string{"profile"}, args...), "--no-progress", "-o", file, l.url)
	run, _, err := runChild(ctx, l, 0, t.keyprof, args...)
	if exit := (*exec.ExitError)(nil); err != nil && (!errors.As(err, &exit) || exit.ExitCode() != exitIncomplete) {
		return run, nil, err
	}
	p, err := profile.ReadFile(file)
	return run, p, err
}

// walkFor returns a program that scans the keys that keyprof reaches within a time. Its
// seconds are those of the scan alone: over a long link, connecting takes a large part of
// a short run.
func (t *tools) walkFor(l link, limit time.Duration, args ...string) program {
	args = append([]string{"--max-duration", fmt.Sprintf("%.0fs", limit.Seconds())}, args...)
	return program{"keyprof", func(ctx context.Context) (Run, error) {
		run, p, err := t.part(ctx, l, args...)
		if err != nil {
			return run, err
		}
		r := p.Receipt
		run.Keys, run.Seconds, run.Receipt = r.Returned-r.Repeats, r.ElapsedS, r.MainThreadS
		return run, nil
	}}
}

// memkeys returns redis-cli --memkeys, complete or up to the limit, if there is one.
func (t *tools) memkeys(l link, limit time.Duration) program {
	return program{"`redis-cli --memkeys`", func(ctx context.Context) (Run, error) {
		run, out, err := runChild(ctx, l, limit, t.cli, append(l.cliArgs[:len(l.cliArgs):len(l.cliArgs)], "--memkeys")...)
		if err != nil {
			return Run{}, err
		}
		run.Keys, err = sampledKeys(out)
		return run, err
	}}
}

var sampled = regexp.MustCompile(`Sampled (\d+) keys in the keyspace`)

// sampledKeys parses how many keys redis-cli measured from its summary, which it also
// prints when interrupted.
func sampledKeys(out string) (int64, error) {
	m := sampled.FindStringSubmatch(out)
	if m == nil {
		return 0, fmt.Errorf("redis-cli --memkeys printed no summary: %.200q", out)
	}
	return strconv.ParseInt(m[1], 10, 64)
}

// ceiling returns the program of ceiling.go.
func (t *tools) ceiling(l link) program {
	return program{"ceiling", func(ctx context.Context) (Run, error) {
		run, out, err := runChild(ctx, l, 0, t.self, ceilingChild, "unix", l.server.Socket())
		if err != nil {
			return run, err
		}
		run.Keys, err = strconv.ParseInt(strings.TrimSpace(out), 10, 64)
		return run, err
	}}
}
