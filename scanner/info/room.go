package info

// When a server is near its maxmemory: what is left is less than a share of it, or
// than what the buffers of some clients may take all at once.
const (
	nearShare = 0.05
	nearBytes = 4 << 20
)

// Room returns how many bytes are left until maxmemory, below 0 if it is exceeded.
// What the server does not count against it, its replicas' output buffers and its AOF
// buffer, is left out (evict.c, getMaxmemoryState). ok is false where no limit is
// known: INFO is refused, maxmemory is 0, or the node is a replica that leaves the
// limit to its primary.
func (n Node) Room() (bytes int64, ok bool) {
	limit, known := n.Info.Int("maxmemory")
	used, alsoKnown := n.Info.Int("used_memory")
	if !known || !alsoKnown || limit <= 0 || n.ignoresMaxmemory() {
		return 0, false
	}
	notCounted, _ := n.Info.Int("mem_not_counted_for_evict") // absent before 5.0: it is not told
	return limit - (used - notCounted), true
}

// NearMaxmemory reports whether the server may soon evict keys, or refuse writes,
// for what its clients' buffers take.
func (n Node) NearMaxmemory() bool {
	room, ok := n.Room()
	if !ok {
		return false
	}
	limit, _ := n.Info.Int("maxmemory")
	return room < nearBytes || float64(room) < nearShare*float64(limit)
}

// ignoresMaxmemory reports whether the node is a replica that neither evicts nor
// refuses writes by itself: from 5.0 on, unless replica-ignore-maxmemory is no (evict.c,
// isSafeToPerformEvictions). INFO does not tell that setting, but a replica that has
// evicted keys does not ignore its limit, or did not when it was a primary.
func (n Node) ignoresMaxmemory() bool {
	evicted, _ := n.Info.Int("evicted_keys")
	return n.Role() == Replica && evicted == 0 && n.AtLeast(5, 0)
}
