package command

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"keyprof/scanner/redistest"
)

func TestOverwrite(t *testing.T) {
	for url, want := range map[string]string{
		"redis://prof:s3cret@host:1/0": "redis://***********@host:1/0",
		"redis://:s3c@ret@host":        "redis://********@host",
		"redis://host":                 "redis://host",
		"a@b://c":                      "*@b://c",
		"--max-load":                   "--max-load",
		":s3cret@host:1":               "*******@host:1",
		"s3cret@host":                  "******@host",
		"prof:s3:c/r@et@host":          "**************@host",
		"prof:s3://cret@host":          "**************@host",
		"--url=:s3cret@host":           "--url=*******@host",
		"--url=rediss://:s3cret@h":     "--url=rediss://*******@h",
		"-url=prof:s3cret@h":           "-url=***********@h",
		"redis:/prof:s3cret@h":         "******************@h",
		"redis//:s3cret@h":             "**************@h",
		"reds://:s3cret@h":             "**************@h",
		"REDIS://:s3cret@h":            "***************@h",
		"unix://:s3cret@/run/s":        "unix://*******@/run/s",
		"redis://:s3cret%40host":       "redis://*******%40host",
		"redis://:s3c%40ret@host":      "redis://**********@host",
		":s3 cret\n@host":              "*********@host",
	} {
		arg := strings.Clone(url)
		if start, end := passwordIn(arg); start < end {
			overwrite(arg, start, end)
		}
		if arg != want {
			t.Errorf("%s becomes %s, want %s", url, arg, want)
		}
	}
}

func TestSecretIn(t *testing.T) {
	for typed, want := range map[string]string{
		"profile -a s3cret h":           "profile -a ****** h",
		"--pass s3cret -a s3cret":       "--pass ****** -a ******",
		"check --pass=s3cret":           "check --pass=******",
		"check -a=redis://x:y@h":        "check -a=*************",
		"profile redis://:x@h --port 1": "profile redis://**@h --port 1",
		"profile -h h":                  "profile -h h",
	} {
		args := strings.Fields(strings.Clone(typed))
		var shown []string
		for i, arg := range args {
			start, end := secretIn(args, i)
			shown = append(shown, arg[:start]+strings.Repeat("*", end-start)+arg[end:])
		}
		if got := strings.Join(shown, " "); got != want {
			t.Errorf("%s is shown as %s, want %s", typed, got, want)
		}
	}
}

// No message repeats a password, wherever and however its URL was typed.
func TestMessagesHidePasswords(t *testing.T) {
	for _, url := range []string{
		"redis://prof:s3cret@h:1", ":s3cret@h:1", "prof:s3cret@h:1", "s3cret@h:1", ":x@s3cret@h:1", ":x/s3cret@h:1", ":x:s3cret@h", ":x#s3cret@h", "x s3cret:y@h",
		"redis:/prof:s3cret@h", "redis//prof:s3cret@h", "redis//s3cret@h", "reds://:s3cret@h", "redis://:s3cret%40h", ":s3%63ret@h", ":s3cret\"@h", ":s3cret\x1b@h", "redis://:s3cret@h:99999", ":s3cret@h/x",
	} {
		for _, args := range [][]string{
			{url, "--timeout", "x"},
			{"profile", url, "--port", "1"},
			{"profile", "--url", url, url},
			{"profile", "--url=" + url, "-p", "x"},
			{"profile", "--url=" + url, "--nosuch"},
			{"check", url, url},
			{"check", url, "--timeout", "x"},
			{"check", "--max-wait", "0s", url + "/y@"},
			{"check", "--port", url},
			{"check", "--ur", url},
			{"check", "--" + url},
			{"check", "--url" + url},
			{"report", url},
			{"diff", url, url},
			{"patterns", url},
			{"report", "--config", url, "x"},
			{"completion", url},
			{"help", url},
			{"version", url},
			{"--url=" + url, "--timeout", "x"},
			{"-u", url, "--timeout", "x"},
			{"-u" + url},
			{"check", "--nosuch", "-a", url},
			{"report", "-a", "s3cret", url},
			{"-as3cret", url},
			{"--pass=" + url, "--nosuch"},
			{"profile", "-as3cret"},
		} {
			var stdout, stderr bytes.Buffer
			code := run(context.Background(), append([]string{"keyprof"}, args...), os.Stdin, &stdout, &stderr)
			if text := stdout.String() + stderr.String(); code == exitDone || strings.Contains(text, "s3cret") || strings.Contains(text, "s3%63ret") {
				t.Errorf("%q: exit code %d, %s", args, code, text)
			}
		}
	}
	t.Setenv("KEYPROF_URL", "prof:s3cret@h:x")
	var stderr bytes.Buffer
	if code := run(context.Background(), []string{"keyprof", "check"}, os.Stdin, &stderr, &stderr); code != exitUsage || strings.Contains(stderr.String(), "s3cret") {
		t.Errorf("exit code %d, %s", code, &stderr)
	}
}

// Names that hold an @ are shown as they are.
func TestMessagesShowNames(t *testing.T) {
	for want, args := range map[string][]string{
		"user:a@b":              {"report", "--fail-on", "keys > x in user:a@b", "testdata/before.json.gz"},
		"of \"^a:b@(.*=x\"":     {"patterns", "--pattern-rule", "^a:b@(.*=x", "testdata/names.txt"},
		"reading /x/a@b.json: ": {"report", "/x/a@b.json"},
	} {
		var stderr bytes.Buffer
		code := run(context.Background(), append([]string{"keyprof"}, args...), os.Stdin, io.Discard, &stderr)
		if code == exitDone || !strings.Contains(stderr.String(), want) {
			t.Errorf("%q: exit code %d, %s", args, code, &stderr)
		}
	}
}

// The list of processes does not show the password during a scan.
func TestProcessTitleHasNoPassword(t *testing.T) {
	fake := redistest.NewFake(t, redistest.FakeOptions{}, func([]string) string {
		time.Sleep(3 * time.Second)
		return redistest.Error("ERR later")
	})
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, self)
	cmd.Args = []string{"keyprof", "profile", "-a", "s3cret", "prof:s3cret@" + fake.Addr()} // see TestMain
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { stop(); _ = cmd.Wait() }()
	for range 100 {
		title, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", cmd.Process.Pid))
		if err == nil && bytes.Contains(title, []byte("***@")) && !bytes.Contains(title, []byte("s3cret")) {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Error("the command line of the process still has the password")
}

// A gentle scan lowers the priority of each of its threads; a scan at full speed does
// not.
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
		for _, sent := range []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP} {
			if signal.Ignored(sent) { // under nohup a child ignores it, too
				continue
			}
			cmd, _, stderr := reading(t, "", strings.Fields(args)...)
			if err := cmd.Process.Signal(sent); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait()
			if code := cmd.ProcessState.ExitCode(); code != exitInterrupted || !strings.HasPrefix(stderr.String(), "keyprof: error: interrupted while reading files\n") {
				t.Errorf("%s, %v: exit code %d, %s", args, sent, code, stderr)
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

// A report that cannot be printed is a failure, whatever the command.
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
		"check --cacert /dev/zero " + url:                   "is larger than 8388608 bytes",
		"check --cert /dev/zero --key /dev/zero " + url:     "is larger than 8388608 bytes",
		"check --cert /dev/null --key /dev/zero " + url:     "is larger than 8388608 bytes",
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
