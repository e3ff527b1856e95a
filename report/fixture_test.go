package report

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"time"

	"keyprof/sampler/estimate"
	"keyprof/sampler/pattern"
	"keyprof/sampler/profile"
)

// keySet describes keys of one namespace, from which statistics are made.
type keySet struct {
	db       int
	pattern  string
	other    bool
	typ      string
	n        int
	size     [2]float64 // bytes; spread geometrically from the first to the second
	noTTL    float64    // share of the keys
	ttl      [2]float64 // seconds, of the others
	idle     [2]float64 // seconds
	examples []string   // names of its largest keys
}

const (
	kib = 1024.0
	mib = 1024 * kib
	hr  = 3600.0
	dy  = 24 * hr
)

// measures switched off in a fixture.
type fixture struct {
	sets      []keySet
	idleOver  float64 // seconds
	horizon   float64 // seconds
	measure   profile.IdleMeasure
	lfu       bool
	noBytes   bool
	noTTL     bool // PTTL refused
	noIdle    bool
	incom     string
	node      profile.Node
	receipt   profile.Receipt
	warnings  []profile.Warning
	missing   []profile.Missing
	vanished  int64
	label     string
	unchecked bool // INFO is off by more than churn
	// elsewhere are databases that hold keys and were not scanned, as INFO has them.
	elsewhere map[string]string
	noInfo    bool // INFO refused
	match     string
	denied    int64 // keys
	shared    bool  // all idle times were dropped, as the values may be shared integers
	zombies   int64 // keys in INFO that SCAN did not return, a database
	// covered is the share of the positions that a sample covered; 0: a census. The
	// sets are then those of the sample.
	covered float64
}

// began is when all fixtures were made.
var began = time.Date(2026, 3, 2, 8, 0, 12, 0, time.UTC)

// build makes the profile that keyprof would have made of the fixture.
func (f fixture) build() *profile.Profile {
	p := &profile.Profile{
		Schema: profile.SchemaVersion, Tool: profile.Tool{Name: "keyprof", Version: "0.1.0"}, Label: f.label,
		Began: began, Ended: began.Add(time.Duration(f.receipt.ElapsedS * float64(time.Second))), Complete: f.incom == "",
		Missing: append([]profile.Missing{}, f.missing...), Warnings: append([]profile.Warning{}, f.warnings...),
		Design: profile.Design{Method: profile.MethodCensus, Fraction: 1, Databases: []int{}, Match: f.match, IdleOverS: int64(f.idleOver), NamespaceLimit: 4096, LexerVersion: 1, Patterns: &pattern.Dictionary{Version: pattern.DictionaryVersion, K: pattern.DefaultK}},
		Nodes:  []profile.Node{f.node}, Namespaces: []profile.Namespace{}, Largest: []profile.Key{}, Receipt: f.receipt,
	}
	total := newAccumulator(f)
	for _, set := range f.sets {
		one := newAccumulator(f)
		f.feed(set, one, total)
		p.Namespaces = append(p.Namespaces, profile.Namespace{DB: set.db, Pattern: set.pattern, Other: set.other, Stats: one.stats()})
	}
	p.Totals = total.stats()
	p.Totals.Vanished, p.Totals.Denied = f.vanished, f.denied
	f.finish(p)
	if f.covered > 0 {
		f.scale(p)
	}
	return p
}

// scale makes the keys those of a sample.
func (f fixture) scale(p *profile.Profile) {
	p.Design.Method, p.Design.Fraction = profile.MethodSample, f.covered
	p.Design.Sample = &profile.Sample{From: "1152921504606846976", To: "1521856386081038008", Covered: f.covered}
	all := func(n int64) int64 { return int64(math.Round(float64(n) / f.covered)) }
	for i := range p.Nodes[0].Databases {
		db := &p.Nodes[0].Databases[i]
		db.Covered, db.Before, db.After = &f.covered, &profile.Keyspace{Keys: all(db.Returned) + f.zombies, Expires: all(db.Returned)}, nil
	}
	for i := range p.Namespaces {
		estimate.NewFrame(f.covered, p.Totals.Probed).Scale(&p.Namespaces[i].Stats)
	}
	estimate.NewFrame(f.covered, p.Totals.Probed).Scale(&p.Totals)
}

// finish derives the other parts of the document, as a scan would.
func (f fixture) finish(p *profile.Profile) {
	slices.SortFunc(p.Namespaces, func(a, b profile.Namespace) int {
		return cmp.Or(cmp.Compare(a.DB, b.DB), cmp.Compare(a.Pattern, b.Pattern))
	})
	for i := range p.Namespaces {
		p.Largest = append(p.Largest, p.Namespaces[i].Largest...)
	}
	slices.SortStableFunc(p.Largest, func(a, b profile.Key) int { return cmp.Compare(profile.OrZero(b.Bytes), profile.OrZero(a.Bytes)) })
	p.Largest = append([]profile.Key{}, p.Largest[:min(10, len(p.Largest))]...)
	if len(p.Namespaces) > 0 {
		first := &p.Namespaces[0]
		first.Vanished, first.Denied = f.vanished, f.denied
	}
	n := &p.Nodes[0]
	n.Complete, n.Incomplete = p.Complete, f.incom
	n.Databases = f.databases(p)
	if !f.noIdle && !f.lfu && p.Totals.Idle != nil && p.Totals.Idle.IdleS != nil {
		horizon, largest := int64(f.horizon), int64(p.Totals.Idle.IdleS.Max)
		n.IdleHorizonS, n.LargestIdleS = &horizon, &largest
	}
	n.Info = f.info(n)
	if f.noInfo {
		n.Info, n.IdleHorizonS, n.UptimeS, n.Maxmemory, n.UsedMemory = nil, nil, nil, nil, nil
		for i := range n.Databases {
			n.Databases[i].Before, n.Databases[i].After = nil, nil
		}
	}
}

// info is INFO of the node, as far as a report reads it.
func (f fixture) info(n *profile.Node) map[string]map[string]string {
	keyspace := map[string]string{}
	maps.Copy(keyspace, f.elsewhere)
	for _, db := range n.Databases {
		keyspace["db"+dbNumber(db.DB)] = fmt.Sprintf("keys=%d,expires=%d,avg_ttl=0", db.Before.Keys, db.Before.Expires)
	}
	memory := map[string]string{}
	if n.UsedMemory != nil && f.covered > 0 {
		memory = map[string]string{"used_memory": strconv.FormatInt(*n.UsedMemory, 10), "used_memory_startup": "862272", "mem_clients_normal": "20504"}
	}
	return map[string]map[string]string{"server": {"redis_version": n.Version}, "keyspace": keyspace, "memory": memory}
}

func (f fixture) databases(p *profile.Profile) []profile.Database {
	dbs := []profile.Database{}
	for _, ns := range p.Namespaces {
		if len(dbs) == 0 || dbs[len(dbs)-1].DB != ns.DB {
			dbs = append(dbs, profile.Database{DB: ns.DB, Complete: p.Complete, Incomplete: f.incom, Before: &profile.Keyspace{}, NoTTLKeys: new(int64)})
			p.Design.Databases = append(p.Design.Databases, ns.DB)
		}
		db := &dbs[len(dbs)-1]
		*db.NoTTLKeys += profile.OrZero(noTTLKeysOf(&ns.Stats))
		db.Before.Keys += ns.Keys.Value
		db.Before.Expires += ns.Keys.Value - profile.OrZero(noTTLKeysOf(&ns.Stats))
		db.Returned += ns.Keys.Value
	}
	for i := range dbs {
		dbs[i].Before.Keys += f.zombies
		dbs[i].Before.Expires += f.zombies
		f.afterwards(&dbs[i])
	}
	if len(dbs) > 0 && f.incom == "" {
		dbs[0].Returned += f.vanished + f.denied
		dbs[0].Before.Keys, dbs[0].After.Keys = dbs[0].Before.Keys+f.vanished+f.denied, dbs[0].After.Keys+f.denied
	}
	return dbs
}

// afterwards sets INFO after the scan: no change, some more keys, or a number other
// than counted.
func (f fixture) afterwards(db *profile.Database) {
	after := *db.Before
	db.After = &after
	switch {
	case f.incom != "":
		db.Before.Keys *= 2
		db.After, db.Cursor = nil, "88213"
	case f.unchecked && db.DB == 0:
		db.Before.Expires += 500
		db.After.Expires += 500
	case db.DB > 0:
		db.After.Keys += 12
	}
}

// feed adds the keys of a set to both accumulators.
func (f fixture) feed(set keySet, one, total *accumulator) {
	for i := range set.n {
		k := set.key(i)
		one.add(k)
		total.add(k)
	}
	for i, name := range set.examples {
		one.largest = append(one.largest, f.largestKey(set, i, name))
	}
}

func (f fixture) largestKey(set keySet, i int, name string) profile.Key {
	k := set.key(i)
	key := profile.Key{DB: set.db, KeyName: profile.NewKeyName(name), Type: set.typ, NoTTL: k.ttl < 0 && !f.noTTL}
	if !f.noBytes {
		size := int64(max(set.size[0], set.size[1]) / (1 + float64(i)/7))
		key.Bytes = &size
	}
	if k.ttl >= 0 && !f.noTTL {
		key.TTLS = &k.ttl
	}
	if !f.lfu && !f.noIdle && !f.shared {
		idle := int64(k.idle)
		key.IdleS = &idle
	}
	return key
}

// observed is one made-up key.
type observed struct {
	size, ttl, idle float64 // bytes, seconds (below 0: none), seconds
	typ             string
}

// key is the i-th key: its place in each range is a fixed fraction that looks
// random, and the first of them have no TTL.
func (set keySet) key(i int) observed {
	at := func(salt float64) float64 {
		_, frac := math.Modf((float64(i) + salt) * 0.6180339887498949)
		return frac
	}
	k := observed{
		size: math.Round(set.size[0] * math.Pow(set.size[1]/set.size[0], at(1))),
		idle: math.Round(set.idle[0] + (set.idle[1]-set.idle[0])*at(2)),
		ttl:  set.ttl[0] + (set.ttl[1]-set.ttl[0])*at(3),
		typ:  set.typ,
	}
	if float64(i) < set.noTTL*float64(set.n) {
		k.ttl = -1
	}
	return k
}

// accumulator adds keys up to statistics.
type accumulator struct {
	f                       fixture
	keys, bytes, sampled    int64
	noTTLKeys, noTTLBytes   int64
	idleKeys, idleBytes     int64
	types                   map[string]profile.TypeStats
	ttl, idle, freq         []profile.Bucket
	ttlValues, idles, sizes distribution
	largest                 []profile.Key

	sample profile.SampleSums
}

func newAccumulator(f fixture) *accumulator {
	return &accumulator{
		f: f, types: map[string]profile.TypeStats{},
		ttl:  make([]profile.Bucket, len(profile.Edges)+1),
		idle: make([]profile.Bucket, len(profile.Edges)+1),
		freq: make([]profile.Bucket, len(profile.FreqEdges)+1),
		sample: profile.SampleSums{Groups: profile.Groups{
			Keys: make([]int64, profile.SampleGroups), Bytes: make([]int64, profile.SampleGroups),
			NoTTLKeys: make([]int64, profile.SampleGroups), NoTTLBytes: make([]int64, profile.SampleGroups),
			HighIdleBytes: make([]int64, profile.SampleGroups),
		}},
	}
}

func (a *accumulator) add(k observed) {
	size := int64(k.size)
	a.keys++
	a.bytes += size
	if k.typ != stringType {
		a.sampled += size
	}
	t := a.types[k.typ]
	total := profile.OrZero(t.Bytes) + size
	a.types[k.typ] = profile.TypeStats{Keys: t.Keys + 1, Bytes: &total}
	a.sizes.add(k.size)
	a.addToSample(k, int(a.keys)%profile.SampleGroups)
	if k.ttl < 0 {
		a.noTTLKeys++
		a.noTTLBytes += size
	} else {
		a.ttlValues.add(k.ttl)
		count(a.ttl, profile.Edges, int64(k.ttl), size)
	}
	a.idles.add(k.idle)
	count(a.idle, profile.Edges, int64(k.idle), size)
	count(a.freq, profile.FreqEdges, int64(k.idle)%256, size)
	if k.idle > a.f.idleOver {
		a.idleKeys++
		a.idleBytes += size
	}
}

// addToSample adds a key to the sums of a sample.
func (a *accumulator) addToSample(k observed, group int) {
	s, size := &a.sample, int64(k.size)
	s.Bytes.Add(size)
	s.Groups.Keys[group]++
	s.Groups.Bytes[group] += size
	if k.typ != stringType {
		s.SampledBytes.Add(size)
	}
	if k.ttl < 0 {
		s.NoTTL.Add(size)
		s.Groups.NoTTLKeys[group]++
		s.Groups.NoTTLBytes[group] += size
	}
	if k.idle > a.f.idleOver {
		s.HighIdle.Add(size)
		s.Groups.HighIdleBytes[group] += size
	}
}

// count adds a key to the bucket of v.
func count(buckets []profile.Bucket, edges []int64, v, size int64) {
	i := profile.BucketIndex(edges, v)
	total := profile.OrZero(buckets[i].Bytes) + size
	buckets[i] = profile.Bucket{Edge: profile.EdgeAt(edges, i), Keys: buckets[i].Keys + 1, Bytes: &total}
}

func filled(buckets []profile.Bucket) []profile.Bucket {
	return slices.DeleteFunc(slices.Clone(buckets), func(b profile.Bucket) bool { return b.Keys == 0 })
}

func (a *accumulator) stats() profile.Stats {
	s := profile.Stats{
		Probed: a.keys, Keys: profile.Exact(a.keys), Types: a.types,
		Size: a.sizes.done(), Examples: []profile.Key{}, Largest: append([]profile.Key{}, a.largest...),
	}
	set := func(to **profile.Estimate, n int64) { e := profile.Exact(n); *to = &e }
	set(&s.Bytes, a.bytes)
	set(&s.SampledBytes, a.sampled)
	set(&s.NoTTLKeys, a.noTTLKeys)
	set(&s.NoTTLBytes, a.noTTLBytes)
	s.TTL = &profile.TTLStats{Histogram: filled(a.ttl), RemainS: a.ttlValues.done()}
	if a.f.idleOver < a.f.horizon {
		set(&s.HighIdleKeys, a.idleKeys)
		set(&s.HighIdleBytes, a.idleBytes)
	}
	s.Idle = &profile.IdleStats{Measure: a.f.measure, HorizonS: int64(a.f.horizon), Histogram: filled(a.idle), IdleS: a.idles.done()}
	if a.f.lfu {
		s.Freq = profile.NewFreqStats(filled(a.freq))
	}
	if a.f.shared {
		s.Idle.Histogram, s.Idle.IdleS, s.Idle.SharedKeys = []profile.Bucket{}, nil, a.keys
	}
	if a.f.covered > 0 {
		s.Sample = &a.sample
	}
	a.f.strip(&s)
	return s
}

// strip takes away what the server of the fixture does not tell.
func (f fixture) strip(s *profile.Stats) {
	if f.lfu || f.noIdle {
		s.Idle, s.HighIdleKeys, s.HighIdleBytes = nil, nil, nil
	}
	if f.noTTL {
		s.TTL, s.NoTTLKeys, s.NoTTLBytes = nil, nil, nil
	}
	if !f.noBytes {
		return
	}
	s.Bytes, s.SampledBytes, s.NoTTLBytes, s.HighIdleBytes, s.Size = nil, nil, nil, nil, nil
	for name, t := range s.Types {
		s.Types[name] = profile.TypeStats{Keys: t.Keys}
	}
	if s.Idle != nil {
		for i := range s.Idle.Histogram {
			s.Idle.Histogram[i].Bytes = nil
		}
	}
}

// distribution collects a profile.Distribution.
type distribution struct {
	n             int64
	sum, min, max float64
	sketch        profile.Sketch
}

func (d *distribution) add(v float64) {
	if d.n == 0 || v < d.min {
		d.min = v
	}
	d.max = max(d.max, v)
	d.n++
	d.sum += v
	d.sketch.Add(v)
}

func (d *distribution) done() *profile.Distribution {
	return profile.NewDistribution(&d.sketch, d.min, d.max, profile.SumOfThousandths(int64(math.Round(d.sum*1000))))
}
