package scanner

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"keyprof/scanner/throttle"
)

// Probe is a read-only command about one key: it changes neither the value nor the key's
// LRU/LFU clock, and its time does not depend on the key's size.
type Probe uint8

// The probes.
const (
	MemoryUsage     Probe = iota // bytes, nil for no such key; without SAMPLES the server visits 5 elements
	PTTL                         // milliseconds, -1 without a TTL, -2 for no such key
	IdleTime                     // OBJECT IDLETIME, seconds; an error under an LFU policy
	Freq                         // OBJECT FREQ, 0 to 255; an error under another policy
	Type                         // TYPE, "none" for no such key
	RefCount                     // OBJECT REFCOUNT, 2147483647 for a shared integer
	CountKeysInSlot              // CLUSTER COUNTKEYSINSLOT; the number of a slot stands in the place of the key
	numProbes
)

// probeWords holds the words of each probe, without the key.
var probeWords = [numProbes][]string{
	MemoryUsage: {"memory", "usage"},
	PTTL:        {"pttl"},
	IdleTime:    {"object", "idletime"},
	Freq:        {"object", "freq"},
	Type:        {"type"},
	RefCount:    {"object", "refcount"},

	CountKeysInSlot: {"cluster", "countkeysinslot"},
}

// probeNames holds the name of each probe as on the allowlist.
var probeNames = func() (n [numProbes]string) {
	for probe, ws := range probeWords {
		n[probe] = strings.Join(ws, " ")
	}
	return n
}()

// String returns the command, as in "memory usage".
func (p Probe) String() string { return probeNames[p] }

// ACLRule returns the ACL rule that grants this probe.
func (p Probe) ACLRule() string { return "+" + strings.Join(probeWords[p], "|") }

// requestOverhead is the approximate number of bytes that RESP adds to a key in one
// request.
const requestOverhead = 64

// Request is one probe of one key.
type Request struct {
	Probe Probe
	Key   string
}

// Reply is the reply to one Request: an error, nil, a word or a number.
type Reply struct {
	Err  error // an error reply for this key, or ErrStalled; never an error of the connection
	Nil  bool
	Text string // the reply of TYPE
	Int  int64  // every other reply
}

// Scan requests the next page of keys.
type Scan struct {
	Cursor uint64
	Count  int    // COUNT: about how many keys
	Match  string // glob; empty: all keys
}

// ScanReply is one page of keys.
type ScanReply struct {
	Cursor uint64 // of the next page; 0: the scan is complete
	Names  []string
	Long   []LongName // names that are not probed
}

// Batch is one pipeline of a scan: probes, and the request for the next page.
type Batch struct {
	Requests []Request
	Scan     *Scan      // after the requests; nil: none
	Slots    []SlotKeys // after the requests, by CLUSTER GETKEYSINSLOT; their keys make one page
	// The replies; one is appended for each request.
	Replies []Reply
	Page    ScanReply
	// Service is the upper bound of the time for which the batch kept the server's main
	// thread busy.
	Service time.Duration

	pipeline    []byte // the bytes to send
	skipped     []int  // indexes of requests that must not be sent, as their replies are known
	replyOffset int    // number of earlier replies in Replies
	sent        time.Time
	pace        time.Duration // pause after it when it is sent again with others; 0: none
	lostTime    time.Duration // time spent waiting for replies that did not come
	excused     bool          // it was sent again after the link stopped, though a reply was late
	lostAt      int           // number of replies when the connection was first lost, plus 1
}

// Exchange carries the batches of a scan. It is all that a Walk needs of a connection.
type Exchange interface {
	// Send sends a batch after those in flight. The batch belongs to the Exchange until
	// Receive returns it. Receive returns the errors of Send.
	Send(ctx context.Context, trip *Batch)
	// Receive waits for all replies to the batch that was sent first. An error, an
	// *Error, concerns the whole batch: then none of its replies may be used, and all
	// batches in flight are dropped. Receive may wait for a server that is temporarily
	// unavailable, and then sends the batches in flight again, until ctx ends: then the
	// error is the context's cause.
	Receive(ctx context.Context) (*Batch, error)
	// Abandon drops the batches in flight.
	Abandon()
	// RoundTrip sends and receives a single batch. Nothing may be in flight.
	RoundTrip(ctx context.Context, requests []Request, scan *Scan, replies []Reply) ([]Reply, ScanReply, error)
	// MinRoundTrip returns the smallest round trip seen.
	MinRoundTrip() time.Duration
	// CPUTime returns the CPU time of the server's main thread since it started; false
	// when unknown. Nothing may be in flight.
	CPUTime(ctx context.Context) (time.Duration, bool)
}

var _ Exchange = (*Conn)(nil)

// replyKinds holds the RESP type of the reply to each probe: a number, except the word
// that TYPE returns.
var replyKinds = func() (kinds [numProbes]byte) {
	for probe := range kinds {
		kinds[probe] = ':'
	}
	kinds[Type] = '+'
	return kinds
}()

// probePrefixes holds each probe as it is sent, up to the key.
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

// stopGrace limits the wait for replies after a scan's context ended.
const stopGrace = 2 * time.Second

// RoundTrip implements Exchange.
func (c *Conn) RoundTrip(ctx context.Context, requests []Request, scan *Scan, replies []Reply) ([]Reply, ScanReply, error) {
	batch := &c.single
	batch.Requests, batch.Scan, batch.Replies = requests, scan, replies
	c.Send(ctx, batch)
	if _, err := c.Receive(ctx); err != nil {
		return replies, ScanReply{}, err
	}
	return batch.Replies, batch.Page, nil
}

// Send implements Exchange.
func (c *Conn) Send(ctx context.Context, batch *Batch) {
	batch.replyOffset, batch.lostTime, batch.lostAt, batch.excused = len(batch.Replies), 0, 0, false
	c.inFlight = append(c.inFlight, batch)
	if c.sendErr == nil && !c.resend {
		defer c.shortenOnCancel(ctx)()
		c.sendErr = c.write(batch, c.stepTimeout(ctx))
	}
}

// Receive implements Exchange.
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

// Abandon implements Exchange. It closes the connection, on which outstanding replies
// would be taken for others.
func (c *Conn) Abandon() {
	c.recordSuspects(c.takeLateReplies())
	if len(c.inFlight) > 0 {
		c.wire.close()
	}
	c.inFlight, c.sendErr, c.resend = c.inFlight[:0], nil, false
}

// Service returns the service of the last batch; see [throttle.Service].
func (c *Conn) Service() time.Duration { return c.service }

// shortenOnCancel shortens the deadline to stopGrace when ctx ends, until callOff is
// called.
func (c *Conn) shortenOnCancel(ctx context.Context) (callOff func() bool) {
	return context.AfterFunc(ctx, func() {
		c.wire.stopping.Store(true)
		_ = c.wire.setDeadline(time.Now().Add(stopGrace))
	})
}

// stepTimeout returns how long one step may wait for the server.
func (c *Conn) stepTimeout(ctx context.Context) time.Duration {
	if ctx.Err() != nil {
		return min(c.timeout, stopGrace)
	}
	return c.timeout
}

// attempt tries to read the replies to the first batch. If it fails, everything in flight
// is lost with the connection, and is sent again on the next, except commands that the
// server did not reply to in time.
func (c *Conn) attempt(ctx context.Context, timeout time.Duration) error {
	batch := c.inFlight[0]
	err := c.readFirst(ctx, batch, timeout)
	c.resend = err != nil
	if err != nil {
		c.wire.close() // replies left on it would be taken for others
		return c.batchError(batch, err)
	}
	return nil
}

// readFirst reads the replies to the first batch, after sending it again if necessary.
func (c *Conn) readFirst(ctx context.Context, batch *Batch, timeout time.Duration) error {
	if err := c.sendErr; err != nil {
		c.sendErr = nil
		return err
	}
	if c.resend {
		if err := c.recordUnanswered(ctx); err != nil {
			return err
		}
		if err := c.writeAll(ctx, timeout); err != nil {
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

// writeAll sends all batches in flight again, no faster than at first: over a link there
// may be hundreds.
func (c *Conn) writeAll(ctx context.Context, timeout time.Duration) error {
	for _, batch := range c.inFlight {
		if err := c.write(batch, timeout); err != nil {
			return err
		}
		if len(c.inFlight) > 1 {
			sleepContext(ctx, batch.pace)
		}
	}
	return nil
}

// write sends a batch, if the allowlist permits all of it. From then on the connection
// belongs to the batches until all replies are read; then go-redis may use it again, as
// nothing is left on it.
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

// readBatch reads the replies to a batch. If it fails, no reply is kept.
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
	// The server started this batch when it had replied to the one before.
	batch.Service = min(throttle.Service(now.Sub(batch.sent), c.minRoundTrip), now.Sub(c.answered)) + batch.lostTime
	c.answered = now
	return nil
}

// batchError explains why a batch failed. A probe that the server refuses has an error of
// its own in its Reply.
func (c *Conn) batchError(batch *Batch, err error) error {
	switch {
	case IsReply(err) && len(batch.Slots) > 0:
		return c.refusedTo("CLUSTER GETKEYSINSLOT", getKeysRule, err)
	case IsReply(err):
		return c.refusedTo("SCAN", "+scan", err)
	}
	return c.failed("scanning keys", err)
}

// encode sets the bytes to send.
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

// permitBatch counts the commands of a batch, all of which must be allowed.
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

// readReplies reads the replies to a batch in the order of its commands.
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

// readPage reads the page of keys that a batch requested.
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

// isUnavailable reports whether an error reply to one command holds for all.
func isUnavailable(err error) bool { return err != nil && unavailableCodes[firstWord(err.Error())] }

// notCounted reports whether a probe with this error reply was no lookup.
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
