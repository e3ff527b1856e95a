package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"keyprof/scanner/redistest"
)

// tools are the two programs that are compared.
type tools struct {
	keyprof  string // path
	cli      string // path of redis-cli
	dir      string // temporary, for profiles
	versions map[string]string
}

// findTools returns what is to be compared, or says what is missing.
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
	dir, err := os.MkdirTemp("", "keyprof-bench")
	if err != nil {
		return nil, err
	}
	return &tools{keyprof: keyprof, cli: cli, dir: dir, versions: map[string]string{
		"keyprof":   versionOf(ctx, keyprof, "version"),
		"redis-cli": versionOf(ctx, cli, "--version"),
	}}, nil
}

func (t *tools) remove() { _ = os.RemoveAll(t.dir) }

// versionOf returns the first line that a program prints about itself.
func versionOf(ctx context.Context, program, arg string) string {
	out, err := exec.CommandContext(ctx, program, arg).Output()
	if err != nil {
		return "unknown"
	}
	line, _, _ := strings.Cut(string(out), "\n")
	return line
}

// link is a way to a server.
type link struct {
	name    string
	server  *redistest.Server
	keys    int           // on the server
	url     string        // for keyprof
	cliArgs []string      // for redis-cli
	limit   time.Duration // of one run of memkeys; 0 for none
}

func socketLink(s *redistest.Server, keys int) link {
	return link{name: "unix socket", server: s, keys: keys, url: s.SocketURL(), cliArgs: []string{"-s", s.Socket()}}
}

func proxyLink(s *redistest.Server, p *redistest.Proxy, o options) link {
	host, port, _ := strings.Cut(p.Addr(), ":")
	return link{
		name: fmt.Sprintf("TCP, %v each way", o.latency), server: s, keys: o.smallKeys,
		url: p.URL(), cliArgs: []string{"-h", host, "-p", port}, limit: o.limit,
	}
}

// runKeyprof measures one complete profile at full speed.
func (t *tools) runKeyprof(ctx context.Context, l link) (Run, error) {
	file := filepath.Join(t.dir, "profile.json")
	run, _, err := runChild(ctx, l, 0, t.keyprof, "profile",
		"--max-load", "100%", "--page", "100", "--no-progress", "-o", file, l.url)
	if err != nil {
		return Run{}, err
	}
	run.Keys, err = profiledKeys(file)
	return run, err
}

// profiledKeys returns how many keys a saved profile covers; one that says it is
// incomplete is an error, as its time means nothing.
func profiledKeys(file string) (int64, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	var profile struct {
		Complete bool
		Totals   struct{ Keys struct{ Value float64 } }
	}
	if err := json.Unmarshal(data, &profile); err != nil {
		return 0, fmt.Errorf("profile: %w", err)
	}
	if !profile.Complete {
		return 0, errors.New("the profile is incomplete")
	}
	return int64(profile.Totals.Keys.Value), nil
}

// runMemkeys measures redis-cli --memkeys, complete or up to the link's limit.
func (t *tools) runMemkeys(ctx context.Context, l link) (Run, error) {
	run, out, err := runChild(ctx, l, l.limit, t.cli, append(l.cliArgs, "--memkeys")...)
	if err != nil {
		return Run{}, err
	}
	run.Keys, err = sampledKeys(out)
	return run, err
}

var sampled = regexp.MustCompile(`Sampled (\d+) keys in the keyspace`)

// sampledKeys reads from redis-cli's summary how many keys it measured. It prints
// one when it is interrupted, too.
func sampledKeys(out string) (int64, error) {
	m := sampled.FindStringSubmatch(out)
	if m == nil {
		return 0, fmt.Errorf("redis-cli --memkeys printed no summary: %.200q", out)
	}
	return strconv.ParseInt(m[1], 10, 64)
}
