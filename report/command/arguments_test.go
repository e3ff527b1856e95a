package command

import (
	"context"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

func TestWithCommand(t *testing.T) {
	app := newApp(nil, nil, nil)
	for typed, want := range map[string]string{
		"":                              "",
		"profile x":                     "profile x",
		"diff redis://a":                "diff redis://a",
		"help":                          "help",
		"man":                           "man",
		"redis://h":                     "profile redis://h",
		"rediss://h/3 --top 5":          "profile rediss://h/3 --top 5",
		"10.0.0.7:6379":                 "profile 10.0.0.7:6379",
		"replica.internal:6379/3 -q":    "profile replica.internal:6379/3 -q",
		"[::1]:6379":                    "profile [::1]:6379",
		"-h db -p 1":                    "profile -h db -p 1",
		"-h":                            "-h",
		"-h -p 1":                       "-h -p 1",
		"-h profile":                    "profile --help",
		"--help":                        "--help",
		"--version":                     "--version",
		"-v":                            "-v",
		"-p 6380":                       "profile -p 6380",
		"--port=6380":                   "profile --port=6380",
		"-a x redis://h":                "profile -a x redis://h",
		"--max-load 10% h":              "profile --max-load 10% h",
		"--bigkeys":                     "profile --bigkeys",
		"-i 0.1":                        "profile -i 0.1",
		"--nosuch":                      "--nosuch",
		"localhost":                     "localhost",
		"prof:s3cret@h":                 "prof:s3cret@h",
		"testdata":                      "testdata",
		"prfile redis://h":              "prfile redis://h",
		"-aPASSWORD":                    "-aPASSWORD",
		"redis://user:x@h:1 -o p.json ": "profile redis://user:x@h:1 -o p.json",
	} {
		got, err := withCommand(app, append([]string{"keyprof"}, strings.Fields(typed)...))
		if err != nil || strings.Join(got[1:], " ") != want {
			t.Errorf("keyprof %s means %q (%v), want %q", typed, got[1:], err, want)
		}
	}
	if _, err := withCommand(app, []string{"keyprof", "testdata/before.json.gz"}); exitCode(err) != exitUsage || err.(*usageError).hint != "keyprof report testdata/before.json.gz prints a saved profile" {
		t.Errorf("of a file: %v", err)
	}
}

func TestFlagsFirst(t *testing.T) {
	app := newApp(nil, nil, nil)
	for typed, want := range map[string]string{
		"profile u --top 5":          "profile --top 5 -- u",
		"profile -h h -p 1":          "profile --host h -p 1 --",
		"profile -h":                 "profile --help",
		"profile u -h":               "profile --help",
		"profile -h -p 1":            "profile --help",
		"profile -h h --help":        "profile --help",
		"profile -- -h":              "profile -- -h",
		"report -h p.json":           "report --help",
		"check -u redis://h -a x":    "check -u redis://h -a x --",
		"diff a b --format json":     "diff --format json -- a b",
		"patterns -0 - --depth 1":    "patterns -0 --depth 1 -- -",
		"profile --quiet u --pass x": "profile --quiet --pass x -- u",
	} {
		got, err := flagsFirst(app, append([]string{"keyprof"}, strings.Fields(typed)...))
		if err != nil || strings.Join(got[1:], " ") != want {
			t.Errorf("%s becomes %q (%v), want %q", typed, got[1:], err, want)
		}
	}
}

// Flags that other programs have lead to what does the same.
func TestForeignFlags(t *testing.T) {
	for typed, want := range map[string]string{
		"profile -i 0.1":            "--rate KEYS",
		"profile --sleep 1":         "--rate KEYS",
		"check -i 0.1":              "--rate KEYS",
		"report -i 1 p":             "keyprof profile has --rate",
		"profile --pattern x:*":     "--match GLOB",
		"report --pattern x:* p":    "--under PREFIX",
		"profile --csv":             "write --format csv",
		"report --json p":           "write --format json",
		"check --csv":               "--format takes text, json",
		"schema --json":             "keyprof report --format json FILE",
		"diff --html a b":           "--format takes text, json, csv, markdown",
		"profile --limit 5":         "--sample N",
		"report --limit 5":          "--top N",
		"--bigkeys":                 "keyprof profile lists the largest keys",
		"profile --memkeys":         "keyprof profile lists the largest keys",
		"profile --watch redis://h": "keyprof help history",
	} {
		var stderr strings.Builder
		code := run(context.Background(), append([]string{"keyprof"}, strings.Fields(typed)...), os.Stdin, io.Discard, &stderr)
		_, hint, _ := strings.Cut(stderr.String(), "keyprof: hint: ")
		if code != exitUsage || !strings.Contains(hint, want) || !strings.Contains(stderr.String(), "unknown flag -") {
			t.Errorf("keyprof %s: exit code %d, %s", typed, code, &stderr)
		}
	}
	for _, name := range []string{"pattern", "csv", "json", "html", "limit", "bigkeys", "sleep", "watch", "i"} {
		for _, c := range newApp(nil, nil, nil).Commands {
			if f := flagNamed(c, name); (f == nil) != (foreignHint(c, name) != "") {
				t.Errorf("keyprof %s has --%s and a hint for it, or neither", c.Name, name)
			}
		}
	}
}

func flagNamed(c *cli.Command, name string) cli.Flag {
	for _, f := range c.Flags {
		for _, is := range f.Names() {
			if is == name {
				return f
			}
		}
	}
	return nil
}
