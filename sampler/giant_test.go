package sampler_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"keyprof/sampler/profile"
	"keyprof/scanner"
	"keyprof/scanner/redistest"
)

// Names of half a MiB are counted and never sent back; those of 64 KiB travel one by
// one, in the rehearsal too, and are cut in the profile.
func TestGiantNames(t *testing.T) {
	const giants, giantBytes, longest, others = 5, 512 << 10, scanner.MaxName, 50
	ctx := context.Background()
	server := redistest.New(t)
	piped(t, server.Client(), func(pipe redis.Pipeliner) {
		for i := range giants {
			pipe.Set(ctx, strings.Repeat(fmt.Sprint(i), giantBytes), "x", 0)
			pipe.Set(ctx, strings.Repeat(fmt.Sprint(i), longest), "x", 0)
		}
	})
	piped(t, server.ClientDB(1), func(pipe redis.Pipeliner) {
		for i := range others {
			pipe.Set(ctx, fmt.Sprintf("small:%d", i), "x", 0)
		}
	})
	proxy := redistest.NewProxy(t, server.Addr())
	proxy.SetLatency(10 * time.Millisecond)
	p, _, err := patiently(ctx, t, proxy.URL(), 10*time.Second, fast())
	if err != nil {
		t.Fatal(err)
	}
	checkSums(t, p)
	if p.Complete || p.Totals.TooLong != giants || p.Totals.Keys.Value != giants+others || p.Totals.Bytes.Value < giants*longest {
		t.Errorf("complete %v, %d too long, %d keys, %d bytes", p.Complete, p.Totals.TooLong, p.Totals.Keys.Value, p.Totals.Bytes.Value)
	}
	if !warned(p, "names-too-long") || !p.Nodes[0].Databases[1].Complete {
		t.Errorf("warnings %v, %+v", p.Warnings, p.Nodes[0].Databases)
	}
	if got := proxy.LongestPipeline(); got < longest || got > longest+64<<10 {
		t.Errorf("a pipeline had %d bytes", got)
	}
	for _, k := range p.Largest[:giants] {
		if len(k.Name) > profile.MaxNameBytes || k.Length != longest {
			t.Errorf("a name of %d bytes, said to have had %d", len(k.Name), k.Length)
		}
	}
}

// No question takes longer than a moment, whatever the size of a value: a hash
// of a million fields, and a set that was huge and has five members left. The
// server finds these by searching empty buckets, which takes long.
func TestGiantValues(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long: make soak")
	}
	const fields, members, left = 1_000_000, 400_000, 5
	ctx := context.Background()
	server := redistest.New(t)
	client := server.Client()
	inBatches(t, client, "giant", fields, "hset", 2)
	inBatches(t, client, "sparse", members, "sadd", 1)
	inBatches(t, client, "sparse", members-left, "srem", 1)
	do(t, client, "config", "resetstat")
	p := collect(t, server.SocketURL(), fast())
	if !p.Complete || p.Totals.Keys.Value != 2 || p.Totals.Bytes.Value < fields*16 {
		t.Errorf("complete %v, %d keys, %d bytes", p.Complete, p.Totals.Keys.Value, p.Totals.Bytes.Value)
	}
	// Averages, for a single call may be slow because the machine is busy.
	stats := client.Info(ctx, "commandstats").Val()
	for command := range p.Receipt.Commands {
		_, line, found := strings.Cut(stats, "cmdstat_"+strings.ReplaceAll(command, " ", "|")+":")
		var calls, usec int64
		if _, err := fmt.Sscanf(line, "calls=%d,usec=%d,", &calls, &usec); !found || err != nil {
			t.Errorf("no figures for %q (%v)", command, err)
		} else if usec/calls > 5000 {
			t.Errorf("%q took %d µs on average", command, usec/calls)
		}
	}
}

// inBatches calls a command for a key with n members, each of so many words.
func inBatches(t *testing.T, client *redis.Client, key string, n int, command string, words int) {
	t.Helper()
	const script = `for first = 1, ARGV[2], 1000 do
		local batch = {}
		for i = first, math.min(first + 999, ARGV[2]) do
			for word = 1, ARGV[3] do batch[#batch + 1] = 'member:' .. i end
		end
		redis.call(ARGV[1], KEYS[1], unpack(batch))
	end
	return 1`
	if err := client.Eval(context.Background(), script, []string{key}, command, n, words).Err(); err != nil {
		t.Fatal(err)
	}
}
