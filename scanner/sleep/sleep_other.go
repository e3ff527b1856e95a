//go:build !linux

// Package sleep sleeps for less than a millisecond.
package sleep

import "time"

// Brief sleeps for d, which may be far below a millisecond.
func Brief(d time.Duration) { time.Sleep(d) }
