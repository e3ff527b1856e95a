package sampler_test

import (
	"runtime"
	"testing"

	"keyprof/scanner/redistest"
)

// mostAllocations limits the allocations per key of a complete scan: those of its page,
// which are about a dozen, and those of new namespaces.
const mostAllocations = 0.9

// A scan costs no allocation a key: what one costs 100,000 keys more than 20,000 of
// the same families is by the page.
func TestWalkAllocatesByThePage(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long: make soak")
	}
	const few, many = 20_000, 100_000
	allocations := func(keys int) float64 {
		server := redistest.New(t)
		if err := redistest.Mixed(t.Context(), server.Client(), keys, 1); err != nil {
			t.Fatal(err)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		p := collect(t, server.SocketURL(), fast())
		runtime.ReadMemStats(&after)
		if p.Totals.Probed < int64(keys)*9/10 {
			t.Fatalf("%d of %d keys", p.Totals.Probed, keys)
		}
		return float64(after.Mallocs - before.Mallocs)
	}
	perKey := (allocations(many) - allocations(few)) / (many - few)
	t.Logf("%.3f allocations a key", perKey)
	if perKey > mostAllocations {
		t.Errorf("%.2f allocations a key, more than %v", perKey, mostAllocations)
	}
}

// BenchmarkCollect scans a real server at full speed; with -cpuprofile it tells where
// keyprof's own time goes.
func BenchmarkCollect(b *testing.B) {
	const keys = 200_000
	server, err := redistest.Start(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = server.Stop() }()
	if err := redistest.Mixed(b.Context(), server.Client(), keys, 1); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		collect(b, server.SocketURL(), fast())
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*keys), "ns/key")
}
