package alarm

import (
	"math"

	"keyprof/report/diff"
	"keyprof/sampler/profile"
)

// subject is what a metric is read from: the whole keyspace, a namespace, or a
// server; or what changed in one of them.
type subject struct {
	profile   *profile.Profile
	stats     *profile.Stats     // of the namespace, or the totals; nil: there is none
	diff      *diff.Comparison   // nil: there is only one profile
	row       *diff.Row          // what changed; nil: no keys in particular
	namespace *profile.Namespace // nil: none in particular
	node      *profile.Node      // nil: none in particular
}

// partial reports whether there may be keys that the profile does not know of.
func (s subject) partial() bool { return !s.profile.Complete }

// reading is a figure, with the interval in which the truth is thought to lie,
// in the base unit of its metric.
type reading struct {
	value, lo, hi float64
	// open means that an end of the interval is not known, and not only
	// estimated: what is beyond it cannot be ruled out.
	open    bool
	because string // why it is not known, if there is a reason of its own
	aside   string // what else people should know of the figure
	nothing bool   // there are no keys of which there could be a figure
	absent  string // why there is no figure; empty if there is one
}

func lacking(why string) reading { return reading{absent: why} }

// exactly is the reading of a figure that was counted.
func exactly(v float64) reading { return reading{value: v, lo: v, hi: v} }

// estimated is the reading of an estimate. Where keys are missing, it is the
// least that there can be.
func estimated(e *profile.Estimate, partial bool) reading {
	r := reading{value: float64(e.Value), lo: float64(e.Lo)}
	if e.Hi == nil || partial {
		r.hi, r.open = math.Inf(1), true
	} else {
		r.hi = float64(*e.Hi)
	}
	return r
}

// over is the quotient of two readings.
func (r reading) over(whole reading) reading {
	switch {
	case r.absent != "":
		return r
	case whole.absent != "":
		return whole
	case whole.value == 0:
		return reading{nothing: true}
	}
	q := reading{value: r.value / whole.value, lo: r.lo / whole.hi, hi: math.Inf(1), open: r.open || whole.open}
	if q.lo == 0 && r.lo > 0 {
		q.lo = math.SmallestNonzeroFloat64 // however large the whole is
	}
	if whole.lo > 0 {
		q.hi = r.hi / whole.lo
	}
	return q
}

// share is the quotient of a part and its whole.
func (r reading) share(whole reading) reading {
	q := r.over(whole)
	q.hi = min(q.hi, 1)
	return q
}

// operator compares a figure with a value.
type operator string

const (
	above   operator = ">"
	atLeast operator = ">="
	below   operator = "<"
	atMost  operator = "<="
)

// operators in the order in which they are looked for: none is the beginning
// of one after it.
var operators = []operator{atLeast, atMost, above, below}

// seeksMuch reports whether the operator looks for figures that are too large.
func (o operator) seeksMuch() bool { return o == above || o == atLeast }

// judge tells whether r certainly compares so with v, and whether it certainly
// does not. Of an estimate both may be false.
func (o operator) judge(r reading, v float64) (holds, fails bool) {
	switch o {
	case above:
		return r.lo > v, r.hi <= v
	case atLeast:
		return r.lo >= v, r.hi < v
	case below:
		return r.hi < v, r.lo >= v
	default:
		return r.hi <= v, r.lo > v
	}
}

// text is the figure for people, with the bound that was compared if that is
// another, and what else there is to say.
func (o operator) text(r reading, format func(float64) string) string {
	text := o.figure(r, format)
	if r.aside != "" {
		text += " (" + r.aside + ")"
	}
	return text
}

func (o operator) figure(r reading, format func(float64) string) string {
	bound, word := r.hi, "at most "
	if o.seeksMuch() {
		bound, word = r.lo, "at least "
	}
	switch {
	case r.lo == r.hi:
		return format(r.value)
	case bound == r.value:
		return word + format(r.value)
	default:
		return format(r.value) + " (" + word + format(bound) + ")"
	}
}
