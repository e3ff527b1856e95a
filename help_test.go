package main

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
		names = append(names, c.Name)
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
		_, codes, found := strings.Cut(help, "EXIT STATUS\n")
		if !found || !regexp.MustCompile(`(?m)^ +0 +\S[^\n]*\n +1 +\S[^\n]*\n +2 +\S`).MatchString(codes) {
			t.Errorf("%q --help has no EXIT STATUS", command)
		}
	}
}
