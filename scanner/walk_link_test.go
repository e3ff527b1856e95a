package scanner

import (
	"context"
	"fmt"
	"math/bits"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"keyprof/scanner/info"
	"keyprof/scanner/throttle"
)

// distant is a server with one thread at the other end of a link, on the test's own clock.
// Its keys are in hash order, so that ranges of them can be scanned.
type distant struct {
	keys    int
	oneWay  func(at time.Duration) time.Duration // delay of the next pipeline, each way
	request func(at time.Duration) time.Duration // server time of a probe
	name    time.Duration                        // server time of SCAN for a key
	rate    float64                              // bandwidth in bytes a second; 0: no limit

	began    time.Time
	flight   []*Batch
	there    []time.Duration // when each of flight is at the server, since began
	lastSent time.Duration   // when the last pipeline was through the link
	free     time.Duration   // when the server is
	worked   time.Duration   // in all
	longest  time.Duration   // the longest that other clients waited for us
	sent     map[string]int64
}

func (d *distant) now() time.Duration { return time.Since(d.began) }

func (d *distant) MinRoundTrip() time.Duration { return 2 * d.oneWay(0) }

func (d *distant) CPUTime(context.Context) (time.Duration, bool) { return time.Hour + d.worked, true }

func (d *distant) Abandon() { d.flight, d.there = nil, nil }

func (d *distant) RoundTrip(ctx context.Context, requests []Request, scan *Scan, replies []Reply) ([]Reply, ScanReply, error) {
	batch := &Batch{Requests: requests, Scan: scan, Replies: replies}
	d.Send(ctx, batch)
	_, err := d.Receive(ctx)
	return batch.Replies, batch.Page, err
}

func (d *distant) Send(_ context.Context, batch *Batch) {
	batch.sent = time.Now()
	through := max(d.now(), d.lastSent)
	if d.rate > 0 {
		through += time.Duration(float64(len(batch.Requests)*100+60) / d.rate * float64(time.Second))
	}
	d.lastSent = through
	arrives := through + d.oneWay(d.now())
	if n := len(d.there); n > 0 { // what is sent later does not arrive earlier
		arrives = max(arrives, d.there[n-1])
	}
	d.flight, d.there = append(d.flight, batch), append(d.there, arrives)
}

func (d *distant) Receive(context.Context) (*Batch, error) {
	batch, arrived := d.flight[0], d.there[0]
	d.flight, d.there = d.flight[1:], d.there[1:]
	slots := time.Duration(len(batch.Requests)) * d.request(arrived)
	batch.Replies = append(batch.Replies, make([]Reply, len(batch.Requests))...)
	batch.Page = ScanReply{}
	if batch.Scan != nil {
		slots += time.Duration(batch.Scan.Count) * d.name
		batch.Page = d.scan(batch.Scan)
		d.sent["scan"]++
	}
	d.sent["memory usage"] += int64(len(batch.Requests))
	start := max(d.free, arrived)
	d.free, d.worked = start+slots, d.worked+slots
	d.longest = max(d.longest, d.free-arrived)
	if wait := d.free + d.oneWay(d.free) - d.now(); wait > 0 {
		time.Sleep(wait)
	}
	batch.Service = slots
	return batch, nil
}

// scan is a page of a table whose buckets have one key each.
func (d *distant) scan(s *Scan) ScanReply {
	size := uint64(1) << bits.Len(uint(d.keys-1))
	shift := 64 - bits.Len64(size-1)
	first := bits.Reverse64(s.Cursor) >> shift
	var page ScanReply
	for i := first; i < size; i++ {
		if len(page.Names) == s.Count {
			page.Cursor = bits.Reverse64(i << shift)
			return page
		}
		if i < uint64(d.keys) {
			page.Names = append(page.Names, fmt.Sprint(i))
		}
	}
	return page
}

// four sends four probes for each key.
type four struct{ names int }

func (*four) Long(string, int64) {}

func (f *four) Requests(requests []Request, names []string) []Request {
	f.names += len(names)
	for _, name := range names {
		for range 4 {
			requests = append(requests, Request{Probe: MemoryUsage, Key: name})
		}
	}
	return requests
}

func (*four) Replies([]Reply) error { return nil }

// walkFar scans a distant server, with pings and INFO at the same time, and returns the
// keys per second and the share of the server that the scan used.
func walkFar(t *testing.T, d *distant, load float64, each func(*throttle.Guard)) (keysPerSecond, share float64) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		d.began, d.sent = time.Now(), map[string]int64{}
		guard := throttle.NewGuard(throttle.DefaultLatencyBudget, 0)
		for range minBaseline {
			guard.AddPing(d.oneWay(0)+d.oneWay(0), true)
		}
		v := &four{}
		w := &Walk{Exchange: d, Visitors: func() Visitor { return v }, Pacer: &throttle.Pacer{MaxLoad: load}, Guard: guard, Monitor: &LatencyMonitor{conn: &Conn{}}, MaxRanges: throttle.MaxRanges, Keys: int64(d.keys), Tally: &Tally{Began: time.Now()}, sleep: time.Sleep}
		looked, pinged := time.Duration(0), time.Duration(0)
		w.Progress = func(float64) {
			for ; pinged < d.now(); pinged += pingEvery {
				guard.AddPing(d.oneWay(pinged)+d.oneWay(pinged), false)
			}
			if d.now() > looked+infoEvery || looked == 0 && d.now() > firstInfo {
				looked = d.now()
				stats := info.ServerStats{CPU: time.Hour + d.worked}
				if w.Monitor.costs.due(time.Now()) {
					stats.Costs = &info.Costs{Request: part(d.request(looked)), Scan: part(time.Duration(guard.Page()) * d.name)}
				}
				w.Guard.AddStats(stats, looked)
				w.chargeOverLink(time.Hour + d.worked)
			}
			if each != nil {
				each(guard)
			}
		}
		if err := w.Run(context.Background()); err != nil {
			t.Fatal(err)
		}
		if v.names != d.keys {
			t.Errorf("%d keys, want %d", v.names, d.keys)
		}
		keysPerSecond, share = float64(d.keys)/d.now().Seconds(), float64(d.worked)/float64(d.now())
	})
	return keysPerSecond, share
}

// part returns the part of a cost that is in commandstats.
func part(cost time.Duration) time.Duration { return time.Duration(float64(cost) / throttle.WholeCost) }

func constant(d time.Duration) func(time.Duration) time.Duration {
	return func(time.Duration) time.Duration { return d }
}

// jittered returns a delay that varies by up to a fifth.
func jittered(d time.Duration) func(time.Duration) time.Duration {
	r := rand.New(rand.NewPCG(1, 2))
	return func(time.Duration) time.Duration { return time.Duration(float64(d) * (0.8 + 0.4*r.Float64())) }
}

// memkeysPerSecond returns the speed of redis-cli --memkeys: three round trips for ten
// keys.
func memkeysPerSecond(roundTrip time.Duration) float64 { return 10 / (3 * roundTrip.Seconds()) }

// Over any link a scan is many times as fast as one that makes a round trip for a few
// keys, keeps its share of the server, and delays other clients by a bounded time.
func TestLinkThroughput(t *testing.T) {
	for _, roundTrip := range []time.Duration{2 * time.Millisecond, 5 * time.Millisecond, 20 * time.Millisecond, 50 * time.Millisecond, 200 * time.Millisecond} {
		for _, jitter := range []bool{false, true} {
			d := &distant{keys: 100_000, oneWay: constant(roundTrip / 2), request: constant(time.Microsecond), name: 700 * time.Nanosecond}
			if jitter {
				d.oneWay = jittered(roundTrip / 2)
			}
			speed, share := walkFar(t, d, throttle.DefaultMaxLoad, nil)
			times := speed / memkeysPerSecond(roundTrip)
			t.Logf("%v, jitter %v: %.0f keys/s, %.0f times memkeys, %.1f %% of the server, others waited %v at most", roundTrip, jitter, speed, times, 100*share, d.longest)
			if roundTrip >= 20*time.Millisecond && times < 20 || share > throttle.DefaultMaxLoad*1.05 {
				t.Errorf("%v, jitter %v: %.0f times as fast, %.3f of the server", roundTrip, jitter, times, share)
			}
			if !jitter && roundTrip <= 20*time.Millisecond && share < 0.15 {
				t.Errorf("%v: %.3f of a server that has nothing else to do", roundTrip, share)
			}
		}
	}
}

// A forecast from some pings is right within a factor of two, whatever the link.
func TestLinkForecast(t *testing.T) {
	const keys, probes = 100_000, 4
	for _, roundTrip := range []time.Duration{2 * time.Millisecond, 5 * time.Millisecond, 20 * time.Millisecond, 50 * time.Millisecond, 200 * time.Millisecond} {
		for name, way := range map[string]func(time.Duration) func(time.Duration) time.Duration{"constant": constant, "jitter": jittered} {
			for _, load := range []float64{0.05, throttle.DefaultMaxLoad, 1} {
				d := &distant{keys: keys, oneWay: way(roundTrip / 2), request: constant(time.Microsecond), name: 700 * time.Nanosecond}
				f := throttle.Forecast{RoundTrip: roundTrip, Load: load, Ordered: true, Link: throttle.NewLink(throttle.DefaultLatencyBudget, 0)}
				for range throttle.MinRoundTrips {
					f.Link.AddPing(d.oneWay(0) + d.oneWay(0))
				}
				f.Page = f.Link.Count()
				speed, _ := walkFar(t, d, load, nil)
				got := f.Elapsed(keys, probes*d.request(0)+d.name).Seconds()
				ratio := got / (keys / speed)
				t.Logf("%v, %s, load %g: %.2f s, forecast %.2f s", roundTrip, name, load, keys/speed, got)
				if ratio < 0.5 || ratio > 2 {
					t.Errorf("%v, %s, load %g: %.1f s, forecast %.1f s", roundTrip, name, load, keys/speed, got)
				}
			}
		}
	}
}

// Pages shrink when the server becomes slow, but not when the link does.
func TestLinkPagesFollowTheServer(t *testing.T) {
	const change = 2 * time.Second
	tests := []struct {
		name    string
		d       *distant
		shrinks bool
	}{
		{"constant delay", &distant{oneWay: constant(10 * time.Millisecond)}, false},
		{"jitter", &distant{oneWay: jittered(10 * time.Millisecond)}, false},
		{"from 5 to 80 ms", &distant{oneWay: func(at time.Duration) time.Duration {
			if at > change {
				return 40 * time.Millisecond
			}
			return 2500 * time.Microsecond
		}}, false},
		{"bursts of loss", &distant{oneWay: func(at time.Duration) time.Duration {
			if at > change && at%(700*time.Millisecond) < 50*time.Millisecond {
				return 210 * time.Millisecond // retransmitted
			}
			return 10 * time.Millisecond
		}}, false},
		{"a link of 1 Mbit/s", &distant{oneWay: constant(10 * time.Millisecond), rate: 125_000}, false},
		{"a slow server", &distant{oneWay: constant(10 * time.Millisecond), request: func(at time.Duration) time.Duration {
			if at > change {
				return 5 * time.Microsecond
			}
			return time.Microsecond
		}}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.d.keys, tt.d.name = 50_000, 700*time.Nanosecond
			if tt.d.request == nil {
				tt.d.request = constant(time.Microsecond)
			}
			before, after := 0, 0
			speed, share := walkFar(t, tt.d, 0.05, func(g *throttle.Guard) {
				if at := tt.d.now(); at < change {
					before = g.Link().Requests()
				}
				after = g.Link().Requests()
			})
			t.Logf("%.0f keys/s, %.1f %% of the server, %d requests at once, %d at the end", speed, 100*share, before, after)
			if shrunk := after < before*9/10; shrunk != tt.shrinks {
				t.Errorf("%d requests at once, %d at the end", before, after)
			}
			if share > 0.055 {
				t.Errorf("%.3f of the server", share)
			}
		})
	}
}

// A server that becomes slow while its costs are asked for only every half minute is
// found out by its CPU time, within seconds.
func TestLinkLearnsThatTheServerIsSlow(t *testing.T) {
	const change = 40 * time.Second
	d := &distant{keys: 600_000, oneWay: constant(10 * time.Millisecond), name: 700 * time.Nanosecond}
	d.request = func(at time.Duration) time.Duration {
		if at > change {
			return 5 * time.Microsecond
		}
		return time.Microsecond
	}
	before, after, slow := 0, 0, time.Duration(0)
	_, share := walkFar(t, d, 0.05, func(g *throttle.Guard) {
		switch at := d.now(); {
		case at < change:
			before = g.Link().Requests()
		case at < change+10*time.Second:
			after = g.Link().Requests()
		case slow == 0:
			slow = at
		}
	})
	if slow == 0 || after > before/4 || share > 0.055 {
		t.Errorf("%d requests at once, %d soon after the server became slow; %.3f of it", before, after, share)
	}
}

// Sending does not wait for a reply: with jitter a scan is as fast as its share of the
// server and the spacing of pipelines allow, whatever the smallest round trip was.
func TestLinkSendsOnTime(t *testing.T) {
	for _, roundTrip := range []time.Duration{5 * time.Millisecond, 20 * time.Millisecond, 50 * time.Millisecond} {
		oneWay := jittered(roundTrip / 2)
		d := &distant{keys: 50_000, request: constant(time.Microsecond), name: 700 * time.Nanosecond}
		d.oneWay = func(at time.Duration) time.Duration {
			if at == 0 { // called for the smallest round trip
				return roundTrip * 8 / 20
			}
			return oneWay(at)
		}
		allowed := 0.0
		speed, _ := walkFar(t, d, throttle.DefaultMaxLoad, func(g *throttle.Guard) {
			key := g.Link().Cost(4, 1)
			allowed = float64(time.Second) / float64(max(time.Duration(float64(key)/throttle.DefaultMaxLoad), g.Link().Gap(key)))
		})
		t.Logf("%v: %.0f keys/s of %.0f", roundTrip, speed, allowed)
		if speed < 0.6*allowed {
			t.Errorf("%v: %.0f keys/s, and %.0f are allowed", roundTrip, speed, allowed)
		}
	}
}

// A busy server behind a link that stops worked for others meanwhile: a scan does not make
// up for that. A server that worked more than usual may have worked for us.
func TestLinkStopsBeforeABusyServer(t *testing.T) {
	for _, tt := range []struct {
		used, least, most time.Duration
	}{
		{24 * time.Second, 0, 100 * time.Millisecond},
		{30 * time.Second, 5 * time.Second, 7 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := &Walk{Pacer: &throttle.Pacer{MaxLoad: 1}, Tally: &Tally{Began: time.Now()}}
			cpu := time.Hour
			for range 20 {
				time.Sleep(time.Second)
				cpu += 800 * time.Millisecond
				w.chargeOverLink(cpu)
			}
			time.Sleep(30 * time.Second)
			w.unattributed = 30 * time.Second
			w.chargeOverLink(cpu + tt.used)
			if w.due < tt.least || w.due > tt.most {
				t.Errorf("the server used %v: the scan pauses for %v", tt.used, w.due)
			}
		})
	}
}
