package diff

import (
	"math"
	"slices"

	"keyprof/sampler/profile"
)

// A change is noise if it is no more than these explain, on both sides together:
//
//   - Churn: a key that came or went during the scan may be counted
//     or not. These are the keys that were gone or expired when they were probed,
//     those due to expire within the time of the scan, and the change of their
//     database during the scan, as far as keys are recent enough.
//   - The server's estimates: MEMORY USAGE of hashes, sets, sorted sets, lists and
//     streams looks at the first five elements, and reads otherwise after a
//     restart or a rehash though nothing was written: see Floor.
//   - Sampling: the intervals of estimates, or, for two samples of the same keys,
//     that of the change: see paired.
//
// Churn is a bound, so it adds up; the others are errors of chance, so their
// squares do.

// slack is the error of a figure.
type slack struct {
	bound    float64
	variance float64 // the square of a half-width
}

// plus returns the slack of a sum or a difference.
func (s slack) plus(other slack) slack {
	return slack{s.bound + other.bound, s.variance + other.variance}
}

// over returns the slack of a ratio with an exact divisor.
func (s slack) over(divisor float64) slack {
	return slack{s.bound / divisor, s.variance / (divisor * divisor)}
}

// total returns the largest error of a figure.
func (s slack) total() float64 { return s.bound + math.Sqrt(s.variance) }

// setNoise sets Noise, and WithinNoise if Delta is no larger.
func (c *Change) setNoise(noise float64) {
	if !math.IsInf(noise, 0) {
		c.Noise = &noise
	}
	c.WithinNoise = *c.Delta != 0 && math.Abs(*c.Delta) <= noise
}

// statsPair holds the statistics of the same keys in both profiles; nil where a
// profile lacks them.
type statsPair struct{ old, new *profile.Stats }

// estimates returns the error of a change of bytes that comes from the server's
// estimates of sizes, over disjoint sets of keys.
func (r *rows) estimates(parts []statsPair, of func(*profile.Stats) *profile.Estimate) (s slack) {
	for _, p := range parts {
		if p.old == nil || p.new == nil {
			continue // that keys have come is no error of their sizes
		}
		if a, b := of(p.old), of(p.new); a != nil && b != nil {
			s = s.plus(r.estimatesIn(p, a.Value, b.Value))
		}
	}
	return s
}

// estimatesIn returns that error for one set, of whose bytes a and b are compared.
// Where a type has as many keys and bytes in both profiles, nothing changed.
func (r *rows) estimatesIn(p statsPair, a, b int64) (s slack) {
	for name, t := range p.old.Types {
		u, has := p.new.Types[name]
		if !has || t.Bytes == nil || u.Bytes == nil || t.Keys == u.Keys && *t.Bytes == *u.Bytes {
			continue
		}
		sum := max(min(float64(*t.Bytes)*weightOf(p.old), float64(a)), min(float64(*u.Bytes)*weightOf(p.new), float64(b)))
		floor := FloorOf(name)
		off := floor.Within(max(largestOf(p.old, name), largestOf(p.new, name)), sum)
		if r.reloaded {
			off = max(off, floor.Together*sum)
			s.bound += floor.Loaded(sum, max(scaled(t.Keys, weightOf(p.old)), scaled(u.Keys, weightOf(p.new))))
		}
		s.variance += off * off
	}
	return s
}

// largestOf returns an upper bound of the bytes of the largest key of a type.
func largestOf(s *profile.Stats, name string) float64 {
	bound := math.Inf(1)
	if s.Size != nil {
		bound = s.Size.Max
	}
	for i, k := range s.Largest {
		if k.Bytes == nil {
			continue
		}
		if size := float64(*k.Bytes); k.Type == name || i == len(s.Largest)-1 { // the largest come first
			return min(bound, size)
		}
	}
	return bound
}

// churn counts keys that may or may not have been counted.
type churn struct {
	keys     float64 // all
	lasting  float64 // without a TTL
	expiring float64 // with one
	gone     float64 // gone, expired or moved when they were probed
}

// churn returns the churn of a set of keys during the scan. No more keys came or
// went than are recent, and than there are of their kind, with a TTL or without.
func (f figures) churn() churn {
	s := f.stats
	took := f.of.profile.Ended.Sub(f.of.profile.Began).Seconds()
	weight := weightOf(s)
	gone := float64(s.Gone()) * weight
	recent, lasting, expiring := recentKeys(s, took)*weight, float64(s.Keys.Value), float64(s.Keys.Value)
	if s.NoTTLKeys != nil {
		lasting, expiring = float64(s.NoTTLKeys.Value), float64(s.Keys.Value-s.NoTTLKeys.Value)
	}
	lasting, expiring = min(f.of.drift.lasting, recent, lasting), min(f.of.drift.expiring, recent, expiring)
	due := dueWithin(s, took) * weight
	return churn{
		keys:     gone + min(lasting+expiring, recent) + due,
		lasting:  float64(s.Vanished+s.Moved)*weight + lasting,
		expiring: gone + expiring + due,
		gone:     gone,
	}
}

// drift is the net change of the keys of a database during the scan.
type drift struct {
	lasting  float64 // keys without a TTL
	expiring float64 // keys with one
}

// recentKeys returns an upper bound of the keys written or read within some
// seconds.
func recentKeys(s *profile.Stats, within float64) float64 {
	if s.Idle == nil {
		return math.Inf(1)
	}
	recent := float64(s.Idle.SharedKeys)
	for _, b := range s.Idle.Histogram {
		recent += float64(b.Keys)
		if b.Edge == nil || float64(*b.Edge) >= within {
			break
		}
	}
	return recent
}

// dueWithin returns the keys that expire within some seconds, if each bucket of the
// histogram is spread evenly.
func dueWithin(s *profile.Stats, within float64) (due float64) {
	if s.TTL == nil {
		return 0
	}
	for _, b := range s.TTL.Histogram {
		from := lowerEdge(b.Edge)
		switch {
		case b.Edge == nil || within <= from:
			return due
		case within >= float64(*b.Edge):
			due += float64(b.Keys)
		default:
			return due + float64(b.Keys)*(within-from)/(float64(*b.Edge)-from)
		}
	}
	return due
}

// lowerEdge returns the lower edge, in seconds, of the bucket with this upper edge.
func lowerEdge(edge *int64) float64 {
	if edge == nil {
		return float64(profile.Edges[len(profile.Edges)-1])
	}
	if i := profile.BucketIndex(profile.Edges, *edge); i > 0 {
		return float64(profile.Edges[i-1])
	}
	return 0
}

// driftIn returns how a database changed during the scan.
func driftIn(p *profile.Profile, db int) (m drift) {
	for i := range p.Nodes {
		for _, d := range p.Nodes[i].Databases {
			if d.DB == db {
				m = m.plus(driftOf(d))
			}
		}
	}
	return m
}

// driftInAll returns how all databases changed during the scan.
func driftInAll(p *profile.Profile) (m drift) {
	for i := range p.Nodes {
		for _, d := range p.Nodes[i].Databases {
			m = m.plus(driftOf(d))
		}
	}
	return m
}

func (m drift) plus(other drift) drift {
	return drift{m.lasting + other.lasting, m.expiring + other.expiring}
}

// driftOf counts duplicates as of both kinds: SCAN may return keys twice when a
// hash table shrinks.
func driftOf(d profile.Database) drift {
	if d.Before == nil || d.After == nil {
		return drift{}
	}
	repeated := max(d.Returned-max(d.Before.Keys, d.After.Keys), 0)
	change := func(of func(*profile.Keyspace) int64) float64 {
		return math.Max(math.Abs(float64(of(d.After)-of(d.Before))), float64(repeated))
	}
	return drift{
		lasting:  change(func(k *profile.Keyspace) int64 { return k.Keys - k.Expires }),
		expiring: change(func(k *profile.Keyspace) int64 { return k.Expires }),
	}
}

// Two samples of the same interval of cursor positions in the same process are of
// the same keys, but for those that came and went. Two of slots that were chosen by
// the same salt are of the same slots, in whatever process. What chance does to both alike
// is no change, so the interval of a change is far shorter than those of the two
// figures: it is computed from the changes of random groups of the keys (Wolter,
// "Introduction to Variance Estimation", 2007, chapter 2).

// paired reports whether two profiles are samples of the same keys.
func paired(before, after *profile.Profile) bool {
	a, b := before.Design.Sample, after.Design.Sample
	if a == nil || b == nil || !hasGroups(before) || !hasGroups(after) {
		return false
	}
	if a.Slots != nil || b.Slots != nil {
		return a.Slots != nil && b.Slots != nil && a.Slots.Salt == b.Slots.Salt && before.Design.Fraction == after.Design.Fraction
	}
	return a.From == b.From && a.To == b.To && runID(before) != "" && runID(before) == runID(after)
}

// hasGroups reports whether all keys of a profile are in random groups.
func hasGroups(p *profile.Profile) bool {
	lacks := func(ns profile.Namespace) bool { return ns.Sample == nil }
	return p.Totals.Sample != nil && !slices.ContainsFunc(p.Namespaces, lacks)
}

// pairedSlack returns the sampling error of the change of a measure of a set of
// keys; a profile without such keys gives nil.
func (r *rows) pairedSlack(m Measure, old, new *profile.Stats) slack {
	return slackOf(partsOfSum(m, old).centered(r.before), partsOfSum(m, new).centered(r.after), old, new)
}

// centered returns the values of groups less their expected values where slots were
// sampled. The number of all keys is known then, and an estimate is its share of
// the sampled keys, so only shares have a sampling error.
func (g grouped) centered(p *profile.Profile) grouped {
	if p.Design.Sample.Slots == nil {
		return g
	}
	keys := grouped(p.Design.Sample.Slots.Taken)
	share := g.sum() / max(1, keys.sum())
	for i := range g {
		g[i] -= share * keys[i]
	}
	return g
}

// slackOf returns the sampling error of the difference of two sums of groups.
func slackOf(before, after grouped, old, new *profile.Stats) slack {
	return slack{variance: profile.GroupsT95 * profile.GroupsT95 * after.less(before).varianceOfSum() * sampleCorrection(old, new)}
}

// grouped holds values of the random groups, scaled up to all keys.
type grouped [profile.SampleGroups]float64

// partsOfSum returns the contributions of the groups to a measure, or, for a ratio,
// to its error, to the first order.
func partsOfSum(m Measure, s *profile.Stats) grouped {
	if s == nil {
		return grouped{}
	}
	g := &s.Sample.Groups
	switch m {
	case Keys:
		return groupsOf(s, g.Keys)
	case Bytes:
		return groupsOf(s, g.Bytes)
	case NoTTLKeys:
		return groupsOf(s, g.NoTTLKeys)
	case NoTTLBytes:
		return groupsOf(s, g.NoTTLBytes)
	case HighIdleBytes:
		return groupsOf(s, g.HighIdleBytes)
	case NoTTLShare:
		return groupsOf(s, g.NoTTLKeys).over(groupsOf(s, g.Keys))
	default:
		return groupsOf(s, g.Bytes).over(groupsOf(s, g.Keys))
	}
}

// groupsOf scales the sums of groups up to all keys.
func groupsOf(s *profile.Stats, sums []int64) (values grouped) {
	for i, n := range sums {
		values[i] = float64(n) * weightOf(s)
	}
	return values
}

// less returns the differences.
func (g grouped) less(other grouped) grouped {
	for i := range g {
		g[i] -= other[i]
	}
	return g
}

// over returns the contributions of the groups to the error of a ratio of sums.
func (g grouped) over(whole grouped) grouped {
	sum := whole.sum()
	if sum == 0 {
		return grouped{}
	}
	quotient := g.sum() / sum
	for i := range g {
		g[i] = (g[i] - quotient*whole[i]) / sum
	}
	return g
}

func (g grouped) sum() (sum float64) {
	for _, v := range g {
		sum += v
	}
	return sum
}

// varianceOfSum returns the variance of the sum of independent values of the same
// distribution: their number times theirs.
func (g grouped) varianceOfSum() (v float64) {
	n := float64(len(g))
	mean := g.sum() / n
	for _, x := range g {
		v += (x - mean) * (x - mean)
	}
	return v * n / (n - 1)
}

// weightOf returns the number of keys that each measured key stands for.
func weightOf(s *profile.Stats) float64 {
	if s == nil || s.Probed == 0 {
		return 1
	}
	return float64(s.Keys.Value) / float64(s.Probed)
}

// sampleCorrection returns the finite population correction, 1-f for a sample of
// the share f of the keys.
func sampleCorrection(old, new *profile.Stats) float64 {
	return 1 - min(1/weightOf(old), 1/weightOf(new))
}

// Floor describes how far MEMORY USAGE of the keys of a type varies by itself. The
// server examines the first five elements; which these are depends on a seed that it
// chooses at startup. scripts/noise measured the figures on redis-server 7.0.15 over
// ten restarts with the same data.
type Floor struct {
	// Spread is the standard deviation of one key's bytes, relative to them.
	Spread float64
	// Most is the largest difference between two readings of one key in 95 % of cases
	// of the worst shape, as a ratio of the larger.
	Most float64
	// Loading is the largest difference of all bytes between keys as clients wrote
	// them and the same keys loaded from a file, as a ratio; LoadingPerKey is in bytes
	// per key.
	Loading       float64
	LoadingPerKey float64
	// Together is the largest change of all bytes in another process, as a ratio: keys with the same elements keep them in the same order then.
	Together float64
}

// floors holds the floor of each type. The spread of lists and streams covers 95 % of the
// changes of sums, as the heads of queues do not change independently of each other.
var floors = map[string]Floor{
	"string": {},
	"hash":   {Spread: 0.65, Most: 0.8, Loading: 0.08, Together: 0.8},
	"set":    {Spread: 0.70, Most: 0.8, Loading: 0.08, Together: 0.8},
	"zset":   {Spread: 0.40, Most: 0.65, Loading: 0.08},
	"list":   {Spread: 0.11, Most: 0.17},
	"stream": {Spread: 0.04, Most: 0.08, LoadingPerKey: 4096}, // STREAM_LISTPACK_MAX_PRE_ALLOCATE of Redis
}

// FloorOf returns the floor of a type. The type of a module, which was not
// measured, gets the largest of all.
func FloorOf(name string) Floor {
	if f, measured := floors[name]; measured {
		return f
	}
	return floors["set"]
}

// Certainty is the number of standard deviations of one reading that two readings
// of the same key may differ by.
const Certainty = 2

// Within returns how far two readings of keys of sum bytes in one process may
// differ, in bytes. The largest key has largest bytes. Keys vary independently of
// one another.
func (f Floor) Within(largest, sum float64) float64 {
	return min(Certainty*f.Spread*math.Sqrt(min(largest, sum)*sum), f.Most*sum)
}

// Loaded returns the additional difference, in bytes, between keys that clients
// wrote and keys that were loaded from a file.
func (f Floor) Loaded(sum float64, keys int64) float64 {
	return f.Loading*sum + f.LoadingPerKey*float64(keys)
}
