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

// sleepBriefly sleeps for a time that may be shorter than a millisecond: Go's timers
// round up to that on Linux, as the runtime waits for them in epoll_wait
// (runtime/netpoll_epoll.go).
func sleepBriefly(d time.Duration) {
	ts := syscall.NsecToTimespec(int64(d))
	_ = syscall.Nanosleep(&ts, nil) // a signal may end it early, and the pacer then asks for more
}
