package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"keyprof/scanner/redistest"
)

// Evictions is one run on a full server: the keys evicted, and the server's memory for
// its connections.
type Evictions struct {
	Program string  `json:"program"`
	Server  string  `json:"server"` // what it did
	Seconds float64 `json:"seconds"`
	Evicted int64   `json:"evicted"` // keys, from before the run to its end
	Sets    int64   `json:"sets"`    // new keys that a writer wrote meanwhile
	Buffers Buffers `json:"buffers"` // of the program's connections
}

// PerSet returns the keys evicted for each key written.
func (e Evictions) PerSet() float64 { return float64(e.Evicted) / float64(e.Sets) }

// Lost returns the keys evicted beyond one for each key written.
func (e Evictions) Lost() float64 { return float64(e.Evicted - e.Sets) }

func (e Evictions) String() string {
	text := fmt.Sprintf("%s, %s: %d keys evicted in %.1f s", e.Program, e.Server, e.Evicted, e.Seconds)
	if e.Sets > 0 {
		text += fmt.Sprintf(" for %d written: %.3f each", e.Sets, e.PerSet())
	}
	return text + "; " + e.Buffers.String()
}

// The full server: a key and its value take some 200 bytes.
const (
	fullValue    = 100 // bytes
	fullPipeline = 500 // keys, before maxmemory is set
	settledAfter = 100 // keys evicted while it is refilled
	restBefore   = 200 * time.Millisecond
	writerGap    = time.Millisecond
	lookEvery    = 2 * time.Millisecond // at the connections
)

// scene is the server's state while a program runs.
type scene struct {
	name    string
	forget  bool // that it has executed any command before
	writing bool
}

// scenes are measured in order. From 7.0 on a server keeps a latency histogram for each
// command, some 24 kB from its first execution on (server.c,
// updateCommandLatencyHistogram): the first run of a program costs that as well. CONFIG
// RESETSTAT frees them.
var scenes = []scene{
	{name: "idle"},
	{name: "idle, first run", forget: true},
	{name: "with a writer", writing: true},
}

// evictions counts the keys that programs evict from a full server.
func (b *bench) evictions(ctx context.Context) (err error) {
	if b.evictionKeys == 0 {
		return nil
	}
	f, err := b.fill(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.server.Stop()) }()
	programs := b.evictors(f)
	for _, p := range programs { // so that all commands have been executed
		if _, err := f.run(ctx, p, scenes[0]); err != nil {
			return err
		}
	}
	for _, s := range scenes {
		runs := map[string][]Evictions{}
		for i := range b.pairs {
			for j := range programs {
				p := programs[(i+j)%len(programs)] // none always goes first
				e, err := f.run(ctx, p, s)
				if err != nil {
					return err
				}
				progress("a full server, round %d of %d: %v", i+1, b.pairs, e)
				runs[p.name] = append(runs[p.name], e)
				b.report.Evictions = append(b.report.Evictions, e)
			}
		}
		b.addEvictions(programs, runs, s)
	}
	return nil
}

// evictor is a program to run on a full server.
type evictor struct {
	name  string
	words []string
	aim   bool // it should evict no more than redis-cli does
}

// evictors returns redis-cli and, after it, ways to run keyprof.
func (b *bench) evictors(f *fullServer) []evictor {
	l := socketLink(f.server, b.evictionKeys)
	keyprof := func(args ...string) []string {
		words := append([]string{b.tools.keyprof, "profile", "--no-progress", "-q", "-o", filepath.Join(b.tools.dir, "full.json")}, args...)
		return append(words, l.url)
	}
	return []evictor{
		{name: "`redis-cli --memkeys`", words: append(append([]string{b.tools.cli}, l.cliArgs...), "--memkeys")},
		{name: "keyprof's defaults", words: keyprof(), aim: true},
		{name: "`--max-load 100%`", words: keyprof("--max-load", "100%")},
	}
}

func (b *bench) addEvictions(programs []evictor, runs map[string][]Evictions, s scene) {
	other := programs[0]
	add := func(p evictor, what, unit string, of func(Evictions) float64) {
		c := compare(unit, other.name, figures(runs[p.name], of), figures(runs[other.name], of))
		row := c.row(aboutEvictions, fmt.Sprintf("a full server of %s, %s: %s, %s", keys(b.evictionKeys), s.name, p.name, what))
		if p.aim && !s.forget {
			row.Aims = []Aim{{Text: "≤ memkeys", Met: c.Keyprof.Median <= c.Other.Median}}
		}
		b.report.add(row)
	}
	for _, p := range programs[1:] {
		if s.writing {
			add(p, "evicted beyond those written", "keys", Evictions.Lost)
			add(p, "evicted per `SET`", "keys", Evictions.PerSet)
		} else {
			add(p, "evicted", "keys", Evictions.Lost)
		}
	}
}

// fullServer is a server at its maxmemory under allkeys-lru.
type fullServer struct {
	server *redistest.Server
	conn   *redis.Conn // opened before all others: what it asks for needs no more memory later
	id     int64
	keys   int // written so far
}

// fill starts a server, fills it and sets its maxmemory to what it then uses.
func (b *bench) fill(ctx context.Context) (*fullServer, error) {
	server, err := redistest.Start(ctx, "--maxmemory-policy", "allkeys-lru")
	if err != nil {
		return nil, err
	}
	b.report.Versions["redis-server"] = infoField(server.Client().Info(ctx, "server").Val(), "redis_version")
	f := &fullServer{server: server, conn: server.Client().Conn()}
	err = f.fillUp(ctx, b.evictionKeys)
	if err != nil {
		return nil, errors.Join(err, server.Stop())
	}
	return f, nil
}

// fillUp writes n keys and sets maxmemory to the memory used.
func (f *fullServer) fillUp(ctx context.Context, n int) (err error) {
	if f.id, err = f.conn.ClientID(ctx).Result(); err != nil {
		return err
	}
	for f.keys < n {
		_, err := f.conn.Pipelined(ctx, func(p redis.Pipeliner) error {
			for range fullPipeline {
				p.Set(ctx, f.newKey(), fullText, 0)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	time.Sleep(3 * time.Second) // the server gives back the buffers of idle connections, and ends its rehashing
	used, err := f.info(ctx, "memory", "used_memory")
	if err != nil {
		return err
	}
	return f.conn.ConfigSet(ctx, "maxmemory", strconv.FormatInt(used, 10)).Err()
}

var fullText = strings.Repeat("x", fullValue)

func (f *fullServer) newKey() string {
	f.keys++
	return fmt.Sprintf("full:%09d", f.keys)
}

func (f *fullServer) info(ctx context.Context, section, field string) (int64, error) {
	text, err := f.conn.Info(ctx, section).Result()
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(infoField(text, field), 10, 64)
}

func (f *fullServer) evicted(ctx context.Context) (int64, error) {
	return f.info(ctx, "stats", "evicted_keys")
}

// refill writes one key at a time until the server evicts one for each.
func (f *fullServer) refill(ctx context.Context) error {
	before, err := f.evicted(ctx)
	for now := before; err == nil && now < before+settledAfter; {
		for range settledAfter {
			if err := f.conn.Set(ctx, f.newKey(), fullText, 0).Err(); err != nil {
				return err
			}
		}
		now, err = f.evicted(ctx)
	}
	return err
}

// run runs a program on the full server. All runs start in the same state: no other
// connection, no room for one more key, and the observing and writing connections in the
// middle of their work.
func (f *fullServer) run(ctx context.Context, p evictor, s scene) (e Evictions, err error) {
	if s.forget {
		if err := f.conn.ConfigResetStat(ctx).Err(); err != nil {
			return e, err
		}
	}
	if err := f.refill(ctx); err != nil {
		return e, err
	}
	var w *writer
	if s.writing {
		w = f.startWriter(ctx)
	}
	e, err = f.measure(ctx, p, w)
	e.Program, e.Server = p.name, s.name
	return e, errors.Join(err, w.stop())
}

func (f *fullServer) measure(ctx context.Context, p evictor, w *writer) (e Evictions, err error) {
	if _, err := f.watch(ctx, time.After(restBefore), w); err != nil { // as it does during the run
		return e, err
	}
	sets := w.count()
	before, err := f.evicted(ctx)
	if err != nil {
		return e, err
	}
	began, ended := time.Now(), make(chan time.Time)
	var runErr error
	go func() {
		defer close(ended)
		if out, err := exec.CommandContext(ctx, p.words[0], p.words[1:]...).CombinedOutput(); err != nil {
			runErr = fmt.Errorf("%s: %w\n%s", strings.Join(p.words, " "), err, out)
		}
	}()
	e.Buffers, err = f.watch(ctx, ended, w)
	<-ended
	e.Seconds = time.Since(began).Seconds()
	after, infoErr := f.evicted(ctx)
	e.Evicted, e.Sets = after-before, w.count()-sets
	return e, errors.Join(err, runErr, infoErr)
}

// watch samples the other connections until done.
func (f *fullServer) watch(ctx context.Context, done <-chan time.Time, w *writer) (b Buffers, err error) {
	for {
		select {
		case <-done:
			return b, nil
		case <-time.After(lookEvery):
		}
		list, err := f.conn.ClientList(ctx).Result()
		if err != nil {
			return b, err
		}
		b.add(list, f.id, w.connection())
	}
}
