package info

import "strings"

// otherServers lists servers that speak the protocol but whose SCAN iterates over
// something other than one hash table, or over several behind a proxy, with the INFO
// field that identifies each.
var otherServers = []struct{ field, name string }{
	{"rlec_version", "Redis Enterprise"},
	{"upstash_version", "Upstash"},
	{"pika_version", "Pika"},
	{"tendis_version", "Tendis"},
}

// RandomCursors reports whether the node's SCAN accepts any cursor and returns keys in
// the order of their hashes: then a scan can start anywhere, and the keys of any part of
// the cursor space are a random sample. This holds for a single Redis or Valkey process
// whose databases are one hash table each. If not ok, why gives the reason.
func RandomCursors(n Node) (ok bool, why string) {
	if ok, why = n.inHashOrder(); !ok {
		return false, why
	}
	return n.clusterOrder()
}

// SlotTables reports whether the node keeps one hash table for each slot of a cluster:
// then the first keys of a slot are a random sample of it, whichever command lists them.
func SlotTables(n Node) bool {
	ok, _ := n.inHashOrder()
	return ok && n.Info.Field("cluster_enabled") == "1" && n.tablePerSlot() && !n.atAmazon()
}

// inHashOrder is the part of RandomCursors that does not depend on cluster mode.
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

// oldestInOrder is the first major version whose cursors were examined.
const oldestInOrder = 4

// clusterOrder is the part of RandomCursors for cluster mode. From Redis 7.4 and Valkey
// 8.0 on each slot is a table of its own (kvstore.c), and SCAN goes over them one after
// the other. Redict 7.3, which claims compatibility with Redis 7.2.4, does the same.
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

// tablePerSlot reports whether this version keeps each slot of a cluster in a table of
// its own.
func (n Node) tablePerSlot() bool {
	engine, _ := n.Engine()
	return engine == "redis" && n.AtLeast(7, 4) || engine == "valkey" && n.AtLeast(8, 0) || engine == "redict"
}

func (n Node) atAmazon() bool { return strings.Contains(n.Info.Field("os"), "Amazon") }
