package command

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"keyprof/report"
	"keyprof/report/unit"
	"keyprof/sampler"
	"keyprof/sampler/pattern"
	"keyprof/sampler/profile"
)

// byNames orders namespaces by their names, most first.
func byNames(a, b sampler.NameGroup) int { return int(min(1, max(-1, b.Names-a.Names))) }

// writeGroupsText writes a table of the top namespaces, 0 being all. Examples
// are clipped to a width in columns, 0 being none; namespaces are not.
func writeGroupsText(w io.Writer, groups *sampler.NameGroups, top, width int) {
	if len(groups.Namespaces) == 0 {
		return // a warning has said so
	}
	slices.SortStableFunc(groups.Namespaces, byNames)
	shown, rest := groups.Namespaces, []sampler.NameGroup(nil)
	if top > 0 && len(shown) > top+1 { // one row would take the place of one
		shown, rest = shown[:top], shown[top:]
	}
	var text strings.Builder
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', tabwriter.AlignRight)
	row := func(names int64, what string) {
		share := unit.FormatPercent(float64(names) / float64(groups.Names))
		fmt.Fprintf(table, "%s\t%s\t  %s\n", unit.FormatCount(names), share, what)
	}
	fmt.Fprintf(table, "names\t%%\t  namespace\n")
	for _, n := range shown {
		row(n.Names, display(n))
	}
	if len(rest) > 0 {
		var names int64
		for _, n := range rest {
			names += n.Names
		}
		row(names, fmt.Sprintf("… %s more namespaces", unit.FormatCount(int64(len(rest)))))
	}
	table.Flush()
	for i, line := range strings.Split(strings.TrimSuffix(text.String(), "\n"), "\n") {
		if i > 0 && i <= len(shown) {
			line = withExample(line, shown[i-1], width)
		}
		fmt.Fprintln(w, line)
	}
}

// display is the namespace as reports print it.
func display(n sampler.NameGroup) string {
	return report.NamespaceText(&profile.Namespace{Pattern: n.Pattern, Other: n.Other})
}

// fewestColumns is the shortest example worth showing.
const fewestColumns = 12

// withExample adds a name of the group for people to its row, unless the pattern
// is that name or there is no room for it; width 0 is any.
func withExample(row string, n sampler.NameGroup, width int) string {
	if len(n.Examples) == 0 || n.Examples[0].Name == n.Pattern || n.Examples[0].Name == "" {
		return row
	}
	row += "   such as "
	room := 0
	if width > 0 {
		if room = width - report.Columns(row); room < fewestColumns {
			return strings.TrimSuffix(row, "   such as ")
		}
	}
	return row + report.KeyText(n.Examples[0].KeyName, room)
}

// writeGroupsJSON writes a document that --patterns takes, rules and all.
func writeGroupsJSON(w io.Writer, groups *sampler.NameGroups, o patternsOptions) error {
	type namespace struct {
		Pattern  string            `json:"pattern"`
		Other    bool              `json:"other,omitempty"`
		Rule     bool              `json:"rule,omitempty"`
		Names    int64             `json:"names"`
		Examples []profile.KeyName `json:"examples"`
	}
	document := struct {
		Names      int64               `json:"names"`
		Namespaces []namespace         `json:"namespaces"`
		Patterns   *pattern.Dictionary `json:"patterns"`
		Rules      []string            `json:"pattern_rules,omitempty"`
		Redacted   bool                `json:"redacted,omitempty"`
	}{groups.Names, []namespace{}, groups.Dictionary, nil, o.Redact != nil}
	if o.Redact == nil {
		document.Rules = o.Grouping.Rules.Texts()
	}
	for _, n := range groups.Namespaces {
		row := namespace{n.Pattern, n.Other, n.Rule, n.Names, []profile.KeyName{}}
		for _, key := range n.Examples {
			row.Examples = append(row.Examples, key.KeyName)
		}
		document.Namespaces = append(document.Namespaces, row)
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(document)
}
