package diff

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"keyprof/report/unit"
	"keyprof/sampler/profile"
)

// gauge is what is left on the way to a limit, as one profile shows it.
type gauge struct {
	noun string
	// left is in keys or bytes, but for a constant; ok is false if it is not known.
	left func(*profile.Profile) (v float64, ok bool)
	at   func(*profile.Profile) time.Time // when it was read
	// barred are the codes of caveats under which two profiles give no rate.
	barred []string
	// ours is how much less is left, at most, since the profile was made; nil: nothing.
	ours   func(*profile.Profile) float64
	format func(float64) string // of an amount above 0
	more   string               // what it did when more is left: "grew"
}

// otherData are the caveats under which no figure of two profiles gives a rate.
var otherData = []string{"same-profile", "walks-overlap", "nodes-differ", "other-server", "label-differs"}

var poolGauge = gauge{
	noun:   "the pool",
	left:   poolLeft,
	at:     func(p *profile.Profile) time.Time { return sideOf(p, "").at() },
	barred: slices.Concat(otherData, []string{"databases-differ", "match-differs", "incomplete"}),
	ours:   evictedByUs,
	format: keysText,
	more:   "grew",
}

var memoryGauge = gauge{
	noun:   "used_memory",
	left:   memoryLeft,
	at:     func(p *profile.Profile) time.Time { return p.Began }, // INFO is read then
	barred: slices.Concat(otherData, []string{"version-differs", "allocator-differs", "other-process", "process-unknown", "role-differs", "resynced"}),
	format: func(v float64) string { return unit.FormatBytes(int64(math.Round(v))) },
	more:   "fell",
}

// strangers are the caveats under which an earlier profile, which nobody named,
// is passed over.
var strangers = []string{"process-unknown"}

func (g gauge) bars(code string) bool { return slices.Contains(g.barred, code) }

func poolLeft(p *profile.Profile) (keys float64, ok bool) {
	t := &p.Totals
	if t.NoTTLKeys == nil {
		return 0, false
	}
	return float64(max(t.Keys.Value-t.NoTTLKeys.Value, 0)), true
}

// evictedByUs are the keys that a walk itself may have evicted. Under a volatile-*
// policy they were of the pool.
func evictedByUs(p *profile.Profile) float64 {
	if p.Receipt.EvictedByUs == nil {
		return 0
	}
	return float64(*p.Receipt.EvictedByUs)
}

// memoryLeft leaves maxmemory out, which may have been another.
func memoryLeft(p *profile.Profile) (bytes float64, ok bool) {
	n := only(p)
	if n == nil || n.UsedMemory == nil {
		return 0, false
	}
	return -float64(*n.UsedMemory), true
}

// rates are those between neighbours among the earlier profiles, the old one and
// the new one, as far as they can be compared; oldest first. The last one leads to
// the new profile, from the old one or, if that is too close, from the last one
// that is not.
func (w way) rates(g gauge) []Rate {
	barred := func(c Caveat) bool { return g.bars(c.Code) }
	if slices.ContainsFunc(w.c.Caveats, barred) {
		return []Rate{}
	}
	rates, next := []Rate{}, w.c.New.Profile
	for i, p := range slices.Backward(append(slices.Clip(w.earlier), w.c.Old.Profile)) {
		if named := i == len(w.earlier); !named && g.strange(p, next) {
			continue
		}
		if rate, ok := g.rate(p, next); ok {
			rates, next = append(rates, rate), p
		}
	}
	slices.Reverse(rates)
	return rates
}

// strange reports whether an earlier profile cannot be compared with the one after
// it.
func (g gauge) strange(before, after *profile.Profile) bool {
	caveats, err := guard(before, after, Options{Force: true})
	return err != nil || slices.ContainsFunc(caveats, func(c Caveat) bool {
		return g.bars(c.Code) || slices.Contains(strangers, c.Code)
	})
}

// rate is that from one profile to another; ok is false if there is none.
func (g gauge) rate(before, after *profile.Profile) (r Rate, ok bool) {
	a, known := g.left(before)
	b, alsoKnown := g.left(after)
	r.From, r.To = g.at(before), g.at(after)
	span := days(r.To.Sub(r.From))
	if !known || !alsoKnown || span <= 0 {
		return r, false
	}
	gone := a - b
	if g.ours != nil {
		r.EvictedByUs = min(g.ours(before), max(gone, 0))
	}
	r.PerDay = (gone - r.EvictedByUs) / span
	return r, true
}

// assumption is what a figure that rests on these rates takes for granted.
func (g gauge) assumption(rates []Rate, withinNoise bool) string {
	var ours float64
	for _, r := range rates {
		ours += r.EvictedByUs
	}
	text := g.seen(rates, withinNoise)
	if ours > 0 {
		text += "; " + keysText(ours) + " are left out, which the walks themselves may have evicted"
	}
	return text
}

// seen is what the rates are.
func (g gauge) seen(rates []Rate, withinNoise bool) string {
	last := rates[len(rates)-1]
	span := spanText(last.To.Sub(last.From))
	text := ""
	switch {
	case withinNoise:
		text = fmt.Sprintf("in the %s between the two profiles %s changed by no more than a walk may miss: that tells no rate", span, g.noun)
	case last.PerDay == 0 && last.EvictedByUs > 0:
		text = fmt.Sprintf("in the %s between the two profiles %s lost no more than the old walk may have evicted", span, g.noun)
	case last.PerDay == 0:
		text = fmt.Sprintf("in the %s between the two profiles %s did not change", span, g.noun)
	case last.PerDay < 0:
		text = fmt.Sprintf("in the %s between the two profiles %s %s, by %s a day: that does not lead there", span, g.noun, g.more, g.format(-last.PerDay))
	case len(rates) == 1:
		return fmt.Sprintf("at the rate of %s, %s a day; peaks are faster, and then it comes sooner", these(span), g.format(last.PerDay))
	}
	switch {
	case len(rates) == 1:
		return text
	case text != "":
		text += "; "
	}
	return text + g.ofAll(rates)
}

// ofAll tells of all rates.
func (g gauge) ofAll(rates []Rate) string {
	slowest, fastest := extremesOf(rates)
	seen := fmt.Sprintf("the rates of %d intervals in %s", len(rates), spanText(rates[len(rates)-1].To.Sub(rates[0].From)))
	switch {
	case fastest <= 0:
		return "none of " + seen + " leads there"
	case slowest <= 0:
		return fmt.Sprintf("at %s, at most %s a day, and in some of them %s %s or stayed; peaks within an interval are faster", seen, g.format(fastest), g.noun, g.more)
	default:
		return fmt.Sprintf("at %s, %s to %s a day; peaks within an interval are faster", seen, g.format(slowest), g.format(fastest))
	}
}

// keysText is a number of keys above 0, which need not be whole.
func keysText(v float64) string {
	switch {
	case v < 0.1:
		return "less than 0.1 keys"
	case v < 9.95:
		return strconv.FormatFloat(v, 'f', 1, 64) + " keys"
	default:
		return unit.FormatCount(int64(math.Round(v))) + " keys"
	}
}

// spanText is a span in words: "4 hours", "1.5 days".
func spanText(span time.Duration) string {
	short := unit.FormatDuration(span.Seconds())
	number, letter := short[:len(short)-1], short[len(short)-1]
	name := map[byte]string{'s': "second", 'm': "minute", 'h': "hour", 'd': "day", 'y': "year"}[letter]
	if number != "1" {
		name += "s"
	}
	return number + " " + name
}

func these(span string) string {
	if strings.HasPrefix(span, "1 ") {
		return "this " + span
	}
	return "these " + span
}

func dbField(db int) string { return "db" + strconv.Itoa(db) }
