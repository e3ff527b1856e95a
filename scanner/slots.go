package scanner

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"keyprof/scanner/throttle"
)

// Slots is the number of slots of a cluster (redis.io, cluster specification).
const Slots = 16384

// SlotKeys is a slot to scan completely: the order in which a server lists the keys of a
// slot depends on when they were written.
type SlotKeys struct {
	Slot int
	Keys int // from CLUSTER COUNTKEYSINSLOT
}

// There are two ways to list the keys of a slot. CLUSTER GETKEYSINSLOT is documented and
// works on every version, but has no pages: a key costs the server 0.2 µs (Valkey 8.0,
// measured), all of them without a break. SCAN has pages, and from a cursor that is the
// number of a slot it goes over that slot, as a cursor has the slot in its low bits
// (kvstore.c, addDictIndexToCursor); nothing promises that, so it is used for large slots
// only, after a check of what comes back ([Conn.CanScanSlot]).
const (
	namesPerKey   = 25 // keys listed for each key of a page, which takes 5 µs
	scannedPerKey = 10 // by SCAN, which visits more than the keys
)

// UseScan reports whether SCAN is used for a slot with so many keys, for pages of so many
// keys.
func (t SlotKeys) UseScan(page int) bool { return t.upperBound() > namesPerKey*page }

// upperBound returns how many keys of the slot are requested at once: it may have grown.
func (t SlotKeys) upperBound() int { return t.Keys + t.Keys/4 + 10 }

// SlotOf returns the slot of a key: the CRC16 of its name, or of what is between the
// first braces in it, unless that is empty (redis.io, cluster specification).
func SlotOf(name string) int {
	if _, rest, found := strings.Cut(name, "{"); found {
		if tag, _, closed := strings.Cut(rest, "}"); closed && tag != "" {
			name = tag
		}
	}
	crc := uint16(0)
	for i := range len(name) {
		crc = crc<<8 ^ crcTable[byte(crc>>8)^name[i]]
	}
	return int(crc % Slots)
}

// crcTable is the table of CRC16/XMODEM, polynomial 0x1021.
var crcTable = func() (table [256]uint16) {
	for i := range table {
		crc := uint16(i) << 8
		for range 8 {
			top := crc & 0x8000
			crc <<= 1
			if top != 0 {
				crc ^= 0x1021
			}
		}
		table[i] = crc
	}
	return table
}()

// slotsAtOnce is the number of slots whose keys are counted in one pipeline: about 65 µs
// of server time (Valkey 8.0, measured).
const slotsAtOnce = 100

// CountKeysInSlots returns the number of keys of each slot on this server. It paces its
// requests and adds their cost to the tally. It asks for all slots, as CLUSTER SLOTS
// would reveal hosts and needs another permission. An error reply satisfies [IsReply];
// when ctx ends the error is the context's cause.
func CountKeysInSlots(ctx context.Context, x Exchange, pacer *throttle.Pacer, tally *Tally) ([]int, error) {
	counts := make([]int, 0, Slots)
	var batch Batch
	for len(counts) < Slots {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		batch.Requests, batch.Replies = batch.Requests[:0], batch.Replies[:0]
		for slot := len(counts); slot < min(len(counts)+slotsAtOnce, Slots); slot++ {
			batch.Requests = append(batch.Requests, Request{CountKeysInSlot, strconv.Itoa(slot)})
		}
		x.Send(ctx, &batch)
		if _, err := x.Receive(ctx); err != nil {
			return nil, err
		}
		for _, r := range batch.Replies {
			if r.Err != nil {
				return nil, r.Err
			}
			counts = append(counts, int(max(0, r.Int)))
		}
		tally.Service += batch.Service
		pause, _ := pacer.Page(batch.Service, 0, time.Since(tally.Began))
		tally.PausedForLoad += sleepContext(ctx, pause)
	}
	return counts, nil
}

// CanListSlot reports whether CLUSTER GETKEYSINSLOT lists the keys of a slot. After an
// error that satisfies [IsReply] the connection can be used as before.
func (c *Conn) CanListSlot(ctx context.Context, slot int) (bool, error) {
	var names []string
	err := c.withRetry(ctx, func(ctx context.Context) (err error) {
		names, err = c.conn.ClusterGetKeysInSlot(context.WithoutCancel(ctx), slot, 1).Result()
		return simplify(err)
	})
	return len(names) > 0 && SlotOf(names[0]) == slot, err
}

// trialNames is the COUNT of the SCAN that tests what a cursor means.
const trialNames = 10

// CanScanSlot reports whether SCAN goes over the keys of one slot, and then on to the
// next, from the cursor that is the slot's number. If all keys of the page have expired
// and are hidden, the cursor decides.
func (c *Conn) CanScanSlot(ctx context.Context, slot int) (bool, error) {
	_, page, err := c.RoundTrip(ctx, nil, &Scan{Cursor: uint64(slot), Count: trialNames}, nil)
	if err != nil {
		return false, err
	}
	at := slot
	for _, name := range page.Names {
		if SlotOf(name) < at {
			return false, nil
		}
		at = SlotOf(name)
	}
	return page.Cursor == 0 || slotOfCursor(page.Cursor) >= at, nil
}

// slotOfCursor returns the slot that a page begins in.
func slotOfCursor(cursor uint64) int { return int(cursor % Slots) }

// errNoSlotOrder ends a scan of slots: SCAN must go up from slot to slot.
var errNoSlotOrder = errors.New("the server's SCAN does not return keys slot by slot")

// requestSlots adds the request for the next keys to a batch: a page of a large slot, or
// all keys of some slots.
func (r *cursorRange) requestSlots(batch *Batch, count int) {
	if first := r.slotsLeft[0]; r.pagingSlot || first.UseScan(count) {
		if !r.pagingSlot {
			r.pagingSlot, r.scan.Cursor = true, uint64(first.Slot)
		}
		r.scan.Count = scannedPerKey * count
		batch.Scan = &r.scan
		return
	}
	keys, names := 0, 0
	for len(r.slotsLeft) > 0 && keys < count {
		slot := r.slotsLeft[0]
		if names += slot.upperBound(); names > namesPerKey*count {
			return
		}
		keys += slot.Keys
		batch.Slots, r.slotsLeft = append(batch.Slots, SlotKeys{slot.Slot, slot.upperBound()}), r.slotsLeft[1:]
	}
}

// advanceSlots moves the range past the keys of a page, and returns those of the
// requested slots. A slot that returned as many keys as were requested may have more: it
// is requested again from its beginning.
func (r *cursorRange) advanceSlots(page *ScanReply) ([]string, error) {
	names := page.Names
	if r.batch.Scan != nil {
		var err error
		if names, err = r.pageOfSlot(page); err != nil {
			return nil, err
		}
	}
	came := map[int]int{}
	for _, name := range names {
		came[SlotOf(name)]++
	}
	full := map[int]bool{}
	for _, asked := range r.batch.Slots {
		if came[asked.Slot] >= asked.Keys {
			full[asked.Slot] = true
			r.slotsLeft = slices.Insert(r.slotsLeft, 0, asked)
		}
	}
	r.ended = len(r.slotsLeft) == 0
	return slices.DeleteFunc(names, func(name string) bool { return full[SlotOf(name)] }), nil
}

// pageOfSlot returns the keys of a page that belong to the current slot. SCAN continues
// with the next slot within a page.
func (r *cursorRange) pageOfSlot(page *ScanReply) ([]string, error) {
	slot := r.slotsLeft[0].Slot
	kept := page.Names[:0]
	for _, name := range page.Names {
		switch of := SlotOf(name); {
		case of < slot:
			return nil, errNoSlotOrder
		case of == slot:
			kept = append(kept, name)
		}
	}
	r.pagedNames += len(kept)
	r.scan.Cursor = page.Cursor
	if page.Cursor == 0 || slotOfCursor(page.Cursor) != slot {
		r.pagingSlot, r.pagedNames, r.slotsLeft = false, 0, r.slotsLeft[1:]
	}
	return kept, nil
}

// filterWanted removes the keys that are not Wanted.
func (w *Walk) filterWanted(names []string) []string {
	if w.Wanted == nil {
		return names
	}
	kept := slices.DeleteFunc(names, func(name string) bool { return !w.Wanted(name) })
	w.Tally.Returned -= int64(len(names) - len(kept))
	return kept
}

// nextNames takes up to count keys from the backlog.
func (r *cursorRange) nextNames(count int) {
	n := min(count, len(r.backlog))
	r.names, r.backlog = r.backlog[:n], r.backlog[n:]
}

// slotsDone returns the fraction of the keys of all slots that have arrived, in [0,1].
func (w *Walk) slotsDone() float64 {
	r := w.ranges[0]
	left := keysOf(r.slotsLeft)
	if r.pagingSlot {
		left -= min(r.pagedNames, r.slotsLeft[0].Keys)
	}
	return max(0, 1-float64(left)/float64(max(1, keysOf(w.Slots))))
}

// keysOf returns the number of keys of slots.
func keysOf(slots []SlotKeys) (n int) {
	for _, t := range slots {
		n += t.Keys
	}
	return n
}
