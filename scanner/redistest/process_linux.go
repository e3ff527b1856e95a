package redistest

import "syscall"

// childAttr puts the server in a process group of its own, so that an interrupt
// typed at the terminal reaches us and not the server, and has the kernel kill
// it when we die without stopping it.
func childAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
