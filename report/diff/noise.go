package diff

import (
	"math"

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
//     that of the change: see paired.go.
//
// Churn is a bound, so it adds up; the others are errors of chance, so their
// squares do.

// slack is by how much a figure may be off.
type slack struct {
	bound    float64
	variance float64 // the square of a half-width
}

// plus is the slack of a sum or a difference.
func (s slack) plus(other slack) slack {
	return slack{s.bound + other.bound, s.variance + other.variance}
}

// over is the slack of a quotient with a certain divisor.
func (s slack) over(divisor float64) slack {
	return slack{s.bound / divisor, s.variance / (divisor * divisor)}
}

// total is by how much a figure may be off in all.
func (s slack) total() float64 { return s.bound + math.Sqrt(s.variance) }

// setNoise decides whether Delta is noise.
func (c *Change) setNoise(noise float64) {
	if !math.IsInf(noise, 0) {
		c.Noise = &noise
	}
	c.WithinNoise = *c.Delta != 0 && math.Abs(*c.Delta) <= noise
}

// both are the same keys on both sides; nil where a side lacks them.
type both struct{ old, new *profile.Stats }

// estimates is how much of a change of some bytes the server's estimates explain,
// in disjoint sets of keys.
func (r *rows) estimates(parts []both, of func(*profile.Stats) *profile.Estimate) (s slack) {
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

// estimatesIn is for one set, of whose bytes a and b are compared. Where as many
// keys of a type have as many bytes on both sides, nothing moved.
func (r *rows) estimatesIn(p both, a, b int64) (s slack) {
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

// largestOf is no less than the largest key of a type has bytes.
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
	lasting, expiring = min(f.of.moved.lasting, recent, lasting), min(f.of.moved.expiring, recent, expiring)
	due := dueWithin(s, took) * weight
	return churn{
		keys:     gone + min(lasting+expiring, recent) + due,
		lasting:  float64(s.Vanished+s.Moved)*weight + lasting,
		expiring: gone + expiring + due,
		gone:     gone,
	}
}

// moved is by how many keys a database changed while it was walked, net.
type moved struct {
	lasting  float64 // keys without a TTL
	expiring float64 // keys with one
}

// recentKeys are the keys that were written, or read, within some seconds, at most.
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

// dueWithin are the keys that expire within some seconds, if those of a bucket are
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

// lowerEdge is where the bucket with this upper edge begins, in seconds.
func lowerEdge(edge *int64) float64 {
	if edge == nil {
		return float64(profile.Edges[len(profile.Edges)-1])
	}
	if i := profile.BucketIndex(profile.Edges, *edge); i > 0 {
		return float64(profile.Edges[i-1])
	}
	return 0
}

// movedIn is how a database changed while it was walked.
func movedIn(p *profile.Profile, db int) (m moved) {
	for i := range p.Nodes {
		for _, d := range p.Nodes[i].Databases {
			if d.DB == db {
				m = m.plus(movedWhile(d))
			}
		}
	}
	return m
}

func movedInAll(p *profile.Profile) (m moved) {
	for i := range p.Nodes {
		for _, d := range p.Nodes[i].Databases {
			m = m.plus(movedWhile(d))
		}
	}
	return m
}

func (m moved) plus(other moved) moved {
	return moved{m.lasting + other.lasting, m.expiring + other.expiring}
}

// movedWhile counts names beyond the keys that there were as of both kinds: SCAN may
// return some twice when a hash table shrinks.
func movedWhile(d profile.Database) moved {
	if d.Before == nil || d.After == nil {
		return moved{}
	}
	repeated := max(d.Returned-max(d.Before.Keys, d.After.Keys), 0)
	change := func(of func(*profile.Keyspace) int64) float64 {
		return math.Max(math.Abs(float64(of(d.After)-of(d.Before))), float64(repeated))
	}
	return moved{
		lasting:  change(func(k *profile.Keyspace) int64 { return k.Keys - k.Expires }),
		expiring: change(func(k *profile.Keyspace) int64 { return k.Expires }),
	}
}
