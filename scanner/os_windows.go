package scanner

import (
	"time"

	"golang.org/x/sys/windows"
)

// The errors that Windows returns. The syscall package's constants of these names are
// invented and never match.
var (
	connectionRefused = []error{windows.WSAECONNREFUSED}
	connectionReset   = []error{windows.WSAECONNRESET, windows.WSAECONNABORTED}
	unreachable       = []error{windows.WSAEHOSTUNREACH, windows.WSAENETUNREACH, windows.WSAEHOSTDOWN}
)

// sleepBriefly sleeps for a time that may be shorter than a millisecond.
func sleepBriefly(d time.Duration) { time.Sleep(d) }
