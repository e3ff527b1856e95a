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
//     restart or a rehash though nothing was written.
//   - Sampling: the intervals of estimates.
//
// Churn is a bound, so it adds up; the others are errors of chance, so their
// squares do.

// slack is by how much a figure may be off.
type slack struct {
	bound    float64
	variance float64 // the square of a half-width
}

// with is the slack of a difference.
func (s slack) with(other slack) float64 {
	return s.bound + other.bound + math.Sqrt(s.variance+other.variance)
}

// setNoise decides whether Delta is noise.
func (c *Change) setNoise(noise float64) {
	if !math.IsInf(noise, 0) {
		c.Noise = &noise
	}
	c.WithinNoise = *c.Delta != 0 && math.Abs(*c.Delta) <= noise
}

// spreadOf is how far MEMORY USAGE of one key moves by itself, relative to its
// size: the standard deviation over ten restarts with the same data, as
// scripts/noise measures it.
var spreadOf = map[string]float64{
	"hash":   0.2,
	"set":    0.2,
	"zset":   0.2,
	"list":   0.2,
	"stream": 0.2,
}

// otherSpread is that of types that were not measured, such as those of modules.
const otherSpread = 0.3

// certainty is how many standard deviations a reading may be off: two of them
// hold 95 in 100 readings.
const certainty = 2

// estimates is what the server's own estimates of sizes may be off by, in a sum of
// bytes: its variance. Those of different keys are independent, so that a sum is
// off by at most spread × sqrt(largest × sum). Where as many keys have as many
// bytes on both sides, nothing moved.
func (f figures) estimates(of func(*profile.Stats) *profile.Estimate) (variance float64) {
	if f.parts != nil {
		for _, part := range f.parts {
			variance += part.estimates(of)
		}
		return variance
	}
	some := of(f.stats)
	if some == nil {
		return 0
	}
	for name, t := range f.stats.Types {
		if name == "string" || t.Bytes == nil || f.same(name, t) {
			continue
		}
		sum := float64(min(*t.Bytes, some.Value))
		off := certainty * spreadOfType(name)
		variance += off * off * min(largestOf(f.stats, name), sum) * sum
	}
	return variance
}

// same reports whether the keys of a type are the same on the other side, as far
// as their sums tell.
func (f figures) same(name string, t profile.TypeStats) bool {
	if f.other == nil {
		return false
	}
	u, has := f.other.Types[name]
	return has && u.Bytes != nil && u.Keys == t.Keys && *u.Bytes == *t.Bytes
}

func spreadOfType(name string) float64 {
	if spread, measured := spreadOf[name]; measured {
		return spread
	}
	return otherSpread
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
	keys    float64 // all
	lasting float64 // without a TTL
	gone    float64 // gone or expired when they were probed
}

// churn of a set of keys while it was walked.
func (f figures) churn() churn {
	s := f.stats
	took := f.of.profile.Ended.Sub(f.of.profile.Began).Seconds()
	gone := float64(s.Vanished + s.Expired)
	moved := min(f.of.churn, recentKeys(s, took))
	return churn{
		keys:    gone + moved + dueWithin(s, took),
		lasting: float64(s.Vanished) + moved,
		gone:    gone,
	}
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

// churnOf is by how many keys a database changed while it was walked.
func churnOf(p *profile.Profile, db int) (keys float64) {
	for i := range p.Nodes {
		for _, d := range p.Nodes[i].Databases {
			if d.DB == db {
				keys += churnOfWalk(d)
			}
		}
	}
	return keys
}

func churnOfAll(p *profile.Profile) (keys float64) {
	for i := range p.Nodes {
		for _, d := range p.Nodes[i].Databases {
			keys += churnOfWalk(d)
		}
	}
	return keys
}

// churnOfWalk counts names beyond the keys that there were: SCAN may return some
// twice when a hash table shrinks.
func churnOfWalk(d profile.Database) float64 {
	if d.Before == nil || d.After == nil {
		return 0
	}
	most, least := max(d.Before.Keys, d.After.Keys), min(d.Before.Keys, d.After.Keys)
	return float64(max(most-least, d.Returned-most))
}
