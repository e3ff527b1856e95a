package redistest

import (
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"keyprof/scanner/sleep"
)

// Proxy is a TCP proxy in front of one address that can be told to behave like a
// bad network. It passes bytes on unseen, so TLS goes through it too. Its
// methods may be called while traffic flows.
type Proxy struct {
	listener net.Listener
	running  sync.WaitGroup
	accepted atomic.Int64
	network  *network

	mu      sync.Mutex
	targets []string // used in turn
	links   map[*link]struct{}
	closed  bool
	cut     int64         // bytes from the server until a reset; -1: never
	again   int64         // the value of cut after that
	open    chan struct{} // closed while bytes may pass
	asking  int64         // bytes from clients since the last from the server
	longest int64         // the most that asking ever was
}

// StartProxy listens on a free port of 127.0.0.1 and connects each client to
// target, which is "host:port" or the path of a unix socket. The caller must
// Close it.
func StartProxy(target string) (*Proxy, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &Proxy{
		listener: l, targets: []string{target}, network: newNetwork(),
		links: map[*link]struct{}{}, cut: -1, again: -1, open: make(chan struct{}),
	}
	close(p.open)
	p.running.Go(p.accept)
	return p, nil
}

// NewProxy is StartProxy for tests; it is closed when the test ends.
func NewProxy(tb testing.TB, target string) *Proxy {
	tb.Helper()
	p, err := StartProxy(target)
	if err != nil {
		tb.Fatalf("redistest: proxy: %v", err)
	}
	tb.Cleanup(p.Close)
	return p
}

// Addr returns the address to connect to, "127.0.0.1:port".
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// URL returns "redis://127.0.0.1:port".
func (p *Proxy) URL() string { return "redis://" + p.Addr() }

// Accepted returns how many connections were ever accepted.
func (p *Proxy) Accepted() int64 { return p.accepted.Load() }

// SetTargets makes each new connection go to the next of targets in turn, as
// round-robin DNS does.
func (p *Proxy) SetTargets(targets ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.targets = targets
}

// nextTarget returns the address of the next connection.
func (p *Proxy) nextTarget() (network, address string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	address = p.targets[0]
	p.targets = append(p.targets[1:len(p.targets):len(p.targets)], address)
	if strings.HasPrefix(address, "/") {
		return "unix", address
	}
	return "tcp", address
}

// LongestPipeline returns the most bytes received from clients without one from the
// server in between. With a latency it is about the longest pipeline of a single client
// that waits for the replies to each.
func (p *Proxy) LongestPipeline() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.longest
}

// asked counts bytes from clients.
func (p *Proxy) asked(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asking += int64(n)
	p.longest = max(p.longest, p.asking)
}

// SetLatency delays every byte by d, each way, from now on. A delayed byte does not delay
// the next: any number of them are in flight at once.
func (p *Proxy) SetLatency(d time.Duration) {
	p.network.set(func(n *network) { n.latency = d })
}

// SetJitter makes each delay up to share of the latency longer or shorter, at random,
// the same in each run. Bytes of a connection still arrive in their order: those that
// overtake others wait for them. 0 ends it.
func (p *Proxy) SetJitter(share float64) {
	p.network.set(func(n *network) { n.jitter = share })
}

// SetBandwidth lets so many bytes a second pass each way, over all connections
// together; 0: no limit. What is sent faster waits: a little in the proxy, as in a
// router, and the rest where it comes from.
func (p *Proxy) SetBandwidth(bytesPerSecond int) {
	p.network.set(func(n *network) { n.bandwidth = bytesPerSecond })
}

// CutAfter lets n more bytes come from the server, over all connections, and then
// resets the connection that the next one would have used. Connections made
// later work again. A negative n cancels it.
func (p *Proxy) CutAfter(n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut, p.again = n, -1
}

// CutEvery repeats CutAfter every n bytes.
func (p *Proxy) CutEvery(n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut, p.again = n, n
}

// Blackhole holds back everything, in both directions, until it is called with
// false: connections stay open, as behind a firewall that drops packets. New
// ones are accepted and get no answer.
func (p *Proxy) Blackhole(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.open:
		if on {
			p.open = make(chan struct{})
		}
	default:
		if !on {
			close(p.open)
		}
	}
}

// Reset ends all present connections with a TCP reset.
func (p *Proxy) Reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for l := range p.links {
		l.reset()
	}
}

// Close ends the proxy and all connections, and returns when both are gone.
func (p *Proxy) Close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	_ = p.listener.Close()
	p.Reset()
	p.running.Wait()
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.accepted.Add(1)
		p.running.Go(func() { p.serve(client.(*net.TCPConn)) })
	}
}

// serve connects a client to the target. A target that refuses shows as a reset,
// as it does through stunnel.
func (p *Proxy) serve(client *net.TCPConn) {
	network, address := p.nextTarget()
	server, err := net.Dial(network, address)
	if err != nil {
		_ = client.SetLinger(0)
		_ = client.Close()
		return
	}
	l := &link{proxy: p, client: client, server: server, done: make(chan struct{})}
	if p.add(l) {
		l.run()
		p.remove(l)
	}
}

// add registers a connection; it refuses, and resets it, when the proxy is closed.
func (p *Proxy) add(l *link) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		l.reset()
		return false
	}
	p.links[l] = struct{}{}
	return true
}

func (p *Proxy) remove(l *link) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.links, l)
}

// gate returns a channel that is closed while bytes may pass.
func (p *Proxy) gate() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.open
}

// allow returns how many of n bytes from the server may pass before the
// cut.
func (p *Proxy) allow(n int) (allowed int, cut bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asking = 0
	if p.cut < 0 || int64(n) <= p.cut {
		if p.cut > 0 {
			p.cut -= int64(n)
		}
		return n, false
	}
	allowed, p.cut = int(p.cut), p.again
	return allowed, true
}

const (
	chunkBytes  = 64 << 10 // read at once
	chunksAhead = 256      // in flight, per direction
)

// link is one connection through a Proxy.
type link struct {
	proxy  *Proxy
	client *net.TCPConn
	server net.Conn
	once   sync.Once
	done   chan struct{} // closed when the link is broken
}

// chunk holds the data of one read, with the time at which it may be delivered.
type chunk struct {
	data []byte
	due  time.Time
}

// run forwards bytes both ways until the server closes, the client stops reading, or the
// link is reset.
func (l *link) run() {
	var both sync.WaitGroup
	both.Go(l.pumpUp)
	both.Go(l.pumpDown)
	both.Wait()
}

// pumpUp forwards requests. When they end, or the server accepts no more, replies may
// still be in flight (a server that refuses a client sends the reason and closes), so
// that only this direction is closed.
func (l *link) pumpUp() {
	queue := make(chan chunk, chunksAhead)
	var reader sync.WaitGroup
	reader.Go(func() { l.read(l.client, queue, up, l.proxy.asked) })
	l.deliver(l.server, queue, nil)
	_ = l.server.(interface{ CloseWrite() error }).CloseWrite()
	reader.Wait()
}

// pumpDown forwards replies. When it ends, so does the link.
func (l *link) pumpDown() {
	queue := make(chan chunk, chunksAhead)
	var reader sync.WaitGroup
	reader.Go(func() { l.read(l.server, queue, down, func(int) {}) })
	l.deliver(l.client, queue, l.proxy.allow)
	l.close()
	reader.Wait()
}

// read receives data and queues it. Reading and delivering are two goroutines: sleeping
// before each write would limit the throughput to one chunk per latency, which no network
// does.
func (l *link) read(from net.Conn, queue chan<- chunk, to way, count func(int)) {
	defer close(queue)
	buf := make([]byte, chunkBytes)
	var due time.Time
	for {
		most, full := l.proxy.network.room(to, time.Now())
		if !l.sleep(full) {
			return
		}
		n, err := from.Read(buf[:most])
		if n > 0 {
			count(n)
			due = l.proxy.network.arrival(to, time.Now(), n, due)
			select {
			case queue <- chunk{data: append([]byte(nil), buf[:n]...), due: due}:
			case <-l.done:
				return
			}
		}
		if err != nil {
			return
		}
	}
}

func (l *link) deliver(to net.Conn, queue <-chan chunk, allow func(int) (int, bool)) {
	for c := range queue {
		if !l.await(c.due) {
			return
		}
		cut := false
		if allow != nil {
			var n int
			n, cut = allow(len(c.data))
			c.data = c.data[:n]
		}
		if _, err := to.Write(c.data); err != nil {
			return
		}
		if cut {
			l.reset()
			return
		}
	}
}

// await sleeps until due and until the proxy lets bytes pass. It returns false if the
// link is closed meanwhile.
func (l *link) await(due time.Time) bool {
	if !l.sleep(time.Until(due)) {
		return false
	}
	select {
	case <-l.proxy.gate():
		return true
	case <-l.done:
		return false
	}
}

// sleep returns false if the link is closed meanwhile.
func (l *link) sleep(d time.Duration) bool {
	if d <= 0 {
		return true
	}
	end := time.Now().Add(d)
	if d > 2*timerStep {
		select {
		case <-time.After(d - 2*timerStep):
		case <-l.done:
			return false
		}
	}
	if left := time.Until(end); left > 0 {
		sleep.Brief(left)
	}
	return true
}

// timerStep is the error of a timer (package sleep). Part of a delay it would be jitter.
const timerStep = time.Millisecond

// reset breaks the link so that the client's next read or write fails with
// "connection reset by peer".
func (l *link) reset() {
	_ = l.client.SetLinger(0)
	l.close()
}

func (l *link) close() {
	l.once.Do(func() {
		close(l.done)
		_ = l.client.Close()
		_ = l.server.Close()
	})
}

// way is a direction of a connection through a Proxy.
type way uint8

const (
	up   way = iota // from the client to the server
	down            // back
	ways
)

// On a network of limited bandwidth bytes travel in packets. A router queues a few and
// makes the sender wait then.
const (
	packetBytes = 1460
	routerBytes = 16 << 10
)

// network decides when bytes arrive. It reads no clock and does not sleep, so a table
// can test it.
type network struct {
	mu        sync.Mutex
	latency   time.Duration // each way
	jitter    float64       // share of the latency by which it is longer or shorter at most
	bandwidth int           // bytes a second, each way; 0: no limit
	random    *rand.Rand
	through   [ways]time.Time // when the bandwidth allows the next byte
}

func newNetwork() *network { return &network{random: rand.New(rand.NewPCG(1, 2))} }

// set changes the network for all bytes from now on.
func (n *network) set(change func(*network)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	change(n)
}

// room returns how many bytes may be read at once, and how long to wait before that.
func (n *network) room(w way, now time.Time) (most int, full time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.bandwidth == 0 {
		return chunkBytes, 0
	}
	return packetBytes, max(0, n.through[w].Sub(now)) - n.takes(routerBytes-packetBytes)
}

// takes returns the time that so many bytes need at this bandwidth.
func (n *network) takes(bytes int) time.Duration {
	return time.Duration(float64(bytes) / float64(n.bandwidth) * float64(time.Second))
}

// arrival returns when bytes received now are delivered, on a connection whose earlier
// bytes are delivered at last.
func (n *network) arrival(w way, now time.Time, bytes int, last time.Time) time.Time {
	n.mu.Lock()
	defer n.mu.Unlock()
	sent := now
	if n.bandwidth > 0 {
		if n.through[w].After(now) {
			sent = n.through[w]
		}
		sent = sent.Add(n.takes(bytes))
		n.through[w] = sent
	}
	delay := n.latency
	if n.jitter > 0 {
		delay += time.Duration((2*n.random.Float64() - 1) * n.jitter * float64(n.latency))
	}
	if due := sent.Add(delay); due.After(last) {
		return due
	}
	return last
}
