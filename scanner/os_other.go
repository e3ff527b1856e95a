//go:build !linux && !windows

package scanner

import (
	"syscall"
	"time"
)

var (
	connectionRefused = []error{syscall.ECONNREFUSED}
	connectionReset   = []error{syscall.ECONNRESET, syscall.EPIPE, syscall.ECONNABORTED}
	unreachable       = []error{syscall.EHOSTUNREACH, syscall.ENETUNREACH, syscall.EHOSTDOWN}
)

// sleepBriefly sleeps for a time that may be shorter than a millisecond.
func sleepBriefly(d time.Duration) { time.Sleep(d) }
