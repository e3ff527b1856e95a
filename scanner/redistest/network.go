package redistest

import (
	"math/rand/v2"
	"sync"
	"time"
)

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
