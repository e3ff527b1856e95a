//go:build !linux && !darwin

package main

import "os"

// watchRSS knows no way to tell the peak memory of a process here.
func watchRSS(int) func(*os.ProcessState) int64 {
	return func(*os.ProcessState) int64 { return 0 }
}
