package sleep

import (
	"runtime"
	"testing"
	"time"
)

// The shortest of many brief sleeps is shorter than a timer can be, on a busy machine too.
func TestBriefIsBelowAMillisecond(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("timers are exact enough elsewhere")
	}
	const d = 100 * time.Microsecond
	shortest := time.Hour
	for range 100 {
		start := time.Now()
		Brief(d)
		shortest = min(shortest, time.Since(start))
	}
	if shortest < d || shortest >= time.Millisecond {
		t.Errorf("the shortest of 100 sleeps of %v took %v", d, shortest)
	}
}
