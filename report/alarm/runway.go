package alarm

import (
	"strings"

	"keyprof/report/diff"
	"keyprof/sampler/profile"
)

// Why the time to a limit, or a figure of a server, is not known.
const (
	noPolicy    = "the server does not tell its maxmemory-policy"
	noPool      = "the server's maxmemory-policy is not one that evicts only keys with a TTL"
	noRate      = "there is no rate: the profiles lie too close together, or overlap"
	noOldServer = "the old profile does not have this figure of this server"
	noPrimary   = "only a primary counts this"
	noCount     = "the server counts from anew since the old profile, or does not tell"
	noLookups   = "the server counts from anew since the old profile, does not tell, or looked nothing up"
)

func daysToEmpty(s subject) reading { return s.runway(diff.PoolEmpty, s.whyNoPool) }

func daysToFull(s subject) reading { return s.runway(diff.MaxmemoryFull, s.whyNotFull) }

// runway is the time until a limit is reached, in days. A limit that the keyspace
// is not on its way to has none.
func (s subject) runway(limit diff.Limit, whyNot func() string) reading {
	for i := range s.diff.Runways {
		switch r := &s.diff.Runways[i]; {
		case r.Limit != limit:
		case r.Days != nil:
			return daysOf(r)
		case len(r.Rates) > 0:
			return reading{nothing: true}
		}
	}
	return lacking(whyNot())
}

// daysOf is the time that a runway lasts at its latest rate. Earlier rates have no
// say: a quiet week must not veto an alarm about what began last night.
func daysOf(r *diff.Runway) reading {
	days := exactly(*r.Days)
	days.aside = otherDays(r)
	return days
}

// otherDays are what a runway lasts at the rates seen; empty if there is only one.
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

// whyNoTTLs says on which side TTLs are not known.
func (s subject) whyNoTTLs() string {
	r, told := s.untold(lastingKeys)
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
		return lacking(noMemory)
	case line == nil || line.Delta == nil || *line.Old == 0:
		return lacking(noOldServer)
	}
	return exactly(*line.Delta / *line.Old)
}

func evictedKeys(s subject) reading {
	line := s.line("evicted_keys")
	switch {
	case s.node.Role != profile.RolePrimary:
		return lacking(noPrimary)
	case line == nil || line.Delta == nil:
		return lacking(noCount)
	}
	return exactly(*line.Delta)
}

func hitRatio(s subject) reading {
	line := s.line("hit_ratio")
	switch {
	case s.node.Role != profile.RolePrimary:
		return lacking(noPrimary)
	case line == nil || line.New == nil:
		return lacking(noLookups)
	}
	return exactly(*line.New)
}

// line is a figure of the server, by its name; nil if it is not known.
func (s subject) line(name string) *diff.ServerLine {
	for i := range s.diff.Server {
		if l := &s.diff.Server[i]; l.Node == s.node.Address && l.Name == name {
			return l
		}
	}
	return nil
}
