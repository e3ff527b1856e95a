package scanner

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"
)

// ErrStalled is the Reply.Err of a probe that the server did not reply to in time. It is
// not sent again for that key.
var ErrStalled = errors.New("the server did not reply in time")

// Stall is a command about a key that the server did not reply to within the time limit.
// The server may still be executing it, even if the connection is closed.
type Stall struct {
	DB       int
	Probe    Probe
	Key      string
	Took     time.Duration // until the reply arrived, or the wait was given up
	Answered bool          // the reply arrived
	// Idle reports that the server used little CPU time meanwhile: then the network or
	// the whole machine stopped, and the command is not to blame. It is set for answered
	// stalls only.
	Idle bool

	reply  Reply
	before *cpuReading // the last one before the wait; nil: none, or Idle is set
	ended  time.Time
}

// cpuReading is the CPU time of the server's main thread, from INFO.
type cpuReading struct {
	at  time.Time
	cpu time.Duration
}

// sawCPU keeps the last CPU time from INFO on any connection to the server.
func (c *Conn) sawCPU(cpu time.Duration, known bool) {
	if known {
		c.cpuSeen.Store(&cpuReading{time.Now(), cpu})
	}
}

// minBusyShare is the fraction of a wait that a server working on a command uses of the
// CPU at least.
const minBusyShare = 0.5

// idleSince reports whether the server used less CPU time after a reading than it does
// while it works on a command for the given time.
func (r cpuReading) idleSince(before cpuReading, worked time.Duration) bool {
	return float64(r.cpu-before.cpu) < minBusyShare*float64(worked)
}

// Stalls returns the commands that the server did not reply to in time, in order.
func (c *Conn) Stalls() []Stall {
	now := c.cpuSeen.Load()
	for i := range c.stalls {
		if s := &c.stalls[i]; s.before != nil && now != nil && now.at.After(s.ended) {
			s.Idle = now.idleSince(*s.before, s.Took)
			s.before = nil
		}
	}
	return slices.Clone(c.stalls)
}

// knownReply returns the reply to a request that must not be sent again, nil if it may be
// sent.
func (c *Conn) knownReply(r Request) *Reply {
	for i := range c.stalls { // few: each of them took the whole time limit
		if s := &c.stalls[i]; s.DB == c.db && s.Probe == r.Probe && s.Key == r.Key {
			return &s.reply
		}
	}
	return nil
}

// lateReply is the wait for a reply that did not arrive in time.
type lateReply struct {
	index int // of the first request without a reply; beyond the last: SCAN
	since time.Time
	took  time.Duration // until replies arrived again; 0: they did not
	cpu   *cpuReading   // the last one before the wait; nil: none
	// suspect is recorded if no batch behind has a likelier one; nil: none.
	suspect *Stall
}

// keepWaiting decides, when a reply to batch is overdue, whether to go on waiting:
// closing the connection would not stop the command on the server, and asking again would
// run it twice. Meanwhile nothing is sent on any connection.
func (c *Conn) keepWaiting(ctx context.Context, batch *Batch) bool {
	if c.waitingFor != nil || c.retry.MaxWait <= 0 || ctx.Err() != nil {
		return false
	}
	c.waitingFor = &lateReply{index: len(batch.Replies) - batch.replyOffset, since: c.startOf(batch), cpu: c.cpuSeen.Load()}
	if c.retry.Notice != nil {
		c.retry.Notice(c.failed("scanning keys", errNoAnswer))
	}
	c.monitor.suspend()
	err := c.wire.setDeadline(time.Now().Add(c.retry.MaxWait))
	if err == nil && ctx.Err() != nil { // ctx ended before the deadline was moved
		err = c.wire.setDeadline(time.Now().Add(stopGrace))
	}
	return err == nil
}

// startOf returns about when the server started a batch: when it was sent, or when the
// one before was replied to.
func (c *Conn) startOf(batch *Batch) time.Time {
	if batch.sent.Before(c.answered) {
		return c.answered
	}
	return batch.sent
}

// resumed ends the wait for a reply that arrived late.
func (c *Conn) resumed(timeout time.Duration) error {
	late := *c.waitingFor
	late.took = time.Since(late.since)
	c.waitingFor, c.lateReplies = nil, append(c.lateReplies, late)
	c.monitor.resume()
	c.waits = append(c.waits, Wait{errNoAnswer.Error(), late.took})
	return c.wire.setDeadline(time.Now().Add(timeout))
}

// recordStalls records which commands stalled the server, once all replies to the batch
// are there.
func (c *Conn) recordStalls(ctx context.Context, batch *Batch) {
	lateReplies := c.takeLateReplies()
	if len(lateReplies) == 0 {
		return
	}
	streams := c.streams(ctx, batch)
	for _, late := range lateReplies {
		culprit := late.index
		behind := fromIndex(late.index, streams)
		if len(behind) > 0 {
			late.suspect = nil
			culprit = slices.MaxFunc(behind, func(a, b int) int {
				return cmp.Compare(batch.Replies[batch.replyOffset+a].Int, batch.Replies[batch.replyOffset+b].Int)
			})
		}
		if late.suspect == nil && culprit < len(batch.Requests) {
			late.suspect = c.newStall(batch.Requests[culprit], late.took, batch.Replies[batch.replyOffset+culprit])
			late.suspect.Answered, late.suspect.before, late.suspect.ended = true, late.cpu, late.since.Add(late.took)
		}
		if resumed := late.since.Add(late.took); len(behind) == 0 && len(c.inFlight) > 1 && c.inFlight[1].sent.Before(resumed) {
			late.index, c.lateReplies = 0, append(c.lateReplies, late) // the server may have been executing that batch
		} else if s := late.suspect; s != nil && c.knownReply(Request{s.Probe, s.Key}) == nil {
			c.stalls = append(c.stalls, *s)
		}
	}
}

// takeLateReplies returns the late replies to the first batch, and forgets them.
func (c *Conn) takeLateReplies() []lateReply {
	lateReplies := c.lateReplies
	if c.waitingFor != nil {
		lateReplies = append(lateReplies, *c.waitingFor)
	}
	c.waitingFor, c.lateReplies = nil, nil
	return lateReplies
}

// slowLoss is the delay of an overdue reply from which its command is suspected, if the
// connection is lost.
const slowLoss = time.Second

// recordLoss records that the connection was lost while waiting for replies to a batch. A
// load balancer may close a connection before our time limit: if that happens for the
// second time at the same reply, the command is not sent a third time.
func (c *Conn) recordLoss(batch *Batch) {
	came, since := len(batch.Replies)-batch.replyOffset, c.startOf(batch)
	waited := time.Since(since)
	batch.lostTime += waited
	if c.waitingFor == nil && waited >= slowLoss {
		if batch.lostAt == came+1 {
			c.waitingFor = &lateReply{index: came, since: since}
		}
		batch.lostAt = came + 1
	}
}

// recordUnanswered records, when the connection with an overdue reply is lost, which
// commands must not be sent again. It asks for the types of keys on the new connection.
func (c *Conn) recordUnanswered(ctx context.Context) error {
	late, lateReplies := c.waitingFor, c.lateReplies
	all := c.takeLateReplies()
	if len(all) == 0 {
		return nil
	}
	first := all[0]
	if batch := c.inFlight[0]; !batch.excused && c.wasIdle(first) {
		batch.excused = true
		return nil
	}
	suspects := 0
	for i, batch := range c.inFlight { // the server may have been executing any of them
		types, err := c.fetchTypes(ctx, batch)
		if err != nil {
			c.waitingFor, c.lateReplies = late, lateReplies // the next connection tries again
			return err
		}
		streams := streamsIn(batch, types)
		if i == 0 {
			streams = fromIndex(first.index, streams)
		}
		for _, s := range streams {
			c.stalls = append(c.stalls, *c.newStall(batch.Requests[s], time.Since(first.since), Reply{Err: ErrStalled}))
		}
		suspects += len(streams)
	}
	if suspects == 0 {
		c.recordSuspects(all)
	}
	return nil
}

// wasIdle reports whether the link stopped, and no command kept the server busy until it
// replied on the new connection.
func (c *Conn) wasIdle(late lateReply) bool {
	now := c.cpuSeen.Load()
	return late.cpu != nil && now.at.After(late.since) && now.idleSince(*late.cpu, c.timeout)
}

// recordSuspects records the commands whose replies were late, when there are no likelier
// suspects or the connection is gone.
func (c *Conn) recordSuspects(lateReplies []lateReply) {
	for _, late := range lateReplies {
		if late.suspect == nil && len(c.inFlight) > 0 && late.index < len(c.inFlight[0].Requests) {
			late.suspect = c.newStall(c.inFlight[0].Requests[late.index], time.Since(late.since), Reply{Err: ErrStalled})
		}
		if late.suspect != nil {
			c.stalls = append(c.stalls, *late.suspect)
		}
	}
}

// newStall returns a command that is not sent again once it is recorded.
func (c *Conn) newStall(r Request, took time.Duration, reply Reply) *Stall {
	return &Stall{DB: c.db, Probe: r.Probe, Key: r.Key, Took: took, reply: reply}
}

// streams returns the requests of an answered batch for MEMORY USAGE of a stream. A
// server replies in order, but sends nothing before it has executed all commands that it
// has read, some 16 kB at a time (networking.c, readQueryFromClient). So the first
// missing reply may be innocent: only MEMORY USAGE of a stream behind it takes unbounded
// time.
func (c *Conn) streams(ctx context.Context, batch *Batch) []int {
	types := map[string]string{}
	for i, r := range batch.Requests {
		if r.Probe == Type {
			types[r.Key] = batch.Replies[batch.replyOffset+i].Text
		}
	}
	if len(types) == 0 && len(c.inFlight) == 1 { // otherwise the replies to other batches come first
		var err error
		if types, err = c.fetchTypes(ctx, batch); err != nil {
			c.wire.close() // the next batch makes another connection
		}
	}
	return streamsIn(batch, types)
}

// fromIndex returns the indexes, in ascending order, that are not before first.
func fromIndex(first int, indexes []int) []int {
	i, _ := slices.BinarySearch(indexes, first)
	return indexes[i:]
}

func streamsIn(batch *Batch, types map[string]string) (indexes []int) {
	for i, r := range batch.Requests {
		if r.Probe == MemoryUsage && types[r.Key] == "stream" {
			indexes = append(indexes, i)
		}
	}
	return indexes
}

// fetchTypes returns the types of the keys that a batch asks MEMORY USAGE for. Nothing
// may be in flight.
func (c *Conn) fetchTypes(ctx context.Context, batch *Batch) (map[string]string, error) {
	question := Batch{}
	for _, r := range batch.Requests {
		if r.Probe == MemoryUsage {
			question.Requests = append(question.Requests, Request{Type, r.Key})
		}
	}
	if len(question.Requests) == 0 {
		return nil, nil
	}
	timeout := c.stepTimeout(ctx)
	if err := c.write(&question, timeout); err != nil {
		return nil, err
	}
	err := c.readBatch(ctx, &question, timeout)
	c.takeLateReplies()
	types := map[string]string{}
	for i, r := range question.Replies {
		if types[question.Requests[i].Key] = r.Text; commandRefused(r.Err) {
			types[question.Requests[i].Key] = "stream" // it may be one
		}
	}
	return types, err
}
