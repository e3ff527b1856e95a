package aggregate

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"keyprof/sampler/estimate"
	"keyprof/sampler/profile"
)

// Sample describes which keys a sample covered.
type Sample struct {
	Fraction float64 // share of the positions that was asked for, in (0,1]
	// From and To are the ends of the interval, of cursors with their bits reversed;
	// a To that is not above From wraps at zero.
	From, To uint64
	// Covered is the share of the positions that was scanned, in (0,1], by database.
	// It may be more than was asked for, as the last page goes beyond the end, or
	// less, as a scan may be interrupted. Databases that were not scanned have none.
	Covered map[int]float64
	// Slots describes the slots that were chosen, in a sample of slots; else nil.
	Slots *profile.SampledSlots
}

// Scale turns the counts of p into estimates of the whole keyspace. It takes the
// databases' key counts from p.Nodes. It fails if the covered fraction of a database,
// or the sums of a namespace, are unknown.
func Scale(p *profile.Profile, s Sample) error {
	p.Design.Method, p.Design.Fraction = profile.MethodSample, s.Fraction
	p.Design.Sample = &profile.Sample{Slots: s.Slots, Covered: s.Fraction}
	if s.Slots == nil {
		p.Design.Sample.From, p.Design.Sample.To = strconv.FormatUint(s.From, 10), strconv.FormatUint(s.To, 10)
	}
	for i := range p.Nodes {
		for j := range p.Nodes[i].Databases {
			db := &p.Nodes[i].Databases[j]
			if covered := s.Covered[db.DB]; covered > 0 {
				db.Covered = &covered
			}
		}
	}
	return rescale(p)
}

// rescale estimates all figures of a sample, from its design and its sums.
func rescale(p *profile.Profile) error {
	f, err := framesOf(p)
	if err != nil {
		return err
	}
	for i := range p.Namespaces {
		if err := f.scale(&p.Namespaces[i]); err != nil {
			return err
		}
	}
	f.scaleTotals(p)
	return nil
}

// frames holds the estimation frame of each database of a sample.
type frames struct {
	of     map[int]estimate.Frame
	pooled map[int]*estimate.PooledVariance
	dbs    []int // numbers of the databases, in order
}

// scale estimates the figures of a namespace.
func (f frames) scale(ns *profile.Namespace) error {
	frame, known := f.of[ns.DB]
	if !known {
		return fmt.Errorf("the fraction of database %d that the sample covered is unknown", ns.DB)
	}
	switch {
	case ns.Sample == nil && ns.Probed > 0:
		return fmt.Errorf("namespace %q: the sums of the sample are missing", ns.Pattern)
	case soleKey(ns):
		estimate.Unscale(&ns.Stats)
	default:
		frame.WithPooled(*f.pooled[ns.DB], ns.Sample).Scale(&ns.Stats)
	}
	return nil
}

func framesOf(p *profile.Profile) (f frames, err error) {
	if len(p.Nodes) != 1 {
		return f, errors.New("a sample must be of one server")
	}
	f.of, f.pooled = map[int]estimate.Frame{}, pooledVariances(p)
	seen, lost := measuredKeys(p)
	for _, db := range p.Nodes[0].Databases {
		if _, twice := f.of[db.DB]; twice || db.Covered == nil {
			continue
		}
		frame := estimate.NewFrame(*db.Covered, seen[db.DB])
		if p.Design.Sample.Slots != nil {
			frame = slotFrame(p, &db)
		} else if db.Before != nil && db.After != nil && p.Design.Match == "" && lost[db.DB] == 0 {
			frame = frame.WithKeyCount(ReportedKeys(&db))
		}
		f.of[db.DB] = frame
		f.dbs = append(f.dbs, db.DB)
	}
	return f, nil
}

// pooledVariances returns the pooled variance of the sizes in each database.
func pooledVariances(p *profile.Profile) map[int]*estimate.PooledVariance {
	kin := map[int]*estimate.PooledVariance{}
	for i := range p.Namespaces {
		ns := &p.Namespaces[i]
		if kin[ns.DB] == nil {
			kin[ns.DB] = &estimate.PooledVariance{}
		}
		kin[ns.DB].Add(ns.Sample)
	}
	return kin
}

// slotFrame returns the frame of a sample of slots, which has one database.
func slotFrame(p *profile.Profile, db *profile.Database) estimate.Frame {
	slots := p.Design.Sample.Slots
	s := estimate.Slots{Taken: slots.Taken, Keys: slots.Keys, Least: slots.Keys, Most: slots.Keys}
	if sums := p.Totals.Sample; sums != nil {
		s.Groups = sums.Groups.Keys
	}
	for _, k := range []*profile.Keyspace{db.Before, db.After} {
		if k != nil {
			s.Least, s.Most = min(s.Least, k.Keys), max(s.Most, k.Keys)
		}
	}
	return estimate.NewSlotFrame(s)
}

// ReportedKeys returns the key counts of a database in INFO, which must be known from
// before and after the scan.
func ReportedKeys(db *profile.Database) estimate.ReportedKeys {
	return estimate.ReportedKeys{
		Before: db.Before.Keys, After: db.After.Keys, Expiring: max(db.Before.Expires, db.After.Expires),
	}
}

// measuredKeys returns how many keys were measured and how many were not, by database.
func measuredKeys(p *profile.Profile) (seen, lost map[int]int64) {
	seen, lost = map[int]int64{}, map[int]int64{}
	for i := range p.Namespaces {
		ns := &p.Namespaces[i]
		seen[ns.DB] += ns.Probed
		lost[ns.DB] += ns.Gone() + ns.Unmeasured()
	}
	return seen, lost
}

// scaleTotals estimates the totals: each database by its own frame, then their
// sum.
func (f frames) scaleTotals(p *profile.Profile) {
	parts := make([]profile.Stats, 0, len(f.dbs))
	for _, db := range f.dbs {
		part := sumOf(p, db)
		f.of[db].Scale(&part)
		if p.Design.Sample.Slots != nil {
			part.Keys = f.of[db].All()
			f.openUpperEnds(p, db, &part)
		}
		parts = append(parts, part)
	}
	t := &p.Totals
	add := func(to **profile.Estimate, of func(*profile.Stats) *profile.Estimate) {
		if *to == nil {
			return
		}
		var list []profile.Estimate
		for i := range parts {
			list = append(list, *of(&parts[i]))
		}
		*to = new(estimate.SumCorrelated(list...))
	}
	keys := &t.Keys
	add(&keys, func(s *profile.Stats) *profile.Estimate { return &s.Keys })
	t.Keys = *keys
	add(&t.Bytes, func(s *profile.Stats) *profile.Estimate { return s.Bytes })
	add(&t.SampledBytes, func(s *profile.Stats) *profile.Estimate { return s.SampledBytes })
	add(&t.NoTTLKeys, func(s *profile.Stats) *profile.Estimate { return s.NoTTLKeys })
	add(&t.NoTTLBytes, func(s *profile.Stats) *profile.Estimate { return s.NoTTLBytes })
	add(&t.HighIdleKeys, func(s *profile.Stats) *profile.Estimate { return s.HighIdleKeys })
	add(&t.HighIdleBytes, func(s *profile.Stats) *profile.Estimate { return s.HighIdleBytes })
	allowUnexplained(p)
	switch {
	case t.Keys.Value > 0:
		p.Design.Sample.Covered = min(1, float64(t.Probed)/float64(t.Keys.Value))
	case t.Keys.Hi != nil && *t.Keys.Hi == 0: // there are none
		p.Design.Sample.Covered = 1
	}
}

// openUpperEnds takes away the upper ends of sums of bytes over a sample of slots if a large
// part of them is of few slots.
func (f frames) openUpperEnds(p *profile.Profile, db int, s *profile.Stats) {
	few := slices.ContainsFunc(p.Namespaces, func(ns profile.Namespace) bool {
		return ns.DB == db && f.of[db].FewSlotsHold(ns.Sample, s.Bytes)
	})
	for _, e := range estimatedBytes(s) {
		if few {
			e.Hi = nil
		}
	}
}

// sumOf adds up, over the namespaces of a database, the figures from which a frame
// estimates its totals.
func sumOf(p *profile.Profile, db int) profile.Stats {
	s := profile.Stats{Sample: &profile.SampleSums{}}
	t := &p.Totals
	s.Bytes, s.SampledBytes, s.NoTTLKeys, s.NoTTLBytes = t.Bytes, t.SampledBytes, t.NoTTLKeys, t.NoTTLBytes
	s.HighIdleKeys, s.HighIdleBytes = t.HighIdleKeys, t.HighIdleBytes
	var sizes profile.Sketch
	for i := range p.Namespaces {
		ns := &p.Namespaces[i]
		if ns.DB != db {
			continue
		}
		s.Probed += ns.Probed
		if part := ns.Sample; part != nil {
			s.Sample.Bytes = s.Sample.Bytes.Plus(part.Bytes)
			s.Sample.SampledBytes = s.Sample.SampledBytes.Plus(part.SampledBytes)
			s.Sample.NoTTL = s.Sample.NoTTL.Plus(part.NoTTL)
			s.Sample.HighIdle = s.Sample.HighIdle.Plus(part.HighIdle)
		}
		if ns.Size != nil {
			sizes.Merge(ns.Size.Sketch)
		}
	}
	s.Size = &profile.Distribution{Sketch: &sizes}
	if p.Design.Sample.Slots != nil && t.Sample != nil { // of one database
		s.Sample.Groups = t.Sample.Groups
	}
	return s
}

// soleKey reports whether a namespace can have no other key than the one that was
// measured: its pattern is the name of a key.
func soleKey(ns *profile.Namespace) bool {
	return ns.Probed == 1 && !ns.Other && !ns.Rule && !strings.Contains(ns.Pattern, "<")
}

// allowUnexplained raises the upper ends of sums of bytes over all keys to what the server's
// memory leaves room for: no sample rules out a giant that it has not met.
func allowUnexplained(p *profile.Profile) {
	balance, ok := estimate.BalanceOf(p)
	if !ok || !allKeys(p) {
		return
	}
	for _, e := range estimatedBytes(&p.Totals) {
		if e.Hi != nil {
			e.Hi = new(max(*e.Hi, e.Value+balance.Unexplained()))
		}
	}
}

// estimatedBytes returns the sums of bytes that are present and not exact.
func estimatedBytes(s *profile.Stats) []*profile.Estimate {
	sums := []*profile.Estimate{s.Bytes, s.SampledBytes, s.NoTTLBytes, s.HighIdleBytes}
	return slices.DeleteFunc(sums, func(e *profile.Estimate) bool { return e == nil || e.IsExact() })
}

// allKeys reports whether all keys of the server were to be scanned.
func allKeys(p *profile.Profile) bool {
	return p.Design.Match == "" && len(p.Nodes) == 1 && len(p.Nodes[0].Info["keyspace"]) <= len(p.Nodes[0].Databases)
}
