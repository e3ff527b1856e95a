package profile

import (
	"fmt"
	"regexp"
	"time"
)

// ToolName is the name in Tool of every profile.
const ToolName = "keyprof"

// Check reports the first thing that makes p no valid document, and where it
// is: `namespaces[3].ttl.histogram[2]: le: no known edge`. Read checks what it
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
		within("totals", p.Totals.check(len(p.Missing) == 0)),
		each("namespaces", p.Namespaces, func(n *Namespace) error { return n.check(len(p.Missing) == 0) }),
		p.checkUnique(),
		p.checkTypeNames(),
		checkTotals(&p.Totals, p.Namespaces),
		each("largest", p.Largest, (*Key).check),
		each("warnings", p.Warnings, (*Warning).check),
		within("receipt", p.Receipt.check()),
	)
}

// checkHeader tells whether p is a document of this version at all.
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
			rule{!dated(p.Began), "began", "missing"},
			rule{!dated(p.Ended), "ended", "missing"},
			rule{p.Ended.Before(p.Began), "ended", "before began"},
		),
	)
}

// dated reports whether t is set to a time that RFC 3339 can write.
func dated(t time.Time) bool {
	year := t.UTC().Year()
	return !t.IsZero() && year >= 1 && year <= 9999
}

func (d *Design) check() error {
	return within("design", first(
		checkFigures(
			figure{"fraction", d.Fraction},
			whole("idle_over_s", d.IdleOverS),
			whole("namespace_limit", int64(d.NamespaceLimit)),
			whole("lexer_version", int64(d.LexerVersion)),
		),
		firstBroken(
			rule{d.Method == "", "method", "missing"},
			rule{d.Fraction > 1, "fraction", "above 1"},
		),
		each("databases", d.Databases, checkDB),
		d.Patterns.check(),
		d.Sample.check(d.Method),
	))
}

// checkDB checks the number of a database within a list.
func checkDB(db *int) error { return checkFigures(whole("number", int64(*db))) }

func (m *Missing) check() error {
	return firstBroken(rule{m.Measure == "", "measure", "missing"})
}

func (w *Warning) check() error {
	return firstBroken(
		rule{w.Code == "", "code", "missing"},
		rule{w.Text == "", "text", "missing"},
	)
}

func (n *Node) check() error {
	return first(
		checkFigures(
			maybe("maxmemory", n.Maxmemory),
			maybe("used_memory", n.UsedMemory),
			maybe("uptime_s", n.UptimeS),
			maybe("idle_horizon_s", n.IdleHorizonS),
			maybe("largest_idle_s", n.LargestIdleS),
		),
		each("databases", n.Databases, (*Database).check),
	)
}

// cursorForm is the form of a SCAN cursor.
var cursorForm = regexp.MustCompile(`^[0-9]{0,20}$`)

func (d *Database) check() error {
	return first(
		checkFigures(
			whole("db", int64(d.DB)),
			whole("returned", d.Returned),
			maybe("no_ttl_keys", d.NoTTLKeys),
		),
		checkCovered(d.Covered),
		within("before", d.Before.check()),
		within("after", d.After.check()),
		firstBroken(rule{!cursorForm.MatchString(d.Cursor), "cursor", "not a decimal number"}),
	)
}

func (k *Keyspace) check() error {
	if k == nil {
		return nil
	}
	return checkFigures(whole("keys", k.Keys), whole("expires", k.Expires))
}

func (r *Receipt) check() error {
	if r.Commands == nil {
		return &fault{"commands", "missing"}
	}
	for name, n := range r.Commands {
		if err := checkFigures(whole(fmt.Sprintf("commands[%q]", name), n)); err != nil {
			return err
		}
	}
	cpu := 0.0
	if r.ServerCPUS != nil {
		cpu = *r.ServerCPUS
	}
	return first(
		checkFigures(
			whole("bytes_out", r.BytesOut),
			whole("bytes_in", r.BytesIn),
			figure{"elapsed_s", r.ElapsedS},
			figure{"main_thread_s", r.MainThreadS},
			figure{"paused_s", r.PausedS},
			figure{"least_rtt_s", r.LeastRTTS},
			figure{"server_cpu_s", cpu},
			whole("page", int64(r.Page)),
			whole("page_least", int64(r.PageLeast)),
			whole("page_most", int64(r.PageMost)),
			figure{"latency_budget_s", r.LatencyBudgetS},
			figure{"max_load", r.MaxLoad},
			figure{"rate", r.Rate},
			whole("returned", r.Returned),
			whole("repeats", r.Repeats),
			whole("keyspace_hits", r.KeyspaceHits),
			whole("keyspace_misses", r.KeyspaceMisses),
			maybe("evicted_meanwhile", r.EvictedMeanwhile),
			maybe("evicted_by_us", r.EvictedByUs),
			whole("buffer_bytes", r.BufferBytes),
		),
		firstBroken(
			rule{r.MaxLoad > 1, "max_load", "above 1"},
			rule{r.evictedMore(), "evicted_by_us", "more than evicted_meanwhile"},
		),
		each("brakes", orEmpty(r.Brakes), (*Brake).check),
		each("stalls", orEmpty(r.Stalls), (*Stall).check),
		within("probe_rtt", r.ProbeRTT.check()),
	)
}

// evictedMore reports whether we evicted more than was evicted.
func (r *Receipt) evictedMore() bool {
	return r.EvictedByUs != nil && (r.EvictedMeanwhile == nil || *r.EvictedByUs > *r.EvictedMeanwhile)
}

func (b *Brake) check() error {
	return checkFigures(whole("count", b.Count), figure{"took_s", b.TookS})
}

func (s *Stall) check() error {
	return first(
		s.KeyName.check(),
		checkFigures(whole("db", int64(s.DB)), figure{"took_s", s.TookS}),
		checkTexts(text{"type", s.Type}, text{"command", s.Command}),
	)
}

func (p *ProbeRTT) check() error {
	if p == nil {
		return nil
	}
	return first(within("before", p.Before.check()), within("during", p.During.check()))
}

func (r *RoundTrips) check() error {
	if r == nil {
		return nil
	}
	return checkFigures(whole("pings", r.Pings), figure{"p50_s", r.P50S}, figure{"p99_s", r.P99S})
}

// checkUnique refuses a namespace that is there twice.
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
			return &fault{fmt.Sprintf("namespaces[%d]", i), "there twice"}
		}
		seen[id] = true
	}
	return nil
}
