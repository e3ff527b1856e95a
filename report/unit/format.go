// Package unit is the only place that turns numbers into text and the text of
// the command line into numbers.
//
// Values are kept in base units: bytes, seconds, ratios in [0,1]. Sizes scale
// by 1024 (KiB, MiB, ...) when printed; everything else by 1000. A figure is
// never rounded to a claim that is not true: what is not 0 never prints as 0,
// and what is not the whole never prints as 100 %.
package unit

import (
	"math"
	"strconv"
	"time"

	"github.com/dustin/go-humanize"
)

// Seconds in the units that spans are printed in.
const (
	minute = 60.0
	hour   = 60 * minute
	day    = 24 * hour
	year   = 365 * day
)

// byteUnits are the names of the powers of 1024.
var byteUnits = []string{"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"}

// FormatCount is n with thousands separators: "545,073".
func FormatCount(n int64) string { return humanize.Comma(n) }

// FormatPlain is n without separators, for machines.
func FormatPlain(n int64) string { return strconv.FormatInt(n, 10) }

// FormatPlainFloat is v unscaled, for machines, to six decimals.
func FormatPlainFloat(v float64) string {
	return strconv.FormatFloat(math.Round(v*1e6)/1e6, 'f', -1, 64)
}

// FormatBytes is a size of n bytes in three digits or so: "4.31 GiB".
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

// threeDigits is v in [0,1024) with as many decimals as make three digits.
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

// FormatShare is a ratio in [0,1] as a percentage: "97.2 %".
func FormatShare(ratio float64) string { return FormatPercent(ratio) + " %" }

// FormatPercent is a ratio in [0,1] in per cent, without the sign: "97.2".
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

// FormatExactShare is a ratio in [0,1] in the notation that ParseShare reads
// back: "25%".
func FormatExactShare(ratio float64) string {
	return strconv.FormatFloat(math.Round(ratio*1e11)/1e9, 'f', -1, 64) + "%"
}

// Share is part of whole as a ratio; 0 when there is no whole.
func Share(part, whole int64) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole)
}

// FormatDuration is a span of seconds in at most five characters or so: "45s",
// "1.5h", "29d". It is for reading; FormatSpan is what can be read back.
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

// durationUnit is the unit that people would state a span in. Days go on for
// three years, since TTLs of 365 d are set and spoken of in days.
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

// FormatElapsed is how long something took, in seconds, to the second: "2m13s";
// below ten seconds to the tenth, below a tenth to the millisecond.
func FormatElapsed(seconds float64) string {
	d := time.Duration(min(seconds, float64(math.MaxInt64/time.Second)) * float64(time.Second))
	switch {
	case seconds > 0 && d < time.Millisecond/2:
		return "<1ms"
	case d < 100*time.Millisecond:
		return d.Round(time.Millisecond).String()
	case d < 10*time.Second:
		return d.Round(100 * time.Millisecond).String()
	default:
		return d.Round(time.Second).String()
	}
}

// FormatMicros is how long something short took, in seconds, to the microsecond:
// "87µs"; from ten milliseconds on as FormatElapsed has it.
func FormatMicros(seconds float64) string {
	if !(seconds < 0.01) {
		return FormatElapsed(seconds)
	}
	return strconv.FormatFloat(math.Round(max(0, seconds)*1e6), 'f', 0, 64) + "µs"
}

// FormatTime is a moment to the second, in UTC: "2026-03-02 08:00:12 UTC".
func FormatTime(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// FormatDate is the day of a moment, in UTC: "2026-03-02".
func FormatDate(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// Sign is what stands before the absolute value of a change; nothing for 0.
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
