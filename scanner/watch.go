package scanner

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// How a probe connection is had, and what is sent on it.
const (
	watchTimeout  = 3 * time.Second // for connecting
	watchTries    = 5               // a name may lead to one of several servers at a time
	redialEvery   = 5 * time.Second
	baselinePings = 50
	baselineTime  = 250 * time.Millisecond // for all of them, about
	baselineGap   = 2 * time.Millisecond   // so that all take longer than a turn of serverCron, 100 ms
	pingEvery     = 50 * time.Millisecond  // on average
	infoEvery     = time.Second
	closingGrace  = 200 * time.Millisecond // for the last answer
)

// mostSights bounds what is kept for a walk that does not come to take it.
const mostSights = 1000

// Watch is a connection beside that of a walk, to the same server process, which
// feels what other clients feel: it sends PING, and INFO once a second. Near
// maxmemory, where each connection's buffers may evict keys, it sends both on the
// walk's own connection, between pages. It may be nil: then nothing is felt.
type Watch struct {
	conn *Conn // its own, or the walk's
	walk *Conn
	stop context.CancelFunc // of the goroutine that uses a connection of its own; nil: there is none
	done chan struct{}

	pingDue, infoDue time.Time // between pages
	unanswered       int       // pings there in a row that failed
	out, in          int64     // bytes that its own connection carried before it was given up

	before, during roundTrips // written by one goroutine at a time

	// spells counts the changes between working and resting of the walk; odd: it rests.
	spells atomic.Int64
	aside  atomic.Bool

	mu     sync.Mutex
	sights []sight
}

// sight is one thing that was seen: vitals, or else a round trip.
type sight struct {
	at        time.Time
	vitals    *Vitals
	roundTrip time.Duration
	resting   bool // the walk was, all the time
}

// Watch connects once more to the same server process, measures round trips
// before a walk begins, and goes on until Close. Near maxmemory it makes no other
// connection. What it sends counts in the Cost of c. The error tells why there is no
// second connection, which is none for a walk.
func (c *Conn) Watch(ctx context.Context) (*Watch, error) {
	w := &Watch{done: make(chan struct{}), conn: c, walk: c}
	if len(c.Node.Info) == 0 {
		return nil, errUnknownProcess
	}
	if !c.Node.NearMaxmemory() {
		if err := w.connect(ctx); err != nil {
			w.conn.Close()
			return nil, err
		}
	}
	c.watch = w
	_ = w.inspect(ctx) // it is asked again
	w.baseline(ctx)
	if w.conn != c {
		ctx, w.stop = context.WithCancel(context.WithoutCancel(ctx))
		go w.run(ctx)
	}
	return w, nil
}

// rides reports whether the watch uses the walk's connection.
func (w *Watch) rides() bool { return w != nil && w.conn == w.walk }

// join gives up the watch's own connection for the walk's.
func (w *Watch) join() {
	if w == nil || w.rides() {
		return
	}
	w.end()
	w.out, w.in = w.conn.wire.out.Load(), w.conn.wire.in.Load()
	w.conn, w.stop = w.walk, nil
}

// between sends between two pages what is due, on the walk's connection. What fails
// there the next page finds out.
func (w *Watch) between(ctx context.Context) {
	if !w.rides() || time.Now().Before(w.pingDue) || w.unanswered >= mostUnanswered {
		return
	}
	w.pingDue = time.Now().Add(around(pingEvery))
	if time.Now().After(w.infoDue) {
		w.infoDue = time.Now().Add(around(infoEvery))
		_ = w.inspect(ctx)
	}
	roundTrip, err := w.ping(ctx)
	if err != nil {
		w.unanswered++
		return
	}
	w.unanswered = 0
	w.during.add(roundTrip)
	w.note(sight{at: time.Now(), roundTrip: roundTrip})
}

// connect makes a connection to the process of the walk.
func (w *Watch) connect(ctx context.Context) (err error) {
	c := w.walk
	if w.conn == c {
		w.conn = &Conn{Node: c.Node, target: c.target, ledger: c.ledger, wire: &wire{pinned: c.wire.pinned}, timeout: c.timeout}
		w.conn.reader = newReader(w.conn.wire)
		w.conn.reader.mask = c.target.Password.Mask
	}
	ctx, stop := context.WithTimeoutCause(ctx, watchTimeout, errNoAnswer)
	defer stop()
	for range watchTries {
		err = w.conn.dial(ctx, "connecting once more to", w.conn.recognise)
		if !errors.Is(err, errAnotherProcess) {
			return err
		}
	}
	return err
}

// baseline measures what others feel while we do nothing.
func (w *Watch) baseline(ctx context.Context) {
	end := time.Now().Add(baselineTime)
	for n := 0; n < baselinePings && time.Now().Before(end); n++ {
		roundTrip, err := w.ping(ctx)
		if err != nil {
			return
		}
		w.before.add(roundTrip)
		w.note(sight{at: time.Now(), roundTrip: roundTrip, resting: true})
		rest(ctx, baselineGap)
	}
}

// ping is one round trip. A refusal takes one, too.
func (w *Watch) ping(ctx context.Context) (time.Duration, error) {
	start := time.Now()
	err := w.conn.conn.Ping(context.WithoutCancel(ctx)).Err() // what is sent is answered, so that it is counted right
	took := time.Since(start)
	if err != nil && optional(err) {
		err = nil
	}
	return took, err
}

// inspect asks for the server's vitals.
func (w *Watch) inspect(ctx context.Context) error {
	info, err := w.conn.vitals(context.WithoutCancel(ctx))
	if err == nil {
		v := VitalsOf(info)
		w.note(sight{at: time.Now(), vitals: &v})
	}
	return err
}

func (w *Watch) note(s sight) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.sights) < mostSights {
		w.sights = append(w.sights, s)
	}
}

// take is what was seen since the last time.
func (w *Watch) take() []sight {
	if w == nil {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	sights := w.sights
	w.sights = nil
	return sights
}

// run watches until ctx ends, on a new connection when one was lost.
func (w *Watch) run(ctx context.Context) {
	defer close(w.done)
	defer w.conn.Close()
	for ctx.Err() == nil {
		w.follow(ctx)
		for ctx.Err() == nil {
			rest(ctx, redialEvery)
			if !w.aside.Load() && w.connect(ctx) == nil && !w.aside.Load() {
				break
			}
			w.conn.Close()
		}
	}
}

// follow watches until the connection is lost.
func (w *Watch) follow(ctx context.Context) {
	inspect := time.Now().Add(around(infoEvery))
	for {
		if rest(ctx, around(pingEvery)); ctx.Err() != nil {
			return
		}
		if time.Now().After(inspect) {
			inspect = time.Now().Add(around(infoEvery))
			if w.inspect(ctx) != nil {
				return
			}
		}
		if w.feel(ctx) != nil {
			return
		}
	}
}

// around is d on average: a fixed rhythm might beat with our bursts, or with the
// acknowledgements of a replica.
func around(d time.Duration) time.Duration { return d/2 + rand.N(d) }

// feel is one round trip while the walk works, or rests.
func (w *Watch) feel(ctx context.Context) error {
	spell := w.spells.Load()
	roundTrip, err := w.ping(ctx)
	if err != nil {
		return err
	}
	w.during.add(roundTrip)
	resting := spell%2 == 1
	if resting && w.spells.Load() != spell {
		return nil // it began to work meanwhile
	}
	w.note(sight{at: time.Now(), roundTrip: roundTrip, resting: resting})
	return nil
}

// rests is told when the walk begins to rest, and when it ends to.
func (w *Watch) rests() {
	if w != nil {
		w.spells.Add(1)
	}
}

// stepAside gives up the connection until comeBack, for a walk that waits for the
// server: one that has a connection left shall not give it to the watch, and one
// that does not answer shall not be asked more.
func (w *Watch) stepAside() {
	if w != nil && !w.rides() {
		w.aside.Store(true)
		w.conn.wire.close()
	}
}

// comeBack ends what stepAside began.
func (w *Watch) comeBack() {
	if w != nil {
		w.aside.Store(false)
	}
}

// Close ends the watch. It is safe to call it again.
func (w *Watch) Close() {
	if w != nil {
		w.end()
	}
}

// end ends the goroutine, if there is one.
func (w *Watch) end() {
	if w.stop == nil {
		return
	}
	w.stop()
	late := time.AfterFunc(closingGrace, w.conn.wire.close)
	defer late.Stop()
	<-w.done
}

// RoundTrips are those before the walk and while it went on. Call it after Close.
func (w *Watch) RoundTrips() (before, during RoundTrips) { return w.before.sum(), w.during.sum() }
