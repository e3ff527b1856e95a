package sampler

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"

	"keyprof/sampler/aggregate"
	"keyprof/sampler/pattern"
	"keyprof/sampler/profile"
	"keyprof/scanner"
)

// simulatedCluster is a node whose slots are tables of their own.
type simulatedCluster struct {
	slots  [scanner.Slots][]simulatedKey
	counts []int
	keys   map[string]int64 // that are not gone, by namespace
	bytes  map[string]int64
	all    profile.ByteSums
}

type simulatedKey struct {
	name, namespace string
	bytes           int64
	gone            bool // it is in the counts, and is not there when it is measured
}

func (c *simulatedCluster) add(namespace, name string, bytes int64, gone bool) {
	slot := scanner.SlotOf(name)
	c.slots[slot] = append(c.slots[slot], simulatedKey{name, namespace, bytes, gone})
	if gone {
		return
	}
	c.keys[namespace]++
	c.bytes[namespace] += bytes
	c.all.Add(bytes)
}

// newSimulatedCluster has namespaces spread over all slots, some under hash tags,
// and one whose keys are all in one slot. If some are lost, those of every other tag
// are gone, and every other one in the hot slot.
func newSimulatedCluster(rng *rand.Rand, lost bool) *simulatedCluster {
	c := &simulatedCluster{keys: map[string]int64{}, bytes: map[string]int64{}}
	logNormal := func(sigma float64) int64 { return int64(200*math.Exp(sigma*rng.NormFloat64())) + 50 }
	const keys = 40_000
	for i := range keys {
		switch p := rng.Float64(); {
		case p < 0.20:
			c.add("even", fmt.Sprintf("even:%d", i), 200, false)
		case p < 0.30:
			c.add("even, log-normal", fmt.Sprintf("user:%d", i), logNormal(1), false)
		case p < 0.58:
			c.add("one hot slot", fmt.Sprintf("cart:{hot}:%d", i), logNormal(0.5), lost && i%2 == 0)
		case p < 0.70:
			tag := rng.IntN(30)
			c.add("30 tags", fmt.Sprintf("team:{t%d}:%d", tag, i), 100+40*int64(tag), lost && tag%2 == 0)
		case p < 0.82:
			tag := rng.IntN(600)
			c.add("600 tags", fmt.Sprintf("org:{o%d}:%d", tag, i), logNormal(0.5), lost && tag%2 == 0)
		case p < 0.84:
			tag := rng.IntN(40)
			c.add("40 tags, few keys", fmt.Sprintf("job:{j%d}:%d", tag, i), logNormal(0.5), lost && tag%2 == 0)
		case p < 0.85:
			c.add("1 % of the keys", fmt.Sprintf("rare:%d", i), logNormal(0.5), false)
		default:
			c.add("rest", fmt.Sprintf("session:%d", i), logNormal(0.5), false)
		}
	}
	for _, keys := range c.slots {
		c.counts = append(c.counts, len(keys))
	}
	return c
}

// simulatedRules give the keys of a simulated cluster the namespaces that they were
// made for.
func simulatedRules(t *testing.T) *pattern.Rules {
	t.Helper()
	rules, err := pattern.ParseRules(
		"^even:=even", "^user:=even, log-normal", "^cart:=one hot slot", "^team:=30 tags", "^org:=600 tags",
		"^job:=40 tags, few keys", "^rare:=1 % of the keys", "^session:=rest",
	)
	if err != nil {
		t.Fatal(err)
	}
	return rules
}

// sample estimates all namespaces from a draw. Of large slots what is gone is not
// even named, as SCAN hides it.
func (c *simulatedCluster) sample(t *testing.T, share float64, salt string) *profile.Profile {
	t.Helper()
	d := newSlotSample(c.counts, share, salt)
	b := aggregate.NewBuilder(aggregate.Grouping{Limit: aggregate.DefaultNamespaceLimit, Rules: simulatedRules(t)}, -1)
	b.OfSample = true
	page := &aggregate.Page{}
	for _, take := range d.takes {
		for _, k := range c.slots[take.Slot] {
			if k.gone && take.UseScan(20) || !d.keep(k.name) || k.gone {
				continue
			}
			page.Keys = append(page.Keys, aggregate.Observation{Name: k.name, HasBytes: true, Bytes: k.bytes, Unit: d.unit(k.name)})
		}
	}
	b.Add(page)
	d.Taken = d.taken()
	p := &profile.Profile{Nodes: []profile.Node{{Databases: []profile.Database{{}}}}}
	b.Fill(p, aggregate.Measures{Bytes: true})
	for i := range p.Namespaces {
		p.Namespaces[i].Rule = false // the rules only give the namespaces names
	}
	if err := aggregate.Scale(p, aggregate.Sample{Fraction: share, Covered: map[int]float64{0: share}, Slots: &d.SampledSlots}); err != nil {
		t.Fatal(err)
	}
	return p
}

// simulatedSamples returns how many samples are drawn: KEYPROF_SIMULATE of them, 1,000
// for the full test.
func simulatedSamples(t *testing.T) int {
	t.Helper()
	s := os.Getenv("KEYPROF_SIMULATE")
	if s == "" {
		return 400
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// rarely returns how many of n intervals of 95 % hold the truth in one of 10,000 cases
// or less.
func rarely(n int) int {
	sum, lg := 0.0, func(v int) float64 { l, _ := math.Lgamma(float64(v) + 1); return l }
	for k := range n + 1 {
		sum += math.Exp(lg(n) - lg(k) - lg(n-k) + float64(k)*math.Log(0.95) + float64(n-k)*math.Log(0.05))
		if sum > 1e-4 {
			return k
		}
	}
	return n
}

// figureTally counts how often the intervals of one figure hold, and sums the figure
// for its mean.
type figureTally struct {
	truth, sum, squares float64
	met, held, open     int
}

func (f *figureTally) add(e *profile.Estimate, truth int64) {
	f.truth = float64(truth)
	f.met++
	f.held += holds(e, truth)
	f.sum += float64(e.Value)
	f.squares += float64(e.Value) * float64(e.Value)
	if e.Hi == nil {
		f.open++
	}
}

// bias returns how far the mean over n samples is off, relative to the truth, and the
// standard error of that; where a namespace was not met it is 0.
func (f *figureTally) bias(n int) (off, se float64) {
	mean := f.sum / float64(n)
	return mean/f.truth - 1, math.Sqrt(max(0, f.squares/float64(n)-mean*mean)/float64(n)) / f.truth
}

// Intervals of a sample of slots hold the truth as often as they say, and figures are
// right on average, wherever the keys of a namespace are and whichever are gone; where
// few slots hold it the bytes have no upper end.
func TestIntervalsOfSlotsHold(t *testing.T) {
	for _, share := range []float64{0.02, 0.1} {
		for _, lost := range []bool{false, true} {
			t.Run(fmt.Sprintf("%v, lost %v", share, lost), func(t *testing.T) {
				t.Parallel()
				holdOverSamples(t, newSimulatedCluster(rand.New(rand.NewPCG(7, uint64(share*100))), lost), share, lost)
			})
		}
	}
}

func holdOverSamples(t *testing.T, c *simulatedCluster, share float64, lost bool) {
	t.Helper()
	n, tallies := simulatedSamples(t), map[string]*figureTally{}
	note := func(what string, e *profile.Estimate, truth int64) {
		if tallies[what] == nil {
			tallies[what] = &figureTally{}
		}
		tallies[what].add(e, truth)
	}
	for i := range n {
		p := c.sample(t, share, fmt.Sprintf("salt%d", i))
		if !lost && (!p.Totals.Keys.IsExact() || p.Totals.Keys.Value != c.all.Keys) {
			t.Fatalf("of %d keys, all there: %+v", c.all.Keys, p.Totals.Keys)
		}
		note("keys of all", &p.Totals.Keys, c.all.Keys)
		note("bytes of all", p.Totals.Bytes, c.all.Bytes)
		for i := range p.Namespaces {
			ns := &p.Namespaces[i]
			note("keys of "+ns.Pattern, &ns.Keys, c.keys[ns.Pattern])
			note("bytes of "+ns.Pattern, ns.Bytes, c.bytes[ns.Pattern])
		}
	}
	met, held := 0, 0
	for _, what := range slices.Sorted(maps.Keys(tallies)) {
		f := tallies[what]
		off, se := f.bias(n)
		t.Logf("%-26s met %d, held %.3f, mean off by %+.2f %% ± %.2f %%, %d without an upper end", what, f.met, float64(f.held)/float64(f.met), 100*off, 100*se, f.open)
		met, held = met+f.met, held+f.held
		if f.held < rarely(f.met) {
			t.Errorf("%s: %d of %d intervals hold the truth", what, f.held, f.met)
		}
		// A ratio has a bias of the order of its variance, which is small in each sample.
		if math.Abs(off) > 4*se+0.005 {
			t.Errorf("%s: off by %.2f %% on average, with a standard error of %.2f %%", what, 100*off, 100*se)
		}
	}
	t.Logf("%d of %d intervals hold the truth: %.3f", held, met, float64(held)/float64(met))
	if held < rarely(met) {
		t.Errorf("of all figures %d of %d intervals hold the truth", held, met)
	}
}
