package redistest

import (
	"syscall"
	"time"
)

// childAttr puts the server in a process group of its own, so that an interrupt
// typed at the terminal reaches us and not the server, and has the kernel kill
// it when we die without stopping it.
func childAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// sleepBriefly sleeps for less than the millisecond that Go's timers round up to on Linux
// (runtime/netpoll_epoll.go).
func sleepBriefly(d time.Duration) {
	ts := syscall.NsecToTimespec(int64(d))
	_ = syscall.Nanosleep(&ts, nil) // a signal may end it early: a delay is a little short then
}
