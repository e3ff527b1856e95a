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
	if !strings.Contains(text, `.TH KEYPROF 1 2026-09-21 "keyprof devel" "User Commands"`+"\n") {
		t.Errorf("it begins with %.80q", text)
	}
	sections := []string{"NAME", "SYNOPSIS", "DESCRIPTION", "COMMANDS", "EXIT STATUS", "ENVIRONMENT", "FILES", "EXAMPLES"}
	for _, topic := range topics() {
		sections = append(sections, strings.ToUpper(topic.name)+": "+topic.title)
	}
	last := -1
	for _, section := range append(sections, "SEE ALSO") {
		_, body, _ := strings.Cut(text, "\n.SH "+section+"\n")
		at := strings.Index(text, "\n.SH "+section+"\n")
		if at <= last || len(body) < 10 || strings.HasPrefix(strings.TrimSpace(body), ".SH") {
			t.Errorf("section %s is missing, empty or out of place", section)
		}
		last = at
	}
	for _, c := range shownCommands(newApp(nil, nil, nil)) {
		_, body, found := strings.Cut(text, "\n.SS "+c.Name)
		body, _, _ = strings.Cut(body, "\n.S")
		if !found || !strings.Contains(body, plainSigns.Replace(c.UsageText)) {
			t.Errorf("there is nothing about %s", c.Name)
		}
		for _, o := range options(c) {
			if o.names[0] != "--help" && !strings.Contains(body, "\\fB"+plainSigns.Replace(strings.Join(o.names, ", "))+"\\fP: ") {
				t.Errorf("%s: there is nothing about %s", c.Name, o.names[0])
			}
		}
	}
	for _, word := range []string{"130", "REDISCLI_AUTH", "KEYPROF_CONFIG", "NO_COLOR"} {
		if !strings.Contains(text, ".TP\n\\fB"+word+"\\fP\n") {
			t.Errorf("%s is not explained", word)
		}
	}
	known := []string{"br", "nh", "EX", "EE", "RS", "RE", "ti"}
	for _, m := range requests.FindAllStringSubmatch(text, -1) {
		if !slices.Contains(known, m[1]) {
			t.Errorf("text is taken for a request: %q", m[0])
		}
	}
}

var requests = regexp.MustCompile(`(?m)^['.]([a-z0-9]+).*$`)

// Formatters that are installed have nothing to complain about.
func TestManFormats(t *testing.T) {
	path, _ := manPage(t)
	for _, line := range []string{"mandoc -Tlint -W warning", "groff -k -man -ww -z -Tutf8"} {
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

// Text that users copy into a shell keeps the characters that a shell understands.
func TestManCanBeCopied(t *testing.T) {
	path, _ := manPage(t)
	if _, err := exec.LookPath("groff"); err != nil {
		t.Skip("groff is not installed")
	}
	out, err := exec.Command("groff", "-k", "-man", "-Tutf8", "-P-cbou", path).Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"keyprof report --fail-on 'high_idle_bytes >= 500MB' tonight.json.zst\n",
		"keyprof patterns --pattern-rule '^tenant:([^:]+):=tenant:$1:*' names.txt\n",
		"~ marks a change that may be noise",
	} {
		if !strings.Contains(string(out), want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}
