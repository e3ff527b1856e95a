package report

import (
	"strings"

	"keyprof/report/unit"
	"keyprof/sampler/profile"
)

// limit tells that memory is nearly used up, and what happens then.
func limit(v *view) (line, bool) {
	n := limitedNode(v.p)
	if n == nil || n.UsedMemory == nil {
		return line{}, false
	}
	used := unit.Share(*n.UsedMemory, *n.Maxmemory)
	if used < nearLimit {
		return line{}, false
	}
	text := "Memory is at " + unit.FormatShare(used) + " of maxmemory"
	switch {
	case n.Policy == "noeviction":
		text += "; at 100 % noeviction refuses writes" + replicaNote(n)
	case strings.HasPrefix(n.Policy, "allkeys-"):
		text += "; at 100 % " + displayWord(n.Policy) + " evicts keys" + replicaNote(n)
	}
	return say(words(text + ".")), true
}

// evictable says how little a volatile-* policy can evict, since that is what
// stands between a full server and refused writes. It is about all databases:
// where the profile is not, INFO tells.
func evictable(v *view) (line, bool) {
	n := limitedNode(v.p)
	if n == nil || !strings.HasPrefix(n.Policy, "volatile-") {
		return line{}, false
	}
	pool, ok := measuredPool(v)
	if !ok {
		pool, ok = poolByInfo(n)
	}
	if !ok || pool.part > littleToEvict {
		return line{}, false
	}
	clause := ": " + pool.text + "; once " + verb(pool.keys, "it is", "they are") + " gone, a full server refuses writes"
	if pool.keys == 0 {
		clause = ", and there are none: a full server refuses writes"
	}
	return say(words(displayWord(n.Policy) + " can evict only keys that have a TTL" + clause + replicaNote(n) + ".")), true
}

// pool is the keys that a volatile-* policy can evict.
type pool struct {
	keys int64
	part float64 // of the server's bytes, or of its keys where bytes are not known
	text string
}

// measuredPool is what was measured, if that was all there is.
func measuredPool(v *view) (pool, bool) {
	t := &v.p.Totals
	if t.NoTTLKeys == nil || !v.extent.whole() {
		return pool{}, false
	}
	keys := t.Keys.Value - t.NoTTLKeys.Value
	if t.Bytes == nil || t.NoTTLBytes == nil {
		return pool{keys, unit.Share(keys, t.Keys.Value), v.amountOf(&keys, nil)}, true
	}
	bytes := t.Bytes.Value - t.NoTTLBytes.Value
	return pool{keys, unit.Share(bytes, t.Bytes.Value), v.amountOf(&keys, &bytes)}, true
}

// poolByInfo is what the server says of all of its databases.
func poolByInfo(n *profile.Node) (pool, bool) {
	dbs, ok := keyspaceOf(n)
	var keys, expires int64
	for _, k := range dbs {
		keys += k.Keys
		expires += k.Expires
	}
	part := unit.Share(expires, keys)
	return pool{expires, part, plural(expires, "key") + " of all " + unit.FormatCount(keys) + " (" + unit.FormatShare(part) + ") by INFO"}, ok && keys > 0
}

// limitedNode is the only node, if it has a memory limit.
func limitedNode(p *profile.Profile) *profile.Node {
	if len(p.Nodes) != 1 || orZero(p.Nodes[0].Maxmemory) <= 0 {
		return nil
	}
	return &p.Nodes[0]
}

// replicaNote reminds that what a replica is set to need not hold for its primary.
func replicaNote(n *profile.Node) string {
	if n.Role != profile.RoleReplica {
		return ""
	}
	return " (as this replica is set; the settings of its primary decide)"
}
