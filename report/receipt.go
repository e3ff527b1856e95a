package report

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"keyprof/report/unit"
	"keyprof/sampler/profile"
)

// receiptSection says what the run cost the server, and what each figure leaves
// out or counts too much.
func receiptSection(p *profile.Profile) section {
	r := &p.Receipt
	var lines []line
	for _, text := range []string{timeText(r), serverText(r), traceText(r), feltText(r), brakesText(r.Brakes), waitsText(r.Waits), trafficText(r)} {
		if text != "" {
			lines = append(lines, say(words(text)).in(quiet))
		}
	}
	return section{title: "What this cost the server", lines: lines}
}

func timeText(r *profile.Receipt) string {
	text := unit.FormatElapsed(r.ElapsedS) + " in all, " + unit.FormatElapsed(r.PausedS) + " of it pauses" + pausesText(r) + "; " +
		bound(r) + " " + unit.FormatElapsed(mainThreadAtMost(r)) + " of its main thread was ours" + loadText(r) + "; "
	if r.OverLink {
		return text + "that is estimated from what our commands cost by INFO commandstats, as reply times are those of the link (a round trip takes at least " + unit.FormatMicros(r.LeastRTTS) + ")."
	}
	return text + "our round trips took " +
		unit.FormatElapsed(r.MainThreadS) + " more than the quickest, waiting for other clients and for the network included."
}

// pausesText says what the pauses were for.
func pausesText(r *profile.Receipt) string {
	switch {
	case r.PausedS < shortRun/10:
		return ""
	case r.PausedForRateS == 0:
		return " to keep to --max-load"
	case r.PausedForRateS >= r.PausedS:
		return " to keep to --rate"
	}
	return ", " + unit.FormatElapsed(r.PausedForRateS) + " of these to keep to --rate and the others to --max-load"
}

// serverText is what the server itself says.
func serverText(r *profile.Receipt) string {
	var parts []string
	if r.CommandS != nil {
		parts = append(parts, unit.FormatElapsed(*r.CommandS)+" in such commands (commandstats, without parsing and replying)")
	}
	if r.ServerCPUS != nil {
		parts = append(parts, unit.FormatElapsed(*r.ServerCPUS)+" of CPU")
	}
	if len(parts) == 0 {
		return ""
	}
	return "What the server says, for all its clients: " + strings.Join(parts, ", ") + "."
}

// traceText is what the run left behind in the server's statistics.
func traceText(r *profile.Receipt) string {
	text := "Added " + unit.FormatCount(r.KeyspaceHits) + " to its keyspace hits and " + unit.FormatCount(r.KeyspaceMisses) + " to its misses"
	if r.ExpiredMeanwhile != nil {
		text += "; " + plural(*r.ExpiredMeanwhile, "key") + " expired meanwhile, some perhaps because SCAN met them"
	}
	if evicted := orZero(r.EvictedMeanwhile); evicted > 0 {
		text += "; " + plural(evicted, "key") + " " + verb(evicted, "was", "were") + " evicted meanwhile" + evictedByUs(r)
	}
	if r.Repeats > 0 {
		text += "; " + plural(r.Repeats, "name") + " came twice and counted once"
	}
	return text + "."
}

// evictedByUs says how many evictions were perhaps ours.
func evictedByUs(r *profile.Receipt) string {
	switch {
	case r.EvictedByUs == nil:
		return ", some perhaps for our connections' buffers"
	case *r.EvictedByUs == 0:
		return ", none for our connections' buffers"
	}
	return ", of which our connections' buffers (" + unit.FormatBytes(r.BufferBytes) + " at most) explain at most " + unit.FormatCount(*r.EvictedByUs)
}

// waitsText says how long the server could not be used.
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

// brakesText says why the walk stood back.
func brakesText(brakes []profile.Brake) string {
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
	return "Stood back from the server: " + strings.Join(parts, ", ") + "."
}

// feltText is what other clients felt, and by what pages they were spared.
func feltText(r *profile.Receipt) string {
	var parts []string
	if r.LatencyBudgetS > 0 {
		parts = append(parts, "pages of "+pagesText(r)+" to keep to --latency-budget")
	}
	if rtt := r.ProbeRTT; rtt != nil && rtt.Before != nil && rtt.During != nil {
		parts = append(parts, "PING took "+unit.FormatMicros(rtt.Before.P50S)+" (p99 "+unit.FormatMicros(rtt.Before.P99S)+
			") before and "+unit.FormatMicros(rtt.During.P50S)+" (p99 "+unit.FormatMicros(rtt.During.P99S)+") while we ran")
	}
	if len(parts) == 0 {
		return ""
	}
	return "What others felt: " + strings.Join(parts, "; ") + "."
}

func pagesText(r *profile.Receipt) string {
	if r.PageLeast == r.PageMost {
		return plural(int64(r.Page), "key")
	}
	return unit.FormatCount(int64(r.PageLeast)) + " to " + plural(int64(r.PageMost), "key") + ", mostly about " + unit.FormatCount(int64(r.Page)) + ","
}

func trafficText(r *profile.Receipt) string {
	return unit.FormatBytes(r.BytesOut) + " sent, " + unit.FormatBytes(r.BytesIn) + " received; " + commandsText(r.Commands)
}

// loadText is the share of the main thread; nothing for a run that is too short.
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
