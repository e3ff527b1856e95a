// Package sleep sleeps for less than the millisecond that Go's timers round up to on
// Linux, where the runtime waits for them in epoll_wait (runtime/netpoll_epoll.go).
package sleep

import (
	"syscall"
	"time"
)

// Brief sleeps for d, which may be far below a millisecond. It blocks a thread, and
// nothing but a signal ends it early, so d should be a few milliseconds at most.
func Brief(d time.Duration) {
	ts := syscall.NsecToTimespec(int64(d))
	_ = syscall.Nanosleep(&ts, nil) // an early end is a shorter pause
}
