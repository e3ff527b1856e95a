package sampler

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/cespare/xxhash/v2"

	"keyprof/sampler/aggregate"
	"keyprof/sampler/profile"
	"keyprof/scanner"
	"keyprof/scanner/info"
)

// Where each slot of a cluster is a hash table of its own, no stretch of SCAN's way
// is a fair sample, and slots are drawn. All names of a slot that was drawn are taken,
// and of these each is kept by a lot of its own, so that the two chances multiply to
// the share that was asked for: then no key weighs more than another, a slot that
// holds a quarter of all keys is a quarter of the sample, and the order in which a
// server names keys does not matter. Lots are drawn by a salt, and by the number of
// the slot or the name of the key alone, so that the same salt draws the same keys in
// whatever process ("permanent random numbers": Ohlsson, "Coordination of samples
// using permanent random numbers", 1995).

const (
	// targetSlots is of how many slots a sample is, if there are as many: keys of one
	// slot may be alike, as they have tags in common.
	targetSlots = 60
	// minSlots is of how many it must be: fewer tell too little of how much they
	// differ.
	minSlots = 30
	// Slots that are larger than smallSlot, and than largeSlot times the mean, are
	// drawn with a greater chance, so that no single one is much of the sample.
	smallSlot = 500 // keys
	largeSlot = 4
)

// slotTables is info.SlotTables, which tests of servers replace that have no such
// tables.
var slotTables = info.SlotTables

// slotSample is what was drawn from the slots of a cluster.
type slotSample struct {
	profile.SampledSlots
	takes []scanner.SlotKeys // in an order drawn by lot
	slots [scanner.Slots]sampledSlot
	seed  uint64
	hash  *xxhash.Digest
}

// sampledSlot is what is known of a slot.
type sampledSlot struct {
	keys      int                        // CLUSTER COUNTKEYSINSLOT
	chance    float64                    // chance of the slot
	keyChance float64                    // chance of each key of it, once it is drawn
	returned  int                        // names
	kept      *[profile.SampleGroups]int // of these, kept, by random group; nil: none
}

// newSlotSample draws a share of the keys, in (0,1), of slots that have so many.
func newSlotSample(counts []int, share float64, salt string) *slotSample {
	d := &slotSample{SampledSlots: profile.SampledSlots{Salt: salt}, seed: xxhash.Sum64String(salt), hash: xxhash.New()}
	for _, keys := range counts {
		d.Filled += int64(min(keys, 1))
		d.Keys += int64(keys)
	}
	small := max(smallSlot, largeSlot*float64(d.Keys)/float64(max(1, d.Filled)))
	for slot, keys := range counts {
		drawn := min(1, max(share*max(1, float64(keys)/small), targetSlots*max(1/float64(d.Filled), float64(keys)/float64(d.Keys))))
		if keys == 0 || d.random(slot, "slot") >= drawn {
			continue
		}
		d.Drawn++
		d.slots[slot] = sampledSlot{keys: keys, chance: drawn, keyChance: share / drawn}
		d.takes = append(d.takes, scanner.SlotKeys{Slot: slot, Keys: keys})
	}
	slices.SortFunc(d.takes, func(a, b scanner.SlotKeys) int {
		return cmp.Compare(d.random(a.Slot, "order"), d.random(b.Slot, "order"))
	})
	d.Taken = d.taken()
	return d
}

// random returns a number in [0,1) that the salt draws for a slot and a purpose.
func (d *slotSample) random(slot int, purpose string) float64 {
	return unitInterval(d.randomHash(slot, purpose))
}

func (d *slotSample) randomHash(slot int, purpose string) uint64 {
	b := append([]byte(d.Salt), purpose...)
	return xxhash.Sum64(binary.BigEndian.AppendUint32(b, uint32(slot)))
}

// unitInterval makes a number in [0,1) of the upper bits of a hash.
func unitInterval(hash uint64) float64 { return float64(hash>>11) / (1 << 53) }

// hashOf returns the lot of a key: its upper bits tell whether it is kept, the lower ones
// its group.
func (d *slotSample) hashOf(name string) uint64 {
	d.hash.ResetWithSeed(d.seed)
	_, _ = d.hash.WriteString(name) // never fails
	return d.hash.Sum64()
}

// keep draws a key of a slot that was drawn, once.
func (d *slotSample) keep(name string) bool {
	slot := scanner.SlotOf(name)
	s := &d.slots[slot]
	s.returned++
	hash := d.hashOf(name)
	if unitInterval(hash) >= s.keyChance {
		return false
	}
	if s.kept == nil {
		s.kept = new([profile.SampleGroups]int)
	}
	s.kept[d.group(slot, hash)]++
	return true
}

// group returns the random group of a key: all keys of a slot are in one, but for a slot
// that is in every sample. Of that the keys are the units, so that each group is a
// sample as the whole is (Wolter, "Introduction to Variance Estimation", 2007,
// section 2.4, on strata).
func (d *slotSample) group(slot int, hash uint64) uint64 {
	if d.slots[slot].chance < 1 {
		hash = d.randomHash(slot, "group")
	}
	return hash % profile.SampleGroups
}

// unit returns the unit of the sample that a key belongs to, never 0, by its group.
func (d *slotSample) unit(name string) uint64 {
	return profile.SampleGroups + d.group(scanner.SlotOf(name), d.hashOf(name))
}

// taken is for how many keys of the server's count the sample stands, by group. What
// SCAN hides is in that count, and so is what went before it was named: of a slot the
// sample stands for the share of its names that was kept.
func (d *slotSample) taken() []float64 {
	taken := make([]float64, profile.SampleGroups)
	for _, take := range d.takes {
		s := &d.slots[take.Slot]
		for g := range taken {
			switch {
			case s.kept != nil:
				taken[g] += float64(s.kept[g]) * float64(s.keys) / float64(s.returned)
			case s.returned == 0 && (s.chance == 1 || uint64(g) == d.group(take.Slot, 0)):
				taken[g] += s.expectedKeys()
			}
		}
	}
	for g := range taken {
		taken[g] = math.Round(1000*taken[g]) / 1000
	}
	return taken
}

// expectedKeys returns how many keys were to be kept, of each group that has some.
func (s *sampledSlot) expectedKeys() float64 {
	planned := float64(s.keys) * s.keyChance
	if s.chance == 1 {
		planned /= profile.SampleGroups
	}
	return planned
}

// planSlots draws slots if a sample was asked for of a server that has a table for
// each. The error is that of a connection which is lost.
func (c *collector) planSlots(ctx context.Context) error {
	want := c.opts.Sample
	if want == nil || !slotTables(c.node) {
		return nil
	}
	if why := c.noSlots(); why != "" {
		c.refuseSample(why)
		return nil
	}
	if !c.enterFirst(ctx) {
		return nil // the scan tells why
	}
	counts, err := scanner.CountKeysInSlots(ctx, c.conn, c.pacer(), &c.tally)
	if err != nil {
		return c.slotsRefused(ctx, err)
	}
	salt, share := c.saltAndShare(want, sum(counts))
	if keys := sum(counts); share > 0 && keys > 0 {
		share = max(share, minBuckets/float64(keys))
	}
	if share >= 1 || share <= 0 {
		return nil // a census
	}
	d := newSlotSample(counts, share, salt)
	if why := d.tooFew(); why != "" {
		c.refuseSample(why)
		return nil
	}
	why, err := c.tryNames(ctx, d.takes)
	if err != nil {
		return c.slotsRefused(ctx, err)
	}
	if why != "" {
		c.refuseSample(why)
		return nil
	}
	c.slots = d
	c.sample = &aggregate.Sample{Fraction: share, Covered: map[int]float64{}, Slots: &d.SampledSlots}
	return nil
}

func sum(counts []int) (n int64) {
	for _, count := range counts {
		n += int64(count)
	}
	return n
}

// noSlots returns why slots cannot be sampled for what is to be scanned; empty if they can.
func (c *collector) noSlots() string {
	switch {
	case c.opts.Match != "":
		return "in a cluster each slot has its own hash table, and the keys of a slot cannot be filtered by --match"
	case len(c.databases) != 1 || c.databases[0].DB != 0:
		return "in a cluster each slot has its own hash table, and CLUSTER commands list the keys of database 0 only"
	default:
		return ""
	}
}

func (c *collector) enterFirst(ctx context.Context) bool {
	return c.conn.Select(ctx, c.databases[0].DB) == nil
}

// tooFew returns why a draw is no sample; empty if it is one.
func (d *slotSample) tooFew() string {
	if d.Drawn >= minSlots {
		return ""
	}
	return fmt.Sprintf("in a cluster each slot has its own hash table, and a sample needs %d slots: this one would have %d, of the %d that hold keys here", minSlots, d.Drawn, d.Filled)
}

// tryNames asks for names as the scan will. Why tells that the server does not
// answer as it should.
func (c *collector) tryNames(ctx context.Context, takes []scanner.SlotKeys) (why string, err error) {
	most := slices.MaxFunc(takes, func(a, b scanner.SlotKeys) int { return cmp.Compare(a.Keys, b.Keys) })
	ok, err := c.conn.CanListSlot(ctx, most.Slot)
	switch {
	case err != nil:
		return "", err
	case !ok:
		return fmt.Sprintf("CLUSTER GETKEYSINSLOT returns no key of slot %d, although CLUSTER COUNTKEYSINSLOT counts %d", most.Slot, most.Keys), nil
	case !most.UseScan(max(1, c.opts.Page)): // without Page the guard may make pages as small as that
		return "", nil
	}
	if ok, err = c.conn.CanScanSlot(ctx, most.Slot); err != nil || ok {
		return "", err
	}
	return fmt.Sprintf("slot %d has too many keys (%d) to list at once, and SCAN does not scan slots one by one", most.Slot, most.Keys), nil
}

// slotsRefused makes a refusal of the server's one of the sample.
func (c *collector) slotsRefused(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return nil // the scan tells so
	case !scanner.IsReply(err):
		return err
	case strings.HasPrefix(err.Error(), "NOPERM"):
		c.refuseSample("in a cluster each slot has its own hash table, and the ACL denies CLUSTER COUNTKEYSINSLOT or GETKEYSINSLOT; to allow them: " + c.conn.ACLSlots())
	default:
		c.refuseSample(fmt.Sprintf("in a cluster each slot has its own hash table, and the server does not list slots: %q", err))
	}
	return nil
}

func (c *collector) refuseSample(why string) {
	c.sampleDoubt = &profile.Warning{Code: sampleRefused, Text: "a sample was asked for, but all keys were scanned: " + why}
}

// saltAndShare returns those of the sample that is to be repeated, if there is one and
// it is of about as many keys as are asked for; else a salt is drawn. The process
// need not be the same: a key's slot does not depend on it.
func (c *collector) saltAndShare(want *SampleSize, keys int64) (salt string, share float64) {
	share = want.share(keys)
	asked := want.Share > 0 || want.Keys > 0
	again := designOf(want.Again)
	switch {
	case again == nil:
	case again.Sample.Slots != nil && (!asked || similarShares(again.Fraction, share)):
		return again.Sample.Slots.Salt, again.Fraction
	case !asked:
		share = again.Fraction
		c.sampleDoubt = &profile.Warning{Code: sampleOther, Text: "the profile of --sample-from is not a sample of cluster slots: this sample has as many keys, but different ones"}
	}
	return rand.Text(), share
}

// designOf returns how a sample was made that can be repeated; nil if p is none.
func designOf(p *profile.Profile) *profile.Design {
	if p == nil || p.Design.Sample == nil || len(p.Nodes) != 1 {
		return nil
	}
	return &p.Design
}

// similarShares reports whether samples of two shares are of about as many keys.
func similarShares(a, b float64) bool { return a <= b*similarSize && a >= b/similarSize }
