package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode/utf16"
	"unicode/utf8"

	"keyprof/sampler/profile"
)

// renderJSON writes the document, indented. Characters that must not reach a
// terminal are written as \uXXXX: outside of strings JSON has none of them.
func renderJSON(out *bytes.Buffer, p *profile.Profile, under string) error {
	var raw bytes.Buffer
	enc := json.NewEncoder(&raw)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(part(p, under)); err != nil {
		return err
	}
	escapeJSON(out, raw.Bytes())
	return nil
}

// escapeJSON copies valid JSON, with hidden characters escaped.
func escapeJSON(out *bytes.Buffer, raw []byte) {
	for len(raw) > 0 {
		r, size := utf8.DecodeRune(raw)
		switch {
		case r == '\n' || !hidden(r):
			out.Write(raw[:size])
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(out, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(out, `\u%04x`, r)
		}
		raw = raw[size:]
	}
}

// WarningUnder is the code of the warning in a document that lists only a part
// of the namespaces.
const WarningUnder = "report-under"

// part is p, or the part of it that lies under a prefix: its namespaces and
// their largest keys. Everything else, the totals too, stays as it is.
func part(p *profile.Profile, under string) *profile.Profile {
	if under == "" {
		return p
	}
	less := *p
	less.Namespaces = []profile.Namespace{}
	for _, ns := range p.Namespaces {
		if !ns.Other && below(ns.Pattern, under) {
			less.Namespaces = append(less.Namespaces, ns)
		}
	}
	v := newView(p, Options{Sort: DefaultSort, Under: under})
	less.Largest = append([]profile.Key{}, largestOf(v.chosen)...)
	less.Warnings = append(p.Warnings[:len(p.Warnings):len(p.Warnings)], profile.Warning{
		Code: WarningUnder, Scope: under,
		Text: "only namespaces below this prefix, and their largest keys, are listed; all other figures are of the whole keyspace",
	})
	return &less
}
