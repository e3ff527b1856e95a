package report

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"

	"keyprof/report/diff"
	"keyprof/sampler/profile"
)

// DiffOptions say how to show a comparison. JSON is whole: of the options only
// Format counts then, and Under is an error.
type DiffOptions struct {
	Options
	// Namespaces are not listed that changed by less of the measure by which they
	// are, or by a lesser ratio of what there was.
	MinAmount, MinGrowth float64
	MinBytes             float64 // of bytes, whatever they are sorted by
}

// WriteDiff writes what changed to w, as o says. Nothing is written if it cannot
// be rendered.
func WriteDiff(w io.Writer, c *diff.Comparison, o DiffOptions) error {
	o.Options = o.withDefaults()
	if err := o.Validate(); err != nil {
		return err
	}
	var buf bytes.Buffer
	if err := renderDiff(&buf, c, o); err != nil {
		return fmt.Errorf("rendering as %s: %w", o.Format, err)
	}
	if _, err := w.Write(buf.Bytes()); err != nil {
		return fmt.Errorf("writing the diff: %w", err)
	}
	return nil
}

func renderDiff(buf *bytes.Buffer, c *diff.Comparison, o DiffOptions) error {
	switch o.Format {
	case JSON:
		text, err := json.MarshalIndent(c, "", "  ")
		if err != nil {
			return err
		}
		buf.Write(append(profile.EscapeHidden(text), '\n'))
		return nil
	case CSV:
		return renderDiffCSV(buf, newDiffView(c, o))
	case Markdown:
		renderMarkdown(buf, newDiffDocument(newDiffView(c, o)))
	default:
		renderText(buf, newDiffDocument(newDiffView(c, o)), o.Options)
	}
	return nil
}

// diffView is a comparison seen through options: which namespaces, in which order.
type diffView struct {
	c       *diff.Comparison
	o       DiffOptions
	by      diff.Measure // what namespaces are sorted by
	chosen  []*diff.Row  // below Options.Under, in order
	manyDBs bool
}

// diffMeasures are, for each Sort, the measures by which it may be done, the best
// first. The last one can always be compared, unless nothing can.
var diffMeasures = map[Sort][]diff.Measure{
	SortBytes:      {diff.Bytes, diff.Keys},
	SortKeys:       {diff.Keys},
	SortNoTTLBytes: {diff.NoTTLBytes, diff.NoTTLKeys, diff.Bytes, diff.Keys},
	SortIdleBytes:  {diff.HighIdleBytes, diff.Bytes, diff.Keys},
}

func newDiffView(c *diff.Comparison, o DiffOptions) *diffView {
	v := &diffView{c: c, o: o, by: diff.Keys}
	for _, m := range diffMeasures[o.Sort] {
		if c.Totals.Changes[m].Delta != nil {
			v.by = m
			break
		}
	}
	for i := range c.Namespaces {
		row := &c.Namespaces[i]
		if row.Other && o.Under == "" || !row.Other && Below(row.Pattern, o.Under) {
			v.chosen = append(v.chosen, row)
		}
	}
	v.manyDBs = countDBs(c.Old.Profile) > 1 || countDBs(c.New.Profile) > 1
	v.sortBy(v.chosen, v.by)
	return v
}

// sortBy puts what certainly changed first, then what changed most.
func (v *diffView) sortBy(rows []*diff.Row, m diff.Measure) {
	slices.SortStableFunc(rows, func(a, b *diff.Row) int {
		x, y := a.Changes[m], b.Changes[m]
		return cmp.Or(
			cmp.Compare(certain(y), certain(x)),
			cmp.Compare(size(y), size(x)),
			cmp.Compare(size(b.Changes[diff.Keys]), size(a.Changes[diff.Keys])),
			cmp.Compare(a.DB, b.DB),
			cmp.Compare(a.Pattern, b.Pattern),
		)
	})
}

// certain is 1 for what certainly changed, else 0.
func certain(c diff.Change) int {
	if c.Real() {
		return 1
	}
	return 0
}

// size is how large a change is; 0 if it is not known.
func size(c diff.Change) float64 {
	if c.Delta == nil {
		return 0
	}
	return math.Abs(*c.Delta)
}

// split parts the namespaces that get a row from the rest: those in which nothing
// certainly changed, or not enough.
func (v *diffView) split() (shown, rest []*diff.Row) {
	for _, row := range v.chosen {
		if v.worthARow(row) && (v.o.Top < 0 || len(shown) < v.o.Top) {
			shown = append(shown, row)
		} else {
			rest = append(rest, row)
		}
	}
	return shown, rest
}

func (v *diffView) worthARow(row *diff.Row) bool { return moved(row) && v.enough(row, v.by) }

// enough reports whether a measure changed by as much as the options ask for.
func (v *diffView) enough(row *diff.Row, by diff.Measure) bool {
	c := row.Changes[by]
	if growth, ok := c.Growth(); ok && math.Abs(growth) < v.o.MinGrowth {
		return false
	}
	return size(c) >= v.o.MinAmount && size(row.Changes[diff.Bytes]) >= v.o.MinBytes
}

// moved reports whether anything in a row certainly changed.
func moved(row *diff.Row) bool {
	return row.State != diff.Kept || slices.ContainsFunc(diff.Measures, func(m diff.Measure) bool { return row.Changes[m].Real() })
}
