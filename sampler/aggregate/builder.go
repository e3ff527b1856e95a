package aggregate

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"keyprof/sampler/pattern"
	"keyprof/sampler/profile"
)

// Outcome is what became of one key that SCAN returned.
type Outcome uint8

// The outcomes, from the most harmless to the gravest.
const (
	Measured    Outcome = iota
	Stalled             // measured, but for what the server did not answer in time
	Vanished            // gone when it was probed
	Expired             // its TTL ran out between SCAN and probe
	Moved               // of another node of the cluster
	TooLong             // has a name that is too long to ask about
	Denied              // outside the key patterns of our ACL user
	Failed              // an answer that makes no sense
	numOutcomes = iota
)

// Measured reports whether the key is in the figures.
func (o Outcome) Measured() bool { return o <= Stalled }

// Observation is what was learned about one key. A field counts only if its
// Has flag is set: unknown is not 0.
type Observation struct {
	Name    string
	Outcome Outcome

	HasBytes, HasTTL, NoTTL, HasIdle, HasFreq bool

	Shared    bool   // its idle time is not its own: the value is a shared integer
	Bytes     int64  // MEMORY USAGE
	TTLMillis int64  // PTTL, milliseconds; HasTTL
	IdleS     int64  // OBJECT IDLETIME, seconds
	Freq      int64  // OBJECT FREQ, 0 to 255
	Type      string // TYPE; empty when unknown
	Unit      uint64 // of a sample of slots, to which the key belongs; 0: there is none
}

// stringType is the one type of which MEMORY USAGE is exact.
const stringType = "string"

// isHighIdle reports whether the key was idle for more than over seconds; below 0
// that is not told.
func (o *Observation) isHighIdle(over int64) bool { return o.HasIdle && over >= 0 && o.IdleS > over }

// Page is the observations of one page of one database.
type Page struct {
	DB   int
	Keys []Observation
}

// DefaultNamespaceLimit is how many namespaces are kept before the rest is
// summed up under "(other)".
const DefaultNamespaceLimit = 4096

// Grouping says how names become namespaces.
type Grouping struct {
	Limit      int                 // most namespaces kept
	Dictionary *pattern.Dictionary // decisions made before; nil: none
	Rules      *pattern.Rules      // tried first; nil: none
}

// OtherLexing says that the dictionary was made by other lexing rules than
// those of today, "" if it was not.
func (g Grouping) OtherLexing() string {
	switch {
	case g.Dictionary == nil || g.Dictionary.Lexer == pattern.Version:
		return ""
	case g.Dictionary.Lexer == 0:
		return fmt.Sprintf("these decisions do not record their lexing rules, and this keyprof uses rules %d: some may not apply", pattern.Version)
	}
	return fmt.Sprintf("these decisions were made with lexing rules %d, and this keyprof uses rules %d: some may not apply", g.Dictionary.Lexer, pattern.Version)
}

// Builder folds pages into namespaces. It is for one goroutine; builders of
// several merge. It does no I/O.
type Builder struct {
	grouping     Grouping
	highIdleOver int64 // seconds; below 0: not told
	Sampled      bool  // the pages are of a sample; to be set before the first of them
	rules        *pattern.Rules
	rung         int // bounds of the tries
	tries        map[int]*pattern.Trie[*accumulator]
	largest      standouts

	sinceWeighed int // keys
	weighEvery   int // keys
	overflow     *reservoir
}

// NewBuilder makes a builder. Keys idle for more than highIdleOver seconds are
// high-idle; below 0 none is.
func NewBuilder(g Grouping, highIdleOver int64) *Builder {
	b := &Builder{grouping: g, highIdleOver: highIdleOver, weighEvery: weighAtMostEvery}
	b.reset()
	return b
}

// reset forgets all keys, and keeps the bounds.
func (b *Builder) reset() {
	b.rules = b.grouping.Rules.Clone()
	b.tries = map[int]*pattern.Trie[*accumulator]{}
	b.largest = standouts{limit: largestOverallKept}
	b.sinceWeighed = 0
}

// Add folds one page. It keeps nothing of it.
func (b *Builder) Add(page *Page) {
	trie := b.trie(page.DB)
	for i := range page.Keys {
		o := &page.Keys[i]
		trie.At(o.Name).add(page.DB, o, b.highIdleOver)
		if o.Outcome.Measured() && o.HasBytes {
			b.largest.offer(page.DB, o, uint64(o.Bytes))
		}
		if b.sinceWeighed++; b.sinceWeighed >= b.weighEvery {
			b.weigh()
			trie = b.trie(page.DB)
		}
	}
}

// trie returns that of a database.
func (b *Builder) trie(db int) *pattern.Trie[*accumulator] {
	trie := b.tries[db]
	if trie == nil {
		trie = pattern.NewTrie(b.grouping.Dictionary, pattern.Values[*accumulator]{
			New: b.newAccumulator, Merge: (*accumulator).merge,
		})
		trie.SetRules(b.rules)
		trie.LowerTo(b.rung)
		b.tries[db] = trie
	}
	return trie
}

func (b *Builder) newAccumulator() *accumulator {
	a := newAccumulator()
	if b.Sampled {
		a.dispersion = newDispersion()
	}
	return a
}

// Merge adds what other has folded; other is not used again. The result is the
// same whichever of them folded a page.
func (b *Builder) Merge(other *Builder) {
	b.lowerTo(other.rung)
	other.lowerTo(b.rung)
	for db, trie := range other.tries {
		b.trie(db).Merge(trie)
	}
	b.largest.merge(&other.largest)
	if b.rules != nil {
		b.rules.Merge(other.rules)
	}
}

// lowerTo goes down to a rung on the ladder of the tries' bounds.
func (b *Builder) lowerTo(rung int) {
	b.rung = max(b.rung, rung)
	for _, trie := range b.tries {
		trie.LowerTo(b.rung)
	}
}

// rows returns the namespaces, by database, then by pattern, those beyond the limit
// summed up last. It ends the builder.
func (b *Builder) rows() []row {
	b.lowerToLimit()
	var rows []row
	for db, trie := range b.tries {
		for _, n := range trie.Namespaces() {
			rows = append(rows, row{db: db, pattern: n.Pattern, rule: n.Rule, sums: n.Value})
		}
	}
	return limitRows(rows, b.grouping.Limit)
}

// lowerToLimit lowers the bounds while there are more namespaces than a report
// can show, but not so far that they no longer mean anything.
func (b *Builder) lowerToLimit() {
	for b.rung < pattern.LowestFair && b.exceeds(max(b.grouping.Limit, DefaultNamespaceLimit)) {
		b.lowerTo(b.rung + 1)
	}
}

// exceeds reports whether there are more than limit namespaces.
func (b *Builder) exceeds(limit int) bool {
	if b.leaves() <= limit { // fusion only makes them fewer
		return false
	}
	namespaces := 0
	for _, trie := range b.tries {
		namespaces += trie.CountNamespaces()
	}
	return namespaces > limit
}

// settle brings the tries of all databases to what any of them has decided, as
// the next run does that keeps to these decisions, and returns them.
func (b *Builder) settle() *pattern.Dictionary {
	b.lowerToLimit()
	d := b.dictionary()
	for len(b.tries) > 1 {
		for db, trie := range b.tries {
			b.tries[db] = pattern.Coarsen(trie, d)
		}
		joint := b.dictionary()
		if reflect.DeepEqual(joint, d) {
			break
		}
		d = joint
	}
	for _, trie := range b.tries {
		d = d.Extend(trie.Crowded())
	}
	return d
}

// dictionary returns what was decided before and in this run.
func (b *Builder) dictionary() *pattern.Dictionary {
	d := b.grouping.Dictionary
	if d == nil {
		d = &pattern.Dictionary{}
	}
	for _, trie := range b.tries {
		d = d.Extend(trie.Dictionary())
	}
	return d
}

// Fill writes what the builder folded into the profile, and ends the builder.
func (b *Builder) Fill(p *profile.Profile, m Measures) {
	dict := b.settle()
	rows := b.rows()
	p.Totals = m.stats(total(rows))
	p.Namespaces = make([]profile.Namespace, 0, len(rows))
	for _, r := range rows {
		p.Namespaces = append(p.Namespaces, r.namespace(m))
		p.Design.Degraded = p.Design.Degraded || r.other
	}
	p.Largest = b.largest.keys()
	p.Design.Degraded = p.Design.Degraded || dict.Degraded
	p.Design.Patterns = dict
}

// UnusedRules returns the pattern rules that have matched no name.
func (b *Builder) UnusedRules() []string { return b.rules.Unused() }

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

// total returns the sum over all rows.
func total(rows []row) *accumulator {
	sum := newAccumulator()
	for _, r := range rows {
		sum.merge(r.sums)
	}
	return sum
}
