package info

import "strings"

// strangers are what other servers say of themselves in INFO that speak the
// protocol, but whose SCAN goes over something else than one hash table, or over
// several of them behind a proxy.
var otherServers = []struct{ field, name string }{
	{"rlec_version", "Redis Enterprise"},
	{"upstash_version", "Upstash"},
	{"pika_version", "Pika"},
	{"tendis_version", "Tendis"},
}

// RandomCursors reports whether the node's SCAN accepts any cursor and goes over
// its keys in the order of their hashes: then a walk may begin anywhere, and what
// it finds on any stretch of the way is a fair sample. It is known of one Redis or
// Valkey process whose databases are one hash table each. Why says what is known of
// a node on which it is not so.
func RandomCursors(n Node) (ok bool, why string) {
	if ok, why = n.inHashOrder(); !ok {
		return false, why
	}
	return n.clusterOrder()
}

// SlotTables reports whether the node's keys are in one hash table for each slot of
// a cluster: then the first keys of a slot are a fair sample of it, whichever of the
// commands that name them is asked.
func SlotTables(n Node) bool {
	ok, _ := n.inHashOrder()
	return ok && n.Info.Field("cluster_enabled") == "1" && n.tablePerSlot() && !n.atAmazon()
}

// inHashOrder is RandomCursors for what does not depend on a cluster.
func (n Node) inHashOrder() (ok bool, why string) {
	engine, _ := n.Engine()
	for _, s := range otherServers {
		if n.Info.Field(s.field) != "" {
			return false, "SCAN cursors of " + s.name + " are not in hash order"
		}
	}
	switch {
	case engine == Unknown:
		return false, "INFO does not identify the server"
	case engine != "redis" && engine != "valkey" && engine != "redict":
		return false, "SCAN cursors of " + engine + " are not in hash order"
	case !n.AtLeast(oldestInOrder, 0):
		return false, "the server's version is unknown or older than 4.0"
	case n.Info.Field("run_id") == "":
		return false, "INFO has no run_id: this may be a proxy"
	case n.IsSentinel():
		return false, "a Sentinel has no keys"
	}
	return true, ""
}

// oldestInOrder is the first version whose cursors were looked at.
const oldestInOrder = 4

// clusterOrder is RandomCursors for what a cluster changes. From Redis 7.4 and
// Valkey 8.0 on each slot is a table of its own (kvstore.c), walked one after the
// other. So it is in Redict 7.3, which calls itself compatible with Redis 7.2.4.
func (n Node) clusterOrder() (ok bool, why string) {
	switch enabled := n.Info.Field("cluster_enabled"); {
	case enabled == "0":
		return true, ""
	case enabled != "1":
		return false, "INFO does not report whether cluster mode is on"
	case n.tablePerSlot():
		return false, "in cluster mode each slot is a separate hash table"
	case n.atAmazon():
		return false, "an Amazon cluster may be behind a proxy"
	default:
		return true, ""
	}
}

// slotsApart reports whether each slot of a cluster is a table of its own in this
// version.
func (n Node) tablePerSlot() bool {
	engine, _ := n.Engine()
	return engine == "redis" && n.AtLeast(7, 4) || engine == "valkey" && n.AtLeast(8, 0) || engine == "redict"
}

func (n Node) atAmazon() bool { return strings.Contains(n.Info.Field("os"), "Amazon") }
