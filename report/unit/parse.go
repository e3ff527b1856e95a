package unit

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/prometheus/common/model"
)

// number is what the parsers take for one: no sign, exponent, separator or
// hexadecimal, all of which strconv would let pass.
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

// FormatSpan is d in the notation that ParseSpan reads back exactly. Negative
// spans are none of its business.
func FormatSpan(d time.Duration) string {
	if d%time.Millisecond == 0 {
		return model.Duration(d).String()
	}
	return d.String()
}
