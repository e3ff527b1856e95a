package scanner

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

// Slots of names: from the cluster specification, and from CLUSTER KEYSLOT of a server of
// version 7.0.
func TestSlotOf(t *testing.T) {
	for name, want := range map[string]int{
		"123456789": 0x31c3, "": 0, "foo": 12182, "{foo}.bar": 12182, "bar{foo}baz{zap}": 12182,
		"foo{}{bar}": 8363, "foo{{bar}}zap": 4015, "{bar": 4015, "\xff\xfe": 3374,
	} {
		if got := SlotOf(name); got != want {
			t.Errorf("%q is in slot %d, want %d", name, got, want)
		}
	}
}

// slotServer has a table for each slot. SCAN goes over them one after the other,
// and its cursors have the slot in their low bits.
type slotServer struct {
	Exchange
	slots  map[int][]string
	flight []*Batch
	most   int // names at once
	lost   bool
}

func (s *slotServer) Send(_ context.Context, batch *Batch) { s.flight = append(s.flight, batch) }

func (s *slotServer) Receive(context.Context) (*Batch, error) {
	batch := s.flight[0]
	s.flight = s.flight[1:]
	batch.Page = ScanReply{}
	for _, slot := range batch.Slots {
		names := s.slots[slot.Slot]
		batch.Page.Names = append(batch.Page.Names, names[:min(slot.Keys, len(names))]...)
	}
	if batch.Scan != nil {
		batch.Page = s.page(batch.Scan)
	}
	s.most = max(s.most, len(batch.Page.Names))
	batch.Replies = append(batch.Replies, make([]Reply, len(batch.Requests))...)
	return batch, nil
}

func (s *slotServer) page(scan *Scan) (page ScanReply) {
	at, slot := int(scan.Cursor/Slots), slotOfCursor(scan.Cursor)
	for ; slot < Slots; slot, at = slot+1, 0 {
		names := s.slots[slot]
		if s.lost { // it does not support such cursors
			names = s.slots[slot/2]
		}
		for ; at < len(names); at++ {
			if len(page.Names) >= scan.Count {
				page.Cursor = uint64(at*Slots + slot)
				return page
			}
			page.Names = append(page.Names, names[at])
		}
	}
	return page
}

func (s *slotServer) Abandon()                    {}
func (s *slotServer) MinRoundTrip() time.Duration { return 0 }
func (s *slotServer) CPUTime(context.Context) (time.Duration, bool) {
	return 0, false
}

func newSlotServer(keys map[string]int) *slotServer {
	s := &slotServer{slots: map[int][]string{}}
	for tag, n := range keys {
		for i := range n {
			s.slots[SlotOf(tag)] = append(s.slots[SlotOf(tag)], fmt.Sprintf("{%s}:%d", tag, i))
		}
	}
	return s
}

// A scan of slots visits all keys of each once, also of those that have grown, in pages of
// the allowed size, and never gets so many names at once that listing them takes long. It
// drops names that are not wanted.
func TestWalkOverSlots(t *testing.T) {
	keys := map[string]int{"large": 5000, "middle": 400, "has grown": 900, "has grown large": 3000, "gone": 0}
	slots := []SlotKeys{{SlotOf("middle"), 400}, {SlotOf("large"), 5000}, {SlotOf("gone"), 5}, {SlotOf("has grown"), 40}, {SlotOf("has grown large"), 1}}
	for i := range 100 {
		tag := fmt.Sprint("small", i)
		keys[tag] = 3
		slots = append(slots, SlotKeys{SlotOf(tag), 3})
	}
	wanted := func(name string) bool { return !strings.HasSuffix(name, "7") }
	for _, page := range []int{1, 20, 1000} {
		s, v := newSlotServer(keys), visits{}
		w := rangesWalk(s, v, 1, 0)
		w.Slots, w.Page, w.Wanted = slots, page, wanted
		fractions := []float64{}
		w.Progress = func(f float64) { fractions = append(fractions, f) }
		if err := w.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		visited := 0
		for tag, n := range keys {
			for i := range n {
				name, times := fmt.Sprintf("{%s}:%d", tag, i), 0
				if wanted(name) {
					visited, times = visited+1, 1
				}
				if v[name] != times {
					t.Fatalf("pages of %d: %s was visited %d times", page, name, v[name])
				}
			}
		}
		if len(v) != visited || !w.Covered().Whole || s.most > namesPerKey*page {
			t.Errorf("pages of %d: %d names, want %d; whole %v; %d names at once", page, len(v), visited, w.Covered().Whole, s.most)
		}
		if n := len(fractions); slices.Min(fractions) < 0 || slices.Max(fractions) > 1 || fractions[n-1] != 1 {
			t.Errorf("pages of %d: progress from %v to %v, at last %v", page, slices.Min(fractions), slices.Max(fractions), fractions[n-1])
		}
		if w.Tally.Returned-w.Tally.Repeats != int64(visited) {
			t.Errorf("pages of %d: of %d names %d were dropped", page, w.Tally.Returned, w.Tally.Repeats)
		}
	}
}

// A scan that is stopped visits the keys that it has probed, and is not whole.
func TestWalkOverSlotsStopped(t *testing.T) {
	s, v := newSlotServer(map[string]int{"a": 400, "b": 400}), visits{}
	w := rangesWalk(s, v, 1, 0)
	w.Slots, w.Page = []SlotKeys{{SlotOf("a"), 400}, {SlotOf("b"), 400}}, 30
	ctx, stop := context.WithCancel(t.Context())
	w.Progress = func(f float64) {
		if f == 1 { // all names have arrived, and thirty of the second slot are probed
			stop()
		}
	}
	if err := w.Run(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if n := len(slices.Collect(maps.Keys(v))); n < 400 || n > 440 || w.Covered().Whole {
		t.Errorf("%d names were visited, whole %v", n, w.Covered().Whole)
	}
}

// Cursors with another meaning end a scan.
func TestWalkOverSlotsOutOfOrder(t *testing.T) {
	s, v := newSlotServer(map[string]int{"a": 2000}), visits{}
	s.slots[SlotOf("a")/2] = []string{"b", "{c}"}
	s.lost = true
	w := rangesWalk(s, v, 1, 0)
	w.Slots = []SlotKeys{{SlotOf("a"), 1000}}
	if err := w.Run(t.Context()); !errors.Is(err, errNoSlotOrder) || len(v) > 0 {
		t.Errorf("error %v, and %d names were visited", err, len(v))
	}
}
