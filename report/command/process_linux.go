package command

import (
	"os"
	"strconv"
	"syscall"
)

// gentleNice is the lowest priority that there is.
const gentleNice = 19

// giveWay makes others that want a processor of this machine have it first: the
// server may be among them. A walk's own work comes right when its pages do, in which
// the server has other clients to serve. What is as gentle already, or may not be
// changed, stays as it is.
func giveWay() {
	// Linux has a priority for each thread, and new ones take that of the one that
	// starts them, which may not have it yet: hence twice (setpriority(2), clone(2)).
	for range 2 {
		threads, _ := os.ReadDir("/proc/self/task")
		for _, t := range threads {
			if id, err := strconv.Atoi(t.Name()); err == nil {
				lowerTo(id, gentleNice)
			}
		}
	}
}

// lowerTo gives a thread a nice value, unless it has that or more.
func lowerTo(thread, nice int) {
	const offset = 20 // of what the system call returns, so that it is not negative
	if raw, err := syscall.Getpriority(syscall.PRIO_PROCESS, thread); err == nil && offset-raw < nice {
		_ = syscall.Setpriority(syscall.PRIO_PROCESS, thread, nice)
	}
}
