package sampler

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"keyprof/sampler/aggregate"
	"keyprof/sampler/profile"
	"keyprof/scanner"
)

var allProbes = []scanner.Probe{scanner.MemoryUsage, scanner.PTTL, scanner.IdleTime, scanner.Type}

func num(n int64) scanner.Reply      { return scanner.Reply{Int: n} }
func text(s string) scanner.Reply    { return scanner.Reply{Text: s} }
func failure(s string) scanner.Reply { return scanner.Reply{Err: errors.New(s)} }

var (
	missingKey = scanner.Reply{Nil: true}
	stalled    = scanner.Reply{Err: scanner.ErrStalled}
)

func TestObserve(t *testing.T) {
	const noKey = "NOPERM this user has no permissions to access one of the keys used as arguments"
	tests := []struct {
		name    string
		replies []scanner.Reply
		want    aggregate.Observation
	}{
		{
			"a key with a TTL",
			[]scanner.Reply{num(64), num(1500), num(7), text("string")},
			aggregate.Observation{HasBytes: true, Bytes: 64, HasTTL: true, TTLMillis: 1500, HasIdle: true, IdleS: 7, Type: "string"},
		},
		{
			"a key without a TTL",
			[]scanner.Reply{num(64), num(-1), num(0), text("hash")},
			aggregate.Observation{HasBytes: true, Bytes: 64, NoTTL: true, HasIdle: true, Type: "hash"},
		},
		{"deleted before it was probed", []scanner.Reply{missingKey, num(-2), missingKey, text("none")}, aggregate.Observation{Outcome: aggregate.Vanished}},
		{"expired on a replica, where it still has a size", []scanner.Reply{num(64), num(-2), missingKey, text("none")}, aggregate.Observation{Outcome: aggregate.Expired, HasBytes: true, Bytes: 64}},
		{"deleted between two probes", []scanner.Reply{num(64), num(-1), missingKey, text("none")}, aggregate.Observation{Outcome: aggregate.Vanished, HasBytes: true, Bytes: 64, NoTTL: true}},
		{"denied by a key pattern", []scanner.Reply{failure(noKey), failure(noKey), failure(noKey), failure(noKey)}, aggregate.Observation{Outcome: aggregate.Denied}},
		{"Dragonfly's word for a missing key", []scanner.Reply{failure("ERR no such key"), num(-2), missingKey, text("none")}, aggregate.Observation{Outcome: aggregate.Vanished}},
		{"moved to another node", []scanner.Reply{failure("MOVED 1 h:1"), failure("MOVED 1 h:1"), failure("MOVED 1 h:1"), failure("MOVED 1 h:1")}, aggregate.Observation{Outcome: aggregate.Moved}},
		{"on its way to another node", []scanner.Reply{num(64), num(-1), failure("ASK 1 h:1"), failure("ASK 1 h:1")}, aggregate.Observation{Outcome: aggregate.Moved, HasBytes: true, Bytes: 64, NoTTL: true}},
		{"a command not answered in time", []scanner.Reply{stalled, num(1500), num(7), text("stream")}, aggregate.Observation{Outcome: aggregate.Stalled, HasTTL: true, TTLMillis: 1500, HasIdle: true, IdleS: 7, Type: "stream"}},
		{"gone after a command that was not answered in time", []scanner.Reply{stalled, num(-2), missingKey, text("none")}, aggregate.Observation{Outcome: aggregate.Vanished}},
		{"a negative size", []scanner.Reply{num(-5), num(-1), num(1), text("string")}, aggregate.Observation{Outcome: aggregate.Failed, HasBytes: true, Bytes: -5, NoTTL: true, HasIdle: true, IdleS: 1, Type: "string"}},
		{"an impossible TTL", []scanner.Reply{num(5), num(-3), num(1), text("string")}, aggregate.Observation{Outcome: aggregate.Failed, HasBytes: true, Bytes: 5, HasIdle: true, IdleS: 1, Type: "string"}},
	}
	for _, tt := range tests {
		got := observe("k", allProbes, tt.replies)
		tt.want.Name = "k"
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestObserveWithoutMemoryUsage(t *testing.T) {
	got := observe("k", []scanner.Probe{scanner.PTTL, scanner.Type}, []scanner.Reply{num(-2), text("none")})
	if got.Outcome != aggregate.Vanished {
		t.Errorf("outcome %d: without a size, PTTL -2 does not tell that a key expired", got.Outcome)
	}
}

// Two pages; suspects of the first are asked about together with the second.
func TestProberAsksAboutSharedIntegers(t *testing.T) {
	var pages []*aggregate.Page
	p := &prober{
		probes: allProbes, shared: askShared, checks: &replyChecker{},
		fresh: func() *aggregate.Page { return &aggregate.Page{} },
		emit:  func(p *aggregate.Page) error { pages = append(pages, p); return nil },
	}
	deliver := func(replies ...scanner.Reply) {
		t.Helper()
		if err := p.Replies(replies); err != nil {
			t.Fatal(err)
		}
	}
	p.Requests(nil, []string{"shared", "own", "long"})
	deliver(
		num(56), num(-1), num(99), text("string"),
		num(56), num(-1), num(98), text("string"),
		num(5000), num(-1), num(97), text("string"),
	)
	if len(pages) != 0 {
		t.Fatal("a page with suspects was handed on before they were cleared")
	}
	requests := p.Requests(nil, []string{"next"})
	if want := (scanner.Request{Probe: scanner.RefCount, Key: "own"}); len(requests) != 6 || requests[5] != want {
		t.Fatalf("requests %v, want four probes and two reference counts", requests)
	}
	deliver(num(5000), num(-1), num(1), text("list"), num(sharedRefCount), num(1))
	if len(pages) != 2 {
		t.Fatalf("%d pages, want both", len(pages))
	}
	for i, want := range []bool{false, true, true} {
		if o := pages[0].Keys[i]; o.HasIdle != want || o.Shared == want {
			t.Errorf("%s: HasIdle %v, Shared %v", o.Name, o.HasIdle, o.Shared)
		}
	}
}

func TestProberDropsSuspectsWhenTheServerDoesNotTell(t *testing.T) {
	p := &prober{probes: allProbes, shared: dropShared, checks: &replyChecker{}, fresh: func() *aggregate.Page { return &aggregate.Page{} }}
	var page *aggregate.Page
	p.emit = func(q *aggregate.Page) error { page = q; return nil }
	p.Requests(nil, []string{"small"})
	if err := p.Replies([]scanner.Reply{num(56), num(-1), num(99), text("string")}); err != nil {
		t.Fatal(err)
	}
	if page == nil || page.Keys[0].HasIdle || !page.Keys[0].Shared {
		t.Errorf("page %+v: the idle time should have been dropped", page)
	}
}

// Names that are too long to ask about are counted with the page that follows them,
// by their beginning.
func TestProberCountsLongNames(t *testing.T) {
	p := &prober{probes: []scanner.Probe{scanner.Type}, checks: &replyChecker{}, fresh: func() *aggregate.Page { return &aggregate.Page{} }}
	var pages []*aggregate.Page
	p.emit = func(q *aggregate.Page) error { pages = append(pages, q); return nil }
	prefix := "cache:" + strings.Repeat("x", 5000)
	p.Long(prefix, 1<<20)
	p.another().(*prober).Long(prefix, 1<<26)
	if requests := p.Requests(nil, nil); len(requests) != 0 {
		t.Errorf("asked: %v", requests)
	}
	if err := p.Replies(nil); err != nil {
		t.Fatal(err)
	}
	p.Requests(nil, nil)
	if err := p.Replies(nil); err != nil || len(pages) != 1 || p.checks.longest != 1<<26 {
		t.Fatalf("%v, %d pages, longest %d", err, len(pages), p.checks.longest)
	}
	if diff := cmp.Diff([]aggregate.Observation{{Name: prefix[:profile.MaxNameBytes], Outcome: aggregate.TooLong}}, pages[0].Keys); diff != "" {
		t.Error(diff)
	}
}

// The type of a stalled key comes with its page, which may follow later.
func TestStallsInTheReceipt(t *testing.T) {
	var s stalls
	list := []scanner.Stall{{DB: 1, Probe: scanner.MemoryUsage, Key: "q", Took: time.Second, Answered: true}}
	s.note(list, &aggregate.Page{DB: 0, Keys: []aggregate.Observation{{Name: "q", Type: "list"}}})
	s.note(list, &aggregate.Page{DB: 1, Keys: []aggregate.Observation{{Name: "p", Type: "hash"}, {Name: "q", Type: "stream"}}})
	for range maxStalls {
		list = append(list, scanner.Stall{DB: 1, Probe: scanner.RefCount, Key: "n\xff", Took: 2 * time.Second})
	}
	got := s.receipt(list)
	if len(got) != maxStalls || got[0].Type != "" || got[0].TookS != 2 || got[0].Command != "object refcount" || got[0].Name != `n\xff` {
		t.Errorf("the first of %d: %+v", len(got), got[0])
	}
	got = s.receipt(list[:1])
	if want := []profile.Stall{{DB: 1, KeyName: profile.NewKeyName("q"), Type: "stream", Command: "memory usage", TookS: 1, Answered: true}}; !cmp.Equal(want, got) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got, want := stalledMeasures(append(list, scanner.Stall{DB: 1, Probe: scanner.PTTL}), 1), " (not measured: idle, ttl)"; got != want {
		t.Errorf("measures %q, want %q", got, want)
	}
}

// TYPE may not name more types than any server has, and sizes not more than any
// server holds.
func TestFoundIsBounded(t *testing.T) {
	var f replyChecker
	probes := []scanner.Probe{scanner.Type}
	for i := range 2 * profile.MaxTypes {
		o := aggregate.Observation{Type: fmt.Sprint("type", i)}
		f.check(&o, probes, []scanner.Reply{text(o.Type)})
		if want := i >= profile.MaxTypes; (o.Type == profile.OtherType) != want {
			t.Fatalf("type %d is called %q", i, o.Type)
		}
	}
	f.bytes = implausibleSum - 100
	for size, want := range map[int64]aggregate.Outcome{100: aggregate.Measured, 101: aggregate.Failed} {
		f := f
		o := aggregate.Observation{HasBytes: true, Bytes: size}
		if f.check(&o, nil, nil); o.Outcome != want {
			t.Errorf("%d bytes beside %d: outcome %d, want %d", size, f.bytes, o.Outcome, want)
		}
	}
}

// The clock on the wall may be set while a scan runs.
func TestEndOf(t *testing.T) {
	began := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for name, tt := range map[string]struct {
		ended   time.Time
		want    time.Time
		setBack time.Duration
	}{
		"not set":               {began.Add(10 * time.Second), began.Add(10 * time.Second), 0},
		"set back":              {began.Add(-time.Hour), began.Add(10 * time.Second), time.Hour + 10*time.Second},
		"set back a little":     {began.Add(5 * time.Second), began.Add(10 * time.Second), 5 * time.Second},
		"set forward, or slept": {began.Add(time.Hour), began.Add(time.Hour), 0},
	} {
		if got, back := endOf(began, tt.ended, 10*time.Second); !got.Equal(tt.want) || back != tt.setBack {
			t.Errorf("%s: %v, set back by %v; want %v, %v", name, got, back, tt.want, tt.setBack)
		}
	}
	if got, _ := endOf(began, began.Add(-time.Millisecond), 0); got.Before(began) {
		t.Errorf("ended at %v, before it began", got)
	}
}
