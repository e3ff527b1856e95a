package pattern

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// Fusion joins namespaces that are one to a person: the lexer cannot know that
// x7Gk2Qa and abcdefg are tokens of the same kind, but where thousands of the
// first kind share all that stands around them, the second are more of those.
// It is a pure function of all leaves, so it keeps what the trie promises.

// fuseRounds bounds how often contexts are looked at afresh: a pattern with
// three random places comes together one place at a time.
const fuseRounds = 4

// fuse sets the fused pattern of those rows that belong to another, first as
// decided before.
func fuse(rows []*row, decided map[string]string) {
	live := make([]*row, 0, len(rows))
	for _, r := range rows {
		if r.fused = lookUpFused(decided, r.pattern); r.fused == "" {
			live = append(live, r)
		}
	}
	all := moves{}
	for range fuseRounds {
		round := moves{}
		joinSequences(live, round)
		generalise(live, round)
		joinStrays(live, round)
		for _, group := range groups(live) {
			group.fuse(round)
		}
		fuseNumbered(live, round)
		joinTokens(live, round)
		if len(round) == 0 {
			break
		}
		for from, to := range round {
			all[from] = to
		}
		live = combine(live, round)
	}
	for _, r := range rows {
		if to := all.follow(r.final()); to != "" {
			r.fused = to
		}
	}
}

// lookUpFused returns what p was decided to be part of, "" for nothing. What
// people wrote may lead on, but not in circles.
func lookUpFused(decided map[string]string, p string) (end string) {
	for range fuseRounds {
		next := decided[p]
		if next == "" {
			break
		}
		end, p = next, next
	}
	return end
}

// moves says which pattern becomes part of which.
type moves map[string]move

type move struct {
	pattern string
	elems   []elem
}

// add moves r, unless that would change nothing.
func (m moves) add(r *row, to []elem) {
	if pattern := printElems(to); pattern != r.pattern {
		m[r.pattern] = move{pattern, to}
	}
}

// has reports whether r is moved.
func (m moves) has(r *row) bool { return m[r.pattern].pattern != "" }

// follow returns where p came in the end, or "".
func (m moves) follow(p string) (end string) {
	for range len(m) {
		next, ok := m[p]
		if !ok {
			break
		}
		end, p = next.pattern, next.pattern
	}
	return end
}

// combine returns the rows after the moves of one round. It leaves those given
// as they are.
func combine(live []*row, round moves) []*row {
	byPattern := map[string]*row{}
	for _, r := range live {
		elems := r.elems
		pattern := r.pattern
		for range len(round) {
			next, ok := round[pattern]
			if !ok {
				break
			}
			pattern, elems = next.pattern, next.elems
		}
		if byPattern[pattern] == nil {
			byPattern[pattern] = &row{pattern: pattern, elems: elems}
		}
		byPattern[pattern].hits += r.hits
	}
	return slices.SortedFunc(maps.Values(byPattern), func(a, b *row) int { return strings.Compare(a.pattern, b.pattern) })
}

// group is the rows that differ in one gap only.
type group struct {
	context
	gaps   []gap
	tokens bool // whether the wildcard among them stands for random tokens
}

// whole reports whether nothing stands around the gap.
func (g *group) whole() bool { return g.length == 0 }

// groups returns those of more than one row, in a fixed order.
func groups(rows []*row) []*group {
	known := make([]contexts, len(rows))
	members := map[context]int{}
	for i, r := range rows {
		known[i] = contextsOf(r.elems)
		r.gaps(func(g gap) { members[known[i].of(g)]++ })
	}
	byContext := map[context]*group{}
	for i, r := range rows {
		r.gaps(func(g gap) {
			c := known[i].of(g)
			if members[c] < 2 {
				return
			}
			if byContext[c] == nil {
				byContext[c] = &group{context: c}
			}
			byContext[c].gaps = append(byContext[c].gaps, g)
		})
	}
	return slices.SortedFunc(maps.Values(byContext), func(a, b *group) int {
		// Longer contexts first: they say more about what is in the gap.
		return cmp.Or(cmp.Compare(b.length, a.length), cmp.Compare(a.before, b.before), cmp.Compare(a.after, b.after))
	})
}

// fuse decides which members of g become one. Rows that are moved already are
// left alone until the next round.
func (g *group) fuse(round moves) {
	g.tokens = g.hasTokens()
	g.gaps = slices.DeleteFunc(g.gaps, func(m gap) bool { return round.has(m.row) })
	g.fuseSlugs(round)
	if a, ok := g.anchor(); ok {
		for _, m := range g.gaps {
			if m.row != a.row && g.belongs(m, a) {
				round.add(m.row, a.row.elems)
			}
		}
	}
}

// anchor is the member with most names of those whose gap is one random token,
// perhaps after a word, or one wildcard.
func (g *group) anchor() (best gap, found bool) {
	for _, m := range g.gaps {
		if g.isAnchor(m.middle()) && (!found || m.row.hits > best.row.hits) {
			best, found = m, true
		}
	}
	return best, found
}

func (g *group) isAnchor(middle []elem) bool {
	last := middle[len(middle)-1]
	if len(middle) == 1 {
		return last.many || last.kind == Bin || isOpaque(last.kind)
	}
	if !isOpaque(last.kind) || g.whole() {
		return false
	}
	for _, e := range middle[:len(middle)-1] { // cache<rand>, web-<hex>
		if e.kind != Delimiter && (e.kind != Literal || e.many) {
			return false
		}
	}
	return true
}

// isOpaque reports whether tokens of this kind are recognised by how random
// they look, so that some of them are missed.
func isOpaque(k Kind) bool {
	switch k {
	case Rand, NanoID, KSUID, Hex, Base64:
		return true
	}
	return false
}
