package report

import (
	"math"

	"keyprof/report/unit"
	"keyprof/sampler/estimate"
	"keyprof/sampler/profile"
)

// sampled reports whether the figures are estimates from a sample.
func sampled(p *profile.Profile) bool { return p.Design.Method == profile.MethodSample }

// aboutText returns an estimate for people: "about 1,234,000 keys (±2.0 %)", or "at
// least 3.2 GiB" if it has no upper bound.
func aboutText(e *profile.Estimate, format func(int64) string) string {
	off := halfWidth(e)
	switch {
	case e.IsExact():
		return format(e.Value)
	case e.Hi == nil:
		return "at least " + format(e.Lo)
	case off == nil || *off >= 1:
		return "between " + format(e.Lo) + " and " + format(*e.Hi)
	default:
		return "about " + format(rounded(e)) + " (±" + unit.FormatShare(*off) + ")"
	}
}

// halfWidth returns the half-width of an estimate's interval as a ratio; nil if
// unknown.
func halfWidth(e *profile.Estimate) *float64 {
	if e == nil || e.Hi == nil || e.Value <= 0 {
		return nil
	}
	return ptrTo(float64(max(*e.Hi-e.Value, e.Value-e.Lo)) / float64(e.Value))
}

func ptrTo(v float64) *float64 { return &v }

// rounded drops digits below a tenth of the half-width of the interval.
func rounded(e *profile.Estimate) int64 {
	half := max(*e.Hi-e.Value, e.Value-e.Lo)
	step := int64(1)
	for half/step >= 100 {
		step *= 10
	}
	return (e.Value + step/2) / step * step
}

func keysText(n int64) string { return plural(n, "key") }

// estimateFact returns the estimate of all keys.
func estimateFact(p *profile.Profile) fact {
	return fact{label: "estimate", line: say(words(totalText(&p.Totals))).in(strong)}
}

// totalText returns keys and bytes, with their intervals if they are estimates.
func totalText(t *profile.Stats) string {
	text := aboutText(&t.Keys, keysText)
	if t.Bytes != nil {
		text += " with " + aboutText(t.Bytes, unit.FormatBytes)
	}
	return text
}

// sampleLines returns how accurate a sample is.
func sampleLines(v *view) []line {
	lines := []line{say(words("Figures are estimates; ± is the 95 % confidence interval."))}
	for i := range v.p.Nodes {
		n := &v.p.Nodes[i]
		for j := range n.Databases {
			lines = append(lines, coveredLine(v.p, n, &n.Databases[j]))
		}
	}
	if b := v.p.Totals.Bytes; b != nil {
		if b.Hi == nil {
			lines = append(lines, say(words("A few keys hold so many bytes that the sample gives only a lower bound of the total: "+aboutText(b, unit.FormatBytes)+".")).in(critical))
		}
		lines = append(lines, say(words(unseenText(v.p))))
		lines = append(lines, balanceLine(v))
	}
	return lines
}

// unseenText applies the rule of three.
func unseenText(p *profile.Profile) string {
	n := estimate.Unseen(p.Design.Sample.Covered)
	if n == 0 {
		return "No key is larger than the largest one measured."
	}
	together := ""
	if p.Design.Sample.Slots != nil {
		together = ", or more if they share hash tags"
	}
	return "Up to " + plural(n, "key") + " larger than the largest measured may exist (95 %)" + together + "."
}

// coveredLine compares the estimated number of keys with INFO.
func coveredLine(p *profile.Profile, n *profile.Node, db *profile.Database) line {
	lead := "Keys, db" + dbNumber(db.DB) + ": "
	if db.Covered == nil {
		return say(words(lead + "not sampled."))
	}
	if slots := p.Design.Sample.Slots; slots != nil {
		return slotsLine(slots, db, lead)
	}
	seen := probedIn(p, db.DB)
	frame := estimate.NewFrame(*db.Covered, seen)
	count := frame.Count(seen)
	text := lead + plural(seen, "key") + " in " + unit.FormatShare(*db.Covered) + " of the cursor positions, so " + aboutText(&count, unit.FormatCount)
	if why := notComparable(p); why != "" || db.Before == nil {
		return say(words(text + "."))
	}
	told := estimate.ReportedKeys{Before: db.Before.Keys, After: db.Before.Keys, Expiring: db.Before.Expires}
	if db.After != nil {
		told.After = db.After.Keys
	}
	text += "; INFO had " + unit.FormatCount(told.Before) + " before"
	within := count.Lo <= max(told.Before, told.After) && (count.Hi == nil || min(told.Before, told.After) <= *count.Hi)
	switch more := count.Value - told.Before; {
	case within:
		return say(words(text + ": they agree."))
	case frame.Agrees(told):
		return say(words(text + ": by chance so far off in one of some thousand samples, or keys were written or deleted in the order of SCAN."))
	case more > 0:
		return say(words(text + ": about " + unit.FormatCount(more) + " more (duplicates or new keys)."))
	default:
		return say(words(text + ": about " + unit.FormatCount(-more) + " fewer (" + whyFewer(&p.Receipt, n) + ")."))
	}
}

// slotsLine compares the number of keys in the slots of a cluster with INFO.
func slotsLine(slots *profile.SampledSlots, db *profile.Database, lead string) line {
	text := lead + plural(db.Returned, "key") + " in " + unit.FormatCount(slots.Drawn) + " slots, chosen at random from " + unit.FormatCount(slots.Filled) +
		" that hold " + plural(slots.Keys, "key")
	switch {
	case db.Before == nil:
		return say(words(text + "."))
	case db.Before.Keys == slots.Keys && (db.After == nil || db.After.Keys == slots.Keys):
		return say(words(text + "; INFO has the same count."))
	case db.After == nil:
		return say(words(text + "; INFO had " + unit.FormatCount(db.Before.Keys) + " before."))
	default:
		return say(words(text + "; INFO had " + unit.FormatCount(db.Before.Keys) + " before and " + unit.FormatCount(db.After.Keys) + " after."))
	}
}

func probedIn(p *profile.Profile, db int) (n int64) {
	for i := range p.Namespaces {
		if ns := &p.Namespaces[i]; ns.DB == db {
			n += ns.Probed
		}
	}
	return n
}

// balanceLine compares the estimated bytes with the memory of the server.
func balanceLine(v *view) line {
	const lead = "Bytes not checked against the server's memory: "
	e := v.extent
	if !e.every() || e.matched || e.incomplete || e.unmeasured > 0 {
		return say(words(lead + "not all keys were scanned and measured."))
	}
	b, ok := estimate.BalanceOf(v.p)
	if !ok {
		return say(words(lead + "INFO lacks the fields for it."))
	}
	text := "Memory: " + unit.FormatBytes(b.Data()) + " without startup memory and buffers; keys account for about " + unit.FormatBytes(b.Keys.Value) +
		" and their hash tables for about " + unit.FormatBytes(b.Tables) + ". "
	left := b.Unexplained()
	part := unit.FormatShare(math.Min(1, math.Abs(float64(left))/math.Max(1, float64(b.Data()))))
	switch {
	case left >= 0:
		text += "Unexplained: " + unit.FormatBytes(left) + " (" + part + ")."
	default:
		text += "That is " + unit.FormatBytes(-left) + " (" + part + ") more than there is."
	}
	if b.Large() {
		return say(words(text + " That is much: the sample may have missed large keys, or counts them for too many; a full scan gives exact figures.")).in(critical)
	}
	return say(words(text))
}
