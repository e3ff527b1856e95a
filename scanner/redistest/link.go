package redistest

import (
	"net"
	"sync"
	"time"
)

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
	select {
	case <-time.After(d):
		return true
	case <-l.done:
		return false
	}
}

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
