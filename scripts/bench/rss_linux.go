package main

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"
)

// watchRSS follows the peak memory of a process and returns a function that returns it,
// in bytes, after the process has ended. The obvious source, ru_maxrss, is wrong here:
// the kernel starts a child's at the peak of the process that forked it, and ours has
// just seeded a server.
func watchRSS(pid int) func(*os.ProcessState) int64 {
	stop, result := make(chan struct{}), make(chan int64)
	go func() {
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		peak := int64(0)
		for {
			peak = max(peak, highWater(pid))
			select {
			case <-stop:
				result <- peak
				return
			case <-tick.C:
			}
		}
	}()
	return func(*os.ProcessState) int64 {
		close(stop)
		return <-result
	}
}

// highWater returns VmHWM of a process in bytes, or 0 once it has ended. It never falls
// while the process lives, so sampling it is enough.
func highWater(pid int) int64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := bytes.Cut(status, []byte("VmHWM:"))
	digits, _, _ := bytes.Cut(bytes.TrimSpace(rest), []byte(" kB"))
	kilobytes, _ := strconv.ParseInt(string(digits), 10, 64)
	return kilobytes << 10
}
