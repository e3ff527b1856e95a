package throttle

import "time"

// DefaultMaxLoad is the share of the server's main thread that a walk may use.
const DefaultMaxLoad = 0.25

// burst is how long a walk works before it pauses. Pausing after each small
// page would be inexact: timers are late by up to a millisecond.
const burst = 5 * time.Millisecond

// The least that can be asked for. Less would not end within a lifetime.
const (
	MinLoad = 0.001 // share of the server's main thread
	MinRate = 1     // keys a second
)

// Pacer decides how long to pause between pages. It reads no clock and does
// not sleep, so a table can test it. It keeps two schedules, as cell rate
// algorithms do (ITU-T I.371): a page moves the time at which the next one is due.
type Pacer struct {
	MaxLoad float64 // share of the server's main thread, in (0,1]; 1: no pauses
	Rate    float64 // keys a second at most; 0: no limit
	// WorksLater is for a server that replies before it has done its work (KeyDB): then
	// what it used counts, also where that is more than we waited.
	DefersWork bool

	loadDue, rateDue, sendDue time.Duration // on the clock of elapsed

	served       time.Duration // service of all pages
	ratio        float64       // of CPU time to service; 0: not known
	calibratedAt struct{ cpu, served time.Duration }
}

// The least and the most that a calibration is believed, the most of a server that
// WorksLater.
const (
	minRatio = 0.2
	maxRatio = 5
)

// enoughServed is how much service a calibration needs.
const minCalibration = 4 * burst

// Calibrate is told, now and then, how much CPU time the server has used in all.
// The wall time of a page has waiting for the network and for our own processor
// in it. What the server used for all its clients is a bound on what it used for
// us, so the lesser of the two is charged, unless the server WorksLater.
func (p *Pacer) Calibrate(cpu time.Duration) {
	served := p.served - p.calibratedAt.served
	if p.calibratedAt.cpu > 0 && served < minCalibration {
		return
	}
	if p.calibratedAt.cpu > 0 {
		most := 1.0
		if p.DefersWork {
			most = maxRatio
		}
		ratio := min(most, max(minRatio, float64(cpu-p.calibratedAt.cpu)/float64(served)))
		if p.ratio > 0 {
			ratio = (ratio + p.ratio) / 2
		}
		p.ratio = ratio
	}
	p.calibratedAt.cpu, p.calibratedAt.served = cpu, p.served
}

// charge is what is charged for a page.
func (p *Pacer) charge(service time.Duration) time.Duration {
	p.served += service
	return p.Used(service)
}

// Used is what the server used for service, by its CPU time.
func (p *Pacer) Used(service time.Duration) time.Duration {
	if p.ratio == 0 {
		return service
	}
	return time.Duration(float64(service) * p.ratio)
}

// lateness is what is made up for when a pause, or anything else, took longer
// than it should have. More is forgotten: a laptop that slept for an hour does
// not work without pauses then.
const lateness = burst

// Service is how long a page kept the server's main thread, at most: its wall
// time less the least round trip. Waiting for other clients counts as ours.
func Service(wall, leastRoundTrip time.Duration) time.Duration {
	return max(0, wall-leastRoundTrip)
}

// Page accounts for a page of keys that kept the server for service and ended
// when the walk had taken elapsed, pauses included. It returns how long to pause
// now, nothing within a burst, and whether Rate alone wants it.
func (p *Pacer) Page(service time.Duration, keys int, elapsed time.Duration) (pause time.Duration, forRate bool) {
	forLoad := p.loadPause(p.charge(service), elapsed)
	pause = max(forLoad, p.ratePause(keys, elapsed))
	return pause, pause > forLoad
}

// Send accounts for a pipeline about keys that is sent when the walk has taken elapsed,
// by what it will cost the server. It returns how long to pause before the next is
// sent, gap at least, and whether Rate alone wants it. Over a link pages are not sent
// in bursts: on the way they would stay together.
func (p *Pacer) Send(cost, gap time.Duration, keys int, elapsed time.Duration) (pause time.Duration, forRate bool) {
	spread := max(time.Duration(float64(p.charge(cost))/p.MaxLoad), gap)
	if p.MaxLoad >= 1 {
		spread = gap
	}
	p.sendDue = max(p.sendDue, elapsed-sendLateness) + spread
	forRateAlone := p.ratePause(keys, elapsed)
	pause = max(0, p.sendDue-elapsed)
	return max(pause, forRateAlone), forRateAlone > pause
}

// sendLateness is what is made up for when a pause between two sendings took longer
// than it should have.
const sendLateness = 250 * time.Microsecond

// loadPause is what is left until the page has had its share of the time. Time
// in which the server waited for us counts as pause.
func (p *Pacer) loadPause(service, elapsed time.Duration) time.Duration {
	if p.MaxLoad >= 1 {
		return 0
	}
	p.loadDue = max(p.loadDue, elapsed-service-lateness) + time.Duration(float64(service)/p.MaxLoad)
	owed := p.loadDue - elapsed
	if owed < time.Duration(float64(burst)*(1/p.MaxLoad-1)) {
		return 0
	}
	return owed
}

// ratePause is what is left until so many keys may have been asked for.
func (p *Pacer) ratePause(keys int, elapsed time.Duration) time.Duration {
	if p.Rate <= 0 {
		return 0
	}
	p.rateDue = max(p.rateDue, elapsed-lateness) + time.Duration(float64(keys)/p.Rate*float64(time.Second))
	return max(0, p.rateDue-elapsed)
}
