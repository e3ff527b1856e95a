package throttle

import (
	"testing"
	"time"
)

func TestService(t *testing.T) {
	if got := Service(3*time.Millisecond, time.Millisecond); got != 2*time.Millisecond {
		t.Errorf("Service = %v", got)
	}
	if got := Service(time.Millisecond, 2*time.Millisecond); got != 0 {
		t.Errorf("Service is never negative, was %v", got)
	}
}

// With a clock that the test advances, round trips in which the server is idle, and late
// timers, the share of time in which the server works for us must be as requested, unless
// the link alone keeps it lower.
func TestPacerHoldsTheLoad(t *testing.T) {
	const service = 200 * time.Microsecond
	for _, load := range []float64{0.001, 0.05, 0.25, 0.5, 0.9, 1} {
		for _, idle := range []time.Duration{0, 50 * time.Microsecond, 2 * time.Millisecond} {
			for _, late := range []time.Duration{0, 300 * time.Microsecond, 2 * time.Millisecond} {
				p := Pacer{MaxLoad: load}
				var worked, elapsed time.Duration
				for range 10_000 {
					worked += service
					elapsed += idle + service
					if pause, _ := p.Page(service, 0, elapsed); pause > 0 {
						elapsed += pause + late
					}
				}
				used, most := float64(worked)/float64(elapsed), float64(service)/float64(service+idle)
				if want := min(load, most); used > want*1.02 || used < want*0.9 {
					t.Errorf("load %v, link %v, timers %v late: used %.4f, want %.4f", load, idle, late, used, want)
				}
			}
		}
	}
}

func TestPacerWorksInBursts(t *testing.T) {
	p := Pacer{MaxLoad: 0.25}
	for i := range 4 {
		if pause, _ := p.Page(time.Millisecond, 0, time.Duration(i+1)*time.Millisecond); pause != 0 {
			t.Fatalf("page %d: paused %v within a burst", i, pause)
		}
	}
	if pause, forRate := p.Page(time.Millisecond, 0, 5*time.Millisecond); pause != 15*time.Millisecond || forRate {
		t.Errorf("after 5 ms of work: paused %v, want 15 ms", pause)
	}
}

func TestPacerForgetsALongSleep(t *testing.T) {
	p := Pacer{MaxLoad: 0.5, Rate: 1000}
	p.Page(burst, 1, burst)
	elapsed, keys := time.Hour, 0
	for elapsed < time.Hour+10*burst {
		elapsed += time.Millisecond
		keys++
		if pause, _ := p.Page(time.Millisecond, 1, elapsed); pause > 0 {
			break
		}
	}
	if elapsed > time.Hour+4*burst || keys > 20 {
		t.Errorf("worked %v, for %d keys, without a pause after a long sleep", elapsed-time.Hour, keys)
	}
}

// A command that keeps the server busy for long is followed by a pause, like many short
// ones.
func TestPacerChargesALongPage(t *testing.T) {
	p := Pacer{MaxLoad: 0.25}
	if pause, _ := p.Page(200*time.Millisecond, 20, 200*time.Millisecond); pause != 600*time.Millisecond {
		t.Errorf("paused %v after 200 ms at a quarter of the server", pause)
	}
}

func TestPacerRateIsACeiling(t *testing.T) {
	p := Pacer{MaxLoad: 1, Rate: 1000}
	if pause, forRate := p.Page(0, 50, lateness); pause != 50*time.Millisecond-lateness || !forRate {
		t.Errorf("50 keys at 1,000 a second: paused %v", pause)
	}
	// Time in which the server was unavailable is not made up for.
	var keys int
	start := time.Minute
	for elapsed := start; elapsed < start+10*time.Second; {
		keys += 50
		pause, _ := p.Page(0, 50, elapsed)
		elapsed += pause + time.Millisecond
	}
	if keys > 10_200 {
		t.Errorf("%d keys in 10 s at 1,000 a second", keys)
	}
}

// On a noisy machine half of a page's wall time is not the server's. Where its CPU time
// shows this, it is not charged; the CPU time for other clients is never credited.
func TestPacerCalibrates(t *testing.T) {
	const service, load = 200 * time.Microsecond, 0.25
	for _, tt := range []struct {
		perPage, want float64
		later         bool
	}{
		{0.5, 0.25, false}, // of service
		{1, 0.25, false},
		{3, 0.75, false}, // others are served, too: we stay at our share, and they use the rest
		{1.5, 0.25, true},
		{0.5, 0.25, true},
	} {
		p := Pacer{MaxLoad: load, DefersWork: tt.later}
		var cpu, elapsed time.Duration
		for n := range 20_000 {
			cpu += time.Duration(tt.perPage * float64(service))
			elapsed += service
			if n%100 == 0 {
				p.Calibrate(cpu + time.Hour)
			}
			pause, _ := p.Page(service, 0, elapsed)
			elapsed += pause
		}
		if used := float64(cpu) / float64(elapsed); used < tt.want*0.95 || used > tt.want*1.05 {
			t.Errorf("CPU %v of service: used %.3f, want %v", tt.perPage, used, tt.want)
		}
	}
}
