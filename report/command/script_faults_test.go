package command

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// runs are the commands that the running script started, by name.
type runs map[string]*exec.Cmd

type runsKey struct{}

// awaitAtMost is how long a script waits for what will come anyway.
const awaitAtMost = time.Minute

// crash: crash SERVER kills a server; it does not come back.
func crash(ts *testscript.TestScript, _ bool, args []string) { serverOf(ts, args[0]).Kill() }

// restart: restart SERVER kills a server and starts another on the same port,
// with what was saved.
func restart(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(serverOf(ts, args[0]).Restart(context.Background(), args[1:]...))
}

// startRun: start NAME keyprof ... starts keyprof and goes on; both outputs go
// to the file NAME.
func startRun(ts *testscript.TestScript, _ bool, args []string) {
	cmd := startInto(ts, args[0], args[1:])
	ts.Defer(func() { _ = cmd.Process.Kill() })
	ts.Value(runsKey{}).(runs)[args[0]] = cmd
}

// awaitText: await FILE REGEXP waits until a file holds a text; await SERVER
// pages N, until a server was asked for so many pages of names.
func awaitText(ts *testscript.TestScript, _ bool, args []string) {
	holds := func() bool { return regexp.MustCompile(args[1]).MatchString(ts.ReadFile(args[0])) }
	if len(args) == 3 {
		pages, err := strconv.ParseInt(args[2], 10, 64)
		ts.Check(err)
		holds = func() bool {
			counts, err := serverOf(ts, args[0]).CommandCounts(context.Background())
			ts.Check(err)
			return counts["scan"] >= pages
		}
	}
	for began := time.Now(); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Since(began) > awaitAtMost {
			ts.Fatalf("waited in vain")
		}
	}
}

// signalRun: signal NAME SIGNAL signals what was started.
func signalRun(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(ts.Value(runsKey{}).(runs)[args[0]].Process.Signal(signals[args[1]]))
}

// endedWith: ended NAME CODE waits for the end of what was started, and wants
// this exit code.
func endedWith(ts *testscript.TestScript, _ bool, args []string) {
	cmd := ts.Value(runsKey{}).(runs)[args[0]]
	hung := time.AfterFunc(awaitAtMost, func() { _ = cmd.Process.Kill() })
	defer hung.Stop()
	err := cmd.Wait()
	if got := strconv.Itoa(cmd.ProcessState.ExitCode()); got != args[1] {
		ts.Fatalf("exit code %s (%v), want %s:\n%s", got, err, args[1], ts.ReadFile(args[0]))
	}
}

// smallDisk: small-disk DIR makes a directory on a disk of its own, of 16 KiB.
func smallDisk(ts *testscript.TestScript, _ bool, args []string) {
	dir := ts.MkAbs(args[0])
	ts.Check(os.Mkdir(dir, 0o700))
	ts.Check(mountSmallDisk(dir))
	ts.Defer(func() { _ = unmount(dir) })
}

func mountSmallDisk(dir string) error {
	return exec.Command("mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", dir).Run()
}

func unmount(dir string) error { return exec.Command("umount", dir).Run() }

// scriptCondition is [mount]: disks can be mounted, which takes root on Linux.
func scriptCondition(name string) (bool, error) {
	if name != "mount" {
		return false, fmt.Errorf("unknown condition %q", name)
	}
	dir, err := os.MkdirTemp("", "keyprof")
	if err != nil {
		return false, err
	}
	defer os.Remove(dir)
	if mountSmallDisk(dir) != nil {
		return false, nil
	}
	return true, unmount(dir)
}
