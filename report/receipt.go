package report

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"keyprof/report/unit"
	"keyprof/sampler/profile"
)

// receiptSection returns the cost of the run to the server.
func receiptSection(p *profile.Profile) section {
	r := &p.Receipt
	var lines []line
	for _, text := range []string{timeText(r), serverText(r), traceText(r), latencyText(r), throttleText(r.Brakes), waitsText(r.Waits), trafficText(r)} {
		if text != "" {
			lines = append(lines, say(words(text)).in(quiet))
		}
	}
	return section{title: "What this cost the server", lines: lines}
}

func timeText(r *profile.Receipt) string {
	text := "Took " + unit.FormatElapsed(r.ElapsedS) + ", " + unit.FormatElapsed(r.PausedS) + " of it pauses" + pausesText(r) + ", and " +
		bound(r) + " " + unit.FormatElapsed(mainThreadAtMost(r)) + " of the server's main thread" + loadText(r) + "; "
	if r.OverLink {
		return text + "that is estimated from INFO commandstats, as reply times are those of the link (round trips take at least " + unit.FormatMicros(r.LeastRTTS) + ")."
	}
	return text + "round trips took " + unit.FormatElapsed(r.MainThreadS) + " longer than the fastest, including waits for other clients and the network."
}

// pausesText returns the reasons of the pauses.
func pausesText(r *profile.Receipt) string {
	switch {
	case r.PausedS < shortRun/10:
		return ""
	case r.PausedForRateS == 0:
		return " for --max-load"
	case r.PausedForRateS >= r.PausedS:
		return " for --rate"
	}
	return " (" + unit.FormatElapsed(r.PausedForRateS) + " for --rate, the rest for --max-load)"
}

// serverText returns the server's own figures.
func serverText(r *profile.Receipt) string {
	var parts []string
	if r.CommandS != nil {
		parts = append(parts, unit.FormatElapsed(*r.CommandS)+" in these commands (commandstats, without parsing and replies)")
	}
	if r.ServerCPUS != nil {
		parts = append(parts, unit.FormatElapsed(*r.ServerCPUS)+" of CPU")
	}
	if len(parts) == 0 {
		return ""
	}
	return "Reported by the server, for all clients: " + strings.Join(parts, ", ") + "."
}

// traceText returns the changes that the run made to the server's statistics.
func traceText(r *profile.Receipt) string {
	text := "Added " + unit.FormatCount(r.KeyspaceHits) + " keyspace hits and " + unit.FormatCount(r.KeyspaceMisses) + " misses"
	if r.ExpiredMeanwhile != nil {
		text += "; " + plural(*r.ExpiredMeanwhile, "key") + " expired during the scan, some perhaps because of it"
	}
	if evicted := profile.OrZero(r.EvictedMeanwhile); evicted > 0 {
		text += "; " + plural(evicted, "key") + " " + verb(evicted, "was", "were") + " evicted during the scan" + evictedByUs(r)
	}
	if r.Repeats > 0 {
		text += "; SCAN returned " + plural(r.Repeats, "key") + " more than once (counted once)"
	}
	return text + "."
}

// evictedByUs returns how many evictions the run may have caused.
func evictedByUs(r *profile.Receipt) string {
	switch {
	case r.EvictedByUs == nil:
		return ", some perhaps because of keyprof's client buffers"
	case *r.EvictedByUs == 0:
		return ", none because of keyprof's client buffers"
	}
	return ", at most " + unit.FormatCount(*r.EvictedByUs) + " of them because of keyprof's client buffers (at most " + unit.FormatBytes(r.BufferBytes) + ")"
}

// waitsText returns how long the server was unavailable.
func waitsText(waits []profile.Wait) string {
	if len(waits) == 0 {
		return ""
	}
	parts := make([]string, len(waits))
	for i, w := range waits {
		parts[i] = unit.FormatElapsed(w.TookS) + " (" + displayWord(w.Cause)
		if w.Count > 1 {
			parts[i] += ", " + plural(w.Count, "time")
		}
		parts[i] += ")"
	}
	return "Waited for the server: " + strings.Join(parts, ", ") + "."
}

// throttleText returns why the scan paused.
func throttleText(brakes []profile.Brake) string {
	if len(brakes) == 0 {
		return ""
	}
	parts := make([]string, len(brakes))
	for i, b := range brakes {
		parts[i] = unit.FormatElapsed(b.TookS) + " (" + displayWord(b.Cause)
		if b.Count > 1 {
			parts[i] += ", " + plural(b.Count, "time")
		}
		parts[i] += ")"
	}
	return "Scan paused: " + strings.Join(parts, ", ") + "."
}

// latencyText returns the effect on the latency of other clients.
func latencyText(r *profile.Receipt) string {
	var parts []string
	if r.LatencyBudgetS > 0 {
		parts = append(parts, "pages of "+pagesText(r)+" for --latency-budget")
	}
	if rtt := r.ProbeRTT; rtt != nil && rtt.Before != nil && rtt.During != nil {
		parts = append(parts, "PING took "+unit.FormatMicros(rtt.Before.P50S)+" (p99 "+unit.FormatMicros(rtt.Before.P99S)+
			") before and "+unit.FormatMicros(rtt.During.P50S)+" (p99 "+unit.FormatMicros(rtt.During.P99S)+") during the scan")
	}
	if len(parts) == 0 {
		return ""
	}
	return "Effect on other clients: " + strings.Join(parts, "; ") + "."
}

func pagesText(r *profile.Receipt) string {
	if r.PageLeast == r.PageMost {
		return plural(int64(r.Page), "key")
	}
	return unit.FormatCount(int64(r.PageLeast)) + " to " + plural(int64(r.PageMost), "key") + " (mostly about " + unit.FormatCount(int64(r.Page)) + ")"
}

func trafficText(r *profile.Receipt) string {
	return unit.FormatBytes(r.BytesOut) + " sent, " + unit.FormatBytes(r.BytesIn) + " received; " + commandsText(r.Commands)
}

// loadText returns the share of the main thread; empty if the run was too short.
func loadText(r *profile.Receipt) string {
	if r.ElapsedS < shortRun {
		return ""
	}
	return " (" + unit.FormatShare(mainThreadAtMost(r)/r.ElapsedS) + ")"
}

func commandsText(commands map[string]int64) string {
	names := slices.Sorted(maps.Keys(commands))
	slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(commands[b], commands[a]) })
	var total int64
	parts := make([]string, len(names))
	for i, name := range names {
		total += commands[name]
		parts[i] = displayWord(strings.ToUpper(name)) + " " + unit.FormatCount(commands[name])
	}
	return plural(total, "command") + ": " + strings.Join(parts, ", ") + "."
}
