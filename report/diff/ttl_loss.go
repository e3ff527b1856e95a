package diff

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"keyprof/report/unit"
	"keyprof/sampler/aggregate"
	"keyprof/sampler/profile"
)

const (
	// leastRecent are the fewest recent keys that tell anything.
	leastRecent = 30
	// leastJump is the smallest rise of a share that counts as a jump.
	leastJump = 0.1
	// byChance is the highest probability that a jump in one of some thousand
	// namespaces is chance.
	byChance = 1e-6
	// mostlyNoTTL is the share of recent keys from which keys without a TTL are
	// said to arrive still.
	mostlyNoTTL = 0.5
	// someTTL is the least share of keys with a TTL, on either side, that shows
	// that a namespace's keys are meant to expire.
	someTTL = 0.001
	// mostExamples bounds what is listed of a namespace.
	mostExamples = 5
	// clockSlack is the largest error of an idle time: the server reads its clock
	// for it once a second.
	clockSlack = 2 * time.Second
)

// ttlLossesSince returns the namespaces whose keys are written without a TTL; why
// says what keeps idle times from showing it.
func ttlLossesSince(c *Comparison) (list []TTLLoss, why string) {
	list = []TTLLoss{}
	s, why := idleWindowSince(c)
	if why != "" {
		return list, why
	}
	for i := range c.Namespaces {
		if found, news := s.stopped(&c.Namespaces[i]); news {
			list = append(list, found)
		}
	}
	slices.SortFunc(list, func(a, b TTLLoss) int {
		return cmp.Or(
			aggregate.CompareBools(b.Jumped, a.Jumped), cmp.Compare(b.Recent.NoTTL, a.Recent.NoTTL),
			cmp.Compare(a.DB, b.DB), cmp.Compare(a.Pattern, b.Pattern),
		)
	})
	return list, ""
}

// RecentMeans describes the Recent keys of a TTLLoss: reads on a primary do not
// show on its replicas, and keys without a TTL that may only have been read are not
// among them.
func (c *Comparison) RecentMeans() string {
	if i := c.New.Profile.Totals.Idle; i != nil && i.Measure == profile.IdleSinceWriteOrLocalRead {
		return "written (or, with a TTL, read on this replica)"
	}
	return "written (or, with a TTL, read)"
}

// idleWindow separates by idle time the keys that were written or read since the
// old profile from the others. Keys between the two edges may be either.
type idleWindow struct {
	recent int64 // seconds; an idle time of at most this began after the old scan
	older  int64 // seconds; one above this began before it; 0: unknown
}

// idleWindowSince returns the edges, or why idle times cannot be used.
func idleWindowSince(c *Comparison) (s idleWindow, why string) {
	before, after := c.Old.Profile, c.New.Profile
	// The shortest and the longest time from the old scan to a key's probe.
	least, most := after.Began.Sub(before.Ended)-clockSlack, after.Ended.Sub(before.Began)+clockSlack
	if why = idleUnknown(c, least); why != "" {
		return s, why
	}
	for _, edge := range profile.Edges {
		span := time.Duration(edge) * time.Second
		if span <= least {
			s.recent = edge
		}
		if span >= most && s.older == 0 {
			s.older = edge
		}
	}
	if s.recent == 0 {
		return s, "the profiles are too close together to tell which keys were written between them"
	}
	return s, ""
}

// idleInvalid lists the codes of caveats under which the idle times of the new
// profile may not count from a write or read.
var idleInvalid = []string{"nodes-differ", "process-unknown", "resynced", "other-process", "other-server", "idle-reset"}

// idleUnknown returns why the idle times of the new profile do not cover a span
// before it; empty if they do.
func idleUnknown(c *Comparison, span time.Duration) string {
	t := &c.New.Profile.Totals
	switch {
	case hidesNamespaces(c.Caveats):
		return "namespaces cannot be compared"
	case t.NoTTLKeys == nil:
		return "the new profile has no TTLs"
	case c.Old.Profile.Totals.NoTTLKeys == nil:
		return "the old profile has no TTLs"
	case !c.Old.Profile.Complete:
		return "the old profile is incomplete and may lack keys without a TTL"
	case t.Freq != nil:
		return "idle times are not tracked under an LFU policy"
	case t.Idle == nil:
		return "the new profile has no idle times"
	}
	for _, caveat := range c.Caveats {
		// Idle times that are left from an LFU policy mean nothing.
		lfu := caveat.Code == "policy-differs" && slices.Contains(caveat.Hides, HighIdleBytes)
		if lfu || slices.Contains(idleInvalid, caveat.Code) {
			return caveat.Text
		}
	}
	return idleTooShort(c.New.Profile, span)
}

// idleTooShort returns why idle times do not reach back for a span, or may not;
// empty if they do.
func idleTooShort(p *profile.Profile, span time.Duration) string {
	n := onlyNode(p)
	switch {
	case n == nil || n.IdleHorizonS == nil:
		return "the longest idle time that the server can report is unknown"
	case float64(*n.IdleHorizonS) < span.Seconds():
		return fmt.Sprintf("idle times reach back only %s, not to the old profile", unit.FormatDuration(float64(*n.IdleHorizonS)))
	case n.Role == profile.RoleReplica && (n.LargestIdleS == nil || float64(*n.LargestIdleS) < span.Seconds()):
		return "no key has been idle since before the old profile: a full resync of this replica may have reset all idle times"
	default:
		return ""
	}
}

// stopped returns the TTLLoss of a namespace; news is false if there is none.
func (s idleWindow) stopped(row *Row) (found TTLLoss, news bool) {
	if row.Other || row.New == nil || row.New.NoTTLKeys == nil {
		return found, false
	}
	found = TTLLoss{
		DB: row.DB, Pattern: row.Pattern, RecentS: s.recent, OlderS: s.older,
		Recent: portionOf(row.New, s.isRecent).written(row, weightOf(row.New)), Older: portionOf(row.New, s.isOlder),
	}
	if more := row.Changes[NoTTLKeys].Delta; more != nil {
		found.MoreNoTTL = int64(max(*more, 0))
	}
	found.Jumped = found.Recent.exceeds(found.Older) || found.Recent.exceeds(portionOfAll(row.Old))
	if !found.Jumped && !stillWithoutTTL(row, found.Recent) {
		return found, false
	}
	found.Recent, found.Older = found.Recent.times(weightOf(row.New)), found.Older.times(weightOf(row.New))
	found.Examples = s.examples(row.New)
	return found, true
}

// times scales a portion of a sample up to all keys.
func (p Portion) times(weight float64) Portion {
	return Portion{scaled(p.Keys, weight), scaled(p.NoTTL, weight)}
}

func (s idleWindow) isRecent(c profile.IdleByTTL) bool {
	return c.IdleLE != nil && *c.IdleLE <= s.recent
}

func (s idleWindow) isOlder(c profile.IdleByTTL) bool {
	return s.older > 0 && lowerEdge(c.IdleLE) >= float64(s.older)
}

// portionOf counts the keys of some cells of the joint table.
func portionOf(s *profile.Stats, in func(profile.IdleByTTL) bool) (p Portion) {
	for _, cell := range s.IdleByTTL {
		if !in(cell) {
			continue
		}
		p.Keys += cell.Keys
		if cell.NoTTL {
			p.NoTTL += cell.Keys
		}
	}
	return p
}

// portionOfAll counts all measured keys of a namespace; empty if unknown.
func portionOfAll(s *profile.Stats) Portion {
	switch {
	case s == nil || s.NoTTLKeys == nil:
		return Portion{}
	case s.Sample != nil:
		return Portion{Keys: s.Probed, NoTTL: s.Sample.NoTTL.Keys}
	}
	return Portion{Keys: s.Keys.Value, NoTTL: min(s.NoTTLKeys.Value, s.Keys.Value)}
}

// written leaves out the recent keys without a TTL that may only have been read or
// overwritten: no more of them are certainly new than there are more of them now.
// The old profile must be complete. The new one need not be: the keys that it lacks
// could only add to them. weight is the number of keys that each key of p stands
// for.
func (p Portion) written(row *Row, weight float64) Portion {
	new := int64(float64(max(row.New.NoTTLKeys.Value-portionOfAll(row.Old).NoTTL, 0)) / weight)
	if row.Old == nil && row.State == Unsure {
		new = 0 // they may all have been there
	}
	new = min(new, p.NoTTL)
	return Portion{Keys: p.Keys - p.NoTTL + new, NoTTL: new}
}

// exceeds reports whether the share without a TTL is far higher than in other.
func (p Portion) exceeds(other Portion) bool {
	return p.Keys >= leastRecent && other.Keys > 0 &&
		p.Share()-other.Share() >= leastJump && chance(p, other) <= byChance
}

// chance returns the probability that p holds as many keys without a TTL, or more,
// if those of both were distributed at random: Fisher's exact test, one-sided.
func chance(p, other Portion) float64 {
	all, noTTL := float64(p.Keys+other.Keys), float64(p.NoTTL+other.NoTTL)
	keys, x := float64(p.Keys), float64(p.NoTTL)
	term := math.Exp(logChoose(noTTL, x) + logChoose(all-noTTL, keys-x) - logChoose(all, keys))
	sum := term
	for ; x < min(keys, noTTL) && term > sum*1e-12; x++ {
		term *= (noTTL - x) * (keys - x) / ((x + 1) * (all - noTTL - keys + x + 1))
		sum += term
	}
	return min(sum, 1)
}

// logChoose returns the logarithm of the number of ways to choose k of n.
func logChoose(n, k float64) float64 {
	lgamma := func(v float64) float64 { l, _ := math.Lgamma(v + 1); return l }
	return lgamma(n) - lgamma(k) - lgamma(n-k)
}

// stillWithoutTTL reports whether keys still arrive without a TTL where others have
// one. A namespace without any TTL does not count: it may be meant so.
func stillWithoutTTL(row *Row, recent Portion) bool {
	expiring := max(expiringOf(row.New), expiringOf(row.Old))
	return recent.NoTTL >= leastRecent && recent.Share() >= mostlyNoTTL && expiring >= someTTL
}

// expiringOf returns the share of the keys with a TTL; 0 if unknown.
func expiringOf(s *profile.Stats) float64 {
	if p := portionOfAll(s); p.Keys > 0 {
		return 1 - p.Share()
	}
	return 0
}

// examples returns recent keys without a TTL.
func (s idleWindow) examples(stats *profile.Stats) []profile.Key {
	list := []profile.Key{}
	for _, k := range slices.Concat(stats.Examples, stats.Largest) {
		same := func(other profile.Key) bool { return other.DB == k.DB && other.KeyName == k.KeyName }
		if k.NoTTL && k.IdleS != nil && *k.IdleS <= s.recent && len(list) < mostExamples && !slices.ContainsFunc(list, same) {
			list = append(list, k)
		}
	}
	return list
}
