//go:build !windows

package scanner

import "syscall"

var (
	connectionRefused = []error{syscall.ECONNREFUSED}
	connectionReset   = []error{syscall.ECONNRESET, syscall.EPIPE, syscall.ECONNABORTED}
	unreachable       = []error{syscall.EHOSTUNREACH, syscall.ENETUNREACH, syscall.EHOSTDOWN}
)
