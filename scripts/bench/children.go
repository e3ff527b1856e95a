package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// Run is one measured execution of one program.
type Run struct {
	Keys      int64   `json:"keys"`         // measured by it
	Seconds   float64 `json:"seconds"`      // from start to end of the process
	ServerCPU float64 `json:"server_cpu_s"` // seconds, user and system, all threads of the server
	PeakRSS   int64   `json:"peak_rss"`     // bytes; 0 where it cannot be known
	Cut       bool    `json:"cut"`          // interrupted at the limit
	// Receipt is the load on the server's main thread as keyprof reports it, where
	// requested.
	Receipt float64 `json:"receipt_s,omitempty"` // seconds
}

// KeysPerSecond returns the speed of the run.
func (r Run) KeysPerSecond() float64 { return float64(r.Keys) / r.Seconds }

// MicrosPerKey returns the server's CPU time per key, in microseconds.
func (r Run) MicrosPerKey() float64 { return r.ServerCPU * 1e6 / float64(r.Keys) }

// PeakMiB returns the peak memory of the process, in MiB.
func (r Run) PeakMiB() float64 { return float64(r.PeakRSS) / (1 << 20) }

// Elapsed returns the duration of the process, in seconds.
func (r Run) Elapsed() float64 { return r.Seconds }

// Used returns the server's CPU time in per cent of the duration of the run.
func (r Run) Used() float64 { return 100 * r.ServerCPU / r.Seconds }

// UsedByReceipt returns the same from keyprof's receipt.
func (r Run) UsedByReceipt() float64 { return 100 * r.Receipt / r.Seconds }

// runChild runs a program and returns its cost and output. After limit, if there is one,
// it interrupts the program, which is no error.
func runChild(ctx context.Context, l link, limit time.Duration, program string, args ...string) (Run, string, error) {
	before, err := serverCPU(ctx, l.server)
	if err != nil {
		return Run{}, "", err
	}
	var out, errOut bytes.Buffer
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Stdout, cmd.Stderr = &out, &errOut
	began := time.Now()
	run, err := execute(cmd, limit)
	run.Seconds = time.Since(began).Seconds()
	after, infoErr := serverCPU(ctx, l.server)
	run.ServerCPU = after - before
	if err != nil && !run.Cut {
		return run, "", fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, errOut.String())
	}
	return run, out.String(), infoErr
}

// startChild starts a program that prints one line when it is ready, and exits when its
// input ends.
func startChild(ctx context.Context, program string, args ...string) (said string, stop func(), err error) {
	cmd := exec.CommandContext(ctx, program, args...)
	in, err := cmd.StdinPipe()
	if err != nil {
		return "", nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return "", nil, err
	}
	if err := cmd.Start(); err != nil {
		return "", nil, err
	}
	stop = func() {
		_ = in.Close()
		_ = cmd.Process.Kill() // at idle priority it may not get to see the end soon
		_ = cmd.Wait()
	}
	line, _ := bufio.NewReader(out).ReadString('\n')
	return strings.TrimSuffix(line, "\n"), stop, nil
}

func execute(cmd *exec.Cmd, limit time.Duration) (Run, error) {
	if err := cmd.Start(); err != nil {
		return Run{}, err
	}
	peak := watchRSS(cmd.Process.Pid)
	cut := make(chan struct{})
	if limit > 0 {
		timer := time.AfterFunc(limit, func() {
			close(cut)
			_ = cmd.Process.Signal(os.Interrupt)
		})
		defer timer.Stop()
	}
	err := cmd.Wait()
	run := Run{PeakRSS: peak(cmd.ProcessState)}
	select {
	case <-cut:
		run.Cut = true
	default:
	}
	return run, err
}
