package alarm

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

	"keyprof/report/diff"
	"keyprof/report/unit"
	"keyprof/sampler/profile"
)

// subject supplies the values of metrics: the whole keyspace, a namespace or a server,
// or the change of one of them.
type subject struct {
	profile   *profile.Profile
	stats     *profile.Stats     // of the namespace, or the totals; nil: there is none
	diff      *diff.Comparison   // nil: there is only one profile
	row       *diff.Row          // what changed; nil: no keys in particular
	namespace *profile.Namespace // nil: none in particular
	node      *profile.Node      // nil: none in particular
}

// partial reports whether the profile may lack keys.
func (s subject) partial() bool { return !s.profile.Complete }

// reading is a figure and its interval, in the base unit of its metric.
type reading struct {
	value, lo, hi float64
	// open means that an end of the interval is not known, and not only
	// estimated: what is beyond it cannot be ruled out.
	open    bool
	because string // why it is not known, if there is a reason of its own
	note    string // what else people should know of the figure
	noKeys  bool   // no keys are selected, so there is no figure
	absent  string // why there is no figure; empty if there is one
}

func unknown(why string) reading { return reading{absent: why} }

// exactly returns the reading of an exact figure.
func exactly(v float64) reading { return reading{value: v, lo: v, hi: v} }

// estimated returns the reading of an estimate. If keys are missing, it is a lower
// bound.
func estimated(e *profile.Estimate, partial bool) reading {
	r := reading{value: float64(e.Value), lo: float64(e.Lo)}
	if e.Hi == nil || partial {
		r.hi, r.open = math.Inf(1), true
	} else {
		r.hi = float64(*e.Hi)
	}
	return r
}

// over returns the ratio of two readings.
func (r reading) over(whole reading) reading {
	switch {
	case r.absent != "":
		return r
	case whole.absent != "":
		return whole
	case whole.value == 0:
		return reading{noKeys: true}
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

// share returns the ratio of a part to its whole, at most 1.
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

// operators lists the operators in the order in which they are tried: none is a
// prefix of a later one.
var operators = []operator{atLeast, atMost, above, below}

// seeksMuch reports whether the operator alarms on large figures.
func (o operator) seeksMuch() bool { return o == above || o == atLeast }

// compare reports whether r certainly meets the condition, and whether it certainly
// does not. For an estimate both may be false.
func (o operator) compare(r reading, v float64) (holds, fails bool) {
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

// text returns the figure for people, with the bound that was compared if it
// differs, and the note.
func (o operator) text(r reading, format func(float64) string) string {
	text := o.figure(r, format)
	if r.note != "" {
		text += " (" + r.note + ")"
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

// scale reads and writes the figures of a metric.
type scale struct {
	parse  func(string) (float64, error) // in base units
	format func(float64) string
}

// The scales. Changes have a sign.
var (
	counts = scale{parseCount, formatCount}
	sizes  = scale{parseBytes, formatBytes}
	shares = scale{parsePart, unit.FormatShare}         // of a whole, so at most 1
	ratios = scale{unit.ParseRatio, unit.FormatShare}   // of something that is no whole
	inDays = scale{parseDays, formatDays}               // days
	fewer  = counts.signed()                            // how many more or fewer
	less   = sizes.signed()                             // how much more or less
	points = scale{shares.signed().parse, formatRise}   // difference of two shares
	growth = scale{parseGrowth, ratios.signed().format} // relative to what was there
)

// signed returns a scale that reads a minus, and prints a plus or minus.
func (s scale) signed() scale {
	return scale{
		parse: func(text string) (float64, error) {
			digits, negative := strings.CutPrefix(text, "-")
			v, err := s.parse(digits)
			if err != nil {
				return 0, fmt.Errorf("%w; a minus before it means a decrease", err)
			}
			if negative {
				v = 0 - v // and not -0
			}
			return v, nil
		},
		format: func(v float64) string { return sign(v) + s.format(math.Abs(v)) },
	}
}

func sign(v float64) string {
	switch {
	case v > 0:
		return "+"
	case v < 0:
		return "-"
	default:
		return ""
	}
}

func parseCount(text string) (float64, error) {
	n, err := unit.ParseCount(text)
	return float64(n), err
}

func formatCount(v float64) string { return unit.FormatCount(int64(math.Round(v))) }

// sizeUnits lists the units that sizes may be written in.
const sizeUnits = "units are B, KB, MB, GB, TB, PB (1000) and KiB, MiB, GiB, TiB, PiB (1024)"

func parseBytes(text string) (float64, error) {
	if n, err := unit.ParseCount(text); err == nil {
		return float64(n), nil
	}
	n, err := unit.ParseSize(text)
	if err != nil {
		err = fmt.Errorf("%w; %s", err, sizeUnits)
	}
	return float64(n), err
}

func formatBytes(v float64) string { return unit.FormatBytes(int64(math.Round(v))) }

func parsePart(text string) (float64, error) {
	ratio, err := unit.ParseRatio(text)
	if err == nil && ratio > 1 {
		err = fmt.Errorf("ratio %.40q: want at most 100%%", text)
	}
	return ratio, err
}

func parseGrowth(text string) (float64, error) {
	ratio, err := ratios.signed().parse(text)
	if err == nil && ratio < -1 {
		err = fmt.Errorf("ratio %.40q: want at least -100%%, which means that nothing is left", text)
	}
	return ratio, err
}

func formatRise(v float64) string { return sign(v) + unit.FormatPercent(math.Abs(v)) + " points" }

var daysSyntax = regexp.MustCompile(`^[0-9]+(\.[0-9]{1,3})?$`)

var errDays = errors.New("want days with at most three decimals, such as 14 or 2.5, or a span such as 14d or 36h")

func parseDays(text string) (float64, error) {
	if daysSyntax.MatchString(text) {
		if days, err := strconv.ParseFloat(text, 64); err == nil {
			return days, nil
		}
	} else if span, err := unit.ParseSpan(text); err == nil {
		return span.Hours() / 24, nil
	}
	return 0, fmt.Errorf("time %.40q: %w", text, errDays)
}

func formatDays(v float64) string {
	if v > 0 && v < 0.1 {
		return "<0.1 days"
	}
	return strconv.FormatFloat(v, 'f', 1, 64) + " days"
}
