package sampler_test

import (
	"context"
	"testing"
	"time"

	"keyprof/scanner/redistest"
)

// The share of its main thread that an otherwise idle server says it used is the
// one that was asked for, give or take a quarter, here and over a link. A busy
// machine may disturb one run, and hardly several.
func TestLoadIsKept(t *testing.T) {
	if testing.Short() {
		t.Skip("takes ten seconds")
	}
	server := redistest.New(t)
	if err := redistest.Mixed(context.Background(), server.Client(), 60_000, 3); err != nil {
		t.Fatal(err)
	}
	proxy := redistest.NewProxy(t, server.Addr())
	proxy.SetLatency(time.Millisecond)
	for _, tt := range []struct {
		place, url string
		load       float64
	}{
		{"loopback", server.URL(), 0.1},
		{"1 ms each way", proxy.URL(), 0.08},
	} {
		used := 0.0
		for range 4 {
			o := fast()
			o.MaxLoad = tt.load
			r := collect(t, tt.url, o).Receipt
			if used = *r.ServerCPUS / r.ElapsedS; used >= tt.load*0.75 && used <= tt.load*1.25 {
				break
			}
		}
		if used < tt.load*0.75 || used > tt.load*1.25 {
			t.Errorf("%s: the server used %.3f of its main thread, %v was asked for", tt.place, used, tt.load)
		}
	}
}

// Rate is a ceiling, after a wait as well.
func TestRateIsKept(t *testing.T) {
	server := newFaultServer(t)
	proxy := redistest.NewProxy(t, server.Addr())
	o := small()
	o.Rate = 2000
	o.Progress = once(func() {
		proxy.Blackhole(true)
		time.AfterFunc(500*time.Millisecond, func() { proxy.Blackhole(false) })
	})
	p, _, err := patiently(context.Background(), t, proxy.URL(), 10*time.Second, o)
	if err != nil {
		t.Fatal(err)
	}
	if least := float64(faultKeys)/o.Rate + 0.5 - 0.1; !p.Complete || p.Receipt.ElapsedS < least {
		t.Errorf("complete %v, %d keys at %v a second and half a second without an answer took %.2f s", p.Complete, faultKeys, o.Rate, p.Receipt.ElapsedS)
	}
}
