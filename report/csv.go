package report

import (
	"bytes"
	"encoding/csv"
	"slices"
	"strings"

	"keyprof/report/unit"
	"keyprof/sampler/profile"
)

// csvColumn is a column of the CSV report: its stable name, as in the JSON
// document, and its cell.
type csvColumn struct {
	name string
	cell func(*view, *profile.Namespace) string
}

// csvColumns lists the columns in their order. New ones are appended to
// laterColumns.
var csvColumns = []csvColumn{
	{"db", func(_ *view, ns *profile.Namespace) string { return dbNumber(ns.DB) }},
	{"pattern", func(_ *view, ns *profile.Namespace) string { return defuse(displayPattern(ns)) }},
	csvAmount("keys", keysOf),
	csvShare("keys_share", keysOf),
	csvAmount("bytes", bytesOf),
	csvShare("bytes_share", bytesOf),
	csvAmount("sampled_bytes", sampledOf),
	csvAmount("no_ttl_keys", noTTLKeysOf),
	csvAmount("no_ttl_bytes", noTTLBytesOf),
	csvAmount("high_idle_keys", idleKeysOf),
	csvAmount("high_idle_bytes", idleBytesOf),
	csvQuantile("ttl_p50_s", func(t summary) *float64 { return t.ttl.median() }),
	csvQuantile("idle_p50_s", func(t summary) *float64 { return t.idle.median() }),
	csvQuantile("size_mean", func(t summary) *float64 { return t.size.average() }),
	csvQuantile("size_p50", func(t summary) *float64 { return t.size.median() }),
	csvQuantile("size_p99", func(t summary) *float64 { return t.size.tail() }),
	csvQuantile("size_max", func(t summary) *float64 { return t.size.largest() }),
	csvAmount("vanished", func(s *profile.Stats) *int64 { return &s.Vanished }),
	csvAmount("expired_keys", func(s *profile.Stats) *int64 { return &s.Expired }),
	csvAmount("denied", func(s *profile.Stats) *int64 { return &s.Denied }),
	csvAmount("failed", func(s *profile.Stats) *int64 { return &s.Failed }),
}

// sampleColumns follow for a sample: the ends of intervals. An unknown upper end is
// empty.
var sampleColumns = []csvColumn{
	csvAmount("probed", func(s *profile.Stats) *int64 { return &s.Probed }),
	csvAmount("keys_lo", func(s *profile.Stats) *int64 { return &s.Keys.Lo }),
	csvAmount("keys_hi", func(s *profile.Stats) *int64 { return s.Keys.Hi }),
	csvAmount("bytes_lo", loOf),
	csvAmount("bytes_hi", hiOf),
}

// laterColumns follow for every profile.
var laterColumns = []csvColumn{
	csvAmount("moved", func(s *profile.Stats) *int64 { return &s.Moved }),
	csvAmount("stalled", func(s *profile.Stats) *int64 { return &s.Stalled }),
	csvAmount("too_long", func(s *profile.Stats) *int64 { return &s.TooLong }),
}

func loOf(s *profile.Stats) *int64 {
	if s.Bytes == nil {
		return nil
	}
	return &s.Bytes.Lo
}

func hiOf(s *profile.Stats) *int64 {
	if s.Bytes == nil {
		return nil
	}
	return s.Bytes.Hi
}

func csvAmount(name string, of measureOf) csvColumn {
	return csvColumn{name, func(_ *view, ns *profile.Namespace) string {
		if n := of(&ns.Stats); n != nil {
			return unit.FormatPlain(*n)
		}
		return ""
	}}
}

func csvShare(name string, of measureOf) csvColumn {
	return csvColumn{name, func(v *view, ns *profile.Namespace) string {
		return plainFloat(ratio(of(&ns.Stats), of(&v.p.Totals)))
	}}
}

func csvQuantile(name string, of func(summary) *float64) csvColumn {
	return csvColumn{name, func(_ *view, ns *profile.Namespace) string {
		return plainFloat(of(summarize(&ns.Stats)))
	}}
}

func plainFloat(v *float64) string {
	if v == nil {
		return ""
	}
	return unit.FormatPlainFloat(*v)
}

// renderCSV writes a row for each namespace, (other) last.
func renderCSV(out *bytes.Buffer, v *view) error {
	w := csv.NewWriter(out)
	columns := slices.Concat(csvColumns, laterColumns)
	if sampled(v.p) {
		columns = slices.Concat(csvColumns, sampleColumns, laterColumns)
	}
	head := make([]string, len(columns))
	for i, c := range columns {
		head[i] = c.name
	}
	if err := w.Write(head); err != nil {
		return err
	}
	for _, ns := range append(v.chosen[:len(v.chosen):len(v.chosen)], v.other...) {
		record := make([]string, len(columns))
		for i, c := range columns {
			record[i] = c.cell(v, ns)
		}
		if err := w.Write(record); err != nil {
			return err
		}
	}
	w.Flush()
	return w.Error()
}

// defuse keeps a spreadsheet from running a name as a formula.
func defuse(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}
