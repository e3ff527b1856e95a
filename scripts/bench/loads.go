package main

import (
	"context"
	"fmt"
	"strings"

	"keyprof/report/unit"
	"keyprof/scanner/redistest"
)

// Load is the server time that a run with --max-load used.
type Load struct {
	Link  string  `json:"link"`
	Keys  int     `json:"keys"`  // on the server
	Asked string  `json:"asked"` // as --max-load has it
	Used  float64 `json:"used"`  // server's CPU time to wall time, in [0,1]
	Run   Run     `json:"run"`
}

// measureLoads profiles an otherwise idle server over both links.
func (b *bench) measureLoads(ctx context.Context, s *redistest.Server) error {
	if err := b.loadsOver(ctx, socketLink(s, b.smallKeys)); err != nil || b.latency == 0 {
		return err
	}
	proxy, err := redistest.StartProxy(s.Addr())
	if err != nil {
		return err
	}
	defer proxy.Close()
	proxy.SetLatency(b.latency)
	return b.loadsOver(ctx, proxyLink(s, proxy, b.smallKeys, b.latency))
}

// loadsOver runs once with each share.
func (b *bench) loadsOver(ctx context.Context, l link) error {
	for _, asked := range b.shares() {
		run, p, err := b.tools.profile(ctx, l, "--max-load", asked)
		if err != nil {
			return err
		}
		run.Keys = p.Totals.Keys.Value
		load := Load{Link: l.name, Keys: l.keys, Asked: asked, Used: run.ServerCPU / run.Seconds, Run: run}
		progress("%s: %s of the server asked for, %s used", l.name, asked, unit.FormatShare(load.Used))
		b.report.Loads = append(b.report.Loads, load)
	}
	return nil
}

func (b *bench) shares() []string {
	return strings.Fields(strings.ReplaceAll(b.loads, ",", " "))
}

func loadTable(loads []Load) string {
	if len(loads) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("\nWhat `--max-load` asks for against what the server used, one run each, the start of keyprof included:\n\n")
	b.WriteString(tableHead("link", "keys", "`--max-load`", "used of one core", "seconds"))
	for _, l := range loads {
		b.WriteString(tableLine(l.Link, unit.FormatCount(int64(l.Keys)), l.Asked, unit.FormatShare(l.Used), fmt.Sprintf("%.1f", l.Run.Seconds)))
	}
	return b.String()
}
