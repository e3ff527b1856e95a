// Package report shows a profile: as a text report, as CSV or Markdown, or as
// the JSON document itself.
//
// A report starts from a [profile.Profile] and nothing else, and never changes
// it. What is said is decided first, as a small document of facts, sentences
// and tables ([document]); where it is put is the renderers' business. Every
// name that comes from a server is hostile until it went through [display] or
// one of its siblings.
package report

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"keyprof/sampler/aggregate"
	"keyprof/sampler/profile"
)

// Format is the format of a report.
type Format string

// The formats.
const (
	// Text is for users at a terminal.
	Text Format = "text"
	// JSON is the profile document itself, as [profile.Write] writes it. It is
	// whole: Options.Top and Options.Sort do not touch it, and Options.Under is
	// an error, since the totals of a part would not be its own.
	JSON Format = "json"
	// CSV has one row a namespace, all of them whatever Options.Top says, with
	// figures in base units and empty cells for what was not measured. A text
	// cell that a spreadsheet would take for a formula begins with an apostrophe.
	CSV Format = "csv"
	// Markdown is the text report for a ticket or a wiki.
	Markdown Format = "markdown"
)

// Formats returns the formats that Write accepts.
func Formats() []Format { return []Format{Text, JSON, CSV, Markdown} }

// Sort is the order of namespaces, largest first.
type Sort string

// The orders. What was not measured cannot be sorted by: the report then
// falls back to the next best measure and says so.
const (
	SortBytes      Sort = "bytes"
	SortKeys       Sort = "keys"
	SortNoTTLBytes Sort = "no-ttl-bytes"
	SortIdleBytes  Sort = "idle-bytes"
)

// Sorts returns the orders that Write accepts.
func Sorts() []Sort { return []Sort{SortBytes, SortKeys, SortNoTTLBytes, SortIdleBytes} }

// Defaults of Options, to be named by the flags.
const (
	DefaultFormat = Text
	DefaultSort   = SortBytes
	DefaultTop    = 20  // namespaces
	DefaultWidth  = 100 // columns
)

// minWidth is the narrowest report, in columns.
const minWidth = 60

// Options controls how a profile is shown. The zero value has the defaults.
type Options struct {
	Format Format
	Sort   Sort
	Top    int // namespaces listed, the others are summed up; 0: DefaultTop, negative: all
	// Under limits the report to namespaces below a prefix. The prefix ends
	// where a word ends: "user" holds user:<int> and user-agent but not
	// username:<rand>, "user:" holds user:<int>. Shares stay shares of the
	// whole keyspace.
	Under string
	Depth int  // namespaces are merged by so many segments after Under; 0: not at all
	Color bool // ANSI colors, in text only
	Width int  // columns of text, at least 60; 0: DefaultWidth
}

// Write writes p to w. Nothing is written if p cannot be rendered.
func Write(w io.Writer, p *profile.Profile, o Options) (err error) {
	o = o.withDefaults()
	if err := o.Validate(); err != nil {
		return err
	}
	if o.Depth > 0 {
		if p, err = aggregate.RollUp(p, o.Under, o.Depth); err != nil {
			return fmt.Errorf("--depth: %w", err)
		}
	}
	var buf bytes.Buffer
	if err := render(&buf, p, o); err != nil {
		return fmt.Errorf("rendering as %s: %w", o.Format, err)
	}
	if _, err := w.Write(buf.Bytes()); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return nil
}

func render(buf *bytes.Buffer, p *profile.Profile, o Options) error {
	switch o.Format {
	case JSON:
		return profile.Write(buf, p, profile.Plain)
	case CSV:
		return renderCSV(buf, newView(p, o))
	case Markdown:
		renderMarkdown(buf, newDocument(newView(p, o)))
	default:
		renderText(buf, newDocument(newView(p, o)), o)
	}
	return nil
}

func (o Options) withDefaults() Options {
	if o.Format == "" {
		o.Format = DefaultFormat
	}
	if o.Sort == "" {
		o.Sort = DefaultSort
	}
	if o.Top == 0 {
		o.Top = DefaultTop
	}
	if o.Width == 0 {
		o.Width = DefaultWidth
	}
	o.Width = max(o.Width, minWidth)
	return o
}

// Validate returns the error that Write would return for the options, in terms of
// the flags.
func (o Options) Validate() error {
	switch o = o.withDefaults(); {
	case !slices.Contains(Formats(), o.Format):
		return fmt.Errorf("--format %.40q: want one of %s", string(o.Format), List(Formats()))
	case !slices.Contains(Sorts(), o.Sort):
		return fmt.Errorf("--sort %.40q: want one of %s", string(o.Sort), List(Sorts()))
	case o.Format == JSON && o.Under != "":
		return errors.New("--under and --format json do not go together: the document is always whole")
	default:
		return nil
	}
}

// List returns the choices of a flag, with commas between them.
func List[T ~string](choices []T) string { return strings.Join(Words(choices), ", ") }

// Words returns the choices of a flag as plain strings.
func Words[T ~string](choices []T) []string {
	words := make([]string, len(choices))
	for i, c := range choices {
		words[i] = string(c)
	}
	return words
}

// newDocument composes the report of a view.
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

// findings returns the sections about keys.
func findings(v *view) []section {
	list := []section{namespaceSection(v), neverExpiring(v), highIdle(v)}
	for _, build := range []func(*view) (section, bool){bandSection, typeSection, largestSection} {
		if s, ok := build(v); ok {
			list = append(list, s)
		}
	}
	return list
}

// doubts returns the sections about the report itself.
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

// emptyText describes a keyspace without keys.
func emptyText(v *view) string {
	p, t := v.p, v.p.Totals
	switch {
	case t.Gone()+t.Unmeasured() > 0:
		return "No keys: none of the keys that SCAN returned could be measured."
	case sampled(p):
		return "No keys in the sample."
	case !p.Complete:
		return "No keys were seen before the scan stopped."
	case p.Design.Match != "":
		return "No keys match " + display(p.Design.Match) + "."
	case !v.extent.every():
		return "No keys in the scanned " + verb(int64(len(v.extent.scanned)), "database.", "databases.")
	default:
		return "No keys."
	}
}

// nothingUnder describes a prefix without namespaces, to help with a typing error.
func nothingUnder(v *view) line {
	all := v.p.Namespaces
	text := "No namespace is under " + displayPrefix(v.o.Under) + "; the profile has " + plural(int64(len(all)), "namespace") + ", the largest is "
	after := ". Give the beginning of a namespace as the report prints it; to scan only some keys, use --match."
	if slices.ContainsFunc(all, func(ns profile.Namespace) bool { return ns.Other }) {
		after += " " + profile.OtherPattern + " may include namespaces under it."
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
