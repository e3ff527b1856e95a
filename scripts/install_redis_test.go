// Package scripts holds no code, only tests of the shell scripts beside it.
package scripts

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// box is a PATH on which nothing is what it seems: whatever would change the
// machine only writes its arguments to a log.
type box struct {
	t   *testing.T
	dir string
}

func newBox(t *testing.T) *box {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("needs a POSIX shell")
	}
	b := &box{t: t, dir: t.TempDir()}
	b.add("id", "echo 1000")
	b.link("touch", "chmod") // what the stubs themselves need
	return b
}

// link puts the machine's own programs on the PATH.
func (b *box) link(tools ...string) {
	b.t.Helper()
	for _, tool := range tools {
		path, err := exec.LookPath(tool)
		if err != nil {
			b.t.Fatal(err)
		}
		if err := os.Symlink(path, filepath.Join(b.dir, tool)); err != nil {
			b.t.Fatal(err)
		}
	}
}

// add puts a program on the PATH.
func (b *box) add(name, script string) {
	b.t.Helper()
	text := "#!/bin/sh\n" + script + "\n"
	if err := os.WriteFile(filepath.Join(b.dir, name), []byte(text), 0o755); err != nil {
		b.t.Fatal(err)
	}
}

// installer logs its call and, if it says "install" or "add", makes the programs
// that the packages would bring.
func (b *box) installer(name string) {
	b.t.Helper()
	b.add(name, `echo "`+name+` $*" >>"`+b.dir+`/log"
case "$*" in
*redis-server*|*install*redis*|*add*redis*) for p in redis-server redis-cli; do touch "`+b.dir+`/$p"; chmod 755 "`+b.dir+`/$p"; done ;;
esac
case "$*" in *stunnel*) touch "`+b.dir+`/stunnel"; chmod 755 "`+b.dir+`/stunnel" ;; esac`)
}

// run executes install-redis and returns what it printed and what it called.
func (b *box) run(args ...string) (output, calls string, err error) {
	b.t.Helper()
	cmd := exec.Command("/bin/sh", append([]string{"install-redis"}, args...)...)
	cmd.Env = []string{"PATH=" + b.dir}
	out, err := cmd.CombinedOutput()
	return string(out), b.calls(), err
}

// calls returns what the programs that only log their arguments were called with.
func (b *box) calls() string {
	b.t.Helper()
	log, err := os.ReadFile(filepath.Join(b.dir, "log"))
	if err != nil && !os.IsNotExist(err) {
		b.t.Fatal(err)
	}
	return string(log)
}

func TestInstallRedisByEachPackageManager(t *testing.T) {
	for _, c := range []struct{ manager, runner, want string }{
		{"apt-get", "sudo", "apt-get install -y -qq --no-install-recommends redis-server stunnel4"},
		{"dnf", "sudo", "dnf install -y -q stunnel"},
		{"apk", "sudo", "apk add --quiet --no-cache redis"},
		{"brew", "brew", "brew install --quiet redis"},
	} {
		b := newBox(t)
		b.installer(c.runner)
		if c.runner != c.manager {
			b.add(c.manager, "echo never called directly; exit 1")
		}
		out, calls, err := b.run("--with-stunnel")
		if err != nil || !strings.Contains(calls, c.want) {
			t.Errorf("%s: %v\n%s%s", c.manager, err, out, calls)
		}
		if c.runner == "sudo" && !strings.Contains(calls, "sudo -n") {
			t.Errorf("%s: sudo might ask for a password:\n%s", c.manager, calls)
		}
	}
}

func TestInstallRedisIsQuietWhenNothingIsMissing(t *testing.T) {
	b := newBox(t)
	for _, name := range []string{"redis-server", "redis-cli", "stunnel4"} {
		b.add(name, "exit 1")
	}
	b.installer("sudo")
	b.installer("apt-get")
	out, calls, err := b.run("--with-stunnel")
	if err != nil || out != "" || calls != "" {
		t.Errorf("%v: %q, %q", err, out, calls)
	}
}

func TestInstallRedisSaysWhatToDoByHand(t *testing.T) {
	b := newBox(t)
	out, _, err := b.run()
	if err == nil || !strings.Contains(out, "by hand") || strings.Contains(out, "stunnel") {
		t.Errorf("without a package manager: %v: %s", err, out)
	}
	b.installer("apt-get")
	out, calls, err := b.run("--with-stunnel")
	if err == nil || !strings.Contains(out, "no sudo") || !strings.Contains(out, "stunnel") || calls != "" {
		t.Errorf("without sudo: %v: %s%s", err, out, calls)
	}
	b.add("sudo", "echo a password is required >&2; exit 1")
	out, _, err = b.run()
	if err == nil || !strings.Contains(out, "package manager failed") {
		t.Errorf("without the password: %v: %s", err, out)
	}
}

func TestInstallRedisUsage(t *testing.T) {
	out, _, err := newBox(t).run("--help")
	if err == nil || !strings.Contains(out, "usage:") {
		t.Errorf("%v: %s", err, out)
	}
}
