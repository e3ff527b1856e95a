package sampler

import (
	"fmt"
	"maps"
	"math"

	"github.com/dustin/go-humanize"

	"keyprof/sampler/profile"
	"keyprof/scanner/info"
)

// shortfall is by how much SCAN returned fewer keys of a database than INFO had.
type shortfall struct {
	db        *profile.Database
	explained int64 // keys that expired or were evicted, or that a replica may hide since they expired
}

func (s shortfall) least() int64 { return min(s.db.Before.Keys, s.db.After.Keys) }

// far reports whether so many keys are missing that they were deleted in mid-walk and
// others written in their place: SCAN returns the keys that are at a position when it
// comes there, and so about as many as there are, however many come and go, while
// their number stays the same. Their number then differs by chance only. Nodes of a
// cluster may exchange slots.
func (s shortfall) far(cluster bool) bool {
	least := float64(s.least())
	slack := least / 10
	if cluster {
		slack = least / 2
	}
	return least-float64(s.db.Returned+s.explained) > slack+4*math.Sqrt(least)
}

func (s shortfall) reason() string {
	return fmt.Sprintf("SCAN returned %s keys of db%d, far fewer than the %s that INFO had before and the %s after",
		humanize.Comma(s.db.Returned), s.db.DB, humanize.Comma(s.db.Before.Keys), humanize.Comma(s.db.After.Keys))
}

// shortOf is the shortfall of a database that was walked to the end, and whether keys
// are missing.
func (c *collector) shortOf(db *profile.Database, after info.Info) (s shortfall, missing bool) {
	if c.sample != nil || c.opts.Match != "" || !db.Complete || db.Before == nil || db.After == nil || !c.countsKeys() {
		return s, false
	}
	explained, known := c.explained(db, after)
	s = shortfall{db: db, explained: explained}
	return s, known && s.far(c.node.Info.Field("cluster_enabled") == "1")
}

// emptied tells that the keys of a database were deleted all at once, or exchanged for
// those of another, by the server's own counts of such commands. Commands that a
// primary replicates count at its replicas, too. They may have been for another
// database: this one must have lost keys, or no others may be there to exchange.
func (c *collector) emptied(db *profile.Database, after info.Info) string {
	was, is := c.commandsBefore, c.commandsAfter
	if is == nil || db.Before == nil || db.After == nil {
		return ""
	}
	left := db.After.Keys
	if c.sample == nil && c.opts.Match == "" {
		left = min(left, db.Returned)
	}
	all := c.node.Info.Databases()
	maps.Copy(all, after.Databases())
	changed := left < db.Before.Keys*9/10 || db.After.Keys > db.Before.Keys*11/10
	switch {
	case is.Swapped > was.Swapped && (changed || len(all) <= 2):
		return fmt.Sprintf("SWAPDB was called while the walk ran: db%d may have keys of two databases", db.DB)
	case is.Flushed > was.Flushed && changed:
		return fmt.Sprintf("FLUSHALL or FLUSHDB was called while the walk ran: INFO had %s keys of db%d before and %s after, and SCAN returned %s",
			humanize.Comma(db.Before.Keys), db.DB, humanize.Comma(db.After.Keys), humanize.Comma(db.Returned))
	}
	return ""
}

// countsKeys reports whether INFO keyspace is of the keys that SCAN goes over, at this
// moment. Proxies may answer for one server only, and other servers count now and then.
func (c *collector) countsKeys() bool {
	random, _ := info.RandomCursors(c.node)
	engine, _ := c.node.Engine()
	return random || info.SlotTables(c.node) || engine == "keydb"
}

// explained is how many keys may be gone, or hidden, without anybody deleting them. A
// replica hides keys that expired until its primary removes them (db.c,
// expireIfNeeded), and evicts none.
func (c *collector) explained(db *profile.Database, after info.Info) (keys int64, known bool) {
	expiring := max(db.Before.Expires, db.After.Expires)
	if c.node.Role() != info.Primary {
		return expiring, true
	}
	expired := c.grown("expired_keys", after)
	if expired == nil {
		expired = &expiring
	}
	keys = *expired
	for _, fields := range []string{"expired_subkeys", "expired_fields"} { // the last field of a hash takes the key along
		keys += orZero(c.grown(fields, after))
	}
	evicted := c.grown("evicted_keys", after)
	return keys + orZero(evicted), evicted != nil
}

// grown is by how much a counter of INFO grew while we ran; nil if that is not known.
func (c *collector) grown(field string, after info.Info) *int64 {
	first, known := c.node.Info.Int(field)
	last, stillKnown := after.Int(field)
	return growth(first, last, known && stillKnown)
}
