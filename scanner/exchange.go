package scanner

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
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

// String is the command, as in "memory usage".
func (p Probe) String() string { return strings.Join(words[p], " ") }

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
	// for the whole round trip: then no reply of it may be used.
	RoundTrip(ctx context.Context, requests []Request, scan *Scan, replies []Reply) ([]Reply, ScanReply, error)
	// LeastRoundTrip is the least time that any round trip took.
	LeastRoundTrip() time.Duration
}

var _ Exchange = (*Conn)(nil)

// RoundTrip is Exchange's, by a go-redis pipeline.
func (c *Conn) RoundTrip(ctx context.Context, requests []Request, scan *Scan, replies []Reply) ([]Reply, ScanReply, error) {
	pipe := c.conn.Pipeline()
	cmds := make([]redis.Cmder, 0, len(requests)+1)
	for _, r := range requests {
		cmds = append(cmds, command(ctx, r))
	}
	var names *redis.ScanCmd
	if scan != nil {
		names = scanCommand(ctx, scan)
		cmds = append(cmds, names)
	}
	if err := pipe.BatchProcess(ctx, cmds...); err != nil {
		return replies, ScanReply{}, c.failed("asking for a page", err)
	}
	start := time.Now()
	if _, err := pipe.Exec(ctx); fatal(err) {
		return replies, ScanReply{}, c.failed("asking for a page", err)
	}
	c.observe(time.Since(start))
	for i := range requests {
		replies = append(replies, replyOf(cmds[i]))
		if err := replies[len(replies)-1].Err; blocks(err) {
			return replies, ScanReply{}, c.failed("asking for a page", err)
		}
	}
	page, err := c.scanReply(names)
	return replies, page, err
}

func (c *Conn) scanReply(cmd *redis.ScanCmd) (ScanReply, error) {
	if cmd == nil {
		return ScanReply{}, nil
	}
	names, cursor, err := cmd.Result()
	if err != nil {
		return ScanReply{}, c.failed("walking with SCAN", err)
	}
	return ScanReply{Cursor: cursor, Names: names}, nil
}

// fatal reports whether a pipeline's error is the connection's, and not the
// server's answer to one command.
func fatal(err error) bool {
	var reply redis.Error
	return err != nil && !errors.Is(err, redis.Nil) && !errors.As(err, &reply)
}

// blocks reports whether a server's answer to one command holds for all.
func blocks(err error) bool { return err != nil && blocking[firstWord(err.Error())] }

func command(ctx context.Context, r Request) redis.Cmder {
	args := make([]any, 0, 3)
	for _, w := range words[r.Probe] {
		args = append(args, w)
	}
	args = append(args, r.Key)
	if r.Probe == Type {
		return redis.NewStatusCmd(ctx, args...)
	}
	return redis.NewIntCmd(ctx, args...)
}

func scanCommand(ctx context.Context, s *Scan) *redis.ScanCmd {
	args := []any{"scan", s.Cursor, "count", s.Count}
	if s.Match != "" {
		args = append(args, "match", s.Match)
	}
	return redis.NewScanCmd(ctx, nil, args...)
}

func replyOf(cmd redis.Cmder) Reply {
	if err := cmd.Err(); err != nil {
		if errors.Is(err, redis.Nil) {
			return Reply{Nil: true}
		}
		return Reply{Err: err}
	}
	switch cmd := cmd.(type) {
	case *redis.IntCmd:
		return Reply{Int: cmd.Val()}
	case *redis.StatusCmd:
		return Reply{Text: cmd.Val()}
	default:
		panic("exchange: no reply for this command") // command makes no other
	}
}
