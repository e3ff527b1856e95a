package redistest

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// FreeAddress returns "127.0.0.1:port" with a port that was free a moment ago.
func FreeAddress(tb testing.TB) string {
	tb.Helper()
	port, err := freePort()
	if err != nil {
		tb.Fatalf("redistest: %v", err)
	}
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
}

// NewStunnel runs stunnel with a configuration, which must say "foreground = yes", until
// the test ends. It returns when stunnel accepts connections at accept. A missing stunnel
// fails the test.
func NewStunnel(tb testing.TB, config, accept string) {
	tb.Helper()
	path, err := exec.LookPath("stunnel")
	if err != nil {
		path, err = exec.LookPath("stunnel4")
	}
	if err != nil {
		tb.Fatal("stunnel is not installed; run scripts/install-redis --with-stunnel")
	}
	file := filepath.Join(tb.TempDir(), "stunnel.conf")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		tb.Fatal(err)
	}
	p, err := startProcess(path, []string{file})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		p.kill()
		if tb.Failed() {
			tb.Logf("redistest: log of stunnel at %s:\n%s", accept, p.log.String())
		}
	})
	for end := time.Now().Add(startTimeout); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if conn, err := net.Dial("tcp", accept); err == nil {
			_ = conn.Close()
			return
		}
	}
	tb.Fatalf("redistest: stunnel does not listen at %s", accept)
}
