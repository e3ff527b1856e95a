package throttle

import "time"

// MostRanges is how many ranges of a walk are worth their memory: they hide a
// round trip of some three to seven times what a page takes.
const MostRanges = 8

// TrialPages are walked by one lane, to see what the server's cursors are like
// and how long it takes for a page.
const TrialPages = 4

// A range has at least so many pages and keys: at its end pages are asked for more
// than once, and seams are exact where there are many buckets between them.
const (
	LeastRangePages = 16
	LeastRangeKeys  = 1024
)

// RangesFor is how many ranges keep a server busy that is a round trip away: while
// one page travels, or we read what it answers, it works on those of the others.
// Twice as many travel as the figures say: roundTrip is the least that was seen, and
// service, an upper bound, of one page at a time, has the network's delays in it.
func RangesFor(roundTrip, service time.Duration) int {
	if service <= 0 {
		return MostRanges
	}
	travelling := (2*roundTrip + service/2) / service
	return int(min(MostRanges, 2+travelling))
}
