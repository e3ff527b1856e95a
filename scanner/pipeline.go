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
var words = [numProbes][]string{
	MemoryUsage: {"memory", "usage"},
	PTTL:        {"pttl"},
	IdleTime:    {"object", "idletime"},
	Freq:        {"object", "freq"},
	Type:        {"type"},
	RefCount:    {"object", "refcount"},

	CountKeysInSlot: {"cluster", "countkeysinslot"},
}

// names are the probes as the allow-list has them.
var names = func() (n [numProbes]string) {
	for probe, ws := range words {
		n[probe] = strings.Join(ws, " ")
	}
	return n
}()

// String is the command, as in "memory usage".
func (p Probe) String() string { return names[p] }

// ACLRule is what an ACL user needs to be allowed this probe.
func (p Probe) ACLRule() string { return "+" + strings.Join(words[p], "|") }

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
type Trip struct {
	Requests []Request
	Scan     *Scan      // behind the requests; nil: none
	Slots    []SlotTake // behind the requests, by CLUSTER GETKEYSINSLOT; their names make one page
	// What came back; one reply is appended a request.
	Replies []Reply
	Page    ScanReply
	// Service is how long the trip kept the server's main thread, at most.
	Service time.Duration

	pipeline []byte // as it is sent
	unsent   []int  // indexes of requests that must not be sent: their replies are known
	before   int    // replies that were there
	sent     time.Time
	wasted   time.Duration // in which replies were awaited that did not come
	pardoned bool          // it was sent again, after the link stopped, though a reply was late
	lostAt   int           // replies that came before the connection was lost for the first time, plus 1
}

// Exchange carries the trips of a walk. It is all that the walk needs of a
// connection.
type Exchange interface {
	// Send sends a trip, behind those that are on their way. The trip is the
	// Exchange's until Receive returns it. What goes wrong Receive tells.
	Send(ctx context.Context, trip *Trip)
	// Receive waits for all answers to the trip that was sent first. The error,
	// an *Error, is for the whole trip: then no reply of it may be used, and all
	// trips that were on their way are forgotten. It may wait for a server that
	// cannot be used for the moment, and sends then again what was on its way,
	// until ctx ends: then the error is the context's cause.
	Receive(ctx context.Context) (*Trip, error)
	// Abandon forgets the trips that are on their way.
	Abandon()
	// RoundTrip is one trip alone: Send, then Receive. Nothing may be on its way.
	RoundTrip(ctx context.Context, requests []Request, scan *Scan, replies []Reply) ([]Reply, ScanReply, error)
	// LeastRoundTrip is the least round trip seen.
	LeastRoundTrip() time.Duration
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
var prefixes = func() (p [numProbes]string) {
	for probe, ws := range words {
		b := appendLength(nil, '*', len(ws)+1)
		for _, w := range ws {
			b = appendBulk(b, w)
		}
		p[probe] = string(b)
	}
	return p
}()

// grace is how long a walk that is told to stop still waits for answers.
const grace = 2 * time.Second

// RoundTrip is Exchange's.
func (c *Conn) RoundTrip(ctx context.Context, requests []Request, scan *Scan, replies []Reply) ([]Reply, ScanReply, error) {
	trip := &c.alone
	trip.Requests, trip.Scan, trip.Replies = requests, scan, replies
	c.Send(ctx, trip)
	if _, err := c.Receive(ctx); err != nil {
		return replies, ScanReply{}, err
	}
	return trip.Replies, trip.Page, nil
}

// Send is Exchange's.
func (c *Conn) Send(ctx context.Context, trip *Trip) {
	trip.before, trip.wasted, trip.lostAt, trip.pardoned = len(trip.Replies), 0, 0, false
	c.flight = append(c.flight, trip)
	if c.cut == nil && !c.stale {
		defer c.hurry(ctx)()
		c.cut = c.launch(trip, c.patienceNow(ctx))
	}
}

// Receive is Exchange's.
func (c *Conn) Receive(ctx context.Context) (*Trip, error) {
	defer c.hurry(ctx)()
	err := c.patiently(ctx, func(context.Context) error { return c.attempt(ctx, c.patienceNow(ctx)) })
	trip := c.flight[0]
	if err != nil {
		trip.Service = trip.wasted
		c.Abandon()
		if ctx.Err() != nil && passing(err) {
			err = context.Cause(ctx)
		}
		return trip, err
	}
	c.flight = slices.Delete(c.flight, 0, 1)
	c.service = trip.Service
	return trip, nil
}

// Abandon is Exchange's. Answers that are still to come would be taken for others.
func (c *Conn) Abandon() {
	c.accuse(c.takeLates())
	if len(c.flight) > 0 {
		c.wire.close()
	}
	c.flight, c.cut, c.stale = c.flight[:0], nil, false
}

// Service is how long the last trip kept the server's main thread, at most; see
// [throttle.Service].
func (c *Conn) Service() time.Duration { return c.service }

// hurry makes what waits for the server end soon after ctx does, until it is
// called off.
func (c *Conn) hurry(ctx context.Context) (callOff func() bool) {
	return context.AfterFunc(ctx, func() {
		c.wire.hurried.Store(true)
		_ = c.wire.setDeadline(time.Now().Add(grace))
	})
}

// patienceNow is how long one step may wait for the server.
func (c *Conn) patienceNow(ctx context.Context) time.Duration {
	if ctx.Err() != nil {
		return min(c.timeout, grace)
	}
	return c.timeout
}

// attempt tries to read the replies to the first trip. When it fails, all that is
// on its way is lost with the connection, and is sent again on the next, but for
// commands that the server did not answer in time.
func (c *Conn) attempt(ctx context.Context, timeout time.Duration) error {
	trip := c.flight[0]
	err := c.complete(ctx, trip, timeout)
	c.stale = err != nil
	if err != nil {
		c.wire.close() // what is left on it would be taken for other replies
		return c.lostPage(trip, err)
	}
	return nil
}

// complete reads the replies to the first trip, once it is certainly sent.
func (c *Conn) complete(ctx context.Context, trip *Trip, timeout time.Duration) error {
	if err := c.cut; err != nil {
		c.cut = nil
		return err
	}
	if c.stale {
		if err := c.giveUp(ctx); err != nil {
			return err
		}
		if err := c.launchAll(timeout); err != nil {
			return err
		}
	}
	if err := c.collect(ctx, trip, timeout); err != nil {
		c.noteLoss(trip)
		return err
	}
	c.noteStalls(ctx, trip)
	return nil
}

func (c *Conn) launchAll(timeout time.Duration) error {
	for _, trip := range c.flight {
		if err := c.launch(trip, timeout); err != nil {
			return err
		}
	}
	return nil
}

// launch puts a trip on the wire, once the allow-list has let all of it pass.
// From here on the wire is ours until all replies are read; then go-redis may use
// it again, as nothing is left on it.
func (c *Conn) launch(trip *Trip, timeout time.Duration) error {
	c.encode(trip)
	if err := c.enter(trip); err != nil {
		return err
	}
	trip.sent = time.Now()
	if err := c.wire.setDeadline(trip.sent.Add(timeout)); err != nil {
		return err
	}
	c.mostOut = max(c.mostOut, int64(len(trip.pipeline)))
	_, err := c.wire.Write(trip.pipeline)
	return err
}

// collect reads the replies to a trip. Of one that fails nothing is kept.
func (c *Conn) collect(ctx context.Context, trip *Trip, timeout time.Duration) error {
	trip.Replies = trip.Replies[:trip.before]
	if err := c.wire.setDeadline(time.Now().Add(timeout)); err != nil {
		return err
	}
	now := time.Now()
	c.wire.overdue = func() bool { return c.linger(ctx, trip) }
	c.wire.patience, c.wire.asked, c.wire.last = timeout, now, now.Add(timeout+c.patience.MaxWait)
	defer func() { c.wire.overdue, c.wire.patience = nil, 0 }()
	before := c.wire.in.Load()
	if err := c.receive(trip, timeout); err != nil {
		return err
	}
	now = time.Now()
	c.mostIn = max(c.mostIn, c.wire.in.Load()-before)
	c.countLookups(trip)
	c.observe(now.Sub(trip.sent))
	// The server turned to this trip when the one before was answered.
	trip.Service = min(throttle.Service(now.Sub(trip.sent), c.least), now.Sub(c.answered)) + trip.wasted
	c.answered = now
	return nil
}

// lostPage tells why a round trip failed. Probes that the server refuses fail
// for themselves.
func (c *Conn) lostPage(trip *Trip, err error) error {
	switch {
	case IsReply(err) && len(trip.Slots) > 0:
		return c.refusedTo("asking for the keys of slots", getKeysRule, err)
	case IsReply(err):
		return c.refusedTo("walking with SCAN", "+scan", err)
	}
	return c.failed("asking for a page", err)
}

// encode writes the trip as it is sent.
func (c *Conn) encode(t *Trip) {
	t.pipeline, t.unsent = t.pipeline[:0], t.unsent[:0]
	for i, r := range t.Requests {
		if c.known(r) != nil {
			t.unsent = append(t.unsent, i)
			continue
		}
		t.pipeline = append(t.pipeline, prefixes[r.Probe]...)
		t.pipeline = appendBulk(t.pipeline, r.Key)
	}
	if t.Scan != nil {
		t.pipeline = t.Scan.appendTo(t.pipeline)
	}
	for _, take := range t.Slots {
		t.pipeline = appendCommand(t.pipeline, "cluster", "getkeysinslot", strconv.Itoa(take.Slot), strconv.Itoa(take.Keys))
	}
}

// enter counts the commands of a trip, all of which must be allowed.
func (c *Conn) enter(trip *Trip) error {
	var counts [numProbes]int64
	for _, r := range trip.Requests {
		counts[r.Probe]++
	}
	for _, i := range trip.unsent {
		counts[trip.Requests[i].Probe]--
	}
	for probe, n := range counts {
		if err := c.ledger.enter(Probe(probe).String(), n); err != nil {
			return err
		}
	}
	if err := c.ledger.enter(getKeysInSlot, int64(len(trip.Slots))); err != nil || trip.Scan == nil {
		return err
	}
	return c.ledger.enter("scan", 1)
}

func (s *Scan) appendTo(b []byte) []byte {
	args := []string{"scan", strconv.FormatUint(s.Cursor, 10), "count", strconv.Itoa(s.Count)}
	if s.Match != "" {
		args = append(args, "match", s.Match)
	}
	return appendCommand(b, args...)
}

// receive reads the replies to a trip in the order of its commands.
func (c *Conn) receive(trip *Trip, timeout time.Duration) error {
	unsent := trip.unsent
	for i, r := range trip.Requests {
		if len(unsent) > 0 && unsent[0] == i {
			unsent = unsent[1:]
			trip.Replies = append(trip.Replies, *c.known(r))
			continue
		}
		reply, err := c.reader.reply(replyKinds[r.Probe])
		if err == nil && blocks(reply.Err) {
			err = reply.Err
		}
		if err == nil && c.late != nil {
			err = c.resumed(timeout)
		}
		if err != nil {
			return err
		}
		trip.Replies = append(trip.Replies, reply)
	}
	return c.receivePage(trip, timeout)
}

// receivePage reads the names that a trip asked for.
func (c *Conn) receivePage(trip *Trip, timeout time.Duration) (err error) {
	trip.Page = ScanReply{}
	if trip.Scan != nil {
		trip.Page, err = c.reader.scanReply()
	}
	for range trip.Slots {
		if err != nil {
			return err
		}
		var page ScanReply
		page, err = c.reader.slotNames()
		trip.Page.Names = append(trip.Page.Names, page.Names...)
		trip.Page.Long = append(trip.Page.Long, page.Long...)
	}
	if err == nil && c.late != nil {
		err = c.resumed(timeout)
	}
	return err
}

// blocks reports whether a server's answer to one command holds for all.
func blocks(err error) bool { return err != nil && blocking[firstWord(err.Error())] }

// countsNothing reports whether a probe with this error was no lookup.
func countsNothing(err error) bool {
	switch firstWord(err.Error()) {
	case "NOPERM", "MOVED", "ASK":
		return true
	}
	return false
}

// countLookups adds up what the server counted as hits and misses.
func (c *Conn) countLookups(trip *Trip) {
	for i := range trip.Requests {
		probe, r := trip.Requests[i].Probe, &trip.Replies[trip.before+i]
		switch {
		case probe == MemoryUsage || probe == CountKeysInSlot || r.Err != nil && countsNothing(r.Err):
		case slices.Contains(trip.unsent, i):
		case r.Nil, probe == PTTL && r.Int == -2, probe == Type && r.Text == "none":
			c.misses++
		default:
			c.hits++
		}
	}
}
