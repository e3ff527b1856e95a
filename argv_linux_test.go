package main

import (
	"bytes"
	"context"
	"fmt"
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
		"a@b://c":                      "a@b://c",
		"--max-load":                   "--max-load",
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

// The list of processes does not show the password while keyprof walks.
func TestProcessTitleHasNoPassword(t *testing.T) {
	fake := redistest.NewFake(t, redistest.FakeOptions{}, func([]string) string {
		time.Sleep(3 * time.Second)
		return redistest.Error("ERR later")
	})
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Args = []string{"keyprof", "profile", "redis://prof:s3cret@" + fake.Addr()} // see TestMain
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { stop(); _ = cmd.Wait() }()
	for range 100 {
		title, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", cmd.Process.Pid))
		if err == nil && bytes.Contains(title, []byte("redis://***")) && !bytes.Contains(title, []byte("s3cret")) {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Error("the command line of the process still has the password")
}
