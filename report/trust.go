package report

import (
	"keyprof/sampler/profile"
)

// trustSection says how far the figures hold: the cross-check against the
// server's own count, and what could not be measured.
func trustSection(v *view) (section, bool) {
	s := section{title: "How far to trust this", lines: infoChecks(v)}
	if text := notMeasured(&v.p.Totals); text != "" {
		s.lines = append(s.lines, say(words(text)))
	}
	if n := v.p.Totals.Stalled; n > 0 {
		s.lines = append(s.lines, say(words(plural(n, "key")+" stalled the server: the figures lack what it did not answer in time about "+verb(n, "it", "them")+".")))
	}
	for _, m := range v.p.Missing {
		s.lines = append(s.lines, missingLine(m))
	}
	return s, len(s.lines) > 0
}

// notMeasured tells of keys that SCAN returned and that are in no figure.
func notMeasured(t *profile.Stats) string {
	text := counted([]countOf{
		{t.Vanished, verb(t.Vanished, "was", "were") + " gone when probed"},
		{t.Expired, "expired between SCAN and probe"},
		{t.Moved, verb(t.Moved, "belongs", "belong") + " to another node of the cluster"},
		{t.Denied, verb(t.Denied, "lies", "lie") + " outside the user's ACL key patterns"},
		{t.TooLong, verb(t.TooLong, "has a name", "have names") + " too long to ask about"},
		{t.Failed, "gave an answer that makes no sense"},
	})
	if text == "" {
		return ""
	}
	return "Keys that SCAN returned and that are in no figure: " + text + "."
}

func missingLine(m profile.Missing) line {
	text := "Not measured on " + displayWord(m.Node) + ": " + displayWord(string(m.Measure)) + " (" + display(m.Reason) + ")."
	if m.Remedy != "" {
		text += " Remedy: " + display(m.Remedy)
	}
	return say(words(text)).in(alarm)
}

// warningSection numbers the warnings.
func warningSection(p *profile.Profile) (section, bool) {
	s := section{title: "Warnings", numbered: true}
	for _, w := range p.Warnings {
		text := display(w.Text)
		if w.Scope != "" {
			text = displayWord(w.Scope) + ": " + text
		}
		s.lines = append(s.lines, say(words(text+" ["+displayWord(w.Code)+"]")))
	}
	return s, len(s.lines) > 0
}
