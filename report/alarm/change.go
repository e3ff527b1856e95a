package alarm

import (
	"math"
	"slices"
	"strings"

	"keyprof/report/diff"
	"keyprof/sampler/profile"
)

// Reasons why a change is unknown.
const (
	becauseNew     = "the old figure is 0, so it has no growth: compare the increase instead, such as new_bytes"
	becauseUnsure  = "one of the profiles sums up namespaces, or is incomplete, so this one may be in it too"
	becauseMissing = "one of the profiles is incomplete, and its missing keys would look like a change"
)

// deltaOf returns a metric that reads the change of m.
func deltaOf(m measure) func(subject) reading {
	return func(s subject) reading { return s.delta(m) }
}

func (s subject) delta(m measure) reading {
	if r, told := s.unknownChange(m); !told {
		return r
	}
	change := s.row.Changes[m.Measure]
	switch {
	case change.Delta != nil:
		return withNoise(change)
	case s.row.State == diff.Unsure:
		return s.oneSided(m, change)
	default: // a quotient without keys
		return reading{noKeys: true}
	}
}

// withNoise returns the reading of a change, with its noise as the interval.
func withNoise(c diff.Change) reading {
	r := exactly(*c.Delta)
	if c.Noise == nil {
		r.lo, r.hi, r.open = math.Inf(-1), math.Inf(1), true
		return r
	}
	r.lo, r.hi = r.value-*c.Noise, r.value+*c.Noise
	return r
}

// oneSided returns the change of a measure that only one profile certainly has.
func (s subject) oneSided(m measure, c diff.Change) reading {
	if !m.adds {
		return unknown(becauseUnsure)
	}
	r := s.bounds(m)
	r.because = becauseUnsure
	switch {
	case c.New == nil:
		r.hi = math.Inf(1)
		r.value = r.lo
	default:
		r.lo = math.Inf(-1)
		r.value = r.hi
	}
	return r
}

// bounds returns the bounds of a change when only the two figures are known: all old
// keys may be gone, and all new ones may be new.
func (s subject) bounds(m measure) reading {
	old, new := s.sides(m)
	return reading{lo: -old.hi, hi: new.hi, open: true}
}

// deltaOfPart bounds the change of a measure of any part of the keys.
func deltaOfPart(m measure) func(subject) reading {
	return func(s subject) reading { return s.bounds(m) }
}

// sides returns a measure of the old and of the new profile; a set without keys has
// none.
func (s subject) sides(m measure) (old, new reading) {
	return s.side(m, s.diff.Old.Profile, s.row.Old), s.side(m, s.diff.New.Profile, s.row.New)
}

// side returns a measure of one profile.
func (s subject) side(m measure, p *profile.Profile, stats *profile.Stats) reading {
	if stats != nil {
		return m.of(subject{profile: p, stats: stats})
	}
	if whole := m.of(subject{profile: p, stats: &p.Totals}); whole.absent != "" {
		return whole
	}
	if !m.adds {
		return reading{noKeys: true}
	}
	return exactly(0)
}

// unknownChange returns the reading of a change that cannot be read from the profiles,
// with told false. Otherwise told is true.
func (s subject) unknownChange(m measure) (r reading, told bool) {
	if why := s.hidden(m); why != "" {
		return unknown(why), false
	}
	old, new := s.sides(m)
	switch {
	case old.absent != "" && old.absent == new.absent:
		return old, false
	case old.absent != "":
		return unknown("old profile: " + old.absent), false
	case new.absent != "":
		return unknown("new profile: " + new.absent), false
	case old.open && !s.diff.Old.Profile.Complete || new.open && !s.diff.New.Profile.Complete:
		return unknown(becauseMissing), false
	}
	return reading{}, true
}

// hidden returns why a measure is not compared, or "" if it is.
func (s subject) hidden(m measure) (why string) {
	for _, c := range s.diff.Caveats {
		if slices.Contains(c.Hides, m.Measure) {
			return c.Text
		}
	}
	return ""
}

// growthOf returns a metric that reads the change of m as a ratio of its old value.
func growthOf(m measure) func(subject) reading {
	return func(s subject) reading {
		d := s.delta(m)
		if d.absent != "" || d.noKeys {
			return d
		}
		change := s.row.Changes[m.Measure]
		switch {
		case change.Old == nil || change.New == nil:
			return reading{value: -1, lo: -1, hi: math.Inf(1), open: true, because: d.because}
		case *change.Old == 0 && *change.New == 0:
			return reading{noKeys: true}
		case *change.Old == 0:
			return reading{hi: math.Inf(1), open: true, because: becauseNew}
		}
		return d.relativeTo(*change.Old)
	}
}

// relativeTo returns a change as a ratio of old. The noise of the change may come
// from either profile, so the old value is uncertain as well.
func (r reading) relativeTo(old float64) reading {
	q := reading{value: r.value / old, lo: r.lo / old, hi: r.hi / old, open: r.open, because: r.because}
	if r.lo > 0 {
		q.lo = r.lo / (old + r.value - r.lo)
	}
	if r.hi > 0 {
		if least := old - (r.hi - r.value); least > 0 {
			q.hi = r.hi / least
		} else {
			q.hi = math.Inf(1)
		}
	}
	q.lo = max(q.lo, -1) // nothing is left
	return q
}

// ttlStoppedKeys returns the number of recent keys without a TTL in namespaces
// whose keys used to have one.
func ttlStoppedKeys(s subject) reading {
	stopped := 0.0
	for _, one := range s.diff.TTLLosses {
		if one.Jumped && s.isAbout(one) {
			stopped += float64(max(one.Recent.NoTTL, one.MoreNoTTL)) // idle times show only some of them
		}
	}
	if why := s.whyNoTTLLoss(); stopped == 0 && why != "" {
		return unknown(why)
	}
	r := exactly(stopped)
	if s.partial() {
		r.hi, r.open = math.Inf(1), true
	}
	return r
}

// ttlStoppedOfPart bounds ttlStoppedKeys by all keys without a TTL.
func ttlStoppedOfPart(s subject) reading {
	return reading{hi: s.bounds(noTTLKeysMeasure).hi, open: true}
}

func (s subject) isAbout(one diff.TTLLoss) bool {
	return s.namespace == nil || !s.row.Other && one.DB == s.row.DB && one.Pattern == s.row.Pattern
}

// whyNoTTLLoss returns why keys written without a TTL cannot be found, or "" if
// they can: that takes TTLs, and idle times that the server measured since the old
// profile.
func (s subject) whyNoTTLLoss() string {
	for _, c := range s.diff.Caveats {
		if c.HidesNamespaces || hidesIdleTimes(c) {
			return c.Text
		}
	}
	switch {
	case s.diff.TTLLossUnknown != "":
		return s.diff.TTLLossUnknown
	case !s.diff.New.Profile.Complete:
		return becausePartial
	case s.namespace != nil && s.row.State == diff.Unsure && s.row.Old == nil:
		return becauseUnsure
	}
	return ""
}

// hidesIdleTimes reports whether a caveat makes idle times incomparable, and not
// only the high-idle figures.
func hidesIdleTimes(c diff.Caveat) bool {
	return c.Code != "threshold-differs" && slices.Contains(c.Hides, diff.HighIdleBytes) && !slices.Contains(c.Hides, diff.Bytes)
}

// measure is a figure that two profiles can be compared by.
type measure struct {
	diff.Measure
	of func(subject) reading // on one side
	// adds means that the figure of a set of keys is the sum over its parts.
	adds bool
}

var (
	keysMeasure          = measure{diff.Keys, keys, true}
	bytesMeasure         = measure{diff.Bytes, bytes, true}
	noTTLKeysMeasure     = measure{diff.NoTTLKeys, noTTLKeys, true}
	noTTLBytesMeasure    = measure{diff.NoTTLBytes, noTTLBytes, true}
	noTTLShareMeasure    = measure{diff.NoTTLShare, share(noTTLKeys, keys), false}
	highIdleBytesMeasure = measure{diff.HighIdleBytes, highIdleBytes, true}
	meanSizeMeasure      = measure{diff.MeanSize, meanSize, false}
)

// changeMetrics lists the metrics of a comparison, in the order of help.
var changeMetrics = []metric{
	{name: "keys_growth", help: "growth of the number of keys, relative to the old profile", scale: growth, of: growthOf(keysMeasure), change: true},
	{name: "bytes_growth", help: "growth of the bytes", scale: growth, of: growthOf(bytesMeasure), change: true},
	{name: "no_ttl_bytes_growth", help: "growth of the bytes without a TTL", scale: growth, of: growthOf(noTTLBytesMeasure), change: true},
	{name: "mean_size_growth", help: "growth of the mean bytes per key", scale: growth, of: growthOf(meanSizeMeasure), change: true},
	{name: "new_keys", help: "increase in keys", scale: fewer, of: deltaOf(keysMeasure), ofPart: deltaOfPart(keysMeasure), change: true},
	{name: "new_bytes", help: "increase in bytes", scale: less, of: deltaOf(bytesMeasure), ofPart: deltaOfPart(bytesMeasure), change: true},
	{name: "new_no_ttl_keys", help: "increase in keys without a TTL", scale: fewer, of: deltaOf(noTTLKeysMeasure), ofPart: deltaOfPart(noTTLKeysMeasure), change: true},
	{name: "new_no_ttl_bytes", help: "increase in bytes without a TTL", scale: less, of: deltaOf(noTTLBytesMeasure), ofPart: deltaOfPart(noTTLBytesMeasure), change: true},
	{name: "new_high_idle_bytes", help: "increase in high-idle bytes", scale: less, of: deltaOf(highIdleBytesMeasure), ofPart: deltaOfPart(highIdleBytesMeasure), change: true},
	{name: "no_ttl_share_rise", help: "rise of no_ttl_share, in percentage points", scale: points, of: deltaOf(noTTLShareMeasure), change: true},
	{name: "ttl_stopped_keys", help: "recent keys without a TTL, in namespaces where TTLs are no longer set", scale: counts, of: ttlStoppedKeys, ofPart: ttlStoppedOfPart, change: true},
	{name: "days_to_empty", help: "days until no key with a TTL is left to evict", scale: inDays, of: daysToEmpty, where: wholeOnly, change: true},
	{name: "days_to_full", help: "days until used_memory reaches maxmemory", scale: inDays, of: daysToFull, where: wholeOnly, change: true},
	{name: "used_memory_growth", help: "growth of the server's used_memory", scale: growth, of: usedMemoryGrowth, where: serverOnly, change: true},
	{name: "evicted_keys", help: "keys that the server evicted since the old profile", scale: counts, of: evictedKeys, where: serverOnly, change: true},
	{name: "hit_ratio", help: "keyspace hit ratio of the server since the old profile", scale: shares, of: hitRatio, where: serverOnly, change: true},
}

// Reasons why the time to a limit, or a figure of a server, is unknown.
const (
	noPolicy    = "the server's maxmemory-policy is unknown"
	noPool      = "the server's maxmemory-policy is not a volatile-* one"
	noRate      = "there is no rate: the profiles are too close together, or overlap"
	noOldServer = "the old profile lacks this figure of this server"
	noPrimary   = "only a primary counts this"
	noCount     = "the server's counters were reset since the old profile, or are not reported"
	noLookups   = "the server's counters were reset since the old profile, or are not reported, or there were no lookups"
)

func daysToEmpty(s subject) reading { return s.runway(diff.PoolEmpty, s.whyNoPool) }

func daysToFull(s subject) reading { return s.runway(diff.MaxmemoryFull, s.whyNotFull) }

// runway returns the time until a limit is reached, in days. There is none if the
// limit is not approached.
func (s subject) runway(limit diff.Limit, whyNot func() string) reading {
	for i := range s.diff.Runways {
		switch r := &s.diff.Runways[i]; {
		case r.Limit != limit:
		case r.Days != nil:
			return daysOf(r)
		case len(r.Rates) > 0:
			return reading{noKeys: true}
		}
	}
	return unknown(whyNot())
}

// daysOf returns the time left at the latest rate, in days. Earlier rates do not
// count: a quiet week must not hide an alarm about what began last night.
func daysOf(r *diff.Runway) reading {
	days := exactly(*r.Days)
	days.note = otherDays(r)
	return days
}

// otherDays returns the range of the time left over all rates seen; empty if there
// is only one rate.
func otherDays(r *diff.Runway) string {
	switch {
	case r.Soonest == nil:
		return ""
	case r.Latest == nil:
		return formatDays(*r.Soonest) + " or more at the rates seen"
	default:
		return formatDays(*r.Soonest) + " to " + formatDays(*r.Latest) + " at the rates seen"
	}
}

func (s subject) whyNoPool() string {
	if why := s.whyNoTTLs(); why != "" {
		return why
	}
	why := noPool
	for i := range s.profile.Nodes {
		switch policy := s.profile.Nodes[i].Policy; {
		case policy == "":
			return noPolicy
		case strings.HasPrefix(policy, "volatile-"):
			why = noRate
		}
	}
	if len(s.profile.Nodes) == 0 {
		return becauseServer
	}
	return why
}

// whyNoTTLs returns which profile lacks TTLs, or "" if neither does.
func (s subject) whyNoTTLs() string {
	r, told := s.unknownChange(noTTLKeysMeasure)
	if told {
		return ""
	}
	return r.absent
}

func (s subject) whyNotFull() string {
	if len(s.profile.Nodes) == 0 {
		return becauseServer
	}
	for i := range s.profile.Nodes {
		if r := maxmemoryShare(subject{profile: s.profile, node: &s.profile.Nodes[i]}); r.absent != "" {
			return r.absent
		}
	}
	return noRate
}

func usedMemoryGrowth(s subject) reading {
	line := s.line("used_memory")
	switch {
	case s.node.UsedMemory == nil:
		return unknown(noMemory)
	case line == nil || line.Delta == nil || *line.Old == 0:
		return unknown(noOldServer)
	}
	return exactly(*line.Delta / *line.Old)
}

func evictedKeys(s subject) reading {
	line := s.line("evicted_keys")
	switch {
	case s.node.Role != profile.RolePrimary:
		return unknown(noPrimary)
	case line == nil || line.Delta == nil:
		return unknown(noCount)
	}
	return exactly(*line.Delta)
}

func hitRatio(s subject) reading {
	line := s.line("hit_ratio")
	switch {
	case s.node.Role != profile.RolePrimary:
		return unknown(noPrimary)
	case line == nil || line.New == nil:
		return unknown(noLookups)
	}
	return exactly(*line.New)
}

// line returns a figure of the server by its name; nil if it is unknown.
func (s subject) line(name string) *diff.ServerLine {
	for i := range s.diff.Server {
		if l := &s.diff.Server[i]; l.Node == s.node.Address && l.Name == name {
			return l
		}
	}
	return nil
}
