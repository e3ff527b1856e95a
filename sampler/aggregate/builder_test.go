package aggregate

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"keyprof/sampler/profile"
)

var everything = Measures{Bytes: true, TTL: true, Idle: true, Freq: true, Types: true, HighIdle: true, Since: profile.IdleSinceAccess, HorizonS: 1 << 20}

var defaultGrouping = Grouping{Limit: DefaultNamespaceLimit}

// drawObservation makes an observation of any outcome.
func drawObservation(t *rapid.T) Observation {
	o := Observation{
		Name:    fmt.Sprintf("%s:%d", rapid.SampledFrom([]string{"user", "cart", "job", "x:y"}).Draw(t, "family"), rapid.IntRange(0, 300).Draw(t, "id")),
		Outcome: rapid.SampledFrom([]Outcome{Measured, Measured, Measured, Measured, Stalled, Vanished, Expired, Moved, TooLong, Denied, Failed}).Draw(t, "outcome"),
		Type:    rapid.SampledFrom([]string{"string", "hash", "list", "module-x", ""}).Draw(t, "type"),
	}
	if o.HasBytes = rapid.Bool().Draw(t, "has bytes"); o.HasBytes {
		o.Bytes = rapid.Int64Range(0, 1<<40).Draw(t, "bytes")
	}
	if o.NoTTL = rapid.Bool().Draw(t, "no TTL"); !o.NoTTL {
		o.HasTTL, o.TTLMillis = true, rapid.Int64Range(0, 1<<62).Draw(t, "TTL")
	}
	if o.HasIdle = rapid.Bool().Draw(t, "has idle"); o.HasIdle {
		o.IdleS = rapid.Int64Range(0, 1<<24).Draw(t, "idle")
	}
	if o.HasFreq = rapid.Bool().Draw(t, "has freq"); o.HasFreq {
		o.Freq = rapid.Int64Range(0, 255).Draw(t, "freq")
	}
	o.Shared = !o.HasIdle && rapid.Bool().Draw(t, "shared")
	return o
}

// encode returns the profile of what the builders folded, merged.
func encode(t interface{ Fatal(...any) }, builders ...*Builder) string {
	for _, b := range builders[1:] {
		builders[0].Merge(b)
	}
	var p profile.Profile
	builders[0].Fill(&p, everything)
	text, err := json.MarshalIndent(p, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Principle 5: the same observations give the same profile whatever their
// order, the size of pages and the number of builders.
func TestBuildersMergeExactly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		keys := rapid.SliceOfN(rapid.Custom(drawObservation), 1, 300).Draw(t, "keys")
		const highIdleOver = 1 << 20
		sampled := rapid.Bool().Draw(t, "sampled")
		one := NewBuilder(defaultGrouping, highIdleOver)
		one.OfSample = sampled
		one.Add(&Page{DB: 1, Keys: keys})
		want := encode(t, one)

		shuffled := append([]Observation{}, keys...)
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		rng.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		builders := make([]*Builder, rapid.IntRange(1, 8).Draw(t, "builders"))
		for i := range builders {
			builders[i] = NewBuilder(defaultGrouping, highIdleOver)
			builders[i].OfSample = sampled
		}
		for len(shuffled) > 0 {
			n := min(len(shuffled), rapid.IntRange(1, 50).Draw(t, "page"))
			builders[rng.IntN(len(builders))].Add(&Page{DB: 1, Keys: shuffled[:n]})
			shuffled = shuffled[n:]
		}
		if got := encode(t, builders...); got != want {
			t.Fatalf("profiles differ:\n%s", firstDifference(want, got))
		}
	})
}

func firstDifference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range min(len(w), len(g)) {
		if w[i] != g[i] {
			return fmt.Sprintf("line %d:\n- %s\n+ %s", i+1, w[i], g[i])
		}
	}
	return fmt.Sprintf("%d lines, %d lines", len(w), len(g))
}

func TestBuilderBoundsNamespaces(t *testing.T) {
	const limit = 10
	b := NewBuilder(Grouping{Limit: limit}, -1)
	page := &Page{}
	for i := range 100 {
		name := strings.Repeat(":1", i/10) + fmt.Sprintf(":%c", 'a'+i%10)
		page.Keys = append(page.Keys, Observation{Name: name, HasBytes: true, Bytes: int64(100 + i), NoTTL: true, Type: "string"})
	}
	b.Add(page)
	var p profile.Profile
	b.Fill(&p, everything)
	if len(p.Namespaces) != limit+1 || !p.Design.Degraded {
		t.Fatalf("%d namespaces, degraded %v; want %d and (other), degraded", len(p.Namespaces), p.Design.Degraded, limit)
	}
	var keys, bytes int64
	for _, n := range p.Namespaces {
		keys += n.Keys.Value
		bytes += n.Bytes.Value
	}
	const sum = 100*100 + 99*100/2
	if keys != 100 || bytes != sum || p.Totals.Keys.Value != 100 || p.Totals.Bytes.Value != sum {
		t.Errorf("%d keys of %d bytes in rows, totals %+v: (other) must hold the rest", keys, bytes, p.Totals.Keys)
	}
	for _, n := range p.Namespaces[:limit] {
		if n.Bytes.Value < 190 {
			t.Errorf("%s of %d bytes is kept, and not the largest", n.Pattern, n.Bytes.Value)
		}
	}
	if last := p.Namespaces[limit]; !last.Other || last.Pattern != profile.OtherPattern {
		t.Errorf("last row %q, other %v", last.Pattern, last.Other)
	}
}

// A key may be called like the row for the rest.
func TestAKeyCalledOtherIsNotTheRest(t *testing.T) {
	b := NewBuilder(defaultGrouping, -1)
	b.Add(&Page{Keys: []Observation{{Name: profile.OtherPattern}}})
	var p profile.Profile
	b.Fill(&p, everything)
	if len(p.Namespaces) != 1 || p.Namespaces[0].Other || p.Design.Degraded {
		t.Errorf("namespaces %+v", p.Namespaces)
	}
}

func TestHighIdleIsOverTheThreshold(t *testing.T) {
	b := NewBuilder(defaultGrouping, 100)
	b.Add(&Page{Keys: []Observation{
		{Name: "a", HasIdle: true, IdleS: 100, HasBytes: true, Bytes: 1},
		{Name: "b", HasIdle: true, IdleS: 101, HasBytes: true, Bytes: 2},
		{Name: "c", Shared: true, HasBytes: true, Bytes: 4},
	}})
	var p profile.Profile
	b.Fill(&p, everything)
	if p.Totals.HighIdleKeys.Value != 1 || p.Totals.HighIdleBytes.Value != 2 || p.Totals.Idle.SharedKeys != 1 {
		t.Errorf("high-idle %d keys, %d bytes, %d shared; want 1, 2 and 1", p.Totals.HighIdleKeys.Value, p.Totals.HighIdleBytes.Value, p.Totals.Idle.SharedKeys)
	}
}

func TestStandoutsKeepEachNameOnce(t *testing.T) {
	s := topKeys{limit: 3}
	for _, o := range []struct {
		name  string
		bytes int64
	}{{"a", 5}, {"b", 9}, {"a", 7}, {"c", 1}, {"d", 2}, {"a", 7}, {"a", 6}, {"e", 2}} {
		s.offer(0, &Observation{Name: o.name, HasBytes: true, Bytes: o.bytes}, uint64(o.bytes))
	}
	var got []string
	for _, k := range s.keys() {
		got = append(got, fmt.Sprintf("%s=%d", k.Name, *k.Bytes))
	}
	if want := "b=9 a=7 d=2"; strings.Join(got, " ") != want {
		t.Errorf("kept %v, want %s", got, want)
	}
}

func BenchmarkBuilder(b *testing.B) {
	page := &Page{}
	for i := range 1000 {
		page.Keys = append(page.Keys, Observation{
			Name: fmt.Sprintf("user:%d:profile", i*7919), HasBytes: true, Bytes: int64(100 + i), HasTTL: true, TTLMillis: int64(i) * 1e6,
			HasIdle: true, IdleS: int64(i), Type: "string",
		})
	}
	builder := NewBuilder(defaultGrouping, 1000)
	b.ReportAllocs()
	for b.Loop() {
		builder.Add(page)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(page.Keys)), "ns/key")
}

// merges is the number of builders that are merged: those of the nodes of a large
// cluster, with all their workers.
const merges = 1000

// manyBuilders deals the keys out to builders at random, pages of one to three
// databases.
func manyBuilders(rng *rand.Rand, n, keys int, sampled bool) (one *Builder, many []*Builder) {
	newBuilder := func() *Builder {
		b := NewBuilder(defaultGrouping, 1000)
		b.OfSample = sampled
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
	if testing.Short() {
		t.Skip("takes long: make soak")
	}
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
			one.OfSample = sampled
			for i := range many {
				many[i] = NewBuilder(defaultGrouping, 1<<20)
				many[i].OfSample = sampled
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

// A merged builder is as large as a single builder of the same keys, however many were
// merged.
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

// The memory of a scan depends on the namespaces, not on the number of their keys:
// 900,000 more keys make counters wider, by less than a bit for each key. A sample
// keeps as much as a census.
func TestMemoryIsFlatInKeys(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long: make soak")
	}
	const few, many, most = 100_000, 1_000_000, 64 << 10
	first, second := heldOf(t, few), heldOf(t, many)
	t.Logf("%d bytes of %d keys, %d of %d", first, few, second, many)
	if second-first > most {
		t.Errorf("%d keys more take %d bytes more, want at most %d", many-few, second-first, most)
	}
}

// heldOf returns how many bytes a folder holds at the end of a sample of so many keys.
func heldOf(t *testing.T, keys int) int64 {
	t.Helper()
	const namespaces, page = 20, 100
	before := settledHeap()
	f := NewParallelBuilder(2, defaultGrouping, 1000)
	f.OfSample = true
	for i := 0; i < keys; {
		p := f.NewPage()
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
