package scanner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"keyprof/scanner/throttle"
)

// table is an Exchange that behaves like a hash table (dict.c, dictScan): it may be in
// the middle of a rehash, and changes between pages.
type table struct {
	keys      []key  // by position
	exponents [2]int // of the sizes of its tables; the second below 0: no rehash is running
	moved     uint64 // buckets of the first that are in the second
	flight    []*Batch
	change    func() // before each page
	counts    []int  // COUNT of each SCAN
	longest   int    // batches in flight at once
	roundTrip time.Duration
	service   time.Duration // of a batch
}

// key is a key at a position: its hash with its bits reversed.
type key struct {
	at   uint64
	name string
}

func newTable(keys int, rng *rand.Rand) *table {
	t := &table{exponents: [2]int{2, -1}, roundTrip: time.Hour, service: time.Millisecond}
	for i := range keys {
		t.add(fmt.Sprintf("stay:%d", i), rng)
	}
	t.settle()
	return t
}

// index returns the index in keys of the first at a position or behind it.
func (t *table) index(at uint64) int {
	i, _ := slices.BinarySearchFunc(t.keys, at, func(k key, at uint64) int { return cmp.Compare(k.at, at) })
	return i
}

func (t *table) add(name string, rng *rand.Rand) key {
	k := key{rng.Uint64(), name}
	t.keys = slices.Insert(t.keys, t.index(k.at), k)
	return k
}

func (t *table) remove(k key) {
	i := t.index(k.at)
	t.keys = slices.Delete(t.keys, i, i+1)
}

// settle makes one table of the size for its number of keys.
func (t *table) settle() {
	t.resize()
	t.moved = math.MaxUint64
	t.step()
}

// resize starts to rehash into a table of the size for the number of keys.
func (t *table) resize() {
	if want := max(2, bits.Len(uint(len(t.keys)))); t.exponents[1] < 0 && want != t.exponents[0] {
		t.exponents[1], t.moved = want, 0
	}
}

// step ends a rehash when all buckets are moved.
func (t *table) step() {
	if t.exponents[1] >= 0 && t.moved >= 1<<t.exponents[0] {
		t.exponents, t.moved = [2]int{t.exponents[1], -1}, 0
	}
}

// inFirst reports whether a key is in the first table.
func (t *table) inFirst(k key) bool {
	return t.exponents[1] < 0 || bits.Reverse64(k.at)&(1<<t.exponents[0]-1) >= t.moved
}

// bucket returns the start of the bucket that a position is in, and that of the next, in
// a table of 2^exponent buckets.
func bucket(at uint64, exponent int) (begin, end uint64) {
	width := uint64(1) << (64 - exponent)
	begin = at &^ (width - 1)
	return begin, begin + width
}

// scan is dictScan: a bucket of the smaller table, and those of the larger that
// lie in it, from the position on.
func (t *table) scan(at uint64) (names []string, to uint64) {
	begins := [2]uint64{1: math.MaxUint64}
	begins[0], to = bucket(at, t.exponents[0])
	if t.exponents[1] >= 0 {
		var second uint64
		begins[1], second = bucket(at, t.exponents[1])
		if t.exponents[1] < t.exponents[0] {
			to = second
		}
	}
	for _, k := range t.keys[t.index(min(begins[0], begins[1])):] {
		table := 1
		if t.inFirst(k) {
			table = 0
		}
		if to != 0 && k.at >= to {
			break
		}
		if k.at >= begins[table] {
			names = append(names, k.name)
		}
	}
	return names, to
}

func (t *table) page(s *Scan) ScanReply {
	at := bits.Reverse64(s.Cursor)
	var names, more []string
	for range 10 * s.Count {
		more, at = t.scan(at)
		if names = append(names, more...); at == 0 || len(names) >= s.Count {
			break
		}
	}
	return ScanReply{Cursor: bits.Reverse64(at), Names: names}
}

func (t *table) Send(_ context.Context, batch *Batch) {
	t.flight = append(t.flight, batch)
	t.longest = max(t.longest, len(t.flight))
}

func (t *table) Receive(context.Context) (*Batch, error) {
	batch := t.flight[0]
	t.flight = t.flight[1:]
	batch.Replies = append(batch.Replies, make([]Reply, len(batch.Requests))...)
	batch.Service = t.service
	if batch.Scan != nil {
		if t.change != nil {
			t.change()
		}
		t.counts = append(t.counts, batch.Scan.Count)
		batch.Page = t.page(batch.Scan)
	}
	return batch, nil
}

func (t *table) Abandon()                                          { t.flight = nil }
func (t *table) MinRoundTrip() time.Duration                       { return t.roundTrip }
func (t *table) CPUTime(context.Context) (_ time.Duration, _ bool) { return 0, false }

func (t *table) RoundTrip(context.Context, []Request, *Scan, []Reply) ([]Reply, ScanReply, error) {
	return nil, ScanReply{}, errors.New("a scan does not use it")
}

// visits counts how often each name is visited.
type visits map[string]int

func (v visits) visitor() Visitor { return &visitor{visits: v} }

type visitor struct {
	visits visits
	names  []string
}

func (*visitor) Long(string, int64) {}

func (v *visitor) Requests(requests []Request, names []string) []Request {
	v.names = names
	for _, name := range names {
		requests = append(requests, Request{Probe: PTTL, Key: name})
	}
	return requests
}

func (v *visitor) Replies(replies []Reply) error {
	if len(replies) != len(v.names) {
		return fmt.Errorf("%d replies for %d names", len(replies), len(v.names))
	}
	for _, name := range v.names {
		v.visits[name]++
	}
	return nil
}

// rangesWalk returns a scan at full speed over a number of ranges.
func rangesWalk(x Exchange, v visits, ranges, keys int) *Walk {
	return &Walk{
		Exchange: x, Visitors: v.visitor, Pacer: &throttle.Pacer{MaxLoad: 1}, Page: 10,
		MaxRanges: ranges, Keys: int64(keys), Tally: &Tally{Began: time.Now()},
	}
}

// count returns how many of the names were not visited, and how often others were
// visited again.
func (v visits) count(names []string) (missed, again int) {
	for _, name := range names {
		switch n := v[name]; n {
		case 0:
			missed++
		default:
			again += n - 1
		}
	}
	return missed, again
}

// life describes the changes of a table during a scan.
type life struct {
	name       string
	from, to   int  // keys added, or deleted, besides those that stay
	repeats    int  // maximum of repeated visits, over all scans
	middleOfIt bool // a rehash goes on from the first page to the last
	stay       int
}

func TestRangesVisitEachKeyOnce(t *testing.T) {
	for _, life := range []life{
		{name: "still", stay: 12000},
		{name: "growing", stay: 9000, to: 30000},
		{name: "shrinking", stay: 9000, from: 20000, repeats: 3},
		{name: "in the middle of a rehash", stay: 12000, middleOfIt: true},
		{name: "nearly emptied", stay: 3, from: 12000, repeats: 10},
	} {
		t.Run(life.name, func(t *testing.T) {
			repeats := 0
			for _, ranges := range []int{1, 2, 3, 5, 8} {
				for seed := range uint64(2) {
					repeats += life.live(t, ranges, rand.New(rand.NewPCG(seed, uint64(ranges))))
				}
			}
			if repeats > life.repeats {
				t.Errorf("%d keys were visited again", repeats)
			}
		})
	}
}

// live scans a table with these changes and returns how often keys were visited again.
func (life life) live(t *testing.T, ranges int, rng *rand.Rand) int {
	t.Helper()
	x := newTable(life.stay, rng)
	var goes []key
	for i := range life.from {
		goes = append(goes, x.add(fmt.Sprintf("go:%d", i), rng))
	}
	x.settle()
	stay := make([]string, 0, life.stay)
	for i := range life.stay {
		stay = append(stay, fmt.Sprintf("stay:%d", i))
	}
	keys := len(x.keys)
	if life.middleOfIt {
		x.exponents[1], x.moved = x.exponents[0]+1-2*rng.IntN(2), 1<<x.exponents[0]/3
	}
	pages := keys / 10
	x.change = func() {
		if life.middleOfIt {
			return
		}
		for range 1 + 2*max(life.from, life.to)/pages {
			switch {
			case len(goes) > 0:
				x.remove(goes[len(goes)-1])
				goes = goes[:len(goes)-1]
			case len(x.keys) < life.to:
				x.add(fmt.Sprintf("come:%d", len(x.keys)), rng)
			}
		}
		x.resize()
		x.moved += rng.Uint64N(200)
		x.step()
	}
	v := visits{}
	w := rangesWalk(x, v, ranges, keys)
	if err := w.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if x.longest != ranges || len(w.ranges) != ranges {
		t.Fatalf("%d batches in flight at once, %d ranges, want %d", x.longest, len(w.ranges), ranges)
	}
	missed, again := v.count(stay)
	if missed > 0 {
		t.Errorf("%d ranges: %d keys were not visited", ranges, missed)
	}
	if c := w.Covered(); !c.Whole || c.Fraction != 1 || c.Interval != (Interval{}) || w.Cursor() != 0 {
		t.Errorf("covered %+v, cursor %d", c, w.Cursor())
	}
	return again
}

// An interval has exactly the keys whose positions lie in it.
func TestIntervalHasItsKeys(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	x := newTable(40000, rng)
	for _, interval := range []Interval{
		{Start: 1 << 62, End: 3 << 62},
		{Start: rng.Uint64(), End: rng.Uint64()},
		{Start: math.MaxUint64 - 1<<60, End: 1 << 61}, // across zero
		{Start: rng.Uint64()},                         // to the end of the line
		{Start: 5 << 60, End: 5 << 60},                // all of it
	} {
		for _, ranges := range []int{1, 2, 8} {
			v := visits{}
			w := rangesWalk(x, v, ranges, len(x.keys))
			w.Interval = &interval
			if err := w.Run(t.Context()); err != nil {
				t.Fatal(err)
			}
			c := w.Covered()
			if c.Interval != interval.rounded() || !c.Whole || math.Abs(c.Fraction-c.fraction()) > 1e-12 {
				t.Errorf("covered %+v of %+v", c, interval)
			}
			for _, k := range x.keys {
				inside := c.Start == c.End || k.at-c.Start < c.End-c.Start
				if n := v[k.name]; n > 1 || (n == 1) != inside {
					t.Fatalf("%+v, %d ranges: a key at %x was visited %d times", interval, ranges, k.at, n)
				}
			}
			if seen := float64(len(v)) / float64(len(x.keys)); math.Abs(seen-c.Fraction) > 0.02 {
				t.Errorf("%v of the keys in %v of the line", seen, c.Fraction)
			}
		}
	}
}

// In a table that has shrunk to four buckets the boundary at an eighth of the line is
// within one: keys of a page before the boundary must not be lost.
func TestSeamWithinABucket(t *testing.T) {
	const eighth = 1 << 61
	page := &ScanReply{Cursor: bits.Reverse64(2 * eighth), Names: []string{"before or behind"}}
	r := &cursorRange{bounded: true, at: eighth / 2, end: eighth, maxCount: 1, scan: Scan{Count: 1}}
	if names, err := r.advance(page); err != nil || len(names) != 1 || !r.ended || r.end != 2*eighth {
		t.Errorf("%q, %v, range %+v", names, err, r)
	}
	page.Cursor = bits.Reverse64(eighth + eighth/2) // of sixteen buckets, one begins at the boundary
	r = &cursorRange{bounded: true, at: eighth / 2, end: eighth, maxCount: 1, scan: Scan{Count: 1}}
	if names, err := r.advance(page); err != nil || len(names) != 0 || !r.ended || r.end != eighth {
		t.Errorf("%q, %v, range %+v", names, err, r)
	}
}

func TestRoundedTwiceIsTheSame(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 10000 {
		i := Interval{rng.Uint64(), 0}
		i.End = i.Start + rng.Uint64()>>rng.IntN(64)
		once := i.rounded()
		if once.rounded() != once || once.fraction() > i.fraction() || once.fraction() < i.fraction()*0.98 {
			t.Fatalf("%+v: %+v, then %+v", i, once, once.rounded())
		}
	}
}

// A scan that is stopped returns its coverage, and the cursor at which another can
// continue.
func TestRangesStopped(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for _, ranges := range []int{1, 8} {
		x := newTable(40000, rng)
		ctx, stop := context.WithCancel(t.Context())
		x.change = func() {
			if len(x.counts) == 1000 {
				stop()
			}
		}
		v := visits{}
		w := rangesWalk(x, v, ranges, len(x.keys))
		if err := w.Run(ctx); !errors.Is(err, context.Canceled) {
			t.Fatalf("Run = %v", err)
		}
		seen := float64(len(v)) / float64(len(x.keys))
		if c := w.Covered(); c.Whole || math.Abs(c.Fraction-seen) > 0.01 || seen < 0.2 || seen > 0.3 {
			t.Errorf("%d ranges: %v of the keys seen, covered %+v", ranges, seen, c)
		}
		from := bits.Reverse64(w.Cursor())
		for _, k := range x.keys {
			if k.at < from && v[k.name] == 0 {
				t.Fatalf("%d ranges: a key before the cursor was not visited", ranges)
			}
		}
	}
}

func TestRangesWanted(t *testing.T) {
	for _, tt := range []struct {
		name       string
		change     func(*Walk, *table)
		wantRanges int
	}{
		{"as they are", func(*Walk, *table) {}, 8},
		{"no latency", func(_ *Walk, x *table) { x.roundTrip = time.Millisecond / 5 }, 2},
		{"little latency", func(_ *Walk, x *table) { x.roundTrip = time.Millisecond / 3 }, 3},
		{"some latency", func(_ *Walk, x *table) { x.roundTrip = 2 * time.Millisecond }, 6},
		{"more than a page", func(_ *Walk, x *table) { x.roundTrip = 600 * time.Microsecond }, 3},
		{"service not measurable", func(_ *Walk, x *table) { x.service = 0 }, 8},
		{"not allowed", func(w *Walk, _ *table) { w.MaxRanges = 0 }, 1},
		{"gentle", func(w *Walk, x *table) { w.Pacer.MaxLoad, x.service = 0.99, 1 }, 1},
		{"slow", func(w *Walk, _ *table) { w.Pacer.Rate = 1e9 }, 1},
		{"few keys", func(w *Walk, _ *table) { w.Keys = 3 * throttle.MinRangeKeys; w.Page = 1 }, 2},
		{"keys not known", func(w *Walk, _ *table) { w.Keys = 0 }, 1},
		{"long pages", func(w *Walk, _ *table) { w.Page = 200 }, 3},
	} {
		x := newTable(12000, rand.New(rand.NewPCG(7, 8)))
		v := visits{}
		w := rangesWalk(x, v, throttle.MaxRanges, len(x.keys))
		tt.change(w, x)
		if err := w.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if len(w.ranges) != tt.wantRanges || len(v) != len(x.keys) {
			t.Errorf("%s: %d ranges, want %d; %d keys", tt.name, len(w.ranges), tt.wantRanges, len(v))
		}
	}
}

// Where cursors are not bucket numbers, one range is scanned to the end, and an interval
// cannot be scanned.
func TestCursorsWithoutOrder(t *testing.T) {
	names := make([][]string, 40)
	for i := range names {
		names[i] = []string{fmt.Sprint(i)}
	}
	v := visits{}
	w := rangesWalk(&pages{names: names}, v, throttle.MaxRanges, 40000)
	if err := w.Run(t.Context()); err != nil || len(w.ranges) != 1 || len(v) != len(names) {
		t.Errorf("Run = %v, %d ranges, %d keys", err, len(w.ranges), len(v))
	}
	w = rangesWalk(&pages{names: names}, visits{}, 1, 40000)
	w.Interval = &Interval{1 << 63, 1 << 62}
	if err := w.Run(t.Context()); !errors.Is(err, errNoOrder) {
		t.Errorf("Run = %v, want %v", err, errNoOrder)
	}
}

func TestOrdered(t *testing.T) {
	for _, tt := range []struct {
		at, cursor uint64
		keys       int64
		want       bool
	}{
		{0, 0, 100, true},                 // all in one page
		{1 << 63, 0, 100, true},           // the end
		{0, 1, 100, true},                 // half of the line
		{0, 511, 100, true},               // of 512 buckets
		{0, 512, 100, false},              // of more
		{1 << 63, 1, 100, false},          // stands still
		{1<<63 | 1, 1, 100, false},        // goes back
		{0, 1 << 63, 100, false},          // a proxy's
		{0, 1 << 63, 0, true},             // number of keys unknown
		{0, 1 << 63, 1 << 62, true},       // absurd, and no panic
		{0, 1<<63 + 5, -1, true},          // the same
		{0, 3, 1, true}, {0, 4, 1, false}, // the smallest table has four buckets
	} {
		if got := ordered(tt.at, tt.cursor, tt.keys); got != tt.want {
			t.Errorf("ordered(%x, %x, %d) = %v", tt.at, tt.cursor, tt.keys, got)
		}
	}
}

func TestProgressGoesUp(t *testing.T) {
	for _, ranges := range []int{1, 8} {
		x := newTable(40000, rand.New(rand.NewPCG(9, 10)))
		w := rangesWalk(x, visits{}, ranges, len(x.keys))
		var seen []float64
		w.Progress = func(fraction float64) { seen = append(seen, fraction) }
		if err := w.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if !slices.IsSorted(seen) || seen[0] > 0.01 || seen[len(seen)-1] != 1 || math.Abs(seen[len(seen)/2]-0.5) > 0.05 {
			t.Errorf("%d ranges: progress from %v over %v to %v", ranges, seen[0], seen[len(seen)/2], seen[len(seen)-1])
		}
	}
}

// Keys deleted in the order of SCAN leave a part of the line empty: an interval that
// begins there is scanned like any other.
func TestIntervalBeginsWithoutKeys(t *testing.T) {
	x := newTable(12000, rand.New(rand.NewPCG(9, 10)))
	const emptied, end = 1 << 62, 1<<62 + 1<<61
	x.keys = slices.DeleteFunc(x.keys, func(k key) bool { return k.at < emptied })
	v := visits{}
	w := rangesWalk(x, v, 1, len(x.keys))
	w.Page, w.Interval = 10, &Interval{0, end}
	if err := w.Run(t.Context()); err != nil || !w.Covered().Whole {
		t.Fatalf("Run = %v, covered %+v", err, w.Covered())
	}
	for _, k := range x.keys {
		if want := k.at < end; (v[k.name] > 0) != want {
			t.Fatalf("a key at %x: visited %v", k.at, !want)
		}
	}
}
