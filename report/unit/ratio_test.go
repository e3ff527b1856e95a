package unit

import (
	"math"
	"strings"
	"testing"
)

func TestParseCount(t *testing.T) {
	for s, want := range map[string]int64{
		"0": 0, "7": 7, "1000000": 1e6, "1,000,000": 1e6, "999,999": 999999, "1e6": 1e6, "1E6": 1e6, "1e+6": 1e6, "2.5e6": 2_500_000, "1.5e1": 15,
		"9223372036854775807": math.MaxInt64, "9,223,372,036,854,775,807": math.MaxInt64,
	} {
		if got, err := ParseCount(s); err != nil || got != want {
			t.Errorf("ParseCount(%q) = %d, %v, want %d", s, got, err, want)
		}
	}
	for _, s := range []string{"", "x", "-1", "+1", "1.5", "1.55e1", "1e-3", "1e999", "1,00", "1,0000", ",000", "1 000", "1_000", "0x10", "1e", "1M", "1/2", "9223372036854775808", "1,000e3"} {
		if got, err := ParseCount(s); err == nil || !strings.Contains(err.Error(), "want") {
			t.Errorf("ParseCount(%q) = %d, %v, want an error that says what is right", s, got, err)
		}
	}
}

func TestParseRatio(t *testing.T) {
	for s, want := range map[string]float64{
		"0": 0, "0%": 0, "5%": 0.05, "5 %": 0.05, "0.05": 0.05, "100%": 1, "1": 1, "120%": 1.2, "0.1%": 1.0 / 1000, "0.7%": 7.0 / 1000, "33.3%": 333.0 / 1000,
	} {
		if got, err := ParseRatio(s); err != nil || got != want {
			t.Errorf("ParseRatio(%q) = %v, %v, want %v", s, got, err, want)
		}
	}
	for _, s := range []string{"", "%", "5", "1.01", "-1%", "5%%", "5 percent", "NaN", "1e-1", ".5", strings.Repeat("9", 400) + "%"} {
		if got, err := ParseRatio(s); err == nil || !strings.Contains(err.Error(), "want") {
			t.Errorf("ParseRatio(%q) = %v, %v, want an error that says what is right", s, got, err)
		}
	}
}
