package scanner

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"keyprof/scanner/throttle"
)

// Probe is a question about one key that changes nothing: not the value, not
// the key's LRU/LFU clock, in time that does not depend on the key's size.
type Probe uint8

// The probes.
const (
	MemoryUsage     Probe = iota // bytes, nil for no such key; without SAMPLES the server looks at 5 elements
	PTTL                         // milliseconds, -1 without a TTL, -2 for no such key
	IdleTime                     // OBJECT IDLETIME, seconds; an error under an LFU policy
	Freq                         // OBJECT FREQ, 0 to 255; an error under another policy
	Type                         // TYPE, "none" for no such key
	RefCount                     // OBJECT REFCOUNT, 2147483647 for a shared integer
	CountKeysInSlot              // CLUSTER COUNTKEYSINSLOT; the number of a slot stands in the place of the key
	numProbes
)

// words are the probes as they are sent, without the key.
var probeWords = [numProbes][]string{
	MemoryUsage: {"memory", "usage"},
	PTTL:        {"pttl"},
	IdleTime:    {"object", "idletime"},
	Freq:        {"object", "freq"},
	Type:        {"type"},
	RefCount:    {"object", "refcount"},

	CountKeysInSlot: {"cluster", "countkeysinslot"},
}

// names are the probes as the allow-list has them.
var probeNames = func() (n [numProbes]string) {
	for probe, ws := range probeWords {
		n[probe] = strings.Join(ws, " ")
	}
	return n
}()

// String is the command, as in "memory usage".
func (p Probe) String() string { return probeNames[p] }

// ACLRule is what an ACL user needs to be allowed this probe.
func (p Probe) ACLRule() string { return "+" + strings.Join(probeWords[p], "|") }

// requestOverhead is about what RESP adds to a key's name in one request, bytes.
const requestOverhead = 64

// Request is one probe of one key.
type Request struct {
	Probe Probe
	Key   string
}

// Reply is the answer to one Request: an error, nil, a word or a number.
type Reply struct {
	Err  error // for this key, of the server or ErrStalled; not a fault of the connection
	Nil  bool
	Text string // the answer of TYPE
	Int  int64  // every other answer
}

// Scan asks for the next page of names.
type Scan struct {
	Cursor uint64
	Count  int    // COUNT: about how many names
	Match  string // glob; empty: all names
}

// ScanReply is one page of names.
type ScanReply struct {
	Cursor uint64 // where the next page begins; 0: the walk is over
	Names  []string
	Long   []LongName // names that are not to be probed
}

// Trip is one pipeline of a walk: probes, and the question for the next names.
type Batch struct {
	Requests []Request
	Scan     *Scan      // behind the requests; nil: none
	Slots    []SlotKeys // behind the requests, by CLUSTER GETKEYSINSLOT; their names make one page
	// What came back; one reply is appended a request.
	Replies []Reply
	Page    ScanReply
	// Service is how long the trip kept the server's main thread, at most.
	Service time.Duration

	pipeline    []byte // as it is sent
	skipped     []int  // indexes of requests that must not be sent: their replies are known
	replyOffset int    // replies that were there
	sent        time.Time
	lostTime    time.Duration // in which replies were awaited that did not come
	lostAt      int           // replies that came before the connection was lost for the first time, plus 1
}

// Exchange carries the trips of a walk. It is all that the walk needs of a
// connection.
type Exchange interface {
	// Send sends a trip, behind those that are on their way. The trip is the
	// Exchange's until Receive returns it. What goes wrong Receive tells.
	Send(ctx context.Context, trip *Batch)
	// Receive waits for all answers to the trip that was sent first. The error,
	// an *Error, is for the whole trip: then no reply of it may be used, and all
	// trips that were on their way are forgotten. It may wait for a server that
	// cannot be used for the moment, and sends then again what was on its way,
	// until ctx ends: then the error is the context's cause.
	Receive(ctx context.Context) (*Batch, error)
	// Abandon forgets the trips that are on their way.
	Abandon()
	// RoundTrip is one trip alone: Send, then Receive. Nothing may be on its way.
	RoundTrip(ctx context.Context, requests []Request, scan *Scan, replies []Reply) ([]Reply, ScanReply, error)
	// MinRoundTrip is the least round trip seen.
	MinRoundTrip() time.Duration
	// CPUTime is what the server's main thread has used since it began, false
	// when it is not told. Nothing may be on its way.
	CPUTime(ctx context.Context) (time.Duration, bool)
}

var _ Exchange = (*Conn)(nil)

// replyKinds are the types of RESP that replies to probes are of: numbers, but for
// the word that TYPE answers.
var replyKinds = func() (kinds [numProbes]byte) {
	for probe := range kinds {
		kinds[probe] = ':'
	}
	kinds[Type] = '+'
	return kinds
}()

// prefixes are the probes as they are sent, up to the key.
var probePrefixes = func() (p [numProbes]string) {
	for probe, ws := range probeWords {
		b := appendLength(nil, '*', len(ws)+1)
		for _, w := range ws {
			b = appendBulk(b, w)
		}
		p[probe] = string(b)
	}
	return p
}()

// grace is how long a walk that is told to stop still waits for answers.
const stopGrace = 2 * time.Second

// RoundTrip is Exchange's.
func (c *Conn) RoundTrip(ctx context.Context, requests []Request, scan *Scan, replies []Reply) ([]Reply, ScanReply, error) {
	batch := &c.single
	batch.Requests, batch.Scan, batch.Replies = requests, scan, replies
	c.Send(ctx, batch)
	if _, err := c.Receive(ctx); err != nil {
		return replies, ScanReply{}, err
	}
	return batch.Replies, batch.Page, nil
}

// Send is Exchange's.
func (c *Conn) Send(ctx context.Context, batch *Batch) {
	batch.replyOffset, batch.lostTime, batch.lostAt = len(batch.Replies), 0, 0
	c.inFlight = append(c.inFlight, batch)
	if c.sendErr == nil && !c.resend {
		defer c.shortenOnCancel(ctx)()
		c.sendErr = c.write(batch, c.stepTimeout(ctx))
	}
}

// Receive is Exchange's.
func (c *Conn) Receive(ctx context.Context) (*Batch, error) {
	defer c.shortenOnCancel(ctx)()
	err := c.withRetry(ctx, func(context.Context) error { return c.attempt(ctx, c.stepTimeout(ctx)) })
	batch := c.inFlight[0]
	if err != nil {
		batch.Service = batch.lostTime
		c.Abandon()
		if ctx.Err() != nil && isTransient(err) {
			err = context.Cause(ctx)
		}
		return batch, err
	}
	c.inFlight = slices.Delete(c.inFlight, 0, 1)
	c.service = batch.Service
	return batch, nil
}

// Abandon is Exchange's. Answers that are still to come would be taken for others.
func (c *Conn) Abandon() {
	c.recordSuspects(c.takeLateReplies())
	if len(c.inFlight) > 0 {
		c.wire.close()
	}
	c.inFlight, c.sendErr, c.resend = c.inFlight[:0], nil, false
}

// Service is how long the last trip kept the server's main thread, at most; see
// [throttle.Service].
func (c *Conn) Service() time.Duration { return c.service }

// hurry makes what waits for the server end soon after ctx does, until it is
// called off.
func (c *Conn) shortenOnCancel(ctx context.Context) (callOff func() bool) {
	return context.AfterFunc(ctx, func() {
		c.wire.stopping.Store(true)
		_ = c.wire.setDeadline(time.Now().Add(stopGrace))
	})
}

// patienceNow is how long one step may wait for the server.
func (c *Conn) stepTimeout(ctx context.Context) time.Duration {
	if ctx.Err() != nil {
		return min(c.timeout, stopGrace)
	}
	return c.timeout
}

// attempt tries to read the replies to the first trip. When it fails, all that is
// on its way is lost with the connection, and is sent again on the next, but for
// commands that the server did not answer in time.
func (c *Conn) attempt(ctx context.Context, timeout time.Duration) error {
	batch := c.inFlight[0]
	err := c.readFirst(ctx, batch, timeout)
	c.resend = err != nil
	if err != nil {
		c.wire.close() // what is left on it would be taken for other replies
		return c.batchError(batch, err)
	}
	return nil
}

// complete reads the replies to the first trip, once it is certainly sent.
func (c *Conn) readFirst(ctx context.Context, batch *Batch, timeout time.Duration) error {
	if err := c.sendErr; err != nil {
		c.sendErr = nil
		return err
	}
	if c.resend {
		if err := c.recordUnanswered(ctx); err != nil {
			return err
		}
		if err := c.writeAll(timeout); err != nil {
			return err
		}
	}
	if err := c.readBatch(ctx, batch, timeout); err != nil {
		c.recordLoss(batch)
		return err
	}
	c.recordStalls(ctx, batch)
	return nil
}

func (c *Conn) writeAll(timeout time.Duration) error {
	for _, batch := range c.inFlight {
		if err := c.write(batch, timeout); err != nil {
			return err
		}
	}
	return nil
}

// launch puts a trip on the wire, once the allow-list has let all of it pass.
// From here on the wire is ours until all replies are read; then go-redis may use
// it again, as nothing is left on it.
func (c *Conn) write(batch *Batch, timeout time.Duration) error {
	c.encode(batch)
	if err := c.permitBatch(batch); err != nil {
		return err
	}
	batch.sent = time.Now()
	if err := c.wire.setDeadline(batch.sent.Add(timeout)); err != nil {
		return err
	}
	c.maxOut = max(c.maxOut, int64(len(batch.pipeline)))
	_, err := c.wire.Write(batch.pipeline)
	return err
}

// collect reads the replies to a trip. Of one that fails nothing is kept.
func (c *Conn) readBatch(ctx context.Context, batch *Batch, timeout time.Duration) error {
	batch.Replies = batch.Replies[:batch.replyOffset]
	if err := c.wire.setDeadline(time.Now().Add(timeout)); err != nil {
		return err
	}
	now := time.Now()
	c.wire.onTimeout = func() bool { return c.keepWaiting(ctx, batch) }
	c.wire.readTimeout, c.wire.deadlineSet, c.wire.lastExtension = timeout, now, now.Add(timeout+c.retry.MaxWait)
	defer func() { c.wire.onTimeout, c.wire.readTimeout = nil, 0 }()
	before := c.wire.in.Load()
	if err := c.readReplies(batch, timeout); err != nil {
		return err
	}
	now = time.Now()
	c.maxIn = max(c.maxIn, c.wire.in.Load()-before)
	c.countLookups(batch)
	c.addRoundTrip(now.Sub(batch.sent))
	// The server turned to this trip when the one before was answered.
	batch.Service = min(throttle.Service(now.Sub(batch.sent), c.minRoundTrip), now.Sub(c.answered)) + batch.lostTime
	c.answered = now
	return nil
}

// lostPage tells why a round trip failed. Probes that the server refuses fail
// for themselves.
func (c *Conn) batchError(batch *Batch, err error) error {
	switch {
	case IsReply(err) && len(batch.Slots) > 0:
		return c.refusedTo("CLUSTER GETKEYSINSLOT", getKeysRule, err)
	case IsReply(err):
		return c.refusedTo("SCAN", "+scan", err)
	}
	return c.failed("scanning keys", err)
}

// encode writes the trip as it is sent.
func (c *Conn) encode(batch *Batch) {
	batch.pipeline, batch.skipped = batch.pipeline[:0], batch.skipped[:0]
	for i, r := range batch.Requests {
		if c.knownReply(r) != nil {
			batch.skipped = append(batch.skipped, i)
			continue
		}
		batch.pipeline = append(batch.pipeline, probePrefixes[r.Probe]...)
		batch.pipeline = appendBulk(batch.pipeline, r.Key)
	}
	if batch.Scan != nil {
		batch.pipeline = batch.Scan.appendTo(batch.pipeline)
	}
	for _, slot := range batch.Slots {
		batch.pipeline = appendCommand(batch.pipeline, "cluster", "getkeysinslot", strconv.Itoa(slot.Slot), strconv.Itoa(slot.Keys))
	}
}

// enter counts the commands of a trip, all of which must be allowed.
func (c *Conn) permitBatch(batch *Batch) error {
	var counts [numProbes]int64
	for _, r := range batch.Requests {
		counts[r.Probe]++
	}
	for _, i := range batch.skipped {
		counts[batch.Requests[i].Probe]--
	}
	for probe, n := range counts {
		if err := c.allowlist.permit(Probe(probe).String(), n); err != nil {
			return err
		}
	}
	if err := c.allowlist.permit(getKeysInSlot, int64(len(batch.Slots))); err != nil || batch.Scan == nil {
		return err
	}
	return c.allowlist.permit("scan", 1)
}

func (s *Scan) appendTo(b []byte) []byte {
	args := []string{"scan", strconv.FormatUint(s.Cursor, 10), "count", strconv.Itoa(s.Count)}
	if s.Match != "" {
		args = append(args, "match", s.Match)
	}
	return appendCommand(b, args...)
}

// receive reads the replies to a trip in the order of its commands.
func (c *Conn) readReplies(batch *Batch, timeout time.Duration) error {
	unsent := batch.skipped
	for i, r := range batch.Requests {
		if len(unsent) > 0 && unsent[0] == i {
			unsent = unsent[1:]
			batch.Replies = append(batch.Replies, *c.knownReply(r))
			continue
		}
		reply, err := c.reader.reply(replyKinds[r.Probe])
		if err == nil && isUnavailable(reply.Err) {
			err = reply.Err
		}
		if err == nil && c.waitingFor != nil {
			err = c.resumed(timeout)
		}
		if err != nil {
			return err
		}
		batch.Replies = append(batch.Replies, reply)
	}
	return c.readPage(batch, timeout)
}

// receivePage reads the names that a trip asked for.
func (c *Conn) readPage(batch *Batch, timeout time.Duration) (err error) {
	batch.Page = ScanReply{}
	if batch.Scan != nil {
		batch.Page, err = c.reader.scanReply()
	}
	for range batch.Slots {
		if err != nil {
			return err
		}
		var page ScanReply
		page, err = c.reader.slotNames()
		batch.Page.Names = append(batch.Page.Names, page.Names...)
		batch.Page.Long = append(batch.Page.Long, page.Long...)
	}
	if err == nil && c.waitingFor != nil {
		err = c.resumed(timeout)
	}
	return err
}

// blocks reports whether a server's answer to one command holds for all.
func isUnavailable(err error) bool { return err != nil && unavailableCodes[firstWord(err.Error())] }

// countsNothing reports whether a probe with this error was no lookup.
func notCounted(err error) bool {
	switch firstWord(err.Error()) {
	case "NOPERM", "MOVED", "ASK":
		return true
	}
	return false
}

// countLookups adds up what the server counted as hits and misses.
func (c *Conn) countLookups(batch *Batch) {
	for i := range batch.Requests {
		probe, r := batch.Requests[i].Probe, &batch.Replies[batch.replyOffset+i]
		switch {
		case probe == MemoryUsage || probe == CountKeysInSlot || r.Err != nil && notCounted(r.Err):
		case slices.Contains(batch.skipped, i):
		case r.Nil, probe == PTTL && r.Int == -2, probe == Type && r.Text == "none":
			c.misses++
		default:
			c.hits++
		}
	}
}
