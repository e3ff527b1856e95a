package diff

import (
	"cmp"
	"math"
	"slices"

	"keyprof/sampler/profile"
)

// scheduleS are the spans that a Schedule tells of, in seconds: all are edges of
// the TTL histogram.
var scheduleS = []int64{3600, 24 * 3600, 7 * 24 * 3600}

// poolOf is what a volatile-* policy can evict; nil if the new profile has no TTLs.
func poolOf(r *rows, namespaces []Row) *Pool {
	if r.after.Totals.NoTTLKeys == nil {
		return nil
	}
	all := poolSides{
		old:   poolFigures{figures{stats: &r.before.Totals, of: r.side(r.before, movedInAll(r.before))}},
		new:   poolFigures{figures{stats: &r.after.Totals, of: r.side(r.after, movedInAll(r.after))}},
		parts: partsOf(namespaces),
	}
	p := &Pool{Namespaces: []PoolRow{}, Schedule: scheduleOf(&r.after.Totals)}
	p.Keys, _ = r.poolKeys(all)
	p.Bytes = r.poolBytes(all)
	for _, row := range namespaces {
		if part, holds := r.poolRow(row); holds {
			p.Namespaces = append(p.Namespaces, part)
		}
	}
	slices.SortFunc(p.Namespaces, comparePoolRows)
	return p
}

// comparePoolRows puts the largest in the new profile first: by bytes, where
// those are known.
func comparePoolRows(a, b PoolRow) int {
	return cmp.Or(
		cmp.Compare(newOf(b.Bytes), newOf(a.Bytes)),
		cmp.Compare(newOf(&b.Keys), newOf(&a.Keys)),
		cmp.Compare(a.DB, b.DB), cmp.Compare(a.Pattern, b.Pattern), compareBools(a.Other, b.Other),
	)
}

// newOf is the new figure of a change; -1 if there is none.
func newOf(c *Change) float64 {
	if c == nil || c.New == nil {
		return -1
	}
	return *c.New
}

// poolRow is a namespace's part; holds is false if no key in it has a TTL.
func (r *rows) poolRow(row Row) (part PoolRow, holds bool) {
	s := poolSides{
		old:   poolFigures{figures{stats: row.Old, none: row.State == Added, of: r.side(r.before, movedIn(r.before, row.DB))}},
		new:   poolFigures{figures{stats: row.New, none: row.State == Vanished, of: r.side(r.after, movedIn(r.after, row.DB))}},
		parts: []both{{row.Old, row.New}},
	}
	part = PoolRow{DB: row.DB, Pattern: row.Pattern, Other: row.Other}
	part.Keys, _ = r.poolKeys(s)
	part.Bytes = r.poolBytes(s)
	return part, above0(part.Keys.Old) || above0(part.Keys.New)
}

func above0(v *float64) bool { return v != nil && *v > 0 }

func (r *rows) poolKeys(s poolSides) (c Change, known bool) {
	return r.poolChange(s.old.keys(), s.new.keys(), r.poolSampling(s, Keys, NoTTLKeys), r.hidden[Keys] || r.hidden[NoTTLKeys])
}

func (r *rows) poolBytes(s poolSides) *Change {
	off := r.estimates(s.parts, poolBytesOf).plus(r.poolSampling(s, Bytes, NoTTLBytes))
	c, known := r.poolChange(s.old.bytes(), s.new.bytes(), off, r.hidden[Bytes] || r.hidden[NoTTLBytes])
	if !known {
		return nil
	}
	return &c
}

// poolSampling is how much of a change chance explains in what is left of a whole
// without a part, in samples of the same keys.
func (r *rows) poolSampling(s poolSides, whole, part Measure) slack {
	if !r.paired {
		return slack{}
	}
	of := func(side *profile.Stats, p *profile.Profile) grouped {
		return partsOfSum(whole, side).less(partsOfSum(part, side)).drawnFrom(p)
	}
	return slackOf(of(s.old.stats, r.before), of(s.new.stats, r.after), s.old.stats, s.new.stats)
}

// poolChange compares one figure; known is false if neither side has it.
func (r *rows) poolChange(old, new figure, more slack, hidden bool) (c Change, known bool) {
	c.Old, c.New = old.pointer(), new.pointer()
	if c.Old == nil || c.New == nil || hidden {
		return c, old.known || new.known
	}
	return compared(c, old.slack.plus(new.slack).plus(more).total(), r.days), true
}

// poolSides are the figures of both sides.
type poolSides struct {
	old, new poolFigures
	parts    []both // what they are the sums of
}

// poolFigures reads the figures of the keys that have a TTL.
type poolFigures struct{ figures }

// keys are those that have a TTL.
func (f poolFigures) keys() figure {
	switch {
	case f.stats == nil:
		return figure{known: f.none && f.of.measured(NoTTLKeys)}
	case f.stats.NoTTLKeys == nil:
		return figure{}
	}
	return f.sum(&f.stats.Keys, f.churn().expiring).less(f.sum(f.stats.NoTTLKeys, 0))
}

// bytes are those of the keys that have a TTL.
func (f poolFigures) bytes() figure {
	switch {
	case f.stats == nil:
		return figure{known: f.none && f.of.measured(NoTTLBytes)}
	case f.stats.Bytes == nil || f.stats.NoTTLBytes == nil:
		return figure{}
	}
	return f.sum(f.stats.Bytes, f.churn().expiring*f.mean()).less(f.sum(f.stats.NoTTLBytes, 0))
}

// less is what is left of a whole without a part of it.
func (f figure) less(part figure) figure {
	return figure{
		value: max(f.value-part.value, 0), known: true, slack: f.slack.plus(part.slack),
	}
}

// poolBytesOf are the bytes of the keys that have a TTL; nil if they are not known.
func poolBytesOf(s *profile.Stats) *profile.Estimate {
	if s.Bytes == nil || s.NoTTLBytes == nil {
		return nil
	}
	e := profile.Exact(max(s.Bytes.Value-s.NoTTLBytes.Value, 0))
	return &e
}

// scheduleOf is what expires by itself within each span, cumulative.
func scheduleOf(s *profile.Stats) []Expiry {
	schedule := []Expiry{}
	if s.TTL == nil {
		return schedule
	}
	for _, within := range scheduleS {
		schedule = append(schedule, expiryWithin(s, within))
	}
	return schedule
}

func expiryWithin(s *profile.Stats, within int64) Expiry {
	e := Expiry{WithinS: within}
	bytes, weight := int64(0), weightOf(s)
	for _, b := range s.TTL.Histogram {
		if b.Edge == nil || *b.Edge > within {
			break
		}
		e.Keys += scaled(b.Keys, weight)
		if b.Bytes != nil {
			bytes += scaled(*b.Bytes, weight)
		}
	}
	if s.Bytes != nil {
		e.Bytes = &bytes
	}
	return e
}

// scaled is a count of a sample, scaled up to all keys.
func scaled(n int64, weight float64) int64 { return int64(math.Round(float64(n) * weight)) }
