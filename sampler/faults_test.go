package sampler_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"keyprof/sampler"
	"keyprof/sampler/profile"
	"keyprof/scanner"
	"keyprof/scanner/redistest"
)

const faultKeys = 3000

// newFaultServer has strings whose sizes and number are the same at each look.
func newFaultServer(t *testing.T) *redistest.Server {
	t.Helper()
	server := redistest.New(t)
	pipe := server.Client().Pipeline()
	for i := range faultKeys {
		pipe.Set(context.Background(), fmt.Sprintf("family%d:%d", i%3, 10_000+i), strings.Repeat("x", i%500), 0)
	}
	if _, err := pipe.Exec(context.Background()); err != nil {
		t.Fatal(err)
	}
	return server
}

// patiently profiles the server at url, waiting for it at most maxWait at a
// stretch, and returns what was noticed on the way.
func patiently(ctx context.Context, t *testing.T, url string, maxWait time.Duration, o sampler.Options) (*profile.Profile, []string, error) {
	t.Helper()
	return patientlyWith(ctx, t, url, time.Second, maxWait, o)
}

// patientlyWith returns patiently with a timeout.
func patientlyWith(ctx context.Context, t *testing.T, url string, timeout, maxWait time.Duration, o sampler.Options) (*profile.Profile, []string, error) {
	t.Helper()
	target, err := scanner.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	var notices []string
	conn, err := scanner.Connect(ctx, target, timeout, scanner.RetryPolicy{
		MaxWait: maxWait, Notice: func(cause error) { notices = append(notices, cause.Error()) },
	})
	if err != nil {
		return nil, notices, err
	}
	defer conn.Close()
	p, err := sampler.Collect(ctx, conn, o)
	if err == nil {
		if fault := p.Check(); fault != nil {
			t.Fatalf("the profile does not pass its own check: %v", fault)
		}
	}
	return p, notices, err
}

// rows returns the keys and bytes of each namespace.
func rows(p *profile.Profile) map[string][2]int64 {
	sums := map[string][2]int64{}
	for _, n := range p.Namespaces {
		sums[n.Pattern] = [2]int64{n.Keys.Value, n.Bytes.Value}
	}
	return sums
}

// checkWhole fails unless p is as complete and exact as undisturbed.
func checkWhole(t *testing.T, undisturbed, p *profile.Profile, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	if !p.Complete {
		t.Fatalf("incomplete: %s", p.Nodes[0].Incomplete)
	}
	if diff := cmp.Diff(rows(undisturbed), rows(p)); diff != "" {
		t.Errorf("undisturbed (-), disturbed (+):\n%s", diff)
	}
}

func small() sampler.Options {
	o := fast()
	o.Page = 10
	return o
}

// A reset at any point of any reply changes nothing: the page is asked for
// again, and folded once.
func TestResetAtEachPoint(t *testing.T) {
	server := newFaultServer(t)
	want := collect(t, server.SocketURL(), fast())
	proxy := redistest.NewProxy(t, server.Addr())
	for i := range int64(50) {
		proxy.CutAfter(7000 + i*1777)
		p, notices, err := patiently(context.Background(), t, proxy.URL(), 10*time.Second, fast())
		checkWhole(t, want, p, err)
		if len(notices) != 1 || len(p.Receipt.Waits) != 1 {
			t.Errorf("cut after %d bytes: notices %q, waits %v; want one", 7000+i*1777, notices, p.Receipt.Waits)
		}
	}
}

func TestManyResets(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long: make soak")
	}
	server := newFaultServer(t)
	want := collect(t, server.SocketURL(), fast())
	info, err := server.Client().Info(context.Background()).Result() // each connection begins with it
	if err != nil {
		t.Fatal(err)
	}
	for atLeast, bytes := range map[int]int{1: 80_000, 10: 11_000, 100: 1200} {
		proxy := redistest.NewProxy(t, server.Addr())
		proxy.CutEvery(int64(len(info) + bytes))
		p, notices, err := patiently(context.Background(), t, proxy.URL(), 10*time.Second, small())
		checkWhole(t, want, p, err)
		if len(notices) < atLeast {
			t.Errorf("only %d resets, want %d", len(notices), atLeast)
		}
	}
}

// Behind a black hole no answer comes at all. It is waited for within limits.
func TestBlackHole(t *testing.T) {
	server := newFaultServer(t)
	proxy := redistest.NewProxy(t, server.Addr())
	o := small()
	o.Progress = once(func() { proxy.Blackhole(true) })
	p, notices, err := patiently(context.Background(), t, proxy.URL(), 1500*time.Millisecond, o)
	if err != nil {
		t.Fatal(err)
	}
	if p.Complete || len(notices) != 1 || !strings.Contains(p.Nodes[0].Incomplete, "no reply in time; gave up after 1.5s") {
		t.Errorf("complete %v, %q, noticed %q", p.Complete, p.Nodes[0].Incomplete, notices)
	}
}

// once calls f at the first progress that is at least half of the scan.
func once(f func()) func(sampler.Progress) {
	done := false
	return func(p sampler.Progress) {
		if !done && p.Fraction >= 0.5 {
			done = true
			f()
		}
	}
}

// A restarted server is another process, with its data or without: what is left
// of the keys cannot be told.
func TestAnotherProcess(t *testing.T) {
	for name, second := range map[string]func(*testing.T) *redistest.Server{
		"with its data": newFaultServer,
		"without":       func(t *testing.T) *redistest.Server { return redistest.New(t) },
	} {
		t.Run(name, func(t *testing.T) {
			server, next := newFaultServer(t), second(t)
			proxy := redistest.NewProxy(t, server.Addr())
			o := small()
			o.Progress = once(func() { proxy.SetTargets(next.Addr()); server.Kill() })
			p, _, err := patiently(context.Background(), t, proxy.URL(), 10*time.Second, o)
			checkOtherProcess(t, p, err)
		})
	}
}

// A round-robin address leads each connection to another server.
func TestRoundRobin(t *testing.T) {
	first, second := newFaultServer(t), newFaultServer(t)
	proxy := redistest.NewProxy(t, first.Addr())
	proxy.SetTargets(first.Addr(), second.Addr())
	o := small()
	o.Progress = once(proxy.Reset)
	p, _, err := patiently(context.Background(), t, proxy.URL(), 10*time.Second, o)
	checkOtherProcess(t, p, err)
}

func checkOtherProcess(t *testing.T, p *profile.Profile, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	if keys := p.Totals.Keys.Value; p.Complete || !strings.Contains(p.Nodes[0].Incomplete, "a different server process") || keys < faultKeys/3 || keys > faultKeys*2/3 {
		t.Errorf("complete %v, %d keys, %q", p.Complete, keys, p.Nodes[0].Incomplete)
	}
}

// The server ends our connection; the same process takes the next one.
func TestClientKill(t *testing.T) {
	server := newFaultServer(t)
	want := collect(t, server.SocketURL(), fast())
	o := small()
	o.Progress = once(func() { do(t, server.Client(), "client", "kill", "type", "normal", "skipme", "yes") })
	p, notices, err := patiently(context.Background(), t, server.URL(), 10*time.Second, o)
	checkWhole(t, want, p, err)
	if len(notices) != 1 {
		t.Errorf("noticed %q", notices)
	}
}

// A script keeps the server busy for a while.
func TestBusyScript(t *testing.T) {
	server := newFaultServer(t)
	want := collect(t, server.SocketURL(), fast())
	client, killer := server.Client(), server.Client()
	do(t, client, "config", "set", "busy-reply-threshold", "50")
	o := small()
	ended := make(chan error, 1)
	o.Progress = once(func() {
		go func() { ended <- client.Eval(context.Background(), "while true do end", nil).Err() }()
		time.Sleep(300 * time.Millisecond)
		time.AfterFunc(time.Second, func() { killer.ScriptKill(context.Background()) })
	})
	p, notices, err := patiently(context.Background(), t, server.URL(), 10*time.Second, o)
	checkWhole(t, want, p, err)
	if len(notices) != 1 || !strings.Contains(notices[0], "BUSY") {
		t.Errorf("noticed %q", notices)
	}
	<-ended
}

// A replica that does not serve stale data has no primary for a while.
func TestMasterDown(t *testing.T) {
	primary := newFaultServer(t)
	replica := redistest.New(t, "--replica-serve-stale-data", "no")
	follow := func() {
		host, port, _ := strings.Cut(primary.Addr(), ":")
		do(t, replica.Client(), "replicaof", host, port)
		awaitLink(t, replica.Client())
	}
	follow()
	want := collect(t, replica.SocketURL(), fast())
	o := small()
	o.Progress = once(func() {
		do(t, replica.Client(), "replicaof", "127.0.0.1", "1")
		time.AfterFunc(500*time.Millisecond, func() {
			host, port, _ := strings.Cut(primary.Addr(), ":")
			replica.Client().Do(context.Background(), "replicaof", host, port)
		})
	})
	p, notices, err := patiently(context.Background(), t, replica.URL(), 10*time.Second, o)
	if err != nil {
		t.Fatal(err)
	}
	if len(notices) == 0 || !strings.Contains(notices[0], "MASTERDOWN") {
		t.Errorf("noticed %q", notices)
	}
	if p.Complete { // or else it was synchronized anew, and says so
		checkWhole(t, want, p, err)
	}
	t.Log(p.Nodes[0].Incomplete)
}

func awaitLink(t *testing.T, replica *redis.Client) {
	t.Helper()
	for range 200 {
		info, err := replica.Info(context.Background(), "replication").Result()
		if err == nil && strings.Contains(info, "master_link_status:up") {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("the replica's link does not come up")
}

// An interrupt ends a wait at once.
func TestInterruptedWait(t *testing.T) {
	server := newFaultServer(t)
	proxy := redistest.NewProxy(t, server.Addr())
	ctx, cancel := context.WithCancelCause(context.Background())
	o := small()
	o.Progress = once(func() {
		server.Kill()
		time.AfterFunc(200*time.Millisecond, func() { cancel(sampler.ErrInterrupted) })
	})
	began := time.Now()
	p, _, err := patiently(ctx, t, proxy.URL(), time.Minute, o)
	if err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > 20*time.Second || p.Complete || p.Nodes[0].Incomplete != sampler.ErrInterrupted.Error() {
		t.Errorf("after %s: complete %v, %q", took, p.Complete, p.Nodes[0].Incomplete)
	}
}

// A server that hangs holds up neither an interrupt nor the end of patience for
// the whole of --timeout.
func TestHangingServer(t *testing.T) {
	server := newFaultServer(t)
	t.Cleanup(func() { _ = server.Resume() })
	target, err := scanner.ParseURL(server.URL())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	conn, err := scanner.Connect(ctx, target, time.Minute, scanner.RetryPolicy{MaxWait: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	o := small()
	o.Progress = once(func() {
		if err := server.Pause(); err != nil {
			t.Skip(err)
		}
		cancel(sampler.ErrInterrupted)
	})
	began := time.Now()
	p, err := sampler.Collect(ctx, conn, o)
	if err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > 20*time.Second || p.Complete || p.Nodes[0].Incomplete != sampler.ErrInterrupted.Error() {
		t.Errorf("after %s: complete %v, %q", took, p.Complete, p.Nodes[0].Incomplete)
	}
}

// MEMORY USAGE of a stream scans all consumers of its groups. What it takes is asked
// for once, in the rehearsal and the scan together, and is on the receipt.
func TestStreamWithManyConsumers(t *testing.T) {
	server := newFaultServer(t)
	const consumers = 300_000
	do(t, server.Client(), "xgroup", "create", "jobs:stream", "workers", "$", "mkstream")
	do(t, server.Client(), "eval", fmt.Sprintf(`for i = 1, %d do redis.call('xgroup', 'createconsumer', KEYS[1], 'workers', i) end return 1`, consumers), 1, "jobs:stream")
	target, err := scanner.ParseURL(server.SocketURL())
	if err != nil {
		t.Fatal(err)
	}
	conn, err := scanner.Connect(context.Background(), target, 20*time.Millisecond, scanner.RetryPolicy{MaxWait: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	p, err := sampler.Collect(context.Background(), conn, small())
	if err != nil || !p.Complete || p.Totals.Keys.Value != faultKeys+1 {
		t.Fatalf("%+v, %v", p, err)
	}
	counts, err := server.CommandCounts(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if got, most := counts["memory|usage"], p.Totals.Keys.Value+20; got > most { // 20 for the rehearsal
		t.Errorf("MEMORY USAGE was called %d times for %d keys", got, p.Totals.Keys.Value)
	}
	stalls := p.Receipt.Stalls
	if len(stalls) == 0 {
		t.Skip("this machine answers too quickly for any stall")
	}
	if !warned(p, "key-stalled") || stalls[0].Name != "jobs:stream" || stalls[0].Type != "stream" || p.Receipt.MainThreadS < stalls[0].TookS/2 {
		t.Errorf("%+v, main thread %.3f s, warnings %+v", stalls, p.Receipt.MainThreadS, p.Warnings)
	}
}
