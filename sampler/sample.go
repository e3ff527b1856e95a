package sampler

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"

	"github.com/dustin/go-humanize"

	"keyprof/sampler/aggregate"
	"keyprof/sampler/estimate"
	"keyprof/sampler/profile"
	"keyprof/scanner"
	"keyprof/scanner/info"
)

// SampleSize holds how many keys to measure, and which.
type SampleSize struct {
	Share float64 // of all keys, in (0,1]; 0: by Keys or Again
	Keys  int64   // keys; 0: by Share or Again
	// Again is a profile of a sample whose keys are to be measured again; nil: none.
	// With a Share or Keys it counts only if it is of about as many keys and, unless
	// it is of slots, of the same process: keys are elsewhere in another.
	Again *profile.Profile
}

// Codes of warnings about samples.
const (
	sampleRefused         = "sample-refused"
	sampleOther           = "sample-other-process"
	sampleKeyspaceChanged = "keyspace-changed"
	// sampleDisagrees: the server counts another number of keys.
	sampleDisagrees = "sample-disagrees"
)

// minBuckets is the approximate minimum number of keys of a database in a sample:
// positions are those of whole buckets of its table.
const minBuckets = 128

// planSample decides which interval of cursor positions to scan.
func (c *collector) planSample() {
	want := c.opts.Sample
	if want == nil || slotTables(c.node) {
		return // of slots: planSlots
	}
	if ok, why := info.RandomCursors(c.node); !ok {
		c.refuseSample(why)
		return
	}
	s := aggregate.Sample{Fraction: want.share(c.weight), Covered: map[int]float64{}}
	if again := designOf(want.Again); again != nil && again.Sample.Slots != nil && s.Fraction == 0 {
		s.Fraction = again.Fraction
		c.sampleDoubt = &profile.Warning{Code: sampleOther, Text: "the profile of --sample-from is a sample of cluster slots: this sample has as many keys, but different ones"}
	}
	switch again := c.repeatedSample(want, s.Fraction); {
	case again != nil:
		s.From, s.To = again.From, again.To
		s.Fraction = again.Fraction
	case s.Fraction >= 1 || s.Fraction <= 0:
		return // a census
	default:
		s.From = rand.Uint64()
		s.To = s.From + uint64(s.Fraction*(1<<64))
	}
	c.sample = &s
}

// share returns the requested share of all keys; at least 1 for a census.
func (s *SampleSize) share(keys int64) float64 {
	if s.Keys > 0 && keys > 0 {
		return float64(s.Keys) / float64(keys)
	}
	return s.Share
}

// similarSize is the factor by which the size of a sample may differ from the requested
// one for the sample to be repeated: databases grow, and the same keys show changes
// better.
const similarSize = 1.5

// repeatedSample returns the interval of the sample to repeat; nil if a new one is to be
// taken.
func (c *collector) repeatedSample(want *SampleSize, share float64) *aggregate.Sample {
	s, runID := intervalOf(want.Again)
	if s == nil {
		return nil
	}
	same := runID != "" && runID == c.node.Info.Field("run_id")
	if asked := want.Share > 0 || want.Keys > 0; asked {
		if !same || !similarShares(s.Fraction, share) {
			return nil
		}
	} else if !same {
		c.sampleDoubt = &profile.Warning{Code: sampleOther, Text: "the profile of --sample-from is of another server process: this sample has as many keys, but different ones"}
	}
	return s
}

// Repeatable reports whether p is a sample of one server that records which keys it
// has.
func Repeatable(p *profile.Profile) bool {
	s, _ := intervalOf(p)
	d := designOf(p)
	return s != nil || d != nil && d.Sample.Slots != nil
}

// intervalOf returns the interval of a sample and the run id of its server; nil if p is
// not a sample of an interval.
func intervalOf(p *profile.Profile) (s *aggregate.Sample, runID string) {
	d := designOf(p)
	if d == nil {
		return nil, ""
	}
	from, errFrom := strconv.ParseUint(d.Sample.From, 10, 64)
	to, errTo := strconv.ParseUint(d.Sample.To, 10, 64)
	if errFrom != nil || errTo != nil || from == to {
		return nil, ""
	}
	return &aggregate.Sample{From: from, To: to, Fraction: float64(to-from) / math.MaxUint64}, p.Nodes[0].RunID
}

// interval returns the interval to scan of a database; nil: all of it, as it has too few
// keys for a sample.
func (c *collector) interval(db *profile.Database) *scanner.Interval {
	if c.sample == nil || c.slots != nil {
		return nil
	}
	i := &scanner.Interval{Start: c.sample.From, End: c.sample.To}
	if keys := keysOf(db); c.sample.Fraction*float64(keys) < minBuckets {
		share := minShare(keys)
		if share > maxRaised {
			return nil
		}
		i.End = i.Start + uint64(share*(1<<64))
	}
	return i
}

// maxRaised is the largest share to which a sample is raised to have enough keys. A
// database that needs more is small, and is scanned in full.
const maxRaised = 0.25

// minShare returns the smallest share of that many keys that has minBuckets of them: a
// power of two, so that it stays the same while a database grows a little.
func minShare(keys int64) float64 {
	share := 1.0
	for share/2*float64(keys) >= minBuckets {
		share /= 2
	}
	return share
}

// noteCovered records how much of a database was scanned.
func (c *collector) noteCovered(db *profile.Database, walk *scanner.Walk) {
	covered := walk.Covered()
	if c.slots != nil {
		// Of slots in part nothing is known of all keys: a large one may be missing.
		covered.Fraction = 0
		if c.slots.Taken = c.slots.taken(); covered.Whole {
			covered.Fraction = estimate.NewSlotFrame(estimate.Slots{Keys: c.slots.Keys, Taken: c.slots.Taken}).Fraction()
		}
	}
	if covered := covered.Fraction; c.sample != nil && covered > 0 {
		c.sample.Covered[db.DB] = covered
	}
}

// changedFactor is the growth or shrinkage of a database during a sample, as a factor,
// from which users are warned: the estimate is then of a moment in between, which
// differs between namespaces.
const changedFactor = 1.5

// warnSample adds warnings about the estimates of a sample.
func (c *collector) warnSample(w *warner) {
	if c.sampleDoubt != nil {
		w.add(c.sampleDoubt.Code, w.node, "%s", c.sampleDoubt.Text)
	}
	for i := range c.databases {
		db := &c.databases[i]
		if walkedWhole := c.slots == nil && c.interval(db) == nil; c.sample == nil || walkedWhole || db.Before == nil || db.After == nil {
			continue
		}
		before, after := db.Before.Keys, db.After.Keys
		if float64(max(before, after)) > changedFactor*float64(min(before, after)) {
			w.add(sampleKeyspaceChanged, fmt.Sprintf("db%d", db.DB), "db%d had %s keys when the scan began and %s when it ended: its figures mix different moments, and the confidence intervals do not cover this error",
				db.DB, humanize.Comma(before), humanize.Comma(after))
		} else if c.disagrees(db) {
			w.add(sampleDisagrees, fmt.Sprintf("db%d", db.DB), "db%d has %s keys, but the sample estimates about %s, and chance does not explain the difference: when keys are deleted in the order of SCAN, the rest are unevenly spread, and a sample is biased until the table has shrunk; a full scan is not",
				db.DB, humanize.Comma(after), humanize.Comma(int64(float64(db.Returned)/(*db.Covered))))
		}
	}
}

// disagrees reports whether the server's key count differs from the estimate of a
// sample by more than chance and expired keys explain.
func (c *collector) disagrees(db *profile.Database) bool {
	if c.slots != nil || !db.Complete || db.Covered == nil || c.opts.Match != "" {
		return false
	}
	t := aggregate.ReportedKeys(db)
	least, most := min(t.Before, t.After), max(t.Before, t.After)
	t.Before, t.After = max(0, least-t.Expiring), most
	return !estimate.NewFrame(*db.Covered, db.Returned).Agrees(t)
}
