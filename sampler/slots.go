package sampler

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"github.com/cespare/xxhash/v2"

	"keyprof/sampler/profile"
	"keyprof/scanner"
)

// Where each slot of a cluster is a hash table of its own, no stretch of SCAN's way
// is a fair sample, and slots are drawn. Each is parted into pieces of about
// pieceKeys keys, which are the units of the sample, and so many pieces are taken
// from its beginning as make the chance of every key the same: then no key weighs
// more than another, and a slot that holds a quarter of all keys is a quarter of
// the sample, whatever is drawn. The draw of a slot depends on a salt and its number
// alone, so that the same salt draws the same slots as long as they keep their keys
// ("permanent random numbers": Ohlsson, "Coordination of samples using permanent
// random numbers", 1995).

const (
	// pieceKeys balances two costs: keys of one slot may be alike, as they have tags
	// in common, and each slot that is touched is a question.
	pieceKeys = 20
	// leastSlots is of how many slots a sample must be: fewer tell too little of how
	// much they differ.
	leastSlots = 30
)

// slotTables is scanner.SlotTables, which tests of servers replace that have no such
// tables.
var slotTables = scanner.SlotTables

// slotDraw is what was drawn from the slots of a cluster.
type slotDraw struct {
	profile.SampledSlots
	takes  []scanner.SlotTake    // in an order drawn by lot
	pieces [scanner.Slots]uint32 // that were drawn, by slot
}

// drawSlots draws a share of the keys, in (0,1), of slots that have so many.
func drawSlots(counts []int, share float64, salt string) *slotDraw {
	d := &slotDraw{SampledSlots: profile.SampledSlots{Salt: salt}}
	for slot, keys := range counts {
		if keys <= 0 {
			continue
		}
		d.Filled++
		d.Keys += int64(keys)
		pieces := max(1, keys/pieceKeys)
		drawn := min(pieces, int(share*float64(pieces)+d.lot(slot, "pieces")))
		if drawn == 0 {
			continue
		}
		// Where pieces do not come out even a lot decides as well, so that on average
		// each key has the same chance.
		names := min(keys, int(float64(drawn)*float64(keys)/float64(pieces)+d.lot(slot, "keys")))
		d.Drawn++
		d.pieces[slot] = uint32(drawn)
		d.takes = append(d.takes, scanner.SlotTake{Slot: slot, Keys: names})
	}
	slices.SortFunc(d.takes, func(a, b scanner.SlotTake) int {
		return cmp.Compare(d.lot(a.Slot, "order"), d.lot(b.Slot, "order"))
	})
	return d
}

// lot is a number in [0,1) that the salt draws for a slot and a purpose.
func (d *slotDraw) lot(slot int, purpose string) float64 {
	return float64(d.draw(slot, purpose)>>11) / (1 << 53)
}

func (d *slotDraw) draw(slot int, purpose string) uint64 {
	b := append([]byte(d.Salt), purpose...)
	return xxhash.Sum64(binary.BigEndian.AppendUint32(b, uint32(slot)))
}

// unit is the unit of the sample that a key belongs to, never 0. Within a slot keys
// are in the order of a hash, so that to deal them to its pieces by another is as
// good as to cut where they came. The units of a slot follow one another, so that
// their random groups differ: each group is a sample as the whole is, and has its
// part of a large slot (Wolter, "Introduction to Variance Estimation", 2007,
// section 2.4, on strata).
func (d *slotDraw) unit(name string) uint64 {
	slot := scanner.SlotOf(name)
	piece := xxhash.Sum64String(name) % uint64(max(1, d.pieces[slot]))
	const margin = 1 << 32 // more than there are pieces, so that none is 0
	return d.draw(slot, "unit")>>1 + margin + piece
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
		return nil // the walk tells why
	}
	counts, err := scanner.CountKeysInSlots(ctx, c.conn, c.pacer(), &c.tally)
	if err != nil {
		return c.slotsRefused(ctx, err)
	}
	salt, share := c.saltAndShare(want, sum(counts))
	if share >= 1 || share <= 0 {
		return nil // a census
	}
	d := drawSlots(counts, share, salt)
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
	c.sample = &Sample{Fraction: share, Covered: map[int]float64{}, Slots: &d.SampledSlots}
	return nil
}

func sum(counts []int) (n int64) {
	for _, count := range counts {
		n += int64(count)
	}
	return n
}

// noSlots is why slots cannot be sampled for what is to be walked; empty if they can.
func (c *collector) noSlots() string {
	switch {
	case c.opts.Match != "":
		return "in a cluster each slot is a table of its own, and the names of a slot cannot be had by --match"
	case len(c.databases) != 1 || c.databases[0].DB != 0:
		return "in a cluster each slot is a table of its own, and slots are told of database 0 alone"
	default:
		return ""
	}
}

func (c *collector) enterFirst(ctx context.Context) bool {
	return c.conn.Select(ctx, c.databases[0].DB) == nil
}

// tooFew is why a draw is no sample; empty if it is one.
func (d *slotDraw) tooFew() string {
	if d.Drawn >= leastSlots {
		return ""
	}
	return fmt.Sprintf("in a cluster each slot is a table of its own, and a sample wants %d of them: this one would be of %d, of %d that have keys here", leastSlots, d.Drawn, d.Filled)
}

// tryNames asks for names as the walk will. Why tells that the server does not
// answer as it should.
func (c *collector) tryNames(ctx context.Context, takes []scanner.SlotTake) (why string, err error) {
	most := slices.MaxFunc(takes, func(a, b scanner.SlotTake) int { return cmp.Compare(a.Keys, b.Keys) })
	ok, err := c.conn.NamesSlot(ctx, most.Slot)
	switch {
	case err != nil:
		return "", err
	case !ok:
		return "CLUSTER GETKEYSINSLOT does not answer with keys of the slot", nil
	case !most.ByPages():
		return "", nil
	}
	if ok, err = c.conn.PagesSlot(ctx, most.Slot); err != nil || ok {
		return "", err
	}
	return fmt.Sprintf("slot %d has too many keys to name them all at once, and SCAN does not go over slots one by one", most.Slot), nil
}

// slotsRefused makes a refusal of the server's one of the sample.
func (c *collector) slotsRefused(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return nil // the walk tells so
	case !scanner.IsReply(err):
		return err
	case strings.HasPrefix(err.Error(), "NOPERM"):
		c.refuseSample("in a cluster each slot is a table of its own, and ACL refuses CLUSTER COUNTKEYSINSLOT or GETKEYSINSLOT; to allow them: " + c.conn.ACLSlots())
	default:
		c.refuseSample(fmt.Sprintf("in a cluster each slot is a table of its own, and the server does not tell of them: %q", err))
	}
	return nil
}

func (c *collector) refuseSample(why string) {
	c.sampleDoubt = &profile.Warning{Code: sampleRefused, Text: "a sample was asked for, and all keys were walked instead: " + why}
}

// saltAndShare are those of the sample that is to be repeated, if there is one and
// it is of about as many keys as are asked for; else a salt is drawn. The process
// need not be the same: a key's slot does not depend on it.
func (c *collector) saltAndShare(want *SampleSize, keys int64) (salt string, share float64) {
	share = want.share(keys)
	asked := want.Share > 0 || want.Keys > 0
	again := designOf(want.Again)
	switch {
	case again == nil:
	case again.Sample.Slots != nil && (!asked || alikeShares(again.Fraction, share)):
		return again.Sample.Slots.Salt, again.Fraction
	case !asked:
		share = again.Fraction
		c.sampleDoubt = &profile.Warning{Code: sampleOther, Text: "the profile of --sample-from is no sample of slots: these are as many keys, but others"}
	}
	return rand.Text(), share
}

// designOf is how a sample was made that can be repeated; nil if p is none.
func designOf(p *profile.Profile) *profile.Design {
	if p == nil || p.Design.Sample == nil || len(p.Nodes) != 1 {
		return nil
	}
	return &p.Design
}

// alikeShares reports whether samples of two shares are of about as many keys.
func alikeShares(a, b float64) bool { return a <= b*alike && a >= b/alike }
