package scanner

import (
	"testing"
	"time"
)

func TestLoadPause(t *testing.T) {
	const ms = time.Millisecond
	tests := []struct {
		service time.Duration
		load    float64
		want    time.Duration
	}{
		{5 * ms, 1, 0},
		{5 * ms, 0.5, 5 * ms},
		{5 * ms, 0.25, 15 * ms},
		{5 * ms, 0.1, 45 * ms},
		{0, 0.25, 0},
	}
	for _, tt := range tests {
		got := LoadPause(tt.service, tt.load)
		if diff := got - tt.want; diff < -time.Microsecond || diff > time.Microsecond {
			t.Errorf("LoadPause(%v, %v) = %v, want %v", tt.service, tt.load, got, tt.want)
		}
	}
}

func TestService(t *testing.T) {
	if got := Service(3*time.Millisecond, time.Millisecond); got != 2*time.Millisecond {
		t.Errorf("Service = %v", got)
	}
	if got := Service(time.Millisecond, 2*time.Millisecond); got != 0 {
		t.Errorf("Service is never negative, was %v", got)
	}
}

func TestRatePause(t *testing.T) {
	tests := []struct {
		keys    int64
		elapsed time.Duration
		rate    float64
		want    time.Duration
	}{
		{1000, 0, 1000, time.Second},
		{1000, 400 * time.Millisecond, 1000, 600 * time.Millisecond},
		{1000, 2 * time.Second, 1000, 0}, // slower than asked already
		{1000, 0, 0, 0},                  // no limit
		{0, 0, 10, 0},
	}
	for _, tt := range tests {
		if got := RatePause(tt.keys, tt.elapsed, tt.rate); got != tt.want {
			t.Errorf("RatePause(%d, %v, %v) = %v, want %v", tt.keys, tt.elapsed, tt.rate, got, tt.want)
		}
	}
}

// A clock that the test advances, and timers that are late: the share of time
// in which the server serves us must come out as asked.
func TestPacerHoldsTheLoad(t *testing.T) {
	for _, load := range []float64{0.05, 0.25, 0.5, 0.9, 1} {
		for _, late := range []time.Duration{0, 300 * time.Microsecond, 2 * time.Millisecond} {
			p := Pacer{MaxLoad: load}
			var worked, elapsed time.Duration
			for range 10_000 {
				const service = 200 * time.Microsecond
				worked += service
				elapsed += service
				if pause := p.Page(service, 0, elapsed); pause > 0 {
					p.Paused(pause + late)
					elapsed += pause + late
				}
			}
			used := float64(worked) / float64(elapsed)
			if used > load*1.02 || used < load*0.75 {
				t.Errorf("load %v, timers %v late: used %.3f", load, late, used)
			}
		}
	}
}

func TestPacerWorksInBursts(t *testing.T) {
	p := Pacer{MaxLoad: 0.25}
	for i := range 4 {
		if pause := p.Page(time.Millisecond, 0, 0); pause != 0 {
			t.Fatalf("page %d: paused %v within a burst", i, pause)
		}
	}
	if pause := p.Page(time.Millisecond, 0, 0); pause != 15*time.Millisecond {
		t.Errorf("after 5 ms of work: paused %v, want 15 ms", pause)
	}
}

func TestPacerForgetsALongSleep(t *testing.T) {
	p := Pacer{MaxLoad: 0.5}
	p.Page(burst, 0, 0)
	p.Paused(time.Hour)
	var worked time.Duration
	for worked < 10*burst {
		worked += time.Millisecond
		if p.Page(time.Millisecond, 0, 0) > 0 {
			break
		}
	}
	if worked > 3*burst {
		t.Errorf("worked %v without a pause after a long sleep", worked)
	}
}

func TestPacerDoesNotAtoneForOthers(t *testing.T) {
	p := Pacer{MaxLoad: 0.05}
	if pause := p.Page(time.Minute, 0, 0); pause > 2*time.Second {
		t.Errorf("paused %v after a minute in which another client kept the server", pause)
	}
}

func TestPacerRateIsACeiling(t *testing.T) {
	p := Pacer{MaxLoad: 1, Rate: 1000}
	if pause := p.Page(0, 50, 0); pause != 50*time.Millisecond {
		t.Errorf("50 keys at 1,000 a second: paused %v, want 50 ms", pause)
	}
}
