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

// Timing of the monitor's connection.
const (
	monitorTimeout = 3 * time.Second // for connecting
	monitorTries   = 5               // a name may resolve to another server each time
	redialEvery    = 5 * time.Second
	baselinePings  = 50
	baselineTime   = 250 * time.Millisecond // for all of them, about,
	minBaseline    = throttle.MinRoundTrips // but at least so many, however long a round trip takes
	baselineGap    = 2 * time.Millisecond   // so that all take longer than a cycle of serverCron, 100 ms
	pingEvery      = 50 * time.Millisecond  // on average
	infoEvery      = time.Second
	firstInfo      = 250 * time.Millisecond // after the baseline: until then costs are not known
	infoShare      = 5                      // times the time of a reply to INFO, at least
	closingGrace   = 200 * time.Millisecond // for the last reply
)

// maxSamples bounds the samples that are kept until the scan takes them.
const maxSamples = 1000

// LatencyMonitor is a second connection to the scanned server process that measures the
// latency of other clients: it sends PING, and INFO once a second. Near maxmemory, where
// the buffers of each connection may evict keys, it sends both on the scan's own
// connection, between pages. It may be nil: then nothing is measured.
type LatencyMonitor struct {
	conn *Conn // its own, or the scan's
	walk *Conn
	stop context.CancelFunc // stops the goroutine that uses an own connection; nil: there is none
	done chan struct{}

	pingDue, infoDue time.Time // when sharing the connection

	// Over a link the monitor also reads the costs of commands.
	overLink bool
	costs    costSchedule
	calls    map[string]info.Calls // by commandstats, at the last reading
	sent     map[string]int64      // by us, up to then

	unanswered int   // failed pings in a row on the shared connection
	out, in    int64 // bytes of its own connection before it was closed

	before, during throttle.RoundTripHistogram // written by one goroutine at a time

	// toggles counts the changes between scanning and pausing; odd: the scan is paused.
	toggles   atomic.Int64
	suspended atomic.Bool

	mu      sync.Mutex
	samples []sample
}

// sample is one measurement: stats, or else a round trip.
type sample struct {
	at        time.Time
	stats     *info.ServerStats
	roundTrip time.Duration
	paused    bool // the scan was paused throughout
}

// StartMonitor connects a second time to the same server process, measures round trips
// before a scan begins, and continues until Close. Near maxmemory it makes no second
// connection. What it sends counts in the Cost of c. On an error there is no monitor,
// which a scan can do without.
func (c *Conn) StartMonitor(ctx context.Context) (*LatencyMonitor, error) {
	m := &LatencyMonitor{done: make(chan struct{}), conn: c, walk: c, overLink: c.minRoundTrip >= throttle.LinkRoundTrip}
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
	_ = m.fetchStats(ctx) // repeated later
	m.baseline(ctx)
	if m.conn != c {
		ctx, m.stop = context.WithCancel(context.WithoutCancel(ctx))
		go m.run(ctx)
	}
	return m, nil
}

// sharesConn reports whether the monitor uses the scan's connection.
func (m *LatencyMonitor) sharesConn() bool { return m != nil && m.conn == m.walk }

// shareConn closes the monitor's own connection and uses the scan's.
func (m *LatencyMonitor) shareConn() {
	if m == nil || m.sharesConn() {
		return
	}
	m.shutdown()
	m.out, m.in = m.conn.wire.out.Load(), m.conn.wire.in.Load()
	m.conn, m.stop = m.walk, nil
}

// pingBetween sends what is due on the scan's connection, between two pages or during a
// pause. It ignores errors: the next page runs into them.
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

// connect makes a connection to the scanned process.
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

// baseline measures round trips while the scan does nothing.
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

// ping measures one round trip. An error reply takes one, too.
func (m *LatencyMonitor) ping(ctx context.Context) (time.Duration, error) {
	start := time.Now()
	err := m.conn.conn.Ping(context.WithoutCancel(ctx)).Err() // wait for the reply, so that it is counted
	took := time.Since(start)
	if err != nil && isOptional(err) {
		err = nil
	}
	return took, err
}

// fetchStats reads the server's stats from INFO.
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

// costSchedule decides when to read the costs of commands: at intervals that double, and
// earlier when they may have changed.
type costSchedule struct {
	last    time.Time
	every   time.Duration
	changed atomic.Bool // the scan saw the server become slower, perhaps
}

// Intervals between two readings of the costs.
const (
	longestCosts = 30 * time.Second
	changedCosts = 4 * time.Second // when they may have changed
)

func (s *costSchedule) due(now time.Time) bool {
	if s.changed.Swap(false) {
		s.every = min(s.every, changedCosts)
	}
	if now.Sub(s.last) < s.every {
		return false
	}
	s.last, s.every = now, min(max(firstInfo, 2*s.every), longestCosts)
	return true
}

// costsChanged is called when the server may have become slower.
func (m *LatencyMonitor) costsChanged() {
	if m != nil {
		m.costs.changed.Store(true)
	}
}

// fetchCosts reads the costs of our commands when that is due; nil: unknown.
func (m *LatencyMonitor) fetchCosts(ctx context.Context) *info.Costs {
	if !m.overLink || m.sharesConn() || !m.costs.due(time.Now()) {
		return nil
	}
	text, err := m.conn.conn.Info(ctx, "commandstats").Result()
	if err != nil {
		return nil
	}
	now, sent := commandCalls(info.Parse(text)), m.conn.allowlist.counts()
	costs := costsBetween(m.calls, now, m.sent, sent)
	m.calls, m.sent = now, sent
	return costs
}

// commandCalls returns the calls of the commands that may be sent, by name.
func commandCalls(stats info.Info) map[string]info.Calls {
	all := stats.CommandCalls()
	maps.DeleteFunc(all, func(name string, _ info.Calls) bool { return !allowed[name] && !containers[name] })
	return all
}

// commandTime returns the total time of the commands that may be sent.
func commandTime(stats info.Info) (sum time.Duration) {
	for _, c := range commandCalls(stats) {
		sum += min(c.Took, info.MaxSeconds*time.Second-sum) // the sum must not overflow
	}
	return sum
}

// fewCalls is the number of calls below which the cost of a command is not computed.
const fewCalls = 50

// costsBetween returns the cost per call of our commands, from the server's call counts
// and ours at two times; nil where that yields nothing.
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

// takeSamples returns the samples since the last call.
func (m *LatencyMonitor) takeSamples() []sample {
	if m == nil {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	samples := m.samples
	m.samples = nil
	return samples
}

// run measures until ctx ends, on a new connection when one was lost.
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

// poll measures until the connection is lost.
func (m *LatencyMonitor) poll(ctx context.Context) {
	inspect := time.Now().Add(jitter(firstInfo))
	for {
		if sleepContext(ctx, jitter(pingEvery)); ctx.Err() != nil {
			return
		}
		if asked := time.Now(); asked.After(inspect) {
			if m.fetchStats(ctx) != nil {
				return
			}
			// Replies that take long must not fill the link.
			inspect = time.Now().Add(jitter(max(infoEvery, infoShare*time.Since(asked))))
		}
		if m.pingOnce(ctx) != nil {
			return
		}
	}
}

// jitter returns d on average: a fixed rhythm might coincide with our bursts, or with the
// acknowledgements of a replica.
func jitter(d time.Duration) time.Duration { return d/2 + rand.N(d) }

// pingOnce records a round trip while the scan works, or is paused.
func (m *LatencyMonitor) pingOnce(ctx context.Context) error {
	toggles := m.toggles.Load()
	roundTrip, err := m.ping(ctx)
	if err != nil {
		return err
	}
	m.during.Add(roundTrip)
	paused := toggles%2 == 1
	if paused && m.toggles.Load() != toggles {
		if !m.overLink {
			return nil // the scan resumed meanwhile
		}
		paused = false // over a link it always does
	}
	m.record(sample{at: time.Now(), roundTrip: roundTrip, paused: paused})
	return nil
}

// togglePaused is called when the scan pauses, and when it resumes.
func (m *LatencyMonitor) togglePaused() {
	if m != nil {
		m.toggles.Add(1)
	}
}

// suspend closes the connection until resume, while Conn waits for the server: a server
// near maxclients must not give its last connection to the monitor, and one that does not
// reply must not be asked more.
func (m *LatencyMonitor) suspend() {
	if m != nil && !m.sharesConn() {
		m.suspended.Store(true)
		m.conn.wire.close()
	}
}

// resume ends suspend.
func (m *LatencyMonitor) resume() {
	if m != nil {
		m.suspended.Store(false)
	}
}

// Close stops the monitor. It is safe to call it again.
func (m *LatencyMonitor) Close() {
	if m != nil {
		m.shutdown()
	}
}

// shutdown stops the goroutine, if there is one.
func (m *LatencyMonitor) shutdown() {
	if m.stop == nil {
		return
	}
	m.stop()
	late := time.AfterFunc(closingGrace, m.conn.wire.close)
	defer late.Stop()
	<-m.done
}

// RoundTrips returns the round trips before and during the scan. Call it after Close.
func (m *LatencyMonitor) RoundTrips() (before, during throttle.RoundTrips) {
	return m.before.Summary(), m.during.Summary()
}
