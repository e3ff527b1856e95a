package main

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

func TestDistances(t *testing.T) {
	list, err := options{links: "0ms, 20ms,0.5ms", linkJitters: "0%,20%"}.distances()
	var got []string
	for _, d := range list {
		got = append(got, d.String())
	}
	if want := "0 ms, 20 ms, 20 ms ± 20%, 0.5 ms, 0.5 ms ± 20%"; err != nil || strings.Join(got, ", ") != want {
		t.Errorf("%q, %v", got, err)
	}
	for _, o := range []options{{links: "20"}, {links: "-1ms"}, {links: "1ms", linkJitters: "20"}, {links: "1ms", linkJitters: "x%"}} {
		if list, err := o.distances(); err == nil {
			t.Errorf("%+v: %v", o, list)
		}
	}
}

// Each round trip takes no less than the link says, and both ways are delayed.
func TestFarLink(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	tools := &tools{self: self}
	tools.nice, _ = exec.LookPath("nice")
	server := seeded(t, 10)
	for _, givesWay := range []bool{false, true} {
		far, stop, err := tools.farLink(t.Context(), socketLink(server, 10), distance{20 * time.Millisecond, 0.1}, givesWay)
		if err != nil {
			t.Fatal(err)
		}
		client := redis.NewClient(&redis.Options{Addr: strings.TrimPrefix(far.url, "redis://")})
		if err := client.Ping(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if err := client.Ping(t.Context()).Err(); err != nil || time.Since(began) < 18*time.Millisecond {
			t.Errorf("PING took %v: %v", time.Since(began), err)
		}
		_ = client.Close()
		stop()
	}
}

func TestMemkeysByTrips(t *testing.T) {
	run, err := memkeysByTrips(200 * time.Millisecond).run(t.Context())
	if got := figure(run.KeysPerSecond()); err != nil || got != "16.7" {
		t.Errorf("%s keys/s, %v", got, err)
	}
}

// A profile whose time was up is what is measured over a link; elsewhere its time means
// nothing.
func TestWalkForTakesAPart(t *testing.T) {
	dir := t.TempDir()
	whole, err := filepath.Abs("../../testdata/before.json.gz")
	if err != nil {
		t.Fatal(err)
	}
	script := "#!/bin/sh\nwhile [ \"$1\" != -o ]; do echo \"$1\" >>" + dir + "/args; shift; done\ncp " + whole + " \"$2\"\nexit 4\n"
	if err := os.WriteFile(filepath.Join(dir, "keyprof"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	l := socketLink(seeded(t, 1), 1)
	tools := &tools{keyprof: filepath.Join(dir, "keyprof"), dir: dir}
	run, err := tools.walkFor(l, 8*time.Second, "--max-load", "100%").run(t.Context())
	if err != nil || run.Keys == 0 || run.Seconds == 0 || run.Receipt == 0 {
		t.Errorf("%+v, %v", run, err)
	}
	args, err := os.Open(filepath.Join(dir, "args"))
	if err != nil {
		t.Fatal(err)
	}
	defer args.Close()
	if text, err := io.ReadAll(args); err != nil || !strings.HasPrefix(string(text), "profile\n--max-duration\n8s\n--max-load\n100%\n") {
		t.Errorf("%q, %v", text, err)
	}
}

func TestLinkTable(t *testing.T) {
	felt := compare("µs", alone, []float64{150}, []float64{100})
	far := Far{
		Link: "50 ms", RoundTrip: 0.05, ByTrips: true,
		Defaults:  compare("keys/s", "memkeys", []float64{1200}, []float64{66.7}),
		FullSpeed: compare("keys/s", "memkeys", []float64{4800}, []float64{66.7}),
		Used:      compare("%", "its receipt", []float64{12}, []float64{13}), P50: &felt, P99: &felt,
	}
	near := Far{Link: "2 ms", RoundTrip: 0.002, Defaults: far.Defaults, FullSpeed: far.FullSpeed, Used: far.Used}
	text := linkTable([]Far{near, far})
	for _, want := range []string{
		"| 2 ms | 66.7 | 1,200 | 18.0 | 4,800 | 72.0 | 12.0 % (13.0 %) | – | – | – |",
		"| 50 ms | 66.7\\* | 1,200 | 18.0 (≥ 20: **missed**) | 4,800 | 72.0 (≥ 60: met) | 12.0 % (13.0 %) | 150 (100) | 150 (100) | 1.50 (≤ 1.5: met) |",
		"three for ten keys",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if linkTable(nil) != "" {
		t.Error("a table of nothing")
	}
}
