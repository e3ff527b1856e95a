package scripts

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// debian is a box in which scripts/servers finds apt, sources and a cache of its own.
type debian struct {
	*box
	etc, cache string
}

// Stubs of apt and dpkg-deb: apt-get logs the sources that it would ask, finds
// nothing in suites whose name begins with "s", and downloads empty packages, which
// unpack to a server that tells its version and a loader that runs it.
const (
	aptGet = `for last; do :; done
case "$*" in
*update*)
	read -r sources <<END
$(sed -n 's/^Dir::Etc::sourcelist //p' "$2" | tr -d '";')
END
	cat $sources >>"$0.log"
	if grep -q 'Suites: s\| s[a-z]* main' $sources; then echo "E: no such suite"; exit 100; fi ;;
*download*) while [ "$1" != download ]; do shift; done; shift; echo "$*" >>"$0.log"; for p; do : >"$p.deb"; done ;;
esac`
	aptCache = `cat <<END
redis-tools
  Depends: adduser
  Depends: libc6
 |Depends: libssl
adduser
  Depends: libpam
libc6
  PreDepends: libgcc
libssl
libgcc
libpam
END`
	dpkgDeb = `mkdir -p "$3/usr/bin" "$3/usr/lib/x-linux-gnu"
printf '#!/bin/sh\nshift 3\nexec "$@"\n' >"$3/usr/lib/x-linux-gnu/ld-linux-x.so.2"
printf '#!/bin/sh\necho "Redis server v=8.0.2 sha=0 ${0##*/} $1"\n' >"$3/usr/bin/redis-check-rdb"
chmod 755 "$3"/usr/bin/* "$3"/usr/lib/*/*`
)

func newDebian(t *testing.T) *debian {
	t.Helper()
	d := &debian{box: newBox(t), etc: t.TempDir(), cache: t.TempDir()}
	d.link("awk", "sed", "grep", "mktemp", "rm", "mkdir", "ln", "mv", "cat", "cut", "tr", "head", "basename", "sh")
	d.add("apt-get", aptGet)
	d.add("apt-cache", aptCache)
	d.add("dpkg-deb", dpkgDeb)
	d.write("os-release", "PRETTY_NAME=\"Debian\"\nID=debian\nVERSION_CODENAME=bookworm\n")
	d.write("apt/sources.list", `# deb http://old.test/debian bookworm main
deb [ arch=amd64 signed-by=/keys/one.gpg ] http://one.test/debian bookworm main contrib # ours
deb http://security.test/debian bookworm-security main
deb http://program.test/apt bookworm stable
deb-src http://one.test/debian bookworm main
`)
	d.write("apt/sources.list.d/two.sources", `# a comment
Types: deb deb-src
URIs: http://two.test/debian
Suites: bookworm bookworm-updates
Components: main non-free
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 two

Types: deb
URIs: http://off.test/debian
Suites: bookworm
Components: main
Enabled: no
`)
	return d
}

func (d *debian) write(name, text string) {
	d.t.Helper()
	path := filepath.Join(d.etc, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		d.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		d.t.Fatal(err)
	}
}

// servers runs scripts/servers and returns what it printed and its exit code.
func (d *debian) servers(args ...string) (stdout, stderr string, code int) {
	d.t.Helper()
	var out, problems strings.Builder
	cmd := exec.Command("/bin/sh", append([]string{"servers"}, args...)...)
	cmd.Env = []string{"PATH=" + d.dir, "HOME=/nowhere", "XDG_CACHE_HOME=" + d.cache, "SERVERS_ETC=" + d.etc, "TMPDIR=" + d.t.TempDir()}
	cmd.Stdout, cmd.Stderr = &out, &problems
	var exit *exec.ExitError
	if err := cmd.Run(); errors.As(err, &exit) {
		code = exit.ExitCode()
	} else if err != nil {
		d.t.Fatal(err)
	}
	return out.String(), problems.String(), code
}

// asked returns what apt-get was asked for.
func (d *debian) asked() string {
	log, _ := os.ReadFile(filepath.Join(d.dir, "apt-get.log")) // not there: nothing was
	return string(log)
}

func TestServersFetchesOnce(t *testing.T) {
	d := newDebian(t)
	folder := filepath.Join(d.cache, "keyprof", "servers", "redis-8.0.2")
	want := "redis-8.0.2 8.0.2 " + filepath.Join(folder, "bin", "redis-server") + "\n"
	out, problems, code := d.servers("trixie/redis")
	if out != want || code != 0 || problems != "servers: fetching trixie/redis\n" {
		t.Fatalf("exit code %d, %q\n%s", code, out, problems)
	}
	for role, name := range map[string]string{"redis-server": "redis-server --x", "redis-sentinel": "redis-sentinel --x"} {
		said, err := exec.Command(filepath.Join(folder, "bin", role), "--x").Output()
		if err != nil || !strings.HasSuffix(string(said), name+"\n") {
			t.Errorf("%s: %v, %q", role, err, said)
		}
	}
	asked := d.asked()
	if again, problems, code := d.servers("trixie/redis"); again != want || code != 0 || problems != "" || d.asked() != asked {
		t.Errorf("a second run: exit code %d, %q\n%s%s", code, again, problems, d.asked())
	}
}

// Another suite takes the place of this machine's in its sources of Debian, with
// their options and keys; the libraries that a server loads come along.
func TestServersAsksTheMachinesSources(t *testing.T) {
	d := newDebian(t)
	_, problems, _ := d.servers("sid/redis")
	want := `deb [ arch=amd64 signed-by=/keys/one.gpg ] http://one.test/debian sid main

Types: deb
URIs: http://two.test/debian
Suites: sid
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 two

`
	if got := d.asked(); got != want {
		t.Errorf("sources:\n%s\nwant:\n%s%s", got, want, problems)
	}
	d = newDebian(t)
	d.servers("trixie-backports/redict")
	if got := d.asked(); !strings.Contains(got, "debian trixie main\n\ndeb [") || !strings.Contains(got, "debian trixie-backports main\n") {
		t.Errorf("backports:\n%s", got)
	}
	d = newDebian(t)
	d.servers("trixie/redis")
	if got := d.asked(); !strings.HasSuffix(got, "\nredis-tools libc6 libssl libgcc\n") {
		t.Errorf("packages:\n%s", got)
	}
}

// A server that cannot be fetched is named with the reason, and the others are printed.
func TestServersThatCannotBeFetched(t *testing.T) {
	d := newDebian(t)
	d.add("valkey-server", "echo Valkey server v=9.9.9 sha=0")
	out, problems, code := d.servers("sid/redis", "bookworm/redis")
	if code != 0 || !strings.HasPrefix(out, "redis-8.0.2 ") || !strings.HasSuffix(out, "\nvalkey-9.9.9 9.9.9 "+filepath.Join(d.dir, "valkey-server")+"\n") {
		t.Errorf("exit code %d, %s", code, out)
	}
	if !strings.Contains(problems, "servers: sid/redis could not be fetched: no such suite") {
		t.Error(problems)
	}
	left, err := filepath.Glob(filepath.Join(d.cache, "keyprof", "servers", "new*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestServersOfAnotherSystem(t *testing.T) {
	d := newDebian(t)
	d.write("os-release", "ID=fedora\n")
	d.add("redis-server", "echo Redis server v=7.9.9 sha=0")
	out, problems, code := d.servers()
	if code != 0 || out != "redis-7.9.9 7.9.9 "+filepath.Join(d.dir, "redis-server")+"\n" || !strings.Contains(problems, "not Debian") || d.asked() != "" {
		t.Errorf("exit code %d, %q, %q, %s", code, out, problems, d.asked())
	}
}

func TestServersUsage(t *testing.T) {
	out, problems, code := newDebian(t).servers("--help")
	if code != 2 || out != "" || !strings.Contains(problems, "usage:") || !strings.Contains(problems, "trixie/valkey") {
		t.Errorf("exit code %d, %q, %q", code, out, problems)
	}
}
