package sampler_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"keyprof/sampler"
	"keyprof/sampler/profile"
	"keyprof/scanner/info"
	"keyprof/scanner/redistest"
	"keyprof/scanner/throttle"
)

// fullKeys is the approximate number of keys of about 390 bytes in a full server.
const fullKeys = 20_000

// newFullServer starts a server that has reached its maxmemory.
func newFullServer(t *testing.T, policy string) *redistest.Server {
	t.Helper()
	server := redistest.New(t, "--maxmemory-policy", policy)
	fill(t.Context(), server.Client(), 0, fullKeys)
	used, _ := info.Parse(server.Client().Info(t.Context(), "memory").Val()).Int("used_memory")
	do(t, server.Client(), "config", "set", "maxmemory", used)
	return server
}

// On a full server that others write to, the profile warns, and the receipt counts
// what was evicted as the server does.
func TestEvictionsOnTheReceipt(t *testing.T) {
	t.Parallel()
	server := newFullServer(t, "allkeys-lru")
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for n := fullKeys; ctx.Err() == nil; n += 20 {
			fill(ctx, server.Client(), n, 20)
			time.Sleep(5 * time.Millisecond)
		}
	}()
	defer func() { stop(); <-done }()
	before := stats(t, server.Client())["evicted_keys"]
	o := guarded()
	o.Rate = 10_000
	p := collect(t, server.URL(), o)
	most := stats(t, server.Client())["evicted_keys"] - before
	r := &p.Receipt
	if r.EvictedMeanwhile == nil || *r.EvictedMeanwhile == 0 || *r.EvictedMeanwhile > most {
		t.Errorf("evicted meanwhile %v, the server counted at most %d", r.EvictedMeanwhile, most)
	}
	w := warningOf(p.Warnings, "near-maxmemory")
	if w == nil || !strings.HasSuffix(w.Text, "the server may evict keys (policy allkeys-lru)") {
		t.Errorf("warnings %v", p.Warnings)
	}
	if err := p.Check(); err != nil {
		t.Error(err)
	}
}

func warningOf(list []profile.Warning, code string) *profile.Warning {
	for i := range list {
		if list[i].Code == code {
			return &list[i]
		}
	}
	return nil
}

// keyprof check warns of the effect of a scan on a full server.
func TestCheckWarnsNearMaxmemory(t *testing.T) {
	t.Parallel()
	for policy, want := range map[string]string{
		"noeviction":   "writes of other clients may fail with OOM meanwhile (policy noeviction)",
		"volatile-ttl": "the server may evict keys or, if no key with a TTL is left, refuse writes of other clients (policy volatile-ttl)",
		"allkeys-lru":  "the server may evict keys (policy allkeys-lru)",
	} {
		server := newFullServer(t, policy)
		r, err := sampler.Check(context.Background(), connect(t, server.URL()), fast())
		if err != nil {
			t.Fatal(err)
		}
		if w := warningOf(r.Warnings, "near-maxmemory"); w == nil || !strings.HasSuffix(w.Text, want) {
			t.Errorf("%s: warnings %v", policy, r.Warnings)
		}
		do(t, server.Client(), "config", "set", "maxmemory", 1<<30)
		if r, err = sampler.Check(context.Background(), connect(t, server.URL()), fast()); err != nil {
			t.Fatal(err)
		}
		if w := warningOf(r.Warnings, "near-maxmemory"); w != nil {
			t.Errorf("%s: with memory to spare: %v", policy, w)
		}
	}
}

// A replica does not evict, whatever its maxmemory.
func TestReplicaIsNotNearMaxmemory(t *testing.T) {
	node := info.Node{Info: info.Parse("redis_version:7.0.15\nrole:slave\nused_memory:100\nmaxmemory:100\nmaxmemory_policy:allkeys-lru\nevicted_keys:0")}
	if w := sampler.NearMaxmemory(node); w != nil {
		t.Error(w)
	}
}

func ExampleNearMaxmemory() {
	node := info.Node{Info: info.Parse("role:master\nused_memory:99000000\nmaxmemory:100000000\nmaxmemory_policy:allkeys-lru")}
	fmt.Println(sampler.NearMaxmemory(node).Text)
	// Output: used memory is 977 KiB below maxmemory, and the buffers of keyprof's connections count against it: the server may evict keys (policy allkeys-lru)
}

// A full server gets one connection and small pages, and is watched all the same.
func TestFullServerHasOneConnection(t *testing.T) {
	t.Parallel()
	server := newFullServer(t, "allkeys-lru")
	connections := stats(t, server.Client())["total_connections_received"]
	o := guarded()
	o.MaxLoad, o.Page, o.Rate = 1, throttle.FullSpeedPage, 20_000
	p := collect(t, server.URL(), o)
	if n := stats(t, server.Client())["total_connections_received"] - connections; n != 1 {
		t.Errorf("%d connections", n)
	}
	r := p.Receipt
	if !p.Complete || r.ProbeRTT == nil || r.ProbeRTT.Before == nil || r.ProbeRTT.During == nil || r.Commands["info"] < 3 || r.Commands["scan"] < fullKeys/30 || r.Commands["client setname"] > 0 {
		t.Errorf("complete %v, probe RTT %+v, commands %v", p.Complete, r.ProbeRTT, r.Commands)
	}
	if r.BufferBytes < 38_000 || r.BufferBytes > 400_000 {
		t.Errorf("buffers of %d bytes", r.BufferBytes)
	}
}

// A server that becomes full in mid-scan loses the second connection.
func TestServerBecomesFull(t *testing.T) {
	t.Parallel()
	server := newFaultServer(t)
	want := collect(t, server.SocketURL(), fast())
	connections := func() int {
		return strings.Count(server.Client().Do(t.Context(), "client", "list").Val().(string), "name=keyprof ")
	}
	o := guarded()
	o.Rate = faultKeys / 8 // it is noticed within some seconds
	idle := connections()  // of the scan before
	walking, ending := 0, 0
	begun := once(func() {
		walking = connections()
		used, _ := info.Parse(server.Client().Info(t.Context(), "memory").Val()).Int("used_memory")
		do(t, server.Client(), "config", "set", "maxmemory", used+2<<20)
	})
	o.Progress = func(p sampler.Progress) {
		begun(p)
		ending = connections()
	}
	p, _, err := patiently(t.Context(), t, server.URL(), 10*time.Second, o)
	checkWhole(t, want, p, err)
	if walking != idle+2 || ending != idle+1 {
		t.Errorf("%d connections before the walk, %d when it was under way, %d at its end", idle, walking, ending)
	}
}
