package sampler

import (
	"maps"
	"slices"
	"strconv"

	"keyprof/sampler/profile"
	"keyprof/scanner"
)

// selectDatabases decides which databases to walk: those asked for, else all
// that INFO says are not empty, else database 0.
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
func (c *collector) closeDatabases(after scanner.Info) {
	known := after.Databases()
	for i := range c.databases {
		db := &c.databases[i]
		if len(after) > 0 {
			db.After = keyspace(known[db.DB])
		}
		if c.plan.measures.ttl {
			db.NoTTLKeys = new(c.noTTL[db.DB])
		}
	}
}

func formatCursor(cursor uint64) string { return strconv.FormatUint(cursor, 10) }
