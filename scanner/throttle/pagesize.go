package throttle

import (
	"math"
	"slices"
	"time"
)

// The limits of a page that follows a budget, in keys. Larger pages save the server
// nothing in SCAN.
const (
	minPage = 4
	maxPage = 200
)

// usualKey is the approximate time that a key costs the server's main thread, with its
// probes and its part of SCAN. A scan assumes it until it has measured.
const usualKey = 5 * time.Microsecond

// PageFor returns the size of a scan's first pages under a latency budget, in keys.
func PageFor(budget time.Duration) int {
	return min(max(int(budget/usualKey), minPage), maxPage)
}

// Pages grow additively and shrink by a factor, so that their size settles.
const (
	growth    = 2   // keys
	shrink    = 0.7 // factor, for a page that took too long
	growAgain = 4   // windows to wait before growing again
)

// windowPages is the number of pages that are judged together, by their median: a single
// page may have waited for another client, or for our own processor.
const windowPages = 16

// Pages that take far too long are judged sooner.
const (
	minWindowPages = 4
	farOverBudget  = 4 * windowPages // times the budget, in total
)

// minPagesForCPU is the number of pages from which on the server's CPU time is used.
const minPagesForCPU = 64

// pageSizer chooses the size of pages.
type pageSizer struct {
	budget time.Duration
	fixed  bool
	page   int // COUNT of the next SCAN
	used   histogramOfPages

	window  []time.Duration // service of the last pages
	total   time.Duration   // sum of window
	typical time.Duration   // service of a page, smoothed over the windows; 0: unknown
	hold    int             // windows for which the page does not grow

	baseline  roundTripWindow // while the scan is paused
	slowPings pingWindow      // while it works

	distrustCPU bool // other clients waited longer than the CPU time explains

	pages   int64         // since the last CPU time
	trusted int64         // pages for which perPage stays valid
	lastCPU time.Duration // the last CPU time
	perPage time.Duration // upper bound of the CPU time of a page; 0: unknown
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

// smoothing is the number of windows over which typical is averaged.
const smoothing = 4

// adjust adapts the page size to a window. On a noisy machine the time of a round trip is
// uncertain by more than a page takes, and smaller pages would not help: hence the bound
// from the server's CPU time is used, unless other clients recently waited longer than
// that (as they do when memory was swapped out).
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

// resize sets the page size and scales what is known of a page.
func (s *pageSizer) resize(page int) {
	page = min(max(page, minPage), maxPage)
	s.perPage = s.perPage * time.Duration(page) / time.Duration(s.page)
	s.typical = s.typical * time.Duration(page) / time.Duration(s.page)
	s.page = page
}

// shrinkAfterPause starts with small pages after a pause: other clients come first.
func (s *pageSizer) shrinkAfterPause() {
	if !s.fixed {
		s.resize(s.page / 4)
		s.window, s.total, s.slowPings = s.window[:0], 0, pingWindow{}
	}
}

// addCPU records the CPU time of the server's main thread. It is for all clients, and so
// an upper bound of ours.
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

// addPing judges a round trip of the monitor's connection while the scan worked. In a
// tunnel our own pages delay it, which says nothing about the server: so part of the
// usual round trip is allowed on top.
func (s *pageSizer) addPing(roundTrip time.Duration) {
	if s.baseline.known() {
		s.slowPings.add(roundTrip > s.baseline.p95+2*s.budget+s.baseline.median/linkShare)
	}
}

// linkShare divides the usual round trip into the part that is allowed on top.
const linkShare = 2

func (s *pageSizer) sizes() PageSizes {
	if s.used.total == 0 {
		return PageSizes{s.page, s.page, s.page}
	}
	return PageSizes{s.used.quantile(0), s.used.quantile(0.5), s.used.quantile(1)}
}

// pingWindow holds the last 16 pings while the scan worked, one bit each: set if too
// slow.
type pingWindow struct {
	slow  uint16
	count int
}

// trustPings is the number of good pings after which the CPU time is trusted again.
const trustPings = 64

// maxSlowPings of 16 pings is the limit for too slow ones. Without us one in twenty is,
// as the threshold is a 95th percentile.
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

// histogramOfPages counts pages by size.
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

// quantile returns the size that a fraction q of the pages does not exceed.
func (h *histogramOfPages) quantile(q float64) int {
	rank := max(1, int64(q*float64(h.total)))
	for page, n := range h.counts {
		if rank -= n; rank <= 0 {
			return page
		}
	}
	return len(h.counts) - 1
}

// RoundTrips summarizes round trips of PING, to within 5 %.
type RoundTrips struct {
	Count    int64
	P50, P99 time.Duration
}

// RoundTripHistogram counts round trips in bins that grow by a factor, so that its size
// does not depend on their number.
type RoundTripHistogram struct {
	bins  [480]int64
	count int64
}

// binsPerOctave makes each bin about 4.4 % wider than the one before; all bins together
// reach from a microsecond to 18 minutes.
const binsPerOctave = 16

// Add counts a round trip.
func (r *RoundTripHistogram) Add(d time.Duration) {
	micros := max(1, float64(d)/float64(time.Microsecond))
	r.bins[min(int(math.Log2(micros)*binsPerOctave), len(r.bins)-1)]++
	r.count++
}

// Summary returns the round trips up to now.
func (r *RoundTripHistogram) Summary() RoundTrips {
	return RoundTrips{Count: r.count, P50: r.quantile(0.5), P99: r.quantile(0.99)}
}

// quantile returns the middle of the bin that holds it; 0 without any round trip.
func (r *RoundTripHistogram) quantile(q float64) time.Duration {
	rank := int64(math.Ceil(q * float64(r.count)))
	for bin, n := range r.bins {
		if rank -= n; rank <= 0 && r.count > 0 {
			return time.Duration(math.Exp2((float64(bin)+0.5)/binsPerOctave) * float64(time.Microsecond))
		}
	}
	return 0
}
