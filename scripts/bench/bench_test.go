package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"keyprof/scanner/redistest"
)

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   float64
	}{{nil, 0}, {[]float64{3}, 3}, {[]float64{9, 1, 2}, 2}, {[]float64{4, 1, 2, 3}, 2.5}} {
		if got := median(c.values); got != c.want {
			t.Errorf("median(%v) = %v", c.values, got)
		}
	}
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

func TestProfiledKeys(t *testing.T) {
	file := filepath.Join(t.TempDir(), "p.json")
	for text, want := range map[string]int64{
		`{"complete":true,"totals":{"keys":{"value":7,"lo":7,"hi":7}}}`: 7,
		`{"complete":false,"totals":{"keys":{"value":7}}}`:              -1,
		`{`: -1,
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := profiledKeys(file); (err != nil) != (want < 0) || err == nil && got != want {
			t.Errorf("%s: %d, %v", text, got, err)
		}
	}
}

func TestMemkeysIsCutAtTheLimit(t *testing.T) {
	cli, err := exec.LookPath("redis-cli")
	if err != nil {
		t.Fatalf("%v: run scripts/install-redis", err)
	}
	server := redistest.New(t)
	if err := redistest.Mixed(t.Context(), server.Client(), 5000, 1); err != nil {
		t.Fatal(err)
	}
	proxy := redistest.NewProxy(t, server.Addr())
	proxy.SetLatency(10 * time.Millisecond)
	l := proxyLink(server, proxy, options{smallKeys: 5000, limit: 500 * time.Millisecond})
	run, err := (&tools{cli: cli}).runMemkeys(t.Context(), l)
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

func TestMarkdown(t *testing.T) {
	r := Report{Versions: map[string]string{}, Scenarios: []Scenario{{
		Link: "unix socket", Keys: 1000,
		Keyprof: []Run{{Keys: 1000, Seconds: 1, ServerCPU: 0.002, PeakRSS: 10 << 20}},
		Memkeys: []Run{{Keys: 500, Seconds: 1, ServerCPU: 0.003, PeakRSS: 5 << 20, Cut: true}},
	}}}
	var b bytes.Buffer
	if err := r.writeMarkdown(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"| unix socket | 1000 | 1 | 1000 | 500 | 2.00 | 2.00 | 6.00 | 10.0 | 5.0 |", "interrupted"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
}
