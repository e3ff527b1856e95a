//go:build unix && !linux

package redistest

import "syscall"

// childAttr puts the server in a process group of its own, so that an interrupt
// typed at the terminal reaches us and not the server. Only Linux can also tie
// its life to ours.
func childAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
