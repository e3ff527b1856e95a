package command

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"keyprof/scanner/redistest"
)

// A gentle walk gives way to all that runs on the machine, with each of its threads;
// one at full speed does not.
func TestGentleWalksGiveWay(t *testing.T) {
	own, err := strconv.Atoi(niceOfThreads(os.Getpid()))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		args []string
		nice int
	}{
		{"gentle", []string{"profile"}, gentleNice},
		{"full speed", []string{"profile", "--max-load", "100%"}, own},
	} {
		t.Run(tt.name, func(t *testing.T) {
			asked := make(chan struct{}, 100) // by then it has its priority
			fake := redistest.NewFake(t, redistest.FakeOptions{}, func([]string) string {
				asked <- struct{}{}
				time.Sleep(3 * time.Second)
				return redistest.Error("ERR later")
			})
			ctx, stop := context.WithCancel(context.Background())
			defer stop()
			cmd := exec.CommandContext(ctx, "keyprof", append(tt.args, "redis://"+fake.Addr())...)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			defer func() { stop(); _ = cmd.Wait() }()
			<-asked
			if seen := niceOfThreads(cmd.Process.Pid); seen != strconv.Itoa(tt.nice) {
				t.Errorf("nice %s, want %d", seen, tt.nice)
			}
		})
	}
}

// niceOfThreads are the nice values of a process's threads, each once.
func niceOfThreads(pid int) string {
	var values []string
	stats, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	for _, file := range stats {
		stat, _ := os.ReadFile(file)
		_, rest, _ := strings.Cut(string(stat), ") ") // behind the name: state is field 3, nice 19 (proc_pid_stat(5))
		if fields := strings.Fields(rest); len(fields) > 16 && !slices.Contains(values, fields[16]) {
			values = append(values, fields[16])
		}
	}
	return strings.Join(values, " ")
}
