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
	monitorTimeout = 3 * time.Second // for connecting
	monitorTries   = 5               // a name may lead to one of several servers at a time
	redialEvery    = 5 * time.Second
	baselinePings  = 50
	baselineTime   = 250 * time.Millisecond // for all of them, about, but for
	minBaseline    = throttle.MinRoundTrips // however long a round trip takes
	baselineGap    = 2 * time.Millisecond   // so that all take longer than a turn of serverCron, 100 ms
	pingEvery      = 50 * time.Millisecond  // on average
	infoEvery      = time.Second
	infoShare      = 5                      // times what a reply took to come
	closingGrace   = 200 * time.Millisecond // for the last answer
)

// mostSights bounds what is kept for a walk that does not come to take it.
const maxSamples = 1000

// Watch is a connection beside that of a walk, to the same server process, which
// feels what other clients feel: it sends PING, and INFO once a second. Near
// maxmemory, where each connection's buffers may evict keys, it sends both on the
// walk's own connection, between pages. It may be nil: then nothing is felt.
type LatencyMonitor struct {
	conn *Conn // its own, or the walk's
	walk *Conn
	stop context.CancelFunc // of the goroutine that uses a connection of its own; nil: there is none
	done chan struct{}

	pingDue, infoDue time.Time // between pages

	// Over a link the costs of commands are asked for, again after twice as long.
	overLink   bool
	costsDue   time.Time
	costsEvery time.Duration
	calls      map[string]info.Calls // by commandstats, the last time
	sent       map[string]int64      // by us, until then

	unanswered int   // pings there in a row that failed
	out, in    int64 // bytes that its own connection carried before it was given up

	before, during throttle.RoundTripHistogram // written by one goroutine at a time

	// spells counts the changes between working and resting of the walk; odd: it rests.
	toggles   atomic.Int64
	suspended atomic.Bool

	mu      sync.Mutex
	samples []sample
}

// sight is one thing that was seen: vitals, or else a round trip.
type sample struct {
	at        time.Time
	stats     *info.ServerStats
	roundTrip time.Duration
	paused    bool // the walk was, all the time
}

// Watch connects once more to the same server process, measures round trips
// before a walk begins, and goes on until Close. Near maxmemory it makes no other
// connection. What it sends counts in the Cost of c. The error tells why there is no
// second connection, which is none for a walk.
func (c *Conn) StartMonitor(ctx context.Context) (*LatencyMonitor, error) {
	m := &LatencyMonitor{done: make(chan struct{}), conn: c, walk: c, overLink: c.minRoundTrip >= throttle.LinkRoundTrip, costsEvery: infoEvery}
	if len(c.Node.Info) == 0 {
		return nil, errUnknownProcess
	}
	if !c.Node.NearMaxmemory() {
		if err := m.connect(ctx); err != nil {
			m.conn.Close()
			return nil, err
		}
	}
	c.monitor = m
	_ = m.fetchStats(ctx) // it is asked again
	m.baseline(ctx)
	if m.conn != c {
		ctx, m.stop = context.WithCancel(context.WithoutCancel(ctx))
		go m.run(ctx)
	}
	return m, nil
}

// rides reports whether the watch uses the walk's connection.
func (m *LatencyMonitor) sharesConn() bool { return m != nil && m.conn == m.walk }

// join gives up the watch's own connection for the walk's.
func (m *LatencyMonitor) shareConn() {
	if m == nil || m.sharesConn() {
		return
	}
	m.shutdown()
	m.out, m.in = m.conn.wire.out.Load(), m.conn.wire.in.Load()
	m.conn, m.stop = m.walk, nil
}

// between sends between two pages what is due, on the walk's connection, also while
// the walk stands back. What fails there the next page finds out.
func (m *LatencyMonitor) pingBetween(ctx context.Context, paused bool) {
	if !m.sharesConn() || time.Now().Before(m.pingDue) || m.unanswered >= maxUnanswered {
		return
	}
	m.pingDue = time.Now().Add(jitter(pingEvery))
	if time.Now().After(m.infoDue) {
		m.infoDue = time.Now().Add(jitter(infoEvery))
		_ = m.fetchStats(ctx)
	}
	roundTrip, err := m.ping(ctx)
	if err != nil {
		m.unanswered++
		return
	}
	m.unanswered = 0
	m.during.Add(roundTrip)
	m.record(sample{at: time.Now(), roundTrip: roundTrip, paused: paused})
}

// connect makes a connection to the process of the walk.
func (m *LatencyMonitor) connect(ctx context.Context) (err error) {
	c := m.walk
	if m.conn == c {
		m.conn = &Conn{Node: c.Node, target: c.target, allowlist: c.allowlist, wire: &wire{pinned: c.wire.pinned}, timeout: c.timeout}
		m.conn.reader = newReader(m.conn.wire)
		m.conn.reader.mask = c.target.Password.Mask
	}
	ctx, stop := context.WithTimeoutCause(ctx, monitorTimeout, errNoAnswer)
	defer stop()
	for range monitorTries {
		err = m.conn.dial(ctx, "opening a second connection to", m.conn.verifyProcess)
		if !errors.Is(err, errAnotherProcess) {
			return err
		}
	}
	return err
}

// baseline measures what others feel while we do nothing.
func (m *LatencyMonitor) baseline(ctx context.Context) {
	end := time.Now().Add(baselineTime)
	for n := 0; n < baselinePings && (n < minBaseline || time.Now().Before(end)) && ctx.Err() == nil; n++ {
		roundTrip, err := m.ping(ctx)
		if err != nil {
			return
		}
		m.before.Add(roundTrip)
		m.record(sample{at: time.Now(), roundTrip: roundTrip, paused: true})
		sleepContext(ctx, baselineGap)
	}
}

// ping is one round trip. A refusal takes one, too.
func (m *LatencyMonitor) ping(ctx context.Context) (time.Duration, error) {
	start := time.Now()
	err := m.conn.conn.Ping(context.WithoutCancel(ctx)).Err() // what is sent is answered, so that it is counted right
	took := time.Since(start)
	if err != nil && isOptional(err) {
		err = nil
	}
	return took, err
}

// inspect asks for the server's vitals.
func (m *LatencyMonitor) fetchStats(ctx context.Context) error {
	answer, err := m.conn.statsInfo(context.WithoutCancel(ctx))
	if err == nil {
		v := info.ServerStatsOf(answer)
		m.walk.sawCPU(answer.CPUTime())
		v.Costs = m.fetchCosts(context.WithoutCancel(ctx))
		m.record(sample{at: time.Now(), stats: &v})
	}
	return err
}

// longestCosts is how long costs of commands are good at most.
const longestCosts = 30 * time.Second

// costs asks for the costs of our commands when that is due; nil: it is not known.
func (m *LatencyMonitor) fetchCosts(ctx context.Context) *info.Costs {
	if !m.overLink || m.sharesConn() || time.Now().Before(m.costsDue) {
		return nil
	}
	text, err := m.conn.conn.Info(ctx, "commandstats").Result()
	m.costsDue = time.Now().Add(m.costsEvery)
	m.costsEvery = min(2*m.costsEvery, longestCosts)
	if err != nil {
		return nil
	}
	now, sent := commandCalls(info.Parse(text)), m.conn.allowlist.counts()
	costs := costsBetween(m.calls, now, m.sent, sent)
	m.calls, m.sent = now, sent
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
		sum += min(c.Took, info.MaxSeconds*time.Second-sum) // all together would overflow
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
		case slices.Contains(probeNames[:], name):
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

func (m *LatencyMonitor) record(s sample) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.samples) < maxSamples {
		m.samples = append(m.samples, s)
	}
}

// take is what was seen since the last time.
func (m *LatencyMonitor) slot() []sample {
	if m == nil {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	samples := m.samples
	m.samples = nil
	return samples
}

// run watches until ctx ends, on a new connection when one was lost.
func (m *LatencyMonitor) run(ctx context.Context) {
	defer close(m.done)
	defer m.conn.Close()
	for ctx.Err() == nil {
		m.poll(ctx)
		for ctx.Err() == nil {
			sleepContext(ctx, redialEvery)
			if !m.suspended.Load() && m.connect(ctx) == nil && !m.suspended.Load() {
				break
			}
			m.conn.Close()
		}
	}
}

// follow watches until the connection is lost.
func (m *LatencyMonitor) poll(ctx context.Context) {
	inspect := time.Now().Add(jitter(infoEvery))
	for {
		if sleepContext(ctx, jitter(pingEvery)); ctx.Err() != nil {
			return
		}
		if asked := time.Now(); asked.After(inspect) {
			if m.fetchStats(ctx) != nil {
				return
			}
			// A link on which the reply takes long shall not be full of it.
			inspect = time.Now().Add(jitter(max(infoEvery, infoShare*time.Since(asked))))
		}
		if m.pingOnce(ctx) != nil {
			return
		}
	}
}

// around is d on average: a fixed rhythm might beat with our bursts, or with the
// acknowledgements of a replica.
func jitter(d time.Duration) time.Duration { return d/2 + rand.N(d) }

// feel is one round trip while the walk works, or rests.
func (m *LatencyMonitor) pingOnce(ctx context.Context) error {
	toggles := m.toggles.Load()
	roundTrip, err := m.ping(ctx)
	if err != nil {
		return err
	}
	m.during.Add(roundTrip)
	paused := toggles%2 == 1
	if paused && m.toggles.Load() != toggles {
		return nil // it began to work meanwhile
	}
	m.record(sample{at: time.Now(), roundTrip: roundTrip, paused: paused})
	return nil
}

// rests is told when the walk begins to rest, and when it ends to.
func (m *LatencyMonitor) togglePaused() {
	if m != nil {
		m.toggles.Add(1)
	}
}

// stepAside gives up the connection until comeBack, for a walk that waits for the
// server: one that has a connection left shall not give it to the watch, and one
// that does not answer shall not be asked more.
func (m *LatencyMonitor) suspend() {
	if m != nil && !m.sharesConn() {
		m.suspended.Store(true)
		m.conn.wire.close()
	}
}

// comeBack ends what stepAside began.
func (m *LatencyMonitor) resume() {
	if m != nil {
		m.suspended.Store(false)
	}
}

// Close ends the watch. It is safe to call it again.
func (m *LatencyMonitor) Close() {
	if m != nil {
		m.shutdown()
	}
}

// end ends the goroutine, if there is one.
func (m *LatencyMonitor) shutdown() {
	if m.stop == nil {
		return
	}
	m.stop()
	late := time.AfterFunc(closingGrace, m.conn.wire.close)
	defer late.Stop()
	<-m.done
}

// RoundTrips are those before the walk and while it went on. Call it after Close.
func (m *LatencyMonitor) RoundTrips() (before, during throttle.RoundTrips) {
	return m.before.Summary(), m.during.Summary()
}
