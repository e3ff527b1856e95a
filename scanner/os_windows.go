package scanner

import (
	"time"

	"golang.org/x/sys/windows"
)

// What Windows answers; the syscall package's names of these are inventions
// that never match.
var (
	connectionRefused = []error{windows.WSAECONNREFUSED}
	connectionReset   = []error{windows.WSAECONNRESET, windows.WSAECONNABORTED}
	unreachable       = []error{windows.WSAEHOSTUNREACH, windows.WSAENETUNREACH, windows.WSAEHOSTDOWN}
)

// sleepBriefly sleeps for a time that may be shorter than a millisecond.
func sleepBriefly(d time.Duration) { time.Sleep(d) }
