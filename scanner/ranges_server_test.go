package scanner_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"keyprof/scanner"
	"keyprof/scanner/redistest"
	"keyprof/scanner/throttle"
)

// far is a connection over which several ranges are worthwhile.
type far struct {
	*scanner.Conn
	inFlight, most int // batches in flight
}

func (f *far) MinRoundTrip() time.Duration { return time.Hour }

func (f *far) Send(ctx context.Context, trip *scanner.Batch) {
	f.inFlight++
	f.most = max(f.most, f.inFlight)
	f.Conn.Send(ctx, trip)
}

func (f *far) Receive(ctx context.Context) (*scanner.Batch, error) {
	f.inFlight--
	return f.Conn.Receive(ctx)
}

// seen counts how often each name is visited.
type seen map[string]int

func (s seen) visitor() scanner.Visitor { return &asker{seen: s} }

// asker sends one probe for each key, and checks that the answers are its own: each key
// has as many bytes as its name says.
type asker struct {
	seen  seen
	names []string
}

func (*asker) Long(string, int64) {}

func (a *asker) Requests(requests []scanner.Request, names []string) []scanner.Request {
	a.names = names
	for _, name := range names {
		requests = append(requests, scanner.Request{Probe: scanner.PTTL, Key: name})
	}
	return requests
}

func (a *asker) Replies(replies []scanner.Reply) error {
	for i, name := range a.names {
		var hours int64
		if _, err := fmt.Sscanf(name, "stay:%d", &hours); err == nil && replies[i].Int/int64(time.Hour/time.Millisecond) != hours {
			return fmt.Errorf("%s has the answer of another key: %d", name, replies[i].Int)
		}
		a.seen[name]++
	}
	return nil
}

// walkOver scans a server with so many ranges.
func walkOver(t *testing.T, conn *scanner.Conn, ranges int, change func(*scanner.Walk)) (seen, *scanner.Walk) {
	t.Helper()
	names, exchange := seen{}, &far{Conn: conn}
	w := &scanner.Walk{
		Exchange: exchange, Visitors: names.visitor, Pacer: &throttle.Pacer{MaxLoad: 1}, Page: 50,
		MaxRanges: ranges, Keys: conn.Node.Info.Databases()[0].Keys, Tally: &scanner.Tally{Began: time.Now()},
	}
	change(w)
	if err := w.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if exchange.most > ranges || exchange.most < ranges && w.Keys > 10_000 {
		t.Errorf("%d trips were on their way at once, want %d", exchange.most, ranges)
	}
	return names, w
}

// fill writes keys whose TTL identifies them.
func fill(t *testing.T, client *redis.Client, family string, from, to int) {
	t.Helper()
	pipe := client.Pipeline()
	for i := from; i < to; i++ {
		// Half an hour more, so that it has not passed at the time of the scan.
		pipe.Set(context.Background(), fmt.Sprintf("%s:%d", family, i), "x", time.Duration(i)*time.Hour+30*time.Minute)
		if pipe.Len() == 10_000 || i == to-1 {
			if _, err := pipe.Exec(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func discard(t *testing.T, client *redis.Client, family string, from, to int) {
	t.Helper()
	pipe := client.Pipeline()
	for i := from; i < to; i++ {
		pipe.Del(context.Background(), fmt.Sprintf("%s:%d", family, i))
	}
	if _, err := pipe.Exec(context.Background()); err != nil {
		t.Fatal(err)
	}
}

// checkOnce fails unless each key that existed throughout was visited, and at most a few
// of them more than once.
func checkOnce(t *testing.T, names seen, stay, few int) {
	t.Helper()
	missed, again := 0, 0
	for i := range stay {
		switch n := names[fmt.Sprintf("stay:%d", i)]; n {
		case 0:
			missed++
		default:
			again += n - 1
		}
	}
	if missed > 0 || again > few {
		t.Errorf("of %d keys %d were missed and %d visited again", stay, missed, again)
	}
}

func TestRangesOverAServer(t *testing.T) {
	const stay = 33_000 // just over 2^15: the server begins to rehash
	for _, life := range []struct {
		name string
		gone int // more keys that exist at the beginning
		few  int // maximum of repeats
		at   func(t *testing.T, client *redis.Client, tenth int)
	}{
		{name: "still", at: func(*testing.T, *redis.Client, int) {}},
		{name: "growing", at: func(t *testing.T, client *redis.Client, tenth int) {
			fill(t, client, "come", 10_000*tenth, 10_000*(tenth+1))
		}},
		{name: "shrinking", gone: 120_000, few: 3, at: func(t *testing.T, client *redis.Client, tenth int) {
			discard(t, client, "go", 15_000*tenth, 15_000*(tenth+1))
			time.Sleep(50 * time.Millisecond) // for the server to resize
		}},
	} {
		t.Run(life.name, func(t *testing.T) {
			for _, ranges := range []int{1, 2, 8} {
				server := redistest.New(t, "--hz", "100")
				fill(t, server.Client(), "stay", 0, stay)
				fill(t, server.Client(), "go", 0, life.gone)
				tenth := 0
				names, w := walkOver(t, connect(t, server.SocketURL()), ranges, func(w *scanner.Walk) {
					w.Progress = func(fraction float64) {
						for ; tenth < int(fraction*10); tenth++ {
							life.at(t, server.Client(), tenth)
						}
					}
				})
				checkOnce(t, names, stay, life.few)
				if c := w.Covered(); !c.Whole || c.Fraction != 1 {
					t.Errorf("covered %+v", c)
				}
			}
		})
	}
}

// A connection that breaks again and again loses pages of all ranges at once.
func TestRangesOverABadLink(t *testing.T) {
	const stay = 20_000
	server := redistest.New(t)
	fill(t, server.Client(), "stay", 0, stay)
	proxy := redistest.NewProxy(t, server.Addr())
	conn, err := scanner.Connect(t.Context(), target(t, proxy.URL()), time.Minute, scanner.RetryPolicy{MaxWait: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	proxy.CutEvery(40_000)
	names, _ := walkOver(t, conn, 8, func(*scanner.Walk) {})
	checkOnce(t, names, stay, 0)
	if cost := conn.Cost(); len(cost.Waits) < 5 || proxy.Accepted() < 6 {
		t.Errorf("%d waits, %d connections", len(cost.Waits), proxy.Accepted())
	}
	if cost := conn.Cost(); cost.Hits != stay || cost.Misses != 0 {
		t.Errorf("%d hits and %d misses of %d keys: answers that were lost count", cost.Hits, cost.Misses, stay)
	}
}

// The same interval has the same keys, and as many as its share of the line.
func TestIntervalOfAServer(t *testing.T) {
	const stay = 40_000
	server := redistest.New(t)
	fill(t, server.Client(), "stay", 0, stay)
	conn := connect(t, server.SocketURL())
	var first seen
	interval := &scanner.Interval{Start: 0xF123456789ABCDEF, End: 0x1111111111111111} // across zero
	for _, ranges := range []int{1, 2, 4} {
		names, w := walkOver(t, conn, ranges, func(w *scanner.Walk) { w.Interval = interval })
		if first == nil {
			first = names
		}
		for name, n := range names {
			if n != 1 || first[name] != 1 || len(names) != len(first) {
				t.Fatalf("%d ranges: %d keys, %d with one range; %s came %d times", ranges, len(names), len(first), name, n)
			}
		}
		c := w.Covered()
		sigma := math.Sqrt(stay * c.Fraction * (1 - c.Fraction))
		if off := math.Abs(float64(len(names)) - stay*c.Fraction); !c.Whole || off > 5*sigma {
			t.Errorf("%d keys in %v of the line", len(names), c.Fraction)
		}
		interval = &c.Interval // to scan it again
	}
	fill(t, server.Client(), "come", 0, 100_000) // the table grows
	names, w := walkOver(t, conn, 2, func(w *scanner.Walk) { w.Interval = interval })
	for name := range first {
		if names[name] != 1 {
			t.Fatalf("after growth %s came %d times", name, names[name])
		}
	}
	if c := w.Covered(); c.Interval != *interval {
		t.Errorf("covered %+v, want %+v", c, interval)
	}
}

// An empty server returns the last cursor with the first page.
func TestIntervalOfAnEmptyServer(t *testing.T) {
	conn := connect(t, redistest.New(t).SocketURL())
	names, w := walkOver(t, conn, 8, func(w *scanner.Walk) { w.Interval = &scanner.Interval{Start: bits.Reverse64(1), End: 5} })
	if len(names) != 0 || !w.Covered().Whole {
		t.Errorf("%d keys, covered %+v", len(names), w.Covered())
	}
}

// An interrupt while eight pages are in flight waits for them and no longer.
func TestRangesInterrupted(t *testing.T) {
	const stay = 20_000
	server := redistest.New(t)
	fill(t, server.Client(), "stay", 0, stay)
	stop := errors.New("stop")
	for _, hung := range []bool{false, true} {
		proxy := redistest.NewProxy(t, server.Addr())
		ctx, cancel := context.WithCancelCause(t.Context())
		names := seen{}
		conn := connect(t, proxy.URL())
		w := &scanner.Walk{
			Exchange: &far{Conn: conn}, Visitors: names.visitor, Pacer: &throttle.Pacer{MaxLoad: 1}, Page: 50,
			MaxRanges: 8, Keys: stay, Tally: &scanner.Tally{Began: time.Now()},
		}
		w.Progress = func(fraction float64) {
			if fraction > 0.5 {
				proxy.Blackhole(hung)
				cancel(stop)
			}
		}
		began := time.Now()
		if err := w.Run(ctx); !errors.Is(err, stop) {
			t.Fatalf("Run = %v, want the context's cause", err)
		}
		took := time.Since(began)
		c := w.Covered()
		if off := math.Abs(c.Fraction - float64(len(names))/stay); c.Whole || off > 0.02 || took > 20*time.Second {
			t.Errorf("hung %v: %v covered, %d keys, in %v", hung, c.Fraction, len(names), took)
		}
		if !hung && int64(len(names)) != w.Tally.Returned-w.Tally.Repeats {
			t.Errorf("%d of %d names were visited", len(names), w.Tally.Returned-w.Tally.Repeats)
		}
	}
}
