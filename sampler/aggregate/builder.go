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

// Outcome says whether a key that SCAN returned was measured, and if not, why.
type Outcome uint8

// The outcomes, from least to most serious.
const (
	Measured    Outcome = iota
	Stalled             // measured, except where the server did not reply in time
	Vanished            // no longer there when it was probed
	Expired             // its TTL ran out between SCAN and probe
	Moved               // on another node of the cluster (MOVED or ASK)
	TooLong             // its name is too long to request
	Denied              // outside the ACL user's key patterns
	Failed              // got an invalid reply
	numOutcomes = iota
)

// Measured reports whether the key counts in the figures.
func (o Outcome) Measured() bool { return o <= Stalled }

// Observation holds what was measured of one key. A field is valid only if its Has
// flag is set: unknown is not 0.
type Observation struct {
	Name    string
	Outcome Outcome

	HasBytes, HasTTL, NoTTL, HasIdle, HasFreq bool

	Shared    bool   // the value is a shared integer object, whose idle time is not the key's
	Bytes     int64  // MEMORY USAGE
	TTLMillis int64  // PTTL, milliseconds; HasTTL
	IdleS     int64  // OBJECT IDLETIME, seconds
	Freq      int64  // OBJECT FREQ, 0 to 255
	Type      string // TYPE; empty when unknown
	Unit      uint64 // sampling unit of the key in a sample of slots; 0: none
}

// stringType is the only type for which MEMORY USAGE is exact.
const stringType = "string"

// isHighIdle reports whether the key was idle for more than over seconds. With over
// below 0 no key is high-idle.
func (o *Observation) isHighIdle(over int64) bool { return o.HasIdle && over >= 0 && o.IdleS > over }

// Page holds the observations of one page of keys of one database.
type Page struct {
	DB   int
	Keys []Observation
}

// DefaultNamespaceLimit is the default limit on namespaces; the others are added up
// under "(other)".
const DefaultNamespaceLimit = 4096

// Grouping holds the options by which names become namespaces.
type Grouping struct {
	Limit      int                 // most namespaces kept
	Dictionary *pattern.Dictionary // decisions made before; nil: none
	Rules      *pattern.Rules      // tried first; nil: none
}

// OtherLexing returns a sentence if the dictionary was made with another version of
// the lexing rules, else "".
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
	highIdleOver int64 // seconds; below 0: no key is high-idle
	OfSample     bool  // the pages are a sample; set it before the first Add
	rules        *pattern.Rules
	coarseness   int // bounds of the tries
	tries        map[int]*pattern.Trie[*accumulator]
	largest      topKeys

	sinceMemoryCheck int // keys
	memoryCheckEvery int // keys
	shared           *sharedBuilder
}

// NewBuilder returns an empty builder. Keys idle for more than highIdleOver seconds are
// high-idle; below 0 none is.
func NewBuilder(g Grouping, highIdleOver int64) *Builder {
	b := &Builder{grouping: g, highIdleOver: highIdleOver, memoryCheckEvery: maxMemoryCheckEvery}
	b.reset()
	return b
}

// reset forgets all keys and keeps the coarseness.
func (b *Builder) reset() {
	b.rules = b.grouping.Rules.Clone()
	b.tries = map[int]*pattern.Trie[*accumulator]{}
	b.largest = topKeys{limit: largestOverallKept}
	b.sinceMemoryCheck = 0
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
		if b.sinceMemoryCheck++; b.sinceMemoryCheck >= b.memoryCheckEvery {
			b.checkMemory()
			trie = b.trie(page.DB)
		}
	}
}

// trie returns the trie of a database; it makes one where there is none.
func (b *Builder) trie(db int) *pattern.Trie[*accumulator] {
	trie := b.tries[db]
	if trie == nil {
		trie = pattern.NewTrie(b.grouping.Dictionary, pattern.Values[*accumulator]{
			New: b.newAccumulator, Merge: (*accumulator).merge,
		})
		trie.SetRules(b.rules)
		trie.CoarsenTo(b.coarseness)
		b.tries[db] = trie
	}
	return trie
}

func (b *Builder) newAccumulator() *accumulator {
	a := newAccumulator()
	if b.OfSample {
		a.variance = newVarianceSums()
	}
	return a
}

// Merge adds what other has folded; other is not used again. The result is the
// same whichever of them folded a page.
func (b *Builder) Merge(other *Builder) {
	b.coarsenTo(other.coarseness)
	other.coarsenTo(b.coarseness)
	for db, trie := range other.tries {
		b.trie(db).Merge(trie)
	}
	b.largest.merge(&other.largest)
	if b.rules != nil {
		b.rules.Merge(other.rules)
	}
}

// coarsenTo makes the tries at least this coarse.
func (b *Builder) coarsenTo(coarseness int) {
	b.coarseness = max(b.coarseness, coarseness)
	for _, trie := range b.tries {
		trie.CoarsenTo(b.coarseness)
	}
}

// rows returns the namespaces, by database, then by pattern, those beyond the limit
// added up last. It ends the builder.
func (b *Builder) rows() []namespaceSums {
	b.coarsenToLimit()
	var rows []namespaceSums
	for db, trie := range b.tries {
		for _, n := range trie.Namespaces() {
			rows = append(rows, namespaceSums{db: db, pattern: n.Pattern, rule: n.Rule, sums: n.Value})
		}
	}
	return limitNamespaces(rows, b.grouping.Limit)
}

// coarsenToLimit lowers the bounds while there are more namespaces than a report
// can show, but not so far that they no longer mean anything.
func (b *Builder) coarsenToLimit() {
	for b.coarseness < pattern.MaxReadableCoarseness && b.exceeds(max(b.grouping.Limit, DefaultNamespaceLimit)) {
		b.coarsenTo(b.coarseness + 1)
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

// unifyDecisions applies the decisions of the trie of each database to all of them, as
// the next run with these decisions will do, and returns the decisions.
func (b *Builder) unifyDecisions() *pattern.Dictionary {
	b.coarsenToLimit()
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

// dictionary returns the decisions made before and in this run.
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

// Fill writes the builder's statistics into the profile. The builder must not be used
// again.
func (b *Builder) Fill(p *profile.Profile, m Measures) {
	dict := b.unifyDecisions()
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

// namespaceSums is a row of the profile to be.
type namespaceSums struct {
	db      int
	pattern string
	other   bool // what lies beyond the limit
	rule    bool // a rule gave the name
	sums    *accumulator
}

func (r namespaceSums) compare(s namespaceSums) int {
	return cmp.Or(cmp.Compare(r.db, s.db), CompareBools(r.other, s.other), strings.Compare(r.pattern, s.pattern))
}

// CompareBools returns -1, 0 or 1, as cmp.Compare does: false is before true.
func CompareBools(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	default:
		return -1
	}
}

func (r namespaceSums) namespace(m Measures) profile.Namespace {
	return profile.Namespace{DB: r.db, Pattern: r.pattern, Other: r.other, Rule: r.rule, Stats: m.stats(r.sums)}
}

// limitNamespaces keeps the rows with the most bytes, those with the most keys where
// sizes are equal or not known, and sums up the others by database. All that
// goes into the choice is in the rows, so it is the same on every run.
func limitNamespaces(rows []namespaceSums, limit int) []namespaceSums {
	slices.SortFunc(rows, func(a, b namespaceSums) int {
		return cmp.Or(cmp.Compare(b.sums.bytes, a.sums.bytes), cmp.Compare(b.sums.probed, a.sums.probed), a.compare(b))
	})
	rest := rows[min(len(rows), limit):]
	rows = rows[:len(rows)-len(rest)]
	others := map[int]*accumulator{}
	for _, r := range rest {
		if others[r.db] == nil {
			others[r.db] = newAccumulator()
			rows = append(rows[:len(rows):len(rows)], namespaceSums{db: r.db, pattern: profile.OtherPattern, other: true, sums: others[r.db]})
		}
		others[r.db].merge(r.sums)
	}
	slices.SortFunc(rows, namespaceSums.compare)
	return rows
}

// total returns the sum over all rows.
func total(rows []namespaceSums) *accumulator {
	sum := newAccumulator()
	for _, r := range rows {
		sum.merge(r.sums)
	}
	return sum
}
