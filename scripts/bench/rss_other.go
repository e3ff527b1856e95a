//go:build !linux && !darwin

package main

import "os"

// watchRSS does nothing: here there is no way to measure the peak memory of a process.
func watchRSS(int) func(*os.ProcessState) int64 {
	return func(*os.ProcessState) int64 { return 0 }
}
