package aggregate

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"keyprof/sampler/pattern/patterntest"
	"keyprof/sampler/profile"
)

// observationOf makes up what was measured of a name, the same every time.
func observationOf(name string) Observation {
	h := fnv.New64a()
	_, _ = h.Write([]byte(name))
	v := h.Sum64()
	o := Observation{
		Name: name, Outcome: Measured, HasBytes: true, Bytes: int64(v%5000) + 56,
		HasIdle: true, IdleS: int64(v >> 32 % 1e6), Type: []string{"string", "hash"}[v>>8%2],
	}
	if o.NoTTL = v%3 == 0; !o.NoTTL {
		o.HasTTL, o.TTLMillis = true, int64(v>>16%1e9)
	}
	return o
}

// foldAll folds n names with a number of workers, in pages of a size.
func foldAll(workers, page, n int, nameAt func(int) string) *Builder {
	f := NewParallelBuilder(workers, defaultGrouping, 1000)
	for i := 0; i < n; {
		p := f.NewPage()
		p.DB = i * 3 / n // three databases
		for ; i < n && len(p.Keys) < page && i*3/n == p.DB; i++ {
			p.Keys = append(p.Keys, observationOf(nameAt(i)))
		}
		f.Add(p)
	}
	return f.Finish()
}

// The same scan gives the same profile, byte for byte, whatever the number of
// workers and the size of pages.
func TestProfileDoesNotDependOnWorkersOrPages(t *testing.T) {
	names := patterntest.Mix(rand.New(rand.NewPCG(1, 1)), patterntest.Families(), 1000)
	nameAt := func(i int) string { return names[i] }
	want := encode(t, foldAll(1, 20, len(names), nameAt))
	for _, run := range []struct{ workers, page int }{{1, 1}, {2, 7}, {2, 1000}, {8, 20}, {8, 100_000}} {
		if got := encode(t, foldAll(run.workers, run.page, len(names), nameAt)); got != want {
			t.Errorf("%d workers, pages of %d: %s", run.workers, run.page, firstDifference(want, got))
		}
	}
}

// The dictionary of a profile makes the next one group in the same way, even if
// its scan begins with other names.
func TestProfileKeepsDecisions(t *testing.T) {
	names := patterntest.Mix(rand.New(rand.NewPCG(2, 2)), patterntest.Families(), 1000)
	nameAt := func(i int) string { return names[i] }
	var first, second profile.Profile
	foldAll(2, 20, len(names), nameAt).Fill(&first, everything)
	rand.New(rand.NewPCG(3, 3)).Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	f := NewParallelBuilder(2, Grouping{Limit: DefaultNamespaceLimit, Dictionary: first.Design.Patterns}, 1000)
	page := &Page{}
	for _, name := range names {
		page.Keys = append(page.Keys, observationOf(name))
	}
	f.Add(page)
	f.Finish().Fill(&second, everything)
	if got, want := patternsIn(&second), patternsIn(&first); got != want {
		t.Errorf("namespaces of the second night:\n%s\nand of the first:\n%s", got, want)
	}
}

func patternsIn(p *profile.Profile) string {
	set := map[string]int64{}
	for _, n := range p.Namespaces {
		set[n.Pattern] += n.Keys.Value
	}
	text, _ := json.MarshalIndent(set, "", " ")
	return string(text)
}

// explodingName returns a name made to explode a trie: 20 segments that occur nowhere
// else, between any delimiters, with random bytes in some.
func explodingName(i int) string {
	rng := rand.New(rand.NewPCG(uint64(i), 9))
	const delimiters = ":/|#{}[]().,;=&?@+ %-_"
	var b strings.Builder
	for range 20 {
		switch rng.IntN(12) {
		case 0:
			b.WriteByte(byte(rng.Uint32()))
		case 1:
			b.WriteString(strconv.Itoa(rng.IntN(1e6)))
		default:
			for range 2 + rng.IntN(6) {
				b.WriteByte("abcdefghijklmnopqrstuvwxyz"[rng.IntN(26)])
			}
		}
		b.WriteByte(delimiters[rng.IntN(len(delimiters))])
	}
	return b.String()
}

// maxBuilderBytes limits the memory of all builders together, in bytes.
const maxBuilderBytes = 32 << 20

// looks is the number of times that a test measures the heap while it folds.
const looks = 40

// TestExplodingNames folds names that are made to explode the trie. Set
// KEYPROF_EXPLODE to their number, 10000000 for the full test.
func TestExplodingNames(t *testing.T) {
	n := 150_000
	if s := os.Getenv("KEYPROF_EXPLODE"); s != "" {
		n, _ = strconv.Atoi(s)
	} else if testing.Short() {
		t.Skip("takes long: make soak")
	}
	ks := map[int]bool{}
	for _, workers := range []int{1, 2, 8} {
		before, peak := settledHeap(), int64(0)
		b := foldAll(workers, 100, n, func(i int) string {
			if i%(n/looks) == n/looks-1 {
				peak = max(peak, heap())
			}
			if i%10 == 0 {
				return fmt.Sprintf("user:%d", i)
			}
			return explodingName(i)
		})
		peak = max(peak, heap())
		ks[checkExploded(t, b, n)] = true
		t.Logf("%d workers: %.1f MiB", workers, float64(peak-before)/(1<<20))
		if peak-before > maxBuilderBytes {
			t.Errorf("%d workers took %d bytes", workers, peak-before)
		}
	}
	if len(ks) != 1 {
		t.Errorf("K depends on the number of workers: %v", ks)
	}
}

// heap returns what is allocated and in use, in bytes.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// settledHeap returns heap without what a sync.Pool keeps until the next collection
// but one.
func settledHeap() int64 {
	runtime.GC()
	return heap()
}

// checkExploded checks that nothing is lost, and returns K.
func checkExploded(t *testing.T, b *Builder, n int) int {
	t.Helper()
	var p profile.Profile
	b.Fill(&p, everything)
	var keys, bytes, users, want int64
	for _, row := range p.Namespaces {
		if row.Pattern == "user:<int>" {
			users += row.Keys.Value
		}
		keys += row.Keys.Value
		bytes += row.Bytes.Value
	}
	for i := range n {
		name := explodingName(i)
		if i%10 == 0 {
			name = fmt.Sprintf("user:%d", i)
		}
		want += observationOf(name).Bytes
	}
	if keys != int64(n) || bytes != want {
		t.Errorf("%d keys of %d bytes in rows, want %d of %d", keys, bytes, n, want)
	}
	if users != int64(n)/10 {
		t.Errorf("%d keys in user:<int>, want %d: what is frequent must not drown", users, n/10)
	}
	d := p.Design.Patterns
	if len(p.Namespaces) > DefaultNamespaceLimit+3 || !p.Design.Degraded || !d.Degraded {
		t.Errorf("%d namespaces, degraded %v, K %d", len(p.Namespaces), p.Design.Degraded, d.K)
	}
	t.Logf("%d namespaces, K %d", len(p.Namespaces), d.K)
	return d.K
}

// Words that are frequent are kept apart even where memory is short, but not a
// grid of them that makes too many namespaces.
func TestFrequentWordsDoNotExhaustMemory(t *testing.T) {
	before := settledHeap()
	b := foldAll(2, 100, 200_000, func(i int) string {
		j := uint32(i) * 2654435761 >> 16
		return fmt.Sprintf("app%c:kind%c:sub%c:%d", 'a'+j%24, 'a'+j/24%24, 'a'+j/576%24, i)
	})
	took := settledHeap() - before
	var p profile.Profile
	b.Fill(&p, everything)
	t.Logf("%d namespaces, K %d, %.1f MiB", len(p.Namespaces), p.Design.Patterns.K, float64(took)/(1<<20))
	if len(p.Namespaces) > DefaultNamespaceLimit+3 || took > maxBuilderBytes {
		t.Errorf("%d namespaces, %d bytes", len(p.Namespaces), took)
	}
}
