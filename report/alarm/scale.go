package alarm

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

	"keyprof/report/unit"
)

// scale is how the figures of a metric are written, by people and for them.
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

// signed is a scale on which figures below 0 have a minus, and those above it a
// plus when they are printed.
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

// sizeUnits are what sizes may be written in.
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
		err = fmt.Errorf("ratio %.40q: want at least -100%%, which is when nothing is left", text)
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
