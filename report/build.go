package report

import (
	"slices"

	"keyprof/report/unit"
	"keyprof/sampler/profile"
)

// newDocument decides what the report of a view says.
func newDocument(v *view) document {
	var d document
	d.title, d.facts = header(v)
	switch {
	case v.p.Totals.Keys.Value == 0:
		d.headlines = []line{say(words(emptyText(v))).in(strong)}
	case len(v.chosen) == 0 && v.o.Under != "":
		d.facts = d.facts[:len(d.facts)-1]
		d.headlines = []line{nothingUnder(v)}
		return d
	default:
		d.headlines = headlines(v)
		d.sections = findings(v)
	}
	d.sections = append(d.sections, doubts(v)...)
	return d
}

// findings are the sections about keys.
func findings(v *view) []section {
	list := []section{namespaceSection(v), neverExpiring(v), highIdle(v)}
	for _, build := range []func(*view) (section, bool){bandSection, typeSection, largestSection} {
		if s, ok := build(v); ok {
			list = append(list, s)
		}
	}
	return list
}

// doubts are the sections about the report itself.
func doubts(v *view) []section {
	var list []section
	if s, ok := trustSection(v); ok {
		list = append(list, s)
	}
	if s, ok := warningSection(v.p); ok {
		list = append(list, s)
	}
	return append(list, receiptSection(v.p))
}

// emptyText is the whole finding about an empty keyspace.
func emptyText(v *view) string {
	p, t := v.p, v.p.Totals
	switch {
	case t.Gone()+t.Unmeasured() > 0:
		return "No keys: none of those that SCAN returned could be measured."
	case sampled(p):
		return "No keys were in the sample."
	case !p.Complete:
		return "No keys were seen before the walk ended."
	case p.Design.Match != "":
		return "No keys match " + display(p.Design.Match) + "."
	case !v.extent.every():
		return "No keys in the " + verb(int64(len(v.extent.walked)), "database that was", "databases that were") + " walked."
	default:
		return "No keys."
	}
}

// nothingUnder helps somebody who mistyped a prefix.
func nothingUnder(v *view) line {
	all := v.p.Namespaces
	text := "No namespace lies under " + displayPrefix(v.o.Under) + "; there are " + unit.FormatCount(int64(len(all))) + ", the largest "
	after := ". The prefix must be how a namespace begins, as it is printed; which keys are walked is chosen with --match."
	if slices.ContainsFunc(all, func(ns profile.Namespace) bool { return ns.Other }) {
		after += " Some of what " + profile.OtherPattern + " sums up may lie under it."
	}
	return say(words(text), name(displayPattern(largestNamespace(v))), words(after))
}

func largestNamespace(v *view) *profile.Namespace {
	o := v.o
	o.Under = ""
	if list := newView(v.p, o).top(1); len(list) > 0 {
		return list[0]
	}
	return &v.p.Namespaces[0]
}
