package command

import (
	"bytes"
	"context"
	"regexp"
	"strings"
	"testing"
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

// Every --help has examples that are of this command, and its exit codes.
func TestHelpIsWhole(t *testing.T) {
	helps := map[string]string{"": runHere(t, "--help")}
	for _, command := range allCommands() {
		helps[command] = runHere(t, command, "--help")
	}
	for command, help := range helps {
		_, examples, found := strings.Cut(help, "EXAMPLES\n")
		examples, _, _ = strings.Cut(examples, "\n\n")
		if !found || !strings.Contains(examples, strings.TrimSpace("keyprof "+command)) {
			t.Errorf("%q --help has no EXAMPLES of it", command)
		}
		for line := range strings.Lines(help) {
			if n := len(strings.TrimSuffix(line, "\n")); n > 100 {
				t.Errorf("%q --help has a line of %d columns: %s", command, n, line)
			}
		}
		_, codes, found := strings.Cut(help, "EXIT STATUS\n")
		if !found || !regexp.MustCompile(`(?m)^ +0 +\S[^\n]*\n +1 +\S[^\n]*\n +2 +\S`).MatchString(codes) {
			t.Errorf("%q --help has no EXIT STATUS", command)
		}
	}
}

// What a flag is when it is not given is told in plain words, and not if it is
// nothing.
func TestHelpTellsDefaults(t *testing.T) {
	help := runHere(t, "profile", "--help") + runHere(t, "patterns", "--help")
	unwrapped := strings.Join(strings.Fields(help), " ")
	for _, want := range []string{
		"(default: all)", "(default: 4096)", "(default: text)", "--pattern-rule REGEX=NAME ", "parts between delimiters", "[$KEYPROF_CONFIG]",
	} {
		if !strings.Contains(unwrapped, want) {
			t.Errorf("--help lacks %q", want)
		}
	}
	if m := regexp.MustCompile(`\(default: (0|false|"[^\n]*)\)`).FindString(help); m != "" {
		t.Errorf("--help has %q", m)
	}
}
