package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"keyprof/scanner/redistest"
)

// Run is one measured execution of one program.
type Run struct {
	Keys      int64   `json:"keys"`         // measured by it
	Seconds   float64 `json:"seconds"`      // from start to end of the process
	ServerCPU float64 `json:"server_cpu_s"` // seconds, user and system, all threads of the server
	PeakRSS   int64   `json:"peak_rss"`     // bytes; 0 where it cannot be known
	Cut       bool    `json:"cut"`          // interrupted at the limit
}

// KeysPerSecond is the speed of the run.
func (r Run) KeysPerSecond() float64 { return float64(r.Keys) / r.Seconds }

// MicrosPerKey is the server's CPU time in microseconds per key.
func (r Run) MicrosPerKey() float64 { return r.ServerCPU * 1e6 / float64(r.Keys) }

// measure runs both programs pairs times. Which goes first alternates, so that
// neither always finds the caches as the other left them.
func (l link) measure(ctx context.Context, t *tools, pairs int) (Scenario, error) {
	s := Scenario{Link: l.name, Keys: l.keys}
	for i := range pairs {
		if i == 0 {
			t.versions["redis-server"] = serverVersion(ctx, l.server)
		}
		first, second := t.runKeyprof, t.runMemkeys
		to, after := &s.Keyprof, &s.Memkeys
		if i%2 == 1 {
			first, second, to, after = second, first, after, to
		}
		a, err := first(ctx, l)
		if err != nil {
			return s, err
		}
		b, err := second(ctx, l)
		if err != nil {
			return s, err
		}
		*to, *after = append(*to, a), append(*after, b)
		progress("%s, %d keys, pair %d of %d: keyprof %.0f keys/s, memkeys %.0f keys/s", l.name, l.keys,
			i+1, pairs, s.Keyprof[i].KeysPerSecond(), s.Memkeys[i].KeysPerSecond())
	}
	return s, nil
}

// runChild runs a program and returns what it cost and printed. After limit, if
// there is one, the program is interrupted, which is no error.
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
	if err != nil && !run.Cut {
		return Run{}, "", fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, errOut.String())
	}
	after, err := serverCPU(ctx, l.server)
	run.ServerCPU = after - before
	return run, out.String(), err
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

// serverCPU returns the CPU seconds that the server has used so far.
func serverCPU(ctx context.Context, s *redistest.Server) (float64, error) {
	info, err := s.Client().Info(ctx, "cpu").Result()
	if err != nil {
		return 0, err
	}
	sum := 0.0
	for _, field := range []string{"used_cpu_user", "used_cpu_sys"} {
		seconds, err := strconv.ParseFloat(infoField(info, field), 64)
		if err != nil {
			return 0, fmt.Errorf("INFO cpu: %s: %w", field, err)
		}
		sum += seconds
	}
	return sum, nil
}

func serverVersion(ctx context.Context, s *redistest.Server) string {
	return infoField(s.Client().Info(ctx, "server").Val(), "redis_version")
}

// infoField returns the value of "name:value" in the text of INFO, or "".
func infoField(info, name string) string {
	for line := range strings.Lines(info) {
		if value, found := strings.CutPrefix(line, name+":"); found {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
