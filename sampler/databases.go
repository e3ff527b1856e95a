package sampler

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/dustin/go-humanize"

	"keyprof/sampler/profile"
	"keyprof/scanner"
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

func keyspace(k scanner.Keyspace) *profile.Keyspace {
	return &profile.Keyspace{Keys: k.Keys, Expires: k.Expires}
}

// closeDatabases adds what is known when the walk is over.
func (c *collector) closeDatabases(p *profile.Profile, after scanner.Info) {
	unmeasured, noTTL := unmeasured(p), noTTLByDatabase(p.Namespaces)
	known := after.Databases()
	for i := range c.databases {
		db := &c.databases[i]
		if len(after) > 0 {
			db.After = keyspace(known[db.DB])
		}
		if c.plan.measures.ttl {
			db.NoTTLKeys = new(noTTL[db.DB])
		}
		if reason := unmeasured[db.DB]; reason != "" && db.Complete {
			db.Complete, db.Incomplete = false, reason
		}
	}
}

// unmeasured says for databases in which keys were walked and yet not probed
// why that is so.
func unmeasured(p *profile.Profile) map[int]string {
	denied, failed := map[int]int64{}, map[int]int64{}
	for _, n := range p.Namespaces {
		denied[n.DB] += n.Denied
		failed[n.DB] += n.Failed
	}
	reasons := map[int]string{}
	for db := range denied {
		switch {
		case denied[db] > 0:
			reasons[db] = fmt.Sprintf("%s keys of db%d were denied by the user's ACL key patterns", humanize.Comma(denied[db]), db)
		case failed[db] > 0:
			reasons[db] = fmt.Sprintf("%s keys of db%d were answered in a way that makes no sense", humanize.Comma(failed[db]), db)
		}
	}
	return reasons
}

func formatCursor(cursor uint64) string { return strconv.FormatUint(cursor, 10) }
