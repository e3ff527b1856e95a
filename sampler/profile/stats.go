package profile

import (
	"fmt"
	"math"
	"sort"
)

// Stats holds the statistics of a set of keys: the whole keyspace or one namespace.
// Every part merges exactly with the same part of a disjoint set, so it does not depend
// on the order of the scan or the number of workers.
//
// In a sample every Estimate is of all keys. All else counts the keys that were
// measured: types, histograms, the joint table and distributions give shares and
// quantiles of all keys, but not their number.
type Stats struct {
	Probed int64     `json:"probed"`          // keys that were measured
	Keys   Estimate  `json:"keys"`            // keys
	Bytes  *Estimate `json:"bytes,omitempty"` // sum of MEMORY USAGE, bytes
	// SampledBytes are those of Bytes that rest on the server's own estimate:
	// every type but string (MEMORY USAGE looks at the first 5 elements).
	SampledBytes *Estimate `json:"sampled_bytes,omitempty"` // bytes
	NoTTLKeys    *Estimate `json:"no_ttl_keys,omitempty"`   // keys with PTTL -1
	NoTTLBytes   *Estimate `json:"no_ttl_bytes,omitempty"`  // bytes
	// HighIdleKeys and HighIdleBytes count keys idle for longer than
	// Design.IdleOverS. Absent when that lies beyond the idle horizon.
	HighIdleKeys  *Estimate `json:"high_idle_keys,omitempty"`  // keys
	HighIdleBytes *Estimate `json:"high_idle_bytes,omitempty"` // bytes

	Types     map[string]TypeStats `json:"types,omitempty"` // by the answer of TYPE
	TTL       *TTLStats            `json:"ttl,omitempty"`
	Idle      *IdleStats           `json:"idle,omitempty"`
	Freq      *FreqStats           `json:"freq,omitempty"`        // under an LFU policy, instead of Idle
	IdleByTTL []IdleByTTL          `json:"idle_by_ttl,omitempty"` // joint table, sparse
	Size      *Distribution        `json:"size,omitempty"`        // bytes a key

	// Stalled counts keys for which a command got no reply in time. They are in all
	// figures except those of that command.
	Stalled int64 `json:"stalled,omitempty"` // keys

	// Keys that SCAN returned and that could not be measured, each counted
	// once. They are in no other figure.
	Vanished int64 `json:"vanished"`           // keys gone when probed (MEMORY USAGE answered nil)
	Expired  int64 `json:"expired_keys"`       // keys expired between SCAN and probe (PTTL -2)
	Moved    int64 `json:"moved,omitempty"`    // keys of another node of the cluster (MOVED or ASK)
	Denied   int64 `json:"denied,omitempty"`   // keys outside the user's ACL patterns (NOPERM)
	TooLong  int64 `json:"too_long,omitempty"` // keys with a name too long to request
	Failed   int64 `json:"failed,omitempty"`   // keys with an invalid reply

	// Sample holds the sums from which confidence intervals are computed; absent for a
	// census.
	Sample *SampleSums `json:"sample,omitempty"`

	Examples []Key `json:"examples"` // chosen by hash of the name: the same on every run
	Largest  []Key `json:"largest"`  // largest first
}

// Gone returns the number of keys that SCAN returned and that the node no longer had
// when they were probed.
func (s *Stats) Gone() int64 { return s.Vanished + s.Expired + s.Moved }

// Unmeasured returns the number of keys that the node had and that could not be
// measured.
func (s *Stats) Unmeasured() int64 { return s.Denied + s.TooLong + s.Failed }

// Estimate is a figure with its 95 % confidence interval. Lo, Value and Hi are equal
// when the figure is exact.
type Estimate struct {
	Value int64  `json:"value"` // keys or bytes, as the field says
	Lo    int64  `json:"lo"`    // the same unit
	Hi    *int64 `json:"hi"`    // the same unit; null: no upper bound is known ("at least")
}

// Exact returns the estimate of a figure that was counted.
func Exact(n int64) Estimate { return Estimate{Value: n, Lo: n, Hi: &n} }

// IsExact reports whether the figure is exact. An absent one is not.
func (e *Estimate) IsExact() bool {
	return e != nil && e.Hi != nil && e.Lo == e.Value && *e.Hi == e.Value
}

// atMost returns the upper end, and the largest int64 when that is not known.
func (e *Estimate) atMost() int64 {
	if e == nil || e.Hi == nil {
		return math.MaxInt64
	}
	return *e.Hi
}

// TypeStats counts the keys of one type.
type TypeStats struct {
	Keys  int64  `json:"keys"`            // keys
	Bytes *int64 `json:"bytes,omitempty"` // bytes; absent without MEMORY USAGE
}

// TTLStats describes the remaining time to live of the keys that have one.
type TTLStats struct {
	Histogram []Bucket      `json:"histogram"`             // over Edges
	RemainS   *Distribution `json:"remaining_s,omitempty"` // seconds; absent when no key has a TTL
	// IdlePlusTTLS is idle time plus remaining TTL, in seconds: for a key whose
	// TTL is set anew at each access, the TTL that was given to it.
	IdlePlusTTLS *Distribution `json:"idle_plus_ttl_s,omitempty"`
}

// IdleMeasure says which accesses reset an idle time.
type IdleMeasure string

// The event from which OBJECT IDLETIME counts. Reads on a primary are not replicated,
// so a replica cannot see them.
const (
	IdleSinceAccess           IdleMeasure = "since last access"
	IdleSinceWriteOrLocalRead IdleMeasure = "since last write or local read"
)

// IdleStats describes OBJECT IDLETIME.
type IdleStats struct {
	Measure IdleMeasure `json:"measure"`
	// HorizonS is the longest idle time that this node can report, in seconds:
	// the lesser of its uptime and the 194 days of the 24-bit LRU clock.
	HorizonS  int64         `json:"horizon_s"`
	Histogram []Bucket      `json:"histogram"` // over Edges
	IdleS     *Distribution `json:"idle_s,omitempty"`
	// SharedKeys are keys left out because their value is an integer object
	// that the server shares between keys: its idle time is not theirs.
	SharedKeys int64 `json:"shared_keys,omitempty"` // keys
}

// FreqStats describes OBJECT FREQ: a logarithmic access counter from 0 to 255,
// decayed over time, not a number of accesses.
type FreqStats struct {
	Histogram []FreqBucket `json:"histogram"` // over FreqEdges
}

// FreqBucket is a Bucket whose edge is a counter and not a time.
type FreqBucket struct {
	Edge  *int64 `json:"le,omitempty"`    // counter, 0 to 255: upper edge, inclusive; absent beyond the last edge
	Keys  int64  `json:"keys"`            // keys
	Bytes *int64 `json:"bytes,omitempty"` // bytes; absent without MEMORY USAGE
}

// NewFreqStats returns statistics with these buckets over FreqEdges.
func NewFreqStats(buckets []Bucket) *FreqStats {
	f := &FreqStats{Histogram: make([]FreqBucket, len(buckets))}
	for i, b := range buckets {
		f.Histogram[i] = FreqBucket(b)
	}
	return f
}

// Buckets returns the histogram as Buckets.
func (f *FreqStats) Buckets() []Bucket {
	buckets := make([]Bucket, len(f.Histogram))
	for i, b := range f.Histogram {
		buckets[i] = Bucket(b)
	}
	return buckets
}

// Bucket counts the keys whose value is at most its edge and greater than the
// edge before it. Buckets without keys are left out.
type Bucket struct {
	Edge  *int64 `json:"le_s,omitempty"`  // upper edge in seconds, inclusive; absent beyond the last edge
	Keys  int64  `json:"keys"`            // keys
	Bytes *int64 `json:"bytes,omitempty"` // bytes; absent without MEMORY USAGE
}

// IdleByTTL is one cell of the joint table of idle time and remaining TTL.
type IdleByTTL struct {
	IdleLE *int64 `json:"idle_le_s,omitempty"` // as Bucket.Edge, seconds
	TTLLE  *int64 `json:"ttl_le_s,omitempty"`  // as Bucket.Edge, seconds; absent also when NoTTL
	NoTTL  bool   `json:"no_ttl,omitempty"`
	Keys   int64  `json:"keys"`            // keys
	Bytes  *int64 `json:"bytes,omitempty"` // bytes; absent without MEMORY USAGE
}

// Distribution summarizes one quantity over the keys that have it. Count, Min,
// Max, Sum and Mean are exact; quantiles are the sketch's, within SketchAccuracy.
type Distribution struct {
	Count  int64   `json:"count"`  // keys, at least 1
	Min    float64 `json:"min"`    // least, in the unit of the field that holds the distribution
	Max    float64 `json:"max"`    // greatest, in that unit
	Sum    Sum     `json:"sum"`    // of all values, in that unit, exact
	Mean   float64 `json:"mean"`   // in that unit
	P50    float64 `json:"p50"`    // median, in that unit
	P90    float64 `json:"p90"`    // 90 in 100 keys have no more, in that unit
	P99    float64 `json:"p99"`    // 99 in 100 keys have no more, in that unit
	Sketch *Sketch `json:"sketch"` // mergeable, of the values in that unit
}

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

// BucketIndex returns the index of the bucket for v: the first edge that is at
// least v, or len(edges) beyond the last one.
func BucketIndex(edges []int64, v int64) int {
	return sort.Search(len(edges), func(i int) bool { return edges[i] >= v })
}

// EdgeAt returns the upper edge of bucket i, nil for the one beyond the last edge.
func EdgeAt(edges []int64, i int) *int64 {
	if i >= len(edges) {
		return nil
	}
	return &edges[i]
}

// Limits on the names of types, which a server may choose as it likes: Redis's own
// are 7, and those of modules have 9 characters (module.c, moduleTypeEncodeId).
const (
	MaxTypes     = 64 // names in one profile, without OtherType
	MaxTypeBytes = 64 // bytes of a name
)

// checkTypeNames refuses more names of types than what is made of a scan can have:
// they are summed up over namespaces, each of which may bring others.
func (p *Profile) checkTypeNames() error {
	names := map[string]bool{OtherType: true}
	check := func(s *Stats) error {
		for name := range s.Types {
			names[name] = true
			if len(names) > MaxTypes+1 {
				return &fieldError{"types", fmt.Sprintf("more than %d", MaxTypes)}
			}
		}
		return nil
	}
	return first(
		inField("totals", check(&p.Totals)),
		each("namespaces", p.Namespaces, func(n *Namespace) error { return check(&n.Stats) }),
	)
}

// OrZero returns *n, and 0 for a figure that is unknown. It is for sorting and adding up,
// never for showing.
func OrZero(n *int64) int64 {
	if n == nil {
		return 0
	}
	return *n
}

// Float returns *n as a float64, nil for a figure that is unknown.
func Float(n *int64) *float64 {
	if n == nil {
		return nil
	}
	return new(float64(*n))
}
