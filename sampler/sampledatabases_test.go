package sampler_test

import (
	"fmt"
	"testing"

	"keyprof/sampler"
	"keyprof/sampler/profile"
	"keyprof/scanner/redistest"
)

// Databases of very unequal sizes are sampled in proportion, each by itself: the
// interval of a large one must not hide that of a small one, and one that is too
// small for a sample is walked whole.
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
