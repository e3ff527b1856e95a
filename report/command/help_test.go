package command

import (
	"bytes"
	"context"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

// runHere runs keyprof in this process.
func runHere(t *testing.T, args ...string) (stdout string) {
	t.Helper()
	var out, problems bytes.Buffer
	code := run(context.Background(), append([]string{"keyprof"}, args...), strings.NewReader(""), &out, &problems)
	if code != exitDone || problems.Len() > 0 {
		t.Fatalf("keyprof %s: exit code %d, %s", strings.Join(args, " "), code, &problems)
	}
	return out.String()
}

// allCommands are the commands of ours, those that do not show as well.
func allCommands() []string {
	var names []string
	for _, c := range newApp(nil, nil, nil).Commands {
		if c.Name != "help" { // its --help is that of the program
			names = append(names, c.Name)
		}
	}
	return names
}

// Every --help fits on two screens, and has a usage line, examples of the command and
// its exit codes.
func TestHelpIsShort(t *testing.T) {
	helps := map[string]string{"": runHere(t, "--help")}
	for _, command := range allCommands() {
		helps[command] = runHere(t, command, "--help")
	}
	for command, help := range helps {
		if n := strings.Count(help, "\n"); n > 96 {
			t.Errorf("%q --help has %d lines, want at most two screens of 48", command, n)
		}
		for line := range strings.Lines(help) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 80 {
				t.Errorf("%q --help has a line of %d columns: %s", command, n, line)
			}
		}
		examples := examplesOf(help)
		if n := len(examples); n == 0 || n > 5 || !strings.Contains(strings.Join(examples, "\n"), strings.TrimSpace("keyprof "+command)) {
			t.Errorf("%q --help has the examples %q", command, examples)
		}
		for _, want := range []string{"\nUsage: keyprof ", "\nExit codes:"} {
			if !strings.Contains(help, want) {
				t.Errorf("%q --help lacks %q", command, want)
			}
		}
	}
}

// Every flag has its line, and those of the connection come first.
func TestHelpHasEveryFlag(t *testing.T) {
	for _, c := range newApp(nil, nil, nil).Commands {
		if c.Name == "help" {
			continue
		}
		help := runHere(t, c.Name, "--help")
		for _, f := range c.Flags {
			if !strings.Contains(help, "\n  --"+f.Names()[0]) {
				t.Errorf("keyprof %s --help lacks --%s", c.Name, f.Names()[0])
			}
		}
		first := regexp.MustCompile(`(?m)\n\n([A-Z]\w+):\n  --`).FindStringSubmatch(help)
		if connects := findFlag(c, "host") != nil; connects && (first == nil || first[1] != "Connection") {
			t.Errorf("the flags of keyprof %s --help begin with %q", c.Name, first)
		}
	}
}

// Each topic is named by the --help of a command, and what that names is a topic.
func TestHelpLeadsToTopics(t *testing.T) {
	named := map[string]bool{}
	for command, names := range topicsOf {
		for name := range strings.SplitSeq(names, ", ") {
			named[name] = true
			if _, found := findTopic(name); !found {
				t.Errorf("keyprof %s --help leads to %q, which is no topic", command, name)
			}
		}
	}
	for _, topic := range topics() {
		if !named[topic.name] {
			t.Errorf("no --help leads to the topic %s", topic.name)
		}
	}
}

// The help states the default of a flag in plain words, and omits it if it is empty.
func TestHelpTellsDefaults(t *testing.T) {
	help := runHere(t, "profile", "--help") + runHere(t, "patterns", "--help")
	unwrapped := strings.Join(strings.Fields(help), " ")
	for _, want := range []string{
		"(default all)", "(default 4096)", "(default text)", "--pattern-rule REGEX=NAME ", "[$KEYPROF_CONFIG]",
	} {
		if !strings.Contains(unwrapped, want) {
			t.Errorf("--help lacks %q", want)
		}
	}
	if m := regexp.MustCompile(`\(default (0|false|"[^\n]*)\)`).FindString(help); m != "" {
		t.Errorf("--help has %q", m)
	}
}
