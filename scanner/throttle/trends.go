package throttle

import (
	"slices"
	"time"

	"keyprof/scanner/info"
)

// evictions tells when a server begins to evict keys, or evicts clearly more than
// it did. One that lives at maxmemory evicts all the time.
type evictions struct {
	seen  []evictionCount // those of the last evictionSpan, and one before
	usual float64         // keys a second
	rate  float64         // keys a second, now
	none  bool            // it had never evicted, with memory to spare
	began time.Duration   // the first look
}

type evictionCount struct {
	at   time.Duration
	keys int64
}

const (
	evictionSpan  = 3 * time.Second // over which a rate is measured
	learningSpan  = 5 * time.Second // in which the usual rate is learnt
	clearlyMore   = 4               // times the usual rate
	evictionSlack = 10              // keys a second
)

// look reports whether evictions began, or rose, on a server that had them before.
func (e *evictions) look(v info.Vitals, now time.Duration) (began, rose bool) {
	if len(e.seen) == 0 {
		e.began = now
		e.none = v.Evicted == 0 && !v.AtMaxmemory
		if v.Uptime > 0 {
			e.usual = float64(v.Evicted) / v.Uptime.Seconds()
		}
	}
	e.measure(evictionCount{now, v.Evicted})
	if e.none {
		return e.rate > clearlyMore*e.usual, false
	}
	if now-e.began <= learningSpan {
		e.usual = max(e.usual, e.rate)
		return false, false
	}
	return false, e.rate > clearlyMore*e.usual+evictionSlack
}

// measure finds the rate of the last seconds.
func (e *evictions) measure(c evictionCount) {
	if n := len(e.seen); n > 0 && c.keys < e.seen[n-1].keys {
		e.seen = e.seen[:0] // the statistics were reset
	}
	e.seen = append(e.seen, c)
	for len(e.seen) > 2 && c.at-e.seen[1].at >= evictionSpan {
		e.seen = slices.Delete(e.seen, 0, 1)
	}
	e.rate = 0
	if first := e.seen[0]; c.at > first.at {
		e.rate = float64(c.keys-first.keys) / (c.at - first.at).Seconds()
	}
}

// accept takes the rate of now for usual.
func (e *evictions) accept() { e.usual = max(e.usual, e.rate) }

// lagTrend tells when a replica falls behind. On a primary under load the lag
// goes up and down with the acknowledgements, one a second: so the least of some
// looks is held against the most of all that are older.
type lagTrend struct {
	recent []int64 // bytes
	level  int64   // the most of those before recent, bytes
	older  int     // how many these are
	on     bool
}

const (
	lagLooks = 5       // about as many seconds
	lagSlack = 1 << 20 // bytes
)

// grew reports whether the lag grew, and has not gone back since.
func (l *lagTrend) grew(lag int64) bool {
	if l.on {
		l.on = lag > l.level+lagSlack
		return l.on
	}
	l.recent = append(l.recent, lag)
	// Between the two lies time for a slow growth to show.
	if l.older < lagLooks || len(l.recent) > 2*lagLooks {
		l.level, l.older = max(l.level, l.recent[0]), l.older+1
		l.recent = slices.Delete(l.recent, 0, 1)
	}
	if n := len(l.recent); n >= lagLooks && slices.Min(l.recent[n-lagLooks:]) > l.level+lagSlack {
		l.on, l.recent = true, nil
	}
	return l.on
}
