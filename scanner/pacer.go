package scanner

import "time"

// DefaultMaxLoad is the share of the server's main thread that a walk may use.
const DefaultMaxLoad = 0.25

// burst is how long a walk works before it pauses. Pausing after each small
// page would be inexact: timers are late by up to a millisecond.
const burst = 5 * time.Millisecond

// maxCharge is the most that one page is charged for: when another client kept
// the server for a second, we need not atone for it.
const maxCharge = 20 * burst

// The least that can be asked for. Less would not end within a lifetime.
const (
	MinLoad = 0.001 // share of the server's main thread
	MinRate = 1     // keys a second
)

// Pacer decides how long to pause between pages. It reads no clock and does
// not sleep, so a table can test it.
type Pacer struct {
	MaxLoad float64 // share of the server's main thread, in (0,1]; 1: no pauses
	Rate    float64 // keys a second at most; 0: no limit

	owed   time.Duration // pause earned and not yet taken; below 0: slept too long
	worked time.Duration // service since the last pause
}

// Service is how long a page kept the server's main thread, at most: its wall
// time less the least round trip. Waiting for other clients counts as ours.
func Service(wall, leastRoundTrip time.Duration) time.Duration {
	return max(0, wall-leastRoundTrip)
}

// LoadPause is the pause after which service is the share load of the time.
func LoadPause(service time.Duration, load float64) time.Duration {
	if load >= 1 {
		return 0
	}
	return time.Duration(float64(service) * (1/load - 1))
}

// RatePause is the pause after which keys in elapsed time do not exceed rate
// (keys a second; 0: no limit).
func RatePause(keys int64, elapsed time.Duration, rate float64) time.Duration {
	if rate <= 0 {
		return 0
	}
	due := time.Duration(float64(keys) / rate * float64(time.Second))
	return max(0, due-elapsed)
}

// Page accounts for a page that kept the server for service, and returns how
// long to pause now: nothing within a burst. keys and elapsed are the walk's
// so far.
func (p *Pacer) Page(service time.Duration, keys int64, elapsed time.Duration) time.Duration {
	service = min(service, maxCharge)
	p.worked += service
	p.owed += LoadPause(service, p.MaxLoad)
	pause := RatePause(keys, elapsed, p.Rate)
	if p.worked >= burst {
		pause = max(pause, p.owed)
	}
	return pause
}

// Paused accounts for a pause that was taken, which is seldom exactly what was
// asked for. Too much is kept as credit, of a burst at most, so that a laptop
// that slept for an hour does not make up for it.
func (p *Pacer) Paused(took time.Duration) {
	p.owed = max(p.owed-took, -burst)
	p.worked = 0
}
