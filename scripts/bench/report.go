package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

// Report is all that was measured, and where.
type Report struct {
	Began     time.Time         `json:"began"`
	Machine   Machine           `json:"machine"`
	Versions  map[string]string `json:"versions"` // by program
	Scenarios []Scenario        `json:"scenarios"`
	Loads     []Load            `json:"loads"`
	Others    Others            `json:"others"`
}

// Scenario is a number of pairs of runs on one keyspace over one link.
type Scenario struct {
	Link    string `json:"link"`
	Keys    int    `json:"keys"` // on the server
	Keyprof []Run  `json:"keyprof"`
	Memkeys []Run  `json:"memkeys"`
}

// Machine is where it was measured, without its name.
type Machine struct {
	OS    string `json:"os"`
	Arch  string `json:"arch"`
	CPU   string `json:"cpu"` // model, "" if unknown
	Cores int    `json:"cores"`
}

func thisMachine() Machine {
	m := Machine{OS: runtime.GOOS, Arch: runtime.GOARCH, Cores: runtime.NumCPU()}
	info, _ := os.ReadFile("/proc/cpuinfo") // Linux only
	if _, rest, found := bytes.Cut(info, []byte("model name")); found {
		line, _, _ := bytes.Cut(rest, []byte("\n"))
		m.CPU = strings.Trim(string(line), "\t :")
	}
	return m
}

// median returns the middle value, or the mean of the middle two; 0 for none.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// medianOf returns the median of one figure of all runs.
func medianOf(runs []Run, figure func(Run) float64) float64 {
	values := make([]float64, len(runs))
	for i, r := range runs {
		values[i] = figure(r)
	}
	return median(values)
}

// peakMiB returns the largest peak of all runs.
func peakMiB(runs []Run) float64 {
	peak := int64(0)
	for _, r := range runs {
		peak = max(peak, r.PeakRSS)
	}
	return float64(peak) / (1 << 20)
}

// row returns the cells of one line of the table.
func (s Scenario) row() []string {
	speed, speedOfMemkeys := medianOf(s.Keyprof, Run.KeysPerSecond), medianOf(s.Memkeys, Run.KeysPerSecond)
	return []string{
		s.Link, fmt.Sprint(s.Keys), fmt.Sprint(len(s.Keyprof)),
		fmt.Sprintf("%.0f", speed), fmt.Sprintf("%.0f", speedOfMemkeys), fmt.Sprintf("%.2f", speed/speedOfMemkeys),
		fmt.Sprintf("%.2f", medianOf(s.Keyprof, Run.MicrosPerKey)), fmt.Sprintf("%.2f", medianOf(s.Memkeys, Run.MicrosPerKey)),
		fmt.Sprintf("%.1f", peakMiB(s.Keyprof)), fmt.Sprintf("%.1f", peakMiB(s.Memkeys)),
	}
}

// writeMarkdown prints the table with where and when it was made.
func (r Report) writeMarkdown(w io.Writer) error {
	var b strings.Builder
	b.WriteString("| link | keys | pairs | keyprof keys/s | memkeys keys/s | ratio | keyprof server us/key | memkeys server us/key | keyprof peak MiB | memkeys peak MiB |\n")
	b.WriteString("|---|" + strings.Repeat("--:|", 9) + "\n")
	for _, s := range r.Scenarios {
		b.WriteString("| " + strings.Join(s.row(), " | ") + " |\n")
	}
	fmt.Fprintf(&b, "\nMedians of runs by turns; peaks are the largest. %s, %s/%s, %s, %d cores.",
		r.Began.Format(time.DateOnly), r.Machine.OS, r.Machine.Arch, r.Machine.CPU, r.Machine.Cores)
	for _, program := range []string{"keyprof", "redis-server", "redis-cli"} {
		fmt.Fprintf(&b, " %s: %s.", program, r.Versions[program])
	}
	if r.anyCut() {
		b.WriteString(" Some runs of memkeys were interrupted at the time limit; its speed is that of the keys it had measured.")
	}
	if _, err := io.WriteString(w, b.String()+"\n"); err != nil {
		return err
	}
	if err := r.Others.write(w); err != nil {
		return err
	}
	return writeLoads(w, r.Loads)
}

func (r Report) anyCut() bool {
	for _, s := range r.Scenarios {
		for _, run := range s.Memkeys {
			if run.Cut {
				return true
			}
		}
	}
	return false
}

func (r Report) writeJSON(file string) error {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(data, '\n'), 0o644)
}
