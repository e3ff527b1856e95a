package throttle

import (
	"math"
	"time"
)

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
func (r *RoundTripHistogram) Sum() RoundTrips {
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
