package aggregate

import (
	"fmt"
	"math"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"keyprof/sampler/profile"
)

// mixed spreads the bits of x over the whole word (the finalizer of SplitMix64).
func mixed(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// share makes a number in (0,1) of the bits of x.
func share(x uint64) float64 { return (float64(x>>11) + 0.5) / (1 << 53) }

// How many words the names of wideObservation have at each of three levels: as
// many as a trie keeps apart there.
const wideNames, wideKinds, wideSubs = 64, 32, 2

// wideObservation returns key i of so many namespaces, each of which has all that
// makes a namespace large: TTLs and idle times from a second to 90 days evenly
// over the logarithm, sizes with a log-normal distribution, names of some 30
// bytes.
func wideObservation(i, namespaces int) Observation {
	ns, h := i%namespaces, mixed(uint64(i))
	o := Observation{
		Name:    fmt.Sprintf("service%c%c:kind%c%c:sub%c:%d", letter(ns%wideNames/8), letter(ns%wideNames%8), letter(ns/wideNames%wideKinds/8), letter(ns/wideNames%wideKinds%8), letter(ns/wideNames/wideKinds), 1_000_000+i),
		Outcome: Measured, HasBytes: true, HasIdle: true, Type: "string",
	}
	const days90, median, sigma = 90 * 24 * 3600, 2000, 1.2
	normal := math.Sqrt(-2*math.Log(share(mixed(h+1)))) * math.Cos(2*math.Pi*share(mixed(h+2)))
	o.Bytes = int64(median*math.Exp(sigma*normal)) + 48
	o.IdleS = int64(math.Exp(math.Log(days90) * share(mixed(h+3))))
	if o.NoTTL = h%10 == 0; !o.NoTTL {
		o.HasTTL, o.TTLMillis = true, int64(1000*math.Exp(math.Log(days90)*share(mixed(h+4))))
	}
	return o
}

func letter(i int) byte { return byte('a' + i) }

// foldWide folds keys of wide namespaces with a number of workers, and calls
// look now and then.
func foldWide(workers, namespaces, keysEach int, sampled bool, look func()) *Builder {
	f := NewParallelBuilder(workers, defaultGrouping, 1000)
	f.OfSample = sampled
	n := namespaces * keysEach
	for i := 0; i < n; {
		p := f.NewPage()
		for ; i < n && len(p.Keys) < 100; i++ {
			p.Keys = append(p.Keys, wideObservation(i, namespaces))
			if i%(n/looks) == n/looks-1 {
				look()
			}
		}
		f.Add(p)
	}
	return f.Finish()
}

// TestWideNamespacesFit folds as many wide namespaces as a profile can show. Set
// KEYPROF_WIDE to how many keys each has, 1000 for the full test.
func TestWideNamespacesFit(t *testing.T) {
	keysEach := 50
	if s := os.Getenv("KEYPROF_WIDE"); s != "" {
		keysEach, _ = strconv.Atoi(s)
	} else if testing.Short() {
		t.Skip("takes long: make soak")
	}
	for _, run := range []struct {
		workers int
		sampled bool
	}{{1, false}, {2, false}, {8, false}, {2, true}} {
		workers := run.workers
		before, peak := settledHeap(), int64(0)
		b := foldWide(workers, DefaultNamespaceLimit, keysEach, run.sampled, func() { peak = max(peak, heap()) })
		end := settledHeap() - before
		peak = max(peak, end+before) - before
		footprint := b.footprint()
		var p profile.Profile
		b.Fill(&p, everything)
		t.Logf("sampled %v, %d workers: peak %.1f MiB, at the end %.1f MiB, footprint %.1f MiB, %d namespaces, K %d", run.sampled, workers, mib(peak), mib(end), mib(int64(footprint)), len(p.Namespaces), p.Design.Patterns.K)
		if peak > maxBuilderBytes || p.Design.Degraded || len(p.Namespaces) != DefaultNamespaceLimit {
			t.Errorf("%d workers: %d bytes, %d namespaces, degraded %v", workers, peak, len(p.Namespaces), p.Design.Degraded)
		}
	}
}

func mib(bytes int64) float64 { return float64(bytes) / (1 << 20) }

// footprint must be near what is allocated, for namespaces small and large, and
// for those whose names take more than all else.
func TestFootprintIsWhatIsAllocated(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long: make soak")
	}
	type source func(i, namespaces int) Observation
	exploding := func(i, namespaces int) Observation { return observationOf(explodingName(i % namespaces)) }
	short := func(i, namespaces int) Observation { return observationOf(wideObservation(i, namespaces).Name) }
	long := func(i, namespaces int) Observation {
		return observationOf(wideObservation(i, namespaces).Name + strings.Repeat("x:", i%1000))
	}
	for _, tt := range []struct {
		name     string
		source   source
		keysEach []int
		sampled  bool
	}{
		{"wide", wideObservation, []int{1, 2, 5, 20, 64, 100, 300, 1000, 5000}, false},
		{"sampled", wideObservation, []int{1, 5, 100, 1000}, true},
		{"other", short, []int{1, 10, 100, 1000}, false},
		{"exploding", exploding, []int{1, 2, 10}, false},
		{"long", long, []int{1, 10}, false},
	} {
		for _, keysEach := range tt.keysEach {
			namespaces := min(1024, 200_000/keysEach)
			before := settledHeap()
			b := NewBuilder(defaultGrouping, 1000)
			b.OfSample = tt.sampled
			b.sinceMemoryCheck = math.MinInt // never lower the bounds
			for i := range namespaces * keysEach {
				b.Add(&Page{Keys: []Observation{tt.source(i, namespaces)}})
			}
			b.largest = topKeys{}
			took, said := int(settledHeap()-before), b.footprint()
			r := float64(said) / float64(took)
			t.Logf("%s: %4d keys in each of %d: %6d bytes each, footprint %6d, %.2f", tt.name, keysEach, namespaces, took/namespaces, said/namespaces, r)
			if r < 0.85 || r > 1.15 {
				t.Errorf("%s: %d keys in each of %d namespaces take %d bytes, footprint %d", tt.name, keysEach, namespaces, took, said)
			}
			runtime.KeepAlive(b)
		}
	}
}

func BenchmarkBuilderWide(b *testing.B) {
	for _, namespaces := range []int{64, 4096} {
		b.Run(strconv.Itoa(namespaces), func(b *testing.B) {
			const keysEach = 50
			pages := make([]Page, namespaces)
			for i := range namespaces * keysEach {
				p := &pages[i/keysEach]
				p.Keys = append(p.Keys, wideObservation(i, namespaces))
			}
			builder := NewBuilder(defaultGrouping, 1000)
			b.ReportAllocs()
			b.ResetTimer()
			for i := range b.N {
				builder.Add(&pages[i%len(pages)])
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*keysEach), "ns/key")
		})
	}
}

// BenchmarkFoldWide folds as a run does: several workers and a shared builder.
func BenchmarkFoldWide(b *testing.B) {
	for _, workers := range []int{1, 2, 8} {
		b.Run(strconv.Itoa(workers), func(b *testing.B) {
			const namespaces, keysEach = 1024, 200
			keys := make([]Observation, namespaces*keysEach)
			for i := range keys {
				keys[i] = wideObservation(i, namespaces)
			}
			b.ResetTimer()
			for range b.N {
				f := NewParallelBuilder(workers, defaultGrouping, 1000)
				for i := 0; i < len(keys); i += 100 {
					p := f.NewPage()
					p.Keys = append(p.Keys, keys[i:min(len(keys), i+100)]...)
					f.Add(p)
				}
				f.Finish()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(keys)), "ns/key")
		})
	}
}
