package report

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"keyprof/report/unit"
	"keyprof/sampler/profile"
)

// CheckupFormats returns the formats that WriteCheckup accepts.
func CheckupFormats() []Format { return []Format{Text, JSON} }

// WriteCheckup writes the result of a check. Only Format, Color and Width of the
// options are used.
func WriteCheckup(w io.Writer, r *profile.Checkup, o Options) error {
	o = o.withDefaults()
	var buf bytes.Buffer
	switch o.Format {
	case Text:
		renderText(&buf, checkupDocument(r), o)
	case JSON:
		text, err := r.JSON()
		if err != nil {
			return fmt.Errorf("rendering as %s: %w", o.Format, err)
		}
		buf.Write(text)
	default:
		return fmt.Errorf("--format %.40q: want one of %s", string(o.Format), List(CheckupFormats()))
	}
	if _, err := w.Write(buf.Bytes()); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return nil
}

// checkupDocument composes the text of a check.
func checkupDocument(r *profile.Checkup) document {
	d := document{
		title:     displayWord(r.Tool.Name) + " " + displayWord(r.Tool.Version) + ", check of " + unit.FormatTime(r.Checked),
		facts:     checkupFacts(r),
		headlines: []line{verdictLine(r)},
	}
	if len(r.Reasons) > 0 {
		d.sections = append(d.sections, reasonSection(r))
	}
	if access := accessSection(r); len(access.lines) > 0 {
		d.sections = append(d.sections, access)
	}
	d.sections = append(d.sections, forecastSection(r))
	if s, ok := warningSection(&profile.Profile{Warnings: r.Warnings}); ok {
		d.sections = append(d.sections, s)
	}
	d.sections = append(d.sections, section{title: "What this check cost the server", lines: []line{
		say(words(commandsText(r.Commands))).in(quiet),
		say(words("SCAN was sent with an invalid cursor, which the server refuses before it reads any key.")).in(quiet),
	}})
	return d
}

func verdictLine(r *profile.Checkup) line {
	switch r.Verdict {
	case profile.VerdictComplete:
		return say(words("The profile would be complete, with all measures.")).in(strong)
	case profile.VerdictLacking:
		return say(words("The profile would be incomplete.")).in(critical)
	default:
		return say(words("No profile can be made.")).in(critical)
	}
}

func checkupFacts(r *profile.Checkup) []fact {
	s := &r.Server
	facts := nodeFacts(&profile.Node{
		Address: s.Address, Role: s.Role, Engine: s.Engine, Version: s.Version, UptimeS: s.UptimeS,
		Policy: s.Policy, Maxmemory: s.Maxmemory, UsedMemory: s.UsedMemory,
	})
	add := func(label, text string) { facts = append(facts, fact{label: label, line: say(words(text))}) }
	if s.Link != nil {
		add("link", linkText(s.Link))
	}
	add("databases", selectedText(s.Databases))
	if r.Walk.Match != "" {
		facts = append(facts, matchFact(r.Walk.Match))
	}
	add("user", displayWord(r.ACL.User))
	add("measures", measuresText(r.Measures))
	return facts
}

// linkText returns the state of a replica's link.
func linkText(l *profile.CheckupLink) string {
	text := displayWord(l.Status) + ", to " + displayWord(l.Primary)
	switch {
	case l.Syncing:
		text += ", full resync in progress"
	case l.Status == "up" && l.HeardS != nil:
		text += ", last heard from " + unit.FormatDuration(float64(*l.HeardS)) + " ago"
	case l.Status != "up" && l.DownS != nil:
		text += ", for " + unit.FormatDuration(float64(*l.DownS))
	case l.Status != "up":
		text += ", since this replica was started"
	}
	return text
}

// selectedText lists the databases that would be scanned, then the others.
func selectedText(dbs []profile.CheckupDatabase) string {
	var chosen, left []int
	keys := map[int]int64{}
	for _, db := range dbs {
		if db.Keys != nil {
			keys[db.DB] = *db.Keys
		}
		if db.Selected {
			chosen = append(chosen, db.DB)
		} else {
			left = append(left, db.DB)
		}
	}
	text := listDBs(chosen, keys)
	if len(left) > 0 {
		text = "only " + text + "; not " + listDBs(left, keys)
	}
	return text
}

func measuresText(measures []profile.CheckupMeasure) string {
	var allowed, refused []string
	for _, m := range measures {
		text := displayWord(string(m.Measure)) + " (" + displayWord(strings.ToUpper(m.Command)) + ")"
		if m.Allowed {
			allowed = append(allowed, text)
		} else {
			refused = append(refused, text)
		}
	}
	switch {
	case len(refused) == 0:
		return strings.Join(allowed, ", ")
	case len(allowed) == 0:
		return "none: not " + strings.Join(refused, ", ")
	default:
		return strings.Join(allowed, ", ") + "; not " + strings.Join(refused, ", ")
	}
}

func reasonSection(r *profile.Checkup) section {
	s := section{title: "What would be missing"}
	if r.Verdict == profile.VerdictImpossible {
		s.title = "Why"
	}
	for _, reason := range r.Reasons {
		s.lines = append(s.lines, say(words(display(reason))).in(critical))
	}
	return s
}

// accessSection returns commands for an administrator to copy.
func accessSection(r *profile.Checkup) section {
	s := section{title: "Access"}
	if r.ACL.Add != "" {
		s.lines = append(s.lines, say(words("To grant the missing permissions:")), command(r.ACL.Add))
	}
	if own := ownText(r); own != "" {
		s.lines = append(s.lines, say(words(own)), command(r.ACL.Own))
	}
	return s
}

// defaultUser is the ACL user of connections that do not log in.
const defaultUser = "default"

// ownText introduces the command for a user of keyprof's own. A user who has all
// needed permissions, and perhaps more for good reasons, is left alone.
func ownText(r *profile.Checkup) string {
	switch {
	case r.ACL.Own == "": // there is no ACL
		return ""
	case r.ACL.User == defaultUser:
		return "To create a user with only the permissions that keyprof needs (replace PASSWORD):"
	case r.ACL.Add != "":
		return "Or, if only keyprof uses the user " + displayWord(r.ACL.User) + ", to grant them and remove all other permissions:"
	default:
		return ""
	}
}

// command returns a line to be copied. Escapes may make it unusable for a user with
// a hostile name.
func command(text string) line {
	l := say(words(strings.Join(tokens(text, false), "")))
	l.verbatim = true
	return l
}

// forecastSection returns the expected cost of a full scan.
func forecastSection(r *profile.Checkup) section {
	s := section{title: "Full scan"}
	w := &r.Walk
	switch {
	case w.KeyCPUS == nil:
		s.lines = []line{say(words("No estimate, as no key can be measured."))}
	case w.Keys == nil:
		s.lines = []line{say(words("The number of keys is unknown, as INFO is refused. A million keys would take " + million(w.KeyCPUS) + " of the server's main thread."))}
	default:
		s.lines = []line{say(words(plural(*w.Keys, "key") + " by INFO would take " + rangeText(w.ElapsedS) + " at " + paceText(w) + ", and " +
			rangeText(w.ServerCPUS) + " of the server's CPU (its main thread)."))}
	}
	for _, basis := range w.Basis {
		s.notes = append(s.notes, say(words("• "+sentence(basis))).in(quiet))
	}
	return s
}

// sentence makes a sentence of a clause.
func sentence(clause string) string {
	text := display(clause)
	return strings.ToUpper(text[:min(1, len(text))]) + text[min(1, len(text)):] + "."
}

func paceText(w *profile.CheckupWalk) string {
	text := "--max-load " + unit.FormatExactShare(w.MaxLoad)
	if w.Rate > 0 {
		text += " and --rate " + unit.FormatPlainFloat(w.Rate)
	}
	return text
}

func million(r *profile.CheckupRange) string {
	return rangeText(&profile.CheckupRange{Lo: r.Lo * 1e6, Hi: r.Hi * 1e6})
}

func rangeText(r *profile.CheckupRange) string {
	ends := slices.Compact([]string{unit.FormatElapsed(r.Lo), unit.FormatElapsed(r.Hi)})
	return strings.Join(ends, " to ")
}
