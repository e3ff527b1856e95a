package redistest

import (
	"io"
	"strings"
	"testing"
	"time"
)

func TestNetworkLatencyAndJitter(t *testing.T) {
	const latency = 100 * time.Millisecond
	now := time.Now()
	delays := func(jitter float64) (list []time.Duration) {
		n := newNetwork()
		n.set(func(n *network) { n.latency, n.jitter = latency, jitter })
		for range 1000 {
			list = append(list, n.arrival(up, now, 10, time.Time{}).Sub(now))
		}
		return list
	}
	for _, d := range delays(0) {
		if d != latency {
			t.Fatalf("a delay of %v without jitter", d)
		}
	}
	first, again := delays(0.2), delays(0.2)
	shorter, sum := 0, time.Duration(0)
	for i, d := range first {
		if d != again[i] {
			t.Fatal("the jitter is another in each run")
		}
		if d < 80*time.Millisecond || d > 120*time.Millisecond {
			t.Errorf("a delay of %v", d)
		}
		if d < 90*time.Millisecond {
			shorter++
		}
		sum += d
	}
	if shorter < 200 || shorter > 300 {
		t.Errorf("%d of 1000 delays are in the lowest quarter", shorter)
	}
	if mean := sum / 1000; mean < 98*time.Millisecond || mean > 102*time.Millisecond {
		t.Errorf("%v on average", mean)
	}
}

func TestNetworkKeepsTheOrder(t *testing.T) {
	n := newNetwork()
	n.set(func(n *network) { n.latency, n.jitter = 100*time.Millisecond, 0.5 })
	now := time.Now()
	var last time.Time
	together := 0
	for i := range 1000 {
		due := n.arrival(down, now.Add(time.Duration(i)*time.Millisecond), 10, last)
		if due.Before(last) {
			t.Fatalf("chunk %d overtakes the one before it", i)
		}
		if due.Equal(last) {
			together++
		}
		last = due
	}
	if together == 0 {
		t.Error("jitter never brings two together")
	}
}

func TestNetworkBandwidth(t *testing.T) {
	n := newNetwork()
	n.set(func(n *network) { n.latency, n.bandwidth = time.Second, 1000 })
	now := time.Now()
	for i, c := range []struct {
		way   way
		at    time.Duration // when the bytes come
		bytes int
		want  time.Duration // when they arrive
	}{
		{up, 0, 500, 1500 * time.Millisecond},
		{up, 0, 500, 2 * time.Second}, // of any connection
		{down, 0, 500, 1500 * time.Millisecond},
		{up, 800 * time.Millisecond, 1000, 3 * time.Second},
		{up, 5 * time.Second, 100, 6100 * time.Millisecond}, // nothing is saved up
	} {
		if got := n.arrival(c.way, now.Add(c.at), c.bytes, time.Time{}).Sub(now); got != c.want {
			t.Errorf("%d: arrives after %v, want %v", i, got, c.want)
		}
	}
	n.set(func(n *network) { n.bandwidth = 0 })
	if got := n.arrival(up, now, 1<<30, time.Time{}).Sub(now); got != time.Second {
		t.Errorf("without a limit: after %v", got)
	}
}

// Data that a router cannot hold stays with the sender, so that other connections get
// their turn.
func TestNetworkHoldsLittle(t *testing.T) {
	n, now := newNetwork(), time.Now()
	if most, full := n.room(up, now); most != chunkBytes || full > 0 {
		t.Errorf("without a limit: %d bytes after %v", most, full)
	}
	n.set(func(n *network) { n.bandwidth = 1000 })
	held := 0
	for {
		most, full := n.room(up, now)
		if full > 0 {
			break
		}
		held += most
		n.arrival(up, now, most, time.Time{})
	}
	if held < routerBytes-packetBytes || held > routerBytes {
		t.Errorf("%d bytes on the way", held)
	}
	if _, full := n.room(down, now); full > 0 {
		t.Error("the way back is full")
	}
}

// The bounds are from below: a slow machine only adds to them.
func TestProxyBandwidth(t *testing.T) {
	const bytes, rate = 40_000, 100_000
	s := New(t)
	p := NewProxy(t, s.Addr())
	p.SetBandwidth(rate)
	conn := dialTest(t, p.Addr())
	value := strings.Repeat("x", bytes)
	began := time.Now()
	if got, err := ask(t, conn, "*3\r\n$3\r\nSET\r\n$3\r\nbig\r\n$40000\r\n"+value+"\r\n", 5); err != nil || got != "+OK\r\n" {
		t.Fatalf("%q, %v", got, err)
	}
	if took := time.Since(began); took < bytes*time.Second/rate {
		t.Errorf("the way up took %v", took)
	}
	began = time.Now()
	if _, err := io.WriteString(conn, "GET big\r\n"); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len("$40000\r\n")+bytes+2)
	if _, err := io.ReadFull(conn, got); err != nil || !strings.Contains(string(got), value) {
		t.Fatalf("%.20q, %v", got, err)
	}
	if took := time.Since(began); took < bytes*time.Second/rate {
		t.Errorf("the way down took %v", took)
	}
}

func TestProxyJitterKeepsTheOrder(t *testing.T) {
	p := NewProxy(t, New(t).Addr())
	p.SetLatency(10 * time.Millisecond)
	p.SetJitter(0.9)
	conn := dialTest(t, p.Addr())
	const commands = 50
	var want strings.Builder
	for i := range commands {
		word := strings.Repeat(string(rune('a'+i%26)), 5)
		if _, err := io.WriteString(conn, "PING "+word+"\r\n"); err != nil {
			t.Fatal(err)
		}
		want.WriteString("$5\r\n" + word + "\r\n")
		time.Sleep(time.Millisecond) // so that each is a chunk of its own
	}
	if got, err := ask(t, conn, "", want.Len()); err != nil || got != want.String() {
		t.Errorf("%q, %v", got, err)
	}
}
