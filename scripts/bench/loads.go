package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"keyprof/report/unit"
	"keyprof/scanner/redistest"
)

// Load is how much of the server's time a run with --max-load took.
type Load struct {
	Link  string  `json:"link"`
	Keys  int     `json:"keys"`  // on the server
	Asked string  `json:"asked"` // as --max-load has it
	Used  float64 `json:"used"`  // server's CPU time to wall time, in [0,1]
	Run   Run     `json:"run"`
}

// measureLoads profiles a server that does nothing else, with each of loads.
func measureLoads(ctx context.Context, t *tools, links []link, loads []string) ([]Load, error) {
	var list []Load
	for _, l := range links {
		for _, asked := range loads {
			file := filepath.Join(t.dir, "profile.json")
			run, _, err := runChild(ctx, l, 0, t.keyprof, "profile", "--max-load", asked, "--no-progress", "-q", "-o", file, l.url)
			if err != nil {
				return nil, err
			}
			load := Load{Link: l.name, Keys: l.keys, Asked: asked, Used: run.ServerCPU / run.Seconds, Run: run}
			progress("%s: %s of the server asked for, %s used", l.name, asked, unit.FormatShare(load.Used))
			list = append(list, load)
		}
	}
	return list, nil
}

// loadsOver measures over the links that o asks for.
func loadsOver(ctx context.Context, s *redistest.Server, t *tools, o options) ([]Load, error) {
	links := []link{socketLink(s, o.smallKeys)}
	if o.latency > 0 {
		proxy, err := redistest.StartProxy(s.Addr())
		if err != nil {
			return nil, err
		}
		defer proxy.Close()
		proxy.SetLatency(o.latency)
		links = append(links, proxyLink(s, proxy, o))
	}
	return measureLoads(ctx, t, links, strings.Fields(strings.ReplaceAll(o.loads, ",", " ")))
}

func writeLoads(w io.Writer, loads []Load) error {
	if len(loads) == 0 {
		return nil
	}
	var b strings.Builder
	b.WriteString("\n| link | keys | `--max-load` | used of one core | seconds |\n|---|--:|--:|--:|--:|\n")
	for _, l := range loads {
		fmt.Fprintf(&b, "| %s | %d | %s | %s | %.1f |\n", l.Link, l.Keys, l.Asked, unit.FormatShare(l.Used), l.Run.Seconds)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
