// Package unit formats numbers as text, and parses the numbers of the command line.
// No other package does.
//
// Values are kept in base units: bytes, seconds, ratios in [0,1]. Sizes scale
// by 1024 (KiB, MiB, ...) when printed; everything else by 1000. A figure is
// never rounded to a false statement: a figure that is not 0 never prints as 0, and
// one that is not the whole never prints as 100 %.
package unit

import (
	"fmt"
	"math"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/prometheus/common/model"
)

// Seconds in the units that spans are printed in.
const (
	minute = 60.0
	hour   = 60 * minute
	day    = 24 * hour
	year   = 365 * day
)

// byteUnits names the powers of 1024.
var byteUnits = []string{"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"}

// FormatCount returns n with thousands separators: "545,073".
func FormatCount(n int64) string { return humanize.Comma(n) }

// FormatPlain returns n without separators, for machines.
func FormatPlain(n int64) string { return strconv.FormatInt(n, 10) }

// FormatPlainFloat returns v for machines, to six decimals.
func FormatPlainFloat(v float64) string {
	return strconv.FormatFloat(math.Round(v*1e6)/1e6, 'f', -1, 64)
}

// FormatBytes returns a size of n bytes in about three digits: "4.31 GiB".
func FormatBytes(n int64) string {
	v, i := float64(n), 0
	for math.Round(v) >= 1024 && i < len(byteUnits)-1 {
		v /= 1024
		i++
	}
	if i == 0 {
		return FormatPlain(n) + " B"
	}
	return threeDigits(v) + " " + byteUnits[i]
}

// threeDigits returns v in [0,1024) with as many decimals as make three digits.
func threeDigits(v float64) string {
	switch {
	case v < 9.995:
		return decimals(v, 2)
	case v < 99.95:
		return decimals(v, 1)
	default:
		return humanize.Comma(int64(math.Round(v)))
	}
}

func decimals(v float64, n int) string { return strconv.FormatFloat(v, 'f', n, 64) }

// FormatShare returns a ratio in [0,1] as a percentage: "97.2 %".
func FormatShare(ratio float64) string { return FormatPercent(ratio) + " %" }

// FormatPercent returns a ratio in [0,1] as a percentage without the sign: "97.2".
func FormatPercent(ratio float64) string {
	switch {
	case ratio <= 0:
		return "0"
	case ratio < 0.001:
		return "<0.1"
	case ratio > 0.999 && ratio < 1:
		return ">99.9"
	case ratio == 1:
		return "100"
	default:
		return decimals(100*ratio, 1)
	}
}

// FormatExactShare returns a ratio in [0,1] in the notation that ParseShare reads:
// "25%".
func FormatExactShare(ratio float64) string {
	return strconv.FormatFloat(math.Round(ratio*1e11)/1e9, 'f', -1, 64) + "%"
}

// Share returns part / whole; 0 if whole is 0.
func Share(part, whole int64) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole)
}

// FormatDuration returns a span in seconds in about five characters: "45s", "1.5h",
// "29d". It is for reading; FormatSpan can be read back.
func FormatDuration(seconds float64) string {
	size, name := durationUnit(seconds)
	v := seconds / size
	switch {
	case v <= 0:
		return "0s"
	case v < 0.1:
		return "<0.1" + name
	case v < 9.95 && decimals(v, 1) != decimals(math.Round(v), 1):
		return decimals(v, 1) + name
	default:
		return humanize.Comma(int64(math.Round(v))) + name
	}
}

// durationUnit returns the usual unit for a span. Days are used up to three years,
// since TTLs of 365 d are set and stated in days.
func durationUnit(seconds float64) (size float64, name string) {
	switch {
	case seconds < minute:
		return 1, "s"
	case seconds < hour:
		return minute, "m"
	case seconds < 2*day:
		return hour, "h"
	case seconds < 3*year:
		return day, "d"
	default:
		return year, "y"
	}
}

// FormatElapsed returns a duration in seconds, to the second: "2m13s"; below ten
// seconds to the hundredth, below one to the millisecond.
func FormatElapsed(seconds float64) string {
	d := time.Duration(min(seconds, float64(math.MaxInt64/time.Second)) * float64(time.Second))
	switch {
	case seconds > 0 && d < time.Millisecond/2:
		return "<1ms"
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < 10*time.Second:
		return d.Round(10 * time.Millisecond).String()
	default:
		return d.Round(time.Second).String()
	}
}

// FormatMicros returns a short duration in seconds, to the microsecond: "87µs";
// from ten milliseconds on it is FormatElapsed.
func FormatMicros(seconds float64) string {
	if !(seconds < 0.01) {
		return FormatElapsed(seconds)
	}
	return strconv.FormatFloat(math.Round(max(0, seconds)*1e6), 'f', 0, 64) + "µs"
}

// FormatTime returns a time to the second, in UTC: "2026-03-02 08:00:12 UTC".
func FormatTime(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// FormatDate returns the day of a time, in UTC: "2026-03-02".
func FormatDate(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// Sign returns the sign of a change; empty for 0.
func Sign(change float64) string {
	switch {
	case change > 0:
		return "+"
	case change < 0:
		return "-"
	default:
		return ""
	}
}

// Kind is the kind of figures in a column.
type Kind int

// The kinds of column.
const (
	Count   Kind = iota // keys and the like
	Bytes               // sizes, in bytes
	Percent             // ratios in [0,1], printed in per cent
	Span                // seconds; each cell names its unit, as spans range from seconds to years
)

// Column formats all figures of one column of a table in one unit, chosen for the
// whole column.
type Column struct {
	Unit string // to be printed once, in the header; "" when the figures need none
	kind Kind
	size float64 // base units in one Unit
}

// widest is the smallest figure that is too long for a column: seven digits.
const widest = 1e6

// NewColumn chooses the unit for a column of the given figures, in base units.
func NewColumn(kind Kind, values []float64) Column {
	switch kind {
	case Bytes:
		return bytesColumn(values)
	case Count:
		return countColumn(values)
	default:
		return Column{kind: kind, size: 1}
	}
}

// bytesColumn takes the unit of the largest figure. It takes a smaller one if that
// shows figures that would otherwise print as "<0.1" while the largest keeps to six
// digits: 4.3 GiB beside 12 MiB reads better as 4,412 and 12.
func bytesColumn(values []float64) Column {
	least, largest := extremes(values)
	power := 0
	for largest/math.Pow(1024, float64(power)) >= 1024 && power < len(byteUnits)-1 {
		power++
	}
	for power > 0 && least < 0.1*math.Pow(1024, float64(power)) && largest/math.Pow(1024, float64(power-1)) < widest {
		power--
	}
	return Column{Unit: byteUnits[power], kind: Bytes, size: math.Pow(1024, float64(power))}
}

// countColumn prints single keys below ten million, and thousands above.
func countColumn(values []float64) Column {
	if _, largest := extremes(values); largest >= 10*widest {
		return Column{Unit: "k", kind: Count, size: 1000}
	}
	return Column{kind: Count, size: 1}
}

// extremes returns the least value above 0 and the largest; 0 if there is none.
func extremes(values []float64) (least, largest float64) {
	for _, v := range values {
		if v > 0 && (least == 0 || v < least) {
			least = v
		}
		largest = max(largest, v)
	}
	return least, largest
}

// Format returns the text of one figure, given in base units.
func (c Column) Format(v float64) string {
	switch c.kind {
	case Percent:
		return FormatPercent(v)
	case Span:
		return FormatDuration(v)
	}
	scaled := v / c.size
	switch {
	case scaled <= 0:
		return "0"
	case c.size == 1 && scaled < 0.5:
		return "<1"
	case c.size == 1 || scaled >= 999.95:
		return humanize.Comma(int64(math.Round(scaled)))
	case scaled < 0.1:
		return "<0.1"
	default:
		return decimals(scaled, 1)
	}
}

// FormatChange returns a difference with its sign; 0 has none.
func (c Column) FormatChange(v float64) string { return Sign(v) + c.Format(math.Abs(v)) }

var (
	countSyntax   = regexp.MustCompile(`^[0-9]+$|^` + number + `[eE]\+?[0-9]{1,2}$`)
	groupedSyntax = regexp.MustCompile(`^[0-9]{1,3}(,[0-9]{3})+$`)
)

// ParseCount reads a whole number that is not negative, as people write large ones:
// "1000000", "1,000,000", "1e6" or "2.5e6".
func ParseCount(s string) (int64, error) {
	plain := s
	if groupedSyntax.MatchString(s) {
		plain = strings.ReplaceAll(s, ",", "")
	}
	if n, ok := new(big.Rat).SetString(plain); ok && countSyntax.MatchString(plain) && n.IsInt() && n.Num().IsInt64() {
		return n.Num().Int64(), nil
	}
	return 0, fmt.Errorf("count %.40q: want a whole number such as 1000000, 1,000,000 or 1e6", s)
}

// ParseRatio reads a ratio of 0 or more: "5%", "120%" or "0.05". More than 1 is
// written in per cent, as 5 is more likely meant to be 5%. The result is the
// nearest floating-point number, so that it equals a quotient of counts which
// is that ratio.
func ParseRatio(s string) (float64, error) {
	parts := shareSyntax.FindStringSubmatch(s)
	if parts == nil {
		return 0, fmt.Errorf("ratio %.40q: want a percentage such as 5%%, or a ratio such as 0.05", s)
	}
	digits := parts[1]
	if parts[2] != "" {
		digits += "e-2"
	}
	ratio, err := strconv.ParseFloat(digits, 64)
	if err != nil {
		return 0, fmt.Errorf("ratio %.40q: want a percentage such as 5%%, or a ratio such as 0.05", s)
	}
	if ratio > 1 && parts[2] == "" {
		return 0, fmt.Errorf("ratio %.40q: want %.40s%% for per cent, or a ratio such as 0.05", s, s)
	}
	return ratio, nil
}

// number matches plain decimals: no sign, exponent, separator or hexadecimal, all
// of which strconv accepts.
const number = `[0-9]+(?:\.[0-9]+)?`

var (
	sizeSyntax  = regexp.MustCompile(`(?i)^(` + number + `) ?([kmgtpe](?:i?b)?|b)?$`)
	shareSyntax = regexp.MustCompile(`^(` + number + `) ?(%)?$`)
)

// ParseSize reads a size as bytes: "512", "10MB" (10,000,000) or "1.5GiB"
// (1,610,612,736).
func ParseSize(s string) (int64, error) {
	parts := sizeSyntax.FindStringSubmatch(s)
	if parts == nil {
		return 0, fmt.Errorf("size %.40q: want bytes, or a number and a unit such as 512B, 10MB (10,000,000) or 1.5GiB (1024³ × 1.5)", s)
	}
	if n, err := strconv.ParseInt(parts[1], 10, 64); err == nil && (parts[2] == "" || strings.EqualFold(parts[2], "b")) {
		return n, nil
	}
	if parts[2] == "" && strings.Contains(parts[1], ".") {
		return 0, fmt.Errorf("size %.40q: want whole bytes, or a unit such as KiB behind the number", s)
	}
	n, err := humanize.ParseBytes(s)
	if err != nil || n > math.MaxInt64 {
		return 0, fmt.Errorf("size %.40q: want less than 8EiB", s)
	}
	return int64(n), nil
}

// ParseShare reads a share of a whole as a ratio above 0 and at most 1: "25%"
// or "0.25".
func ParseShare(s string) (float64, error) {
	parts := shareSyntax.FindStringSubmatch(s)
	if parts == nil {
		return 0, fmt.Errorf("share %.40q: want a percentage such as 25%%, or a ratio such as 0.25", s)
	}
	ratio, err := strconv.ParseFloat(parts[1], 64)
	if err != nil {
		return 0, fmt.Errorf("share %.40q: want a percentage such as 25%%, or a ratio such as 0.25", s)
	}
	if parts[2] != "" {
		ratio /= 100
	}
	if ratio > 1 && parts[2] == "" {
		return 0, fmt.Errorf("share %.40q: want %.40s%% for per cent, or a ratio such as 0.25", s, s)
	}
	if ratio <= 0 || ratio > 1 {
		return 0, fmt.Errorf("share %.40q: want more than 0%% and at most 100%%", s)
	}
	return ratio, nil
}

// ParseSpan reads a span of time: "30d", "2w", "8h", "1d12h" as Prometheus does
// (a day has 24 hours, a week 7 days, a year 365), or as Go writes one, such as
// "100us" or "1.5h". A span is never negative.
func ParseSpan(s string) (time.Duration, error) {
	if d, err := model.ParseDuration(s); err == nil {
		return time.Duration(d), nil
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 || strings.HasPrefix(s, "-") {
		return 0, fmt.Errorf("span %.40q: want a number and a unit of y, w, d, h, m, s, ms, us, such as 30d, 8h or 100us", s)
	}
	return d, nil
}

// FormatSpan returns d in the notation that ParseSpan reads back exactly. d must
// not be negative.
func FormatSpan(d time.Duration) string {
	if d%time.Millisecond == 0 {
		return model.Duration(d).String()
	}
	return d.String()
}
