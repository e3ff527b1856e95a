package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

// Report holds all results, and the machine.
type Report struct {
	Began    time.Time         `json:"began"`
	Ended    time.Time         `json:"ended"`
	Machine  Machine           `json:"machine"`
	Versions map[string]string `json:"versions"` // by program
	Rows     []Row             `json:"rows"`
	Pairs    []*Pairs          `json:"pairs"` // runs that rows are made of
	Loads    []Load            `json:"loads"`
	Links    []Far             `json:"links"`
	// Evictions holds the runs on a full server.
	Evictions []Evictions `json:"evictions"`
	// Awake reports whether the cores were kept awake for the client beside keyprof; nil:
	// there was none.
	Awake *bool `json:"awake,omitempty"`
}

// Machine describes the machine, without its name.
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

func (m Machine) String() string {
	return fmt.Sprintf("%s/%s, %s, %d cores for servers and clients together", m.OS, m.Arch, cmp.Or(m.CPU, "unknown processor"), m.Cores)
}

// add adds a line to the table.
func (r *Report) add(row Row) { r.Rows = append(r.Rows, row) }

// pairsOf returns the first pairs on a keyspace of so many keys.
func (r *Report) pairsOf(keys int) *Pairs {
	for _, p := range r.Pairs {
		if p.Keys == keys {
			return p
		}
	}
	return nil
}

// write writes Markdown to w and to a file, and JSON to another, unless they are "".
func (r *Report) write(w io.Writer, markdown, jsonFile string) error {
	r.Ended = time.Now().UTC().Truncate(time.Second)
	slices.SortStableFunc(r.Rows, func(a, b Row) int { return cmp.Compare(a.About, b.About) })
	text := r.markdown()
	if _, err := io.WriteString(w, text); err != nil {
		return err
	}
	if markdown != "" {
		if err := os.WriteFile(markdown, []byte(text), 0o644); err != nil {
			return err
		}
	}
	if jsonFile == "" {
		return nil
	}
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(jsonFile, append(data, '\n'), 0o644)
}

// markdown returns the table, with date, machine and notes.
func (r *Report) markdown() string {
	var b strings.Builder
	b.WriteString(tableHead("measure", "keyprof", "compared with", "ratio", "aim", "pairs"))
	for _, row := range r.Rows {
		b.WriteString(tableLine(row.cells()...))
	}
	fmt.Fprintf(&b, "\n%s, %v; keyprof %s, redis-server %s, redis-cli %s.\n", r.Began.Format(time.DateOnly), r.Machine,
		r.Versions["keyprof"], r.Versions["redis-server"], r.Versions["redis-cli"])
	for _, note := range r.notes() {
		b.WriteString(note + "\n")
	}
	b.WriteString(linkTable(r.Links))
	b.WriteString(loadTable(r.Loads))
	return b.String()
}

// notes explains the figures of this run.
func (r *Report) notes() []string {
	notes := []string{"Figures are medians. Ratios are within a pair of runs, one after the other; which of the two runs first alternates."}
	if r.anyCut() {
		notes = append(notes, "Some runs of memkeys were interrupted at a time limit: their speed counts the keys measured until then.")
	}
	switch {
	case r.Awake == nil:
	case *r.Awake:
		notes = append(notes, "The `GET` client was measured with the cores kept awake.")
	default:
		notes = append(notes, "Cores could not be kept awake here: the latency of the `GET` client includes their wake-up time.")
	}
	return notes
}

func (r *Report) anyCut() bool {
	for _, p := range r.Pairs {
		for _, run := range p.Other {
			if run.Cut {
				return true
			}
		}
	}
	return false
}

// tableHead begins a Markdown table; its first column is text.
func tableHead(columns ...string) string {
	return tableLine(columns...) + "|---|" + strings.Repeat("--:|", len(columns)-1) + "\n"
}

func tableLine(cells ...string) string { return "| " + strings.Join(cells, " | ") + " |\n" }
