package diff

import (
	"math"
	"slices"

	"keyprof/sampler/profile"
)

// A change is noise if it is no more than these explain, on both sides together:
//
//   - Churn: a key that came or went while the walk was under way may be counted
//     or not. These are the keys that were gone or expired when they were probed,
//     those due to expire within the time of the walk, and the change of their
//     database while it was walked, as far as keys are recent enough.
//   - The server's estimates: MEMORY USAGE of hashes, sets, sorted sets, lists and
//     streams looks at the first five elements, and reads otherwise after a
//     restart or a rehash though nothing was written: see Floor.
//   - Sampling: the intervals of estimates, or, for two samples of the same keys,
//     that of the change: see paired.
//
// Churn is a bound, so it adds up; the others are errors of chance, so their
// squares do.

// slack is by how much a figure may be off.
type slack struct {
	bound    float64
	variance float64 // the square of a half-width
}

// plus returns the slack of a sum or a difference.
func (s slack) plus(other slack) slack {
	return slack{s.bound + other.bound, s.variance + other.variance}
}

// over returns the slack of a quotient with a certain divisor.
func (s slack) over(divisor float64) slack {
	return slack{s.bound / divisor, s.variance / (divisor * divisor)}
}

// total returns by how much a figure may be off in all.
func (s slack) total() float64 { return s.bound + math.Sqrt(s.variance) }

// setNoise decides whether Delta is noise.
func (c *Change) setNoise(noise float64) {
	if !math.IsInf(noise, 0) {
		c.Noise = &noise
	}
	c.WithinNoise = *c.Delta != 0 && math.Abs(*c.Delta) <= noise
}

// statsPair is the same keys on both sides; nil where a side lacks them.
type statsPair struct{ old, new *profile.Stats }

// estimates returns how much of a change of some bytes the server's estimates explain,
// in disjoint sets of keys.
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

// estimatesIn returns for one set, of whose bytes a and b are compared. Where as many
// keys of a type have as many bytes on both sides, nothing changed.
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

// largestOf returns no less than the largest key of a type has bytes.
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

// churn are keys that may or may not have been counted.
type churn struct {
	keys     float64 // all
	lasting  float64 // without a TTL
	expiring float64 // with one
	gone     float64 // gone, expired or moved when they were probed
}

// churn of a set of keys while it was walked: no more of them came or went than are
// recent, and than there are of their kind, with a TTL or without.
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

// drift is by how many keys a database changed while it was walked, net.
type drift struct {
	lasting  float64 // keys without a TTL
	expiring float64 // keys with one
}

// recentKeys returns the keys that were written, or read, within some seconds, at most.
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

// dueWithin returns the keys that expire within some seconds, if those of a bucket are
// spread evenly over it.
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

// lowerEdge returns where the bucket with this upper edge begins, in seconds.
func lowerEdge(edge *int64) float64 {
	if edge == nil {
		return float64(profile.Edges[len(profile.Edges)-1])
	}
	if i := profile.BucketIndex(profile.Edges, *edge); i > 0 {
		return float64(profile.Edges[i-1])
	}
	return 0
}

// driftIn returns how a database changed while it was walked.
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

// driftOf counts names beyond the keys that there were as of both kinds: SCAN may
// return some twice when a hash table shrinks.
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
// the same keys, but for those that came and went. Two of slots that were drawn by
// the same salt are of the same slots, in whatever process. What chance does to both alike
// is no change, so the interval of a change is far shorter than those of the two
// figures: it is had from the changes of random groups of the keys (Wolter,
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

// pairedSlack returns how far chance moves the change of a measure of a set of keys; a
// side without keys is nil.
func (r *rows) pairedSlack(m Measure, old, new *profile.Stats) slack {
	return slackOf(partsOfSum(m, old).centered(r.before), partsOfSum(m, new).centered(r.after), old, new)
}

// centered returns the values less what they would be if they were of what was taken alike
// in each group, where slots were drawn: of these the number of all keys is known, and an
// estimate is its share of the sample's keys, so that only shares err by chance.
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

// slackOf returns how far chance moves the difference of two sums of groups.
func slackOf(before, after grouped, old, new *profile.Stats) slack {
	return slack{variance: profile.GroupsT95 * profile.GroupsT95 * after.less(before).varianceOfSum() * sampleCorrection(old, new)}
}

// grouped are values of the random groups, scaled up to all keys.
type grouped [profile.SampleGroups]float64

// partsOfSum returns what the groups contribute to a measure, or, for a quotient, to
// its error, to the first order.
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

// over returns what the groups contribute to the error of a quotient of sums.
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

// varianceOfSum returns the variance of the sum of values that are independent and have
// the same distribution: their number times theirs.
func (g grouped) varianceOfSum() (v float64) {
	n := float64(len(g))
	mean := g.sum() / n
	for _, x := range g {
		v += (x - mean) * (x - mean)
	}
	return v * n / (n - 1)
}

// weightOf returns for how many keys each key that was measured stands.
func weightOf(s *profile.Stats) float64 {
	if s == nil || s.Probed == 0 {
		return 1
	}
	return float64(s.Keys.Value) / float64(s.Probed)
}

// sampleCorrection returns the part of the variance that is that of a sample: 1-f for a share f of
// the keys.
func sampleCorrection(old, new *profile.Stats) float64 {
	return 1 - min(1/weightOf(old), 1/weightOf(new))
}

// Floor is how far MEMORY USAGE of the keys of a type moves by itself, since the
// server looks at the first five elements, and which those are depends on a seed
// that it draws when it starts. The figures are those that scripts/noise measured
// on redis-server 7.0.15 over ten restarts with the same data.
type Floor struct {
	// Spread is the standard deviation of one key's bytes, relative to them.
	Spread float64
	// Most is how far two readings of one key lie apart at most, in 95 of 100 cases
	// of the worst shape: as a ratio of the larger.
	Most float64
	// Loading is by how much all bytes may differ between keys as clients wrote them
	// and the same keys loaded from a file, as a ratio; LoadingPerKey in bytes a key.
	Loading       float64
	LoadingPerKey float64
	// Together is by how much all bytes may move at once in another process, as a
	// ratio: keys with the same elements keep them in the same order then.
	Together float64
}

// floors are by type. For lists and streams the spread is what covers 95 % of the
// changes of sums, as fronts of queues do not move quite independently.
var floors = map[string]Floor{
	"string": {},
	"hash":   {Spread: 0.65, Most: 0.8, Loading: 0.08, Together: 0.8},
	"set":    {Spread: 0.70, Most: 0.8, Loading: 0.08, Together: 0.8},
	"zset":   {Spread: 0.40, Most: 0.65, Loading: 0.08},
	"list":   {Spread: 0.11, Most: 0.17},
	"stream": {Spread: 0.04, Most: 0.08, LoadingPerKey: 4096}, // STREAM_LISTPACK_MAX_PRE_ALLOCATE of Redis
}

// FloorOf returns the floor of a type. A module's type, which was not measured, has the
// largest of all.
func FloorOf(name string) Floor {
	if f, measured := floors[name]; measured {
		return f
	}
	return floors["set"]
}

// Certainty is how many standard deviations of one reading two readings of the
// same key may differ by.
const Certainty = 2

// Within returns how far keys of sum bytes, the largest of which has largest, may read
// apart in one process, in bytes: keys move independently of one another.
func (f Floor) Within(largest, sum float64) float64 {
	return min(Certainty*f.Spread*math.Sqrt(min(largest, sum)*sum), f.Most*sum)
}

// Loaded returns what comes on top between keys that were written and keys that were
// loaded from a file, in bytes.
func (f Floor) Loaded(sum float64, keys int64) float64 {
	return f.Loading*sum + f.LoadingPerKey*float64(keys)
}
