package profile

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"time"
	"unicode/utf8"
)

// ToolName is the name in Tool of every profile.
const ToolName = "keyprof"

// Check returns an error about the first value that is not valid, with its path:
// `namespaces[3].ttl.histogram[2].le: not a known edge`. Read checks what it
// has read, and Write what it is about to write. The error wraps ErrNotProfile
// or ErrNewerSchema when p is no document of this version.
//
// Names of keys and namespaces must be UTF-8. Text that only people read, such
// as a server's INFO, may be anything: it is written with U+FFFD in the place
// of what is not UTF-8.
func (p *Profile) Check() error {
	return first(
		p.checkHeader(),
		p.checkRun(),
		p.Design.check(),
		each("missing", p.Missing, (*Missing).check),
		each("nodes", p.Nodes, (*Node).check),
		inField("totals", p.Totals.check(len(p.Missing) == 0)),
		each("namespaces", p.Namespaces, func(n *Namespace) error { return n.check(len(p.Missing) == 0) }),
		p.checkUnique(),
		p.checkTypeNames(),
		checkTotals(&p.Totals, p.Namespaces),
		each("largest", p.Largest, (*Key).check),
		each("warnings", p.Warnings, (*Warning).check),
		inField("receipt", p.Receipt.check()),
	)
}

// checkHeader returns an error unless p is a document of this version.
func (p *Profile) checkHeader() error {
	switch {
	case p.Tool.Name != ToolName || p.Schema < 1:
		return ErrNotProfile
	case p.Schema > SchemaVersion:
		return fmt.Errorf("%w: schema %d, written by %s %q; this one reads schema %d",
			ErrNewerSchema, p.Schema, ToolName, p.Tool.Version, SchemaVersion)
	}
	return nil
}

// checkRun checks what concerns the run as a whole.
func (p *Profile) checkRun() error {
	return first(
		checkTexts(text{"label", p.Label}),
		firstBroken(
			condition{!validTime(p.Began), "began", "missing"},
			condition{!validTime(p.Ended), "ended", "missing"},
			condition{p.Ended.Before(p.Began), "ended", "before began"},
		),
	)
}

// validTime reports whether t is set to a time that RFC 3339 can write.
func validTime(t time.Time) bool {
	year := t.UTC().Year()
	return !t.IsZero() && year >= 1 && year <= 9999
}

func (d *Design) check() error {
	return inField("design", first(
		checkFigures(
			figure{"fraction", d.Fraction},
			integer("idle_over_s", d.IdleOverS),
			integer("namespace_limit", int64(d.NamespaceLimit)),
			integer("lexer_version", int64(d.LexerVersion)),
		),
		firstBroken(
			condition{d.Method == "", "method", "missing"},
			condition{d.Fraction > 1, "fraction", "above 1"},
		),
		each("databases", d.Databases, checkDB),
		checkPatterns(d.Patterns),
		d.Sample.check(d.Method),
	))
}

// checkDB checks the number of a database within a list.
func checkDB(db *int) error { return checkFigures(integer("number", int64(*db))) }

func (m *Missing) check() error {
	return firstBroken(condition{m.Measure == "", "measure", "missing"})
}

func (w *Warning) check() error {
	return firstBroken(
		condition{w.Code == "", "code", "missing"},
		condition{w.Text == "", "text", "missing"},
	)
}

func (n *Node) check() error {
	return first(
		checkFigures(
			optional("maxmemory", n.Maxmemory),
			optional("used_memory", n.UsedMemory),
			optional("uptime_s", n.UptimeS),
			optional("idle_horizon_s", n.IdleHorizonS),
			optional("largest_idle_s", n.LargestIdleS),
		),
		each("databases", n.Databases, (*Database).check),
	)
}

// cursorForm is the form of a SCAN cursor.
var cursorForm = regexp.MustCompile(`^[0-9]{0,20}$`)

func (d *Database) check() error {
	return first(
		checkFigures(
			integer("db", int64(d.DB)),
			integer("returned", d.Returned),
			optional("no_ttl_keys", d.NoTTLKeys),
		),
		checkCovered(d.Covered),
		inField("before", d.Before.check()),
		inField("after", d.After.check()),
		firstBroken(condition{!cursorForm.MatchString(d.Cursor), "cursor", "not a decimal number"}),
	)
}

func (k *Keyspace) check() error {
	if k == nil {
		return nil
	}
	return checkFigures(integer("keys", k.Keys), integer("expires", k.Expires))
}

func (r *Receipt) check() error {
	if r.Commands == nil {
		return &fieldError{"commands", "missing"}
	}
	for name, n := range r.Commands {
		if err := checkFigures(integer(fmt.Sprintf("commands[%q]", name), n)); err != nil {
			return err
		}
	}
	cpu := 0.0
	if r.ServerCPUS != nil {
		cpu = *r.ServerCPUS
	}
	return first(
		checkFigures(
			integer("bytes_out", r.BytesOut),
			integer("bytes_in", r.BytesIn),
			figure{"elapsed_s", r.ElapsedS},
			figure{"main_thread_s", r.MainThreadS},
			figure{"paused_s", r.PausedS},
			figure{"least_rtt_s", r.LeastRTTS},
			figure{"server_cpu_s", cpu},
			integer("page", int64(r.Page)),
			integer("page_least", int64(r.PageLeast)),
			integer("page_most", int64(r.PageMost)),
			figure{"latency_budget_s", r.LatencyBudgetS},
			figure{"max_load", r.MaxLoad},
			figure{"rate", r.Rate},
			integer("returned", r.Returned),
			integer("repeats", r.Repeats),
			integer("keyspace_hits", r.KeyspaceHits),
			integer("keyspace_misses", r.KeyspaceMisses),
			optional("evicted_meanwhile", r.EvictedMeanwhile),
			optional("evicted_by_us", r.EvictedByUs),
			integer("buffer_bytes", r.BufferBytes),
		),
		firstBroken(
			condition{r.MaxLoad > 1, "max_load", "above 1"},
			condition{r.evictedMore(), "evicted_by_us", "more than evicted_meanwhile"},
		),
		each("brakes", orEmpty(r.Brakes), (*Brake).check),
		each("stalls", orEmpty(r.Stalls), (*Stall).check),
		inField("probe_rtt", r.ProbeRTT.check()),
	)
}

// evictedMore reports whether evicted_by_us exceeds evicted_meanwhile.
func (r *Receipt) evictedMore() bool {
	return r.EvictedByUs != nil && (r.EvictedMeanwhile == nil || *r.EvictedByUs > *r.EvictedMeanwhile)
}

func (b *Brake) check() error {
	return checkFigures(integer("count", b.Count), figure{"took_s", b.TookS})
}

func (s *Stall) check() error {
	return first(
		s.KeyName.check(),
		checkFigures(integer("db", int64(s.DB)), figure{"took_s", s.TookS}),
		checkTexts(text{"type", s.Type}, text{"command", s.Command}),
	)
}

func (p *ProbeRTT) check() error {
	if p == nil {
		return nil
	}
	return first(inField("before", p.Before.check()), inField("during", p.During.check()))
}

func (r *RoundTrips) check() error {
	if r == nil {
		return nil
	}
	return checkFigures(integer("pings", r.Pings), figure{"p50_s", r.P50S}, figure{"p99_s", r.P99S})
}

// checkUnique refuses duplicate namespaces.
func (p *Profile) checkUnique() error {
	type row struct {
		db      int
		pattern string
		other   bool
	}
	seen := make(map[row]bool, len(p.Namespaces))
	for i, n := range p.Namespaces {
		id := row{n.DB, n.Pattern, n.Other}
		if n.Other {
			id.pattern = "" // it is known by its flag, whatever it is called
		}
		if seen[id] {
			return &fieldError{fmt.Sprintf("namespaces[%d]", i), "duplicate"}
		}
		seen[id] = true
	}
	return nil
}

func (n *Namespace) check(allMeasures bool) error {
	return first(
		checkFigures(integer("db", int64(n.DB))),
		checkTexts(text{"pattern", n.Pattern}),
		n.Stats.check(allMeasures),
	)
}

// check checks statistics on their own. When no measure is missing, every key
// has a type and a remaining time to live, and their sums must come out.
func (s *Stats) check(allMeasures bool) error {
	return first(
		checkFigures(
			integer("probed", s.Probed),
			integer("stalled", s.Stalled),
			integer("vanished", s.Vanished),
			integer("expired_keys", s.Expired),
			integer("moved", s.Moved),
			integer("denied", s.Denied),
			integer("too_long", s.TooLong),
			integer("failed", s.Failed),
		),
		s.checkEstimates(),
		s.Sample.check(s.Probed),
		s.checkTypes(allMeasures && s.counted() && s.Stalled == 0),
		s.checkTTL(allMeasures && s.counted() && s.Stalled == 0),
		s.checkIdle(),
		s.checkFreq(),
		s.checkJoint(),
		inField("size", s.Size.check(s.atMostKeys())),
		each("examples", s.Examples, (*Key).check),
		each("largest", s.Largest, (*Key).check),
	)
}

// counted reports whether the statistics rest on all keys, so that sums must
// be equal and not only possible.
func (s *Stats) counted() bool { return s.Keys.IsExact() && s.Probed == s.Keys.Value }

// atMostKeys and atMostBytes return the upper bounds of keys and bytes.
func (s *Stats) atMostKeys() int64  { return s.Keys.atMost() }
func (s *Stats) atMostBytes() int64 { return s.Bytes.atMost() }

// named holds an estimate and its name in the document.
type named struct {
	name string
	e    *Estimate
	of   *Estimate // the whole that it is a part of, if any
}

// estimates returns the estimates of s, absent ones included.
func (s *Stats) estimates() []named {
	return []named{
		{"keys", &s.Keys, nil},
		{"bytes", s.Bytes, nil},
		{"sampled_bytes", s.SampledBytes, s.Bytes},
		{"no_ttl_keys", s.NoTTLKeys, &s.Keys},
		{"no_ttl_bytes", s.NoTTLBytes, s.Bytes},
		{"high_idle_keys", s.HighIdleKeys, &s.Keys},
		{"high_idle_bytes", s.HighIdleBytes, s.Bytes},
	}
}

func (s *Stats) checkEstimates() error {
	for _, n := range s.estimates() {
		if n.e == nil {
			continue
		}
		if err := n.e.check(n.of.atMost()); err != nil {
			return inField(n.name, err)
		}
	}
	return firstBroken(
		condition{s.Probed > s.atMostKeys(), "probed", "more than keys"},
		condition{s.Stalled > s.Probed, "stalled", "more than probed"},
	)
}

func (e *Estimate) check(atMost int64) error {
	return firstBroken(
		condition{e.Lo < 0, "lo", "negative"},
		condition{e.Value < e.Lo, "value", "below lo"},
		condition{e.Hi != nil && e.Value > *e.Hi, "value", "above hi"},
		condition{e.Lo > atMost, "lo", "more than the whole"},
	)
}

// amount is a number of keys and their bytes.
type amount struct{ keys, bytes int64 }

// add counts keys, and their bytes where those are known.
func (t *amount) add(keys int64, bytes *int64) error {
	if err := checkFigures(integer("keys", keys), optional("bytes", bytes)); err != nil {
		return err
	}
	t.keys = addSaturating(t.keys, keys)
	if bytes != nil {
		t.bytes = addSaturating(t.bytes, *bytes)
	}
	return nil
}

// check refuses a sum of parts that exceeds the whole.
func (t *amount) check(place string, s *Stats) error {
	return firstBroken(
		condition{t.keys > s.atMostKeys(), place, "more keys than the whole"},
		condition{t.bytes > s.atMostBytes(), place, "more bytes than the whole"},
	)
}

// checkTypes checks the table by type, which covers all keys if every key's
// type was asked for.
func (s *Stats) checkTypes(all bool) error {
	var sum amount
	for name, t := range s.Types {
		place := fmt.Sprintf("types[%q]", name)
		if err := first(checkTexts(text{"name", name}), sum.add(t.Keys, t.Bytes)); err != nil {
			return inField(place, err)
		}
	}
	return first(
		sum.check("types", s),
		firstBroken(condition{all && s.Types != nil && sum.keys != s.Keys.Value, "types", "keys do not add up"}),
	)
}

// checkTTL checks the remaining times to live. With the keys that have none
// they cover all keys, if every key's was asked for.
func (s *Stats) checkTTL(all bool) error {
	if s.TTL == nil {
		return nil
	}
	sum, err := checkHistogram(s.TTL.Histogram, Edges, "le_s")
	if err != nil {
		return inField("ttl", err)
	}
	whole := sum
	if s.NoTTLKeys != nil {
		whole.keys = addSaturating(whole.keys, s.NoTTLKeys.Lo)
	}
	if s.NoTTLBytes != nil {
		whole.bytes = addSaturating(whole.bytes, s.NoTTLBytes.Lo)
	}
	missed := all && s.NoTTLKeys != nil && whole.keys != s.Keys.Value
	return inField("ttl", first(
		whole.check("histogram", s),
		firstBroken(condition{missed, "histogram", "keys do not add up"}),
		inField("remaining_s", s.TTL.RemainS.check(sum.keys)),
		inField("idle_plus_ttl_s", s.TTL.IdlePlusTTLS.check(sum.keys)),
	))
}

func (s *Stats) checkIdle() error {
	if s.Idle == nil {
		return nil
	}
	sum, err := checkHistogram(s.Idle.Histogram, Edges, "le_s")
	if err != nil {
		return inField("idle", err)
	}
	whole := sum
	err = whole.add(s.Idle.SharedKeys, nil)
	return inField("idle", first(
		err,
		checkFigures(figure{"horizon_s", float64(s.Idle.HorizonS)}),
		whole.check("histogram", s),
		inField("idle_s", s.Idle.IdleS.check(sum.keys)),
	))
}

func (s *Stats) checkFreq() error {
	if s.Freq == nil {
		return nil
	}
	sum, err := checkHistogram(s.Freq.Buckets(), FreqEdges, "le")
	return inField("freq", first(err, sum.check("histogram", s)))
}

// checkHistogram checks the order of the buckets, whose edges the document calls
// edge, and is their sum.
func checkHistogram(buckets []Bucket, edges []int64, edge string) (sum amount, err error) {
	previous := -1
	err = each("histogram", buckets, func(b *Bucket) error {
		i, err := edgeIndex(edge, b.Edge, edges)
		if err != nil {
			return err
		}
		if i <= previous {
			return &fieldError{edge, "not above the edge before it"}
		}
		previous = i
		return sum.add(b.Keys, b.Bytes)
	})
	return sum, err
}

// edgeIndex returns the index of the bucket that ends at edge, nil being the one
// beyond the last edge.
func edgeIndex(place string, edge *int64, edges []int64) (int, error) {
	if edge == nil {
		return len(edges), nil
	}
	i, found := slices.BinarySearch(edges, *edge)
	if !found {
		return 0, &fieldError{place, "not a known edge"}
	}
	return i, nil
}

// checkJoint checks the joint table of idle time and remaining TTL.
func (s *Stats) checkJoint() error {
	if len(s.IdleByTTL) == 0 {
		return nil
	}
	var sum amount
	seen := map[[2]int]bool{}
	err := each("idle_by_ttl", s.IdleByTTL, func(c *IdleByTTL) error {
		cell, err := c.cell()
		if err != nil {
			return err
		}
		if seen[cell] {
			return &fieldError{"keys", "duplicate cell"}
		}
		seen[cell] = true
		return sum.add(c.Keys, c.Bytes)
	})
	return first(err, sum.check("idle_by_ttl", s))
}

// cell returns the place of c in the joint table: bucket of idle time, then bucket
// of TTL, in which -1 stands for no TTL.
func (c *IdleByTTL) cell() ([2]int, error) {
	idle, err := edgeIndex("idle_le_s", c.IdleLE, Edges)
	if err != nil {
		return [2]int{}, err
	}
	if c.NoTTL {
		return [2]int{idle, -1}, firstBroken(condition{c.TTLLE != nil, "ttl_le_s", "present beside no_ttl"})
	}
	ttl, err := edgeIndex("ttl_le_s", c.TTLLE, Edges)
	return [2]int{idle, ttl}, err
}

// check checks a distribution over at most that many keys.
func (d *Distribution) check(atMostKeys int64) error {
	if d == nil {
		return nil
	}
	return first(
		checkFigures(
			figure{"min", d.Min}, figure{"mean", d.Mean}, figure{"max", d.Max},
			figure{"p50", d.P50}, figure{"p90", d.P90}, figure{"p99", d.P99},
		),
		firstBroken(
			condition{d.Count < 1, "count", "below 1"},
			condition{d.Count > atMostKeys, "count", "more keys than the whole"},
			condition{d.Mean < d.Min || d.Mean > d.Max, "mean", "outside min and max"},
			condition{!near(d.Sum.Float(), d.Mean*float64(d.Count)), "sum", "not count times mean"},
			condition{d.P50 < d.Min, "p50", "below min"},
			condition{d.P90 < d.P50, "p90", "below p50"},
			condition{d.P99 < d.P90, "p99", "below p90"},
			condition{d.Max < d.P99, "max", "below p99"},
			condition{d.Sketch == nil, "sketch", "missing"},
			condition{d.Sketch != nil && d.Sketch.Count() != d.Count, "sketch", "count differs"},
		),
	)
}

// near reports whether two sums are equal but for rounding: that of floating
// point, and that to thousandths.
func near(a, b float64) bool { return math.Abs(a-b) <= 1e-9*max(a, b)+1.0/perUnit }

func (k *Key) check() error {
	ttl := 0.0
	if k.TTLS != nil {
		ttl = *k.TTLS
	}
	return first(
		k.KeyName.check(),
		checkFigures(
			integer("db", int64(k.DB)),
			optional("bytes", k.Bytes),
			figure{"ttl_s", ttl},
			optional("idle_s", k.IdleS),
		),
		checkTexts(text{"type", k.Type}),
		firstBroken(condition{k.NoTTL && k.TTLS != nil, "ttl_s", "present beside no_ttl"}),
	)
}

// checkTotals holds the totals against the sum of the namespaces. Where a
// figure is an estimate, or is not known everywhere, they need not agree.
func checkTotals(totals *Stats, namespaces []Namespace) error {
	for i, total := range totals.estimates() {
		sum, ok := sumExact(namespaces, i)
		if ok && total.e.IsExact() && total.e.Value != sum {
			return sumFault(total.name, total.e.Value, sum)
		}
	}
	for _, count := range plainCounts {
		sum := int64(0)
		for i := range namespaces {
			sum = addSaturating(sum, count.of(&namespaces[i].Stats))
		}
		// A namespace without a key that could be measured may be left out.
		if total := count.of(totals); sum > total || count.all && sum < total {
			return sumFault(count.name, total, sum)
		}
	}
	return nil
}

func sumFault(name string, total, sum int64) error {
	return &fieldError{"totals." + name, fmt.Sprintf("%d, but the namespaces add up to %d", total, sum)}
}

// sumExact returns the sum of the estimate with index i over all namespaces, if all
// of them have it and it is exact.
func sumExact(namespaces []Namespace, i int) (sum int64, ok bool) {
	for j := range namespaces {
		e := namespaces[j].estimates()[i].e
		if !e.IsExact() {
			return 0, false
		}
		sum = addSaturating(sum, e.Value)
	}
	return sum, true
}

// plainCounts are the figures of Stats that are never estimates.
var plainCounts = []struct {
	name string
	all  bool // all keys that it counts are in a namespace
	of   func(*Stats) int64
}{
	{"probed", true, func(s *Stats) int64 { return s.Probed }},
	{"stalled", true, func(s *Stats) int64 { return s.Stalled }},
	{"vanished", false, func(s *Stats) int64 { return s.Vanished }},
	{"expired_keys", false, func(s *Stats) int64 { return s.Expired }},
	{"moved", false, func(s *Stats) int64 { return s.Moved }},
	{"denied", false, func(s *Stats) int64 { return s.Denied }},
	{"too_long", false, func(s *Stats) int64 { return s.TooLong }},
	{"failed", false, func(s *Stats) int64 { return s.Failed }},
}

// fieldError is an error about one field of a document, with a path such as
// namespaces[3].ttl.histogram[2].
type fieldError struct {
	path    string
	problem string
}

func (f *fieldError) Error() string { return f.path + ": " + f.problem }

// condition is a line of a table of conditions; a document must break none.
type condition struct {
	broken  bool
	path    string
	problem string
}

// firstBroken returns an error about the first condition that is broken.
func firstBroken(rules ...condition) error {
	for _, r := range rules {
		if r.broken {
			return &fieldError{r.path, r.problem}
		}
	}
	return nil
}

// first returns the first error that is not nil.
func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// inField puts a path before that of a fieldError; nil stays nil.
func inField(place string, err error) error {
	f, ok := err.(*fieldError)
	if !ok {
		return err
	}
	return &fieldError{place + "." + f.path, f.problem}
}

// each checks the elements of a list. A list that is nil is missing: the
// document's lists are empty, never absent.
func each[T any](place string, list []T, check func(*T) error) error {
	if list == nil {
		return &fieldError{place, "missing"}
	}
	for i := range list {
		if err := check(&list[i]); err != nil {
			return inField(fmt.Sprintf("%s[%d]", place, i), err)
		}
	}
	return nil
}

// figure holds a number of a document and its path.
type figure struct {
	path  string
	value float64
}

// integer returns the figure of a count.
func integer(place string, n int64) figure { return figure{place, float64(n)} }

// optional returns the figure of a count that may be absent, which breaks no rule.
func optional(place string, n *int64) figure {
	if n == nil {
		return integer(place, 0)
	}
	return integer(place, *n)
}

// checkFigures refuses figures that are negative or not finite.
func checkFigures(figures ...figure) error {
	for _, f := range figures {
		if err := firstBroken(
			condition{math.IsNaN(f.value) || math.IsInf(f.value, 0), f.path, "not a finite number"},
			condition{f.value < 0, f.path, "negative"},
		); err != nil {
			return err
		}
	}
	return nil
}

// text holds a string of a document and its path.
type text struct{ path, value string }

// checkTexts refuses strings that encoding/json would alter silently, so that
// two of them could become the same.
func checkTexts(texts ...text) error {
	for _, t := range texts {
		if !utf8.ValidString(t.value) {
			return &fieldError{t.path, "not UTF-8"}
		}
	}
	return nil
}

// addSaturating returns a+b for counts, and the largest int64 when that overflows:
// the sums of a hostile file must not wrap round to something plausible.
func addSaturating(a, b int64) int64 {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}
