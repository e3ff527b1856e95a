package diff

import (
	"math"
	"strings"

	"keyprof/report/unit"
	"keyprof/sampler/profile"
)

const (
	// atLimit is the share of maxmemory from which memory counts as full where keys
	// are evicted: such a server stays just below it.
	atLimit = 0.995
	// noeviction is the policy that evicts nothing.
	noeviction = "noeviction"
)

// runwaysOf are the limits that the keyspace is on its way to. why is what keeps
// the limit that the policy leads to from being among them.
func runwaysOf(c *Comparison, earlier []*profile.Profile) (runways []Runway, why string) {
	runways = []Runway{}
	n := only(c.New.Profile)
	if n == nil || only(c.Old.Profile) == nil {
		return runways, "each of several servers has a limit of its own, which their sum does not tell"
	}
	if why = limitless(n); why != "" {
		return runways, why
	}
	w := way{c, n, earlier}
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

// limitless tells why a server runs into no limit that a profile shows.
func limitless(n *profile.Node) string {
	switch {
	case n.Policy == "":
		return "maxmemory-policy is not known, as INFO does not tell it"
	case n.Maxmemory != nil && *n.Maxmemory == 0:
		return "maxmemory is 0, so that nothing is ever evicted: memory grows until the machine has none left" + asSet(n)
	case isVolatile(n.Policy) || n.Policy == noeviction:
		return ""
	case strings.HasPrefix(n.Policy, "allkeys-"):
		return n.Policy + " evicts any key when memory is full: no pool runs empty, and writes go on" + asSet(n)
	default:
		return "what the policy evicts is not known here"
	}
}

// asSet reminds that what a replica is set to need not hold for its primary.
func asSet(n *profile.Node) string {
	if n.Role != profile.RoleReplica {
		return ""
	}
	return " (as this replica is set; the settings of its primary decide)"
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

// way leads from the new profile to the limits of its server.
type way struct {
	c       *Comparison
	node    *profile.Node
	earlier []*profile.Profile
}

// pool is the way until no key is left to evict, or why it is not known.
func (w way) pool() (r *Runway, why string) {
	switch {
	case w.c.Pool == nil:
		return nil, "the pool is not known, as the new profile has no TTLs"
	case !w.c.New.Complete:
		return nil, "the new profile is incomplete, so that the pool may be larger"
	case !wholePool(w.c.New.Profile):
		return nil, "only some of the server's keys were walked, and others can be evicted, too"
	}
	change := w.c.Pool.Keys
	r = &Runway{Limit: PoolEmpty, Left: *change.New, Rates: w.rates(poolGauge), Consequence: w.afterPool()}
	switch {
	case r.Left == 0 && !isFull(w.node) && !above0(change.Old):
		return nil, "no key has a TTL, and none had one before: " + w.node.Policy + " can evict nothing, and behaves like noeviction" + asSet(w.node)
	case r.Left == 0:
		r.reached("no key has a TTL: the pool is empty")
	case len(r.Rates) == 0:
		return nil, w.noRate(poolGauge)
	default:
		r.expect(poolGauge, change.WithinNoise && change.PerDay != nil)
	}
	return r, ""
}

// memory is the way until memory is full, or why it is not known.
func (w way) memory() (r *Runway, why string) {
	used, limit := w.node.UsedMemory, w.node.Maxmemory
	if used == nil || limit == nil {
		return nil, "used_memory or maxmemory is not known, as INFO does not tell it"
	}
	r = &Runway{Limit: MaxmemoryFull, Left: float64(max(*limit-*used, 0)), Rates: w.rates(memoryGauge), Consequence: w.afterMemory()}
	switch {
	case isFull(w.node):
		r.reached("memory is at " + unit.FormatShare(unit.Share(*used, *limit)) + " of maxmemory")
	case len(r.Rates) == 0:
		return nil, w.noRate(memoryGauge)
	default:
		r.expect(memoryGauge, w.memoryNoise())
	}
	return r, ""
}

// What used memory may change by without any growth: buffers, and the allocator's
// ways.
const (
	memoryNoiseShare = 0.001
	memoryNoiseBytes = 1 << 20
)

// memoryNoise reports whether the change of used memory is no more than noise, or
// than that of the memory which clients take.
func (w way) memoryNoise() bool {
	old, new := only(w.c.Old.Profile), w.node
	used := float64(*new.UsedMemory)
	noise := max(memoryNoiseBytes, memoryNoiseShare*used)
	a, b := field(old, "mem_clients_normal"), field(new, "mem_clients_normal")
	if a != nil && b != nil {
		noise += math.Abs(*b - *a)
	}
	return math.Abs(used-float64(*old.UsedMemory)) <= noise
}

// reached says that the limit is no longer ahead.
func (r *Runway) reached(how string) {
	now := 0.0
	r.Days, r.Assumption = &now, how
}

// expect says when the limit is reached, by the rates.
func (r *Runway) expect(g gauge, withinNoise bool) {
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

// daysAt is how long what is left lasts; nil if a rate does not use it up.
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

// afterPool is what happens when nothing is left to evict.
func (w way) afterPool() string {
	text := "then " + w.node.Policy + " has nothing left to evict and behaves like noeviction: "
	if isFull(w.node) {
		text += "memory is at maxmemory already, so writes fail with OOM"
	} else {
		text += "once memory is at maxmemory, writes fail with OOM"
	}
	return text + "; reads go on" + asSet(w.node)
}

// afterMemory is what happens when memory is full.
func (w way) afterMemory() string {
	if w.node.Policy == noeviction {
		return "then writes fail with OOM; reads go on" + asSet(w.node)
	}
	return "then " + w.node.Policy + " evicts keys that have a TTL, and when none is left, writes fail with OOM" + asSet(w.node)
}

// noRate is why the two profiles give no rate.
func (w way) noRate(g gauge) string {
	for _, c := range w.c.Caveats {
		if g.bars(c.Code) {
			return "there is no rate between the two profiles: " + c.Text
		}
	}
	if days(g.at(w.c.New.Profile).Sub(g.at(w.c.Old.Profile))) == 0 {
		return "there is no rate between profiles that are less than " + unit.FormatDuration(leastSpan.Seconds()) + " apart"
	}
	return "there is no rate between the two profiles, as the old one does not tell " + g.noun
}

// wholePool reports whether all keys that the server can evict were walked, as
// far as INFO tells.
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
