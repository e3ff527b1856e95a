package command

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// reading starts keyprof in dir, by a shell if setup is not empty, with a pipe that it
// is to read, and returns when it has opened that.
func reading(t *testing.T, setup string, args ...string) (cmd *exec.Cmd, pipe *os.File, stderr *bytes.Buffer) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	for i, arg := range args {
		args[i] = strings.ReplaceAll(arg, "PIPE", path)
	}
	cmd, stderr = exec.Command("sh", append([]string{"-c", setup + `exec keyprof "$@"`, "sh"}, args...)...), new(bytes.Buffer)
	cmd.Stderr = stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	pipe, err := os.OpenFile(path, os.O_WRONLY, 0) // waits for the reader
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pipe.Close() })
	return cmd, pipe, stderr
}

// Whatever waits for a file ends at the first signal.
func TestFirstSignalEndsReading(t *testing.T) {
	const url = "redis://127.0.0.1:1"
	for _, args := range []string{
		"report PIPE", "diff PIPE testdata/after.json.gz", "diff testdata/before.json.gz PIPE", "patterns PIPE",
		"patterns --patterns PIPE testdata/names.txt", "report --config PIPE testdata/before.json.gz",
		"profile --config PIPE " + url, "profile --patterns PIPE " + url, "check --cacert PIPE " + url,
		"check --cert PIPE --key PIPE " + url, "check --password-file PIPE " + url,
	} {
		for _, signal := range []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP} {
			cmd, _, stderr := reading(t, "", strings.Fields(args)...)
			if err := cmd.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait()
			if code := cmd.ProcessState.ExitCode(); code != exitInterrupted || !strings.HasPrefix(stderr.String(), "keyprof: error: interrupted while reading files\n") {
				t.Errorf("%s, %v: exit code %d, %s", args, signal, code, stderr)
			}
		}
	}
}

// Under nohup it goes on when the terminal hangs up.
func TestIgnoredHangupStaysIgnored(t *testing.T) {
	cmd, pipe, stderr := reading(t, "trap '' HUP; ", "patterns", "PIPE")
	if err := cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	if _, err := pipe.WriteString("user:1\nuser:2\n"); err != nil {
		t.Fatal(err)
	}
	pipe.Close()
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v, %s", err, stderr)
	}
}

// What cannot be printed is a failure, whatever it is.
func TestFullOutput(t *testing.T) {
	for _, args := range []string{
		"--help", "-h", "help", "help profile", "profile --help", "--version", "version", "man", "schema",
		"completion bash", "completion zsh", "completion fish", "report testdata/before.json.gz",
		"report --format json testdata/before.json.gz", "diff testdata/before.json.gz testdata/after.json.gz", "patterns testdata/names.txt",
	} {
		full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
		if err != nil {
			t.Skip(err)
		}
		var stderr bytes.Buffer
		code := run(context.Background(), append([]string{"keyprof"}, strings.Fields(args)...), os.Stdin, full, &stderr)
		full.Close()
		if code != exitFailed || !strings.Contains(stderr.String(), "no space left on device\nkeyprof: hint: ") {
			t.Errorf("%s: exit code %d, %s", args, code, &stderr)
		}
	}
}

// No file is read to its end that has none.
func TestEndlessFiles(t *testing.T) {
	const url = "redis://127.0.0.1:1"
	for args, want := range map[string]string{
		"report /dev/zero":                                  "not a keyprof profile",
		"diff testdata/before.json.gz /dev/zero":            "not a keyprof profile",
		"patterns /dev/zero":                                "name 1 is longer than",
		"patterns --patterns /dev/zero testdata/names.txt":  "more than 16777216 bytes",
		"report --config /dev/zero testdata/before.json.gz": "is too long",
		"check --cacert /dev/zero " + url:                   "has more than 8388608 bytes",
		"check --cert /dev/zero --key /dev/zero " + url:     "has more than 8388608 bytes",
		"check --cert /dev/null --key /dev/zero " + url:     "has more than 8388608 bytes",
		"check --password-file /dev/zero " + url:            "has more than 65536 bytes",
		"profile --password-file /dev/zero " + url:          "has more than 65536 bytes",
		"profile --patterns /dev/zero " + url:               "more than 16777216 bytes",
		"profile --config /dev/zero " + url:                 "is too long",
	} {
		var stdout, stderr bytes.Buffer
		code := run(context.Background(), append([]string{"keyprof"}, strings.Fields(args)...), os.Stdin, &stdout, &stderr)
		if (code != exitFailed && code != exitUsage) || !strings.Contains(stderr.String(), want) {
			t.Errorf("%s: exit code %d, %s", args, code, &stderr)
		}
	}
}
