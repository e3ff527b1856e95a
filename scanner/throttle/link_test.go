package throttle

import (
	"testing"
	"time"
)

const ms = time.Millisecond

// A burst of loss makes all pipelines late that are in flight: that is one event.
func TestLinkHalvesOnceForABurst(t *testing.T) {
	l := NewLink(DefaultLatencyBudget, 0)
	for range keptRoundTrips {
		l.AddPing(20 * ms)
	}
	now := time.Duration(0)
	for l.Window() < 100 {
		l.AddReply(now, now+20*ms)
		now += ms
	}
	for i := range 100 { // that were sent before the first of them was late
		l.AddReply(now+time.Duration(i)*ms/10, now+300*ms)
	}
	if got := l.Window(); got < 50 {
		t.Errorf("%d pipelines may be in flight after one burst, before 100", got)
	}
	for range 7 { // sent after each other: the link is full
		now += 400 * ms
		l.AddReply(now, now+300*ms)
	}
	if got := l.Window(); got != 1 {
		t.Errorf("%d pipelines on a link that stays full", got)
	}
}

// The jitter of a link whose round trip became another is not the width of that step.
func TestLinkForgetsTheOldRoundTrip(t *testing.T) {
	for _, before := range []int{MinRoundTrips, keptRoundTrips, 3 * keptRoundTrips} {
		for _, to := range []time.Duration{80 * ms, ms} {
			l := NewLink(DefaultLatencyBudget, 0)
			for range before {
				l.AddPing(5 * ms)
			}
			for range lastMoved {
				l.AddPing(to)
			}
			if got := l.MedianRoundTrip(); got != to {
				t.Errorf("after %d pings of 5 ms and %d of %v: round trip %v", before, lastMoved, to, got)
			}
			if gap := l.Gap(DefaultLatencyBudget); gap > to/5 {
				t.Errorf("%v: gap %v", to, gap)
			}
		}
	}
}

// Without pings a link that became longer is known by pipelines that travel alone, and
// one that stopped for a while is not taken for one.
func TestLinkWithoutPings(t *testing.T) {
	g := NewGuard(DefaultLatencyBudget, 0)
	g.GoOverLink(5 * ms)
	l := g.Link()
	now := time.Duration(0)
	trip := func(took time.Duration) {
		l.AddReply(now, now+took)
		now += took + ms
	}
	for range 5 {
		trip(2 * time.Second)
	}
	trip(5 * ms)
	if got := l.MedianRoundTrip(); got != 5*ms {
		t.Errorf("a link that stopped has round trips of %v", got)
	}
	for range 3 * MinRoundTrips {
		trip(80 * ms)
	}
	if got := l.MedianRoundTrip(); got != 80*ms || l.Window() < 4 {
		t.Errorf("round trip %v, %d pipelines in flight", got, l.Window())
	}
}
