package unit

import (
	"fmt"
	"math/big"
	"regexp"
	"strconv"
	"strings"
)

var (
	countSyntax   = regexp.MustCompile(`^[0-9]+$|^` + number + `[eE]\+?[0-9]{1,2}$`)
	groupedSyntax = regexp.MustCompile(`^[0-9]{1,3}(,[0-9]{3})+$`)
)

// ParseCount reads a whole number that is not negative, as people write large
// ones: "1000000", "1,000,000", "1e6" or "2.5e6".
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
