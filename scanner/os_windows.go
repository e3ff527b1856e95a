package scanner

import "golang.org/x/sys/windows"

// The errors that Windows returns. The syscall package's constants of these names are
// invented and never match.
var (
	connectionRefused = []error{windows.WSAECONNREFUSED}
	connectionReset   = []error{windows.WSAECONNRESET, windows.WSAECONNABORTED}
	unreachable       = []error{windows.WSAEHOSTUNREACH, windows.WSAENETUNREACH, windows.WSAEHOSTDOWN}
)
