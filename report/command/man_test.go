package command

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// manPage is the page in a file of its own.
func manPage(t *testing.T) (path, text string) {
	t.Helper()
	t.Setenv("SOURCE_DATE_EPOCH", "1790000000")
	path, text = filepath.Join(t.TempDir(), "keyprof.1"), runHere(t, "man")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path, text
}

func TestManIsWhole(t *testing.T) {
	_, text := manPage(t)
	if !strings.HasPrefix(text, `.TH KEYPROF 1 2026-09-21 "keyprof devel" "User Commands"`+"\n") {
		t.Errorf("it begins with %.80q", text)
	}
	last := -1
	for _, section := range []string{"NAME", "SYNOPSIS", "DESCRIPTION", "COMMANDS", "EXIT STATUS", "ENVIRONMENT", "FILES", "EXAMPLES", "SEE ALSO"} {
		_, body, _ := strings.Cut(text, "\n.SH "+section+"\n")
		at := strings.Index(text, "\n.SH "+section+"\n")
		if at <= last || len(body) < 10 || strings.HasPrefix(body, ".SH") {
			t.Errorf("section %s is missing, empty or out of place", section)
		}
		last = at
	}
	for _, c := range shownCommands(newApp(nil, nil, nil)) {
		_, body, found := strings.Cut(text, "\n.SS \"keyprof "+c.Name+"\"\n")
		if !found {
			t.Errorf("there is nothing about %s", c.Name)
		}
		body, _, _ = strings.Cut(body, "\n.S")
		for _, key := range append(keysOf(c), "config")[:len(c.Flags)] {
			if !strings.Contains(body, ".TP\n\\fB\\-\\-"+roff(key)+"\\fR") {
				t.Errorf("%s: there is nothing about --%s", c.Name, key)
			}
		}
	}
	for _, word := range []string{"130", "REDISCLI_AUTH", "KEYPROF_CONFIG", "NO_COLOR"} {
		if !strings.Contains(text, ".TP\n\\fB"+word+"\\fR\n") {
			t.Errorf("%s is not explained", word)
		}
	}
	for _, m := range requests.FindAllStringSubmatch(text, -1) {
		if !slices.Contains([]string{"br", "nf", "fi", "nh"}, m[1]) {
			t.Errorf("text is taken for a request: %q", m[0])
		}
	}
}

var requests = regexp.MustCompile(`(?m)^['.]([a-z0-9]+).*$`)

// Formatters that are installed have nothing to complain about.
func TestManFormats(t *testing.T) {
	path, _ := manPage(t)
	for _, line := range []string{"mandoc -Tlint -W warning", "groff -man -ww -z -Tutf8"} {
		words := strings.Fields(line)
		if _, err := exec.LookPath(words[0]); err != nil {
			t.Logf("%s is not installed", words[0])
			continue
		}
		cmd := exec.Command(words[0], append(words[1:], path)...)
		var complaints strings.Builder
		cmd.Stderr = &complaints
		out, err := cmd.Output()
		if words[0] == "mandoc" { // complains on standard output
			complaints.Write(out)
		}
		if err != nil || complaints.Len() > 0 {
			t.Errorf("%s: %v\n%s", line, err, &complaints)
		}
	}
}

func TestRoff(t *testing.T) {
	for text, want := range map[string]string{
		"--db":            `\-\-db`,
		".json, a\n.b":    `\&.json, a` + "\n" + `\&.b`,
		"'^a\\.b~' `x`":   `\(aq\(haa\e.b\(ti\(aq \(gax\(ga`,
		"a sentence. And": "a sentence. And",
	} {
		if got := roff(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}
