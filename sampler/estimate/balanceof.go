package estimate

import (
	"strconv"

	"keyprof/sampler/profile"
)

// BalanceOf is the balance of a profile of one server, all of whose databases
// were walked; ok is false if its INFO does not tell enough, or sizes were not
// measured.
func BalanceOf(p *profile.Profile) (b Balance, ok bool) {
	if len(p.Nodes) != 1 || p.Totals.Bytes == nil {
		return b, false
	}
	n := &p.Nodes[0]
	memory := info(n.Info["memory"])
	used, known := memory.bytes("used_memory")
	startup, alsoKnown := memory.bytes("used_memory_startup")
	if !known || !alsoKnown {
		return b, false
	}
	b = Balance{Used: used, Startup: startup, Buffers: memory.buffers(), Keys: *p.Totals.Bytes}
	for _, db := range n.Databases {
		if db.Before == nil {
			return b, false
		}
		b.Tables += TableBytes(db.Before.Keys, db.Before.Expires)
	}
	return b, true
}

// info is a section of INFO.
type info map[string]string

// maxInfoBytes is more than a server can hold; sums of less do not overflow.
const maxInfoBytes = 1 << 56

func (i info) bytes(field string) (n int64, ok bool) {
	n, err := strconv.ParseInt(i[field], 10, 64)
	return n, err == nil && n >= 0 && n < maxInfoBytes
}

// buffers are what clients, replicas, the AOF and the cluster bus take (redis.io,
// INFO, section memory). From 7.0 on the replication buffers hold the backlog.
func (i info) buffers() (sum int64) {
	replication := int64(0)
	for _, field := range []string{"mem_total_replication_buffers", "mem_replication_backlog"} {
		if n, ok := i.bytes(field); ok {
			replication = max(replication, n)
		}
	}
	for _, field := range []string{"mem_clients_normal", "mem_clients_slaves", "mem_aof_buffer", "mem_cluster_links"} {
		if n, ok := i.bytes(field); ok {
			sum += n
		}
	}
	return sum + replication
}
