package throttle

import (
	"math"
	"slices"
	"time"
)

// The limits of a page that follows a budget, in keys. Over some 200, SCAN saves
// the server nothing.
const (
	minPage = 4
	maxPage = 200
)

// usualKey is about what a key takes of the server's main thread, with its probes
// and its share of SCAN; where a walk begins before it has measured.
const usualKey = 5 * time.Microsecond

// PageFor is the page with which a walk under a latency budget begins, in keys.
func PageFor(budget time.Duration) int {
	return min(max(int(budget/usualKey), minPage), maxPage)
}

// How pages grow and shrink: additively and by a factor, so that they settle.
const (
	growth    = 2   // keys
	shrink    = 0.7 // of a page that took too long
	growAgain = 4   // windows after that
)

// windowPages is how many pages are judged together, by the middle one: a single
// page may have been kept waiting by another client, or by our own processor.
const windowPages = 16

// Pages that take far too long are judged when there are a few.
const (
	minWindowPages = 4
	farOverBudget  = 4 * windowPages // times the budget, all together
)

// leastPagesForCPU is from how many pages on the server's CPU time tells of them.
const minPagesForCPU = 64

// sizer chooses the size of pages.
type pageSizer struct {
	budget time.Duration
	fixed  bool
	page   int // COUNT of the next SCAN
	used   histogramOfPages

	window  []time.Duration // service of the last pages
	total   time.Duration   // of them
	typical time.Duration   // service of a page, smoothed over the windows; 0: not known
	hold    int             // windows for which it does not grow

	baseline  roundTripWindow // what others feel without us, while the walk rests
	slowPings pingWindow      // what they feel with us

	distrustCPU bool // others felt more than the CPU time tells of

	pages   int64         // since the server last told its CPU time
	trusted int64         // pages for which perPage is believed without another word
	lastCPU time.Duration // what it told
	perPage time.Duration // CPU time of a page at most; 0: not known
}

func (s *pageSizer) addPage(service time.Duration) {
	s.pages++
	if s.fixed {
		return
	}
	s.window, s.total = append(s.window, service), s.total+service
	n := len(s.window)
	if n < windowPages && (n < minWindowPages || s.total < farOverBudget*s.budget) {
		return
	}
	slices.Sort(s.window)
	if middle := s.window[n/2]; s.typical == 0 {
		s.typical = middle
	} else {
		s.typical += (middle - s.typical) / smoothing
	}
	s.window, s.total = s.window[:0], 0
	s.adjust()
}

// smoothing is how many windows what is typical follows.
const smoothing = 4

// judge adapts the page to what the pages of a window took. On a noisy machine the
// time of a round trip is uncertain by more than a page takes, which no smaller page
// would mend: hence what the server's CPU time allows is believed, unless others
// felt more than that a while ago. So it is where memory was swapped out.
func (s *pageSizer) adjust() {
	stretch, suffering := s.typical, s.slowPings.tooMany()
	if suffering {
		s.distrustCPU = true
	} else if s.slowPings.count >= trustPings {
		s.distrustCPU = false
	}
	if s.perPage > 0 && s.pages < s.trusted && !s.distrustCPU {
		stretch = min(stretch, s.perPage)
	}
	s.hold = max(0, s.hold-1)
	switch next := float64(stretch) * float64(s.page+growth) / float64(s.page); {
	case stretch > s.budget || suffering:
		s.resize(int(float64(s.page) * shrink))
		s.hold, s.slowPings = growAgain, pingWindow{}
	case s.hold == 0 && next <= float64(s.budget):
		s.resize(s.page + growth)
	}
}

// resize also scales what is known of a page.
func (s *pageSizer) resize(page int) {
	page = min(max(page, minPage), maxPage)
	s.perPage = s.perPage * time.Duration(page) / time.Duration(s.page)
	s.typical = s.typical * time.Duration(page) / time.Duration(s.page)
	s.page = page
}

// startAgain is for when the walk stood back: others come first.
func (s *pageSizer) shrinkAfterPause() {
	if !s.fixed {
		s.resize(s.page / 4)
		s.window, s.total, s.slowPings = s.window[:0], 0, pingWindow{}
	}
}

// cpu is told what the server's main thread has used in all, for all its clients,
// so at most that for us.
func (s *pageSizer) addCPU(used time.Duration) {
	if s.lastCPU > 0 && used >= s.lastCPU {
		if s.pages < minPagesForCPU {
			return
		}
		s.perPage = max(1, (used-s.lastCPU)/time.Duration(s.pages))
		s.trusted = 5 * s.pages
	}
	s.lastCPU, s.pages = used, 0
}

// felt judges a round trip of the probe connection while the walk worked. In a tunnel
// our own pages keep it waiting, which says nothing of the server: a part of the usual
// round trip is allowed for that.
func (s *pageSizer) addPing(roundTrip time.Duration) {
	if s.baseline.known() {
		s.slowPings.add(roundTrip > s.baseline.p95+2*s.budget+s.baseline.median/linkShare)
	}
}

// linkShare is which part of the usual round trip may come on top.
const linkShare = 2

func (s *pageSizer) sizes() PageSizes {
	if s.used.total == 0 {
		return PageSizes{s.page, s.page, s.page}
	}
	return PageSizes{s.used.quantile(0), s.used.quantile(0.5), s.used.quantile(1)}
}

// pingVotes are the last pings while the walk worked, one bit each: too slow.
type pingWindow struct {
	slow  uint16
	count int
}

// doubtPings is how many pings must have been well until the CPU time is believed again.
const trustPings = 64

// badVotes is how many of 16 pings must be too slow: of those by which that is
// judged one in twenty is, without us.
const maxSlowPings = 6

func (v *pingWindow) add(slow bool) {
	v.slow <<= 1
	if slow {
		v.slow |= 1
	}
	v.count++
}

func (v *pingWindow) tooMany() bool {
	n := 0
	for bits := v.slow; bits != 0; bits &= bits - 1 {
		n++
	}
	return n >= maxSlowPings
}

// histogramOfPages counts pages by their size.
type histogramOfPages struct {
	counts []int64
	total  int64
}

func (h *histogramOfPages) add(page int) {
	if page >= len(h.counts) {
		h.counts = append(h.counts, make([]int64, page+1-len(h.counts))...)
	}
	h.counts[page]++
	h.total++
}

// quantile is the size that a share q of the pages does not exceed.
func (h *histogramOfPages) quantile(q float64) int {
	rank := max(1, int64(q*float64(h.total)))
	for page, n := range h.counts {
		if rank -= n; rank <= 0 {
			return page
		}
	}
	return len(h.counts) - 1
}

// RoundTrips are round trips of PING in sum, to within 5 %.
type RoundTrips struct {
	Count    int64
	P50, P99 time.Duration
}

// RoundTripHistogram counts round trips in bins that grow by a factor, so that a day of
// them takes no more memory than a second.
type RoundTripHistogram struct {
	bins  [480]int64
	count int64
}

// binsPerOctave makes each bin about 4.4 % wider than the one before; all bins
// together reach from a microsecond to 18 minutes.
const binsPerOctave = 16

// Add counts a round trip.
func (r *RoundTripHistogram) Add(d time.Duration) {
	micros := max(1, float64(d)/float64(time.Microsecond))
	r.bins[min(int(math.Log2(micros)*binsPerOctave), len(r.bins)-1)]++
	r.count++
}

// Sum is all round trips until now.
func (r *RoundTripHistogram) Summary() RoundTrips {
	return RoundTrips{Count: r.count, P50: r.quantile(0.5), P99: r.quantile(0.99)}
}

// quantile is the middle of the bin that holds it; 0 without any.
func (r *RoundTripHistogram) quantile(q float64) time.Duration {
	rank := int64(math.Ceil(q * float64(r.count)))
	for bin, n := range r.bins {
		if rank -= n; rank <= 0 && r.count > 0 {
			return time.Duration(math.Exp2((float64(bin)+0.5)/binsPerOctave) * float64(time.Microsecond))
		}
	}
	return 0
}
