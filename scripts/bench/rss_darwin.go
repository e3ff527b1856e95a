package main

import (
	"os"
	"syscall"
)

// watchRSS returns a function that tells the peak memory of a process in bytes
// when it has ended.
func watchRSS(int) func(*os.ProcessState) int64 {
	return func(state *os.ProcessState) int64 {
		return state.SysUsage().(*syscall.Rusage).Maxrss // bytes on macOS
	}
}
