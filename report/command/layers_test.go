package command

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Imports go one way: what may import what of ours. Test support is left out.
var layers = map[string][]string{
	"keyprof/scanner/info":      {},
	"keyprof/scanner/throttle":  {"keyprof/scanner/info"},
	"keyprof/scanner/sleep":     {},
	"keyprof/scanner":           {"keyprof/scanner/info", "keyprof/scanner/sleep", "keyprof/scanner/throttle"},
	"keyprof/sampler/packed":    {},
	"keyprof/sampler/pattern":   {},
	"keyprof/sampler/profile":   {"keyprof/scanner/info", "keyprof/sampler/packed", "keyprof/sampler/pattern"},
	"keyprof/sampler/estimate":  {"keyprof/scanner/info", "keyprof/sampler/packed", "keyprof/sampler/pattern", "keyprof/sampler/profile"},
	"keyprof/sampler/aggregate": {"keyprof/scanner/info", "keyprof/sampler/packed", "keyprof/sampler/pattern", "keyprof/sampler/profile", "keyprof/sampler/estimate"},
	"keyprof/sampler":           {"keyprof/scanner/info", "keyprof/scanner", "keyprof/scanner/sleep", "keyprof/scanner/throttle", "keyprof/sampler/packed", "keyprof/sampler/pattern", "keyprof/sampler/profile", "keyprof/sampler/estimate", "keyprof/sampler/aggregate"},
	"keyprof/report/unit":       {},
	"keyprof/report/history":    {"keyprof/scanner/info", "keyprof/sampler/packed", "keyprof/sampler/pattern", "keyprof/sampler/profile"},
	"keyprof/report/redact":     {"keyprof/scanner/info", "keyprof/report/unit", "keyprof/report/diff", "keyprof/report/alarm", "keyprof/sampler/packed", "keyprof/sampler/pattern", "keyprof/sampler/profile", "keyprof/sampler/estimate", "keyprof/sampler/aggregate"},
	"keyprof/report/diff":       {"keyprof/scanner/info", "keyprof/report/unit", "keyprof/sampler/packed", "keyprof/sampler/pattern", "keyprof/sampler/profile", "keyprof/sampler/estimate", "keyprof/sampler/aggregate"},
	"keyprof/report/alarm":      {"keyprof/scanner/info", "keyprof/report/unit", "keyprof/report/diff", "keyprof/sampler/packed", "keyprof/sampler/pattern", "keyprof/sampler/profile", "keyprof/sampler/estimate", "keyprof/sampler/aggregate"},
	"keyprof/report":            {"keyprof/scanner/info", "keyprof/report/unit", "keyprof/report/diff", "keyprof/sampler/packed", "keyprof/sampler/pattern", "keyprof/sampler/profile", "keyprof/sampler/estimate", "keyprof/sampler/aggregate"},
	"keyprof/report/prom":       {"keyprof/scanner/info", "keyprof/report", "keyprof/report/unit", "keyprof/report/diff", "keyprof/sampler/packed", "keyprof/sampler/pattern", "keyprof/sampler/profile", "keyprof/sampler/estimate", "keyprof/sampler/aggregate"},
}

// foreign are packages that a layer must not come to depend on.
var foreign = map[string][]string{
	"keyprof/scanner/info":      {"github.com/redis/go-redis", "github.com/urfave/cli"},
	"keyprof/scanner/throttle":  {"github.com/redis/go-redis", "github.com/urfave/cli"},
	"keyprof/scanner/sleep":     {"github.com/redis/go-redis", "github.com/urfave/cli"},
	"keyprof/scanner":           {"github.com/urfave/cli"},
	"keyprof/sampler/pattern":   {"github.com/redis/go-redis", "github.com/urfave/cli"},
	"keyprof/sampler/profile":   {"github.com/redis/go-redis", "github.com/urfave/cli"},
	"keyprof/sampler/estimate":  {"github.com/redis/go-redis", "github.com/urfave/cli"},
	"keyprof/sampler/aggregate": {"github.com/redis/go-redis", "github.com/urfave/cli"},
	"keyprof/sampler":           {"github.com/urfave/cli"},
	"keyprof/report/unit":       {"github.com/redis/go-redis", "github.com/urfave/cli"},
	"keyprof/report/history":    {"github.com/redis/go-redis", "github.com/urfave/cli"},
	"keyprof/report/redact":     {"github.com/redis/go-redis", "github.com/urfave/cli"},
	"keyprof/report/diff":       {"github.com/redis/go-redis", "github.com/urfave/cli"},
	"keyprof/report/alarm":      {"github.com/redis/go-redis", "github.com/urfave/cli"},
	"keyprof/report":            {"github.com/redis/go-redis", "github.com/urfave/cli"},
	"keyprof/report/prom":       {"github.com/redis/go-redis", "github.com/urfave/cli"},
}

func TestImportsGoOneWay(t *testing.T) {
	for layer, allowed := range layers {
		out, err := exec.Command("go", "list", "-deps", layer).Output()
		if err != nil {
			t.Fatal(err)
		}
		for dep := range strings.FieldsSeq(string(out)) {
			if strings.HasPrefix(dep, "keyprof") && dep != layer && !slices.Contains(allowed, dep) {
				t.Errorf("%s imports %s", layer, dep)
			}
			for _, prefix := range foreign[layer] {
				if strings.HasPrefix(dep, prefix) {
					t.Errorf("%s depends on %s", layer, dep)
				}
			}
		}
	}
}

// topLevel are the entries that the folder of the project may have.
var topLevel = []string{
	"main.go", "scanner", "sampler", "report", "scripts", "testdata", "go.mod", "go.sum", "Makefile", "README.md", "LICENSE", ".ci", ".gitignore",
}

// A file or package belongs below scanner, sampler or report; main.go only starts the
// command line.
func TestTopLevel(t *testing.T) {
	for _, name := range topEntries(t) {
		if !slices.Contains(topLevel, name) {
			t.Errorf("%s: the top level has no place for it", name)
		}
	}
	if files, err := filepath.Glob("*.go"); err != nil || !slices.Equal(files, []string{"main.go"}) {
		t.Errorf("Go files at the top level: %q (%v), want only main.go", files, err)
	}
	if n := strings.Count(mustRead(t, "main.go"), "\n"); n > 40 {
		t.Errorf("main.go has %d lines, want at most 40", n)
	}
}

// topEntries returns what the top level holds, without what git ignores.
func topEntries(t *testing.T) (names []string) {
	t.Helper()
	if out, err := exec.Command("git", "ls-files", "--cached", "--others", "--exclude-standard").Output(); err == nil {
		for path := range strings.Lines(string(out)) {
			name, _, _ := strings.Cut(strings.TrimSpace(path), "/")
			names = append(names, name)
		}
		return slices.Compact(names)
	}
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if name := e.Name(); name != ".git" && name != "bin" && name != "dist" {
			names = append(names, name)
		}
	}
	return names
}

// Commands do not use each other: what they share is in files of no command.
func TestCommandsAreApart(t *testing.T) {
	files, err := filepath.Glob("report/command/*.go")
	if err != nil {
		t.Fatal(err)
	}
	commands, declaredIn := map[string]*ast.File{}, map[string]string{}
	for _, path := range files {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(path), ".go")
		if file.Scope.Lookup(name+"Command") == nil {
			continue
		}
		commands[name] = file
		for object := range file.Scope.Objects {
			declaredIn[object] = name
		}
	}
	if len(commands) < 7 {
		t.Errorf("%d commands have a file of their name", len(commands))
	}
	for name, file := range commands {
		for _, used := range file.Unresolved {
			if other := declaredIn[used.Name]; other != "" {
				t.Errorf("%s.go uses %s of %s.go", name, used.Name, other)
			}
		}
	}
}
