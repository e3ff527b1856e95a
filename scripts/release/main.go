// Release cross builds keyprof for every platform it supports and packs each
// build into an archive, with a SHA256SUMS beside them. It is a Go program rather
// than a script so that it needs neither tar nor zip nor sha256sum, which differ
// or are missing here and there.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// platform is a pair of GOOS and GOARCH.
type platform struct{ os, arch string }

// platforms lists the platforms that keyprof is released for.
var platforms = []platform{
	{"linux", "amd64"},
	{"linux", "arm64"},
	{"darwin", "amd64"},
	{"darwin", "arm64"},
	{"windows", "amd64"},
	{"windows", "arm64"},
}

// options holds the flags.
type options struct {
	out     string // folder for the archives
	version string // built into the program, and part of the archives' names
	pkg     string // package to build
}

func main() {
	var o options
	flag.StringVar(&o.out, "out", "dist", "write to `DIR`")
	flag.StringVar(&o.version, "version", "devel", "build `VERSION` into the program")
	flag.StringVar(&o.pkg, "package", ".", "build `PACKAGE`")
	flag.Parse()
	if err := release(o); err != nil {
		fmt.Fprintf(os.Stderr, "release: error: %v\n", err)
		os.Exit(1)
	}
}

// printed lists files that the program prints itself, with the arguments for it.
var printed = []struct{ file, args string }{
	{"keyprof.1", "man"},
	{"keyprof.bash", "completion bash"},
	{"_keyprof", "completion zsh"},
	{"keyprof.fish", "completion fish"},
}

// printExtras writes the printed files to a folder, with a program for this machine.
func printExtras(o options, folder string) ([]string, error) {
	program := filepath.Join(folder, "program.exe") // which Windows asks for
	if err := compile(o, program, nil); err != nil {
		return nil, err
	}
	var paths []string
	for _, p := range printed {
		cmd := exec.Command(program, strings.Fields(p.args)...)
		cmd.Env = append(os.Environ(), fmt.Sprintf("SOURCE_DATE_EPOCH=%d", stamp().Unix()))
		cmd.Stderr = os.Stderr
		text, err := cmd.Output()
		if err != nil {
			return nil, fmt.Errorf("keyprof %s: %w", p.args, err)
		}
		path := filepath.Join(folder, p.file)
		if err := os.WriteFile(path, text, 0o644); err != nil {
			return nil, err
		}
		paths = append(paths, path)
	}
	return paths, nil
}

func release(o options) error {
	if err := os.MkdirAll(o.out, 0o755); err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "keyprof-release")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	extras, err := printExtras(o, folder)
	if err != nil {
		return err
	}
	var archives []string
	for _, p := range platforms {
		program, err := build(o, p)
		if err != nil {
			return fmt.Errorf("%s/%s: %w", p.os, p.arch, err)
		}
		fmt.Printf("built %s\n", program)
		archive, err := pack(p, program, extras)
		if err != nil {
			return err
		}
		archives = append(archives, archive)
	}
	return writeSums(filepath.Join(o.out, "SHA256SUMS"), archives)
}

// build compiles for one platform and returns the program's path, in a folder named like
// the archive.
func build(o options, p platform) (string, error) {
	folder := fmt.Sprintf("keyprof_%s_%s_%s", strings.ReplaceAll(o.version, "/", "-"), p.os, p.arch)
	program := filepath.Join(o.out, folder, "keyprof")
	if p.os == "windows" {
		program += ".exe"
	}
	return program, compile(o, program, []string{"GOOS=" + p.os, "GOARCH=" + p.arch})
}

// compile builds a program with additional environment variables.
func compile(o options, program string, environment []string) error {
	args := []string{"build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w -X main.version=" + o.version}
	cmd := exec.Command("go", append(args, "-o", program, o.pkg)...)
	cmd.Env = append(append(os.Environ(), "CGO_ENABLED=0"), environment...)
	cmd.Stderr = os.Stderr
	return cmd.Run()
}
