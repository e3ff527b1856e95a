package sampler_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"keyprof/sampler"
	"keyprof/sampler/profile"
	"keyprof/scanner/info"
	"keyprof/scanner/redistest"
)

// tableNode returns a cluster of one node each slot of which is a table of its own.
func tableNode(t *testing.T, args ...string) *redistest.Server {
	t.Helper()
	server := redistest.NewCluster(t, 1, args...)[0]
	if !info.SlotTables(connect(t, server.SocketURL()).Node) {
		t.Skip("the redis-server in PATH has no table for each slot: Redis 7.4 and Valkey 8 have")
	}
	return server
}

// averages returns the keys of namespaces over samples of a share, and in how many of
// them the intervals hold the truth. A namespace that was not met has none.
func averages(t *testing.T, server *redistest.Server, share float64, samples int, truth map[string]int64) (mean map[string]float64, held map[string]int) {
	t.Helper()
	mean, held = map[string]float64{}, map[string]int{}
	for range samples {
		p := collect(t, server.SocketURL(), ofShare(share))
		if p.Design.Sample == nil || p.Design.Sample.Slots == nil || !p.Complete {
			t.Fatalf("%s, complete %v: %v", p.Design.Method, p.Complete, p.Warnings)
		}
		of := map[string]*profile.Estimate{"all": &p.Totals.Keys}
		for i := range p.Namespaces {
			of[p.Namespaces[i].Pattern] = &p.Namespaces[i].Keys
		}
		for what, keys := range truth {
			if e := of[what]; e != nil {
				mean[what] += float64(e.Value) / float64(samples)
				held[what] += boolInt(holdsTruth(e, keys))
			}
		}
	}
	t.Log(mean, held)
	return mean, held
}

// writeTagged writes keys of tags, so many each.
func writeTagged(t *testing.T, client *redis.Client, tags, each int, name string, ttl func(tag int) time.Duration) {
	t.Helper()
	pipe := client.Pipeline()
	for tag := range tags {
		for i := range each {
			pipe.Set(t.Context(), fmt.Sprintf(name, tag, i), "x", ttl(tag))
		}
	}
	if _, err := pipe.Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func forever(int) time.Duration { return 0 }

// Keys that are written while the tables of their slots grow come last of their slot,
// and all at once: they are as much of a sample as others.
func TestSlotsThatRehash(t *testing.T) {
	const tags, before, after, samples = 100, 1026, 300, 6
	server := tableNode(t, "--activerehashing", "no")
	writeTagged(t, server.Client(), tags, before, "old:{t%d}:%d", forever)
	writeTagged(t, server.Client(), tags, after, "new:{t%d}:%d", forever)
	truth := map[string]int64{"old:{t<int>}:<int>": tags * before, "new:{t<int>}:<int>": tags * after, "all": tags * (before + after)}
	mean, held := averages(t, server, 0.05, samples, truth)
	for what, keys := range truth {
		if off := mean[what]/float64(keys) - 1; math.Abs(off) > 0.1 || held[what] < samples/2 {
			t.Errorf("%s: off by %.1f %% on average, %d of %d intervals hold the truth", what, 100*off, held[what], samples)
		}
	}
}

// hide has the server hide keys whose TTL has run out, and not remove them.
func hide(t *testing.T, server *redistest.Server) {
	t.Helper()
	time.Sleep(20 * time.Millisecond) // until it has run out
	command(t, server, "CLIENT PAUSE 600000 WRITE")
	t.Cleanup(func() { command(t, server, "CLIENT UNPAUSE") })
}

// SCAN hides keys that have expired, CLUSTER COUNTKEYSINSLOT counts them.
func TestSlotsWithHiddenKeys(t *testing.T) {
	const samples = 10
	server := tableNode(t, "--enable-debug-command", "yes")
	client := server.Client()
	command(t, server, "DEBUG SET-ACTIVE-EXPIRE 0")
	writeTagged(t, client, 1, 1600, "hot:{h%d}:%d", forever)
	writeTagged(t, client, 1, 2400, "late:{h%d}:%d", func(int) time.Duration { return 10 * time.Millisecond })
	seedWith(t, client, 4000, func(i int, _ *rand.Rand) string { return fmt.Sprintf("plain:%d", i) })
	hide(t, server)
	mean, held := averages(t, server, 0.5, samples, map[string]int64{"plain:<int>": 4000, "all": 5600})
	if off := mean["all"]/5600 - 1; math.Abs(off) > 0.03 || held["all"] < samples/2 {
		t.Errorf("off by %.1f %% on average, %d of %d intervals hold the truth", 100*off, held["all"], samples)
	}
}

// Where the keys of every other tag have expired, their number is known the less.
func TestSlotsWithLostTags(t *testing.T) {
	const tags, each, samples = 1200, 20, 15
	server := tableNode(t, "--enable-debug-command", "yes")
	command(t, server, "DEBUG SET-ACTIVE-EXPIRE 0")
	writeTagged(t, server.Client(), tags, each, "cart:{c%d}:%d", func(tag int) time.Duration {
		return time.Duration(tag%2) * 10 * time.Millisecond
	})
	hide(t, server)
	mean, held := averages(t, server, 0.1, samples, map[string]int64{"all": tags * each / 2})
	// Of 15 intervals of 95 % fewer than 11 hold in one of 1,600 cases.
	if off := mean["all"]/(tags*each/2) - 1; math.Abs(off) > 0.15 || held["all"] < 11 {
		t.Errorf("off by %.1f %% on average, %d of %d intervals hold the truth", 100*off, held["all"], samples)
	}
}

// The same keys are measured again by another process that has the same data, where
// the order within slots is another.
func TestSlotsOfAnotherProcess(t *testing.T) {
	first, second := tableNode(t), tableNode(t)
	seedSlots(t, first, 20_000)
	seedWith(t, first.Client(), 3000, func(i int, _ *rand.Rand) string { return fmt.Sprintf("hot:{h}:%d", i) })
	seedWith(t, second.Client(), 3000, func(i int, _ *rand.Rand) string { return fmt.Sprintf("hot:{h}:%d", 2999-i) })
	seedSlots(t, second, 20_000)
	before := collect(t, first.SocketURL(), ofShare(0.05))
	o := fast()
	o.Sample = &sampler.SampleSize{Again: before}
	after := collect(t, second.SocketURL(), o)
	for _, ns := range before.Namespaces {
		if again := namespaceOf(t, after, ns.Pattern); ns.Probed != again.Probed || !slices.Equal(ns.Sample.Groups.Keys, again.Sample.Groups.Keys) {
			t.Errorf("%s: %d keys, then %d; by group %v, then %v", ns.Pattern, ns.Probed, again.Probed, ns.Sample.Groups.Keys, again.Sample.Groups.Keys)
		}
	}
}
