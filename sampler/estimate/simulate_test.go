package estimate_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"keyprof/sampler/estimate"
	"keyprof/sampler/profile"
)

// runs returns how many samples each simulation draws: KEYPROF_SIMULATE of them, 1,000
// for the full test.
func runs(t *testing.T) int {
	t.Helper()
	if s := os.Getenv("KEYPROF_SIMULATE"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	return 20
}

// table is a simulated hash table: the server's own seed cannot be set. A key is
// in a bucket drawn at random, and a sample is of consecutive buckets of it.
type table struct {
	buckets [][]int32 // numbers of keys
	sizes   []int64   // bytes of each key
	set     []bool    // which keys are in the namespace
}

// population describes the contents of a table.
type population struct {
	name string
	keys int
	part float64                    // of the keys that are in the namespace
	size func(rng *rand.Rand) int64 // bytes
}

const buckets = 1 << 14

func (p population) table(rng *rand.Rand) *table {
	t := &table{buckets: make([][]int32, buckets), sizes: make([]int64, p.keys), set: make([]bool, p.keys)}
	for i := range p.keys {
		t.sizes[i], t.set[i] = p.size(rng), rng.Float64() < p.part
	}
	t.shuffle(rng)
	return t
}

// shuffle puts the keys where another seed puts them.
func (t *table) shuffle(rng *rand.Rand) {
	for i := range t.buckets {
		t.buckets[i] = t.buckets[i][:0]
	}
	for i := range t.sizes {
		b := rng.IntN(len(t.buckets))
		t.buckets[b] = append(t.buckets[b], int32(i))
	}
}

// reading holds the estimates of a sample for the namespace, and the true values.
type reading struct {
	keys, bytes   profile.Estimate
	all           profile.Estimate // bytes of all keys
	seenKeys      int64
	truth, weight int64 // keys and bytes
	total         int64 // bytes of all keys
}

// sample reads a share of the buckets; told is whether the server tells how many
// keys there are.
func (t *table) sample(share float64, told bool) (r reading) {
	var sums, all profile.ByteSums
	var sketch, allSketch profile.Sketch
	n := int(share * float64(len(t.buckets)))
	for _, bucket := range t.buckets[:n] {
		for _, i := range bucket {
			all.Add(t.sizes[i])
			allSketch.Add(float64(t.sizes[i]))
			if t.set[i] {
				sums.Add(t.sizes[i])
				sketch.Add(float64(t.sizes[i]))
			}
		}
	}
	for i, size := range t.sizes {
		r.total += size
		if t.set[i] {
			r.truth++
			r.weight += size
		}
	}
	f := estimate.NewFrame(float64(n)/float64(len(t.buckets)), all.Keys)
	if told {
		f = f.WithKeyCount(estimate.ReportedKeys{Before: int64(len(t.sizes)), After: int64(len(t.sizes))})
	}
	r.keys, r.bytes, r.all, r.seenKeys = f.Count(sums.Keys), f.Bytes(sums, estimate.TailIndex(&sketch)), f.Bytes(all, estimate.TailIndex(&allSketch)), all.Keys
	return r
}

func covers(e profile.Estimate, truth int64) bool {
	return e.Lo <= truth && (e.Hi == nil || truth <= *e.Hi)
}

// tooFew returns how many of n intervals of 95 % may cover the truth before chance no
// longer explains it: the binomial test, one in 10,000.
func tooFew(n int, nominal float64) int {
	sum := 0.0
	for k := range n + 1 {
		lg := func(v int) float64 { l, _ := math.Lgamma(float64(v) + 1); return l }
		sum += math.Exp(lg(n) - lg(k) - lg(n-k) + float64(k)*math.Log(nominal) + float64(n-k)*math.Log1p(-nominal))
		if sum > 1e-4 {
			return k
		}
	}
	return n
}

func constant(*rand.Rand) int64 { return 200 }

func logNormal(sigma float64) func(*rand.Rand) int64 {
	return func(rng *rand.Rand) int64 { return int64(300*math.Exp(sigma*rng.NormFloat64())) + 50 }
}

func pareto(alpha float64) func(*rand.Rand) int64 {
	return func(rng *rand.Rand) int64 { return int64(100 * math.Pow(1-rng.Float64(), -1/alpha)) }
}

func giants(rng *rand.Rand) int64 {
	if rng.IntN(5000) == 0 {
		return 1 << 20
	}
	return 200
}

// Counts need no guard, and bytes none where sizes are not far apart: their
// intervals hold as often as they say.
func TestIntervalsHold(t *testing.T) {
	n := runs(t)
	for _, p := range []population{
		{"constant sizes", 60_000, 0.2, constant},
		{"constant sizes, nearly all keys", 60_000, 0.97, constant},
		{"constant sizes, few keys", 60_000, 0.01, constant},
		{"log-normal sizes", 60_000, 0.2, logNormal(1)},
		{"log-normal sizes, nearly all keys", 60_000, 0.97, logNormal(1)},
	} {
		for _, share := range []float64{0.05, 0.3} {
			for _, told := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s, %v of them, told %v", p.name, share, told), func(t *testing.T) {
					t.Parallel()
					rng := rand.New(rand.NewPCG(1, uint64(share*100)))
					table := p.table(rng)
					keys, bytes, silent := 0, 0, 0
					for range n {
						table.shuffle(rng)
						r := table.sample(share, told)
						keys += one(covers(r.keys, r.truth))
						if r.bytes.Hi != nil {
							silent++
							bytes += one(covers(r.bytes, r.weight))
						}
					}
					t.Logf("keys %.3f, bytes %.3f of %d without the guard", ratio(keys, n), ratio(bytes, silent), silent)
					if keys < tooFew(n, 0.95) {
						t.Errorf("%d of %d intervals of keys hold the truth", keys, n)
					}
					if bytes < tooFew(silent, 0.95) || p.part > 0.1 && silent < n/2 {
						t.Errorf("%d of %d intervals of bytes hold the truth, and the guard was silent in %d of %d", bytes, silent, silent, n)
					}
				})
			}
		}
	}
}

func one(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

func ratio(part, whole int) float64 { return float64(part) / float64(max(whole, 1)) }

// Where a few keys hold the bytes, the guard speaks, for the namespace or for all
// keys, and its lower end holds; or the outer check finds the bytes that are
// missing; or the interval is right all the same.
func TestHeavyTailsAreNotHidden(t *testing.T) {
	n := runs(t)
	for _, p := range []population{
		{"Pareto 1.1", 60_000, 0.5, pareto(1.1)},
		{"Pareto 1.5", 60_000, 0.5, pareto(1.5)},
		{"log-normal 2", 60_000, 0.5, logNormal(2)},
		{"one key in 5,000 holds 1 MB", 60_000, 0.5, giants},
	} {
		for _, share := range []float64{0.03, 0.15} {
			t.Run(fmt.Sprintf("%s, %v of them", p.name, share), func(t *testing.T) {
				t.Parallel()
				rng := rand.New(rand.NewPCG(2, uint64(share*100)))
				table := p.table(rng)
				spoke, held, elsewhere, checked, right := 0, 0, 0, 0, 0
				for range n {
					table.shuffle(rng)
					r := table.sample(share, false)
					balance := estimate.Balance{Used: r.total + 1<<20, Startup: 1 << 20, Keys: r.all}
					switch {
					case r.bytes.Hi == nil:
						spoke++
						held += one(covers(r.bytes, r.weight))
					case r.all.Hi == nil:
						elsewhere++
					case balance.Large():
						checked++
					default:
						right += one(covers(r.bytes, r.weight))
					}
				}
				t.Logf("of %d, the guard spoke in %d and held in %.3f of these, spoke of all keys in %d more, the outer check in %d more; %d of the others are right",
					n, spoke, ratio(held, spoke), elsewhere, checked, right)
				if held < tooFew(spoke, 0.95) {
					t.Errorf("the lower end holds in %d of %d", held, spoke)
				}
				if wrong := n - spoke - elsewhere - checked - right; n-wrong < tooFew(n, 0.95) {
					t.Errorf("%d of %d are wrong, and nothing says so", wrong, n)
				}
			})
		}
	}
}

// Keys without a place in the sample are as many as the rule of three says, at
// most, 95 times in a hundred.
func TestUnseen(t *testing.T) {
	for _, share := range []float64{0.001, 0.02, 0.5, 0.99} {
		most := estimate.Unseen(share)
		missedAll := func(n int64) float64 { return math.Pow(1-share, float64(n)) }
		if missedAll(most) < 0.05 || missedAll(most+1) >= 0.05 {
			t.Errorf("%d of a sample of %v: none is met with %v, and one more with %v", most, share, missedAll(most), missedAll(most+1))
		}
	}
	if n := estimate.Unseen(0.02); n != 148 {
		t.Errorf("%d unseen, want about 3/0.02", n)
	}
	if n := estimate.Unseen(1); n != 0 {
		t.Errorf("%d unseen of a census", n)
	}
}
