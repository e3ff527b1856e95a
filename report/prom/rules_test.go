package prom

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const rulesDir = "../../scripts/prometheus"

var (
	metricNames = regexp.MustCompile(`\bkeyprof_[a-z0-9_]+`)
	limitLabels = regexp.MustCompile(`limit="([^"]*)"`)
)

// Alerts are about metrics that are written, with the labels that these have.
func TestRulesNameOurMetrics(t *testing.T) {
	samples := read(t, write(t, whole(namespace(0, "a", 10, 100)), comparison(), 20))
	written := names(samples)
	for _, name := range []string{"keyprof.rules.yml", "keyprof.rules.test.yml", "../../report/command/topics/prometheus.md"} {
		text, err := os.ReadFile(filepath.Join(rulesDir, name))
		if err != nil {
			t.Fatal(err)
		}
		found := metricNames.FindAllString(string(text), -1)
		if len(found) < 10 {
			t.Errorf("%s names %d metrics", name, len(found))
		}
		for _, metric := range found {
			if !written[metric] {
				t.Errorf("%s names %s, which is not written", name, metric)
			}
		}
		for _, m := range limitLabels.FindAllStringSubmatch(string(text), -1) {
			if _, ok := samples["keyprof_runway_seconds{deployment=shop,limit="+m[1]+"}"]; !ok {
				t.Errorf("%s names the limit %s, which is not written", name, m[1])
			}
		}
	}
}

// Every metric stands in the topic prometheus.
func TestMetricsAreDocumented(t *testing.T) {
	text, err := os.ReadFile("../command/topics/prometheus.md")
	if err != nil {
		t.Fatal(err)
	}
	for name := range names(read(t, write(t, whole(namespace(0, "a", 10, 100)), comparison(), 20))) {
		if !strings.Contains(string(text), "\n| `"+name+"` |") {
			t.Errorf("%s is not documented", name)
		}
	}
}

// promtool, where it is installed, finds the rules and what we write well-formed,
// and the rules to do what their tests say.
func TestPromtool(t *testing.T) {
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("promtool is not installed")
	}
	for _, args := range [][]string{{"check", "rules", "keyprof.rules.yml"}, {"test", "rules", "keyprof.rules.test.yml"}} {
		cmd := exec.Command(promtool, args...)
		cmd.Dir = rulesDir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", cmd, err, out)
		}
	}
	f, err := os.Open(write(t, whole(namespace(0, "a", 10, 100)), comparison(), 20))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	cmd := exec.Command(promtool, "check", "metrics")
	cmd.Stdin = f
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("%s: %v\n%s", cmd, err, out)
	}
}
