package aggregate

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// merges are how many builders are merged, as those of the nodes of a large cluster
// and of all their workers would be.
const merges = 1000

// manyBuilders deals the keys out to builders at random, pages of one to three
// databases.
func manyBuilders(rng *rand.Rand, n, keys int, sampled bool) (one *Builder, many []*Builder) {
	newBuilder := func() *Builder {
		b := NewBuilder(defaultGrouping, 1000)
		b.Sampled = sampled
		return b
	}
	one = newBuilder()
	for range n {
		many = append(many, newBuilder())
	}
	for i := range keys {
		page := &Page{DB: i % 3, Keys: []Observation{wideObservation(i, 40)}}
		one.Add(page)
		many[rng.IntN(n)].Add(page)
	}
	return one, many
}

// shapes are trees by which builders may be merged, each of which leaves one.
var shapes = map[string]func(rng *rand.Rand, list []*Builder) *Builder{
	"a chain": func(_ *rand.Rand, list []*Builder) *Builder {
		for _, b := range list[1:] {
			list[0].Merge(b)
		}
		return list[0]
	},
	"a chain from its end": func(_ *rand.Rand, list []*Builder) *Builder {
		for len(list) > 1 {
			last := len(list) - 1
			list[last-1].Merge(list[last])
			list = list[:last]
		}
		return list[0]
	},
	"a balanced tree": func(_ *rand.Rand, list []*Builder) *Builder {
		for len(list) > 1 {
			half := list[:0]
			for pair := range slices.Chunk(list, 2) {
				if len(pair) == 2 {
					pair[0].Merge(pair[1])
				}
				half = append(half, pair[0])
			}
			list = half
		}
		return list[0]
	},
	"at random": func(rng *rand.Rand, list []*Builder) *Builder {
		for len(list) > 1 {
			i, last := rng.IntN(len(list)-1), len(list)-1
			list[i].Merge(list[last])
			list = list[:last]
		}
		return list[0]
	},
}

// A thousand builders merge to what one has folded, byte for byte, in any order
// and by any tree, for a census and for the sums of a sample.
func TestAThousandBuildersMergeExactly(t *testing.T) {
	for _, sampled := range []bool{false, true} {
		for name, merge := range shapes {
			t.Run(fmt.Sprintf("%s, sampled %v", name, sampled), func(t *testing.T) {
				rng := rand.New(rand.NewPCG(rand.Uint64(), 1))
				one, many := manyBuilders(rng, merges, 3000, sampled)
				rng.Shuffle(len(many), func(i, j int) { many[i], many[j] = many[j], many[i] })
				if want, got := encode(t, one), encode(t, merge(rng, many)); got != want {
					t.Errorf("profiles differ:\n%s", firstDifference(want, got))
				}
			})
		}
	}
}

// The same of few builders, of observations of all sorts.
func TestBuildersMergeInAnyTree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		keys := rapid.SliceOfN(rapid.Custom(drawObservation), 1, 100).Draw(t, "keys")
		sampled := rapid.Bool().Draw(t, "sampled")
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		for name, merge := range shapes {
			one, many := NewBuilder(defaultGrouping, 1<<20), make([]*Builder, rapid.IntRange(1, 20).Draw(t, "builders"))
			one.Sampled = sampled
			for i := range many {
				many[i] = NewBuilder(defaultGrouping, 1<<20)
				many[i].Sampled = sampled
			}
			for _, key := range keys {
				page := &Page{Keys: []Observation{key}}
				one.Add(page)
				many[rng.IntN(len(many))].Add(page)
			}
			if want, got := encode(t, one), encode(t, merge(rng, many)); got != want {
				t.Fatalf("%s: profiles differ:\n%s", name, firstDifference(want, got))
			}
		}
	})
}

// What merging leaves behind is as large as what one builder makes of the keys,
// however many were merged.
func TestMergedBuildersTakeNoMore(t *testing.T) {
	took := func(n int) int64 {
		rng := rand.New(rand.NewPCG(1, 1))
		before := settledHeap()
		_, many := manyBuilders(rng, n, 20_000, true)
		b := shapes["at random"](rng, many)
		clear(many)
		after := settledHeap() - before
		runtime.KeepAlive(b)
		return after
	}
	few, many := took(2), took(merges)
	t.Logf("of 2 builders %d KiB, of %d %d KiB", few>>10, merges, many>>10)
	if many > few*11/10 {
		t.Errorf("%d bytes of %d builders, %d of 2", many, merges, few)
	}
}

// What a walk keeps depends on the namespaces, and not on how many keys they have:
// 900,000 keys more make counters wider, by less than a bit for each key. A sample
// keeps all that a census does.
func TestMemoryIsFlatInKeys(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	const few, many, most = 100_000, 1_000_000, 64 << 10
	first, second := heldOf(t, few), heldOf(t, many)
	t.Logf("%d bytes of %d keys, %d of %d", first, few, second, many)
	if second-first > most {
		t.Errorf("%d keys more take %d bytes more, want at most %d", many-few, second-first, most)
	}
}

// heldOf is how many bytes a folder holds at the end of a sample of so many keys.
func heldOf(t *testing.T, keys int) int64 {
	t.Helper()
	const namespaces, page = 20, 100
	before := settledHeap()
	f := NewFolder(2, defaultGrouping, 1000)
	f.Sampled = true
	for i := 0; i < keys; {
		p := f.Fresh()
		for range page {
			p.Keys = append(p.Keys, observationOf(fmt.Sprintf("family%c:%d", letter(i%namespaces), 1_000_000+i)))
			i++
		}
		f.Add(p)
	}
	b := f.Finish()
	after := settledHeap() - before
	if n := b.leaves(); n != namespaces {
		t.Fatalf("%d namespaces, want %d", n, namespaces)
	}
	runtime.KeepAlive(f)
	runtime.KeepAlive(b)
	return after
}
