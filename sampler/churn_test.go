package sampler_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"keyprof/sampler"
	"keyprof/sampler/profile"
	"keyprof/scanner/redistest"
)

const (
	stayKeys = 1000 // that exist from the beginning of a scan to its end
	goKeys   = 9000 // that do not
)

// newChurnServer has keys that are left alone and keys that a test changes.
func newChurnServer(t *testing.T, args ...string) *redistest.Server {
	t.Helper()
	server := redistest.New(t, args...)
	piped(t, server.Client(), func(pipe redis.Pipeliner) {
		eachName("stay", stayKeys, func(name string) { pipe.Set(context.Background(), name, "some text", 0) })
		eachName("go", goKeys, func(name string) { pipe.Set(context.Background(), name, "some text", 0) })
	})
	return server
}

func piped(t *testing.T, client *redis.Client, fill func(redis.Pipeliner)) {
	t.Helper()
	pipe := client.Pipeline()
	fill(pipe)
	if _, err := pipe.Exec(context.Background()); err != nil {
		t.Fatal(err)
	}
}

func eachName(family string, n int, f func(name string)) {
	for i := range n {
		f(fmt.Sprintf("%s:%d", family, 100_000+i))
	}
}

// checkSums fails unless every name that SCAN returned is in exactly one place.
func checkSums(t *testing.T, p *profile.Profile) {
	t.Helper()
	var returned, keys, bytes int64
	for _, db := range p.Nodes[0].Databases {
		returned += db.Returned
	}
	s := p.Totals
	for _, n := range p.Namespaces {
		keys, bytes = keys+n.Keys.Value, bytes+valueOf(n.Bytes)
	}
	if sum := s.Keys.Value + s.Vanished + s.Expired + s.Denied + s.Failed + s.TooLong + s.Moved; sum != returned || s.Failed != 0 {
		t.Errorf("%d names returned, %d accounted for: %d keys, %d vanished, %d expired, %d denied, %d failed",
			returned, sum, s.Keys.Value, s.Vanished, s.Expired, s.Denied, s.Failed)
	}
	if keys != s.Keys.Value || bytes != valueOf(s.Bytes) {
		t.Errorf("namespaces have %d keys and %d bytes, the totals %d and %d", keys, bytes, s.Keys.Value, valueOf(s.Bytes))
	}
}

// valueOf returns 0 for what was not measured.
func valueOf(e *profile.Estimate) int64 {
	if e == nil {
		return 0
	}
	return e.Value
}

// keysIn returns the keys of a namespace, 0 when there is none.
func keysIn(p *profile.Profile, pattern string) int64 { return rows(p)[pattern][0] }

// profileWhile profiles a server to which something happens at half of the scan.
func profileWhile(t *testing.T, url string, change func()) *profile.Profile {
	t.Helper()
	o := small()
	o.Progress = once(change)
	p := collect(t, url, o)
	if !p.Complete {
		t.Errorf("incomplete: %s", p.Nodes[0].Incomplete)
	}
	checkSums(t, p)
	return p
}

// A server that is flushed keeps what was measured until then, and says what happened.
func TestFlushedDuringTheWalk(t *testing.T) {
	server := newChurnServer(t)
	o := small()
	o.Progress = once(func() { do(t, server.Client(), "flushall") })
	p := collect(t, server.SocketURL(), o)
	checkSums(t, p)
	if p.Complete || !strings.HasPrefix(p.Nodes[0].Incomplete, "FLUSHALL or FLUSHDB was called") {
		t.Errorf("complete %v, %q", p.Complete, p.Nodes[0].Incomplete)
	}
	if p.Totals.Vanished == 0 || p.Totals.Keys.Value < (stayKeys+goKeys)/3 {
		t.Errorf("%d keys, %d vanished", p.Totals.Keys.Value, p.Totals.Vanished)
	}
	if after := p.Nodes[0].Databases[0].After; after == nil || after.Keys != 0 {
		t.Errorf("after the walk: %+v", after)
	}
}

// Nine keys of ten expire at once: a primary removes them as SCAN meets them, a
// replica hides them.
func TestExpiredDuringTheWalk(t *testing.T) {
	primary := newChurnServer(t, "--enable-debug-command", "yes")
	replica := redistest.Replica(t, primary)
	for name, server := range map[string]*redistest.Server{"replica": replica, "primary": primary} {
		t.Run(name, func(t *testing.T) {
			do(t, primary.Client(), "debug", "set-active-expire", "0")
			piped(t, primary.Client(), func(pipe redis.Pipeliner) {
				eachName("go", goKeys, func(key string) { pipe.Set(context.Background(), key, "some text", time.Hour) })
			})
			awaitOffset(t, primary.Client(), server.Client())
			p := profileWhile(t, server.SocketURL(), func() {
				piped(t, primary.Client(), func(pipe redis.Pipeliner) {
					eachName("go", goKeys, func(key string) { pipe.PExpire(context.Background(), key, time.Millisecond) })
				})
				awaitOffset(t, primary.Client(), server.Client())
				time.Sleep(5 * time.Millisecond)
			})
			if gone := p.Totals.Vanished + p.Totals.Expired; gone == 0 || gone > 100 {
				t.Errorf("%d vanished or expired: those of the page at hand should have", gone)
			}
			if got := keysIn(p, "go:<int>"); got < goKeys/3 || got > goKeys*2/3 {
				t.Errorf("%d of the keys that expired at half of the walk", got)
			}
			if got := keysIn(p, "stay:<int>"); got != stayKeys {
				t.Errorf("%d of the keys that stayed, want %d", got, stayKeys)
			}
		})
	}
}

// awaitOffset returns when follower, a replica or primary itself, has all that
// primary was sent.
func awaitOffset(t *testing.T, primary, follower *redis.Client) {
	t.Helper()
	offset := func(c *redis.Client) string {
		for line := range strings.Lines(c.Info(context.Background(), "replication").Val()) {
			if _, value, found := strings.Cut(line, "master_repl_offset:"); found {
				return value
			}
		}
		return "none"
	}
	for range 400 {
		if offset(primary) == offset(follower) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("the replica does not keep up")
}

// Keys that are there all the time are returned once while a table grows.
func TestGrowthDuringTheWalk(t *testing.T) {
	server := newChurnServer(t)
	p := profileWhile(t, server.SocketURL(), func() {
		piped(t, server.Client(), func(pipe redis.Pipeliner) {
			eachName("new", 9*(stayKeys+goKeys), func(name string) { pipe.Set(context.Background(), name, "some text", 0) })
		})
	})
	if stay, left := keysIn(p, "stay:<int>"), keysIn(p, "go:<int>"); stay != stayKeys || left != goKeys {
		t.Errorf("%d and %d keys, want %d and %d", stay, left, stayKeys, goKeys)
	}
	if got := keysIn(p, "new:<int>"); got == 0 || got >= 9*(stayKeys+goKeys) {
		t.Errorf("%d new keys: those in the half of the table that was still to be walked", got)
	}
}

// When a table shrinks, SCAN may return a key again, and leaves none out.
func TestShrinkingDuringTheWalk(t *testing.T) {
	server := newChurnServer(t)
	p := profileWhile(t, server.SocketURL(), func() {
		piped(t, server.Client(), func(pipe redis.Pipeliner) {
			eachName("go", goKeys, func(name string) { pipe.Del(context.Background(), name) })
		})
		time.Sleep(300 * time.Millisecond) // the server shrinks tables ten times a second
	})
	if got := keysIn(p, "stay:<int>"); got < stayKeys || got > stayKeys*12/10 {
		t.Errorf("%d of the keys that stayed, want %d and few repeats", got, stayKeys)
	}
	if got := keysIn(p, "go:<int>"); got < goKeys/3 || got > goKeys*2/3 {
		t.Errorf("%d of the keys that were removed at half of the walk", got)
	}
}

// Keys are renamed, removed and made again as another type, all through the
// scan, between any two questions about a key.
func TestKeysChangeDuringTheWalk(t *testing.T) {
	server := newChurnServer(t)
	done, changer := make(chan struct{}), sync.WaitGroup{}
	end := sync.OnceFunc(func() { close(done); changer.Wait() })
	defer end()
	begin := sync.OnceFunc(func() {
		changer.Go(func() { changeKeys(server.Client(), done) })
	})
	o := small()
	o.Progress = func(sampler.Progress) { begin() }
	p := collect(t, server.SocketURL(), o)
	end()
	checkSums(t, p)
	if stay := keysIn(p, "stay:<int>"); stay != stayKeys || !p.Complete {
		t.Errorf("complete %v, %d keys, want %d", p.Complete, stay, stayKeys)
	}
	if len(p.Totals.Types) < 3 {
		t.Errorf("types %v: nothing was changed", p.Totals.Types)
	}
}

func changeKeys(client *redis.Client, done <-chan struct{}) {
	ctx := context.Background()
	for i := 0; ; i++ {
		select {
		case <-done:
			return
		default:
		}
		name := fmt.Sprintf("go:%d", 100_000+i%goKeys)
		pipe := client.Pipeline()
		pipe.Del(ctx, name)
		switch i % 4 {
		case 0:
			pipe.RPush(ctx, name, "a", "b")
		case 1:
			pipe.HSet(ctx, name, "field", "value")
			pipe.PExpire(ctx, name, time.Minute)
		case 2:
			pipe.SAdd(ctx, name, i)
			pipe.Rename(ctx, name, fmt.Sprintf("went:%d", 100_000+i%goKeys))
		}
		_, _ = pipe.Exec(ctx) // it ends with the scan
	}
}
