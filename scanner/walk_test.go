package scanner

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"keyprof/scanner/info"
	"keyprof/scanner/throttle"
)

// pages is an Exchange that serves pages of names from memory. Page n has cursor
// cursorBase+n, at the upper end of 64 bits.
type pages struct {
	names  [][]string
	trips  []int // requests in each round trip
	bytes  []int // of keys in each round trip
	failAt int   // round trip that fails, counted from 1
	onTrip func(n int)
	flight []*Batch
}

const cursorBase = 1 << 63 // beyond int64

func (p *pages) MinRoundTrip() time.Duration { return 0 }

func (p *pages) Send(_ context.Context, batch *Batch) { p.flight = append(p.flight, batch) }

func (p *pages) Receive(ctx context.Context) (batch *Batch, err error) {
	batch, p.flight = p.flight[0], p.flight[1:]
	batch.Replies, batch.Page, err = p.RoundTrip(ctx, batch.Requests, batch.Scan, batch.Replies)
	return batch, err
}

func (p *pages) Abandon() { p.flight = nil }

func (p *pages) CPUTime(context.Context) (time.Duration, bool) { return 0, false }

func (p *pages) RoundTrip(_ context.Context, requests []Request, scan *Scan, replies []Reply) ([]Reply, ScanReply, error) {
	p.trips = append(p.trips, len(requests))
	if p.onTrip != nil {
		p.onTrip(len(p.trips))
	}
	if len(p.trips) == p.failAt {
		return replies, ScanReply{}, errors.New("connection lost")
	}
	size := 0
	for _, r := range requests {
		size += len(r.Key) + requestOverhead
		replies = append(replies, Reply{Int: int64(len(r.Key))})
	}
	p.bytes = append(p.bytes, size)
	if scan == nil {
		return replies, ScanReply{}, nil
	}
	n := int(scan.Cursor &^ cursorBase)
	next := uint64(n+1) | cursorBase
	if n+1 == len(p.names) {
		next = 0
	}
	return replies, ScanReply{Cursor: next, Names: p.names[n]}, nil
}

// recorder is a Visitor that sends one probe for each key, and a second one a page
// later for keys that begin with "again".
type recorder struct {
	asked, again []string
	replies      []int64
	pending      []string
}

func (*recorder) Long(string, int64) {}

func (r *recorder) Requests(requests []Request, names []string) []Request {
	r.asked = append(r.asked, names...)
	for _, name := range names {
		requests = append(requests, Request{Probe: MemoryUsage, Key: name})
	}
	for _, name := range r.pending {
		r.again = append(r.again, name)
		requests = append(requests, Request{Probe: RefCount, Key: name})
	}
	r.pending = nil
	for _, name := range names {
		if strings.HasPrefix(name, "again") {
			r.pending = append(r.pending, name)
		}
	}
	return requests
}

func (r *recorder) Replies(replies []Reply) error {
	for _, reply := range replies {
		r.replies = append(r.replies, reply.Int)
	}
	return nil
}

func newWalk(x Exchange, v Visitor) *Walk {
	return &Walk{Exchange: x, Visitors: func() Visitor { return v }, Pacer: &throttle.Pacer{MaxLoad: 1}, Page: 10, Tally: &Tally{Began: time.Now()}}
}

func TestWalkVisitsEveryNameOnce(t *testing.T) {
	x := &pages{names: [][]string{{"a", "bb"}, {}, {"ccc"}, {}, {"again1"}}} // empty pages are normal
	v := &recorder{}
	w := newWalk(x, v)
	if err := w.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	if want := []string{"a", "bb", "ccc", "again1"}; !slices.Equal(v.asked, want) {
		t.Errorf("asked about %q, want %q", v.asked, want)
	}
	if want := []string{"again1"}; !slices.Equal(v.again, want) {
		t.Errorf("asked again about %q, want %q", v.again, want)
	}
	if want := []int64{1, 2, 3, 6, 6}; !slices.Equal(v.replies, want) {
		t.Errorf("replies %v, want %v", v.replies, want)
	}
	if w.Tally.Returned != 4 || w.Cursor() != 0 {
		t.Errorf("returned %d, cursor %d", w.Tally.Returned, w.Cursor())
	}
}

// A table that shrinks makes SCAN return whole pages again.
func TestWalkDropsRepeats(t *testing.T) {
	x := &pages{names: [][]string{{"a", "b"}, {"c"}, {"b", "d", "a"}, {"c"}}}
	v := &recorder{}
	w := newWalk(x, v)
	if err := w.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	if want := []string{"a", "b", "c", "d"}; !slices.Equal(v.asked, want) {
		t.Errorf("asked about %q, want %q", v.asked, want)
	}
	if w.Tally.Returned != 7 || w.Tally.Repeats != 3 {
		t.Errorf("returned %d, repeats %d; want 7 and 3", w.Tally.Returned, w.Tally.Repeats)
	}
}

func TestWalkSendsProbesAndScanTogether(t *testing.T) {
	x := &pages{names: [][]string{{"a"}, {"b"}, {"c"}}}
	if err := newWalk(x, &recorder{}).Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	if want := []int{0, 1, 1, 1}; !slices.Equal(x.trips, want) {
		t.Errorf("requests by round trip %v, want %v: three pages in four round trips", x.trips, want)
	}
}

func TestWalkBoundsPipelines(t *testing.T) {
	long := strings.Repeat("x", 512<<10)
	names := []string{long, long + "y", "a", "b"}
	for i := range 2000 {
		names = append(names, fmt.Sprintf("key:%d", i))
	}
	x, v := &pages{names: [][]string{names}}, &recorder{}
	if err := newWalk(x, v).Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	if len(v.replies) != len(names) {
		t.Fatalf("%d replies for %d names", len(v.replies), len(names))
	}
	for i, size := range x.bytes {
		if size > maxPipelineBytes && x.trips[i] > 1 {
			t.Errorf("round trip %d: %d requests of %d bytes", i, x.trips[i], size)
		}
	}
}

func TestWalkFinishesThePageWhenStopped(t *testing.T) {
	ctx, cancel := context.WithCancelCause(context.Background())
	stop := errors.New("stop")
	x := &pages{names: [][]string{{"a"}, {"b"}, {"c"}}}
	x.onTrip = func(n int) {
		if n == 2 {
			cancel(stop)
		}
	}
	v := &recorder{}
	w := newWalk(x, v)
	if err := w.Run(ctx); !errors.Is(err, stop) {
		t.Fatalf("Run = %v, want the context's cause", err)
	}
	if want := []string{"a", "b"}; !slices.Equal(v.asked, want) || len(v.replies) != 2 {
		t.Errorf("asked about %q with %d replies, want %q with both", v.asked, len(v.replies), want)
	}
	if want := uint64(2 | cursorBase); w.Cursor() != want {
		t.Errorf("cursor %d, want %d", w.Cursor(), want)
	}
}

func TestWalkStoppedBeforeItBegan(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := newWalk(&pages{names: [][]string{{"a"}}}, &recorder{}).Run(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Run = %v, want %v", err, context.Canceled)
	}
}

func TestWalkReportsALostConnection(t *testing.T) {
	x := &pages{names: [][]string{{"a"}, {"b"}, {"c"}, {"d"}}, failAt: 3}
	v := &recorder{}
	w := newWalk(x, v)
	if err := w.Run(context.Background()); err == nil {
		t.Fatal("no error")
	}
	if len(v.replies) != 1 {
		t.Errorf("%d replies, want that of the page before the loss", len(v.replies))
	}
	if want := uint64(1 | cursorBase); w.Cursor() != want {
		t.Errorf("cursor %d, want %d: the page whose probes were lost begins there", w.Cursor(), want)
	}
}

// looping is an Exchange whose pages a function returns.
type looping struct {
	pages
	next func(cursor uint64) ScanReply
	sent int
}

func (x *looping) Receive(context.Context) (*Batch, error) {
	batch := x.flight[0]
	x.flight = x.flight[1:]
	batch.Replies = append(batch.Replies, make([]Reply, len(batch.Requests))...)
	batch.Page = ScanReply{}
	if batch.Scan != nil {
		x.sent++
		batch.Page = x.next(batch.Scan.Cursor)
	}
	return batch, nil
}

// A SCAN that never ends does not keep a scan running forever.
func TestWalkEndsWithoutALastCursor(t *testing.T) {
	tests := []struct {
		name string
		keys int64
		next func(cursor uint64) ScanReply
		want string
		most int // pages
	}{
		{"the same cursor", 0, func(uint64) ScanReply { return ScanReply{Cursor: 7} }, errStuck.Error(), 2},
		{"a circle", 0, func(c uint64) ScanReply { return ScanReply{Cursor: c%1000 + 1} }, errCycle.Error(), 5000},
		{"a circle that is not the beginning", 0, func(c uint64) ScanReply {
			if c < 5000 {
				return ScanReply{Cursor: c + 1}
			}
			return ScanReply{Cursor: 5001 + (c+1)%3}
		}, errCycle.Error(), 20_000},
		{"new names without end", 1000, func(c uint64) ScanReply {
			names := make([]string, 1000)
			for i := range names {
				names[i] = fmt.Sprint(c, i)
			}
			return ScanReply{Cursor: c + 1, Names: names}
		}, "SCAN returned 1011000 keys where INFO reports 1000", 1100},
	}
	for _, tt := range tests {
		x := &looping{next: tt.next}
		w := newWalk(x, &recorder{})
		w.Keys = tt.keys
		if err := w.Run(context.Background()); err == nil || !strings.Contains(err.Error(), tt.want) || x.sent > tt.most {
			t.Errorf("%s: after %d pages: %v", tt.name, x.sent, err)
		}
	}
}

// A pattern may match none of many keys for a long time.
func TestPagesWithoutAName(t *testing.T) {
	const large = 1 << 30
	for _, tt := range []struct {
		match string
		keys  int64
		empty int // pages before
		fails bool
	}{
		{"", large, maxEmptyPages - 1, false},
		{"", large, maxEmptyPages, true},
		{"", 0, maxEmptyPages, true},
		{"rare:*", large, maxEmptyPages, false},
		{"rare:*", large, 20 * large, true},
		{"rare:*", 0, maxEmptyPages, false},
	} {
		w := newWalk(&pages{}, &recorder{})
		w.Match, w.Keys = tt.match, tt.keys
		w.begin()
		w.ranges[0].cycle.empty, w.ranges[0].batch = tt.empty, &Batch{Scan: &Scan{}}
		if err := w.checkEndless(w.ranges[0], &ScanReply{Cursor: 7}); errors.Is(err, errEmpty) != tt.fails {
			t.Errorf("%q of %d keys, after %d pages: %v", tt.match, tt.keys, tt.empty, err)
		}
	}
}

// Near maxmemory one small page is in flight at a time, also when the scan had been
// divided into ranges before.
func TestCarefulWalk(t *testing.T) {
	x := &looping{next: func(uint64) ScanReply { return ScanReply{} }}
	w := newWalk(x, &recorder{})
	w.Guard = throttle.NewGuard(throttle.DefaultLatencyBudget, throttle.FullSpeedPage)
	w.Pacer.Rate = 0
	w.begin()
	if w.count() != throttle.FullSpeedPage || w.pipelineBytes() != maxPipelineBytes {
		t.Errorf("away from maxmemory: %d keys, %d bytes", w.count(), w.pipelineBytes())
	}
	w.Guard.AddStats(info.ServerStats{AtMaxmemory: true}, time.Second)
	w.Guard.AddStats(info.ServerStats{}, 2*time.Second) // it may be so again
	if w.count() != lowMemoryPage || w.pipelineBytes() != lowMemoryPipeline || w.maxRanges() != 1 {
		t.Errorf("near maxmemory: %d keys, %d bytes, %d ranges", w.count(), w.pipelineBytes(), w.maxRanges())
	}
}

// uncounted is an Exchange whose server does not report its CPU time.
type uncounted struct {
	pages
	asked int
}

func (u *uncounted) CPUTime(context.Context) (time.Duration, bool) {
	u.asked++
	return 0, false
}

// A server that does not report its CPU time is not asked again and again: each
// attempt may take as long as the timeout.
func TestCPUTimeIsNotAskedForAgainAndAgain(t *testing.T) {
	u := &uncounted{}
	w := &Walk{Exchange: u, Pacer: &throttle.Pacer{MaxLoad: 0.5}}
	for range 100 {
		w.calibrated = time.Time{}
		w.calibrate(context.Background())
	}
	if u.asked != maxUnanswered {
		t.Errorf("asked %d times", u.asked)
	}
}

// working is an Exchange with a server that works for each page, over a link.
type working struct {
	pages
	service, link time.Duration
	used          time.Duration // of the server's main thread
	share         float64       // CPU time of service
}

func (w *working) MinRoundTrip() time.Duration { return w.link }

func (w *working) CPUTime(context.Context) (time.Duration, bool) { return time.Hour + w.used, true }

func (w *working) Receive(ctx context.Context) (*Batch, error) {
	time.Sleep(w.link + w.service)
	w.used += time.Duration(float64(w.service) * w.share)
	batch, err := w.pages.Receive(ctx)
	if batch != nil {
		batch.Service = throttle.Service(w.link+w.service, w.link)
	}
	return batch, err
}

// A scan uses the requested share of the server's main thread, locally and over a link,
// also where part of each page's time is not the server's. The test has its own clock:
// the speed of the machine does not matter.
func TestLoadIsKept(t *testing.T) {
	for _, link := range []time.Duration{0, 100 * time.Microsecond, 2 * time.Millisecond} {
		for _, load := range []float64{0.01, 0.08, 0.1} {
			for _, share := range []float64{1, 0.6, 1.5} {
				synctest.Test(t, func(t *testing.T) {
					x := &working{service: 500 * time.Microsecond, link: link, share: share}
					for i := range 4000 {
						x.names = append(x.names, []string{fmt.Sprint(i)})
					}
					w := newWalk(x, &recorder{})
					w.Pacer.MaxLoad = load
					w.Pacer.DefersWork = share > 1 // as KeyDB does
					if err := w.Run(context.Background()); err != nil {
						t.Fatal(err)
					}
					elapsed := time.Since(w.Tally.Began)
					if got := float64(x.used) / float64(elapsed); got < load*0.9 || got > load*1.1 {
						t.Errorf("link %v, load %v, CPU %v of service: the server used %.4f of its main thread", link, load, share, got)
					}
				})
			}
		}
	}
}

// unsure is an Exchange whose server reports its CPU time, or does not.
type unsure struct {
	pages
	cpu  time.Duration
	told bool
}

func (u *unsure) CPUTime(context.Context) (time.Duration, bool) { return u.cpu, u.told }

// A long page counts as ours. Where the connection was lost, only the server's CPU time
// counts, if it is known.
func TestLongWaitIsCharged(t *testing.T) {
	for _, tt := range []struct {
		told, lost bool
		want       time.Duration
	}{{true, true, 2 * time.Second}, {false, true, 3 * time.Second}, {true, false, 3 * time.Second}} {
		w := newWalk(&unsure{cpu: time.Hour + 2*time.Second, told: tt.told}, &recorder{})
		w.cpu = time.Hour
		batch := &Batch{Service: 3 * time.Second}
		if tt.lost {
			batch.lostTime = 3 * time.Second
		}
		if got := w.ownService(context.Background(), batch, true); got != tt.want || batch.Service != tt.want {
			t.Errorf("%+v: %v", tt, got)
		}
	}
}
