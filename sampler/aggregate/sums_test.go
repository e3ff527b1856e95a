package aggregate

import (
	"testing"

	"pgregory.net/rapid"
)

// A joint table is a sparse matrix, and its sums are those of the matrix.
func TestJointTable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var halves [2]jointTable
		want := map[[2]int]amount{}
		var noTTL, byTTL, byIdle int64
		for range rapid.IntRange(0, 500).Draw(t, "keys") {
			idle, ttl := rapid.IntRange(0, idleBuckets-1).Draw(t, "idle"), rapid.IntRange(0, ttlBuckets-1).Draw(t, "TTL")
			key := amount{rapid.SampledFrom([]int64{1, 1 << 20}).Draw(t, "keys"), rapid.Int64Range(0, 1<<40).Draw(t, "bytes")}
			halves[rapid.IntRange(0, 1).Draw(t, "half")].add(idle, ttl, key)
			sum := want[[2]int{idle, ttl}]
			sum.merge(key)
			want[[2]int{idle, ttl}] = sum
			switch {
			case ttl == noTTLBucket:
				noTTL += key.bytes
			case ttl < numBuckets:
				byTTL += key.bytes
			}
			if idle < numBuckets {
				byIdle += key.bytes
			}
		}
		j := &halves[0]
		j.merge(&halves[1])
		last := -1
		j.each(func(idle, ttl int, got amount) {
			if at := idle*ttlBuckets + ttl; at <= last {
				t.Fatal("cells out of order")
			} else {
				last = at
			}
			if got != want[[2]int{idle, ttl}] {
				t.Fatalf("cell %d, %d: %v, want %v", idle, ttl, got, want[[2]int{idle, ttl}])
			}
			delete(want, [2]int{idle, ttl})
		})
		histogram, never := j.byTTL()
		idle := j.byIdle()
		if len(want) > 0 || never.bytes != noTTL || bytesIn(histogram[:]) != byTTL || bytesIn(idle[:]) != byIdle {
			t.Fatalf("missing %v; sums %d, %d, %d, want %d, %d, %d", want, never.bytes, bytesIn(histogram[:]), bytesIn(idle[:]), noTTL, byTTL, byIdle)
		}
	})
}

func bytesIn(tallies []amount) (n int64) {
	for _, t := range tallies {
		n += t.bytes
	}
	return n
}
