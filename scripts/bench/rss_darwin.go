package main

import (
	"os"
	"syscall"
)

// watchRSS returns a function that returns the peak memory of a process, in bytes, after
// it has ended.
func watchRSS(int) func(*os.ProcessState) int64 {
	return func(state *os.ProcessState) int64 {
		return state.SysUsage().(*syscall.Rusage).Maxrss // bytes on macOS
	}
}
