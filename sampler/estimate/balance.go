package estimate

import (
	"keyprof/sampler/profile"

	"keyprof/scanner/info"
)

// The bytes that the server's tables take for keys beside MEMORY USAGE: 8 a slot, with
// at least as many slots as keys, in powers of two; for a key with a TTL an entry of
// its own (redis 7.0 and before 8.2; servers that put the TTL beside the value take
// less).
const (
	slotBytes   = 8
	expireBytes = 24
)

// TableBytes returns about how many bytes the hash tables of a database take; MEMORY
// USAGE does not include them.
func TableBytes(keys, expires int64) int64 {
	return slotBytes*(slots(keys)+slots(expires)) + expireBytes*expires
}

// slots returns the number of slots of a table that is not being resized.
func slots(keys int64) int64 {
	if keys <= 0 {
		return 0
	}
	n := int64(4) // the smallest table
	for n < keys && n < 1<<60 {
		n <<= 1
	}
	return n
}

// Balance compares the estimated bytes of all keys with the server's memory: the only
// check that finds very large keys which the sample has missed.
type Balance struct {
	Used, Startup, Buffers int64            // bytes: used_memory, and the parts of it that hold no keys
	Tables                 int64            // bytes; see TableBytes
	Keys                   profile.Estimate // bytes, sum of MEMORY USAGE
}

// unexplainedPart is the share of the memory of the keys that may be left
// unexplained: MEMORY USAGE leaves out what the allocator rounds up and what large
// tables have in reserve, up to a fifth of collections.
const unexplainedPart = 0.25

// Data returns the memory that keys and their tables take, in bytes; 0 if the server's
// figures contradict one another.
func (b Balance) Data() int64 { return max(0, b.Used-b.Startup-b.Buffers) }

// Unexplained returns Data less the bytes of keys and tables; below 0 if these are
// more.
func (b Balance) Unexplained() int64 { return b.Data() - b.Tables - b.Keys.Value }

// Large reports whether the difference is too large for the estimate to be right.
func (b Balance) Large() bool {
	off := float64(b.Unexplained())
	return max(off, -off) > unexplainedPart*float64(b.Data())
}

// BalanceOf returns the balance of a profile of one server, all of whose databases
// were scanned; ok is false if its INFO lacks the fields for it, or sizes were not
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

// buffers returns the bytes that clients, replicas, the AOF and the cluster bus take (redis.io,
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
