package scanner

import (
	"testing"
	"time"
)

// Sending does not wait for a reply: with jitter a walk is as fast as its share of the
// server and the spacing of pipelines let it be, whatever the least round trip was.
func TestLinkSendsOnTime(t *testing.T) {
	t.Skip("replyFirst expects replies after the least round trip, and Receive waits for them beyond the time to send")
	for _, roundTrip := range []time.Duration{5 * time.Millisecond, 20 * time.Millisecond, 50 * time.Millisecond} {
		oneWay := jittered(roundTrip / 2)
		d := &distant{keys: 50_000, request: constant(time.Microsecond), name: 700 * time.Nanosecond}
		d.oneWay = func(at time.Duration) time.Duration {
			if at == 0 { // asked for the least
				return roundTrip * 8 / 20
			}
			return oneWay(at)
		}
		allowed := 0.0
		speed, _ := walkFar(t, d, DefaultMaxLoad, func(g *Guard) {
			key := g.link.cost(4, 1)
			allowed = float64(time.Second) / float64(max(time.Duration(float64(key)/DefaultMaxLoad), g.link.gap(key)))
		})
		t.Logf("%v: %.0f keys/s of %.0f", roundTrip, speed, allowed)
		if speed < 0.6*allowed {
			t.Errorf("%v: %.0f keys/s, and %.0f are allowed", roundTrip, speed, allowed)
		}
	}
}
