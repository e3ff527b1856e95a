package throttle

import "time"

// DefaultMaxLoad is the fraction of the server's main thread that a scan may use.
const DefaultMaxLoad = 0.25

// burst is the time that a scan works between two pauses. Pausing after each small page
// would be inexact: timers are late by up to a millisecond.
const burst = 5 * time.Millisecond

// The smallest limits that can be set. A scan with less would not end within a lifetime.
const (
	MinLoad = 0.001 // fraction of the server's main thread
	MinRate = 1     // keys a second
)

// Pacer decides how long to pause between pages. It reads no clock and does not sleep, so
// that tables can test it. It keeps two schedules, as cell rate algorithms do (ITU-T
// I.371): each page moves the time at which the next one is due.
type Pacer struct {
	MaxLoad float64 // fraction of the server's main thread, in (0,1]; 1: no pauses
	Rate    float64 // keys a second at most; 0: no limit
	// DefersWork is set for a server that replies before it has done its work (KeyDB):
	// its CPU time then counts even where it is longer than the time we waited.
	DefersWork bool

	loadDue, rateDue, sendDue time.Duration // in terms of elapsed

	served       time.Duration // service of all pages
	ratio        float64       // CPU time per service; 0: unknown
	calibratedAt struct{ cpu, served time.Duration }
}

// A calibrated ratio is kept within these bounds. The upper one is for a server that
// DefersWork; for others it is 1.
const (
	minRatio = 0.2
	maxRatio = 5
)

// minCalibration is the service that a calibration needs.
const minCalibration = 4 * burst

// Calibrate records the total CPU time that the server has used; call it now and then.
// The wall time of a page includes waiting for the network and for our own processor.
// The CPU time that the server used for all clients is an upper bound on what it used
// for us, so the smaller of the two is charged, unless the server DefersWork.
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

// charge returns what a page is charged for its service.
func (p *Pacer) charge(service time.Duration) time.Duration {
	p.served += service
	return p.Used(service)
}

// Used returns the CPU time that the server used for service, as calibrated.
func (p *Pacer) Used(service time.Duration) time.Duration {
	if p.ratio == 0 {
		return service
	}
	return time.Duration(float64(service) * p.ratio)
}

// lateness is the delay of a pause, or of anything else, that the pacer makes up for. It
// ignores more: a laptop that slept for an hour must not then scan without pauses.
const lateness = burst

// Service returns the upper bound of the time for which a page kept the server's main
// thread busy: its wall time less the smallest round trip. Waiting for other clients
// counts as ours.
func Service(wall, leastRoundTrip time.Duration) time.Duration {
	return max(0, wall-leastRoundTrip)
}

// Page accounts for a page of keys that kept the server busy for service and ended when
// the scan had taken elapsed, pauses included. It returns how long to pause now, 0 within
// a burst, and whether Rate alone asks for it.
func (p *Pacer) Page(service time.Duration, keys int, elapsed time.Duration) (pause time.Duration, forRate bool) {
	forLoad := p.loadPause(p.charge(service), elapsed)
	pause = max(forLoad, p.ratePause(keys, elapsed))
	return pause, pause > forLoad
}

// Send accounts for a pipeline about keys that is sent when the scan has taken elapsed,
// by its estimated cost to the server. It returns how long to pause before the next is
// sent, gap at least, and whether Rate alone asks for it. Over a link pages are not sent
// in bursts: they would stay together on the way.
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

// sendLateness is the delay of a pause between two pipelines that the pacer makes up for.
const sendLateness = 250 * time.Microsecond

// loadPause returns the time until the page's service is within MaxLoad. Time in which
// the server waited for us counts as pause.
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

// ratePause returns the time until Rate allows so many more keys.
func (p *Pacer) ratePause(keys int, elapsed time.Duration) time.Duration {
	if p.Rate <= 0 {
		return 0
	}
	p.rateDue = max(p.rateDue, elapsed-lateness) + time.Duration(float64(keys)/p.Rate*float64(time.Second))
	return max(0, p.rateDue-elapsed)
}
