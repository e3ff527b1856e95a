package sampler

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/dustin/go-humanize"

	"keyprof/sampler/aggregate"
	"keyprof/sampler/profile"
	"keyprof/scanner"
	"keyprof/scanner/info"
	"keyprof/scanner/throttle"
)

// Defaults of Options.
const (
	DefaultWorkers  = 1 // grouping outruns the server
	DefaultIdleOver = 30 * 24 * time.Hour
)

// Options holds what to scan, how fast, and how to group.
type Options struct {
	Databases []int              // numbers of logical databases; nil: all that are not empty
	Match     string             // SCAN's MATCH glob; empty: all names
	IdleOver  time.Duration      // high-idle threshold
	Grouping  aggregate.Grouping // how names become namespaces
	Sample    *SampleSize        // keys to measure; nil: all
	Workers   int                // goroutines that fold; the result does not depend on it
	Page      int                // COUNT of each SCAN; 0: chosen by LatencyBudget
	// LatencyBudget is the longest time that other clients should wait for keyprof.
	LatencyBudget time.Duration
	// Guarded makes the scan pause when the server begins to save, to evict or to lag in
	// replication, and opens a second connection that watches for this.
	Guarded bool
	MaxLoad float64 // share of the server's main thread, in (0,1]
	Rate    float64 // keys a second at most; 0: no limit
	// MaxDuration ends the scan as an interrupt does, with ErrTimeUp; 0: no limit.
	MaxDuration time.Duration
	Label       string       // free text for the profile
	Tool        profile.Tool // what makes the profile
	// Progress is called after each page, from one goroutine; may be nil.
	Progress func(Progress)
	// OnPause is called now and then while the scan pauses, with the reason, a
	// clause about the server, and with "" when it resumes. May be nil.
	OnPause func(cause string)
}

// Progress is the progress of a run.
type Progress struct {
	Fraction float64 // of the keys of all selected databases, in [0,1]
	Keys     int64   // names returned
}

// ErrInterrupted is the cause for canceling the context of Collect so that it finishes
// the current page and returns an incomplete profile.
var ErrInterrupted = errors.New("interrupted")

// ErrTimeUp is the cause when a scan reaches Options.MaxDuration.
var ErrTimeUp = errors.New("the scan reached --max-duration")

// Collect scans the selected databases of one node and profiles their keys.
// When ctx ends, or the connection is lost, the profile is marked incomplete, with the
// reason. Collect returns an error if nothing could be profiled.
func Collect(ctx context.Context, conn *scanner.Conn, o Options) (*profile.Profile, error) {
	c := newCollector(conn, o)
	c.selectDatabases()
	c.planSample()
	if err := c.probeCapabilities(ctx); err != nil {
		return nil, err
	}
	ctx, stop := limit(ctx, o.MaxDuration)
	defer stop()
	if stats, ok := conn.CommandStats(ctx); ok {
		c.commandsBefore = &stats
	}
	c.startGuard(ctx)
	defer c.monitor.Close()
	c.tally = scanner.Tally{Began: time.Now()}
	if err := c.planSlots(ctx); err != nil {
		return nil, err
	}
	builder, err := c.fold(ctx)
	if err != nil {
		return nil, err
	}
	c.monitor.Close()
	return c.document(ctx, builder), nil
}

func newCollector(conn *scanner.Conn, o Options) *collector {
	c := &collector{conn: conn, node: conn.Node, opts: o}
	c.node.Info, c.odd = c.node.Info.Validated()
	return c
}

// limit returns a context that ends with ErrTimeUp after most; 0: no limit.
func limit(ctx context.Context, most time.Duration) (context.Context, context.CancelFunc) {
	if most == 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeoutCause(ctx, most, ErrTimeUp)
}

// collector holds the state of one run on one node.
type collector struct {
	conn *scanner.Conn
	stalls
	replyChecker
	node    info.Node
	opts    Options
	plan    plan
	tally   scanner.Tally
	guard   *throttle.Guard         // nil: pages are of one size, and the scan never pauses
	monitor *scanner.LatencyMonitor // nil: there is none

	noMonitor error // why there is no monitor

	databases []profile.Database  // those selected, with how far they were scanned
	weight    int64               // keys in all of them
	passed    int64               // keys in those that are done
	largest   *int64              // largest idle time seen, seconds
	odd       []info.InvalidField // in INFO
	lost      bool                // the connection
	changed   bool                // the role of the node did
	short     []shortfall         // databases with missing keys
	setBack   time.Duration       // by which the clock was set back
	folded    int64               // keys handed to the workers

	unusedRules []string // that matched no name

	sample      *aggregate.Sample // what the scan covers; nil: a census
	sampleDoubt *profile.Warning  // nil: none
	slots       *slotSample       // the sample of slots; nil: a sample of positions, or none

	// commandstats when the scan began and ended; nil: not told
	commandsBefore, commandsAfter *scanner.CommandStats
}

// fold scans all databases and aggregates the pages on other goroutines.
func (c *collector) fold(ctx context.Context) (*aggregate.Builder, error) {
	f := aggregate.NewParallelBuilder(c.opts.Workers, c.opts.Grouping, c.highIdleOver())
	f.OfSample = c.sample != nil
	p := &prober{
		probes: c.plan.probes, shared: c.plan.shared,
		fresh: f.NewPage, checks: &c.replyChecker,
		emit: func(p *aggregate.Page) error {
			c.folded += int64(len(p.Keys))
			c.stalls.note(c.conn.Stalls(), p)
			f.Add(p)
			return nil
		},
	}
	if c.slots != nil {
		p.unit = c.slots.unit
	}
	err := c.walkAll(ctx, p)
	return f.Finish(), err
}

// walkAll scans the selected databases one after the other. The error is the
// first database's, when nothing at all was scanned.
func (c *collector) walkAll(ctx context.Context, p *prober) error {
	pacer := c.pacer()
	var first error
	usable := 0
	for i := range c.databases {
		db := &c.databases[i]
		if c.lost || c.changed || ctx.Err() != nil {
			db.Incomplete = c.notWalked(ctx, i)
			continue
		}
		err := c.walkOne(ctx, p, pacer, db)
		if err == nil || db.Returned > 0 {
			usable++
		}
		if first == nil {
			first = err
		}
	}
	if usable == 0 && ctx.Err() == nil {
		return first
	}
	return nil
}

func (c *collector) pacer() *throttle.Pacer {
	return &throttle.Pacer{MaxLoad: c.opts.MaxLoad, Rate: c.opts.Rate, DefersWork: c.node.DefersWork()}
}

// notWalked returns why a database was not scanned. Only the first such database has
// the cause, if no scan before it has.
func (c *collector) notWalked(ctx context.Context, i int) string {
	if ctx.Err() != nil && (i == 0 || c.databases[i-1].Complete) {
		return "not scanned: " + context.Cause(ctx).Error()
	}
	return "not scanned"
}

// enter selects a database. A refusal does not mean that others are refused.
func (c *collector) enter(ctx context.Context, db *profile.Database) error {
	err := c.conn.Select(ctx, db.DB)
	if err != nil {
		db.Incomplete = err.Error()
		c.lost = !scanner.IsReply(err)
	}
	return err
}

func (c *collector) walkOne(ctx context.Context, p *prober, pacer *throttle.Pacer, db *profile.Database) error {
	if err := c.enter(ctx, db); err != nil {
		return err
	}
	p.db = db.DB
	before := c.folded
	walk := scanner.Walk{
		Exchange: c.conn, Visitors: p.another, Pacer: pacer,
		Page: c.opts.Page, Match: c.opts.Match, MaxRanges: c.ranges(), Keys: keysOf(db),
		Guard: c.guard, Monitor: c.monitor, Interval: c.interval(db), Role: c.node.Role(),
		Tally: &c.tally, Progress: c.progress(db), OnPause: c.opts.OnPause,
	}
	if c.slots != nil {
		walk.Slots, walk.Wanted = c.slots.takes, c.slots.keep
	}
	err := walk.Run(ctx)
	db.Returned = c.folded - before // names whose answers were lost are not counted
	c.noteCovered(db, &walk)
	db.Complete = err == nil
	c.passed += keysOf(db)
	if err != nil {
		c.changed = errors.Is(err, scanner.ErrRoleChanged)
		c.lost = !c.changed && !errors.Is(err, context.Cause(ctx))
		db.Incomplete = err.Error()
		if c.slots == nil {
			db.Cursor = formatCursor(walk.Cursor())
		}
	}
	return err
}

func (c *collector) progress(db *profile.Database) func(float64) {
	if c.opts.Progress == nil {
		return nil
	}
	return func(fraction float64) {
		done := fraction // INFO is refused, or all databases were empty
		if c.weight > 0 {
			done = (float64(c.passed) + fraction*float64(keysOf(db))) / float64(c.weight)
		}
		c.opts.Progress(Progress{Fraction: done, Keys: c.tally.Returned})
	}
}

// ranges returns how many cursor ranges may be scanned concurrently.
func (c *collector) ranges() int {
	if ok, _ := info.RandomCursors(c.node); !ok {
		return 1
	}
	return throttle.MaxRanges
}

func keysOf(db *profile.Database) int64 {
	if db.Before == nil {
		return 0
	}
	return db.Before.Keys
}

// highIdleOver returns the high-idle threshold in seconds; below 0 if it lies beyond
// the idle horizon.
func (c *collector) highIdleOver() int64 {
	if !c.plan.measures.HighIdle {
		return -1
	}
	return int64(c.opts.IdleOver / time.Second)
}

// startGuard starts the guard and the latency monitor, as the options say.
func (c *collector) startGuard(ctx context.Context) {
	if c.opts.Page > 0 && !c.opts.Guarded {
		return
	}
	c.guard = throttle.NewGuard(c.opts.LatencyBudget, c.opts.Page)
	if c.opts.Guarded {
		c.monitor, c.noMonitor = c.conn.StartMonitor(ctx)
	}
}

// selectDatabases decides which databases to scan: those asked for, else all
// that are not empty by INFO, else database 0: if INFO is refused, others are unknown.
func (c *collector) selectDatabases() {
	known := c.node.Info.Databases()
	numbers := slices.Sorted(slices.Values(c.opts.Databases))
	if c.opts.Databases == nil {
		numbers = slices.Sorted(maps.Keys(known))
	}
	if len(numbers) == 0 {
		numbers = []int{0}
	}
	for _, n := range numbers {
		db := profile.Database{DB: n}
		if len(c.node.Info) > 0 {
			db.Before = keyspace(known[n])
		}
		c.databases = append(c.databases, db)
		c.weight += keysOf(&db)
	}
}

// keyspace returns a line of INFO keyspace; nil if its values are invalid.
func keyspace(k info.Keyspace) *profile.Keyspace {
	if k.Invalid {
		return nil
	}
	return &profile.Keyspace{Keys: k.Keys, Expires: k.Expires}
}

// closeDatabases completes the databases after the scan.
func (c *collector) closeDatabases(p *profile.Profile, after info.Info) {
	noTTL := noTTLByDatabase(p.Namespaces)
	known := after.Databases()
	for i := range c.databases {
		db := &c.databases[i]
		if len(after) > 0 {
			db.After = keyspace(known[db.DB])
		}
		if c.plan.measures.TTL {
			db.NoTTLKeys = new(noTTL[db.DB])
		}
		if short, missing := c.shortOf(db, after); missing {
			db.Complete, db.Incomplete = false, short.reason()
			c.short = append(c.short, short)
		} else if reason := c.emptied(db, after); reason != "" && db.Complete {
			db.Complete, db.Incomplete = false, reason
		}
		if reason := unmeasured(p, db.DB, c.conn.Stalls()); reason != "" && db.Complete {
			db.Complete, db.Incomplete = false, reason
		}
	}
}

// unmeasured returns why keys of a database were scanned but not measured, or not
// completely; empty if all were.
func unmeasured(p *profile.Profile, db int, stalls []scanner.Stall) string {
	var s profile.Stats
	for i := range p.Namespaces {
		if n := &p.Namespaces[i]; n.DB == db {
			s.Denied, s.Failed, s.TooLong, s.Stalled = s.Denied+n.Denied, s.Failed+n.Failed, s.TooLong+n.TooLong, s.Stalled+n.Stalled
			s.Probed, s.Moved = s.Probed+n.Probed, s.Moved+n.Moved
		}
	}
	switch {
	case s.Denied > 0:
		return fmt.Sprintf("%s keys of db%d were denied by the user's ACL key patterns", humanize.Comma(s.Denied), db)
	case s.Moved > s.Probed:
		return fmt.Sprintf("%s keys of db%d, most of them, are in slots that are migrating between this node and another", humanize.Comma(s.Moved), db)
	case s.Failed > 0:
		return fmt.Sprintf("%s keys of db%d got an invalid reply", humanize.Comma(s.Failed), db)
	case s.TooLong > 0:
		return fmt.Sprintf("%s keys of db%d have names too long to request", humanize.Comma(s.TooLong), db)
	case s.Stalled > 0:
		return fmt.Sprintf("%s keys of db%d stalled%s", humanize.Comma(s.Stalled), db, stalledMeasures(stalls, db))
	}
	return ""
}

func formatCursor(cursor uint64) string { return strconv.FormatUint(cursor, 10) }
