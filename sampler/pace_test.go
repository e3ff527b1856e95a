package sampler_test

import (
	"context"
	"testing"
	"time"

	"keyprof/scanner/redistest"
)

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
