package report

import (
	"slices"
	"strings"

	"keyprof/report/unit"
	"keyprof/sampler/profile"
)

const (
	// lruClockS is where the server's LRU clock of 24 bits wraps, in seconds.
	lruClockS = 1 << 24
	// clockSlackS is by how many seconds idle times and the uptime may be off,
	// as the server reads its clock once a second for both.
	clockSlackS = 2
)

// horizon is what is known of how far back idle times reach.
type horizon struct {
	known   bool
	seconds int64
	largest *int64 // seconds; the largest idle time seen
}

func horizonOf(p *profile.Profile) horizon {
	h := horizon{known: len(p.Nodes) > 0}
	for i := range p.Nodes {
		h.known = h.known && p.Nodes[i].IdleHorizonS != nil
		h.see(p.Nodes[i].LargestIdleS)
	}
	if p.Totals.Idle == nil {
		h.known = false
		return h
	}
	h.seconds = p.Totals.Idle.HorizonS
	if d := p.Totals.Idle.IdleS; d != nil {
		most := int64(d.Max)
		h.see(&most)
	}
	return h
}

func (h *horizon) see(idle *int64) {
	if idle != nil && (h.largest == nil || *idle > *h.largest) {
		h.largest = idle
	}
}

// exceeded reports whether idle times were seen that this server cannot have
// counted itself.
func (h horizon) exceeded() bool {
	return h.known && h.largest != nil && *h.largest > h.seconds+clockSlackS
}

// trusted reports whether idle times can be taken for what they say.
func (h horizon) trusted() bool { return h.known && !h.exceeded() }

// text says how much idle time can be known and why.
func (h horizon) text(p *profile.Profile) string {
	switch {
	case !h.known:
		return "how far back idle times reach is not known, as the server does not tell its uptime"
	case h.exceeded():
		return "no idle time beyond " + unit.FormatDuration(float64(h.seconds)) + " can have been counted here" + horizonReason(p, h.seconds) +
			", yet times of up to " + unit.FormatDuration(float64(*h.largest)) +
			" were seen: they came with an RDB file that was saved under an LRU policy, or are left from an LFU policy that was switched off at run time, and then mean nothing"
	default:
		return "no idle time beyond " + unit.FormatDuration(float64(h.seconds)) + " can be known" + horizonReason(p, h.seconds)
	}
}

// horizonReason tells a short uptime from the end of the server's LRU clock.
func horizonReason(p *profile.Profile, horizon int64) string {
	for i := range p.Nodes {
		if up := p.Nodes[i].UptimeS; up != nil && *up <= horizon && horizon < lruClockS {
			return ", as the server has been up for no longer"
		}
	}
	if horizon >= lruClockS {
		return ", as the server's LRU clock wraps there"
	}
	return ""
}

// largestText names the largest idle time seen: evidence for the horizon.
func (h horizon) largestText() string {
	if h.largest == nil || h.exceeded() { // then text names it
		return ""
	}
	return "the largest seen is " + unit.FormatDuration(float64(*h.largest))
}

// resetText doubts that nothing is idle where the horizon should have shown more.
func (h horizon) resetText() string {
	if !h.known || h.largest == nil || *h.largest*2 >= h.seconds {
		return ""
	}
	return "a restart or a full resync may have set all idle times to 0"
}

// measureText says since when idle time counts.
func measureText(v *view) string {
	return "Idle counts " + displayWord(string(v.p.Totals.Idle.Measure))
}

// idleBasis says what the idle times are and how far they can be trusted.
func idleBasis(v *view, clauses ...string) line {
	clauses = slices.DeleteFunc(clauses, func(s string) bool { return s == "" })
	text := strings.Join(clauses, "; ") + "."
	if left := sharedText(v.p.Totals.Idle.SharedKeys); left != "" {
		text += " " + left
	}
	return say(words(text)).in(quiet)
}

// sharedText is about keys without an idle time of their own.
func sharedText(n int64) string {
	switch n {
	case 0:
		return ""
	case 1:
		return "The idle time of 1 key is left out: its value is, or may be, an integer that the server shares between keys."
	default:
		return "The idle times of " + unit.FormatCount(n) + " keys are left out: their values are, or may be, integers that the server shares between keys."
	}
}

// noIdleTimes reports whether idle time was measured and none of it was kept.
func noIdleTimes(s *profile.Stats) bool {
	return s.Idle != nil && len(s.Idle.Histogram) == 0 && s.Keys.Value > 0
}

// noIdleText says why no idle time was kept.
func noIdleText(s *profile.Stats) string {
	text := "No idle time is known of any key."
	if left := sharedText(s.Idle.SharedKeys); left != "" {
		text += " " + left
	}
	return text
}
