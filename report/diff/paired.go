package diff

import (
	"slices"

	"keyprof/sampler/profile"
)

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

// pairedSlack is how far chance moves the change of a measure of a set of keys; a
// side without keys is nil.
func (r *rows) pairedSlack(m Measure, old, new *profile.Stats) slack {
	return slackOf(partsOfSum(m, old).drawnFrom(r.before), partsOfSum(m, new).drawnFrom(r.after), old, new)
}

// drawnFrom are the values less what they would be if they were of what was taken alike
// in each group, where slots were drawn: of these the number of all keys is known, and an
// estimate is its share of the sample's keys, so that only shares err by chance.
func (g grouped) drawnFrom(p *profile.Profile) grouped {
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

// slackOf is how far chance moves the difference of two sums of groups.
func slackOf(before, after grouped, old, new *profile.Stats) slack {
	return slack{variance: profile.GroupsT95 * profile.GroupsT95 * after.less(before).varianceOfSum() * excess(old, new)}
}

// grouped are values of the random groups, scaled up to all keys.
type grouped [profile.SampleGroups]float64

// partsOfSum are what the groups contribute to a measure, or, for a quotient, to
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

// less are the differences.
func (g grouped) less(other grouped) grouped {
	for i := range g {
		g[i] -= other[i]
	}
	return g
}

// over is what the groups contribute to the error of a quotient of sums.
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

// varianceOfSum is the variance of the sum of values that are independent and have
// the same distribution: their number times theirs.
func (g grouped) varianceOfSum() (v float64) {
	n := float64(len(g))
	mean := g.sum() / n
	for _, x := range g {
		v += (x - mean) * (x - mean)
	}
	return v * n / (n - 1)
}

// weightOf is for how many keys each key that was measured stands.
func weightOf(s *profile.Stats) float64 {
	if s == nil || s.Probed == 0 {
		return 1
	}
	return float64(s.Keys.Value) / float64(s.Probed)
}

// excess is the part of the variance that is that of a sample: 1-f for a share f of
// the keys.
func excess(old, new *profile.Stats) float64 {
	return 1 - min(1/weightOf(old), 1/weightOf(new))
}
