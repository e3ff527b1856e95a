package estimate

import (
	"keyprof/sampler/profile"
	"keyprof/scanner/info"
)

// BalanceOf is the balance of a profile of one server, all of whose databases
// were walked; ok is false if its INFO does not tell enough, or sizes were not
// measured.
func BalanceOf(p *profile.Profile) (b Balance, ok bool) {
	if len(p.Nodes) != 1 || p.Totals.Bytes == nil {
		return b, false
	}
	n := &p.Nodes[0]
	used, known := n.Info.Bytes("used_memory")
	startup, alsoKnown := n.Info.Bytes("used_memory_startup")
	if !known || !alsoKnown {
		return b, false
	}
	b = Balance{Used: used, Startup: startup, Buffers: buffers(n.Info), Keys: *p.Totals.Bytes}
	for _, db := range n.Databases {
		if db.Before == nil {
			return b, false
		}
		b.Tables += TableBytes(db.Before.Keys, db.Before.Expires)
	}
	return b, true
}

// buffers are what clients, replicas, the AOF and the cluster bus take (redis.io,
// INFO, section memory). From 7.0 on the replication buffers hold the backlog.
func buffers(i info.Info) (sum int64) {
	replication := int64(0)
	for _, field := range []string{"mem_total_replication_buffers", "mem_replication_backlog"} {
		if n, ok := i.Bytes(field); ok {
			replication = max(replication, n)
		}
	}
	for _, field := range []string{"mem_clients_normal", "mem_clients_slaves", "mem_aof_buffer", "mem_cluster_links"} {
		if n, ok := i.Bytes(field); ok {
			sum += n
		}
	}
	return sum + replication
}
