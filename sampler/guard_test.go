package sampler_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"keyprof/sampler"
	"keyprof/sampler/profile"
	"keyprof/scanner"
	"keyprof/scanner/info"
	"keyprof/scanner/redistest"
	"keyprof/scanner/throttle"
)

// guarded returns options for a scan that takes about four seconds over newFaultServer.
func guarded() sampler.Options {
	o := fast()
	o.Page, o.LatencyBudget, o.Guarded = 0, throttle.DefaultLatencyBudget, true
	o.Rate = faultKeys / 4
	return o
}

// A save that begins during a scan pauses the scan, and the receipt says so.
func TestSaveBrakes(t *testing.T) {
	t.Parallel()
	server := newFaultServer(t)
	want := collect(t, server.SocketURL(), fast())
	delay := 2 * time.Second / faultKeys / time.Microsecond // of the child, for each key
	do(t, server.Client(), "config", "set", "rdb-key-save-delay", int64(delay))
	o := guarded()
	o.Progress = once(func() { do(t, server.Client(), "bgsave") })
	var causes []string
	o.OnPause = func(cause string) { causes = append(causes, cause) }
	p, _, err := patiently(context.Background(), t, server.URL(), 10*time.Second, o)
	checkWhole(t, want, p, err)
	brakes := p.Receipt.Brakes
	if len(brakes) != 1 || brakes[0].Cause != "an RDB save started" || brakes[0].Count != 1 || brakes[0].TookS < 1 || brakes[0].TookS > 20 {
		t.Errorf("brakes %+v", brakes)
	}
	if len(causes) < 4 || causes[0] != "an RDB save started" || causes[len(causes)-1] != "" {
		t.Errorf("told of %q", causes)
	}
	if p.Receipt.PageLeast >= throttle.PageFor(o.LatencyBudget) {
		t.Errorf("pages of %d keys at least: it should begin again with small ones", p.Receipt.PageLeast)
	}
}

// Near maxmemory, where there is no second connection, the scan goes on when the save
// is over, too, and not when the last word of it is too old.
func TestSaveBrakesOnTheWalksConnection(t *testing.T) {
	t.Parallel()
	server := newFaultServer(t)
	used, _ := info.Parse(server.Client().Info(t.Context(), "memory").Val()).Int("used_memory")
	do(t, server.Client(), "config", "set", "maxmemory", used+2<<20)
	do(t, server.Client(), "config", "set", "rdb-key-save-delay", int64(2*time.Second/faultKeys/time.Microsecond))
	o := guarded()
	o.Progress = once(func() { do(t, server.Client(), "bgsave") })
	p := collect(t, server.URL(), o)
	brakes := p.Receipt.Brakes
	if !p.Complete || len(brakes) != 1 || brakes[0].Count != 1 || brakes[0].TookS < 1 || brakes[0].TookS > 9 {
		t.Errorf("complete %v, brakes %+v", p.Complete, brakes)
	}
}

// A save that was under way when the scan began does not.
func TestSaveUnderWayDoesNotBrake(t *testing.T) {
	t.Parallel()
	server := newFaultServer(t)
	want := collect(t, server.SocketURL(), fast())
	do(t, server.Client(), "config", "set", "rdb-key-save-delay", int64(20*time.Second/faultKeys/time.Microsecond))
	do(t, server.Client(), "bgsave")
	p, _, err := patiently(context.Background(), t, server.URL(), 10*time.Second, guarded())
	checkWhole(t, want, p, err)
	if len(p.Receipt.Brakes) != 0 {
		t.Errorf("brakes %+v", p.Receipt.Brakes)
	}
}

// A cache that is always at maxmemory, and evicts all the time, is profiled like
// any other.
func TestLivingAtMaxmemoryDoesNotBrake(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long: make soak")
	}
	t.Parallel()
	server := redistest.New(t, "--maxmemory", "6mb", "--maxmemory-policy", "allkeys-lru")
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	fill(ctx, server.Client(), 0, 20_000)
	go func() {
		defer close(done)
		for n := 20_000; ctx.Err() == nil; n += 20 { // 1,000 a second
			fill(ctx, server.Client(), n, 20)
			time.Sleep(20 * time.Millisecond)
		}
	}()
	defer func() { stop(); <-done }()
	time.Sleep(3 * time.Second) // this is how it lives
	before := stats(t, server.Client())["evicted_keys"]
	o := guarded()
	o.Rate = 600
	p := collect(t, server.URL(), o)
	if !p.Complete || len(p.Receipt.Brakes) != 0 {
		t.Errorf("complete %v, brakes %+v", p.Complete, p.Receipt.Brakes)
	}
	if n := stats(t, server.Client())["evicted_keys"] - before; n < 1000 {
		t.Errorf("only %d keys were evicted meanwhile", n)
	}
	if p.Receipt.ElapsedS < 8 {
		t.Errorf("took %.1f s: too short to tell", p.Receipt.ElapsedS)
	}
}

// fill writes n keys, beginning with number from.
func fill(ctx context.Context, client *redis.Client, from, n int) {
	pipe := client.Pipeline()
	for i := range n {
		pipe.Set(ctx, fmt.Sprintf("cache:%d", from+i), strings.Repeat("x", 300), 0)
	}
	_, _ = pipe.Exec(ctx) // the server may end first
}

// A server that begins to evict in mid-scan does brake.
func TestEvictionsBeginningBrake(t *testing.T) {
	t.Parallel()
	server := newFaultServer(t)
	do(t, server.Client(), "config", "set", "maxmemory-policy", "allkeys-random")
	o := guarded()
	o.Progress = once(func() {
		text := server.Client().Info(context.Background(), "memory").Val()
		used, _ := info.Parse(text).Int("used_memory")
		do(t, server.Client(), "config", "set", "maxmemory", used-100_000)
	})
	p, _, err := patiently(context.Background(), t, server.URL(), 10*time.Second, o)
	if err != nil || !p.Complete {
		t.Fatal(p, err)
	}
	if brakes := p.Receipt.Brakes; len(brakes) != 1 || brakes[0].Cause != "key eviction started" {
		t.Errorf("brakes %+v", brakes)
	}
}

// The effect on other clients is measured, and the receipt includes all commands sent
// for it.
func TestProbeConnectionIsInTheReceipt(t *testing.T) {
	t.Parallel()
	server := newFaultServer(t)
	do(t, server.Client(), "config", "resetstat")
	o := guarded()
	o.Rate = faultKeys / 2 // for two seconds, with some 40 pings
	p := collect(t, server.URL(), o)
	r := p.Receipt
	if r.ProbeRTT == nil || r.ProbeRTT.Before == nil || r.ProbeRTT.During == nil {
		t.Fatalf("probe RTT %+v", r.ProbeRTT)
	}
	for _, rtt := range []profile.RoundTrips{*r.ProbeRTT.Before, *r.ProbeRTT.During} {
		if rtt.Pings < 5 || rtt.P50S <= 0 || rtt.P99S < rtt.P50S {
			t.Errorf("round trips %+v", rtt)
		}
	}
	if r.Page < 4 || r.PageLeast > r.Page || r.PageMost < r.Page || r.LatencyBudgetS != 100e-6 {
		t.Errorf("pages %d to %d, mostly %d; budget %v", r.PageLeast, r.PageMost, r.Page, r.LatencyBudgetS)
	}
	served := commandCalls(t, server.Client())
	for _, name := range []string{"ping", "scan", "pttl", "client setname"} {
		if served[name] != r.Commands[name] {
			t.Errorf("%s: %d in the receipt, %d by the server", name, r.Commands[name], served[name])
		}
	}
	for name := range r.Commands {
		if !scanner.Allowed(name) {
			t.Errorf("%s was sent", name)
		}
	}
}

// commandCalls returns the calls of commandstats.
func commandCalls(t *testing.T, client *redis.Client) map[string]int64 {
	t.Helper()
	text, err := client.Info(context.Background(), "commandstats").Result()
	if err != nil {
		t.Fatal(err)
	}
	calls := map[string]int64{}
	for field, value := range info.Parse(text)["commandstats"] {
		var n int64
		fmt.Sscanf(value, "calls=%d", &n)
		calls[strings.ReplaceAll(strings.TrimPrefix(field, "cmdstat_"), "|", " ")] = n
	}
	return calls
}

// Where only one connection is to be had the scan goes on without a second, and
// says so.
func TestNoProbeConnection(t *testing.T) {
	t.Parallel()
	server := newFaultServer(t)
	want := collect(t, server.SocketURL(), fast())
	admin := adminOf(t, server)
	do(t, admin, "client", "kill", "type", "normal", "skipme", "yes")
	do(t, admin, "config", "set", "maxclients", "2")
	o := guarded()
	o.Rate = 0
	p, notices, err := patiently(context.Background(), t, server.URL(), 10*time.Second, o)
	checkWhole(t, want, p, err)
	if len(notices) != 0 || p.Receipt.ProbeRTT != nil || !warned(p, "no-probe-connection") {
		t.Errorf("noticed %q, probe RTT %v, warnings %v", notices, p.Receipt.ProbeRTT, p.Warnings)
	}
}

// A scan that lost its connection, where there is none left, gets that of the probe.
func TestProbeConnectionStepsAside(t *testing.T) {
	t.Parallel()
	server := newFaultServer(t)
	want := collect(t, server.SocketURL(), fast())
	admin := adminOf(t, server)
	do(t, admin, "client", "kill", "type", "normal", "skipme", "yes")
	o := guarded()
	o.Progress = once(func() {
		do(t, admin, "config", "set", "maxclients", "2")
		do(t, admin, "client", "kill", "id", firstWalker(t, admin))
	})
	p, notices, err := patiently(context.Background(), t, server.URL(), 10*time.Second, o)
	checkWhole(t, want, p, err)
	if len(notices) != 1 {
		t.Errorf("noticed %q", notices)
	}
}

// firstWalker returns the id of the first of keyprof's connections.
func firstWalker(t *testing.T, admin doer) string {
	t.Helper()
	list, err := admin.Do(context.Background(), "client", "list").Text()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(list) {
		if strings.Contains(line, "name=keyprof ") {
			id, _, _ := strings.Cut(strings.TrimPrefix(line, "id="), " ")
			return id
		}
	}
	t.Fatalf("no connection of keyprof's in\n%s", list)
	return ""
}

// A probe connection that is lost comes back.
func TestProbeConnectionComesBack(t *testing.T) {
	t.Parallel()
	server := newFaultServer(t)
	want := collect(t, server.SocketURL(), fast())
	o := guarded()
	o.Rate = faultKeys / 9
	o.Progress = once(func() { do(t, server.Client(), "client", "kill", "type", "normal", "skipme", "yes") })
	p, _, err := patiently(context.Background(), t, server.URL(), 20*time.Second, o)
	checkWhole(t, want, p, err)
	if p.Receipt.ProbeRTT == nil || p.Receipt.ProbeRTT.During == nil || p.Receipt.ProbeRTT.During.Pings < 30 {
		t.Errorf("probe RTT %+v", p.Receipt.ProbeRTT)
	}
}

// An interrupt ends a paused scan at once.
func TestInterruptedWhileStandingBack(t *testing.T) {
	t.Parallel()
	server := newFaultServer(t)
	do(t, server.Client(), "config", "set", "rdb-key-save-delay", int64(60*time.Second/faultKeys/time.Microsecond))
	ctx, cancel := context.WithCancelCause(context.Background())
	o := guarded()
	o.Progress = once(func() { do(t, server.Client(), "bgsave") })
	var at time.Time
	o.OnPause = func(string) {
		if at.IsZero() {
			at = time.Now()
			cancel(sampler.ErrInterrupted)
		}
	}
	p, _, err := patiently(ctx, t, server.URL(), time.Second, o)
	if err != nil || p.Complete || at.IsZero() || time.Since(at) > 30*time.Second {
		t.Errorf("%v; after %v", err, time.Since(at))
	}
}
