package report

import (
	"bytes"
	"encoding/csv"

	"keyprof/report/diff"
	"keyprof/report/unit"
)

// renderDiffCSV has a row a namespace, all of them whatever Top says, in base
// units, with empty cells for what is not known or not compared. Columns are
// called by the measure and old, new, change, noise or per_day; new ones go last.
func renderDiffCSV(buf *bytes.Buffer, v *diffView) error {
	w := csv.NewWriter(buf)
	head := []string{"db", "pattern", "state"}
	for _, m := range diff.Measures {
		for _, part := range changeParts {
			head = append(head, string(m)+"_"+part.name)
		}
	}
	if err := w.Write(head); err != nil {
		return err
	}
	for _, r := range v.chosen {
		if err := w.Write(diffRecord(r)); err != nil {
			return err
		}
	}
	w.Flush()
	return w.Error()
}

func diffRecord(r *diff.Row) []string {
	record := []string{dbNumber(r.DB), defuse(patternText(r.Pattern, r.Other)), string(r.State)}
	for _, m := range diff.Measures {
		for _, part := range changeParts {
			text := ""
			if v := part.of(r.Changes[m]); v != nil {
				text = unit.FormatPlainFloat(*v)
			}
			record = append(record, text)
		}
	}
	return record
}

// changeParts are the columns of a measure.
var changeParts = []struct {
	name string
	of   func(diff.Change) *float64
}{
	{"old", func(c diff.Change) *float64 { return c.Old }},
	{"new", func(c diff.Change) *float64 { return c.New }},
	{"change", func(c diff.Change) *float64 { return c.Delta }},
	{"noise", func(c diff.Change) *float64 { return c.Noise }},
	{"per_day", func(c diff.Change) *float64 { return c.PerDay }},
}
