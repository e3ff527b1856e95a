package sampler

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"keyprof/sampler/aggregate"
	"keyprof/sampler/profile"
	"keyprof/scanner"
	"keyprof/scanner/info"
	"keyprof/scanner/throttle"
)

// Check returns what Collect with the same options would be refused and would cost,
// without a scan: it sends the commands for keys that do not exist. It returns an error
// if the server cannot be reached; a server that refuses everything is a result.
func Check(ctx context.Context, conn *scanner.Conn, o Options) (*profile.Checkup, error) {
	forecast, err := conn.Forecast(ctx, o.LatencyBudget, o.Page, o.MaxLoad)
	if err != nil {
		return nil, err
	}
	o.Page = forecast.Page
	c := &checker{forecast: forecast, collector: *newCollector(conn, o), names: absentNames(o.Page)}
	c.selectDatabases()
	if err := c.ask(ctx); err != nil {
		return nil, err
	}
	return c.result(), nil
}

// checker is a collector that scans no keys.
type checker struct {
	collector
	names []string // of no key

	forecast      throttle.Forecast
	unreachable   error         // why the first database is, of those that cannot be selected
	noSelect      bool          // ACL refuses SELECT
	reachable     int           // databases
	noScan        error         // why SCAN is refused
	commandTime   time.Duration // of the server's main thread for one question
	timedCommands int           // questions that were timed
}

// The commands of a check count as misses in the server's statistics, and those that
// are refused fill its ACL LOG, so there are few.
const (
	maxAbsentNames   = 50 // asked about at a time
	absentTrialNames = 3  // to learn what is refused
	timedBatches     = 7  // pages of questions that are timed
)

// absentNames returns up to a page of names of nonexistent keys.
func absentNames(page int) []string {
	names := make([]string, max(1, min(page, maxAbsentNames)))
	secret := rand.Text()
	for i := range names {
		names[i] = fmt.Sprintf("keyprof:check:%s:%d", secret, i)
	}
	return names
}

// ask sends all commands that the result needs.
func (c *checker) ask(ctx context.Context) error {
	if err := c.enterAll(ctx); err != nil {
		return err
	}
	x := absent{Exchange: c.conn, alone: c.node.Role() != info.Primary && !c.conn.ServesReads()}
	if err := c.planFrom(ctx, x, c.names[:min(len(c.names), absentTrialNames)]); err != nil {
		return err
	}
	if err := c.conn.CheckScan(ctx); err != nil {
		if !scanner.IsReply(err) {
			return err
		}
		c.noScan = err
	}
	return c.time(ctx)
}

// enterAll tries to select each database.
func (c *checker) enterAll(ctx context.Context) error {
	for i := range c.databases {
		err := c.enter(ctx, &c.databases[i])
		switch {
		case err == nil:
			c.reachable++
		case c.lost:
			return err
		default:
			c.unreachable = cmp.Or(c.unreachable, err)
			c.noSelect = c.noSelect || noPermission(err)
		}
	}
	return nil
}

// noPermission reports whether err is a refusal by the ACL.
func noPermission(err error) bool {
	var e *scanner.Error
	return errors.As(err, &e) && strings.HasPrefix(e.Err.Error(), "NOPERM")
}

// absent is an Exchange for keys that do not exist. It turns errors that only say that
// a key is not here into nil replies.
type absent struct {
	scanner.Exchange
	alone bool // the node may redirect all commands to another: that is a refusal
}

// RoundTrip implements scanner.Exchange.
func (a absent) RoundTrip(ctx context.Context, requests []scanner.Request, scan *scanner.Scan, replies []scanner.Reply) ([]scanner.Reply, scanner.ScanReply, error) {
	replies, page, err := a.Exchange.RoundTrip(ctx, requests, scan, replies)
	for i, r := range replies {
		if r.Err != nil && (errorOutcome(r.Err) == aggregate.Vanished || elsewhere(r.Err.Error()) && !a.alone) {
			replies[i] = scanner.Reply{Nil: true}
		}
	}
	return replies, page, err
}

// time measures the time of a command on a key, sent as a scan sends them. It takes the
// median of some batches: the first are slow, and some wait for other clients.
func (c *checker) time(ctx context.Context) error {
	var requests []scanner.Request
	for _, name := range c.names {
		for _, probe := range c.plan.probes {
			requests = append(requests, scanner.Request{Probe: probe, Key: name})
		}
	}
	_, far := c.forecast.OverLink()                     // which hides what a question takes
	if len(requests) == 0 || c.plan.keysDenied || far { // a refusal takes another time
		return nil
	}
	took := make([]time.Duration, timedBatches)
	var replies []scanner.Reply
	for i := range took {
		var err error
		if replies, _, err = c.conn.RoundTrip(ctx, requests, nil, replies[:0]); err != nil {
			return err
		}
		took[i] = c.conn.Service()
		c.timedCommands += len(requests)
	}
	slices.Sort(took)
	c.commandTime = took[len(took)/2] / time.Duration(len(requests))
	return nil
}

func (c *checker) result() *profile.Checkup {
	r := &profile.Checkup{
		Schema: profile.CheckupSchemaVersion, Tool: c.opts.Tool, Checked: time.Now().UTC().Truncate(time.Millisecond),
		Server: c.server(), Measures: c.measuresAsked(), Missing: append([]profile.Missing{}, c.plan.missing...),
		Scan: c.scan(), ACL: c.acl(), Walk: c.walk(), Warnings: c.checkWarnings(), Commands: c.conn.Cost().Commands,
	}
	r.Verdict, r.Reasons, r.Hint = c.verdict()
	return r
}

// verdict returns whether a profile would be complete, the reasons if not, and a hint.
func (c *checker) verdict() (v profile.Verdict, reasons []string, hint string) {
	var fatal *scanner.Error
	switch {
	case errors.As(c.noScan, &fatal):
	case c.reachable == 0 && errors.As(c.unreachable, &fatal):
	case len(c.plan.probes) == 0:
		errors.As(c.allRefused(), &fatal)
	}
	if fatal != nil {
		return profile.VerdictImpossible, []string{fatal.Error()}, fatal.Hint
	}
	if lacks := c.missingParts(); len(lacks) > 0 {
		return profile.VerdictLacking, lacks, ""
	}
	return profile.VerdictComplete, []string{}, ""
}

// missingParts returns what a profile would lack, a clause each.
func (c *checker) missingParts() (lacks []string) {
	for _, m := range c.plan.missing {
		lacks = append(lacks, fmt.Sprintf("%s: the server answers %q", m.Measure, m.Reason))
	}
	if c.plan.shared == dropShared {
		lacks = append(lacks, "the idle times of small strings: OBJECT REFCOUNT is refused, and keys that share an integer object have no idle time of their own")
	}
	if c.plan.keysDenied {
		lacks = append(lacks, "keys outside the user's ACL key patterns: SCAN returns them, but commands on them are denied")
	}
	for _, db := range c.databases {
		if db.Incomplete != "" {
			lacks = append(lacks, fmt.Sprintf("db%d: %s", db.DB, db.Incomplete))
		}
	}
	if reason := c.unknownDatabases(); reason != "" {
		lacks = append(lacks, reason)
	}
	return lacks
}

func (c *checker) server() profile.CheckupServer {
	engine, version := c.node.Engine()
	return profile.CheckupServer{
		Address: c.node.Address, Role: c.node.Role(), Engine: engine, Version: version, Policy: c.node.Policy(),
		Maxmemory: c.field("maxmemory"), UsedMemory: c.field("used_memory"), UptimeS: c.field("uptime_in_seconds"),
		Link: c.link(), Databases: c.databaseList(),
	}
}

// link returns the state of a replica's link; nil for other roles.
func (c *checker) link() *profile.CheckupLink {
	if c.node.Role() != info.Replica {
		return nil
	}
	info := c.node.Info
	return &profile.CheckupLink{
		Primary: info.Field("master_host") + ":" + info.Field("master_port"),
		Status:  info.Field("master_link_status"), Syncing: info.Field("master_sync_in_progress") == "1",
		DownS: c.elapsed("master_link_down_since_seconds"), HeardS: c.elapsed("master_last_io_seconds_ago"),
	}
}

// elapsed returns a field that counts seconds since an event; nil if it is -1, which
// means that the event never happened.
func (c *checker) elapsed(name string) *int64 {
	v := c.field(name)
	if v == nil || *v < 0 {
		return nil
	}
	return v
}

// databaseList returns the selected databases and all others that hold keys.
func (c *checker) databaseList() []profile.CheckupDatabase {
	known := c.node.Info.Databases()
	list := map[int]profile.CheckupDatabase{}
	for n := range known {
		list[n] = profile.CheckupDatabase{DB: n}
	}
	for _, db := range c.databases {
		list[db.DB] = profile.CheckupDatabase{DB: db.DB, Selected: true, Refusal: db.Incomplete}
	}
	dbs := []profile.CheckupDatabase{}
	for _, n := range slices.Sorted(maps.Keys(list)) {
		db := list[n]
		if len(c.node.Info) > 0 {
			if k := keyspace(known[n]); k != nil {
				db.Keys, db.Expires = &k.Keys, &k.Expires
			}
		}
		dbs = append(dbs, db)
	}
	return dbs
}

func (c *checker) measuresAsked() []profile.CheckupMeasure {
	measures := []profile.CheckupMeasure{}
	for _, probe := range probesFor(c.node) {
		refused := slices.ContainsFunc(c.plan.missing, func(m profile.Missing) bool { return m.Measure == measureOf[probe] })
		if refused || c.asks(probe) {
			measures = append(measures, profile.CheckupMeasure{Measure: measureOf[probe], Command: probe.String(), Allowed: !refused})
		}
	}
	return measures
}

func (c *checker) scan() profile.CheckupScan {
	if c.noScan != nil {
		return profile.ScanRefused
	}
	return profile.ScanAllowed
}

func (c *checker) acl() profile.CheckupACL {
	acl := profile.CheckupACL{User: c.conn.User()}
	if c.node.HasACL() {
		acl.Own = c.conn.ACLOwn()
	}
	if rules := c.aclMissing(); len(rules) > 0 {
		acl.Add = c.conn.ACLRule(strings.Join(rules, " "))
	}
	return acl
}

// aclMissing returns the ACL rules that would allow the refused commands.
func (c *checker) aclMissing() (rules []string) {
	if c.conn.InfoDenied() {
		rules = append(rules, "+info")
	}
	if noPermission(c.noScan) {
		rules = append(rules, "+scan")
	}
	if c.noSelect {
		rules = append(rules, "+select")
	}
	var refused []scanner.Probe
	someKeys := c.plan.keysDenied
	for _, probe := range probesFor(c.node) {
		for _, m := range c.plan.missing {
			if m.Measure == measureOf[probe] && strings.HasPrefix(m.Reason, "NOPERM") {
				refused = append(refused, probe)
				someKeys = someKeys || onlyKeysDenied(errors.New(m.Reason))
			}
		}
	}
	// Without IDLETIME, REFCOUNT was not tried: add its rule with that of IDLETIME.
	if c.plan.shared == dropShared && c.node.HasACL() || slices.Contains(refused, scanner.IdleTime) && c.node.SharesIntegers() {
		refused = append(refused, scanner.RefCount)
	}
	// If no command was allowed it is unknown which keys the user may read.
	if someKeys || len(refused) > 0 && len(c.plan.probes) == 0 {
		return append(rules, scanner.ACLProbes(c.node, append(probesFor(c.node), scanner.RefCount)))
	}
	for _, probe := range refused {
		rules = append(rules, probe.ACLRule())
	}
	return rules
}

// checkWarnings returns the warnings that a profile made now would have.
func (c *checker) checkWarnings() []profile.Warning {
	w := warner{node: c.node.Address, list: []profile.Warning{}}
	c.warnNode(&w)
	c.warnOdd(&w)
	warnSaves(&w, c.node.Info, nil)
	c.warnIdle(&w)
	if c.node.Saving() {
		w.add("save-in-progress", w.node, "a save is in progress: reads during a save do not reset idle times")
	}
	if c.node.TracksFrequency() {
		w.add("lfu-policy", w.node, "the policy %s keeps no idle times: access frequency is measured instead", c.node.Policy())
	}
	info := c.node.Info
	if info.Field("master_sync_in_progress") == "1" || info.Field("async_loading") == "1" {
		w.add("sync-in-progress", w.node, "the server is synchronizing with its primary and its data set is being replaced: a profile made now is incomplete")
	}
	sortWarnings(w.list)
	return w.list
}

// minCommandTime is the time of the main thread of Redis 7 for one command on an
// existing key, reading and replying included, when all data fits in the CPU's caches. A
// lookup of a nonexistent key takes less.
const minCommandTime = time.Microsecond

// cacheMissFactor is the assumed slowdown if the key must be fetched from memory. It
// was not measured on a large data set.
const cacheMissFactor = 3

// walk returns the forecast for a scan of all selected keys.
func (c *checker) walk() profile.CheckupWalk {
	w := profile.CheckupWalk{
		MaxLoad: c.opts.MaxLoad, Rate: c.opts.Rate, Page: c.opts.Page, Match: c.opts.Match,
		LeastRTTS: c.conn.MinRoundTrip().Seconds(), Basis: []string{},
	}
	if len(c.node.Info) > 0 {
		w.Keys = new(c.reachableKeys())
	}
	if len(c.plan.probes) == 0 || c.noScan != nil {
		return w
	}
	w.KeyCPUS = new(c.keyCost())
	w.Basis = c.basis()
	if w.Keys != nil {
		least, most := float64(*w.Keys)*w.KeyCPUS.Lo, float64(*w.Keys)*w.KeyCPUS.Hi
		w.ServerCPUS = &profile.CheckupRange{Lo: toMicros(least), Hi: toMicros(most)}
		matching := *w.Keys
		if w.Match != "" {
			matching = 0 // at least
		}
		w.ElapsedS = &profile.CheckupRange{Lo: toMicros(c.walkTime(w, w.KeyCPUS.Lo, matching)), Hi: toMicros(c.walkTime(w, w.KeyCPUS.Hi, *w.Keys))}
	}
	return w
}

// reachableKeys returns the keys of the databases that can be scanned.
func (c *checker) reachableKeys() (n int64) {
	for i := range c.databases {
		if c.databases[i].Incomplete == "" {
			n += keysOf(&c.databases[i])
		}
	}
	return n
}

// keyCost returns the time of the server's main thread for one key, in seconds.
func (c *checker) keyCost() profile.CheckupRange {
	const scan = 1 // its share of a page is about one question a key
	least, most := len(c.plan.probes)+scan, len(c.plan.probes)+scan
	if c.opts.Match != "" {
		least = scan
	}
	if c.plan.shared == askShared {
		most++ // of small strings
	}
	question := max(c.commandTime, minCommandTime)
	return profile.CheckupRange{
		Lo: (time.Duration(least) * question).Seconds(),
		Hi: (time.Duration(cacheMissFactor*most) * question).Seconds(),
	}
}

// walkTime returns how long a scan takes, in seconds, if each key takes key seconds of
// the server's main thread. --rate limits the keys that match.
func (c *checker) walkTime(w profile.CheckupWalk, key float64, matching int64) float64 {
	seconds := c.forecast.Elapsed(*w.Keys, time.Duration(key*float64(time.Second))).Seconds()
	if w.Rate > 0 {
		seconds = max(seconds, float64(matching)/w.Rate)
	}
	return seconds
}

// toMicros rounds seconds to microseconds.
func toMicros(seconds float64) float64 { return math.Round(seconds*1e6) / 1e6 }

// costBasis returns how the cost of a command was estimated.
func (c *checker) costBasis() string {
	const counts = "the lower figure counts %s of CPU time for each command on a key, and as much for its share of SCAN, "
	usual := fmt.Sprintf(counts+"which is usual when all data fits in the CPU's caches", micros(minCommandTime))
	switch timed := humanize.Comma(int64(c.timedCommands)); {
	case c.timedCommands == 0:
		return usual
	case c.commandTime <= minCommandTime:
		return usual + fmt.Sprintf("; %s lookups of nonexistent keys have just taken %s each", timed, micros(c.commandTime))
	default:
		return fmt.Sprintf(counts+"which is what %s lookups of nonexistent keys have just taken, waits for other clients included", micros(c.commandTime), timed)
	}
}

func (c *checker) basis() []string {
	basis := []string{}
	if roundTrip, far := c.forecast.OverLink(); far {
		basis = append(basis, fmt.Sprintf("a round trip over this link takes %s: several pages are in flight at once, but only as many as may arrive together, by its jitter, within --latency-budget", micros(roundTrip)))
	}
	basis = append(basis,
		c.costBasis(),
		fmt.Sprintf("the higher figure is %d times as much: in a data set larger than the CPU's caches, keys cost more to look up; how much more was not measured", cacheMissFactor),
	)
	if c.opts.Match != "" {
		basis = append(basis, "SCAN goes through all keys whatever --match says; the lower figure assumes that no key matches, the higher that all do")
	}
	return basis
}

// micros formats a duration in microseconds.
func micros(d time.Duration) string { return fmt.Sprintf("%.1f µs", float64(d)/1e3) }
