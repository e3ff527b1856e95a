package report

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"keyprof/sampler/profile"
)

// view is a profile seen through Options: which namespaces, in which order.
type view struct {
	p     *profile.Profile
	o     Options
	order order
	// chosen are the namespaces below Options.Under, in order, without the row
	// of what is left over.
	chosen []*profile.Namespace
	other  []*profile.Namespace // what is left over beyond the limit on namespaces, one a database
	// manyDBs is set when more than one database was walked.
	manyDBs bool
	extent  extent
}

func newView(p *profile.Profile, o Options) *view {
	v := &view{p: p, o: o, order: orderFor(o.Sort, &p.Totals), manyDBs: countDBs(p) > 1, extent: extentOf(p)}
	for i := range p.Namespaces {
		ns := &p.Namespaces[i]
		switch {
		case ns.Other && o.Under == "":
			v.other = append(v.other, ns)
		case !ns.Other && Below(ns.Pattern, o.Under):
			v.chosen = append(v.chosen, ns)
		}
	}
	slices.SortStableFunc(v.chosen, v.order.compare)
	return v
}

// split parts the namespaces that get a row from the rest, which is summed up.
func (v *view) split() (shown, rest []*profile.Namespace) {
	n := len(v.chosen)
	if v.o.Top > 0 && v.o.Top < n {
		n = v.o.Top
	}
	if n == len(v.chosen)-1 { // one row would take the place of one
		n++
	}
	return v.chosen[:n], v.chosen[n:]
}

// top are the first n namespaces at most.
func (v *view) top(n int) []*profile.Namespace { return v.chosen[:min(n, len(v.chosen))] }

// scope is the statistics of what the report is about: the whole keyspace,
// or all that is below Options.Under.
func (v *view) scope() []*profile.Stats {
	if v.o.Under == "" {
		return []*profile.Stats{&v.p.Totals}
	}
	return statsOf(v.chosen)
}

// wholeLabel names the row of all that was measured.
func (v *view) wholeLabel() string {
	if word := v.extent.word(); word != "" {
		return "all keys" + word
	}
	return "whole keyspace"
}

func statsOf(list []*profile.Namespace) []*profile.Stats {
	out := make([]*profile.Stats, len(list))
	for i, ns := range list {
		out[i] = &ns.Stats
	}
	return out
}

// Below reports whether pattern lies under a prefix that ends where a word
// ends; see Options.Under.
func Below(pattern, under string) bool {
	rest, ok := strings.CutPrefix(pattern, under)
	if !ok || rest == "" || under == "" {
		return ok
	}
	last, _ := utf8.DecodeLastRuneInString(under)
	next, _ := utf8.DecodeRuneInString(rest)
	return !wordRune(last) || !wordRune(next)
}

func wordRune(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) }

func countDBs(p *profile.Profile) int {
	seen := map[int]bool{}
	for _, n := range p.Nodes {
		for _, db := range n.Databases {
			seen[db.DB] = true
		}
	}
	for i := range p.Namespaces {
		seen[p.Namespaces[i].DB] = true
	}
	return len(seen)
}

// order is what namespaces are sorted by.
type order struct {
	label string
	of    measureOf
	// instead of an order that was asked for and whose measure is missing
	instead Sort
}

// orders are, for each Sort, what it means and what does instead if that was
// not measured. The last one always was.
var orders = map[Sort][]order{
	SortBytes:      {byBytes, byKeys},
	SortKeys:       {byKeys},
	SortNoTTLBytes: {{label: "bytes that never expire", of: noTTLBytesOf}, {label: "keys that never expire", of: noTTLKeysOf}, byBytes, byKeys},
	SortIdleBytes:  {{label: "high-idle bytes", of: idleBytesOf}, {label: "high-idle keys", of: idleKeysOf}, byBytes, byKeys},
}

var (
	byBytes = order{label: "bytes", of: bytesOf}
	byKeys  = order{label: "keys", of: keysOf}
)

func orderFor(s Sort, totals *profile.Stats) order {
	for i, candidate := range orders[s] {
		if candidate.of(totals) == nil {
			continue
		}
		if i > 0 {
			candidate.instead = s
		}
		return candidate
	}
	return byKeys
}

// compare sorts larger namespaces first, equal ones by bytes, keys, database
// and pattern.
func (o order) compare(a, b *profile.Namespace) int {
	return cmp.Or(
		descending(o.of, a, b),
		descending(bytesOf, a, b),
		descending(keysOf, a, b),
		cmp.Compare(a.DB, b.DB),
		cmp.Compare(a.Pattern, b.Pattern),
	)
}

func descending(of measureOf, a, b *profile.Namespace) int {
	return cmp.Compare(orZero(of(&b.Stats)), orZero(of(&a.Stats)))
}

// orZero is for sorting and adding up only, never for showing.
func orZero(n *int64) int64 {
	if n == nil {
		return 0
	}
	return *n
}

// rows is how many rows a list shows that has usual ones by itself: fewer, or
// more than DefaultTop, if Options.Top asks for it.
func (v *view) rows(usual int) int {
	switch top := v.o.Top; {
	case top < 0:
		return math.MaxInt
	case top > DefaultTop:
		return top
	default:
		return min(usual, top)
	}
}
