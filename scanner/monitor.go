package scanner

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"keyprof/scanner/info"
	"keyprof/scanner/throttle"
)

// How a probe connection is had, and what is sent on it.
const (
	watchTimeout  = 3 * time.Second // for connecting
	watchTries    = 5               // a name may lead to one of several servers at a time
	redialEvery   = 5 * time.Second
	baselinePings = 50
	baselineTime  = 250 * time.Millisecond // for all of them, about, but for
	leastBaseline = throttle.FewTrips      // however long a round trip takes
	baselineGap   = 2 * time.Millisecond   // so that all take longer than a turn of serverCron, 100 ms
	pingEvery     = 50 * time.Millisecond  // on average
	infoEvery     = time.Second
	infoShare     = 5                      // times what a reply took to come
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

	// Over a link the costs of commands are asked for, again after twice as long.
	far        bool
	costsDue   time.Time
	costsEvery time.Duration
	calls      map[string]info.Calls // by commandstats, the last time
	sent       map[string]int64      // by us, until then

	unanswered int   // pings there in a row that failed
	out, in    int64 // bytes that its own connection carried before it was given up

	before, during throttle.RoundTripHistogram // written by one goroutine at a time

	// spells counts the changes between working and resting of the walk; odd: it rests.
	spells atomic.Int64
	aside  atomic.Bool

	mu     sync.Mutex
	sights []sight
}

// sight is one thing that was seen: vitals, or else a round trip.
type sight struct {
	at        time.Time
	vitals    *info.Vitals
	roundTrip time.Duration
	resting   bool // the walk was, all the time
}

// Watch connects once more to the same server process, measures round trips
// before a walk begins, and goes on until Close. Near maxmemory it makes no other
// connection. What it sends counts in the Cost of c. The error tells why there is no
// second connection, which is none for a walk.
func (c *Conn) Watch(ctx context.Context) (*Watch, error) {
	w := &Watch{done: make(chan struct{}), conn: c, walk: c, far: c.least >= throttle.LinkRoundTrip, costsEvery: infoEvery}
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

// between sends between two pages what is due, on the walk's connection, also while
// the walk stands back. What fails there the next page finds out.
func (w *Watch) between(ctx context.Context, resting bool) {
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
	w.during.Add(roundTrip)
	w.note(sight{at: time.Now(), roundTrip: roundTrip, resting: resting})
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
	for n := 0; n < baselinePings && (n < leastBaseline || time.Now().Before(end)) && ctx.Err() == nil; n++ {
		roundTrip, err := w.ping(ctx)
		if err != nil {
			return
		}
		w.before.Add(roundTrip)
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
	answer, err := w.conn.vitals(context.WithoutCancel(ctx))
	if err == nil {
		v := info.VitalsOf(answer)
		w.walk.sawCPU(answer.CPUTime())
		v.Costs = w.costs(context.WithoutCancel(ctx))
		w.note(sight{at: time.Now(), vitals: &v})
	}
	return err
}

// longestCosts is how long costs of commands are good at most.
const longestCosts = 30 * time.Second

// costs asks for the costs of our commands when that is due; nil: it is not known.
func (w *Watch) costs(ctx context.Context) *info.Costs {
	if !w.far || w.rides() || time.Now().Before(w.costsDue) {
		return nil
	}
	text, err := w.conn.conn.Info(ctx, "commandstats").Result()
	w.costsDue = time.Now().Add(w.costsEvery)
	w.costsEvery = min(2*w.costsEvery, longestCosts)
	if err != nil {
		return nil
	}
	now, sent := commandCalls(info.Parse(text)), w.conn.ledger.counts()
	costs := costsBetween(w.calls, now, w.sent, sent)
	w.calls, w.sent = now, sent
	return costs
}

// commandCalls are the calls of the commands that may be sent, by name.
func commandCalls(stats info.Info) map[string]info.Calls {
	all := stats.CommandCalls()
	maps.DeleteFunc(all, func(name string, _ info.Calls) bool { return !allowed[name] && !containers[name] })
	return all
}

// commandTime adds up what the commands that may be sent took.
func commandTime(stats info.Info) (sum time.Duration) {
	for _, c := range commandCalls(stats) {
		sum += min(c.Took, info.MostSeconds*time.Second-sum) // all together would overflow
	}
	return sum
}

// fewCalls are too few to tell what a command costs.
const fewCalls = 50

// costsBetween is what commands cost a call, from how often they were called at the
// server and sent by us at two times; nil where that tells nothing.
func costsBetween(callsBefore, callsNow map[string]info.Calls, sentBefore, sentNow map[string]int64) *info.Costs {
	var costs info.Costs
	var requests int64
	var took float64
	for name, n := range sentNow {
		stat := name
		if _, known := callsNow[stat]; !known {
			stat, _, _ = strings.Cut(name, " ")
		}
		n -= sentBefore[name]
		called := callsNow[stat].N - callsBefore[stat].N
		if callsBefore == nil || n < fewCalls || called < n/2 { // CONFIG RESETSTAT
			continue
		}
		each := float64(callsNow[stat].Took-callsBefore[stat].Took) / float64(called)
		switch {
		case name == "scan":
			costs.Scan = time.Duration(each)
		case slices.Contains(names[:], name):
			requests, took = requests+n, took+float64(n)*each
		}
	}
	if requests > 0 {
		costs.Request = time.Duration(took / float64(requests))
	}
	if costs == (info.Costs{}) {
		return nil
	}
	return &costs
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
		if asked := time.Now(); asked.After(inspect) {
			if w.inspect(ctx) != nil {
				return
			}
			// A link on which the reply takes long shall not be full of it.
			inspect = time.Now().Add(around(max(infoEvery, infoShare*time.Since(asked))))
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
	w.during.Add(roundTrip)
	resting := spell%2 == 1
	if resting && w.spells.Load() != spell {
		if !w.far {
			return nil // it began to work meanwhile
		}
		resting = false // over a link it always does
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
func (w *Watch) RoundTrips() (before, during throttle.RoundTrips) {
	return w.before.Sum(), w.during.Sum()
}
