package profile

import (
	"fmt"
	"math"
	"slices"
)

func (n *Namespace) check(allMeasures bool) error {
	return first(
		checkFigures(whole("db", int64(n.DB))),
		checkTexts(text{"pattern", n.Pattern}),
		n.Stats.check(allMeasures),
	)
}

// check checks statistics on their own. When no measure is missing, every key
// has a type and a remaining time to live, and their sums must come out.
func (s *Stats) check(allMeasures bool) error {
	return first(
		checkFigures(
			whole("probed", s.Probed),
			whole("stalled", s.Stalled),
			whole("vanished", s.Vanished),
			whole("expired_keys", s.Expired),
			whole("moved", s.Moved),
			whole("denied", s.Denied),
			whole("too_long", s.TooLong),
			whole("failed", s.Failed),
		),
		s.checkEstimates(),
		s.Sample.check(s.Probed),
		s.checkTypes(allMeasures && s.counted() && s.Stalled == 0),
		s.checkTTL(allMeasures && s.counted() && s.Stalled == 0),
		s.checkIdle(),
		s.checkFreq(),
		s.checkJoint(),
		within("size", s.Size.check(s.atMostKeys())),
		each("examples", s.Examples, (*Key).check),
		each("largest", s.Largest, (*Key).check),
	)
}

// counted reports whether the statistics rest on all keys, so that sums must
// be equal and not only possible.
func (s *Stats) counted() bool { return s.Keys.IsExact() && s.Probed == s.Keys.Value }

// atMostKeys and atMostBytes are what no part can exceed.
func (s *Stats) atMostKeys() int64  { return s.Keys.atMost() }
func (s *Stats) atMostBytes() int64 { return s.Bytes.atMost() }

// named is an estimate and its name in the document.
type named struct {
	name string
	e    *Estimate
	of   *Estimate // the whole of which it is a part, if it is one
}

// estimates are those of s, the absent ones included.
func (s *Stats) estimates() []named {
	return []named{
		{"keys", &s.Keys, nil},
		{"bytes", s.Bytes, nil},
		{"sampled_bytes", s.SampledBytes, s.Bytes},
		{"no_ttl_keys", s.NoTTLKeys, &s.Keys},
		{"no_ttl_bytes", s.NoTTLBytes, s.Bytes},
		{"high_idle_keys", s.HighIdleKeys, &s.Keys},
		{"high_idle_bytes", s.HighIdleBytes, s.Bytes},
	}
}

func (s *Stats) checkEstimates() error {
	for _, n := range s.estimates() {
		if n.e == nil {
			continue
		}
		if err := n.e.check(n.of.atMost()); err != nil {
			return within(n.name, err)
		}
	}
	return firstBroken(
		rule{s.Probed > s.atMostKeys(), "probed", "more than keys"},
		rule{s.Stalled > s.Probed, "stalled", "more than probed"},
	)
}

func (e *Estimate) check(atMost int64) error {
	return firstBroken(
		rule{e.Lo < 0, "lo", "negative"},
		rule{e.Value < e.Lo, "value", "below lo"},
		rule{e.Hi != nil && e.Value > *e.Hi, "value", "above hi"},
		rule{e.Lo > atMost, "lo", "more than the whole"},
	)
}

// tally is a sum of keys and of bytes.
type tally struct{ keys, bytes int64 }

// add counts keys, and their bytes where those are known.
func (t *tally) add(keys int64, bytes *int64) error {
	if err := checkFigures(whole("keys", keys), maybe("bytes", bytes)); err != nil {
		return err
	}
	t.keys = addSaturating(t.keys, keys)
	if bytes != nil {
		t.bytes = addSaturating(t.bytes, *bytes)
	}
	return nil
}

// check refuses a sum of parts that exceeds the whole.
func (t *tally) check(place string, s *Stats) error {
	return firstBroken(
		rule{t.keys > s.atMostKeys(), place, "more keys than the whole"},
		rule{t.bytes > s.atMostBytes(), place, "more bytes than the whole"},
	)
}

// checkTypes checks the table by type, which covers all keys if every key's
// type was asked for.
func (s *Stats) checkTypes(all bool) error {
	var sum tally
	for name, t := range s.Types {
		place := fmt.Sprintf("types[%q]", name)
		if err := first(checkTexts(text{"name", name}), sum.add(t.Keys, t.Bytes)); err != nil {
			return within(place, err)
		}
	}
	return first(
		sum.check("types", s),
		firstBroken(rule{all && s.Types != nil && sum.keys != s.Keys.Value, "types", "keys do not add up"}),
	)
}

// checkTTL checks the remaining times to live. With the keys that have none
// they cover all keys, if every key's was asked for.
func (s *Stats) checkTTL(all bool) error {
	if s.TTL == nil {
		return nil
	}
	sum, err := checkHistogram(s.TTL.Histogram, Edges, "le_s")
	if err != nil {
		return within("ttl", err)
	}
	whole := sum
	if s.NoTTLKeys != nil {
		whole.keys = addSaturating(whole.keys, s.NoTTLKeys.Lo)
	}
	if s.NoTTLBytes != nil {
		whole.bytes = addSaturating(whole.bytes, s.NoTTLBytes.Lo)
	}
	missed := all && s.NoTTLKeys != nil && whole.keys != s.Keys.Value
	return within("ttl", first(
		whole.check("histogram", s),
		firstBroken(rule{missed, "histogram", "keys do not add up"}),
		within("remaining_s", s.TTL.RemainS.check(sum.keys)),
		within("idle_plus_ttl_s", s.TTL.IdlePlusTTLS.check(sum.keys)),
	))
}

func (s *Stats) checkIdle() error {
	if s.Idle == nil {
		return nil
	}
	sum, err := checkHistogram(s.Idle.Histogram, Edges, "le_s")
	if err != nil {
		return within("idle", err)
	}
	whole := sum
	err = whole.add(s.Idle.SharedKeys, nil)
	return within("idle", first(
		err,
		checkFigures(figure{"horizon_s", float64(s.Idle.HorizonS)}),
		whole.check("histogram", s),
		within("idle_s", s.Idle.IdleS.check(sum.keys)),
	))
}

func (s *Stats) checkFreq() error {
	if s.Freq == nil {
		return nil
	}
	sum, err := checkHistogram(s.Freq.Buckets(), FreqEdges, "le")
	return within("freq", first(err, sum.check("histogram", s)))
}

// checkHistogram checks the order of the buckets, whose edges the document calls
// edge, and is their sum.
func checkHistogram(buckets []Bucket, edges []int64, edge string) (sum tally, err error) {
	previous := -1
	err = each("histogram", buckets, func(b *Bucket) error {
		i, err := edgeIndex(edge, b.Edge, edges)
		if err != nil {
			return err
		}
		if i <= previous {
			return &fault{edge, "not above the edge before it"}
		}
		previous = i
		return sum.add(b.Keys, b.Bytes)
	})
	return sum, err
}

// edgeIndex is the index of the bucket that ends at edge, nil being the one
// beyond the last edge.
func edgeIndex(place string, edge *int64, edges []int64) (int, error) {
	if edge == nil {
		return len(edges), nil
	}
	i, found := slices.BinarySearch(edges, *edge)
	if !found {
		return 0, &fault{place, "no known edge"}
	}
	return i, nil
}

// checkJoint checks the joint table of idle time and remaining TTL.
func (s *Stats) checkJoint() error {
	if len(s.IdleByTTL) == 0 {
		return nil
	}
	var sum tally
	seen := map[[2]int]bool{}
	err := each("idle_by_ttl", s.IdleByTTL, func(c *IdleByTTL) error {
		cell, err := c.cell()
		if err != nil {
			return err
		}
		if seen[cell] {
			return &fault{"keys", "cell is there twice"}
		}
		seen[cell] = true
		return sum.add(c.Keys, c.Bytes)
	})
	return first(err, sum.check("idle_by_ttl", s))
}

// cell is the place of c in the joint table: bucket of idle time, then bucket
// of TTL, in which -1 stands for no TTL.
func (c *IdleByTTL) cell() ([2]int, error) {
	idle, err := edgeIndex("idle_le_s", c.IdleLE, Edges)
	if err != nil {
		return [2]int{}, err
	}
	if c.NoTTL {
		return [2]int{idle, -1}, firstBroken(rule{c.TTLLE != nil, "ttl_le_s", "there beside no_ttl"})
	}
	ttl, err := edgeIndex("ttl_le_s", c.TTLLE, Edges)
	return [2]int{idle, ttl}, err
}

// check checks a distribution over at most that many keys.
func (d *Distribution) check(atMostKeys int64) error {
	if d == nil {
		return nil
	}
	return first(
		checkFigures(
			figure{"min", d.Min}, figure{"mean", d.Mean}, figure{"max", d.Max},
			figure{"p50", d.P50}, figure{"p90", d.P90}, figure{"p99", d.P99},
		),
		firstBroken(
			rule{d.Count < 1, "count", "below 1"},
			rule{d.Count > atMostKeys, "count", "more keys than the whole"},
			rule{d.Mean < d.Min || d.Mean > d.Max, "mean", "outside min and max"},
			rule{!near(d.Sum.Float(), d.Mean*float64(d.Count)), "sum", "not count times mean"},
			rule{d.P50 < d.Min, "p50", "below min"},
			rule{d.P90 < d.P50, "p90", "below p50"},
			rule{d.P99 < d.P90, "p99", "below p90"},
			rule{d.Max < d.P99, "max", "below p99"},
			rule{d.Sketch == nil, "sketch", "missing"},
			rule{d.Sketch != nil && d.Sketch.Count() != d.Count, "sketch", "count differs"},
		),
	)
}

// near reports whether two sums are equal but for rounding: that of floating
// point, and that to thousandths.
func near(a, b float64) bool { return math.Abs(a-b) <= 1e-9*max(a, b)+1.0/perUnit }
