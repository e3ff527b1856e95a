package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"keyprof/scanner/redistest"
)

// TestMain lets the test binary be the children that bench runs itself as.
func TestMain(m *testing.M) {
	if actAsChild() {
		return
	}
	os.Exit(m.Run())
}

func TestSampledKeys(t *testing.T) {
	n, err := sampledKeys("\n[22.20%] Sampled 44406 keys in the keyspace!\nTotal key length\n")
	if err != nil || n != 44406 {
		t.Errorf("got %d, %v", n, err)
	}
	if _, err := sampledKeys("Could not connect"); err == nil {
		t.Error("no error for output without a summary")
	}
}

func seeded(t *testing.T, n int) *redistest.Server {
	t.Helper()
	server := redistest.New(t)
	if err := seed(t.Context(), server, n); err != nil {
		t.Fatal(err)
	}
	return server
}

func TestSeedWritesAllKeys(t *testing.T) {
	server := seeded(t, 3500)
	if n, err := server.Client().DBSize(t.Context()).Result(); err != nil || n != 3500 {
		t.Errorf("%d keys, %v", n, err)
	}
}

func TestSeedTellsOfErrors(t *testing.T) {
	server := redistest.New(t, "--maxmemory", "1mb", "--maxmemory-policy", "noeviction")
	if err := seed(t.Context(), server, 5000); err == nil || !strings.Contains(err.Error(), "OOM") {
		t.Errorf("error = %v", err)
	}
}

func TestMemkeysIsCutAtTheLimit(t *testing.T) {
	cli, err := exec.LookPath("redis-cli")
	if err != nil {
		t.Fatalf("%v: run scripts/install-redis", err)
	}
	server := seeded(t, 5000)
	proxy := redistest.NewProxy(t, server.Addr())
	proxy.SetLatency(10 * time.Millisecond)
	memkeys := (&tools{cli: cli}).memkeys(proxyLink(server, proxy, 5000, 10*time.Millisecond), 500*time.Millisecond)
	run, err := memkeys.run(t.Context())
	if err != nil || !run.Cut || run.Keys <= 0 || run.Keys >= 5000 || run.ServerCPU < 0 {
		t.Errorf("run = %+v, %v", run, err)
	}
}

// TestPeakMemoryIsTheChilds has this process grow large first: its own size must
// not show as the child's.
func TestPeakMemoryIsTheChilds(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("Linux only")
	}
	ballast := bytes.Repeat([]byte{1}, 200<<20)
	run, err := execute(exec.CommandContext(context.Background(), "sleep", "0.1"), 0)
	if err != nil || run.PeakRSS < 1<<16 || run.PeakRSS > 50<<20 {
		t.Errorf("peak of sleep = %d bytes, %v", run.PeakRSS, err)
	}
	runtime.KeepAlive(ballast)
}

func TestFailureShowsWhatTheProgramSaid(t *testing.T) {
	l := link{server: redistest.New(t)}
	_, _, err := runChild(t.Context(), l, 0, "sh", "-c", "echo no such flag >&2; exit 2")
	if err == nil || !strings.Contains(err.Error(), "no such flag") {
		t.Errorf("error = %v", err)
	}
}

func TestTurnsAlternate(t *testing.T) {
	var order strings.Builder
	of := func(name string, keys int64) program {
		return program{name, func(context.Context) (Run, error) {
			order.WriteString(name)
			return Run{Keys: keys, Seconds: 1}, nil
		}}
	}
	a, b, err := takeTurns(t.Context(), 3, of("a", 1), of("b", 2))
	if err != nil || order.String() != "abbaab" || len(a) != 3 || len(b) != 3 {
		t.Fatalf("order %s, %v, %v, %v", &order, a, b, err)
	}
	for i := range a {
		if a[i].Keys != 1 || b[i].Keys != 2 {
			t.Errorf("pair %d: %v and %v", i, a[i], b[i])
		}
	}
}

func TestReport(t *testing.T) {
	p := &Pairs{
		Keys: 1000, With: "other",
		Keyprof: []Run{{Keys: 1000, Seconds: 1}, {Keys: 3000, Seconds: 1}, {Keys: 2000, Seconds: 1}},
		Other:   []Run{{Keys: 500, Seconds: 1, Cut: true}, {Keys: 1000, Seconds: 1}, {Keys: 500, Seconds: 1}},
	}
	r := Report{Versions: map[string]string{}, Pairs: []*Pairs{p}, Loads: []Load{{Link: "unix socket", Keys: 10, Asked: "5%", Used: 0.049}}}
	speed := p.compare("keys/s", Run.KeysPerSecond)
	r.add(Row{About: aboutOthers, Measure: "last"})
	r.add(speed.row(aboutSpeed, "speed", atLeast(2.2, speed.Ratio), atMost(5, speed.Ratio).of("ratio", "")))
	dir := t.TempDir()
	markdown, jsonFile := filepath.Join(dir, "bench.md"), filepath.Join(dir, "bench.json")
	var b bytes.Buffer
	if err := r.write(&b, markdown, jsonFile); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| speed, keys/s | 2,000 | other: 500 | 3.00 | ≥ 2.2: met; ratio ≤ 5: met | 3 |",
		"interrupted", "| unix socket | 10 | 5% | 4.9 % | 0.0 |",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
	if text, err := os.ReadFile(markdown); err != nil || string(text) != b.String() {
		t.Errorf("the file has other than what is printed: %v\n%s", err, text)
	}
	if strings.Index(b.String(), "| last | – |") < strings.Index(b.String(), "| speed,") {
		t.Errorf("not in the order of subjects:\n%s", b.String())
	}
	var back struct {
		Rows []struct{ Raw Comparison }
	}
	text, err := os.ReadFile(jsonFile)
	if err != nil || json.Unmarshal(text, &back) != nil || back.Rows[0].Raw.Ratios[2] != 4 || back.Rows[0].Raw.Keyprof.All[1] != 3000 {
		t.Errorf("JSON: %v\n%s", err, text)
	}
}

func TestAwakeLoopsEnd(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	chrt, err := exec.LookPath("chrt")
	if err != nil {
		t.Skip("there is no chrt here")
	}
	ran := false
	err = (&tools{self: self, chrt: chrt}).awake(t.Context(), func(awake bool) error {
		ran = awake
		return nil
	})
	if err != nil || !ran {
		t.Errorf("awake = %v, %v", ran, err)
	}
	if err := (&tools{self: self}).awake(t.Context(), func(awake bool) error {
		ran = awake
		return nil
	}); err != nil || ran {
		t.Errorf("without chrt: awake = %v, %v", ran, err)
	}
}

// A loop ends when the process that started it does, in whichever way.
func TestLoopEndsWithItsInput(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, spinChild)
	cmd.Stdin = strings.NewReader("")
	if out, err := cmd.Output(); err != nil || string(out) != spun+"\n" {
		t.Errorf("%q, %v", out, err)
	}
}
