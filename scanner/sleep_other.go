//go:build !linux

package scanner

import "time"

// sleepBriefly sleeps for a time that may be shorter than a millisecond.
func sleepBriefly(d time.Duration) { time.Sleep(d) }
