package scanner

import (
	"testing"
	"time"

	"keyprof/scanner/info"
)

// The cost of commands comes from the calls of all clients, weighted by ours.
func TestCostsBetween(t *testing.T) {
	us := time.Microsecond
	before := map[string]info.Calls{"scan": {N: 10, Took: 100 * us}, "type": {N: 1000, Took: 1000 * us}, "memory usage": {N: 0, Took: 0}, "object": {N: 5, Took: 5 * us}}
	now := map[string]info.Calls{"scan": {N: 110, Took: 5100 * us}, "type": {N: 11_000, Took: 6000 * us}, "memory usage": {N: 100, Took: 300 * us}, "object": {N: 105, Took: 105 * us}, "info": {N: 3, Took: 900 * us}}
	sent := map[string]int64{"scan": 100, "type": 100, "memory usage": 100, "object idletime": 100, "info": 100, "pttl": 10}
	got := costsBetween(before, now, map[string]int64{}, sent)
	if want := (info.Costs{Request: 1500 * time.Nanosecond, Scan: 50 * us}); got == nil || *got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	for what, got := range map[string]*info.Costs{
		"nothing before":     costsBetween(nil, now, nil, sent),
		"statistics reset":   costsBetween(now, before, map[string]int64{}, sent),
		"few calls":          costsBetween(before, now, map[string]int64{}, map[string]int64{"scan": fewCalls - 1}),
		"commands not known": costsBetween(before, map[string]info.Calls{}, map[string]int64{}, sent),
	} {
		if got != nil {
			t.Errorf("%s: %+v", what, *got)
		}
	}
}

// However large the times in commandstats are, the sum does not overflow.
func TestCommandTime(t *testing.T) {
	if got := commandTime(info.Parse("# Commandstats\r\ncmdstat_scan:usec=9223372036854775807\r\ncmdstat_type:calls=1,usec=7\r\n")); got != 7*time.Microsecond {
		t.Errorf("commands took %v", got)
	}
	const most = "8589934592000000" // MaxSeconds, in microseconds
	stats := info.Parse("# Commandstats\r\ncmdstat_scan:calls=1,usec=" + most + "\r\ncmdstat_type:calls=1,usec=" + most + "\r\n")
	if got := commandTime(stats); got != info.MaxSeconds*time.Second {
		t.Errorf("commands took %v", got)
	}
}
