package scanner

import (
	"context"
	"slices"
	"testing"
	"time"

	"keyprof/scanner/info"
	"keyprof/scanner/redistest"
)

// A ping during which the scan resumes tells nothing about a pause. Over a link nearly all
// pings are such, and each is needed to know the round trip.
func TestPingWhileTheScanResumes(t *testing.T) {
	server := redistest.New(t)
	proxy := redistest.NewProxy(t, server.Addr())
	target, err := ParseURL(proxy.URL())
	if err != nil {
		t.Fatal(err)
	}
	c, err := Connect(context.Background(), target, 10*time.Second, RetryPolicy{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	proxy.SetLatency(200 * time.Millisecond)
	for overLink, want := range map[bool]int{false: 0, true: 1} {
		m := &LatencyMonitor{conn: c, walk: c, overLink: overLink}
		m.togglePaused()
		time.AfterFunc(20*time.Millisecond, m.togglePaused)
		if err := m.pingOnce(context.Background()); err != nil {
			t.Fatal(err)
		}
		got := m.takeSamples()
		if len(got) != want || want == 1 && (got[0].paused || got[0].roundTrip < 400*time.Millisecond) {
			t.Errorf("over a link %v: %+v", overLink, got)
		}
	}
}

// The costs of commands are read at intervals that double, and soon when they may have
// changed.
func TestCostSchedule(t *testing.T) {
	var s costSchedule
	began := time.Now()
	var read []time.Duration
	for at := time.Duration(0); at < 200*time.Second; at += time.Second {
		if at == 100*time.Second {
			s.changed.Store(true)
		}
		if s.due(began.Add(at)) {
			read = append(read, at/time.Second)
		}
	}
	if want := []time.Duration{0, 1, 2, 3, 5, 9, 17, 33, 63, 93, 100, 108, 124, 154, 184}; !slices.Equal(read, want) {
		t.Errorf("read after %d s, want %d", read, want)
	}
}

// The cost of commands comes from the calls of all clients, weighted by ours.
func TestCostsBetween(t *testing.T) {
	us := time.Microsecond
	before := map[string]info.Calls{"scan": {N: 10, Took: 100 * us}, "type": {N: 1000, Took: 1000 * us}, "memory usage": {N: 0, Took: 0}, "object": {N: 5, Took: 5 * us}}
	now := map[string]info.Calls{"scan": {N: 110, Took: 5100 * us}, "type": {N: 11_000, Took: 6000 * us}, "memory usage": {N: 100, Took: 300 * us}, "object": {N: 105, Took: 105 * us}, "info": {N: 3, Took: 900 * us}}
	sent := map[string]int64{"scan": 100, "type": 100, "memory usage": 100, "object idletime": 100, "info": 100, "pttl": 10}
	got := costsBetween(before, now, map[string]int64{}, sent)
	if want := (info.Costs{Request: 1500 * time.Nanosecond, Scan: 50 * us}); got == nil || *got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	for what, got := range map[string]*info.Costs{
		"nothing before":     costsBetween(nil, now, nil, sent),
		"statistics reset":   costsBetween(now, before, map[string]int64{}, sent),
		"few calls":          costsBetween(before, now, map[string]int64{}, map[string]int64{"scan": fewCalls - 1}),
		"commands not known": costsBetween(before, map[string]info.Calls{}, map[string]int64{}, sent),
	} {
		if got != nil {
			t.Errorf("%s: %+v", what, *got)
		}
	}
}

// However large the times in commandstats are, the sum does not overflow.
func TestCommandTime(t *testing.T) {
	if got := commandTime(info.Parse("# Commandstats\r\ncmdstat_scan:usec=9223372036854775807\r\ncmdstat_type:calls=1,usec=7\r\n")); got != 7*time.Microsecond {
		t.Errorf("commands took %v", got)
	}
	const most = "8589934592000000" // MaxSeconds, in microseconds
	stats := info.Parse("# Commandstats\r\ncmdstat_scan:calls=1,usec=" + most + "\r\ncmdstat_type:calls=1,usec=" + most + "\r\n")
	if got := commandTime(stats); got != info.MaxSeconds*time.Second {
		t.Errorf("commands took %v", got)
	}
}

// After a lost connection all pipelines in flight are sent again, with the pauses between
// them that a link asks for.
func TestPipelinesAreSentAgainWithPauses(t *testing.T) {
	const pace = 30 * time.Millisecond
	server := redistest.New(t)
	proxy := redistest.NewProxy(t, server.Addr())
	target, err := ParseURL(proxy.URL())
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	c, err := Connect(ctx, target, 10*time.Second, RetryPolicy{MaxWait: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	proxy.SetLatency(100 * time.Millisecond)
	var batches []*Batch
	for range 5 {
		batch := &Batch{Requests: []Request{{Probe: PTTL, Key: "a"}}, pace: pace}
		c.Send(ctx, batch)
		batches = append(batches, batch)
	}
	proxy.Reset()
	for range batches {
		if _, err := c.Receive(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if took := batches[4].sent.Sub(batches[0].sent); took < 4*pace {
		t.Errorf("all were sent again within %v", took)
	}
}
