package report

import (
	"maps"
	"slices"

	"keyprof/sampler/profile"
	"keyprof/scanner/info"
)

// extent is how much of what the servers hold the figures of a profile are
// about. It decides whether a sentence may speak of the whole.
type extent struct {
	sampled    bool  // only some of the keys were walked, chosen by chance
	incomplete bool  // the walk did not reach its end
	matched    bool  // only keys that match a pattern were walked
	unmeasured int64 // keys that were walked and that refused to be measured
	// walked and held are the numbers of the databases that were walked and of
	// those that hold keys.
	walked, held []int
	listed       bool // held is known
}

func extentOf(p *profile.Profile) extent {
	e := extent{
		sampled: sampled(p), incomplete: !p.Complete, matched: p.Design.Match != "",
		unmeasured: p.Totals.Unmeasured(), listed: len(p.Nodes) > 0,
	}
	walked, held := map[int]bool{}, map[int]bool{}
	for i := range p.Nodes {
		n := &p.Nodes[i]
		for _, db := range n.Databases {
			walked[db.DB] = true
		}
		known, ok := keyspaceOf(n)
		e.listed = e.listed && ok
		for db := range known {
			held[db] = true
		}
	}
	e.walked, e.held = slices.Sorted(maps.Keys(walked)), slices.Sorted(maps.Keys(held))
	return e
}

// whole reports whether the figures are about all that the servers hold.
func (e extent) whole() bool {
	return e.every() && !e.matched && e.unmeasured == 0 && !e.incomplete && !e.sampled
}

// every reports whether every database that holds keys was walked.
func (e extent) every() bool { return e.listed && len(e.left()) == 0 }

// left are the databases that hold keys and were not walked.
func (e extent) left() []int {
	return slices.DeleteFunc(slices.Clone(e.held), func(db int) bool { return slices.Contains(e.walked, db) })
}

// word says which keys a sentence is about, if not all: "of the keys walked".
func (e extent) word() string {
	switch {
	case e.whole():
		return ""
	case e.sampled:
		return " sampled"
	case e.unmeasured > 0:
		return " measured"
	case e.matched && e.every() && !e.incomplete:
		return " matched"
	default:
		return " walked"
	}
}

// keyspaceOf is INFO keyspace of a node as it was when the walk began: the
// databases that hold keys. ok is false when INFO does not tell.
func keyspaceOf(n *profile.Node) (dbs map[int]info.Keyspace, ok bool) {
	dbs = n.Info.Databases()
	maps.DeleteFunc(dbs, func(_ int, k info.Keyspace) bool { return k.Keys == 0 })
	if len(dbs) > 0 {
		return dbs, true
	}
	return dbs, len(n.Info) > 0 && !anyReturned(n) // an empty server has no line
}

func anyReturned(n *profile.Node) bool {
	return slices.ContainsFunc(n.Databases, func(db profile.Database) bool { return db.Returned > 0 })
}
