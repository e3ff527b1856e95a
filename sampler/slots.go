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

// Where each slot of a cluster has its own hash table, no interval of cursor positions
// is a random sample, and slots are chosen at random. All names of a chosen slot are
// listed, and each of these is kept at random, so that the two probabilities multiply to
// the requested share: then no key weighs more than another, a slot that holds a quarter
// of all keys is a quarter of the sample, and the order in which a server lists keys
// does not matter. The random numbers are hashes of a salt with the number of the slot
// or the name of the key, so that the same salt chooses the same keys in any process ("permanent random numbers": Ohlsson, "Coordination of samples
// using permanent random numbers", 1995).

const (
	// targetSlots is the number of slots in a sample, if there are as many: keys of one
	// slot may be alike, as they share hash tags.
	targetSlots = 60
	// minSlots is the least number: the variance of fewer cannot be estimated.
	minSlots = 30
	// Slots that are larger than smallSlot, and than largeSlot times the mean, are
	// chosen with a greater probability, so that none is a large part of the sample.
	smallSlot = 500 // keys
	largeSlot = 4
)

// slotTables is info.SlotTables, which tests of servers replace that have no such
// tables.
var slotTables = info.SlotTables

// slotSample holds the slots of a cluster that were chosen at random.
type slotSample struct {
	profile.SampledSlots
	takes []scanner.SlotKeys // in random order
	slots [scanner.Slots]sampledSlot
	seed  uint64
	hash  *xxhash.Digest
}

// sampledSlot is one slot of the sample.
type sampledSlot struct {
	keys      int                        // CLUSTER COUNTKEYSINSLOT
	chance    float64                    // chance of the slot
	keyChance float64                    // chance of each key of it, once it is drawn
	returned  int                        // names
	kept      *[profile.SampleGroups]int // of these, kept, by random group; nil: none
}

// newSlotSample chooses a share of the keys, in (0,1), from slots with these numbers of
// keys.
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

// random returns a number in [0,1) from the salt, a slot and a purpose.
func (d *slotSample) random(slot int, purpose string) float64 {
	return unitInterval(d.randomHash(slot, purpose))
}

func (d *slotSample) randomHash(slot int, purpose string) uint64 {
	b := append([]byte(d.Salt), purpose...)
	return xxhash.Sum64(binary.BigEndian.AppendUint32(b, uint32(slot)))
}

// unitInterval makes a number in [0,1) of the upper bits of a hash.
func unitInterval(hash uint64) float64 { return float64(hash>>11) / (1 << 53) }

// hashOf returns the hash of the salt and a key: its upper bits decide whether the key is
// kept, the lower ones its group.
func (d *slotSample) hashOf(name string) uint64 {
	d.hash.ResetWithSeed(d.seed)
	_, _ = d.hash.WriteString(name) // never fails
	return d.hash.Sum64()
}

// keep reports whether a key of a chosen slot is in the sample. It must be called once
// for each name.
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

// taken returns how many keys of the server's count the sample represents, by group. The
// count includes keys that SCAN hides and keys that were deleted before they were listed:
// of a slot the sample represents the share of its names that was kept.
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

// expectedKeys returns the expected number of kept keys in each group that has some.
func (s *sampledSlot) expectedKeys() float64 {
	planned := float64(s.keys) * s.keyChance
	if s.chance == 1 {
		planned /= profile.SampleGroups
	}
	return planned
}

// planSlots chooses slots if a sample was requested of a server with a hash table for
// each slot. It returns an error if the connection is lost.
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
		return nil // the scan will report the error
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

// noSlots returns why slots cannot be sampled with these options; empty if they can.
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

// tooFew returns a reason if the sample has too few slots; else empty.
func (d *slotSample) tooFew() string {
	if d.Drawn >= minSlots {
		return ""
	}
	return fmt.Sprintf("in a cluster each slot has its own hash table, and a sample needs %d slots: this one would have %d, of the %d that hold keys here", minSlots, d.Drawn, d.Filled)
}

// tryNames lists keys of a slot as the scan will. It returns a reason if the server does
// not reply as it should.
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

// slotsRefused turns a refusal of the server into a warning about the sample.
func (c *collector) slotsRefused(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return nil // the scan will report it
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

// saltAndShare returns the salt and share of the sample to repeat, if it has about the
// requested number of keys, else a new random salt. The server process need not be the
// same: a key's slot does not depend on it.
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

// designOf returns the design of a sample of one node; nil if p is not such a sample.
func designOf(p *profile.Profile) *profile.Design {
	if p == nil || p.Design.Sample == nil || len(p.Nodes) != 1 {
		return nil
	}
	return &p.Design
}

// similarShares reports whether samples of two shares are of about as many keys.
func similarShares(a, b float64) bool { return a <= b*similarSize && a >= b/similarSize }
