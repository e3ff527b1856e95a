package command

import (
	"os"
	"strconv"
	"strings"
	"syscall"
	"unsafe"
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

// hideArguments overwrites the passwords among the arguments of the
// process, so that the list of processes does not show them for the time of a
// walk. On Linux os.Args are the process's own memory, which ps reads; what goes
// on using them gets copies.
func hideArguments() {
	own := os.Args
	os.Args = make([]string, len(own))
	for i, arg := range own {
		os.Args[i] = strings.Clone(arg)
		if start, end := secretIn(os.Args, i); start < end {
			overwrite(arg, start, end)
		}
	}
}

// overwrite puts stars in the place of text[start:end], which must lie in memory
// that may be written to.
func overwrite(text string, start, end int) {
	bytes := unsafe.Slice(unsafe.StringData(text), len(text))
	for i := start; i < end; i++ {
		bytes[i] = '*'
	}
}
