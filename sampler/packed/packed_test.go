package packed_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"keyprof/sampler/packed"
)

// Counters do what a slice of uint64 does.
func TestCountersAreAList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var c packed.Counters
		var want []uint64
		for range rapid.IntRange(0, 100).Draw(t, "steps") {
			if at := rapid.IntRange(0, len(want)).Draw(t, "at"); at == len(want) || rapid.Bool().Draw(t, "insert") {
				n := rapid.IntRange(0, 9).Draw(t, "new")
				c.Insert(at, n)
				want = slices.Insert(want, at, make([]uint64, n)...)
			} else {
				n := rapid.Uint64().Draw(t, "n") >> rapid.IntRange(0, 63).Draw(t, "shift")
				c.Add(at, n)
				want[at] += n
			}
		}
		if c.Len() != len(want) {
			t.Fatalf("%d counts, want %d", c.Len(), len(want))
		}
		for i := range want {
			if c.At(i) != want[i] {
				t.Fatalf("count %d is %d, want %d", i, c.At(i), want[i])
			}
		}
	})
}

// The largest count determines the size of all.
func TestCountersAreNarrow(t *testing.T) {
	var c packed.Counters
	c.Insert(0, 1000)
	for _, tt := range []struct {
		n     uint64
		width int
	}{{255, 1}, {1, 2}, {1 << 16, 3}, {1 << 24, 4}, {1 << 56, 8}} {
		c.Add(500, tt.n)
		if got := c.Footprint(); got < 1000*tt.width || got > 1000*tt.width*5/4 {
			t.Errorf("1000 counts of up to %d bytes take %d", tt.width, got)
		}
	}
}
