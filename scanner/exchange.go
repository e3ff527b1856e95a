package scanner

import (
	"context"
	"strconv"
	"strings"
	"time"
)

// Probe is a question about one key that changes nothing: not the value, not
// the key's LRU/LFU clock, in time that does not depend on the key's size.
type Probe uint8

// The probes.
const (
	MemoryUsage Probe = iota // bytes, nil for no such key; without SAMPLES the server looks at 5 elements
	PTTL                     // milliseconds, -1 without a TTL, -2 for no such key
	IdleTime                 // OBJECT IDLETIME, seconds; an error under an LFU policy
	Freq                     // OBJECT FREQ, 0 to 255; an error under another policy
	Type                     // TYPE, "none" for no such key
	RefCount                 // OBJECT REFCOUNT, 2147483647 for a shared integer
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
	Err  error // the server's error for this key; not a fault of the connection
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
}

// Exchange is one round trip of a walk: probes, and the SCAN for the next
// page, in one pipeline. It is all that the walk needs of a connection.
type Exchange interface {
	// RoundTrip sends requests and, unless scan is nil, the SCAN behind them.
	// It appends one reply a request to replies. The error, an *Error, is
	// for the whole round trip: then no reply of it may be used. It may wait for
	// a server that cannot be used for the moment, until ctx ends: then the
	// error is the context's cause.
	RoundTrip(ctx context.Context, requests []Request, scan *Scan, replies []Reply) ([]Reply, ScanReply, error)
	// Service is how long the last round trip kept the server's main thread, at
	// most; see [Service].
	Service() time.Duration
	// CPUTime is what the server's main thread has used since it began, false
	// when it is not told.
	CPUTime(ctx context.Context) (time.Duration, bool)
}

var _ Exchange = (*Conn)(nil)

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
	var page ScanReply
	whole := replies
	hurry := context.AfterFunc(ctx, func() { _ = c.wire.setDeadline(time.Now().Add(grace)) })
	defer hurry()
	err := c.patiently(ctx, func(context.Context) (err error) {
		timeout := c.timeout
		if ctx.Err() != nil {
			timeout = min(timeout, grace)
		}
		whole, page, err = c.roundTrip(requests, scan, replies, timeout)
		return err
	})
	if err != nil && ctx.Err() != nil && passing(err) {
		err = context.Cause(ctx)
	}
	return whole, page, err
}

// Service is Exchange's.
func (c *Conn) Service() time.Duration { return c.service }

// roundTrip is one attempt. Of one that fails nothing is used.
func (c *Conn) roundTrip(requests []Request, scan *Scan, replies []Reply, timeout time.Duration) ([]Reply, ScanReply, error) {
	if err := c.encode(requests, scan); err != nil {
		return replies, ScanReply{}, err
	}
	start := time.Now()
	page, whole, err := ScanReply{}, replies, c.send(timeout)
	if err == nil {
		whole, page, err = c.receive(len(requests), scan != nil, replies)
	}
	if err != nil {
		c.wire.close() // what is left on it would be taken for other answers
		return replies, ScanReply{}, c.lostPage(err)
	}
	took := time.Since(start)
	c.countLookups(requests, whole[len(replies):])
	c.observe(took)
	c.service = Service(took, c.least)
	return whole, page, nil
}

// lostPage tells why a round trip failed. Probes that the server refuses fail
// for themselves.
func (c *Conn) lostPage(err error) error {
	if IsReply(err) {
		return c.refusedTo("walking with SCAN", "+scan", err)
	}
	return c.failed("asking for a page", err)
}

// encode writes the pipeline into the connection's buffer, once the allow-list
// has let all of it pass.
func (c *Conn) encode(requests []Request, scan *Scan) error {
	var counts [numProbes]int64
	c.pipeline = c.pipeline[:0]
	for _, r := range requests {
		counts[r.Probe]++
		c.pipeline = append(c.pipeline, prefixes[r.Probe]...)
		c.pipeline = appendBulk(c.pipeline, r.Key)
	}
	for probe, n := range counts {
		if err := c.ledger.enter(Probe(probe).String(), n); err != nil {
			return err
		}
	}
	if scan == nil {
		return nil
	}
	c.pipeline = scan.appendTo(c.pipeline)
	return c.ledger.enter("scan", 1)
}

func (s *Scan) appendTo(b []byte) []byte {
	args := []string{"scan", strconv.FormatUint(s.Cursor, 10), "count", strconv.Itoa(s.Count)}
	if s.Match != "" {
		args = append(args, "match", s.Match)
	}
	return appendCommand(b, args...)
}

// send writes the pipeline. From here on the wire is ours until all answers
// are read; then go-redis may use it again, as nothing is left on it.
func (c *Conn) send(timeout time.Duration) error {
	if err := c.wire.setDeadline(time.Now().Add(timeout)); err != nil {
		return err
	}
	_, err := c.wire.Write(c.pipeline)
	return err
}

func (c *Conn) receive(count int, scanned bool, replies []Reply) ([]Reply, ScanReply, error) {
	for range count {
		reply, err := c.reader.reply()
		if err != nil {
			return replies, ScanReply{}, err
		}
		if blocks(reply.Err) {
			return replies, ScanReply{}, reply.Err
		}
		replies = append(replies, reply)
	}
	if !scanned {
		return replies, ScanReply{}, nil
	}
	page, err := c.reader.scanReply()
	return replies, page, err
}

// blocks reports whether a server's answer to one command holds for all.
func blocks(err error) bool { return err != nil && blocking[firstWord(err.Error())] }

// countLookups adds up what the server counted as hits and misses.
func (c *Conn) countLookups(requests []Request, replies []Reply) {
	for i := range requests {
		probe, r := requests[i].Probe, &replies[i]
		switch {
		case probe == MemoryUsage || r.Err != nil && firstWord(r.Err.Error()) == "NOPERM":
		case r.Nil, probe == PTTL && r.Int == -2, probe == Type && r.Text == "none":
			c.misses++
		default:
			c.hits++
		}
	}
}
