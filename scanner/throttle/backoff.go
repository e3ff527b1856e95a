package throttle

import (
	"slices"
	"time"

	"keyprof/scanner/info"
)

// The reasons for which a guard pauses a scan. All are changes since the scan began.
const (
	reasonLoading       = "a data set is being loaded"
	reasonLinkDown      = "the link to the primary went down"
	reasonSave          = "an RDB save started"
	reasonRewrite       = "an AOF rewrite started"
	reasonEvictions     = "key eviction started"
	reasonMoreEvictions = "evictions rose sharply"
	reasonLag           = "replication fell behind"
)

// PauseReasons returns all reasons of a Pause, each a clause about the server.
func PauseReasons() []string {
	return []string{reasonLoading, reasonLinkDown, reasonSave, reasonRewrite, reasonEvictions, reasonMoreEvictions, reasonLag}
}

// Pause holds how often and how long a scan paused for one reason.
type Pause struct {
	Reason string
	Count  int64
	Took   time.Duration
}

// A pause lasts at least minPause, and twice as long each time that a reason returns,
// up to maxPause, until the server was quiet for quietTime.
const (
	minPause  = time.Second
	maxPause  = time.Minute
	quietTime = time.Minute
)

// usualAfter is the time that a condition lasts, or keeps returning, before it counts
// as the server's normal state: a scan that waited for it would never end.
const usualAfter = 2 * time.Minute

// staleAfter is the age at which the last INFO no longer counts.
const staleAfter = 10 * time.Second

// backoff decides when a scan pauses for the server's sake.
type backoff struct {
	triggers  [7]trigger // in the order of PauseReasons
	evictions evictions
	lag       lagTrend
	updated   time.Duration // last
	begun     bool          // there was an update

	reason string        // of the pause that is on; empty: none
	began  time.Duration // that pause
	until  time.Duration // its earliest end, then the next check
	length time.Duration // from its beginning to its earliest end
	ended  time.Duration // when the last pause ended
	done   []Pause
}

// update takes in the server's INFO.
func (b *backoff) update(v info.ServerStats, now time.Duration) {
	first := !b.begun
	b.begun, b.updated = true, now
	began, rose := b.evictions.update(v, now)
	for i, on := range []bool{v.Loading, v.LinkDown, v.Saving, v.Rewriting, began, rose, b.lag.grew(v.Lag)} {
		b.triggers[i].update(on, first, now)
	}
	if b.triggers[4].usual || b.triggers[5].usual {
		b.evictions.accept()
	}
}

// trigger tracks one reason.
type trigger struct {
	on    bool
	usual bool // the server's normal state
	seen  bool // it was on before
	// An episode lasts while it is never off for longer than the longest pause may have
	// hidden.
	since, last time.Duration
}

func (t *trigger) update(on, first bool, now time.Duration) {
	if on {
		if !t.seen || now-t.last > maxPause+quietTime {
			t.since = now
		}
		t.seen, t.last = true, now
	}
	t.on = on
	t.usual = on && (t.usual || first || now-t.since >= usualAfter)
}

// active returns the reason to pause now; empty for none.
func (b *backoff) active(now time.Duration) string {
	if now-b.updated > staleAfter {
		return ""
	}
	for i := range b.triggers {
		if t := &b.triggers[i]; t.on && !t.usual {
			return PauseReasons()[i]
		}
	}
	return ""
}

// pause returns how long to pause and why, and whether a pause has just ended.
func (b *backoff) pause(now time.Duration) (left time.Duration, reason string, released bool) {
	if b.reason != "" && now < b.until {
		return b.until - now, b.reason, false
	}
	switch reason = b.active(now); {
	case reason == "" && b.reason == "":
		return 0, "", false
	case reason == "":
		b.end(now)
		return 0, "", true
	case b.reason == "":
		b.grow(now)
		b.until = now + b.length
	default:
		b.until = now + minPause
	}
	if reason != b.reason {
		b.end(now)
		b.reason, b.began = reason, now
	}
	return b.until - now, b.reason, false
}

// grow sets the minimum length of a pause that begins.
func (b *backoff) grow(now time.Duration) {
	if len(b.done) == 0 || now-b.ended > quietTime {
		b.length = minPause
		return
	}
	b.length = min(2*b.length, maxPause)
}

// end records the pause that was on, if there was one.
func (b *backoff) end(now time.Duration) {
	if b.reason == "" {
		return
	}
	b.done = b.pauses(now)
	b.reason, b.ended = "", now
}

// pauses returns the pauses by reason, the one that is on included.
func (b *backoff) pauses(now time.Duration) []Pause {
	list := slices.Clone(b.done)
	if b.reason == "" {
		return list
	}
	i := slices.IndexFunc(list, func(d Pause) bool { return d.Reason == b.reason })
	if i < 0 {
		i = len(list)
		list = append(list, Pause{Reason: b.reason})
	}
	list[i].Count++
	list[i].Took += now - b.began
	return list
}

// evictions detects when a server begins to evict keys, or evicts clearly more than
// before. A server that runs at maxmemory evicts all the time.
type evictions struct {
	seen  []evictionCount // counts of the last evictionSpan, and one before
	usual float64         // keys a second
	rate  float64         // keys a second, now
	none  bool            // it had never evicted and was not near maxmemory
	began time.Duration   // the first update
}

type evictionCount struct {
	at   time.Duration
	keys int64
}

const (
	evictionSpan  = 3 * time.Second // over which a rate is measured
	learningSpan  = 5 * time.Second // over which the usual rate is learnt
	clearlyMore   = 4               // times the usual rate
	evictionSlack = 10              // keys a second
)

// update reports whether evictions began, or rose on a server that had them before.
func (e *evictions) update(v info.ServerStats, now time.Duration) (began, rose bool) {
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

// measure sets the rate of the last seconds.
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

// accept makes the present rate the usual one.
func (e *evictions) accept() { e.usual = max(e.usual, e.rate) }

// lagTrend detects when a replica falls behind. On a primary under load the lag rises and
// falls with the acknowledgements, one a second: so the minimum of the last values is
// compared with the maximum of all older ones.
type lagTrend struct {
	recent []int64 // bytes
	level  int64   // the maximum of those before recent, bytes
	older  int     // how many values that covers
	on     bool
}

const (
	lagSamples = 5       // about as many seconds
	lagSlack   = 1 << 20 // bytes
)

// grew reports whether the lag grew and has not gone back since.
func (l *lagTrend) grew(lag int64) bool {
	if l.on {
		l.on = lag > l.level+lagSlack
		return l.on
	}
	l.recent = append(l.recent, lag)
	// The gap between the two leaves time for a slow growth to show.
	if l.older < lagSamples || len(l.recent) > 2*lagSamples {
		l.level, l.older = max(l.level, l.recent[0]), l.older+1
		l.recent = slices.Delete(l.recent, 0, 1)
	}
	if n := len(l.recent); n >= lagSamples && slices.Min(l.recent[n-lagSamples:]) > l.level+lagSlack {
		l.on, l.recent = true, nil
	}
	return l.on
}
