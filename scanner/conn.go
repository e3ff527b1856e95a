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

// DefaultTimeout bounds connecting, and each round trip.
const DefaultTimeout = 30 * time.Second

// dialTimeout bounds dialling and the TLS handshake.
const dialTimeout = 10 * time.Second

// readBuffer holds the replies of a page, and any line of RESP, in bytes.
const readBuffer = 64 << 10

// clientName is our name in CLIENT LIST.
const clientName = "keyprof"

// Conn is a connection to one server process. Everything that belongs to a scan is sent
// on it: a cursor is valid in one process only.
type Conn struct {
	Node         info.Node
	target       Target
	client       *redis.Client
	conn         *redis.Conn
	allowlist    *allowlist
	wire         *wire
	minRoundTrip time.Duration // smallest round trip seen
	db           int           // selected database

	retry       RetryPolicy
	waits       []Wait
	stalls      []Stall
	waitingFor  *lateReply  // the reply that is overdue; nil: none
	lateReplies []lateReply // overdue replies that arrived, of the first batch in flight
	cpuSeen     atomic.Pointer[cpuReading]
	monitor     *LatencyMonitor // may be nil

	hits, misses  int64
	maxOut, maxIn int64 // bytes: longest pipeline, longest replies to one

	infoErr     error // the reply that refused INFO; nil: it was not refused
	servesReads bool  // a cluster node accepted READONLY
	timeout     time.Duration
	inFlight    []*Batch      // batches in flight, in the order sent
	sendErr     error         // why the last batch could not be sent
	resend      bool          // the connection is lost: the batches in flight must be sent again
	answered    time.Time     // when the last reply arrived
	service     time.Duration // of the last batch
	single      Batch         // used by RoundTrip
	reader      respReader
}

// silentLogger keeps go-redis's log off the user's screen.
type silentLogger struct{}

func (silentLogger) Printf(context.Context, string, ...any) {}

func init() { redis.SetLogger(silentLogger{}) }

// Connect dials the target, logs in and identifies the server. It fails with an *Error,
// such as an unreachable host or a wrong password. It waits, as p allows, for a server
// that is reachable but temporarily unavailable. When ctx ends, Connect returns at once.
func Connect(ctx context.Context, t Target, timeout time.Duration, p RetryPolicy) (*Conn, error) {
	c := &Conn{target: t, allowlist: newAllowlist(), wire: &wire{}, timeout: timeout, retry: p}
	c.reader = newReader(c.wire)
	c.reader.mask = t.Password.Mask
	c.Node.Address = t.Address
	connect := func(ctx context.Context) error { return c.dial(ctx, "connecting to", c.identify) }
	err := connect(ctx)
	if err != nil && serverUnavailable(err) && p.MaxWait > 0 {
		err = c.wait(ctx, err, connect)
	}
	if err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// dial makes a new network connection and runs start on it.
func (c *Conn) dial(ctx context.Context, doing string, start func(context.Context) error) error {
	c.Close()
	err := c.wire.dial(ctx, c.target, min(c.timeout, dialTimeout))
	if err == nil {
		err = c.start(ctx, start)
	}
	if errors.Is(err, errProtocol) {
		err = errNotRedis // the first replies are not RESP
	}
	if err != nil {
		return wrapError(doing+" "+c.target.Address, c.target, err)
	}
	return nil
}

// start runs begin on the wire's present connection, which is closed when ctx ends.
func (c *Conn) start(ctx context.Context, begin func(context.Context) error) error {
	c.reader.Reset(c.wire)
	c.client = redis.NewClient(c.options(c.target, c.timeout))
	c.client.AddHook(c.allowlist)
	c.conn = c.client.Conn()
	c.db = 0
	stop := context.AfterFunc(ctx, c.wire.close)
	err := begin(ctx)
	if !stop() && err == nil {
		err = context.Cause(ctx)
	}
	if turnedAway := c.greetingError(); err != nil && turnedAway != nil {
		return turnedAway
	}
	return err
}

// reconnect makes a new connection to the same server process, with the same database
// selected.
func (c *Conn) reconnect(ctx context.Context) error {
	db := c.db
	err := c.dial(ctx, "reconnecting to", func(ctx context.Context) error {
		if err := c.verifyProcess(ctx); err != nil || db == 0 {
			return err
		}
		return c.conn.Select(ctx, db).Err()
	})
	c.db = db
	return err
}

// verifyProcess checks that the server process is that of the first connection.
func (c *Conn) verifyProcess(ctx context.Context) error {
	info, err := c.info(ctx)
	known := c.Node.Info.Field("run_id")
	switch {
	case err != nil && isOptional(err), err == nil && (known == "" || info.Field("run_id") == ""):
		return errUnknownProcess
	case err != nil:
		return err
	case info.Field("run_id") != known:
		return errAnotherProcess
	}
	c.sawCPU(info.CPUTime())
	return c.configure(ctx, info)
}

// options disable everything that go-redis would send or repeat by itself, so that the
// allowlist, the ACL rule that we print and MONITOR agree.
func (c *Conn) options(t Target, timeout time.Duration) *redis.Options {
	return &redis.Options{
		Network: t.Network, Addr: t.Address,
		Username: t.Username, Password: string(t.Password),
		Dialer:                   c.wireDialer(),
		MaxRetries:               -1, // Conn retries
		ReadTimeout:              timeout,
		WriteTimeout:             timeout,
		PoolSize:                 1,
		ConnMaxIdleTime:          -1, // go-redis does not see the batches
		Protocol:                 3,  // go-redis falls back to RESP2 by itself
		DisableIdentity:          true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
}

// wireDialer gives the present connection to a go-redis client, however often it dials: a
// lost connection stays lost until Conn makes another.
func (c *Conn) wireDialer() func(context.Context, string, string) (net.Conn, error) {
	nc := &replyConn{Conn: c.wire.current.Load(), reader: c.reader}
	return func(context.Context, string, string) (net.Conn, error) { return nc, nil }
}

// identify reads INFO and prepares the connection. INFO comes first, since a server
// replies to it even while it loads its data set.
func (c *Conn) identify(ctx context.Context) error {
	info, err := c.info(ctx)
	if err != nil && !isOptional(err) {
		return err
	}
	c.Node.Info, c.infoErr = info, err
	if c.Node.IsSentinel() {
		return c.sentinelError()
	}
	if err := c.configure(ctx, info); err != nil {
		return err
	}
	return c.measureRoundTrip(ctx)
}

// sentinelError returns the error for a Sentinel.
func (c *Conn) sentinelError() error {
	masters := strings.Join(c.Node.SentinelMasters(), ", ")
	hint := "profile one of the servers that it monitors, preferably a replica; it reports no primary"
	if masters != "" {
		hint = "profile one of the servers that it monitors, preferably a replica of " + masters
	}
	return &Error{Doing: "connecting to " + c.target.Address, Err: errors.New("this is a Sentinel, which has no keys"), Hint: hint}
}

// configure prepares a connection to a server with this INFO.
func (c *Conn) configure(ctx context.Context, answer info.Info) error {
	if answer.Field("loading") == "1" {
		return errLoading
	}
	// Best effort; the ACL may deny either. From 7.0 on the first use of a command costs
	// 25 kB for good (its latency histogram): too much for a full server.
	if !(info.Node{Info: answer}).NearMaxmemory() {
		c.conn.ClientSetName(ctx, clientName)
	}
	if len(answer) == 0 || answer.Field("cluster_enabled") == "1" { // without INFO it may be a cluster node
		c.servesReads = c.conn.ReadOnly(ctx).Err() == nil
	}
	return nil
}

func (c *Conn) info(ctx context.Context) (info.Info, error) {
	text, err := c.conn.Info(ctx).Result()
	return c.parseInfo(text), err
}

// ServesReads reports whether a cluster node accepted READONLY, so that it replies to
// commands on the keys of its slots even as a replica.
func (c *Conn) ServesReads() bool { return c.servesReads }

// parseInfo parses INFO and masks a password that the server may have put into it. A
// password shorter than maskPrefix would match ordinary words and figures.
func (c *Conn) parseInfo(text string) info.Info {
	if len(c.target.Password) >= maskPrefix {
		text = c.target.Password.Mask(text)
	}
	return info.Parse(text)
}

// statsInfo reads the sections of INFO that info.ServerStatsOf uses. Before 7.0 INFO
// takes one section or none. For a full server it sends no arguments, which take memory
// while the server checks whether it must evict; the reply fits into the buffer that it
// has anyway.
func (c *Conn) statsInfo(ctx context.Context) (info.Info, error) {
	if !c.Node.AtLeast(7, 0) || c.monitor.sharesConn() {
		return c.info(ctx)
	}
	text, err := c.conn.Info(ctx, "server", "memory", "persistence", "stats", "replication", "cpu").Result()
	return c.parseInfo(text), err
}

// CommandStats summarizes INFO commandstats.
type CommandStats struct {
	// Ours is the server time of the commands that keyprof sends. It excludes parsing and
	// replying, and includes the same commands of all other clients.
	Ours time.Duration
	// Flushed counts calls of FLUSHALL and FLUSHDB, Swapped those of SWAPDB.
	Flushed, Swapped int64
}

// CommandStats reads INFO commandstats; false when it is refused, or when the server is
// near its maxmemory, as the reply is long.
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

// CPUTime implements Exchange. Before 7.0 it is the time of the whole process.
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

// InfoNow returns the server's present INFO; empty when INFO is refused or the server
// cannot be reached. After ctx has ended it still asks, without waiting for an
// unavailable server.
func (c *Conn) InfoNow(ctx context.Context) (info info.Info) {
	_ = c.withRetry(ctx, func(context.Context) (err error) { // empty on errors, as documented
		info, err = c.info(context.WithoutCancel(ctx))
		c.sawCPU(info.CPUTime())
		return simplify(err)
	})
	return info
}

// pings is the number of round trips that are measured after connecting.
const pings = 5

// measureRoundTrip finds the smallest round trip, which a page's wall time contains
// besides the server's work. An error reply to PING takes one as well.
func (c *Conn) measureRoundTrip(ctx context.Context) error {
	for range pings {
		start := time.Now()
		if err := c.conn.Ping(ctx).Err(); err != nil && !isOptional(err) {
			return err
		}
		c.addRoundTrip(time.Since(start))
	}
	return nil
}

func (c *Conn) addRoundTrip(roundTrip time.Duration) {
	if c.minRoundTrip == 0 || roundTrip < c.minRoundTrip {
		c.minRoundTrip = roundTrip
	}
}

// MinRoundTrip returns the smallest round trip seen on this connection.
func (c *Conn) MinRoundTrip() time.Duration { return c.minRoundTrip }

// Select makes db the database of this connection. A connection starts in database 0;
// selecting only on a change spares users whose ACL denies SELECT.
func (c *Conn) Select(ctx context.Context, db int) error {
	if db == c.db {
		return nil
	}
	return c.withRetry(ctx, func(context.Context) error {
		// Once sent, it is completed even when ctx ends.
		if err := c.conn.Select(context.WithoutCancel(ctx), db).Err(); err != nil {
			return c.refusedTo(fmt.Sprintf("selecting database %d", db), "+select", err)
		}
		c.db = db
		return nil
	})
}

// Cost holds what a connection has sent and received so far.
type Cost struct {
	Commands          map[string]int64 // sent, by name with subcommand
	BytesOut, BytesIn int64            // including TLS
	Waits             []Wait           // in order
	// Hits and Misses count what our probes added to the server's keyspace_hits and
	// keyspace_misses. MEMORY USAGE adds to neither (object.c, memoryCommand).
	Hits, Misses int64
	// Buffers is the upper bound of the server's memory for the buffers of our
	// connections at one time, in bytes; 0 where unknown.
	Buffers int64
}

// Cost returns the cost of this connection and its LatencyMonitor so far.
func (c *Conn) Cost() Cost {
	cost := Cost{
		Commands: c.allowlist.counts(), BytesOut: c.wire.out.Load(), BytesIn: c.wire.in.Load(),
		Waits: slices.Clone(c.waits), Hits: c.hits, Misses: c.misses,
	}
	cost.Buffers = c.buffers(len(cost.Commands))
	if m := c.monitor; m != nil {
		cost.BytesOut, cost.BytesIn = cost.BytesOut+m.out, cost.BytesIn+m.in
		if !m.sharesConn() {
			cost.BytesOut += m.conn.wire.out.Load()
			cost.BytesIn += m.conn.wire.in.Load()
		}
	}
	return cost
}

// The upper bound of a server's used_memory for our connections, in bytes (measured on Redis
// 7.0.15): a connection with its reply buffer, its query buffer, another reply buffer when
// the first is full, and, from 7.0 on, a latency histogram for each command that was never
// used before.
const (
	connectionBytes = 18 << 10
	queryBytes      = 21 << 10
	moreReplyBytes  = 21 << 10
	histogramBytes  = 25 << 10
	usualBuffer     = 16 << 10 // of requests or replies that the above covers
)

// buffers returns Cost.Buffers of a connection that sent so many different commands.
func (c *Conn) buffers(commands int) int64 {
	one := int64(connectionBytes + queryBytes)
	sum := one
	if c.maxOut > usualBuffer {
		sum += 2 * c.maxOut // query buffers grow by doubling
	}
	if c.maxIn > usualBuffer {
		sum += c.maxIn + moreReplyBytes
	}
	if c.monitor != nil && (!c.monitor.sharesConn() || c.monitor.out > 0) {
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

// wire is the one network connection: go-redis logs in on it, then the two take turns. It
// counts bytes, and any goroutine may close it.
type wire struct {
	out, in atomic.Int64
	current atomic.Pointer[countedConn]
	pinned  string // host:port of the first connection; its name may resolve elsewhere later
	// onTimeout is called when a reply is overdue. If it returns true, it has set another
	// deadline and the read continues; nil: the read fails.
	onTimeout func() bool
	// While replies to a pipeline arrive, the deadline moves: a slow link takes long.
	readTimeout   time.Duration // from one read to the next; 0: the deadline stays
	deadlineSet   time.Time     // when the deadline was set
	lastExtension time.Time     // the deadline is not moved after this
	stopping      atomic.Bool   // the scan is to end
}

// extendDeadline moves the deadline after data has arrived.
func (w *wire) extendDeadline() {
	now := time.Now()
	if w.readTimeout == 0 || now.Sub(w.deadlineSet) < w.readTimeout/4 || now.After(w.lastExtension) || w.stopping.Load() {
		return
	}
	w.deadlineSet = now
	_ = w.setDeadline(now.Add(w.readTimeout)) // on failure the next read fails
}

// dial makes a new connection the wire's. go-redis does not dial itself: when it fails,
// it dials on in the background, every second, for a while after its client is closed.
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

// dialer returns a function that dials and, for TLS, does the handshake, within timeout.
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

// greetingError returns the error that a server sends on connecting to clients that it
// does not serve. go-redis takes it for the reply to HELLO, continues, and finds the
// connection closed.
func (c *Conn) greetingError() error {
	nc := c.wire.current.Load()
	if nc == nil {
		return nil
	}
	line, _, _ := strings.Cut(string(nc.greeting), "\r\n")
	text, isError := strings.CutPrefix(line, "-")
	if isError && (strings.Contains(text, tooManyClients) || firstWord(text) == "DENIED") {
		return replyError(c.target.Password.Mask(text))
	}
	return nil
}

// greetingBytes is the part of a server's first data that is kept, in bytes.
const greetingBytes = 1024

// greetingTimeout is enough for a greeting that is already in flight.
const greetingTimeout = 100 * time.Millisecond

type countedConn struct {
	net.Conn
	wire     *wire
	greeting []byte // the first data from the server
}

func (c *countedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	for n == 0 && timedOut(err) && c.wire.onTimeout != nil && c.wire.onTimeout() {
		n, err = c.Conn.Read(b)
	}
	c.wire.in.Add(int64(n))
	if n > 0 {
		c.wire.extendDeadline()
	}
	if c.greeting == nil && n > 0 {
		c.greeting = bytes.Clone(b[:min(n, greetingBytes)])
	}
	return n, err
}

func (c *countedConn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.wire.out.Add(int64(n))
	if err != nil && c.greeting == nil {
		c.readGreeting()
	}
	return n, err
}

// readGreeting reads what the server sent before it closed the connection, if anything.
func (c *countedConn) readGreeting() {
	if c.SetReadDeadline(time.Now().Add(greetingTimeout)) == nil {
		_, _ = c.Read(make([]byte, greetingBytes)) // the error of the write is returned
	}
}

// isOptional reports whether err is a server's reply to a command that a scan can do
// without, and does not affect other commands. PING, of all commands, returns MISCONF
// where saves fail (server.c, processCommand); other servers have codes of their own.
func isOptional(err error) bool {
	return IsReply(err) && !serverUnavailable(err) && !isUnavailable(err) && !strings.HasPrefix(replyText(err), "WRONGPASS") && !strings.Contains(err.Error(), loginFailed)
}

// commandRefused reports whether the server refused this one command: denied by the ACL,
// renamed, or unknown.
func commandRefused(err error) bool {
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
