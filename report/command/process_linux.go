package command

import (
	"os"
	"strconv"
	"strings"
	"syscall"
	"unsafe"
)

// gentleNice is the lowest priority.
const gentleNice = 19

// giveWay lowers the priority of the process, so that other processes on this machine,
// perhaps the server, get a processor first. The scan's own work falls due when a page
// arrives, just when the server has other clients to serve. A process whose priority is
// as low already, or may not be changed, is left unchanged.
func giveWay() {
	// Linux has a priority for each thread, and a new thread inherits that of the
	// thread that starts it, which may not be lowered yet. Hence two passes
	// (setpriority(2), clone(2)).
	for range 2 {
		threads, _ := os.ReadDir("/proc/self/task")
		for _, t := range threads {
			if id, err := strconv.Atoi(t.Name()); err == nil {
				lowerTo(id, gentleNice)
			}
		}
	}
}

// lowerTo gives a thread a nice value, unless it has that value or more.
func lowerTo(thread, nice int) {
	const offset = 20 // the system call returns offset-nice, which is never negative
	if raw, err := syscall.Getpriority(syscall.PRIO_PROCESS, thread); err == nil && offset-raw < nice {
		_ = syscall.Setpriority(syscall.PRIO_PROCESS, thread, nice)
	}
}

// hideArguments overwrites the passwords in the arguments of the process, so that the
// list of processes does not show them during a scan. On Linux os.Args is the process's
// own memory, which ps reads. Code that still needs the arguments gets copies.
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

// overwrite replaces text[start:end] with stars. The text must be in writable memory.
func overwrite(text string, start, end int) {
	bytes := unsafe.Slice(unsafe.StringData(text), len(text))
	for i := start; i < end; i++ {
		bytes[i] = '*'
	}
}
