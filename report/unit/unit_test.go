package unit

import (
	"math"
	"strings"
	"testing"
	"time"
)

func TestFormatBytes(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 B", 1: "1 B", 1023: "1023 B", 1024: "1.00 KiB", 1536: "1.50 KiB", 10 * 1024: "10.0 KiB", 1024*1024 - 1: "1.00 MiB",
		111 << 20: "111 MiB", 1000 << 10: "1,000 KiB", 4_627_370_000: "4.31 GiB", math.MaxInt64: "8.00 EiB",
	} {
		if got := FormatBytes(n); got != want {
			t.Errorf("FormatBytes(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestFormatPercent(t *testing.T) {
	for ratio, want := range map[float64]string{
		0: "0", 1e-9: "<0.1", 0.00099: "<0.1", 0.001: "0.1", 0.5: "50.0", 0.972: "97.2", 0.999: "99.9", 0.9995: ">99.9", 1 - 1e-12: ">99.9", 1: "100", 1.5: "150.0",
	} {
		if got := FormatPercent(ratio); got != want {
			t.Errorf("FormatPercent(%v) = %q, want %q", ratio, got, want)
		}
	}
	if got := FormatShare(0.25); got != "25.0 %" {
		t.Errorf("FormatShare: %q", got)
	}
}

func TestFormatDuration(t *testing.T) {
	for seconds, want := range map[float64]string{
		0: "0s", 0.02: "<0.1s", 0.4: "0.4s", 1: "1s", 59: "59s", 60: "1m", 90: "1.5m", 3600: "1h", 5400: "1.5h", 86400: "24h", 130000: "36h",
		2 * 86400: "2d", 9.3 * 86400: "9.3d", 29.96 * 86400: "30d", 365 * 86400: "365d", 4 * 365 * 86400: "4y", 1e12: "31,710y",
	} {
		if got := FormatDuration(seconds); got != want {
			t.Errorf("FormatDuration(%v) = %q, want %q", seconds, got, want)
		}
	}
}

func TestFormatElapsed(t *testing.T) {
	for seconds, want := range map[float64]string{0: "0s", 1e-12: "<1ms", 0.0003: "<1ms", 0.0005: "1ms", 0.0042: "4ms", 3.21: "3.21s", 133.4: "2m13s", 3900: "1h5m0s", math.Inf(1): "2562047h47m16s"} {
		if got := FormatElapsed(seconds); got != want {
			t.Errorf("FormatElapsed(%v) = %q, want %q", seconds, got, want)
		}
	}
}

func TestFormatOthers(t *testing.T) {
	when := time.Date(2026, 3, 2, 9, 0, 12, 5, time.FixedZone("CET", 3600))
	for got, want := range map[string]string{
		FormatCount(545073):          "545,073",
		FormatPlain(545073):          "545073",
		FormatPlainFloat(111 << 20):  "116391936",
		FormatPlainFloat(1.0 / 3):    "0.333333",
		FormatTime(when):             "2026-03-02 08:00:12 UTC",
		FormatDate(when):             "2026-03-02",
		FormatPercent(Share(1, 0)):   "0",
		FormatExactShare(0.07):       "7%",
		FormatExactShare(0.0125):     "1.25%",
		FormatPercent(Share(1, 200)): "0.5",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestColumn(t *testing.T) {
	tests := []struct {
		name   string
		kind   Kind
		values []float64
		unit   string
		want   string
	}{
		{"one unit", Bytes, []float64{4 << 30, 2 << 30}, "GiB", "4.0 2.0"},
		{"down for the small ones", Bytes, []float64{4.3 * (1 << 30), 12 << 20, 0}, "MiB", "4,403 12.0 0"},
		{"down no further than six digits", Bytes, []float64{4 << 30, 100}, "MiB", "4,096 <0.1"},
		{"down twice", Bytes, []float64{900 << 20, 1 << 10}, "KiB", "921,600 1.0"},
		{"bytes", Bytes, []float64{100, 64}, "B", "100 64"},
		{"nothing", Bytes, nil, "B", ""},
		{"keys", Count, []float64{545073, 1, 0}, "", "545,073 1 0"},
		{"many keys", Count, []float64{11e6, 240e3, 12}, "k", "11,000 240.0 <0.1"},
		{"shares", Percent, []float64{0.5, 0}, "", "50.0 0"},
		{"spans", Span, []float64{30, 86400 * 30}, "", "30s 30d"},
	}
	for _, tt := range tests {
		c := NewColumn(tt.kind, tt.values)
		cells := make([]string, len(tt.values))
		for i, v := range tt.values {
			cells[i] = c.Format(v)
		}
		if got := strings.Join(cells, " "); got != tt.want || c.Unit != tt.unit {
			t.Errorf("%s: got %q in %q, want %q in %q", tt.name, got, c.Unit, tt.want, tt.unit)
		}
	}
}

func TestParseSize(t *testing.T) {
	for s, want := range map[string]int64{
		"0": 0, "512": 512, "512B": 512, "512 b": 512, "10MB": 10_000_000, "10M": 10_000_000, "1GiB": 1 << 30, "1gib": 1 << 30, "1.5 GiB": 3 << 29, "2TB": 2e12,
		"9223372036854775807": math.MaxInt64, "9223372036854775807B": math.MaxInt64,
	} {
		if got, err := ParseSize(s); err != nil || got != want {
			t.Errorf("ParseSize(%q) = %d, %v, want %d", s, got, err, want)
		}
	}
	for _, s := range []string{"", " ", "x", "-1", "+1", "1.5", "1e3", "0x10", "1_000", "1,000", "1..5KB", "1.KB", ".5KB", "10 XB", "8EiB", "9223372036854775808", "99999999999999999999EB", "NaN", "Inf", "1GiB2", "１"} {
		if got, err := ParseSize(s); err == nil || !strings.Contains(err.Error(), "want") {
			t.Errorf("ParseSize(%q) = %d, %v, want an error that says what is right", s, got, err)
		}
	}
}

func TestParseShare(t *testing.T) {
	for s, want := range map[string]float64{"25%": 0.25, "25 %": 0.25, "0.25": 0.25, "100%": 1, "1": 1, "1.0": 1, "2.5%": 0.025, "0.01%": 0.0001} {
		if got, err := ParseShare(s); err != nil || math.Abs(got-want) > 1e-15 {
			t.Errorf("ParseShare(%q) = %v, %v, want %v", s, got, err, want)
		}
	}
	for _, s := range []string{"", "%", "0", "0%", "0.0", "-1%", "101%", "1.01", "25", "NaN", "NaN%", "Inf", "2.5.%", "2.5.1%", ".5", "5.", "1e-1", "0x1p-2", "1_0%", "25%%", "25 percent"} {
		if got, err := ParseShare(s); err == nil || !strings.Contains(err.Error(), "want") {
			t.Errorf("ParseShare(%q) = %v, %v, want an error that says what is right", s, got, err)
		}
	}
}

func TestParseSpan(t *testing.T) {
	const day = 24 * time.Hour
	for s, want := range map[string]time.Duration{
		"0": 0, "30d": 30 * day, "2w": 14 * day, "8h": 8 * time.Hour, "1d12h": 36 * time.Hour, "1y": 365 * day, "5m": 5 * time.Minute, "250ms": 250 * time.Millisecond,
		"100us": 100 * time.Microsecond, "100µs": 100 * time.Microsecond, "1.5h": 90 * time.Minute, "7ns": 7,
	} {
		if got, err := ParseSpan(s); err != nil || got != want {
			t.Errorf("ParseSpan(%q) = %v, %v, want %v", s, got, err, want)
		}
	}
	for _, s := range []string{"", "d", "30", "-1h", "-0s", "30 d", "1h1d", "1.5d", "1e3s", "99999999y", "NaN", "1mo"} {
		if got, err := ParseSpan(s); err == nil || !strings.Contains(err.Error(), "want") {
			t.Errorf("ParseSpan(%q) = %v, %v, want an error that says what is right", s, got, err)
		}
	}
}

// TestErrorsAreOneShortLine: what was typed is quoted, and not at any length.
func TestErrorsAreOneShortLine(t *testing.T) {
	bad := "\x1b[31m\n" + strings.Repeat("9", 1<<16)
	_, size := ParseSize(bad)
	_, share := ParseShare(bad)
	_, span := ParseSpan(bad)
	for _, err := range []error{size, share, span} {
		if err == nil || len(err.Error()) > 300 || strings.ContainsAny(err.Error(), "\x1b\n") {
			t.Errorf("got %v", err)
		}
	}
}

func FuzzParseSize(f *testing.F) {
	for _, s := range []string{"512", "10MB", "1.5GiB", "9223372036854775807", "1e3", "8EiB"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := ParseSize(s)
		if err != nil {
			return
		}
		if back, err := ParseSize(FormatPlain(n)); n < 0 || err != nil || back != n {
			t.Errorf("ParseSize(%q) = %d, which comes back as %d, %v", s, n, back, err)
		}
	})
}

func FuzzParseShare(f *testing.F) {
	for _, s := range []string{"25%", "0.25", "100%", "2.5.%", "NaN", "0"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		ratio, err := ParseShare(s)
		if err != nil || ratio < 1e-9 {
			return
		}
		if back, err := ParseShare(FormatExactShare(ratio)); ratio > 1 || err != nil || math.Abs(back-ratio) > 1e-10 {
			t.Errorf("ParseShare(%q) = %v, which comes back as %v, %v", s, ratio, back, err)
		}
	})
}

func FuzzParseSpan(f *testing.F) {
	for _, s := range []string{"30d", "2w", "1d12h", "100us", "1.5h", "0", "-1s"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := ParseSpan(s)
		if err != nil {
			return
		}
		if back, err := ParseSpan(FormatSpan(d)); d < 0 || err != nil || back != d {
			t.Errorf("ParseSpan(%q) = %v, which comes back as %v, %v", s, d, back, err)
		}
	})
}

func FuzzFormat(f *testing.F) {
	f.Add(0.5, int64(1))
	f.Add(1e300, int64(math.MaxInt64))
	f.Fuzz(func(t *testing.T, v float64, n int64) {
		for _, s := range []string{FormatBytes(n), FormatCount(n), FormatPercent(v), FormatDuration(v), FormatElapsed(v), NewColumn(Bytes, []float64{v}).Format(v)} {
			if s == "" {
				t.Errorf("%v, %d: nothing", v, n)
			}
		}
	})
}

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
