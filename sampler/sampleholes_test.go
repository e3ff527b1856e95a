package sampler_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"keyprof/sampler"
	"keyprof/scanner/redistest"
)

// Where keys were deleted in the order of SCAN, a sample is not fair: it is had, and
// one that is far from what the server counts says so.
func TestSamplesOfATableWithHoles(t *testing.T) {
	const keys, deleted, far = 60_000, 25_000, 4_000
	server := redistest.New(t)
	client := server.Client()
	seedWith(t, client, keys, func(i int, _ *rand.Rand) string { return fmt.Sprintf("user:%d", i) })
	for cursor, n := uint64(0), 0; n < deleted; {
		names, next, err := client.Scan(t.Context(), cursor, "", 1000).Result()
		if err != nil || client.Unlink(t.Context(), names...).Err() != nil {
			t.Fatal("cannot delete", err)
		}
		cursor, n = next, n+len(names)
	}
	left := client.DBSize(t.Context()).Val()
	said := 0
	for range 10 {
		o := fast()
		o.Sample = &sampler.SampleSize{Share: 0.1}
		p := collect(t, server.SocketURL(), o)
		off := math.Abs(float64(p.Totals.Keys.Value - left))
		said += boolInt(warned(p, "sample-disagrees"))
		if !p.Complete || off > far && !warned(p, "sample-disagrees") {
			t.Errorf("complete %v (%v): about %d keys of %d, %v", p.Complete, p.Missing, p.Totals.Keys.Value, left, p.Warnings)
		}
	}
	if said == 0 {
		t.Error("no sample was far off")
	}
}
