package command

import (
	"context"
	"fmt"
	"io"
	"net"
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

	"github.com/urfave/cli/v2"

	"keyprof/scanner/redistest"
)

const nightlyPassword = "s3cret-of-the-night"

// nightlyKit is the kit of scripts/nightly, set up as the README tells, for a
// redis-server behind a stunnel that asks for a client certificate.
type nightlyKit struct {
	t      *testing.T
	server *redistest.Server
	certs  redistest.Certificates
	there  string // address of the stunnel in front of the server
	here   string // where the kit's stunnel accepts
	dir    string // holds nightly.conf, stunnel.conf, secrets, history and tmp
}

func newNightlyKit(t *testing.T) *nightlyKit {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("needs a POSIX shell")
	}
	k := &nightlyKit{t: t, server: redistest.New(t, "--requirepass", nightlyPassword), there: redistest.FreeAddress(t), here: redistest.FreeAddress(t), dir: t.TempDir()}
	for _, name := range []string{"secrets", "tmp", "issued"} {
		if err := os.Mkdir(filepath.Join(k.dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	var err error
	if k.certs, err = redistest.WriteCertificates(filepath.Join(k.dir, "issued")); err != nil {
		t.Fatal(err)
	}
	k.write("secrets/password", nightlyPassword+"\n")
	k.install("ca.pem", k.certs.CAFile)
	k.install("client.pem", k.certs.CertFile)
	k.install("client.key", k.certs.KeyFile)
	k.fill("stunnel.conf", "127.0.0.1:56379", k.here, "redis.example.com:6380", k.there, "redis.example.com", redistest.TLSHost)
	k.fill("nightly.conf", "127.0.0.1:56379", k.here, "/usr/local/bin/keyprof", "keyprof",
		"/etc/keyprof", k.dir, "/var/lib/keyprof", k.dir)
	k.startFrontend()
	return k
}

// fill copies a file of the kit, with what stands there for the site replaced.
func (k *nightlyKit) fill(name string, replace ...string) {
	k.t.Helper()
	text, err := os.ReadFile(filepath.Join("scripts", "nightly", name))
	if err != nil {
		k.t.Fatal(err)
	}
	k.write(name, strings.NewReplacer(replace...).Replace(string(text)))
}

func (k *nightlyKit) write(name, text string) {
	k.t.Helper()
	if err := os.WriteFile(filepath.Join(k.dir, name), []byte(text), 0o600); err != nil {
		k.t.Fatal(err)
	}
}

// install puts a file among the secrets.
func (k *nightlyKit) install(name, path string) {
	k.t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		k.t.Fatal(err)
	}
	k.write(filepath.Join("secrets", name), string(text))
}

// edit replaces a part of a file that must hold it.
func (k *nightlyKit) edit(name, part, by string) {
	k.t.Helper()
	text, err := os.ReadFile(filepath.Join(k.dir, name))
	if err != nil {
		k.t.Fatal(err)
	}
	if !strings.Contains(string(text), part) {
		k.t.Fatalf("%s has no %q", name, part)
	}
	k.write(name, strings.Replace(string(text), part, by, 1))
}

// startFrontend starts the stunnel that ends the tunnel at the server.
func (k *nightlyKit) startFrontend() {
	k.t.Helper()
	redistest.NewStunnel(k.t, fmt.Sprintf(`foreground = yes
pid =
syslog = no
[redis]
accept = %s
connect = %s
cert = %s
key = %s
CAfile = %s
verifyChain = yes
`, k.there, k.server.Addr(), k.certs.ServerCertFile, k.certs.ServerKeyFile, k.certs.CAFile), k.there)
}

func (k *nightlyKit) command(args ...string) *exec.Cmd {
	cmd := exec.Command("scripts/nightly.sh", append(args, filepath.Join(k.dir, "nightly.conf"))...)
	cmd.Env = append(os.Environ(), "TMPDIR="+filepath.Join(k.dir, "tmp"))
	return cmd
}

// nightlyRun holds the output of a run and its exit code.
type nightlyRun struct {
	stdout, stderr string
	code           int
}

func (r nightlyRun) String() string {
	return fmt.Sprintf("exit code %d\n%s\n%s", r.code, r.stdout, r.stderr)
}

// run is a night. Whatever becomes of it, neither tunnel nor files stay.
func (k *nightlyKit) run(args ...string) nightlyRun {
	k.t.Helper()
	cmd := k.command(args...)
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); cmd.ProcessState == nil {
		k.t.Fatal(err)
	}
	k.leavesNothing()
	run := nightlyRun{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
	if strings.Contains(run.String(), nightlyPassword) {
		k.t.Errorf("the password is told: %s", run)
	}
	return run
}

func (k *nightlyKit) leavesNothing() {
	k.t.Helper()
	if left, err := os.ReadDir(filepath.Join(k.dir, "tmp")); err != nil || len(left) > 0 {
		k.t.Errorf("left behind: %v, %v", left, err)
	}
	l, err := net.Listen("tcp", k.here)
	if err != nil {
		k.t.Errorf("stunnel still runs: %v", err)
		return
	}
	l.Close()
}

// jobs add keys of finished jobs, which never expire.
func (k *nightlyKit) jobs(from, to int) {
	k.t.Helper()
	ctx, pipe := context.Background(), k.server.Client().Pipeline()
	for i := from; i < to; i++ {
		pipe.Set(ctx, fmt.Sprintf("resque:status:%08x-0000-4000-8000-%012x", i*2654435761%(1<<32), i), strings.Repeat("x", 400), 0)
	}
	if _, err := pipe.Exec(ctx); err != nil {
		k.t.Fatal(err)
	}
}

// The settings can be tried before the first night, through the tunnel.
func TestNightlyDryRun(t *testing.T) {
	k := newNightlyKit(t)
	k.jobs(0, 100)
	run := k.run("-n")
	if run.code != exitDone || run.stderr != "" || !strings.Contains(run.stdout, "db0 (100 keys by INFO)") {
		t.Error(run)
	}
}

// nightlyFaults lists faults between keyprof and the server, and the expected messages.
// Messages about the tunnel must appear only if the tunnel is at fault.
var nightlyFaults = []struct {
	name   string
	happen func(k *nightlyKit, other redistest.Certificates)
	want   []string
	code   int
}{
	{"client certificate of another authority", func(k *nightlyKit, other redistest.Certificates) {
		k.install("client.pem", other.CertFile)
		k.install("client.key", other.KeyFile)
	}, []string{"keyprof: error: connecting to", "keyprof: hint: .*certificate", "nightly: hint: .*the other end .*certificate"}, exitFailed},
	{"server of another authority", func(k *nightlyKit, other redistest.Certificates) {
		k.install("ca.pem", other.CAFile)
	}, []string{"keyprof: error: connecting to", "nightly: stunnel: CERT: Pre-verification error", "nightly: stunnel: Rejected by CERT", "nightly: hint: .*authority in CAfile"}, exitFailed},
	{"server of another name", func(k *nightlyKit, _ redistest.Certificates) {
		k.edit("stunnel.conf", "checkHost = "+redistest.TLSHost, "checkHost = other.test")
	}, []string{"keyprof: error: connecting to", "nightly: stunnel: CERT: Subject checks failed", "nightly: hint: .*checkHost"}, exitFailed},
	{"dead server behind the tunnel", func(k *nightlyKit, _ redistest.Certificates) {
		k.server.Kill()
	}, []string{"keyprof: error: connecting to", "nightly: hint: .*other end .*hung up.*may be down"}, exitFailed},
	{"nothing at the other end", func(k *nightlyKit, _ redistest.Certificates) {
		k.edit("stunnel.conf", k.there, "127.0.0.1:1")
	}, []string{"keyprof: error: connecting to", "nightly: stunnel: .*127.0.0.1:1: Connection refused"}, exitFailed},
	{"no such host", func(k *nightlyKit, _ redistest.Certificates) {
		k.edit("stunnel.conf", k.there, "no-such-host.invalid:6380")
	}, []string{"keyprof: error: connecting to", `nightly: stunnel: Error resolving "no-such-host.invalid"`}, exitFailed},
	{"another port than the tunnel's", func(k *nightlyKit, _ redistest.Certificates) {
		k.edit("nightly.conf", "=redis://"+k.here, "=redis://127.0.0.1:1")
	}, []string{"keyprof: error: connecting to 127.0.0.1:1: .*refused", "keyprof: hint: nothing listens there.*tunnel"}, exitFailed},
	{"no key", func(k *nightlyKit, _ redistest.Certificates) {
		os.Remove(filepath.Join(k.dir, "secrets", "client.key"))
	}, []string{"nightly: stunnel: Loading private key from file: client.key", "nightly: stunnel: .*No such file", "nightly: error: stunnel ended", "nightly: hint: .*stunnel.conf.*secrets"}, exitFailed},
	{"a tunnel that says too little", func(k *nightlyKit, _ redistest.Certificates) {
		k.edit("stunnel.conf", "debug = info", "debug = err")
	}, []string{"nightly: error: stunnel has not said", "nightly: hint: .*debug = info"}, exitFailed},
	{"a mistake in stunnel.conf", func(k *nightlyKit, _ redistest.Certificates) {
		k.edit("stunnel.conf", "verifyChain = yes", "verifyChian = yes")
	}, []string{"nightly: stunnel: .*verifyChian", "nightly: error: stunnel ended"}, exitFailed},
	{"no stunnel", func(k *nightlyKit, _ redistest.Certificates) {
		k.edit("nightly.conf", "STUNNEL_CONF=", "STUNNEL=/no/such/stunnel\nSTUNNEL_CONF=")
	}, []string{"nightly: error: /no/such/stunnel is not there", "nightly: hint: install stunnel"}, exitUsage},
	{"wrong password", func(k *nightlyKit, _ redistest.Certificates) {
		k.write("secrets/password", "wrong\n")
	}, []string{"keyprof: error: .*WRONGPASS", "keyprof: hint: .*password"}, exitFailed},
	{"no password", func(k *nightlyKit, _ redistest.Certificates) {
		os.Remove(filepath.Join(k.dir, "secrets", "password"))
	}, []string{"keyprof: error: .*NOAUTH", "keyprof: hint: .*--password-file"}, exitFailed},
}

// Each fault is reported by lines that name its cause, and by no others.
func TestNightlyFaults(t *testing.T) {
	for _, fault := range nightlyFaults {
		for _, args := range nightlyModes {
			t.Run(fault.name+strings.Join(args, ""), func(t *testing.T) {
				t.Parallel()
				k := newNightlyKit(t)
				other, err := redistest.WriteCertificates(t.TempDir())
				if err != nil {
					t.Fatal(err)
				}
				fault.happen(k, other)
				run := k.run(args...)
				if run.code != fault.code || run.stdout != "" {
					t.Error(run)
				}
				for _, want := range fault.want {
					if !regexp.MustCompile(`(?m)^(?:` + want + `)`).MatchString(run.stderr) {
						t.Errorf("no %q in:\n%s", want, run)
					}
				}
				tunnel := slices.ContainsFunc(fault.want, func(want string) bool { return strings.Contains(want, "nightly: ") })
				if !tunnel && strings.Contains(run.stderr, "nightly: ") {
					t.Errorf("the tunnel is not at fault: %s", run)
				}
			})
		}
	}
}

// A tunnel that somebody else left open is not used: it may lead elsewhere.
func TestNightlyPortTaken(t *testing.T) {
	k := newNightlyKit(t)
	l, err := net.Listen("tcp", k.here)
	if err != nil {
		t.Fatal(err)
	}
	cmd := k.command("-n")
	out, _ := cmd.CombinedOutput()
	l.Close()
	if cmd.ProcessState.ExitCode() != exitFailed || !strings.Contains(string(out), "nightly: stunnel: ") || !strings.Contains(string(out), "Address already in use") {
		t.Errorf("exit code %d\n%s", cmd.ProcessState.ExitCode(), out)
	}
	k.leavesNothing()
}

func hasFlag(c *cli.Command, name string) bool {
	return slices.ContainsFunc(c.Flags, func(f cli.Flag) bool { return slices.Contains(f.Names(), name) })
}

// nightlyModes are the arguments of a trial, and of the job itself.
var nightlyModes = [][]string{{"-n"}, nil}

// Every flag that the job uses is one of the commands that it calls.
func TestNightlyFlags(t *testing.T) {
	script, err := os.ReadFile("scripts/nightly.sh")
	if err != nil {
		t.Fatal(err)
	}
	app := newApp(strings.NewReader(""), io.Discard, io.Discard)
	for _, command := range []string{"check", "profile"} {
		body := regexp.MustCompile(`(?ms)^` + command + `\(\) \{$.*?^\}$`).FindString(string(script))
		used := regexp.MustCompile(`--([a-z-]+)`).FindAllStringSubmatch(body, -1)
		if len(used) == 0 {
			t.Errorf("%s() uses no flag", command)
		}
		for _, flag := range used {
			if !hasFlag(app.Command(command), flag[1]) {
				t.Errorf("keyprof %s has no --%s", command, flag[1])
			}
		}
	}
}

// saved are the files of the history.
func (k *nightlyKit) saved() []string {
	k.t.Helper()
	files, err := filepath.Glob(filepath.Join(k.dir, "history", "prod-*.json.zst"))
	if err != nil {
		k.t.Fatal(err)
	}
	return files
}

// TestNightly is three nights: the first, one after a flood of jobs, and a quiet
// one.
func TestNightly(t *testing.T) {
	k := newNightlyKit(t)
	prom := filepath.Join(k.dir, "keyprof.prom")
	k.write("nightly.conf", mustRead(t, filepath.Join(k.dir, "nightly.conf"))+"PROM_FILE="+prom+"\n")
	k.jobs(0, 3000)
	for night, want := range []int{exitDone, exitAlarm, exitDone} {
		if night == 1 {
			k.jobs(3000, 4500)
		}
		run := k.run()
		if run.code != want {
			t.Fatalf("night %d: %s", night+1, run)
		}
		if want == exitDone && run.stdout+run.stderr != "" {
			t.Errorf("night %d is not silent: %s", night+1, run)
		}
		if want == exitAlarm {
			checkAlarm(t, run)
			checkDiff(t, k)
		}
		if got := len(k.saved()); got != night+1 {
			t.Errorf("night %d: %d profiles are kept", night+1, got)
		}
	}
	if text := mustRead(t, prom); !strings.Contains(text, "resque:status:<uuid>") {
		t.Errorf("the figures for Prometheus: %.500s", text)
	}
}

func mustRead(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// checkAlarm holds the second night against what it must tell: which conditions
// hold, a line each, and then what changed.
func checkAlarm(t *testing.T, run nightlyRun) {
	t.Helper()
	for line := range strings.Lines(run.stderr) {
		if !strings.HasPrefix(line, "keyprof: fail-on: ") {
			t.Errorf("not an alarm: %s", line)
		}
	}
	for _, condition := range []string{"new_no_ttl_keys > 1000", "bytes_growth > 20%"} {
		if !strings.Contains(run.stderr, "fail-on: "+condition) {
			t.Errorf("%s is not told: %s", condition, run)
		}
	}
	if !strings.Contains(run.stdout, "resque:status:<uuid>") || strings.Count(run.stdout, "\n") > 41 {
		t.Errorf("what changed is not told: %s", run)
	}
}

// checkDiff asks for what changed between the two nights.
func checkDiff(t *testing.T, k *nightlyKit) {
	t.Helper()
	out := shell(t, k.dir, "keyprof diff --save-dir history --label prod")
	if !strings.Contains(out, "resque:status:<uuid>") || !strings.Contains(out, "1,500") {
		t.Errorf("keyprof diff: %s", out)
	}
}

// awaitScan waits until a scan has begun.
func (k *nightlyKit) awaitScan() {
	k.t.Helper()
	for range 200 {
		info, err := k.server.Client().Info(context.Background(), "commandstats").Result()
		if err != nil {
			k.t.Fatal(err)
		}
		if strings.Contains(info, "cmdstat_scan:") {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	k.t.Error("no walk has begun")
}

// Stopping the job gives a partial profile, and leaves no tunnel open.
func TestNightlyStopped(t *testing.T) {
	k := newNightlyKit(t)
	k.jobs(0, 3000)
	k.write("keyprof.toml", "[profile]\nrate = 100\n")
	k.edit("nightly.conf", "#KEYPROF_CONFIG=", "KEYPROF_CONFIG=")
	cmd := k.command()
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	k.awaitScan()
	cmd.Process.Signal(syscall.SIGTERM)
	cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != exitInterrupted || len(k.saved()) != 1 || !strings.Contains(out.String(), "keyprof: error: ") {
		t.Errorf("exit code %d, saved %q: %s", code, k.saved(), out.String())
	}
	k.leavesNothing()
}
