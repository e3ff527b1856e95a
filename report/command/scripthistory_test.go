package command

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"keyprof/report/unit"
	"keyprof/sampler/profile"
	"keyprof/scanner/redistest"
)

// later: later FROM TO SPAN [OLD] writes the profile that would have been made had the
// walk come so much later, or so long after that of OLD, with nothing changed but times.
func later(ts *testscript.TestScript, _ bool, args []string) {
	p, err := profile.ReadFile(ts.MkAbs(args[0]))
	ts.Check(err)
	span, err := unit.ParseSpan(args[2])
	ts.Check(err)
	if len(args) > 3 {
		after, err := profile.ReadFile(ts.MkAbs(args[3]))
		ts.Check(err)
		span += middle(after).Sub(middle(p))
	}
	age(p, span)
	ts.Check(profile.WriteFile(ts.MkAbs(args[1]), p))
}

// put: put FILE DIR SPAN puts a profile into a history, dated so much earlier.
func put(ts *testscript.TestScript, _ bool, args []string) {
	p, err := profile.ReadFile(ts.MkAbs(args[0]))
	ts.Check(err)
	span, err := unit.ParseSpan(args[2])
	ts.Check(err)
	p.Began, p.Ended = p.Began.Add(-span), p.Ended.Add(-span)
	dir := ts.MkAbs(args[1])
	ts.Check(os.MkdirAll(dir, 0o700))
	name := p.Label + "-" + p.Began.Format("2006-01-02T15-04-05Z") + ".json.zst"
	ts.Check(profile.WriteFile(filepath.Join(dir, name), p))
}

// idle: idle SERVER DB SPAN makes all keys of a database look unused for so long.
func idle(ts *testscript.TestScript, _ bool, args []string) {
	db, err := strconv.Atoi(args[1])
	ts.Check(err)
	span, err := unit.ParseSpan(args[2])
	ts.Check(err)
	ts.Check(redistest.AgeAll(context.Background(), serverOf(ts, args[0]).ClientDB(db), func(string) time.Duration { return span }))
}

// middle is the time that a profile is of.
func middle(p *profile.Profile) time.Time { return p.Began.Add(p.Ended.Sub(p.Began) / 2) }

// age makes a profile, and the server in it, so much older.
func age(p *profile.Profile, span time.Duration) {
	p.Began, p.Ended = p.Began.Add(span), p.Ended.Add(span)
	seconds := int64(span.Seconds())
	for i := range p.Nodes {
		n := &p.Nodes[i]
		for _, s := range []*int64{n.UptimeS, n.IdleHorizonS} {
			if s != nil {
				*s += seconds
			}
		}
	}
	stats := []*profile.Stats{&p.Totals}
	for i := range p.Namespaces {
		stats = append(stats, &p.Namespaces[i].Stats)
	}
	for _, s := range stats {
		if s.Idle != nil {
			s.Idle.HorizonS += seconds
		}
	}
}
