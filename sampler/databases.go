package sampler

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/dustin/go-humanize"

	"keyprof/sampler/profile"
	"keyprof/scanner"
	"keyprof/scanner/info"
)

// selectDatabases decides which databases to walk: those asked for, else all
// that INFO says are not empty, else database 0. When INFO is refused, nothing
// tells of others.
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

// keyspace is nil when what INFO says of a database makes no sense.
func keyspace(k info.Keyspace) *profile.Keyspace {
	if k.Odd {
		return nil
	}
	return &profile.Keyspace{Keys: k.Keys, Expires: k.Expires}
}

// closeDatabases adds what is known when the walk is over.
func (c *collector) closeDatabases(p *profile.Profile, after info.Info) {
	noTTL := noTTLByDatabase(p.Namespaces)
	known := after.Databases()
	for i := range c.databases {
		db := &c.databases[i]
		if len(after) > 0 {
			db.After = keyspace(known[db.DB])
		}
		if c.plan.measures.ttl {
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

// unmeasured says why keys of a database were walked and yet not measured, or not
// wholly; empty when all were.
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
		return fmt.Sprintf("%s keys of db%d, most of them, are in slots that are being moved between this node and another", humanize.Comma(s.Moved), db)
	case s.Failed > 0:
		return fmt.Sprintf("%s keys of db%d were answered in a way that makes no sense", humanize.Comma(s.Failed), db)
	case s.TooLong > 0:
		return fmt.Sprintf("%s keys of db%d have names too long to ask about", humanize.Comma(s.TooLong), db)
	case s.Stalled > 0:
		return fmt.Sprintf("%s keys of db%d stalled%s", humanize.Comma(s.Stalled), db, stalledMeasures(stalls, db))
	}
	return ""
}

func formatCursor(cursor uint64) string { return strconv.FormatUint(cursor, 10) }
