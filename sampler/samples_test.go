package sampler_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"keyprof/sampler"
	"keyprof/sampler/profile"
	"keyprof/scanner/redistest"
)

// Samples of real servers, each with a hash seed of its own, hold the truth as often
// as they say. Those of one server overlap, so that the bound is low: of 60 with 95
// in 100, one in some hundred million runs holds fewer than 44 if all are apart.
func TestSamplesHoldTheTruth(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long: make soak")
	}
	const servers, samples, least = 6, 10, 44
	held := map[string]int{}
	for range servers {
		sampleServer(t, samples, held)
	}
	for _, name := range []string{"keys", "no-TTL keys", "bytes of jobs", "keys of tickets"} {
		if held[name] < least {
			t.Errorf("%s: %d of %d intervals hold the truth", name, held[name], servers*samples)
		}
	}
	t.Logf("of %d intervals: %v", servers*samples, held)
}

// sampleServer counts which intervals of some samples of a server hold the truth.
func sampleServer(t *testing.T, samples int, held map[string]int) {
	t.Helper()
	server := redistest.New(t)
	for _, seed := range []func(context.Context, redis.UniversalClient) error{redistest.SeedTickets, redistest.SeedResque} {
		if err := seed(t.Context(), server.Client()); err != nil {
			t.Fatal(err)
		}
	}
	census := collect(t, server.SocketURL(), fast())
	jobs, tickets := "resque:status:<uuid>", "<ts>:cust-<int>:<rand>"
	for range samples {
		o := fast()
		o.Sample = &sampler.SampleSize{Share: 0.1}
		p := collect(t, server.SocketURL(), o)
		if p.Design.Method != profile.MethodSample || p.Totals.Probed > census.Totals.Probed/5 {
			t.Fatalf("%s of %d keys", p.Design.Method, p.Totals.Probed)
		}
		for name, holds := range map[string]bool{
			"keys":            holdsTruth(&p.Totals.Keys, census.Totals.Keys.Value),
			"no-TTL keys":     holdsTruth(p.Totals.NoTTLKeys, census.Totals.NoTTLKeys.Value),
			"bytes of jobs":   holdsTruth(namespaceOf(t, p, jobs).Bytes, namespaceOf(t, census, jobs).Bytes.Value),
			"keys of tickets": holdsTruth(&namespaceOf(t, p, tickets).Keys, namespaceOf(t, census, tickets).Keys.Value),
		} {
			if holds {
				held[name]++
			}
		}
	}
}

func holdsTruth(e *profile.Estimate, truth int64) bool {
	return e.Lo <= truth && (e.Hi == nil || truth <= *e.Hi)
}

func namespaceOf(t *testing.T, p *profile.Profile, pattern string) *profile.Namespace {
	t.Helper()
	for i := range p.Namespaces {
		if p.Namespaces[i].Pattern == pattern {
			return &p.Namespaces[i]
		}
	}
	t.Fatalf("no namespace %q", pattern)
	return nil
}

// A sample is repeated in the same process and if it is about as large as what is
// asked for; else another is drawn, unless that very sample was asked for.
func TestSampleAgain(t *testing.T) {
	server, other := redistest.New(t), redistest.New(t)
	for _, s := range []*redistest.Server{server, other} {
		fillTwo(t, s.Client(), 0, 20_000)
	}
	first := sampled(t, server, sampler.SampleSize{Share: 0.1})
	for name, tt := range map[string]struct {
		server       *redistest.Server
		size         sampler.SampleSize
		same, warned bool
	}{
		"alone":                          {server, sampler.SampleSize{}, true, false},
		"as large":                       {server, sampler.SampleSize{Share: 0.1}, true, false},
		"as many keys":                   {server, sampler.SampleSize{Keys: 2000}, true, false},
		"somewhat larger":                {server, sampler.SampleSize{Share: 0.14}, true, false},
		"somewhat smaller":               {server, sampler.SampleSize{Keys: 1500}, true, false},
		"twice as large":                 {server, sampler.SampleSize{Share: 0.2}, false, false},
		"half as large":                  {server, sampler.SampleSize{Keys: 1000}, false, false},
		"alone, in another process":      {other, sampler.SampleSize{}, true, true},
		"as large, in another process":   {other, sampler.SampleSize{Share: 0.1}, false, false},
		"of a process that is not known": {server, sampler.SampleSize{}, true, true},
	} {
		again := *first
		if name == "of a process that is not known" {
			again.Nodes = []profile.Node{{}}
		}
		tt.size.Again = &again
		p := sampled(t, tt.server, tt.size)
		if same := p.Design.Sample.From == first.Design.Sample.From; same != tt.same || warned(p, "sample-other-process") != tt.warned {
			t.Errorf("%s: the same positions %v, warnings %v", name, same, p.Warnings)
		}
		if sameKeys := p.Totals.Probed == first.Totals.Probed && p.Totals.Sample.Bytes == first.Totals.Sample.Bytes; sameKeys != (tt.same && tt.server == server) {
			t.Errorf("%s: the same keys %v", name, sameKeys)
		}
	}
}

func sampled(t *testing.T, server *redistest.Server, size sampler.SampleSize) *profile.Profile {
	t.Helper()
	o := fast()
	o.Sample = &size
	p := collect(t, server.SocketURL(), o)
	if p.Design.Method != profile.MethodSample {
		t.Fatalf("%+v: %s", size, p.Design.Method)
	}
	return p
}

// A sample can be repeated only if its profile says which keys of which single server
// it covers.
func TestRepeatable(t *testing.T) {
	node := profile.Node{RunID: "run-1"}
	for name, tt := range map[string]struct {
		sample *profile.Sample
		nodes  []profile.Node
		want   bool
	}{
		"a sample":            {&profile.Sample{From: "5", To: "77"}, []profile.Node{node}, true},
		"one that wraps":      {&profile.Sample{From: "18446744073709551000", To: "77"}, []profile.Node{node}, true},
		"of slots":            {&profile.Sample{Slots: &profile.SampledSlots{Salt: "s"}}, []profile.Node{node}, true},
		"a census":            {nil, []profile.Node{node}, false},
		"of nothing":          {&profile.Sample{From: "5", To: "5"}, []profile.Node{node}, false},
		"of no positions":     {&profile.Sample{From: "x", To: ""}, []profile.Node{node}, false},
		"beyond all":          {&profile.Sample{From: "5", To: "18446744073709551616"}, []profile.Node{node}, false},
		"of no server":        {&profile.Sample{From: "5", To: "77"}, nil, false},
		"of several servers":  {&profile.Sample{From: "5", To: "77"}, []profile.Node{node, node}, false},
		"of an empty profile": {nil, nil, false},
	} {
		var p profile.Profile
		p.Design.Sample, p.Nodes = tt.sample, tt.nodes
		if got := sampler.Repeatable(&p); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if sampler.Repeatable(nil) {
		t.Error("no profile can be repeated")
	}
}

// A name is at the same position in every database. Where databases have the same
// names a sample has too many of all of them, or too few, and the interval of the
// totals must be as wide.
func TestSamplesOfDatabasesAlike(t *testing.T) {
	const databases, keys, parts = 8, 10_000, 64
	server := redistest.New(t)
	for db := range databases {
		fillTwo(t, server.ClientDB(db), 0, keys)
	}
	census := collect(t, server.SocketURL(), fast())
	held := holding{}
	for _, p := range dealt(t, server, parts, grouped(census)) {
		held.add("keys", &p.Totals.Keys, databases*keys)
		held.add("bytes", p.Totals.Bytes, census.Totals.Bytes.Value)
	}
	held.check(t)
}

// Databases of very unequal sizes are sampled in proportion, each by itself: the
// interval of a large one must not hide that of a small one, and one that is too
// small for a sample is scanned whole.
func TestSamplesOfUnequalDatabases(t *testing.T) {
	const parts = 16
	sizes := map[int]int{0: 60_000, 3: 6_000, 7: 300, 9: 1}
	server := redistest.New(t)
	for db, n := range sizes {
		fillTwo(t, server.ClientDB(db), 0, n)
	}
	census := collect(t, server.SocketURL(), fast())
	held, seen := holding{}, map[int]int64{}
	for _, p := range dealt(t, server, parts, grouped(census)) {
		held.add("keys in all", &p.Totals.Keys, census.Totals.Keys.Value)
		held.add("bytes in all", p.Totals.Bytes, census.Totals.Bytes.Value)
		checkCovered(t, p, parts)
		if part := p.Design.Sample.Covered; p.Design.Fraction != 1.0/parts || part < 0.05 || part > 0.08 {
			t.Errorf("a sample of %v has %v of the keys", p.Design.Fraction, part)
		}
		for i := range p.Namespaces {
			ns := &p.Namespaces[i]
			of := inDatabase(t, census, ns.DB, ns.Pattern)
			seen[ns.DB] += ns.Probed
			if sizes[ns.DB] < 1000 {
				checkExact(t, ns, of)
				continue
			}
			held.add(fmt.Sprintf("keys of %s in db%d", ns.Pattern, ns.DB), &ns.Keys, of.Keys.Value)
			held.add(fmt.Sprintf("bytes of %s in db%d", ns.Pattern, ns.DB), ns.Bytes, of.Bytes.Value)
		}
	}
	if seen[0] != 60_000 || seen[3] != 6_000 || seen[7] != 300*parts || seen[9] != parts {
		t.Errorf("keys seen in all parts, by database: %v", seen)
	}
	held.check(t)
}

// checkCovered fails unless the large databases were covered by one part in so many,
// and the small ones whole.
func checkCovered(t *testing.T, p *profile.Profile, parts float64) {
	t.Helper()
	for _, db := range p.Nodes[0].Databases {
		want := 1 / parts
		if db.DB > 3 {
			want = 1
		}
		if db.Covered == nil || *db.Covered != want {
			t.Errorf("db%d: covered %v, want %v", db.DB, db.Covered, want)
		}
	}
}

func checkExact(t *testing.T, ns, of *profile.Namespace) {
	t.Helper()
	if ns.Keys.Value != of.Keys.Value || ns.Bytes.Value != of.Bytes.Value || !isExact(&ns.Keys) || !isExact(ns.Bytes) {
		t.Errorf("%s in db%d: %+v keys of %+v bytes, want %d of %d exactly", ns.Pattern, ns.DB, ns.Keys, *ns.Bytes, of.Keys.Value, of.Bytes.Value)
	}
}

func isExact(e *profile.Estimate) bool { return e.Lo == e.Value && e.Hi != nil && *e.Hi == e.Value }

func inDatabase(t *testing.T, p *profile.Profile, db int, pattern string) *profile.Namespace {
	t.Helper()
	for i := range p.Namespaces {
		if ns := &p.Namespaces[i]; ns.DB == db && ns.Pattern == pattern {
			return ns
		}
	}
	t.Fatalf("no namespace %q in db%d", pattern, db)
	return nil
}

// Of names that match nothing is known from the server: the keys that it tells are
// those of all names.
func TestSamplesOfMatchingNames(t *testing.T) {
	const keys, parts = 40_000, 16
	server := redistest.New(t)
	fillTwo(t, server.Client(), 0, keys)
	held, o := holding{}, fast()
	o.Match = "cart:*"
	for _, p := range dealt(t, server, parts, o) {
		held.add("keys", &p.Totals.Keys, keys/4)
		if isExact(&p.Totals.Keys) || *p.Totals.Keys.Hi > keys/3 {
			t.Errorf("%d to %d keys", p.Totals.Keys.Lo, *p.Totals.Keys.Hi)
		}
	}
	held.check(t)
}

// More keys than there are is a census, and so is any number of none.
func TestSampleOfMoreThanThereIs(t *testing.T) {
	server := redistest.New(t)
	for _, keys := range []int{0, 3000} {
		fillTwo(t, server.Client(), 0, keys)
		for _, size := range []sampler.SampleSize{{Keys: int64(keys) + 1}, {Keys: 1 << 62}, {Share: 1}} {
			o := fast()
			o.Sample = &size
			p := collect(t, server.SocketURL(), o)
			if p.Design.Method != profile.MethodCensus || p.Design.Sample != nil || p.Design.Fraction != 1 || !p.Complete ||
				p.Totals.Keys != profile.Exact(int64(keys)) && (p.Totals.Keys.Value != int64(keys) || !isExact(&p.Totals.Keys)) {
				t.Errorf("%+v of %d keys: %s of %v, %+v keys", size, keys, p.Design.Method, p.Design.Fraction, p.Totals.Keys)
			}
		}
	}
}

// A share of an empty database, or server, is of nothing: that is known, not
// estimated.
func TestSampleOfNothing(t *testing.T) {
	server := redistest.New(t)
	for _, when := range []string{"an empty server", "an empty database"} {
		o := fast()
		o.Sample, o.Databases = &sampler.SampleSize{Share: 0.01}, []int{5}
		if when == "an empty server" {
			o.Databases = nil
		}
		p := collect(t, server.SocketURL(), o)
		if p.Totals.Keys.Value != 0 || !isExact(&p.Totals.Keys) || len(p.Namespaces) != 0 || !p.Complete || p.Design.Sample.Covered != 1 {
			t.Errorf("%s: %+v keys, complete %v, covered %v", when, p.Totals.Keys, p.Complete, p.Design.Sample)
		}
		fillTwo(t, server.Client(), 0, 3000)
	}
}

// Where a stretch of SCAN's way is no fair sample all keys are scanned, and the
// profile says why.
func TestSampleRefused(t *testing.T) {
	const keys = 2000
	for name, odd := range map[string]string{
		"a proxy":            "rlec_version:7.4\r\nrun_id:1\r\ncluster_enabled:0",
		"a table for a slot": "run_id:1\r\nredis_mode:cluster\r\ncluster_enabled:1",
		"nobody knows":       "cluster_enabled:0",
	} {
		fake := strange(t, odd, keys)
		o := fast()
		o.Sample = &sampler.SampleSize{Share: 0.1}
		p := collect(t, fake.URL(), o)
		if p.Design.Method != profile.MethodCensus || p.Totals.Keys.Value != keys || !isExact(&p.Totals.Keys) || !warned(p, "sample-refused") {
			t.Errorf("%s: %s of %+v keys, warnings %v", name, p.Design.Method, p.Totals.Keys, p.Warnings)
		}
	}
}

// strange returns a server that says something odd of itself. Its cursors are in no order.
func strange(t *testing.T, odd string, keys int) *redistest.Fake {
	t.Helper()
	info := fmt.Sprintf("# Server\r\nredis_version:7.4.0\r\n%s\r\nrole:slave\r\nmaster_link_status:up\r\nmaxmemory_policy:noeviction\r\n# Keyspace\r\ndb0:keys=%d,expires=0\r\n", odd, keys)
	var names []string
	for i := range keys {
		names = append(names, fmt.Sprintf("user:%d", i))
	}
	return redistest.NewFake(t, redistest.FakeOptions{}, func(args []string) string {
		switch strings.ToLower(args[0]) {
		case "info":
			return redistest.Bulk(info)
		case "scan":
			return redistest.ScanPage(0, names...)
		case "type":
			return redistest.Simple("string")
		case "pttl":
			return redistest.Integer(-1)
		case "memory", "object":
			return redistest.Integer(100)
		default:
			return redistest.Simple("OK")
		}
	})
}

// An interrupted sample covers fewer positions. The profile says which part it covers,
// and its estimates are of all keys.
func TestInterruptedSample(t *testing.T) {
	const keys, parts = 40_000, 8
	server := redistest.New(t)
	fillTwo(t, server.Client(), 0, keys)
	held := holding{}
	for part := range parts {
		p := interruptedSample(t, server, part, parts)
		covered := *p.Nodes[0].Databases[0].Covered
		if p.Complete || covered < 0.4/parts || covered > 0.9/parts {
			t.Errorf("complete %v, covered %v of %v", p.Complete, covered, 1.0/parts)
		}
		held.add("keys", &p.Totals.Keys, keys)
		held.add("keys of carts", &namespaceOf(t, p, "cart:<int>").Keys, keys/4)
	}
	held.check(t)
}

// interruptedSample returns one that ends at half of its way.
func interruptedSample(t *testing.T, server *redistest.Server, part, parts int) *profile.Profile {
	t.Helper()
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	o := small()
	o.Match = "*" // else DBSIZE tells how many keys there are
	o.Sample = &sampler.SampleSize{Again: dealtFrom(server.Client(), part, parts)}
	o.Progress = once(func() { cancel(sampler.ErrInterrupted) })
	p, err := sampler.Collect(ctx, connect(t, server.SocketURL()), o)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Check(); err != nil {
		t.Fatal(err)
	}
	return p
}
