package aggregate

import (
	"fmt"
	"reflect"

	"keyprof/sampler/pattern"
	"keyprof/sampler/profile"
)

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
		return fmt.Sprintf("these decisions do not say by which lexing rules they were made, and names are read by rules %d: some may not apply", pattern.Version)
	}
	return fmt.Sprintf("these decisions were made by lexing rules %d, and names are read by rules %d: some may not apply", g.Dictionary.Lexer, pattern.Version)
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

// trie is that of a database.
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

// rows are the namespaces, by database, then by pattern, those beyond the limit
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

// dictionary is what was decided before and in this run.
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
	p.Design.Patterns = new(profile.Patterns(*dict))
}

// UnusedRules returns the pattern rules that have matched no name.
func (b *Builder) UnusedRules() []string { return b.rules.Unused() }
