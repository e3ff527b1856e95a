package aggregate

import (
	"cmp"
	"slices"
	"strings"

	"keyprof/sampler/profile"
)

// row is a row of the profile to be.
type row struct {
	db      int
	pattern string
	other   bool // what lies beyond the limit
	rule    bool // a rule gave the name
	sums    *accumulator
}

func (r row) compare(s row) int {
	return cmp.Or(cmp.Compare(r.db, s.db), cmp.Compare(boolInt(r.other), boolInt(s.other)), strings.Compare(r.pattern, s.pattern))
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (r row) namespace(m Measures) profile.Namespace {
	return profile.Namespace{DB: r.db, Pattern: r.pattern, Other: r.other, Rule: r.rule, Stats: m.stats(r.sums)}
}

// limitRows keeps the rows with the most bytes, those with the most keys where
// sizes are equal or not known, and sums up the others by database. All that
// goes into the choice is in the rows, so it is the same on every run.
func limitRows(rows []row, limit int) []row {
	slices.SortFunc(rows, func(a, b row) int {
		return cmp.Or(cmp.Compare(b.sums.bytes, a.sums.bytes), cmp.Compare(b.sums.probed, a.sums.probed), a.compare(b))
	})
	rest := rows[min(len(rows), limit):]
	rows = rows[:len(rows)-len(rest)]
	others := map[int]*accumulator{}
	for _, r := range rest {
		if others[r.db] == nil {
			others[r.db] = newAccumulator()
			rows = append(rows[:len(rows):len(rows)], row{db: r.db, pattern: profile.OtherPattern, other: true, sums: others[r.db]})
		}
		others[r.db].merge(r.sums)
	}
	slices.SortFunc(rows, row.compare)
	return rows
}

// total is the sum over all rows.
func total(rows []row) *accumulator {
	sum := newAccumulator()
	for _, r := range rows {
		sum.merge(r.sums)
	}
	return sum
}
