package scripts

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// stub is a program that replaces keyprof. It writes its arguments to a file, a line
// each, with the relevant part of its environment. Then it follows its instructions.
type stub struct {
	t   *testing.T
	dir string
	env []string
}

func newStub(t *testing.T, does string) *stub {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("needs a POSIX shell")
	}
	s := &stub{t: t, dir: t.TempDir()}
	s.write("keyprof", 0o755, `#!/bin/sh
printf '%s\n' "$@" >"`+s.dir+`/args"
printf '%s\n' "$KEYPROF_URL" >"`+s.dir+`/url"
`+does+"\n")
	s.write("secrets/password", 0o600, "s3cret\n")
	for _, path := range []string{"tmp", "history"} {
		if err := os.Mkdir(filepath.Join(s.dir, path), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	s.env = append(os.Environ(), "TMPDIR="+s.dir+"/tmp", "KEYPROF="+s.dir+"/keyprof",
		"KEYPROF_URL=redis://there", "LABEL=prod", "DIR="+s.dir+"/history", "SECRETS="+s.dir+"/secrets")
	return s
}

func (s *stub) write(name string, mode os.FileMode, text string) {
	s.t.Helper()
	path := filepath.Join(s.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		s.t.Fatal(err)
	}
}

func (s *stub) command(args ...string) *exec.Cmd {
	cmd := exec.Command("/bin/sh", append([]string{"nightly.sh"}, args...)...)
	cmd.Env = s.env
	return cmd
}

// run returns what the job printed, and its exit code.
func (s *stub) run(args ...string) (stdout, stderr string, code int) {
	s.t.Helper()
	cmd := s.command(args...)
	var out, err strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &err
	if failed := cmd.Run(); cmd.ProcessState == nil {
		s.t.Fatal(failed)
	}
	s.leavesNothing()
	return out.String(), err.String(), cmd.ProcessState.ExitCode()
}

func (s *stub) leavesNothing() {
	s.t.Helper()
	if left, err := os.ReadDir(s.dir + "/tmp"); err != nil || len(left) > 0 {
		s.t.Errorf("left behind: %v, %v", left, err)
	}
}

// args are those of the last call.
func (s *stub) args() []string {
	s.t.Helper()
	text, err := os.ReadFile(s.dir + "/args")
	if err != nil {
		s.t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
}

func TestNightlyCommandLine(t *testing.T) {
	s := newStub(t, "echo a report nobody asked for")
	stdout, stderr, code := s.run()
	if stdout != "" || stderr != "" || code != 0 {
		t.Errorf("not silent: %q, %q, exit code %d", stdout, stderr, code)
	}
	want := []string{"profile", "--save-dir", s.dir + "/history", "--label", "prod", "--keep", "90", "--diff", "--password-file", s.dir + "/secrets/password"}
	if got := s.args(); !slices.Equal(got, want) {
		t.Errorf("called with\n%q, want\n%q", got, want)
	}
	s.write("nightly.conf", 0o600, `LABEL=other
KEEP=7
PROM_FILE='a b.prom'
KEYPROF_URL=redis://elsewhere
FAIL_ON='
  bytes_growth > 20%
# largest > 1GB

keys > 5 in $HOME\*`+"`id`"+`'
`)
	if err := os.Remove(s.dir + "/secrets/password"); err != nil {
		t.Fatal(err)
	}
	s.run(s.dir + "/nightly.conf")
	want = []string{
		"profile", "--save-dir", s.dir + "/history", "--label", "other", "--keep", "7", "--diff", "--prom-file", "a b.prom",
		"--fail-on", "bytes_growth > 20%", "--fail-on", "keys > 5 in $HOME\\*`id`",
	}
	if got := s.args(); !slices.Equal(got, want) {
		t.Errorf("called with\n%q, want\n%q", got, want)
	}
	if url, err := os.ReadFile(s.dir + "/url"); err != nil || string(url) != "redis://elsewhere\n" {
		t.Errorf("the server is %q, %v", url, err)
	}
}

func TestNightlyCredentialsOfSystemd(t *testing.T) {
	s := newStub(t, "")
	s.write("credentials/password", 0o600, "s3cret\n")
	s.env = append(s.env, "CREDENTIALS_DIRECTORY="+s.dir+"/credentials")
	s.run()
	if got := s.args(); got[len(got)-1] != s.dir+"/credentials/password" {
		t.Errorf("called with %q", got)
	}
}

func TestNightlyDryRun(t *testing.T) {
	s := newStub(t, "echo it would take a minute; exit 4")
	stdout, stderr, code := s.run("-n")
	if stdout != "it would take a minute\n" || stderr != "" || code != 4 {
		t.Errorf("%q, %q, exit code %d", stdout, stderr, code)
	}
	if got, want := s.args(), []string{"check", "--password-file", s.dir + "/secrets/password"}; !slices.Equal(got, want) {
		t.Errorf("called with %q, want %q", got, want)
	}
}

// The job passes on keyprof's messages, and prints changes only for an alarm.
func TestNightlyExitCodes(t *testing.T) {
	for _, code := range []int{1, 2, 4, 5, 130} {
		s := newStub(t, fmt.Sprintf("echo keyprof: error: this >&2; seq 1 60; exit %d", code))
		stdout, stderr, got := s.run()
		if got != code || stderr != "keyprof: error: this\n" {
			t.Errorf("exit code %d, want %d: %q", got, code, stderr)
		}
		lines := strings.Count(stdout, "\n")
		if want := map[int]int{5: 41}[code]; lines != want {
			t.Errorf("exit code %d: %d lines of changes, want %d", code, lines, want)
		}
		if code == 5 && !strings.Contains(stdout, "all of it: keyprof diff --save-dir ") {
			t.Errorf("how to see the rest is not told: %q", stdout)
		}
	}
}

func TestNightlySettingsThatAreWrong(t *testing.T) {
	for _, c := range []struct {
		set, want string
		args      []string
	}{
		{"LABEL=", "LABEL is not set", nil},
		{"DIR=", "DIR is not set", nil},
		{"KEYPROF_URL=", "KEYPROF_URL is not set", nil},
		{"KEYPROF=/no/such/keyprof", "/no/such/keyprof is not there", nil},
		{"", "no-such.conf cannot be read", []string{"no-such.conf"}},
		{"", "unknown option --dry-run", []string{"--dry-run"}},
		{"", "more than one file", []string{"a", "b"}},
		{"STUNNEL_CONF=/no/such.conf", "/no/such.conf", nil},
		{"STUNNEL_CONF=/dev/null", "foreground = yes", nil},
	} {
		s := newStub(t, "")
		s.env = append(s.env, c.set)
		stdout, stderr, code := s.run(c.args...)
		if code != 2 && code != 1 || stdout != "" || !strings.Contains(stderr, "nightly: error: ") || !strings.Contains(stderr, c.want) || !strings.Contains(stderr, "nightly: hint: ") {
			t.Errorf("%s %q: exit code %d, %q, %q", c.set, c.args, code, stdout, stderr)
		}
		if _, err := os.Stat(s.dir + "/args"); err == nil {
			t.Errorf("%s %q: keyprof was called", c.set, c.args)
		}
	}
}

// keyprof hears one signal, saves what it has, and the job ends as it does.
func TestNightlyPassesSignalOn(t *testing.T) {
	s := newStub(t, `trap 'echo TERM >>"$DIR/signals"' TERM
echo ready >"$DIR/ready"
for i in 1 2 3 4 5 6 7 8 9 10; do sleep 0.1; done
exit 130`)
	cmd := s.command()
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for range 100 {
		if _, err := os.Stat(s.dir + "/history/ready"); err == nil {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	cmd.Process.Signal(syscall.SIGTERM)
	cmd.Wait()
	signals, err := os.ReadFile(s.dir + "/history/signals")
	if err != nil || string(signals) != "TERM\n" {
		t.Errorf("keyprof heard %q, %v", signals, err)
	}
	if code := cmd.ProcessState.ExitCode(); code != 130 || out.Len() > 0 {
		t.Errorf("exit code %d, %s", code, out.String())
	}
	s.leavesNothing()
}

func readKit(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("nightly", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// find returns the first group of each match.
func find(text, expression string) []string {
	var found []string
	for _, m := range regexp.MustCompile(expression).FindAllStringSubmatch(text, -1) {
		found = append(found, m[1])
	}
	return found
}

func TestNightlyScriptIsCleanShell(t *testing.T) {
	for _, command := range [][]string{{"sh", "-n"}, {"dash", "-n"}, {"bash", "-n"}, {"bash", "--posix", "-n"}, {"busybox", "sh", "-n"}, {"shellcheck"}} {
		if _, err := exec.LookPath(command[0]); err != nil {
			t.Logf("no %s here", command[0])
			continue
		}
		if out, err := exec.Command(command[0], append(command[1:], "nightly.sh")...).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", command, err, out)
		}
	}
}

// Every setting of nightly.conf is one that nightly.sh reads, and the other way
// round.
func TestNightlySettingsAreExplained(t *testing.T) {
	script, err := os.ReadFile("nightly.sh")
	if err != nil {
		t.Fatal(err)
	}
	conf := readKit(t, "nightly.conf")
	settings := find(conf, `(?m)^#?([A-Z_]+)=`)
	for _, name := range settings {
		if !strings.Contains(string(script), "${"+name) {
			t.Errorf("nightly.conf sets %s, which nightly.sh does not read", name)
		}
	}
	for _, name := range find(string(script), `\$\{([A-Z_]+)[-:]`) {
		if name != "CREDENTIALS_DIRECTORY" && !slices.Contains(settings, name) {
			t.Errorf("nightly.conf does not explain %s", name)
		}
	}
}

// The parts of the kit name the same port and the same files.
func TestNightlyKitFitsTogether(t *testing.T) {
	conf, tunnel, service := readKit(t, "nightly.conf"), readKit(t, "stunnel.conf"), readKit(t, "keyprof.service")
	port := find(tunnel, `(?m)^accept = (127\.0\.0\.1:\d+)$`)
	if len(port) != 1 || !strings.Contains(conf, "\nKEYPROF_URL=redis://"+port[0]+"\n") {
		t.Errorf("stunnel.conf accepts at %q, and nightly.conf does not go there", port)
	}
	secrets := append(find(tunnel, `(?m)^(?:CAfile|cert|key) = (.+)$`), "password")
	loaded := find(service, `(?m)^LoadCredential=([^:]+):/etc/keyprof/secrets/`)
	slices.Sort(secrets)
	slices.Sort(loaded)
	if !slices.Equal(secrets, loaded) {
		t.Errorf("needed: %q, loaded: %q", secrets, loaded)
	}
	if regexp.MustCompile(`(?m)^verify *=`).MatchString(tunnel) || !strings.Contains(tunnel, "\nverifyChain = yes\ncheckHost = ") {
		t.Error("stunnel.conf does not verify as it should")
	}
	job := find(service, `(?m)^ExecStart=(.+)$`)
	if len(job) != 1 || !strings.HasPrefix(readKit(t, "keyprof.crontab"), "#") || !strings.HasSuffix(readKit(t, "keyprof.crontab"), " "+job[0]+"\n") {
		t.Errorf("cron and systemd do not run the same: %q", job)
	}
}

func TestNightlyCrontab(t *testing.T) {
	entries := find(readKit(t, "keyprof.crontab"), `(?m)^([\d*].*)$`)
	if len(entries) != 1 {
		t.Fatalf("entries: %q", entries)
	}
	fields := strings.Fields(entries[0])
	for i, most := range []int{59, 23} {
		var n int
		if _, err := fmt.Sscan(fields[i], &n); err != nil || n < 0 || n > most {
			t.Errorf("field %d: %q", i+1, fields[i])
		}
	}
	if len(fields) != 8 || strings.Join(fields[2:6], " ") != "* * * keyprof" {
		t.Errorf("fields: %q", fields)
	}
	if strings.Contains(entries[0], "%") {
		t.Error("cron takes % for a line break")
	}
}

func TestNightlySystemdUnits(t *testing.T) {
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skip("no systemd-analyze here")
	}
	dir := t.TempDir()
	for _, name := range []string{"keyprof.service", "keyprof.timer"} {
		// The program need not be installed here.
		text := strings.ReplaceAll(readKit(t, name), "ExecStart=/usr/local/lib/keyprof/nightly.sh", "ExecStart=/bin/true")
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	// It only warns of what it does not know, and exits with 0.
	if out, err := exec.Command("systemd-analyze", "verify", "--man=no", dir+"/keyprof.timer", dir+"/keyprof.service").CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
	if out, err := exec.Command("systemd-analyze", "security", "--offline=true", "--threshold=20", dir+"/keyprof.service").CombinedOutput(); err != nil {
		t.Errorf("exposure of 2.0 or more: %v\n%s", err, out)
	}
	when := find(readKit(t, "keyprof.timer"), `(?m)^OnCalendar=(.+)$`)
	if out, err := exec.Command("systemd-analyze", append([]string{"calendar"}, when...)...).CombinedOutput(); err != nil || len(when) != 1 {
		t.Errorf("OnCalendar=%q: %v\n%s", when, err, out)
	}
}

// A condition that holds for thousands of namespaces makes no mail of thousands of
// lines; errors are told in any case.
func TestNightlyTellsFewAlarms(t *testing.T) {
	s := newStub(t, `for i in $(seq 1000); do echo "keyprof: fail-on: keys > 0 in *: ns$i: 5 (db0)" >&2; done
for i in $(seq 41); do echo "keyprof: warning: passing over $i" >&2; done
echo "keyprof: error: saving the profile: no space" >&2
echo "keyprof: hint: free some" >&2
exit 5`)
	_, stderr, code := s.run()
	if code != 5 {
		t.Errorf("exit code %d", code)
	}
	lines := strings.Split(strings.TrimSuffix(stderr, "\n"), "\n")
	for want, times := range map[string]int{
		"^keyprof: fail-on: keys > 0 in ": 40, "^keyprof: fail-on: and 960 more$": 1,
		"^keyprof: warning: passing over ": 40, "^keyprof: warning: and 1 more$": 1,
		"^keyprof: error: saving": 1, "^keyprof: hint: free": 1, ": ns40: ": 1, ": ns41: ": 0,
	} {
		if got := len(regexp.MustCompile("(?m)"+want).FindAllString(stderr, -1)); got != times {
			t.Errorf("%d lines of %s, want %d", got, want, times)
		}
	}
	if len(lines) != 84 {
		t.Errorf("%d lines", len(lines))
	}
}
