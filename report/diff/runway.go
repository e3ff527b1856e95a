package diff

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"keyprof/report/unit"
	"keyprof/sampler/aggregate"
	"keyprof/sampler/profile"
)

const (
	// atLimit is the share of maxmemory from which memory counts as full where keys
	// are evicted: such a server stays just below it.
	atLimit = 0.995
	// noeviction is the policy that evicts nothing.
	noeviction = "noeviction"
)

// runwaysOf returns the time to the limits of the server; why says why the limit of
// the maxmemory-policy is not among them.
func runwaysOf(c *Comparison, earlier []*profile.Profile) (runways []Runway, why string) {
	runways = []Runway{}
	n := onlyNode(c.New.Profile)
	if n == nil || onlyNode(c.Old.Profile) == nil {
		return runways, "there are several servers, each with a limit of its own"
	}
	if why = noLimit(n); why != "" {
		return runways, why
	}
	w := runwayBuilder{c, n, earlier}
	if isVolatile(n.Policy) {
		var pool *Runway
		if pool, why = w.pool(); pool != nil {
			runways = append(runways, *pool)
		}
	}
	if isVolatile(n.Policy) && isFull(n) {
		return runways, why
	}
	memory, unknown := w.memory()
	if memory != nil {
		runways = append(runways, *memory)
	}
	if n.Policy == noeviction {
		why = unknown
	}
	return runways, why
}

func isVolatile(policy string) bool { return strings.HasPrefix(policy, "volatile-") }

// noLimit returns why a server has no limit that a profile shows; empty if it has.
func noLimit(n *profile.Node) string {
	switch {
	case n.Policy == "":
		return "maxmemory-policy is unknown, as INFO does not report it"
	case n.Maxmemory != nil && *n.Maxmemory == 0:
		return "maxmemory is 0 (no limit): nothing is evicted, and memory can grow until the machine has none left" + ReplicaNote(n)
	case isVolatile(n.Policy) || n.Policy == noeviction:
		return ""
	case strings.HasPrefix(n.Policy, "allkeys-"):
		return n.Policy + " can evict any key when memory is full, so writes continue" + ReplicaNote(n)
	default:
		return "keyprof does not know what this maxmemory-policy evicts"
	}
}

// ReplicaNote returns a reminder that the settings of a replica may differ from its
// primary's.
func ReplicaNote(n *profile.Node) string {
	if n.Role != profile.RoleReplica {
		return ""
	}
	return " (by this replica's settings; those of its primary decide)"
}

// isFull reports whether memory is known to be at maxmemory.
func isFull(n *profile.Node) bool {
	limit := atLimit
	if n.Policy == noeviction {
		limit = 1
	}
	return n.UsedMemory != nil && n.Maxmemory != nil && *n.Maxmemory > 0 &&
		float64(*n.UsedMemory) >= limit*float64(*n.Maxmemory)
}

// runwayBuilder computes the time from the new profile to the limits of its server.
type runwayBuilder struct {
	c       *Comparison
	node    *profile.Node
	earlier []*profile.Profile
}

// pool returns the time until no key is left to evict, or why it is unknown.
func (w runwayBuilder) pool() (r *Runway, why string) {
	switch {
	case w.c.Pool == nil:
		return nil, "the number of evictable keys is unknown, as the new profile has no TTLs"
	case !w.c.New.Complete:
		return nil, "the new profile is incomplete, so there may be more evictable keys"
	case !wholePool(w.c.New.Profile):
		return nil, "only some of the server's keys were scanned, and others can be evicted too"
	}
	change := w.c.Pool.Keys
	r = &Runway{Limit: PoolEmpty, Left: *change.New, Rates: w.rates(evictableKeys), Consequence: w.afterPool()}
	switch {
	case r.Left == 0 && !isFull(w.node) && !above0(change.Old):
		return nil, "no key has a TTL, and none had one before: " + w.node.Policy + " can evict nothing and behaves like noeviction" + ReplicaNote(w.node)
	case r.Left == 0:
		r.reached("no key has a TTL")
	case len(r.Rates) == 0:
		return nil, w.noRate(evictableKeys)
	default:
		r.expect(evictableKeys, change.WithinNoise && change.PerDay != nil)
	}
	return r, ""
}

// memory returns the time until memory is full, or why it is unknown.
func (w runwayBuilder) memory() (r *Runway, why string) {
	used, limit := w.node.UsedMemory, w.node.Maxmemory
	if used == nil || limit == nil {
		return nil, "used_memory or maxmemory is unknown, as INFO does not report it"
	}
	r = &Runway{Limit: MaxmemoryFull, Left: float64(max(*limit-*used, 0)), Rates: w.rates(usedMemory), Consequence: w.afterMemory()}
	switch {
	case isFull(w.node):
		r.reached("memory is at " + unit.FormatShare(unit.Share(*used, *limit)) + " of maxmemory")
	case len(r.Rates) == 0:
		return nil, w.noRate(usedMemory)
	default:
		r.expect(usedMemory, w.memoryNoise())
	}
	return r, ""
}

// The amount by which used memory may change without growth: buffers, and the behaviour
// of the allocator.
const (
	memoryNoiseShare = 0.001
	memoryNoiseBytes = 1 << 20
)

// memoryNoise reports whether the change of used memory is within noise, plus the
// change of the clients' memory.
func (w runwayBuilder) memoryNoise() bool {
	old, new := onlyNode(w.c.Old.Profile), w.node
	used := float64(*new.UsedMemory)
	noise := max(memoryNoiseBytes, memoryNoiseShare*used)
	a, b := field(old, "mem_clients_normal"), field(new, "mem_clients_normal")
	if a != nil && b != nil {
		noise += math.Abs(*b - *a)
	}
	return math.Abs(used-float64(*old.UsedMemory)) <= noise
}

// reached sets a limit that has been reached.
func (r *Runway) reached(how string) {
	now := 0.0
	r.Days, r.Assumption = &now, how
}

// expect computes when the limit is reached, from the rates.
func (r *Runway) expect(g resource, withinNoise bool) {
	slowest, fastest := extremesOf(r.Rates)
	if !withinNoise {
		r.Days = r.daysAt(r.Rates[len(r.Rates)-1].PerDay)
	}
	if len(r.Rates) > 1 {
		r.Soonest = r.daysAt(fastest)
	}
	if len(r.Rates) > 1 && r.Days != nil {
		r.Latest = r.daysAt(slowest)
	}
	r.Assumption = g.assumption(r.Rates, withinNoise)
}

// daysAt returns the days until nothing is left; nil if the rate does not lead
// there.
func (r *Runway) daysAt(perDay float64) *float64 {
	if perDay <= 0 {
		return nil
	}
	days := r.Left / perDay
	return &days
}

func extremesOf(rates []Rate) (slowest, fastest float64) {
	slowest, fastest = rates[0].PerDay, rates[0].PerDay
	for _, rate := range rates {
		slowest, fastest = min(slowest, rate.PerDay), max(fastest, rate.PerDay)
	}
	return slowest, fastest
}

// afterPool describes what happens when nothing is left to evict.
func (w runwayBuilder) afterPool() string {
	text := "then " + w.node.Policy + " has nothing left to evict and behaves like noeviction: "
	if isFull(w.node) {
		text += "memory is already at maxmemory, so writes fail with OOM"
	} else {
		text += "once memory is at maxmemory, writes fail with OOM"
	}
	return text + "; reads continue" + ReplicaNote(w.node)
}

// afterMemory describes what happens when memory is full.
func (w runwayBuilder) afterMemory() string {
	if w.node.Policy == noeviction {
		return "then writes fail with OOM; reads continue" + ReplicaNote(w.node)
	}
	return "then " + w.node.Policy + " evicts keys that have a TTL, and when none is left, writes fail with OOM" + ReplicaNote(w.node)
}

// noRate returns why the two profiles give no rate.
func (w runwayBuilder) noRate(g resource) string {
	for _, c := range w.c.Caveats {
		if g.bars(c.Code) {
			return "the two profiles give no rate: " + c.Text
		}
	}
	if days(g.at(w.c.New.Profile).Sub(g.at(w.c.Old.Profile))) == 0 {
		return "the two profiles give no rate: they are less than " + unit.FormatDuration(leastSpan.Seconds()) + " apart"
	}
	return "the two profiles give no rate: the old one lacks " + g.noun
}

// wholePool reports whether all keys that the server can evict were scanned, as far
// as INFO shows.
func wholePool(p *profile.Profile) bool {
	if p.Design.Match != "" || p.Totals.Unmeasured() > 0 {
		return false
	}
	walked := map[string]bool{}
	for _, db := range p.Design.Databases {
		walked[dbField(db)] = true
	}
	for i := range p.Nodes {
		for field, value := range p.Nodes[i].Info["keyspace"] {
			if strings.HasPrefix(field, "db") && !walked[field] && !strings.Contains(value+",", ",expires=0,") {
				return false
			}
		}
	}
	return true
}

// resource describes the resource that runs out on the way to a limit, as a profile
// shows it.
type resource struct {
	noun string
	// left is in keys or bytes, but for a constant; ok is false if it is not known.
	left func(*profile.Profile) (v float64, ok bool)
	at   func(*profile.Profile) time.Time // when it was read
	// barred are the codes of caveats under which two profiles give no rate.
	barred []string
	// ours returns an upper bound of what the scan itself used up; nil: nothing.
	ours   func(*profile.Profile) float64
	format func(float64) string // of an amount above 0
	more   string               // what it did when more is left: "grew"
}

// otherData lists the caveats under which two profiles give no rate of anything.
var otherData = []string{"same-profile", "walks-overlap", "nodes-differ", "other-server", "label-differs"}

var evictableKeys = resource{
	noun:   "the number of evictable keys",
	left:   poolLeft,
	at:     func(p *profile.Profile) time.Time { return sideOf(p, "").at() },
	barred: slices.Concat(otherData, []string{"databases-differ", "match-differs", "incomplete"}),
	ours:   evictedByUs,
	format: keysText,
	more:   "grew",
}

var usedMemory = resource{
	noun:   "used_memory",
	left:   memoryLeft,
	at:     func(p *profile.Profile) time.Time { return p.Began }, // INFO is read then
	barred: slices.Concat(otherData, []string{"version-differs", "allocator-differs", "other-process", "process-unknown", "role-differs", "resynced"}),
	format: func(v float64) string { return unit.FormatBytes(int64(math.Round(v))) },
	more:   "fell",
}

// alsoBarred lists further caveats under which an earlier profile, which the user
// did not name, is skipped.
var alsoBarred = []string{"process-unknown"}

func (g resource) bars(code string) bool { return slices.Contains(g.barred, code) }

func poolLeft(p *profile.Profile) (keys float64, ok bool) {
	t := &p.Totals
	if t.NoTTLKeys == nil {
		return 0, false
	}
	return float64(max(t.Keys.Value-t.NoTTLKeys.Value, 0)), true
}

// evictedByUs returns the keys that a scan itself may have evicted. Under a
// volatile-* policy they had a TTL.
func evictedByUs(p *profile.Profile) float64 {
	if p.Receipt.EvictedByUs == nil {
		return 0
	}
	return float64(*p.Receipt.EvictedByUs)
}

// memoryLeft returns the negative of used_memory: maxmemory, which may have
// changed, is left out.
func memoryLeft(p *profile.Profile) (bytes float64, ok bool) {
	n := onlyNode(p)
	if n == nil || n.UsedMemory == nil {
		return 0, false
	}
	return -float64(*n.UsedMemory), true
}

// rates returns the rates between successive profiles, from the earlier ones to the
// new one, oldest first; those that cannot be compared are skipped. The last rate
// leads to the new profile, from the old one or, if that is too close, from the
// last one that is not.
func (w runwayBuilder) rates(g resource) []Rate {
	barred := func(c Caveat) bool { return g.bars(c.Code) }
	if slices.ContainsFunc(w.c.Caveats, barred) {
		return []Rate{}
	}
	rates, next := []Rate{}, w.c.New.Profile
	for i, p := range slices.Backward(append(slices.Clip(w.earlier), w.c.Old.Profile)) {
		if named := i == len(w.earlier); !named && g.incomparable(p, next) {
			continue
		}
		if rate, ok := g.rate(p, next); ok {
			rates, next = append(rates, rate), p
		}
	}
	slices.Reverse(rates)
	return rates
}

// incomparable reports whether an earlier profile cannot be compared with the next
// one.
func (g resource) incomparable(before, after *profile.Profile) bool {
	caveats, err := compareSettings(before, after, true, nil)
	return err != nil || slices.ContainsFunc(caveats, func(c Caveat) bool {
		return g.bars(c.Code) || slices.Contains(alsoBarred, c.Code)
	})
}

// rate returns the rate from one profile to the next; ok is false if there is none.
func (g resource) rate(before, after *profile.Profile) (r Rate, ok bool) {
	a, known := g.left(before)
	b, alsoKnown := g.left(after)
	r.From, r.To = g.at(before), g.at(after)
	span := days(r.To.Sub(r.From))
	if !known || !alsoKnown || span <= 0 {
		return r, false
	}
	gone := a - b
	if g.ours != nil {
		r.EvictedByUs = min(g.ours(before), max(gone, 0))
	}
	r.PerDay = (gone - r.EvictedByUs) / span
	return r, true
}

// assumption describes what the rates assume.
func (g resource) assumption(rates []Rate, withinNoise bool) string {
	var ours float64
	for _, r := range rates {
		ours += r.EvictedByUs
	}
	text := g.seen(rates, withinNoise)
	if ours > 0 {
		text += "; " + keysText(ours) + " that the scans themselves may have evicted are left out"
	}
	return text
}

// seen describes the rates.
func (g resource) seen(rates []Rate, withinNoise bool) string {
	last := rates[len(rates)-1]
	span := spanText(last.To.Sub(last.From))
	text := ""
	switch {
	case withinNoise:
		text = fmt.Sprintf("in the %s between the two profiles %s changed by no more than noise, so there is no rate", span, g.noun)
	case last.PerDay == 0 && last.EvictedByUs > 0:
		text = fmt.Sprintf("in the %s between the two profiles %s fell by no more than the old scan itself may have evicted", span, g.noun)
	case last.PerDay == 0:
		text = fmt.Sprintf("in the %s between the two profiles %s did not change", span, g.noun)
	case last.PerDay < 0:
		text = fmt.Sprintf("in the %s between the two profiles %s %s by %s a day, away from the limit", span, g.noun, g.more, g.format(-last.PerDay))
	case len(rates) == 1:
		return fmt.Sprintf("at the average rate of %s, %s a day; peaks are faster, so it may come sooner", these(span), g.format(last.PerDay))
	}
	switch {
	case len(rates) == 1:
		return text
	case text != "":
		text += "; "
	}
	return text + g.ofAll(rates)
}

// ofAll describes the range of all rates.
func (g resource) ofAll(rates []Rate) string {
	slowest, fastest := extremesOf(rates)
	seen := fmt.Sprintf("the rates of %d intervals in %s", len(rates), spanText(rates[len(rates)-1].To.Sub(rates[0].From)))
	switch {
	case fastest <= 0:
		return "none of " + seen + " leads to the limit"
	case slowest <= 0:
		return fmt.Sprintf("at %s, at most %s a day, and in some of them %s %s or did not change; peaks within an interval are faster", seen, g.format(fastest), g.noun, g.more)
	default:
		return fmt.Sprintf("at %s, %s to %s a day; peaks within an interval are faster", seen, g.format(slowest), g.format(fastest))
	}
}

// keysText returns a number of keys above 0, which may be a fraction.
func keysText(v float64) string {
	switch {
	case v < 0.1:
		return "less than 0.1 keys"
	case v < 9.95:
		return strconv.FormatFloat(v, 'f', 1, 64) + " keys"
	default:
		return unit.FormatCount(int64(math.Round(v))) + " keys"
	}
}

// spanText returns a span in words: "4 hours", "1.5 days".
func spanText(span time.Duration) string {
	short := unit.FormatDuration(span.Seconds())
	number, letter := short[:len(short)-1], short[len(short)-1]
	name := map[byte]string{'s': "second", 'm': "minute", 'h': "hour", 'd': "day", 'y': "year"}[letter]
	if number != "1" {
		name += "s"
	}
	return number + " " + name
}

func these(span string) string {
	if strings.HasPrefix(span, "1 ") {
		return "this " + span
	}
	return "these " + span
}

func dbField(db int) string { return "db" + strconv.Itoa(db) }

// scheduleS lists the spans of a Schedule, in seconds: all are edges of the TTL
// histogram.
var scheduleS = []int64{3600, 24 * 3600, 7 * 24 * 3600}

// poolOf returns the keys that a volatile-* policy can evict; nil if the new
// profile has no TTLs.
func poolOf(r *rows, namespaces []Row) *Pool {
	if r.after.Totals.NoTTLKeys == nil {
		return nil
	}
	all := poolSides{
		old:   poolFigures{figures{stats: &r.before.Totals, of: r.side(r.before, driftInAll(r.before))}},
		new:   poolFigures{figures{stats: &r.after.Totals, of: r.side(r.after, driftInAll(r.after))}},
		parts: partsOf(namespaces),
	}
	p := &Pool{Namespaces: []PoolRow{}, Schedule: scheduleOf(&r.after.Totals)}
	p.Keys, _ = r.poolKeys(all)
	p.Bytes = r.poolBytes(all)
	for _, row := range namespaces {
		if part, holds := r.poolRow(row); holds {
			p.Namespaces = append(p.Namespaces, part)
		}
	}
	slices.SortFunc(p.Namespaces, comparePoolRows)
	return p
}

// comparePoolRows sorts the largest in the new profile first, by bytes where they
// are known.
func comparePoolRows(a, b PoolRow) int {
	return cmp.Or(
		cmp.Compare(newOf(b.Bytes), newOf(a.Bytes)),
		cmp.Compare(newOf(&b.Keys), newOf(&a.Keys)),
		cmp.Compare(a.DB, b.DB), cmp.Compare(a.Pattern, b.Pattern), aggregate.CompareBools(a.Other, b.Other),
	)
}

// newOf returns the new figure of a change; -1 if there is none.
func newOf(c *Change) float64 {
	if c == nil || c.New == nil {
		return -1
	}
	return *c.New
}

// poolRow returns a namespace's part; holds is false if no key in it has a TTL.
func (r *rows) poolRow(row Row) (part PoolRow, holds bool) {
	s := poolSides{
		old:   poolFigures{figures{stats: row.Old, none: row.State == Added, of: r.side(r.before, driftIn(r.before, row.DB))}},
		new:   poolFigures{figures{stats: row.New, none: row.State == Vanished, of: r.side(r.after, driftIn(r.after, row.DB))}},
		parts: []statsPair{{row.Old, row.New}},
	}
	part = PoolRow{DB: row.DB, Pattern: row.Pattern, Other: row.Other}
	part.Keys, _ = r.poolKeys(s)
	part.Bytes = r.poolBytes(s)
	return part, above0(part.Keys.Old) || above0(part.Keys.New)
}

func above0(v *float64) bool { return v != nil && *v > 0 }

func (r *rows) poolKeys(s poolSides) (c Change, known bool) {
	return r.poolChange(s.old.keys(), s.new.keys(), r.poolSampling(s, Keys, NoTTLKeys), r.hidden[Keys] || r.hidden[NoTTLKeys])
}

func (r *rows) poolBytes(s poolSides) *Change {
	off := r.estimates(s.parts, poolBytesOf).plus(r.poolSampling(s, Bytes, NoTTLBytes))
	c, known := r.poolChange(s.old.bytes(), s.new.bytes(), off, r.hidden[Bytes] || r.hidden[NoTTLBytes])
	if !known {
		return nil
	}
	return &c
}

// poolSampling returns the sampling error of a change of a whole without a part, in
// samples of the same keys.
func (r *rows) poolSampling(s poolSides, whole, part Measure) slack {
	if !r.paired {
		return slack{}
	}
	of := func(side *profile.Stats, p *profile.Profile) grouped {
		return partsOfSum(whole, side).less(partsOfSum(part, side)).centered(p)
	}
	return slackOf(of(s.old.stats, r.before), of(s.new.stats, r.after), s.old.stats, s.new.stats)
}

// poolChange compares one figure; known is false if neither side has it.
func (r *rows) poolChange(old, new figure, more slack, hidden bool) (c Change, known bool) {
	c.Old, c.New = old.pointer(), new.pointer()
	if c.Old == nil || c.New == nil || hidden {
		return c, old.known || new.known
	}
	return compared(c, old.slack.plus(new.slack).plus(more).total(), r.days), true
}

// poolSides holds the figures of both profiles.
type poolSides struct {
	old, new poolFigures
	parts    []statsPair // what they are the sums of
}

// poolFigures reads the figures of the keys that have a TTL.
type poolFigures struct{ figures }

// keys returns the number of keys with a TTL.
func (f poolFigures) keys() figure {
	switch {
	case f.stats == nil:
		return figure{known: f.none && f.of.measured(NoTTLKeys)}
	case f.stats.NoTTLKeys == nil:
		return figure{}
	}
	return f.sum(&f.stats.Keys, f.churn().expiring).less(f.sum(f.stats.NoTTLKeys, 0))
}

// bytes returns the bytes of the keys with a TTL.
func (f poolFigures) bytes() figure {
	switch {
	case f.stats == nil:
		return figure{known: f.none && f.of.measured(NoTTLBytes)}
	case f.stats.Bytes == nil || f.stats.NoTTLBytes == nil:
		return figure{}
	}
	return f.sum(f.stats.Bytes, f.churn().expiring*f.mean()).less(f.sum(f.stats.NoTTLBytes, 0))
}

// less returns a whole without a part of it.
func (f figure) less(part figure) figure {
	return figure{
		value: max(f.value-part.value, 0), known: true, slack: f.slack.plus(part.slack),
	}
}

// poolBytesOf returns the bytes of the keys with a TTL; nil if unknown.
func poolBytesOf(s *profile.Stats) *profile.Estimate {
	if s.Bytes == nil || s.NoTTLBytes == nil {
		return nil
	}
	e := profile.Exact(max(s.Bytes.Value-s.NoTTLBytes.Value, 0))
	return &e
}

// scheduleOf returns the keys that expire within each span, cumulative.
func scheduleOf(s *profile.Stats) []Expiry {
	schedule := []Expiry{}
	if s.TTL == nil {
		return schedule
	}
	for _, within := range scheduleS {
		schedule = append(schedule, expiryWithin(s, within))
	}
	return schedule
}

func expiryWithin(s *profile.Stats, within int64) Expiry {
	e := Expiry{WithinS: within}
	bytes, weight := int64(0), weightOf(s)
	for _, b := range s.TTL.Histogram {
		if b.Edge == nil || *b.Edge > within {
			break
		}
		e.Keys += scaled(b.Keys, weight)
		if b.Bytes != nil {
			bytes += scaled(*b.Bytes, weight)
		}
	}
	if s.Bytes != nil {
		e.Bytes = &bytes
	}
	return e
}

// scaled scales a count of a sample up to all keys.
func scaled(n int64, weight float64) int64 { return int64(math.Round(float64(n) * weight)) }
