package throttle

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"keyprof/scanner/info"
)

// As in package scanner.
const (
	baselinePings = 50
	pingEvery     = 50 * time.Millisecond
	longestSlice  = 250 * time.Millisecond
)

// model is a server with one thread, a link to it, and a clock that it advances.
type model struct {
	perKey   time.Duration // of the main thread, with all probes
	perPage  time.Duration // besides the keys
	link     time.Duration // least round trip
	jitter   time.Duration // of the link, on average
	others   float64       // share of the main thread that other clients use
	request  time.Duration // one of theirs
	noCPU    bool          // INFO does not tell its CPU time
	noINFO   bool          // there is no probe connection
	starved  bool          // what is slow takes no CPU time: memory that was swapped out
	slowFrom time.Duration // from here to slowTo keys take slower times as long
	slowTo   time.Duration
	slower   float64
	vitals   func(at time.Duration) info.ServerStats

	rand    *rand.Rand
	now     time.Duration
	working time.Duration // that the server has worked for us
}

// trace holds the results of a simulated scan.
type trace struct {
	pages    []tracedPage
	stoodFor map[string]time.Duration
}

type tracedPage struct {
	at      time.Duration
	keys    int
	stretch time.Duration // that others waited for it
}

func (m *model) exp(mean time.Duration) time.Duration {
	return time.Duration(m.rand.ExpFloat64() * float64(mean))
}

// wait returns how long a request waits for those of other clients.
func (m *model) wait() time.Duration {
	if m.rand.Float64() >= m.others {
		return 0
	}
	return m.exp(m.request)
}

// stretch returns the main thread's time for a page.
func (m *model) stretch(keys int) time.Duration {
	s := float64(keys) * float64(m.perKey)
	if m.now >= m.slowFrom && m.now < m.slowTo {
		s *= m.slower
	}
	return m.perPage + time.Duration(s*(0.8+0.4*m.rand.Float64()))
}

// walk simulates a scan until end.
func (m *model) walk(g *Guard, load float64, end time.Duration) trace {
	m.rand = rand.New(rand.NewPCG(1, 2))
	t := trace{stoodFor: map[string]time.Duration{}}
	pacer := Pacer{MaxLoad: load}
	for range baselinePings {
		m.ping(g, 0, true)
	}
	nextPing, nextLook := pingEvery, time.Duration(0)
	for m.now < end {
		keys := g.Page()
		stretch := m.stretch(keys)
		if nextPing <= m.now {
			m.ping(g, time.Duration(m.rand.Float64()*float64(stretch)), false)
			nextPing = m.now + m.exp(pingEvery)
		}
		took := stretch + m.wait() + m.exp(m.jitter)
		m.now += m.link + took
		if m.starved {
			m.working += m.perPage + time.Duration(keys)*m.perKey
		} else {
			m.working += stretch
		}
		t.pages = append(t.pages, tracedPage{m.now, keys, stretch})
		pause, _ := pacer.Page(took, keys, m.now)
		if m.now += pause; pause > 0 && nextPing <= m.now {
			m.ping(g, 0, true)
			nextPing = m.now + m.exp(pingEvery)
		}
		g.AddPage(took, keys)
		for {
			if nextLook <= m.now {
				m.look(g)
				nextLook = m.now + time.Second
			}
			left, reason := g.Pause(m.now)
			if left == 0 {
				break
			}
			left = min(left, longestSlice)
			t.stoodFor[reason] += left
			m.now += left
		}
	}
	return t
}

func (m *model) ping(g *Guard, ours time.Duration, paused bool) {
	if !m.noINFO {
		g.AddPing(m.link+ours+m.wait()+m.exp(m.jitter), paused)
	}
}

func (m *model) look(g *Guard) {
	if m.noINFO {
		return
	}
	v := info.ServerStats{}
	if m.vitals != nil {
		v = m.vitals(m.now)
	}
	if !m.noCPU {
		v.CPU = time.Minute + m.working + time.Duration(m.others*float64(m.now))
	}
	g.AddStats(v, m.now)
}

// sizes returns the minimum, mean and maximum number of keys of the pages between two times.
func (t trace) sizes(from, to time.Duration) (least, most int, mean float64, stretch time.Duration) {
	least = 1 << 30
	n := 0
	for _, p := range t.pages {
		if p.at >= from && p.at < to {
			least, most, mean, n = min(least, p.keys), max(most, p.keys), mean+float64(p.keys), n+1
			stretch += p.stretch
		}
	}
	if n > 0 {
		mean, stretch = mean/float64(n), stretch/time.Duration(n)
	}
	return least, most, mean, stretch
}

// quick returns a server on which a key costs 4.5 µs.
func quick() model {
	return model{perKey: 4 * time.Microsecond, perPage: 10 * time.Microsecond, link: 50 * time.Microsecond}
}

// A condition that keeps returning causes longer pauses each time, within limits, and not
// forever.
func TestGuardStandsBackForLonger(t *testing.T) {
	g := NewGuard(DefaultLatencyBudget, 0)
	g.AddStats(info.ServerStats{}, 0)
	var lengths []time.Duration
	now := time.Second
	for n := range 20 {
		g.AddStats(info.ServerStats{Saving: true}, now)
		left, _ := g.Pause(now)
		lengths = append(lengths, left)
		now += left
		g.AddStats(info.ServerStats{}, now)
		if more, _ := g.Pause(now); more != 0 {
			t.Fatalf("pause %d: %v more when the save is over", n, more)
		}
		now += 2 * time.Second
	}
	want := []time.Duration{1, 2, 4, 8, 16, 32, 60, 0}
	for i, w := range want {
		if lengths[i] != w*time.Second {
			t.Errorf("pause %d: %v, want %v s", i, lengths[i], w)
		}
	}
	g.AddStats(info.ServerStats{}, now+2*quietTime)
	g.AddStats(info.ServerStats{Saving: true}, now+2*quietTime)
	if left, _ := g.Pause(now + 2*quietTime); left != minPause {
		t.Errorf("after a quiet time: %v", left)
	}
}

// Whatever keys cost, pages settle near the budget, without going back and forth
// between small and large ones.
func TestGuardSettlesAtTheBudget(t *testing.T) {
	for _, tt := range []struct {
		name   string
		budget time.Duration
		change func(*model)
		least  float64 // share of the budget that a page takes on average
	}{
		{"quick", 100 * time.Microsecond, func(*model) {}, 0.7},
		{"quick, large budget", 500 * time.Microsecond, func(*model) {}, 0.7},
		{"slow", 100 * time.Microsecond, func(m *model) { m.perKey = 12 * time.Microsecond }, 0.5},
		{"others use half of it", 100 * time.Microsecond, func(m *model) { m.others, m.request = 0.5, 20*time.Microsecond }, 0.5},
		{"others use most of it", 100 * time.Microsecond, func(m *model) { m.others, m.request = 0.8, 50*time.Microsecond }, 0.2},
		{"no CPU time told", 100 * time.Microsecond, func(m *model) { m.noCPU = true }, 0.7},
		{"no probe connection", 100 * time.Microsecond, func(m *model) { m.noINFO = true }, 0.7},
		{"full speed", 100 * time.Microsecond, func(m *model) {}, 0.7},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := quick()
			tt.change(&m)
			load := DefaultMaxLoad
			if tt.name == "full speed" {
				load = 1
			}
			trace := m.walk(NewGuard(tt.budget, 0), load, 30*time.Second)
			least, most, mean, stretch := trace.sizes(10*time.Second, 30*time.Second)
			t.Logf("%d to %d keys, %.1f on average, for %v", least, most, mean, stretch)
			if stretch > tt.budget || float64(stretch) < tt.least*float64(tt.budget) {
				t.Errorf("a page takes %v on average, the budget is %v", stretch, tt.budget)
			}
			if most > 3*least {
				t.Errorf("between %d and %d keys", least, most)
			}
			if len(trace.stoodFor) != 0 {
				t.Errorf("stood back: %v", trace.stoodFor)
			}
		})
	}
}

// A range of large keys makes pages smaller, and after it they are as before.
func TestGuardBacksOffAndRecovers(t *testing.T) {
	for _, starved := range []bool{false, true} {
		t.Run(fmt.Sprint("swapped out: ", starved), func(t *testing.T) {
			m := quick()
			m.slowFrom, m.slowTo, m.slower = 20*time.Second, 40*time.Second, 4
			if starved {
				m.starved, m.slower = true, 12
			}
			trace := m.walk(NewGuard(DefaultLatencyBudget, 0), DefaultMaxLoad, time.Minute)
			_, _, before, _ := trace.sizes(10*time.Second, 20*time.Second)
			_, _, within, stretch := trace.sizes(25*time.Second, 40*time.Second)
			_, _, after, _ := trace.sizes(45*time.Second, time.Minute)
			t.Logf("%.1f, %.1f, %.1f keys; %v a page", before, within, after, stretch)
			if !starved && stretch > DefaultLatencyBudget {
				t.Errorf("%v a page", stretch)
			}
			if within > before/2 || after < 0.8*before {
				t.Errorf("%.1f keys a page before, %.1f within, %.1f after", before, within, after)
			}
		})
	}
}

// However slow the server is, a scan continues.
func TestGuardNeverStarves(t *testing.T) {
	m := quick()
	m.perKey = 10 * time.Millisecond
	trace := m.walk(NewGuard(DefaultLatencyBudget, 0), DefaultMaxLoad, time.Minute)
	if least, most, _, _ := trace.sizes(30*time.Second, time.Minute); least != minPage || most != minPage {
		t.Errorf("%d to %d keys a page, want %d", least, most, minPage)
	}
}

func TestGuardKeepsAFixedPage(t *testing.T) {
	m := quick()
	m.perKey = time.Millisecond
	m.vitals = func(at time.Duration) info.ServerStats {
		return info.ServerStats{Saving: at > 3*time.Second && at < 8*time.Second}
	}
	g := NewGuard(DefaultLatencyBudget, 70)
	trace := m.walk(g, 1, 20*time.Second)
	if least, most, _, _ := trace.sizes(0, time.Hour); least != 70 || most != 70 || g.PageSizes() != (PageSizes{70, 70, 70}) {
		t.Errorf("%d to %d keys, %v", least, most, g.PageSizes())
	}
	if trace.stoodFor[reasonSave] == 0 {
		t.Error("a save did not pause the scan")
	}
}

// The length of the pauses of a scan of ten minutes when the server changes.
func TestGuardPauses(t *testing.T) {
	const s = time.Second
	within := func(at, from, to time.Duration) bool { return at >= from && at < to }
	evicting := func(rate func(at time.Duration) float64) func(time.Duration) info.ServerStats {
		keys := 0.0
		last := time.Duration(0)
		return func(at time.Duration) info.ServerStats {
			keys += rate(at) * (at - last).Seconds()
			last = at
			return info.ServerStats{Evicted: 1_000_000 + int64(keys), Uptime: 10_000 * s, AtMaxmemory: true}
		}
	}
	for _, tt := range []struct {
		name        string
		vitals      func(at time.Duration) info.ServerStats
		reason      string
		least, most time.Duration
	}{
		{"nothing", func(time.Duration) info.ServerStats { return info.ServerStats{} }, "", 0, 0},
		{"a save", func(at time.Duration) info.ServerStats { return info.ServerStats{Saving: within(at, 100*s, 120*s)} }, reasonSave, 19 * s, 22 * s},
		{"a save that was under way", func(at time.Duration) info.ServerStats { return info.ServerStats{Saving: at < 60*s} }, "", 0, 0},
		{"and then another", func(at time.Duration) info.ServerStats {
			return info.ServerStats{Saving: at < 10*s || within(at, 200*s, 205*s)}
		}, reasonSave, 4 * s, 8 * s},
		{"a save that does not end", func(at time.Duration) info.ServerStats { return info.ServerStats{Saving: at > 30*s} }, reasonSave, 119 * s, 123 * s},
		{"one save after the other", func(at time.Duration) info.ServerStats {
			return info.ServerStats{Saving: at > 30*s && at%(40*s) < 30*s}
		}, reasonSave, 80 * s, 100 * s},
		{"an AOF rewrite", func(at time.Duration) info.ServerStats { return info.ServerStats{Rewriting: within(at, 100*s, 110*s)} }, reasonRewrite, 9 * s, 12 * s},
		{"loading", func(at time.Duration) info.ServerStats { return info.ServerStats{Loading: within(at, 100*s, 103*s)} }, reasonLoading, 2 * s, 5 * s},
		{"the link goes down", func(at time.Duration) info.ServerStats { return info.ServerStats{LinkDown: within(at, 100*s, 110*s)} }, reasonLinkDown, 9 * s, 12 * s},
		{"the link is down", func(at time.Duration) info.ServerStats { return info.ServerStats{LinkDown: true} }, "", 0, 0},
		{"the lag grows", func(at time.Duration) info.ServerStats {
			if within(at, 100*s, 130*s) {
				return info.ServerStats{Lag: int64(at-100*s) / 1000}
			}
			return info.ServerStats{}
		}, reasonLag, 10 * s, 40 * s},
		{"the lag goes up and down", func(at time.Duration) info.ServerStats { return info.ServerStats{Lag: int64(at/s) % 4 * (20 << 20)} }, "", 0, 0},
		{"a lag that stays", func(at time.Duration) info.ServerStats { return info.ServerStats{Lag: 1 << 30} }, "", 0, 0},
		{"lives at maxmemory", evicting(func(time.Duration) float64 { return 100 }), "", 0, 0},
		{"lives at maxmemory, unevenly", evicting(func(at time.Duration) float64 { return float64(at / s % 4 * 60) }), "", 0, 0},
		{"at maxmemory, statistics reset", func(at time.Duration) info.ServerStats {
			return info.ServerStats{Evicted: int64(at / s * 300), AtMaxmemory: true, Uptime: 10_000 * s}
		}, "", 0, 0},
		{"evicts many more", evicting(func(at time.Duration) float64 {
			if within(at, 100*s, 120*s) {
				return 3000
			}
			return 100
		}), reasonMoreEvictions, 15 * s, 40 * s},
		{"begins to evict", func(at time.Duration) info.ServerStats {
			return info.ServerStats{Evicted: max(0, int64(min(at, 120*s)-100*s)/1e7), Uptime: 10_000 * s}
		}, reasonEvictions, 15 * s, 40 * s},
		{"begins to evict and goes on", func(at time.Duration) info.ServerStats {
			return info.ServerStats{Evicted: max(0, int64(at-100*s)/1e7), Uptime: 10_000 * s}
		}, reasonEvictions, 110 * s, 190 * s},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := quick()
			m.vitals = tt.vitals
			g := NewGuard(DefaultLatencyBudget, 0)
			trace := m.walk(g, 0.02, 600*s)
			total := time.Duration(0)
			for _, d := range trace.stoodFor {
				total += d
			}
			if got := trace.stoodFor[tt.reason]; got < tt.least || got > tt.most || total != got {
				t.Errorf("stood back %v, want %v to %v for %q alone", trace.stoodFor, tt.least, tt.most, tt.reason)
			}
			for _, b := range g.Pauses(m.now) {
				if b.Reason != tt.reason || b.Count < 1 || b.Took < total-s || b.Took > total+s {
					t.Errorf("noted %+v, stood back %v", b, total)
				}
			}
			if _, _, mean, _ := trace.sizes(550*s, 600*s); mean < 15 {
				t.Errorf("%.1f keys a page in the end", mean)
			}
		})
	}
}

// Stale INFO does not pause a scan.
func TestGuardForgetsWhatIsOld(t *testing.T) {
	g := NewGuard(DefaultLatencyBudget, 0)
	g.AddStats(info.ServerStats{}, 0)
	g.AddStats(info.ServerStats{Saving: true}, time.Second)
	now, stood := time.Second, time.Duration(0)
	for range 100 {
		left, _ := g.Pause(now)
		stood += left
		now += max(left, time.Second)
	}
	if stood == 0 || stood > 2*staleAfter {
		t.Errorf("stood back %v", stood)
	}
}

// After a pause a scan starts with small pages.
func TestGuardBeginsAgainGently(t *testing.T) {
	g := NewGuard(DefaultLatencyBudget, 0)
	first := g.Page()
	g.AddStats(info.ServerStats{}, 0)
	g.AddStats(info.ServerStats{Saving: true}, time.Second)
	left, reason := g.Pause(time.Second)
	g.AddStats(info.ServerStats{}, 2*time.Second)
	if more, _ := g.Pause(time.Second + left); left != minPause || reason != reasonSave || more != 0 || g.Page() != first/4 {
		t.Errorf("stood back %v for %q, then %v; %d keys a page, before %d", left, reason, more, g.Page(), first)
	}
}
