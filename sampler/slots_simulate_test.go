package sampler

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"keyprof/sampler/profile"
	"keyprof/scanner"
)

// simulatedCluster is a node whose slots are tables of their own. What the servers'
// tables draw by their seed a random order draws here.
type simulatedCluster struct {
	slots  [scanner.Slots][]simulatedKey
	counts []int
	keys   map[string]int64 // by namespace
	bytes  map[string]int64
	all    profile.ByteSums
}

type simulatedKey struct {
	name, namespace string
	bytes           int64
}

func (c *simulatedCluster) add(namespace, name string, bytes int64) {
	slot := scanner.SlotOf(name)
	c.slots[slot] = append(c.slots[slot], simulatedKey{name, namespace, bytes})
	c.keys[namespace]++
	c.bytes[namespace] += bytes
	c.all.Add(bytes)
}

// newSimulatedCluster has namespaces spread over all slots, some under hash tags,
// and one whose keys are all in one slot.
func newSimulatedCluster(rng *rand.Rand) *simulatedCluster {
	c := &simulatedCluster{keys: map[string]int64{}, bytes: map[string]int64{}}
	logNormal := func(sigma float64) int64 { return int64(200*math.Exp(sigma*rng.NormFloat64())) + 50 }
	const keys = 40_000
	for i := range keys {
		switch p := rng.Float64(); {
		case p < 0.20:
			c.add("even", fmt.Sprintf("even:%d", i), 200)
		case p < 0.30:
			c.add("even, log-normal", fmt.Sprintf("user:%d", i), logNormal(1))
		case p < 0.58:
			c.add("one hot slot", fmt.Sprintf("cart:{hot}:%d", i), logNormal(0.5))
		case p < 0.70:
			tag := rng.IntN(30)
			c.add("30 tags", fmt.Sprintf("team:{t%d}:%d", tag, i), 100+40*int64(tag))
		case p < 0.82:
			c.add("600 tags", fmt.Sprintf("org:{o%d}:%d", rng.IntN(600), i), logNormal(0.5))
		case p < 0.84:
			c.add("40 tags, few keys", fmt.Sprintf("job:{j%d}:%d", rng.IntN(40), i), logNormal(0.5))
		case p < 0.85:
			c.add("1 % of the keys", fmt.Sprintf("rare:%d", i), logNormal(0.5))
		default:
			c.add("rest", fmt.Sprintf("session:%d", i), logNormal(0.5))
		}
	}
	for _, keys := range c.slots {
		c.counts = append(c.counts, len(keys))
	}
	return c
}

// sample estimates all namespaces from a draw.
func (c *simulatedCluster) sample(t *testing.T, share float64, salt string, rng *rand.Rand) *profile.Profile {
	t.Helper()
	d := drawSlots(c.counts, share, salt)
	sums := map[string]*accumulator{}
	for _, take := range d.takes {
		keys := c.slots[take.Slot]
		for i := range take.Keys { // in random order
			j := i + rng.IntN(len(keys)-i)
			keys[i], keys[j] = keys[j], keys[i]
			k := keys[i]
			if sums[k.namespace] == nil {
				sums[k.namespace] = newAccumulator()
				sums[k.namespace].dispersion = newDispersion()
			}
			sums[k.namespace].add(0, &Observation{Name: k.name, HasBytes: true, Bytes: k.bytes, Unit: d.unit(k.name)}, -1)
		}
	}
	m, all := measures{bytes: true}, newAccumulator()
	p := &profile.Profile{Nodes: []profile.Node{{Databases: []profile.Database{{}}}}}
	for namespace, a := range sums {
		p.Namespaces = append(p.Namespaces, row{pattern: namespace, sums: a}.namespace(m))
		all.merge(a)
	}
	p.Totals = m.stats(all)
	if err := scale(p, Sample{Fraction: share, Covered: map[int]float64{0: share}, Slots: &d.SampledSlots}); err != nil {
		t.Fatal(err)
	}
	return p
}

// simulatedSamples is how many samples are drawn: KEYPROF_SIMULATE of them, 1,000
// for the full test.
func simulatedSamples(t *testing.T) int {
	t.Helper()
	s := os.Getenv("KEYPROF_SIMULATE")
	if s == "" {
		return 20
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// rarely is how many of n intervals of 95 % hold the truth in one of 10,000 cases
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

// Intervals of a sample of slots hold the truth as often as they say, wherever the
// keys of a namespace are; where few slots hold it the bytes have no upper end.
func TestIntervalsOfSlotsHold(t *testing.T) {
	n := simulatedSamples(t)
	for _, share := range []float64{0.02, 0.1, 0.4} {
		t.Run(fmt.Sprint(share), func(t *testing.T) {
			t.Parallel()
			rng := rand.New(rand.NewPCG(7, uint64(share*100)))
			c := newSimulatedCluster(rng)
			met, keys, bytes, open := map[string]int{}, map[string]int{}, map[string]int{}, map[string]int{}
			width, mean := map[string]float64{}, map[string]float64{}
			for i := range n {
				p := c.sample(t, share, fmt.Sprintf("salt%d", i), rng)
				of := map[string]*profile.Stats{"all": &p.Totals}
				for i := range p.Namespaces {
					of[p.Namespaces[i].Pattern] = &p.Namespaces[i].Stats
				}
				for namespace, s := range of {
					truth, weight := c.keys[namespace], c.bytes[namespace]
					if namespace == "all" {
						truth, weight = c.all.Keys, c.all.Bytes
					}
					met[namespace]++
					keys[namespace] += holds(&s.Keys, truth)
					bytes[namespace] += holds(s.Bytes, weight)
					mean[namespace] += float64(s.Keys.Value) / float64(truth) / float64(n)
					width[namespace] += float64(*s.Keys.Hi-s.Keys.Lo) / 2 / float64(truth) / float64(n)
					if s.Bytes.Hi == nil {
						open[namespace]++
					}
				}
			}
			for namespace, n := range met {
				t.Logf("%-20s met %d, keys %.3f (mean %.3f, ±%.1f %%), bytes %.3f, of which %d have no upper end", namespace, n,
					float64(keys[namespace])/float64(n), mean[namespace], 100*width[namespace], float64(bytes[namespace])/float64(n), open[namespace])
				if keys[namespace] < rarely(n) || bytes[namespace] < rarely(n) {
					t.Errorf("%s: of %d samples the keys of %d hold the truth, and the bytes of %d", namespace, n, keys[namespace], bytes[namespace])
				}
			}
		})
	}
}
