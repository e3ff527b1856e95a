package scanner

import "golang.org/x/sys/windows"

// What Windows answers; the syscall package's names of these are inventions
// that never match.
var (
	connectionRefused = []error{windows.WSAECONNREFUSED}
	connectionReset   = []error{windows.WSAECONNRESET, windows.WSAECONNABORTED}
	unreachable       = []error{windows.WSAEHOSTUNREACH, windows.WSAENETUNREACH, windows.WSAEHOSTDOWN}
)
