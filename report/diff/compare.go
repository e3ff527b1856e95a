package diff

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"keyprof/sampler/aggregate"
	"keyprof/sampler/profile"
)

// Options controls a comparison.
type Options struct {
	Tool profile.Tool
	// OldSource and NewSource name the origins of the profiles, such as files.
	OldSource, NewSource string
	// Force compares profiles of different keys, with a Caveat.
	Force bool
	// Namespaces are merged by Depth segments after Under; 0: not at all.
	Under string
	Depth int
	// Earlier holds profiles of the same deployment from before the old one, oldest
	// first, for more rates. Those that cannot be compared are skipped.
	Earlier []*profile.Profile
}

// leastSpan is the shortest time between two profiles that gives a rate per day.
const leastSpan = 10 * time.Minute

// Compare returns the changes from one profile to another, in the finest namespaces that
// both have. Both must have passed Check, and neither is changed. The error is a *Refusal
// if the two should not be compared.
func Compare(before, after *profile.Profile, o Options) (*Comparison, error) {
	same := before == after
	before, after, ungrouped, err := regroup(before, after, o)
	if err != nil {
		return nil, err
	}
	c := &Comparison{
		Schema: SchemaVersion, Tool: o.Tool,
		Old: sideOf(before, o.OldSource), New: sideOf(after, o.NewSource),
		Runways: []Runway{}, TTLLosses: []TTLLoss{},
	}
	elapsed := c.New.at().Sub(c.Old.at())
	c.ElapsedS = elapsed.Seconds()
	caveats, err := compareSettings(before, after, o.Force, ungrouped)
	if err != nil {
		return nil, err
	}
	c.Caveats = caveats
	r := rows{before: before, after: after, hidden: hiddenBy(caveats), days: days(elapsed), reloaded: pair{before, after}.mayBeLoaded()}
	r.paired = paired(before, after)
	if after.Began.Before(before.Ended) {
		r.days = 0
	}
	c.Namespaces, c.Totals = r.all()
	c.Server = serverLines(before, after)
	if !same {
		c.Pool = poolOf(&r, c.Namespaces)
		c.Runways, c.NoRunway = runwaysOf(c, o.Earlier)
		c.TTLLosses, c.TTLLossUnknown = ttlLossesSince(c)
	}
	if hidesNamespaces(caveats) {
		c.Namespaces, c.TTLLosses = []Row{}, []TTLLoss{}
		if c.Pool != nil {
			c.Pool.Namespaces = []PoolRow{}
		}
	}
	return c, nil
}

// regroup returns both profiles with the namespaces to compare. If they cannot be brought
// to common namespaces, ungrouped says why.
func regroup(before, after *profile.Profile, o Options) (a, b *profile.Profile, ungrouped, err error) {
	a, b, ungrouped = aggregate.Regroup(before, after)
	if ungrouped != nil {
		a, b = before, after
	}
	if o.Depth == 0 {
		return a, b, ungrouped, nil
	}
	if a, err = aggregate.RollUp(a, o.Under, o.Depth); err == nil {
		b, err = aggregate.RollUp(b, o.Under, o.Depth)
	}
	if err != nil {
		err = fmt.Errorf("--depth: %w", err)
	}
	return a, b, ungrouped, err
}

func sideOf(p *profile.Profile, source string) Side {
	return Side{Source: source, Label: p.Label, Began: p.Began, Ended: p.Ended, Complete: p.Complete, Profile: p}
}

// days converts a span to days; 0 if it is too short for a rate.
func days(span time.Duration) float64 {
	if span.Abs() < leastSpan {
		return 0
	}
	return span.Hours() / 24
}

// rows makes the rows of a comparison.
type rows struct {
	before, after *profile.Profile
	hidden        map[Measure]bool
	days          float64 // from before to after; 0: no rates
	paired        bool    // both sides are samples of the same keys
	reloaded      bool    // the keys may have been loaded from a file in between
}

func (r *rows) side(p *profile.Profile, m drift) side {
	return side{profile: p, drift: m, paired: r.paired}
}

// id identifies a namespace in both profiles.
type id struct {
	db      int
	pattern string
	other   bool
}

func idOf(ns *profile.Namespace) id {
	if ns.Other { // whatever it is called
		return id{db: ns.DB, other: true}
	}
	return id{ns.DB, ns.Pattern, false}
}

// all returns the rows of the namespaces of either profile, and the row of the
// totals.
func (r *rows) all() (namespaces []Row, totals Row) {
	old, new := index(r.before), index(r.after)
	for key, ns := range old {
		namespaces = append(namespaces, r.row(ns, new[key]))
	}
	for key, ns := range new {
		if old[key] == nil {
			namespaces = append(namespaces, r.row(nil, ns))
		}
	}
	slices.SortFunc(namespaces, func(a, b Row) int {
		return cmp.Or(cmp.Compare(a.DB, b.DB), cmp.Compare(a.Pattern, b.Pattern), aggregate.CompareBools(a.Other, b.Other))
	})
	if namespaces == nil {
		namespaces = []Row{}
	}
	return namespaces, r.totals(namespaces)
}

func index(p *profile.Profile) map[id]*profile.Namespace {
	m := make(map[id]*profile.Namespace, len(p.Namespaces))
	for i := range p.Namespaces {
		m[idOf(&p.Namespaces[i])] = &p.Namespaces[i]
	}
	return m
}

// row compares a namespace; one of the two may be nil.
func (r *rows) row(old, new *profile.Namespace) Row {
	either := cmp.Or(new, old)
	row := Row{DB: either.DB, Pattern: either.Pattern, Other: either.Other, Rule: either.Rule, State: Kept}
	if old == nil {
		row.State = r.stateWithout(r.before, either, Added)
	} else {
		row.Old = &old.Stats
	}
	if new == nil {
		row.State = r.stateWithout(r.after, either, Vanished)
	} else {
		row.New = &new.Stats
	}
	row.Changes = r.changes(
		figures{stats: row.Old, none: row.State == Added, of: r.side(r.before, driftIn(r.before, either.DB))},
		figures{stats: row.New, none: row.State == Vanished, of: r.side(r.after, driftIn(r.after, either.DB))},
		[]statsPair{{row.Old, row.New}},
	)
	return row
}

// stateWithout returns the state of a namespace that p lacks. p may have its keys
// all the same: in the row that sums up namespaces, or unseen by a sample.
func (r *rows) stateWithout(p *profile.Profile, ns *profile.Namespace, state State) State {
	summedUp := func(other profile.Namespace) bool { return other.Other && other.DB == ns.DB }
	sampled := p.Design.Method == profile.MethodSample && !r.paired
	if !p.Complete || sampled || ns.Other || slices.ContainsFunc(p.Namespaces, summedUp) {
		return Unsure
	}
	return state
}

// totals compares all keys together. The errors of namespaces add up where they are
// bounds; where they are random, their variances do.
func (r *rows) totals(namespaces []Row) Row {
	row := Row{State: Kept, Old: &r.before.Totals, New: &r.after.Totals}
	row.Changes = r.changes(
		figures{stats: row.Old, of: r.side(r.before, driftInAll(r.before))},
		figures{stats: row.New, of: r.side(r.after, driftInAll(r.after))},
		partsOf(namespaces),
	)
	return row
}

func partsOf(namespaces []Row) []statsPair {
	parts := make([]statsPair, len(namespaces))
	for i, n := range namespaces {
		parts[i] = statsPair{n.Old, n.New}
	}
	return parts
}

// changes compares all measures of a set of keys, which consists of parts.
func (r *rows) changes(old, new figures, parts []statsPair) map[Measure]Change {
	changes := make(map[Measure]Change, len(Measures))
	for _, m := range Measures {
		more := func() slack { return r.estimatesFor(m, old, new, parts).plus(r.sampling(m, old.stats, new.stats)) }
		if c, known := r.change(m, old.figure(m), new.figure(m), more); known {
			changes[m] = c
		}
	}
	return changes
}

// sampling returns the sampling error of a change between samples of the same keys.
func (r *rows) sampling(m Measure, old, new *profile.Stats) slack {
	if !r.paired {
		return slack{}
	}
	return r.pairedSlack(m, old, new)
}

// estimatesFor returns the error of a change that comes from the server's estimates
// of sizes.
func (r *rows) estimatesFor(m Measure, old, new figures, parts []statsPair) slack {
	switch m {
	case Bytes:
		return r.estimates(parts, bytesOf)
	case NoTTLBytes:
		return r.estimates(parts, noTTLBytesOf)
	case HighIdleBytes:
		return r.estimates(parts, highIdleBytesOf)
	case MeanSize: // both sides have keys, then
		return r.estimates(parts, bytesOf).over(float64(min(old.stats.Keys.Value, new.stats.Keys.Value)))
	default:
		return slack{}
	}
}

// change compares one figure; known is false if neither profile has it. more
// returns the error of both figures together.
func (r *rows) change(m Measure, old, new figure, more func() slack) (c Change, known bool) {
	c.Old, c.New = old.pointer(), new.pointer()
	if c.Old == nil && c.New == nil {
		return c, false
	}
	if c.Old == nil || c.New == nil || r.hidden[m] {
		return c, true
	}
	return compared(c, old.slack.plus(new.slack).plus(more()).total(), r.days), true
}

// compared fills in what follows from both figures.
func compared(c Change, noise float64, days float64) Change {
	delta := *c.New - *c.Old
	c.Delta = &delta
	c.setNoise(noise)
	if days != 0 {
		perDay := delta / days
		c.PerDay = &perDay
	}
	return c
}

// figure is a measure of one profile and its error.
type figure struct {
	value float64
	known bool
	slack slack
}

func (f figure) pointer() *float64 {
	if !f.known {
		return nil
	}
	return &f.value
}

// figures reads the measures of a set of keys in one profile.
type figures struct {
	stats *profile.Stats // nil: the side lacks the set
	none  bool           // the side has no such keys, for certain
	of    side
}

// figure returns a measure.
func (f figures) figure(m Measure) figure {
	switch {
	case f.stats == nil && f.none && m.Adds():
		return figure{known: f.of.measured(m)}
	case f.stats == nil:
		return figure{}
	}
	switch m {
	case Keys:
		return f.sum(&f.stats.Keys, f.churn().keys)
	case Bytes:
		return f.sum(f.stats.Bytes, f.churn().keys*f.mean())
	case NoTTLKeys:
		return f.sum(f.stats.NoTTLKeys, f.churn().lasting)
	case NoTTLBytes:
		return f.sum(f.stats.NoTTLBytes, f.churn().lasting*f.mean())
	case HighIdleBytes:
		return f.sum(f.stats.HighIdleBytes, f.churn().gone*f.mean())
	case NoTTLShare:
		return f.figure(NoTTLKeys).over(f.figure(Keys))
	default:
		return f.figure(Bytes).over(f.figure(Keys))
	}
}

// Adds reports whether the measure of a set of keys is the sum of its parts'.
func (m Measure) Adds() bool { return m != NoTTLShare && m != MeanSize }

// sum returns an estimate with its error: keys that came and went during the scan,
// and the sampling error.
func (f figures) sum(e *profile.Estimate, churned float64) figure {
	if e == nil {
		return figure{}
	}
	s := slack{bound: churned}
	switch {
	case f.of.paired: // the change has an interval of its own
	case e.Hi == nil:
		s.bound = math.Inf(1)
	case !e.IsExact():
		half := float64(max(*e.Hi-e.Value, e.Value-e.Lo))
		s.variance += half * half
	}
	return figure{value: float64(e.Value), known: true, slack: s}
}

// over returns a ratio, with its error to the first order.
func (f figure) over(whole figure) figure {
	if !f.known || !whole.known || whole.value == 0 {
		return figure{}
	}
	q := f.value / whole.value
	return figure{value: q, known: true, slack: slack{
		bound:    (f.slack.bound + q*whole.slack.bound) / whole.value,
		variance: (f.slack.variance + q*q*whole.slack.variance) / (whole.value * whole.value),
	}}
}

// mean returns the mean size of a key in bytes; 0 if unknown.
func (f figures) mean() float64 {
	if f.stats.Bytes == nil || f.stats.Keys.Value == 0 {
		return 0
	}
	return float64(f.stats.Bytes.Value) / float64(f.stats.Keys.Value)
}

// side is one of the profiles, and how its databases changed during the scan.
type side struct {
	profile *profile.Profile
	drift   drift
	paired  bool // the other side is a sample of the same keys
}

// measured reports whether the profile has a measure at all.
func (s side) measured(m Measure) bool {
	t := &s.profile.Totals
	switch m {
	case Keys:
		return true
	case Bytes:
		return t.Bytes != nil
	case NoTTLKeys:
		return t.NoTTLKeys != nil
	case NoTTLBytes:
		return t.NoTTLBytes != nil
	default:
		return t.HighIdleBytes != nil
	}
}

func bytesOf(s *profile.Stats) *profile.Estimate         { return s.Bytes }
func noTTLBytesOf(s *profile.Stats) *profile.Estimate    { return s.NoTTLBytes }
func highIdleBytesOf(s *profile.Stats) *profile.Estimate { return s.HighIdleBytes }
