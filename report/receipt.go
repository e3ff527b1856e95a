package report

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"keyprof/report/unit"
	"keyprof/sampler/profile"
)

// receiptSection says what the run cost the server.
func receiptSection(p *profile.Profile) section {
	return section{title: "What this cost the server", lines: []line{
		say(words(costText(&p.Receipt))).in(quiet),
		say(words(commandsText(p.Receipt.Commands))).in(quiet),
	}}
}

func costText(r *profile.Receipt) string {
	text := unit.FormatElapsed(r.ElapsedS) + " in all, " + unit.FormatElapsed(r.PausedS) + " of it pauses; " +
		"at most " + unit.FormatElapsed(r.MainThreadS) + " of the server's main thread" + loadText(r) + "; " +
		unit.FormatBytes(r.BytesOut) + " sent, " + unit.FormatBytes(r.BytesIn) + " received"
	if r.ServerCPUS != nil {
		text += "; the server used " + unit.FormatElapsed(*r.ServerCPUS) + " of CPU meanwhile, for all its clients"
	}
	return text + "."
}

// loadText is the share of the main thread; nothing for a run that is too short.
func loadText(r *profile.Receipt) string {
	if r.ElapsedS <= 0 || r.MainThreadS < shortRun {
		return ""
	}
	return " (" + unit.FormatShare(r.MainThreadS/r.ElapsedS) + ")"
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
