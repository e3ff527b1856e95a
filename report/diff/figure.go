package diff

import (
	"math"

	"keyprof/sampler/profile"
)

// figure is what is known of a measure on one side.
type figure struct {
	value float64
	known bool
	slack slack
}

func (f figure) pointer() *float64 {
	if !f.known {
		return nil
	}
	return &f.value
}

// figures reads the figures of a set of keys on one side.
type figures struct {
	stats *profile.Stats // nil: the side lacks the set
	none  bool           // the side has no such keys, for certain
	of    side
}

// figure is that of a measure.
func (f figures) figure(m Measure) figure {
	switch {
	case f.stats == nil && f.none && m.Adds():
		return figure{known: f.of.measured(m)}
	case f.stats == nil:
		return figure{}
	}
	switch m {
	case Keys:
		return f.sum(&f.stats.Keys, f.churn().keys)
	case Bytes:
		return f.sum(f.stats.Bytes, f.churn().keys*f.mean())
	case NoTTLKeys:
		return f.sum(f.stats.NoTTLKeys, f.churn().lasting)
	case NoTTLBytes:
		return f.sum(f.stats.NoTTLBytes, f.churn().lasting*f.mean())
	case HighIdleBytes:
		return f.sum(f.stats.HighIdleBytes, f.churn().gone*f.mean())
	case NoTTLShare:
		return f.figure(NoTTLKeys).over(f.figure(Keys))
	default:
		return f.figure(Bytes).over(f.figure(Keys))
	}
}

// Adds reports whether the measure of a set of keys is the sum of its parts'.
func (m Measure) Adds() bool { return m != NoTTLShare && m != MeanSize }

// sum is an estimate with what makes it uncertain: keys that came and went
// meanwhile, and that only a sample was measured.
func (f figures) sum(e *profile.Estimate, churned float64) figure {
	if e == nil {
		return figure{}
	}
	s := slack{bound: churned}
	switch {
	case f.of.paired: // the change has an interval of its own
	case e.Hi == nil:
		s.bound = math.Inf(1)
	case !e.IsExact():
		half := float64(max(*e.Hi-e.Value, e.Value-e.Lo))
		s.variance += half * half
	}
	return figure{value: float64(e.Value), known: true, slack: s}
}

// over is a quotient, with errors to the first order.
func (f figure) over(whole figure) figure {
	if !f.known || !whole.known || whole.value == 0 {
		return figure{}
	}
	q := f.value / whole.value
	return figure{value: q, known: true, slack: slack{
		bound:    (f.slack.bound + q*whole.slack.bound) / whole.value,
		variance: (f.slack.variance + q*q*whole.slack.variance) / (whole.value * whole.value),
	}}
}

// mean is the mean size of a key in bytes; 0 if it is not known.
func (f figures) mean() float64 {
	if f.stats.Bytes == nil || f.stats.Keys.Value == 0 {
		return 0
	}
	return float64(f.stats.Bytes.Value) / float64(f.stats.Keys.Value)
}

// side is a profile, and how its databases changed while they were walked.
type side struct {
	profile *profile.Profile
	moved   moved
	paired  bool // the other side is a sample of the same keys
}

// measured reports whether the side has a measure at all.
func (s side) measured(m Measure) bool {
	t := &s.profile.Totals
	switch m {
	case Keys:
		return true
	case Bytes:
		return t.Bytes != nil
	case NoTTLKeys:
		return t.NoTTLKeys != nil
	case NoTTLBytes:
		return t.NoTTLBytes != nil
	default:
		return t.HighIdleBytes != nil
	}
}

func bytesOf(s *profile.Stats) *profile.Estimate         { return s.Bytes }
func noTTLBytesOf(s *profile.Stats) *profile.Estimate    { return s.NoTTLBytes }
func highIdleBytesOf(s *profile.Stats) *profile.Estimate { return s.HighIdleBytes }
