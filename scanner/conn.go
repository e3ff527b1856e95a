package scanner

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"keyprof/scanner/info"
)

// DefaultTimeout is how long connecting may take, and how long one round trip.
const DefaultTimeout = 30 * time.Second

// dialTimeout is the most that dialling and the TLS handshake may take.
const dialTimeout = 10 * time.Second

// readBuffer holds the answers of a page, and any line of RESP.
const readBuffer = 64 << 10

// clientName is what CLIENT LIST shows of us.
const clientName = "keyprof"

// Conn is one connection to one server process, on which everything that
// belongs to a walk is sent: a cursor means nothing to another process.
type Conn struct {
	Node   info.Node
	target Target
	client *redis.Client
	conn   *redis.Conn
	ledger *ledger
	wire   *wire
	least  time.Duration // least round trip seen
	db     int           // selected database

	patience Patience
	waits    []Wait
	stalls   []Stall
	late     *overdue  // the reply that is awaited beyond its time
	lates    []overdue // those that came, of the first trip on its way
	cpuSeen  atomic.Pointer[cpuReading]
	watch    *Watch // beside this connection; may be nil

	hits, misses    int64
	mostOut, mostIn int64 // bytes of the longest pipeline, and of the replies to one

	// What trips need.
	noInfo error // why INFO was refused; nil: it was not

	servesReads bool // a node of a cluster accepted READONLY
	timeout     time.Duration
	flight      []*Trip       // on their way, in the order in which they were sent
	cut         error         // why the last of them could not be sent
	stale       bool          // they were sent on a connection that is lost
	answered    time.Time     // when the last answer was there
	service     time.Duration // of the last trip
	alone       Trip          // RoundTrip's
	reader      respReader
}

// quiet keeps go-redis's own log off the user's screen.
type quiet struct{}

func (quiet) Printf(context.Context, string, ...any) {}

func init() { redis.SetLogger(quiet{}) }

// Connect dials the target, logs in and asks the server what it is. It fails
// with an *Error: an unreachable host, a refused password. A server that is
// there and cannot be used for the moment is waited for. When ctx ends,
// connecting ends at once.
func Connect(ctx context.Context, t Target, timeout time.Duration, p Patience) (*Conn, error) {
	c := &Conn{target: t, ledger: newLedger(), wire: &wire{}, timeout: timeout, patience: p}
	c.reader = newReader(c.wire)
	c.reader.mask = t.Password.Mask
	c.Node.Address = t.Address
	connect := func(ctx context.Context) error { return c.dial(ctx, "connecting to", c.introduce) }
	err := connect(ctx)
	if err != nil && waitable(err) && p.MaxWait > 0 {
		err = c.wait(ctx, err, connect)
	}
	if err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// dial makes a new network connection, on which start begins.
func (c *Conn) dial(ctx context.Context, doing string, start func(context.Context) error) error {
	c.Close()
	err := c.wire.dial(ctx, c.target, min(c.timeout, dialTimeout))
	if err == nil {
		err = c.start(ctx, start)
	}
	if errors.Is(err, errProtocol) {
		err = errNotRedis // its first replies
	}
	if err != nil {
		return explain(doing+" "+c.target.Address, c.target, err)
	}
	return nil
}

// start begins on the connection that the wire is now. When ctx ends, so does
// the connection.
func (c *Conn) start(ctx context.Context, begin func(context.Context) error) error {
	c.reader.Reset(c.wire)
	c.client = redis.NewClient(c.options(c.target, c.timeout))
	c.client.AddHook(c.ledger)
	c.conn = c.client.Conn()
	c.db = 0
	stop := context.AfterFunc(ctx, c.wire.close)
	err := begin(ctx)
	if !stop() && err == nil {
		err = context.Cause(ctx)
	}
	if turnedAway := c.turnedAway(); err != nil && turnedAway != nil {
		return turnedAway
	}
	return err
}

// reconnect makes a new connection to the same server process, with the same
// database selected.
func (c *Conn) reconnect(ctx context.Context) error {
	db := c.db
	err := c.dial(ctx, "reconnecting to", func(ctx context.Context) error {
		if err := c.recognise(ctx); err != nil || db == 0 {
			return err
		}
		return c.conn.Select(ctx, db).Err()
	})
	c.db = db
	return err
}

// recognise checks that it is the server process of the first connection.
func (c *Conn) recognise(ctx context.Context) error {
	info, err := c.info(ctx)
	known := c.Node.Info.Field("run_id")
	switch {
	case err != nil && optional(err), err == nil && (known == "" || info.Field("run_id") == ""):
		return errUnknownProcess
	case err != nil:
		return err
	case info.Field("run_id") != known:
		return errAnotherProcess
	}
	c.sawCPU(info.CPUTime())
	return c.settle(ctx, info)
}

// options switch off all that go-redis would say or repeat by itself, so that
// the allow-list, the ACL rule that we print and MONITOR agree.
func (c *Conn) options(t Target, timeout time.Duration) *redis.Options {
	return &redis.Options{
		Network: t.Network, Addr: t.Address,
		Username: t.Username, Password: string(t.Password),
		Dialer:                   c.dialled(),
		MaxRetries:               -1, // retrying is the walk's business
		ReadTimeout:              timeout,
		WriteTimeout:             timeout,
		PoolSize:                 1,
		ConnMaxIdleTime:          -1, // go-redis sees nothing of the walk
		Protocol:                 3,  // go-redis falls back to RESP2 by itself
		DisableIdentity:          true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
}

// dialled gives the present connection to a go-redis client, however often it
// dials: one that was lost stays lost, until the walk makes another.
func (c *Conn) dialled() func(context.Context, string, string) (net.Conn, error) {
	nc := &handover{Conn: c.wire.current.Load(), reader: c.reader}
	return func(context.Context, string, string) (net.Conn, error) { return nc, nil }
}

// introduce learns what the server is. INFO comes first, since it answers even
// while a server loads its data set.
func (c *Conn) introduce(ctx context.Context) error {
	info, err := c.info(ctx)
	if err != nil && !optional(err) {
		return err
	}
	c.Node.Info, c.noInfo = info, err
	if c.Node.IsSentinel() {
		return c.sentinel()
	}
	if err := c.settle(ctx, info); err != nil {
		return err
	}
	return c.measureRoundTrip(ctx)
}

// sentinel is the error for a Sentinel, which has no keys.
func (c *Conn) sentinel() error {
	masters := strings.Join(c.Node.SentinelMasters(), ", ")
	hint := "give keyprof one of the servers that it watches, best a replica; it names no primary"
	if masters != "" {
		hint = "give keyprof one of the servers that it watches, best a replica of " + masters
	}
	return &Error{Doing: "connecting to " + c.target.Address, Err: errors.New("this is a Sentinel, which has no keys"), Hint: hint}
}

// settle readies a connection to a server that says this of itself.
func (c *Conn) settle(ctx context.Context, answer info.Info) error {
	if answer.Field("loading") == "1" {
		return errLoading
	}
	// Best effort; the ACL may deny either. From 7.0 on a command that was never used
	// before costs 25 kB for good (its latency histogram): too much for a full server.
	if !(info.Node{Info: answer}).NearMaxmemory() {
		c.conn.ClientSetName(ctx, clientName)
	}
	if len(answer) == 0 || answer.Field("cluster_enabled") == "1" { // INFO is refused: it may be
		c.servesReads = c.conn.ReadOnly(ctx).Err() == nil
	}
	return nil
}

func (c *Conn) info(ctx context.Context) (info.Info, error) {
	text, err := c.conn.Info(ctx).Result()
	return c.parse(text), err
}

// ServesReads reports whether a node of a cluster answers about the keys of its slots
// though it is a replica: it accepted READONLY.
func (c *Conn) ServesReads() bool { return c.servesReads }

// parse reads INFO, without a password that the server may have put into it. A shorter
// one than a telling beginning is part of ordinary words and figures.
func (c *Conn) parse(text string) info.Info {
	if len(c.target.Password) >= tellingPrefix {
		text = c.target.Password.Mask(text)
	}
	return info.Parse(text)
}

// vitals asks for the sections of INFO that info.VitalsOf reads. Before 7.0 INFO takes one
// section or none. A full server gets no arguments, which take memory while it looks
// whether it must evict; the reply fits into the buffer that it has anyway.
func (c *Conn) vitals(ctx context.Context) (info.Info, error) {
	if !c.Node.AtLeast(7, 0) || c.watch.rides() {
		return c.info(ctx)
	}
	text, err := c.conn.Info(ctx, "server", "memory", "persistence", "stats", "replication", "cpu").Result()
	return c.parse(text), err
}

// CommandStats are what a server's commandstats tell.
type CommandStats struct {
	// Ours is the time of the commands that keyprof sends. It leaves out what parsing
	// and replying take, and has the same commands of all other clients in it.
	Ours time.Duration
	// Flushed and Swapped are calls of FLUSHALL and FLUSHDB, and of SWAPDB.
	Flushed, Swapped int64
}

// CommandStats asks for the server's commandstats; false when they are refused, or the
// server is near its maxmemory, as the reply is long.
func (c *Conn) CommandStats(ctx context.Context) (CommandStats, bool) {
	if c.Node.NearMaxmemory() {
		return CommandStats{}, false
	}
	text, err := c.conn.Info(context.WithoutCancel(ctx), "commandstats").Result()
	if err != nil {
		return CommandStats{}, false
	}
	stats := info.Parse(text)
	return CommandStats{
		Ours:    commandTime(stats),
		Flushed: stats.CallsOf("flushall") + stats.CallsOf("flushdb"), Swapped: stats.CallsOf("swapdb"),
	}, true
}

// CPUTime is Exchange's. Before 7.0 the main thread is not told apart from others.
func (c *Conn) CPUTime(ctx context.Context) (time.Duration, bool) {
	if len(c.Node.Info) == 0 {
		return 0, false // INFO is refused
	}
	text, err := c.conn.Info(context.WithoutCancel(ctx), "cpu").Result()
	if err != nil {
		return 0, false
	}
	cpu, known := info.Parse(text).CPUTime()
	c.sawCPU(cpu, known)
	return cpu, known
}

// InfoNow is the server's INFO at this moment; empty when INFO is refused or the
// server cannot be reached. When ctx ends it is not waited for, but still asked.
func (c *Conn) InfoNow(ctx context.Context) (info info.Info) {
	_ = c.patiently(ctx, func(context.Context) (err error) { // without an answer it is empty, as documented
		info, err = c.info(context.WithoutCancel(ctx))
		c.sawCPU(info.CPUTime())
		return plain(err)
	})
	return info
}

const pings = 5

// measureRoundTrip finds the least round trip, which is what a page's wall
// time has in it besides the server's work. A refusal of PING takes one as well.
func (c *Conn) measureRoundTrip(ctx context.Context) error {
	for range pings {
		start := time.Now()
		if err := c.conn.Ping(ctx).Err(); err != nil && !optional(err) {
			return err
		}
		c.observe(time.Since(start))
	}
	return nil
}

func (c *Conn) observe(roundTrip time.Duration) {
	if c.least == 0 || roundTrip < c.least {
		c.least = roundTrip
	}
}

// LeastRoundTrip is the least round trip seen on this connection.
func (c *Conn) LeastRoundTrip() time.Duration { return c.least }

// Select makes db the database of this connection. A connection begins in
// database 0; not asking for where we are spares users whose ACL refuses SELECT.
func (c *Conn) Select(ctx context.Context, db int) error {
	if db == c.db {
		return nil
	}
	return c.patiently(ctx, func(context.Context) error {
		// What was begun is ended, even when ctx ends.
		if err := c.conn.Select(context.WithoutCancel(ctx), db).Err(); err != nil {
			return c.refusedTo(fmt.Sprintf("selecting database %d", db), "+select", err)
		}
		c.db = db
		return nil
	})
}

// Cost is what a connection has carried so far.
type Cost struct {
	Commands          map[string]int64 // sent, by name with subcommand
	BytesOut, BytesIn int64            // TLS included
	Waits             []Wait           // in their order
	// Hits and Misses are what our probes added to the server's keyspace_hits and
	// keyspace_misses. MEMORY USAGE adds to neither (object.c, memoryCommand).
	Hits, Misses int64
	// Buffers is the most that the server can have taken at a time for the buffers of
	// our connections, bytes; 0 where it is not known.
	Buffers int64
}

// Cost is what this connection has carried so far, and its Watch.
func (c *Conn) Cost() Cost {
	cost := Cost{
		Commands: c.ledger.counts(), BytesOut: c.wire.out.Load(), BytesIn: c.wire.in.Load(),
		Waits: slices.Clone(c.waits), Hits: c.hits, Misses: c.misses,
	}
	cost.Buffers = c.buffers(len(cost.Commands))
	if w := c.watch; w != nil {
		cost.BytesOut, cost.BytesIn = cost.BytesOut+w.out, cost.BytesIn+w.in
		if !w.rides() {
			cost.BytesOut += w.conn.wire.out.Load()
			cost.BytesIn += w.conn.wire.in.Load()
		}
	}
	return cost
}

// What our connections take of a server's used_memory, at most, in bytes (measured on
// Redis 7.0.15): a connection with its reply buffer, its query
// buffer, another reply buffer when the first is full, and, from 7.0 on, a histogram
// for each command that was never used before.
const (
	connectionBytes = 18 << 10
	queryBytes      = 21 << 10
	moreReplyBytes  = 21 << 10
	histogramBytes  = 25 << 10
	usualBuffer     = 16 << 10 // of requests or replies, that the above is enough for
)

// buffers is Cost.Buffers, of a connection that sent so many different commands.
func (c *Conn) buffers(commands int) int64 {
	one := int64(connectionBytes + queryBytes)
	sum := one
	if c.mostOut > usualBuffer {
		sum += 2 * c.mostOut // query buffers grow by doubling
	}
	if c.mostIn > usualBuffer {
		sum += c.mostIn + moreReplyBytes
	}
	if c.watch != nil && (!c.watch.rides() || c.watch.out > 0) {
		sum += one
	}
	if c.Node.AtLeast(7, 0) {
		sum += histogramBytes * int64(commands)
	}
	return sum
}

// Close ends the connection.
func (c *Conn) Close() {
	if c.client == nil {
		return
	}
	c.conn.Close()
	c.client.Close()
	c.wire.close() // go-redis may not have used it
}

// wire is the one network connection: go-redis logs in on it, then the two take
// turns. It counts what goes over it, and can be cut.
type wire struct {
	out, in atomic.Int64
	current atomic.Pointer[countedConn]
	pinned  string // host:port of the first connection; a name may lead elsewhere later
	// overdue is asked, when the time for a reply is up, whether to go on waiting for
	// it, with another deadline; nil: no.
	overdue func() bool
	// While replies to a pipeline come, its time is not up: a thin link takes long.
	patience time.Duration // from one read to the next; 0: the deadline stays as it is
	asked    time.Time     // when the deadline was set
	last     time.Time     // it is not moved after this
	hurried  atomic.Bool   // the walk is to end
}

// goOn moves the deadline, as something came.
func (w *wire) goOn() {
	now := time.Now()
	if w.patience == 0 || now.Sub(w.asked) < w.patience/4 || now.After(w.last) || w.hurried.Load() {
		return
	}
	w.asked = now
	_ = w.setDeadline(now.Add(w.patience)) // the next read fails, then
}

// dial makes a new connection the wire. go-redis is not left to dial: when it
// fails, it goes on dialling in the background, every second, for a while after
// its client is closed.
func (w *wire) dial(ctx context.Context, t Target, timeout time.Duration) error {
	nc, err := dialer(t, timeout)(ctx, t.Network, cmp.Or(w.pinned, t.Address))
	if err != nil {
		return err
	}
	if t.Network == "tcp" {
		w.pinned = nc.RemoteAddr().String()
	}
	w.current.Store(&countedConn{Conn: nc, wire: w})
	return nil
}

// dialer dials and, for TLS, shakes hands, all within timeout.
func dialer(t Target, timeout time.Duration) func(ctx context.Context, network, address string) (net.Conn, error) {
	plain := &net.Dialer{Timeout: timeout}
	if t.TLS == nil {
		return plain.DialContext
	}
	return (&tls.Dialer{NetDialer: plain, Config: t.TLS}).DialContext
}

func (w *wire) Read(b []byte) (int, error)    { return w.current.Load().Read(b) }
func (w *wire) Write(b []byte) (int, error)   { return w.current.Load().Write(b) }
func (w *wire) setDeadline(t time.Time) error { return w.current.Load().SetDeadline(t) }

func (w *wire) close() {
	if nc := w.current.Load(); nc != nil {
		nc.Close()
	}
}

// turnedAway is the error with which a server greets and dismisses those whom it
// does not serve at all. go-redis takes it for an answer to HELLO, goes on, and
// finds the connection closed.
func (c *Conn) turnedAway() error {
	nc := c.wire.current.Load()
	if nc == nil {
		return nil
	}
	line, _, _ := strings.Cut(string(nc.first), "\r\n")
	text, isError := strings.CutPrefix(line, "-")
	if isError && (strings.Contains(text, tooManyClients) || firstWord(text) == "DENIED") {
		return replyError(c.target.Password.Mask(text))
	}
	return nil
}

// firstWords is how much of what a server says first is kept, in bytes.
const firstWords = 1024

// patienceForFirstWords is for words that are on the way already.
const patienceForFirstWords = 100 * time.Millisecond

type countedConn struct {
	net.Conn
	wire  *wire
	first []byte // what the server said first
}

func (c *countedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	for n == 0 && timedOut(err) && c.wire.overdue != nil && c.wire.overdue() {
		n, err = c.Conn.Read(b)
	}
	c.wire.in.Add(int64(n))
	if n > 0 {
		c.wire.goOn()
	}
	if c.first == nil && n > 0 {
		c.first = bytes.Clone(b[:min(n, firstWords)])
	}
	return n, err
}

func (c *countedConn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.wire.out.Add(int64(n))
	if err != nil && c.first == nil {
		c.hear()
	}
	return n, err
}

// hear reads what the server said before it closed the connection, if anything.
func (c *countedConn) hear() {
	if c.SetReadDeadline(time.Now().Add(patienceForFirstWords)) == nil {
		_, _ = c.Read(make([]byte, firstWords)) // what failed was the writing
	}
}

// optional reports whether err is a server's answer to a command that a walk can do
// without, and says nothing of the others. PING, of all commands, is answered by
// MISCONF where saves fail (server.c, processCommand); other servers have codes of
// their own.
func optional(err error) bool {
	return IsReply(err) && !waitable(err) && !blocks(err) && !strings.HasPrefix(replyText(err), "WRONGPASS") && !strings.Contains(err.Error(), loginFailed)
}

// refused reports whether the server understood us and said no to this one
// command: not allowed by ACL, renamed away, or not known to it.
func refused(err error) bool {
	if err == nil {
		return false
	}
	switch text := err.Error(); firstWord(text) {
	case "NOPERM":
		return true
	case "ERR":
		return strings.HasPrefix(text, "ERR unknown command") || strings.HasPrefix(text, "ERR unknown subcommand") ||
			strings.HasPrefix(text, "ERR Unknown subcommand")
	default:
		return false
	}
}

func firstWord(text string) string {
	word, _, _ := strings.Cut(text, " ")
	return word
}
