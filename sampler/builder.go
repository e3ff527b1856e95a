package sampler

import (
	"cmp"
	"maps"
	"slices"

	"keyprof/sampler/pattern"
	"keyprof/sampler/profile"
)

// DefaultNamespaceLimit is how many namespaces are kept before the rest is
// summed up under "(other)".
const DefaultNamespaceLimit = 4096

// namespace identifies a row of the profile.
type namespace struct {
	db      int
	pattern string
	other   bool // what lies beyond the limit
}

func (n namespace) compare(other namespace) int {
	return cmp.Or(cmp.Compare(n.db, other.db), cmp.Compare(boolInt(n.other), boolInt(other.other)), cmp.Compare(n.pattern, other.pattern))
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Builder folds pages into namespaces. It is for one goroutine; builders of
// several merge. It does no I/O.
type Builder struct {
	limit        int
	highIdleOver int64 // seconds; below 0: not told
	lexer        *pattern.Lexer
	scratch      []byte
	rows         map[int]map[string]*accumulator // by database, then pattern
	others       map[int]*accumulator            // by database
	count        int                             // of rows
	largest      standouts
}

// NewBuilder makes a builder that keeps at most limit namespaces. Keys idle
// for more than highIdleOver seconds are high-idle; below 0 none is.
func NewBuilder(limit int, highIdleOver int64) *Builder {
	return &Builder{
		limit: limit, highIdleOver: highIdleOver,
		lexer:   pattern.NewLexer(),
		rows:    map[int]map[string]*accumulator{},
		others:  map[int]*accumulator{},
		largest: standouts{limit: largestOverallKept},
	}
}

// Add folds one page. It keeps nothing of it.
func (b *Builder) Add(page *Page) {
	for i := range page.Keys {
		o := &page.Keys[i]
		b.row(page.DB, o.Name).add(page.DB, o, b.highIdleOver)
		if o.Outcome == Measured && o.HasBytes {
			b.largest.offer(page.DB, o, uint64(o.Bytes))
		}
	}
}

// row is the accumulator for a key.
func (b *Builder) row(db int, name string) *accumulator {
	b.scratch = b.lexer.AppendPattern(b.scratch[:0], name)
	if a := b.rows[db][string(b.scratch)]; a != nil {
		return a
	}
	if b.count >= b.limit {
		return b.other(db)
	}
	return b.newRow(db, string(b.scratch))
}

func (b *Builder) newRow(db int, pattern string) *accumulator {
	if b.rows[db] == nil {
		b.rows[db] = map[string]*accumulator{}
	}
	a := newAccumulator()
	b.rows[db][pattern] = a
	b.count++
	return a
}

func (b *Builder) other(db int) *accumulator {
	if b.others[db] == nil {
		b.others[db] = newAccumulator()
	}
	return b.others[db]
}

// Merge adds what other has folded. Below the limit on namespaces the result
// is the same whichever of them folded a page.
func (b *Builder) Merge(other *Builder) {
	for db, rows := range other.rows {
		for _, pattern := range slices.Sorted(maps.Keys(rows)) {
			b.mergeRow(db, pattern, rows[pattern])
		}
	}
	for db, a := range other.others {
		b.other(db).merge(a)
	}
	b.largest.merge(&other.largest)
}

func (b *Builder) mergeRow(db int, pattern string, a *accumulator) {
	mine := b.rows[db][pattern]
	switch {
	case mine != nil:
	case b.count >= b.limit:
		mine = b.other(db)
	default:
		mine = b.newRow(db, pattern)
	}
	mine.merge(a)
}

// degraded reports whether the limit on namespaces was hit: which of them were
// kept then depends on the order of the scan.
func (b *Builder) degraded() bool { return len(b.others) > 0 }

// total is the sum over all namespaces.
func (b *Builder) total() *accumulator {
	sum := newAccumulator()
	b.each(func(_ namespace, a *accumulator) { sum.merge(a) })
	return sum
}

// each visits the rows by database, then by pattern, the rest last.
func (b *Builder) each(visit func(namespace, *accumulator)) {
	var names []namespace
	for db, rows := range b.rows {
		for pattern := range rows {
			names = append(names, namespace{db: db, pattern: pattern})
		}
	}
	for db := range b.others {
		names = append(names, namespace{db: db, pattern: profile.OtherPattern, other: true})
	}
	slices.SortFunc(names, namespace.compare)
	for _, n := range names {
		a := b.rows[n.db][n.pattern]
		if n.other {
			a = b.others[n.db]
		}
		visit(n, a)
	}
}
