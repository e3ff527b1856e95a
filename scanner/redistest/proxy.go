package redistest

import (
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
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
