package profile

import "sort"

const (
	minute = 60
	hour   = 60 * minute
	day    = 24 * hour
)

// Edges are the upper, inclusive edges of the TTL and idle histograms, in
// seconds: spans that people set as TTLs and think in.
var Edges = []int64{
	1 * minute, 5 * minute, 15 * minute,
	1 * hour, 3 * hour, 6 * hour, 8 * hour, 12 * hour,
	1 * day, 2 * day, 3 * day, 7 * day, 14 * day, 30 * day, 60 * day, 90 * day, 180 * day, 365 * day,
}

// FreqEdges are the upper, inclusive edges of the histogram of OBJECT FREQ's
// logarithmic counter. A new key starts at 5.
var FreqEdges = []int64{0, 1, 2, 4, 5, 10, 20, 50, 100, 200, 255}

// BucketIndex is the index of the bucket for v: the first edge that is at
// least v, or len(edges) beyond the last one.
func BucketIndex(edges []int64, v int64) int {
	return sort.Search(len(edges), func(i int) bool { return edges[i] >= v })
}

// EdgeAt is the upper edge of bucket i, nil for the one beyond the last edge.
func EdgeAt(edges []int64, i int) *int64 {
	if i >= len(edges) {
		return nil
	}
	return &edges[i]
}
