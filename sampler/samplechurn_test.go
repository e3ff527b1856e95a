package sampler_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"keyprof/sampler"
	"keyprof/sampler/profile"
	"keyprof/scanner/redistest"
)

// Keys of a server that changes while it is sampled.
const (
	fewKeys  = 3_000  // that are there all the time
	manyKeys = 27_000 // that come or go
)

// sampledWhile samples a part of a server to which something happens at half of it.
func sampledWhile(t *testing.T, server *redistest.Server, part int, change func()) *profile.Profile {
	t.Helper()
	o, happened := small(), false
	o.Progress = once(func() { happened = true; change() })
	o.Sample = &sampler.SampleSize{Again: dealtFrom(server.Client(), part, 8)}
	p := collect(t, server.SocketURL(), o)
	flushed := strings.HasPrefix(p.Nodes[0].Incomplete, "FLUSHALL or FLUSHDB was called")
	if !p.Complete && !flushed || !happened || p.Totals.Failed != 0 {
		t.Errorf("%q, happened %v, %d failed", p.Nodes[0].Incomplete, happened, p.Totals.Failed)
	}
	return p
}

func setAll(pipe redis.Pipeliner, family string, n int) {
	eachName(family, n, func(name string) { pipe.Set(context.Background(), name, "some text", 0) })
}

// checkMoment fails unless the estimate is of some moment of the sample, and the
// profile warns that there were others.
func checkMoment(t *testing.T, p *profile.Profile, least, most int64) {
	t.Helper()
	keys := p.Totals.Keys
	if *keys.Hi < least || keys.Lo > most {
		t.Errorf("%d to %d keys: there were never fewer than %d or more than %d", keys.Lo, *keys.Hi, least, most)
	}
	if !warned(p, "keyspace-changed") {
		t.Errorf("no warning that the keyspace changed: %v", p.Warnings)
	}
}

// A keyspace that grows tenfold: what is there all the time is estimated as ever.
func TestSamplesOfAGrowingServer(t *testing.T) {
	held := holding{}
	for part := range 6 {
		server := redistest.New(t)
		client := server.Client()
		piped(t, client, func(pipe redis.Pipeliner) { setAll(pipe, "stay", fewKeys) })
		p := sampledWhile(t, server, part, func() {
			piped(t, client, func(pipe redis.Pipeliner) { setAll(pipe, "come", manyKeys) })
		})
		held.add("keys that stay", &namespaceOf(t, p, "stay:<int>").Keys, fewKeys)
		checkMoment(t, p, fewKeys, fewKeys+manyKeys)
	}
	held.check(t)
}

// A keyspace that shrinks tenfold, and its table with it.
func TestSamplesOfAShrinkingServer(t *testing.T) {
	held := holding{}
	for part := range 6 {
		server := redistest.New(t)
		client := server.Client()
		piped(t, client, func(pipe redis.Pipeliner) { setAll(pipe, "stay", fewKeys); setAll(pipe, "go", manyKeys) })
		p := sampledWhile(t, server, part, func() {
			piped(t, client, func(pipe redis.Pipeliner) {
				eachName("go", manyKeys, func(name string) { pipe.Unlink(context.Background(), name) })
			})
			time.Sleep(300 * time.Millisecond) // the server shrinks tables ten times a second
		})
		held.add("keys that stay", &namespaceOf(t, p, "stay:<int>").Keys, fewKeys)
		checkMoment(t, p, fewKeys, fewKeys+manyKeys)
	}
	held.check(t)
}

// A keyspace that is emptied.
func TestSampleOfAFlushedServer(t *testing.T) {
	server := redistest.New(t)
	client := server.Client()
	piped(t, client, func(pipe redis.Pipeliner) { setAll(pipe, "go", manyKeys) })
	p := sampledWhile(t, server, 3, func() { do(t, client, "flushall") })
	checkMoment(t, p, 0, manyKeys)
	if p.Complete {
		t.Error("a sample of a server that was flushed is complete")
	}
}
