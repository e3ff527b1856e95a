package command

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
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

// No message repeats a password, wherever and however its URL was typed.
func TestMessagesHidePasswords(t *testing.T) {
	for _, url := range []string{
		"redis://prof:s3cret@h:1", ":s3cret@h:1", "prof:s3cret@h:1", "s3cret@h:1", ":x@s3cret@h:1", ":x/s3cret@h:1", ":x:s3cret@h", ":x#s3cret@h", "x s3cret:y@h",
		"redis:/prof:s3cret@h", "redis//prof:s3cret@h", "redis//s3cret@h", "reds://:s3cret@h", "redis://:s3cret%40h", ":s3%63ret@h", ":s3cret\"@h", ":s3cret\x1b@h", "redis://:s3cret@h:99999", ":s3cret@h/x",
	} {
		for _, args := range [][]string{
			{url},
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
			{"--url=" + url},
			{"-u", url},
			{"-u" + url},
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

// The list of processes does not show the password while keyprof walks.
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
	cmd.Args = []string{"keyprof", "profile", "prof:s3cret@" + fake.Addr()} // see TestMain
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
