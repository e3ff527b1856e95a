package scanner

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"
)

// ErrStalled is the Reply.Err of a probe that the server did not answer in time. It
// is not sent again for that key.
var ErrStalled = errors.New("the server did not answer in time")

// Stall is a command about a key that the server did not answer within the time
// limit. The server may be at work on it still, whatever becomes of the connection.
type Stall struct {
	DB       int
	Probe    Probe
	Key      string
	Took     time.Duration // until the reply came, or was given up
	Answered bool          // the reply came
	// Idle is a server that used little CPU time meanwhile: the link stopped, or the
	// whole machine, and the command is not to blame. It is told of answered ones.
	Idle bool

	reply  Reply
	before *cpuReading // the last one before the wait; nil: none, or Idle is decided
	ended  time.Time
}

// cpuReading is the CPU time of the server's main thread, as INFO told it.
type cpuReading struct {
	at  time.Time
	cpu time.Duration
}

// sawCPU keeps the last CPU time that INFO told on any connection to the server.
func (c *Conn) sawCPU(cpu time.Duration, known bool) {
	if known {
		c.cpuSeen.Store(&cpuReading{time.Now(), cpu})
	}
}

// leastAtWork is the share of a wait for which a server that worked on a command
// has used CPU time at least.
const leastAtWork = 0.5

// Stalls are the commands that the server did not answer in time, in their order.
func (c *Conn) Stalls() []Stall {
	now := c.cpuSeen.Load()
	for i := range c.stalls {
		if s := &c.stalls[i]; s.before != nil && now != nil && now.at.After(s.ended) {
			s.Idle = float64(now.cpu-s.before.cpu) < leastAtWork*float64(s.Took)
			s.before = nil
		}
	}
	return slices.Clone(c.stalls)
}

// known returns the reply to a request that must not be sent again, nil where it may.
func (c *Conn) known(r Request) *Reply {
	for i := range c.stalls { // few: each of them took as long as a reply may
		if s := &c.stalls[i]; s.DB == c.db && s.Probe == r.Probe && s.Key == r.Key {
			return &s.reply
		}
	}
	return nil
}

// overdue is the wait for a reply that did not come in time.
type overdue struct {
	index int // of the first request without a reply; that of no request: SCAN
	since time.Time
	took  time.Duration // until replies came again; 0: they did not
	cpu   *cpuReading   // the last one before; nil: none
	// instead is to be noted when no trip behind has a better suspect; nil: none.
	instead *Stall
}

// linger decides, when the time for a reply to trip is up, whether to go on waiting
// for it: a closed connection would not stop the command that runs at the server,
// and to ask again would run it twice. Meanwhile nothing is sent on any connection.
func (c *Conn) linger(ctx context.Context, trip *Trip) bool {
	if c.late != nil || c.patience.MaxWait <= 0 || ctx.Err() != nil {
		return false
	}
	c.late = &overdue{index: len(trip.Replies) - trip.before, since: c.turnOf(trip), cpu: c.cpuSeen.Load()}
	if c.patience.Notice != nil {
		c.patience.Notice(c.failed("asking for a page", errNoAnswer))
	}
	c.watch.stepAside()
	err := c.wire.setDeadline(time.Now().Add(c.patience.MaxWait))
	if err == nil && ctx.Err() != nil { // it ended before the deadline was moved
		err = c.wire.setDeadline(time.Now().Add(grace))
	}
	return err == nil
}

// turnOf is about when the server turned to a trip: when it was sent, or when the
// one before was answered.
func (c *Conn) turnOf(trip *Trip) time.Time {
	if trip.sent.Before(c.answered) {
		return c.answered
	}
	return trip.sent
}

// resumed ends the wait for a reply that came after all.
func (c *Conn) resumed(timeout time.Duration) error {
	late := *c.late
	late.took = time.Since(late.since)
	c.late, c.lates = nil, append(c.lates, late)
	c.watch.comeBack()
	c.waits = append(c.waits, Wait{errNoAnswer.Error(), late.took})
	return c.wire.setDeadline(time.Now().Add(timeout))
}

// noteStalls notes which commands kept the server, once all replies to the trip are
// there.
func (c *Conn) noteStalls(ctx context.Context, trip *Trip) {
	lates := c.takeLates()
	if len(lates) == 0 {
		return
	}
	streams := c.streams(ctx, trip)
	for _, late := range lates {
		culprit := late.index
		behind := from(late.index, streams)
		if len(behind) > 0 {
			late.instead = nil
			culprit = slices.MaxFunc(behind, func(a, b int) int {
				return cmp.Compare(trip.Replies[trip.before+a].Int, trip.Replies[trip.before+b].Int)
			})
		}
		if late.instead == nil && culprit < len(trip.Requests) {
			late.instead = c.newStall(trip.Requests[culprit], late.took, trip.Replies[trip.before+culprit])
			late.instead.Answered, late.instead.before, late.instead.ended = true, late.cpu, late.since.Add(late.took)
		}
		if resumed := late.since.Add(late.took); len(behind) == 0 && len(c.flight) > 1 && c.flight[1].sent.Before(resumed) {
			late.index, c.lates = 0, append(c.lates, late) // the server may have been at that trip
		} else if s := late.instead; s != nil && c.known(Request{s.Probe, s.Key}) == nil {
			c.stalls = append(c.stalls, *s)
		}
	}
}

// takeLates returns the replies to the first trip that were late, and forgets them.
func (c *Conn) takeLates() []overdue {
	lates := c.lates
	if c.late != nil {
		lates = append(lates, *c.late)
	}
	c.late, c.lates = nil, nil
	return lates
}

// slowLoss is how long a reply was awaited when the connection was lost, for that
// reply to be suspected.
const slowLoss = time.Second

// noteLoss is told that the connection was lost while replies to a trip were awaited.
// A load balancer may cut a connection before our time is up: when that happens for
// the second time at the same reply, the command is not sent a third time.
func (c *Conn) noteLoss(trip *Trip) {
	came, since := len(trip.Replies)-trip.before, c.turnOf(trip)
	waited := time.Since(since)
	trip.wasted += waited
	if c.late == nil && waited >= slowLoss {
		if trip.lostAt == came+1 {
			c.late = &overdue{index: came, since: since}
		}
		trip.lostAt = came + 1
	}
}

// giveUp notes, when the connection is lost on which a reply was awaited beyond its
// time, what must not be sent again. It asks on the new connection.
func (c *Conn) giveUp(ctx context.Context) error {
	late, lates := c.late, c.lates
	all := c.takeLates()
	if len(all) == 0 {
		return nil
	}
	first := all[0]
	if trip := c.flight[0]; !trip.pardoned && c.stopped(first) {
		trip.pardoned = true
		return nil
	}
	suspects := 0
	for i, trip := range c.flight { // the server may have been at any that was sent
		types, err := c.askTypes(ctx, trip)
		if err != nil {
			c.late, c.lates = late, lates // there will be another connection
			return err
		}
		streams := streamsIn(trip, types)
		if i == 0 {
			streams = from(first.index, streams)
		}
		for _, s := range streams {
			c.stalls = append(c.stalls, *c.newStall(trip.Requests[s], time.Since(first.since), Reply{Err: ErrStalled}))
		}
		suspects += len(streams)
	}
	if suspects == 0 {
		c.accuse(all)
	}
	return nil
}

// stopped reports whether it was the link that stopped, and not a command that kept the
// server: until it answered on the new connection it used less CPU time than one for
// which a reply is late.
func (c *Conn) stopped(late overdue) bool {
	now := c.cpuSeen.Load()
	return late.cpu != nil && now.at.After(late.since) && float64(now.cpu-late.cpu.cpu) < leastAtWork*float64(c.timeout)
}

// accuse notes the commands whose replies were late, when there is no better suspect
// or nobody left to ask.
func (c *Conn) accuse(lates []overdue) {
	for _, late := range lates {
		if late.instead == nil && len(c.flight) > 0 && late.index < len(c.flight[0].Requests) {
			late.instead = c.newStall(c.flight[0].Requests[late.index], time.Since(late.since), Reply{Err: ErrStalled})
		}
		if late.instead != nil {
			c.stalls = append(c.stalls, *late.instead)
		}
	}
}

// newStall is a command that is not to be sent again, once it is noted.
func (c *Conn) newStall(r Request, took time.Duration, reply Reply) *Stall {
	return &Stall{DB: c.db, Probe: r.Probe, Key: r.Key, Took: took, reply: reply}
}

// streams are the requests of an answered trip for MEMORY USAGE of a stream. A
// server answers in order, but sends nothing before it is through with all commands
// that it has read, some 16 kB at a time (networking.c, readQueryFromClient). So the
// first reply that was missing may be innocent: MEMORY USAGE of a stream behind it
// alone takes a time without bound.
func (c *Conn) streams(ctx context.Context, trip *Trip) []int {
	types := map[string]string{}
	for i, r := range trip.Requests {
		if r.Probe == Type {
			types[r.Key] = trip.Replies[trip.before+i].Text
		}
	}
	if len(types) == 0 && len(c.flight) == 1 { // else the replies to other trips come first
		var err error
		if types, err = c.askTypes(ctx, trip); err != nil {
			c.wire.close() // the next trip makes another connection
		}
	}
	return streamsIn(trip, types)
}

// from are the indexes that are not before first; they go up.
func from(first int, indexes []int) []int {
	i, _ := slices.BinarySearch(indexes, first)
	return indexes[i:]
}

func streamsIn(trip *Trip, types map[string]string) (indexes []int) {
	for i, r := range trip.Requests {
		if r.Probe == MemoryUsage && types[r.Key] == "stream" {
			indexes = append(indexes, i)
		}
	}
	return indexes
}

// askTypes are the types of the keys of which a trip asks for MEMORY USAGE. Nothing
// may be on its way.
func (c *Conn) askTypes(ctx context.Context, trip *Trip) (map[string]string, error) {
	question := Trip{}
	for _, r := range trip.Requests {
		if r.Probe == MemoryUsage {
			question.Requests = append(question.Requests, Request{Type, r.Key})
		}
	}
	if len(question.Requests) == 0 {
		return nil, nil
	}
	timeout := c.patienceNow(ctx)
	if err := c.launch(&question, timeout); err != nil {
		return nil, err
	}
	err := c.collect(ctx, &question, timeout)
	c.takeLates()
	types := map[string]string{}
	for i, r := range question.Replies {
		if types[question.Requests[i].Key] = r.Text; refused(r.Err) {
			types[question.Requests[i].Key] = "stream" // it may be one
		}
	}
	return types, err
}
