package diff

import "keyprof/sampler/profile"

// serverLines compares the figures of INFO, server by server.
func serverLines(before, after *profile.Profile) []ServerLine {
	lines := []ServerLine{}
	for i := range after.Nodes {
		new := &after.Nodes[i]
		if old := counterpart(before, after, new); old != nil {
			lines = append(lines, servers{old, new, &before.Receipt}.lines()...)
		}
	}
	return lines
}

// counterpart returns the old server to compare with: the only one, or the one at
// the same address; nil if there is none.
func counterpart(before, after *profile.Profile, new *profile.Node) *profile.Node {
	if len(before.Nodes) == 1 && len(after.Nodes) == 1 {
		return &before.Nodes[0]
	}
	for i := range before.Nodes {
		if before.Nodes[i].Address == new.Address {
			return &before.Nodes[i]
		}
	}
	return nil
}

// servers is one server in both profiles.
type servers struct {
	old, new *profile.Node
	receipt  *profile.Receipt // of the old scan, which the counters of the new profile include
}

func (s servers) lines() (lines []ServerLine) {
	add := func(l ServerLine, ok bool) {
		if l.Node = s.new.Address; ok {
			lines = append(lines, l)
		}
	}
	add(s.size("used_memory", profile.Float(s.old.UsedMemory), profile.Float(s.new.UsedMemory)))
	add(s.size("used_memory_rss", field(s.old, "used_memory_rss"), field(s.new, "used_memory_rss")))
	add(s.gauge(Ratio, "mem_fragmentation_ratio", field(s.old, "mem_fragmentation_ratio"), field(s.new, "mem_fragmentation_ratio")))
	add(s.size("maxmemory", profile.Float(s.old.Maxmemory), profile.Float(s.new.Maxmemory)))
	add(s.policy())
	add(s.size("mem_clients_normal", field(s.old, "mem_clients_normal"), field(s.new, "mem_clients_normal")))
	add(s.gauge(Number, "connected_clients", field(s.old, "connected_clients"), field(s.new, "connected_clients")))
	if s.new.Role != profile.RolePrimary { // it neither evicts nor expires, and sees its own reads only
		return lines
	}
	add(s.evictedKeys())
	add(s.counter("expired_keys"))
	add(s.hitRatio())
	return lines
}

func (s servers) size(name string, old, new *float64) (ServerLine, bool) {
	return s.gauge(Size, name, old, new)
}

func (s servers) gauge(kind Kind, name string, old, new *float64) (ServerLine, bool) {
	c := Change{Old: old, New: new}
	if old != nil && new != nil {
		delta := *new - *old
		c.Delta = &delta
	}
	return ServerLine{Name: name, Kind: kind, Change: c}, old != nil || new != nil
}

func (s servers) policy() (ServerLine, bool) {
	return ServerLine{Name: "maxmemory_policy", Kind: Word, OldText: s.old.Policy, NewText: s.new.Policy}, s.old.Policy != "" || s.new.Policy != ""
}

// sameProcess reports whether counters continued.
func (s servers) sameProcess() bool { return s.old.RunID != "" && s.old.RunID == s.new.RunID }

// counter returns the increase of a counter since the old profile.
func (s servers) counter(name string) (ServerLine, bool) {
	old, new := field(s.old, name), field(s.new, name)
	if !s.sameProcess() || old == nil || new == nil || *new < *old { // CONFIG RESETSTAT
		return ServerLine{}, false
	}
	return s.gauge(Counter, name, old, new)
}

// evictedKeys returns the keys evicted since the old profile, without those of its
// scan.
func (s servers) evictedKeys() (ServerLine, bool) {
	l, ok := s.counter("evicted_keys")
	if ok && s.receipt.EvictedByUs != nil {
		l.Ours = min(float64(*s.receipt.EvictedByUs), *l.Delta)
		*l.Delta -= l.Ours
	}
	return l, ok
}

// hitRatio returns the hit ratio of the lookups since the old profile, without
// those of its scan.
func (s servers) hitRatio() (ServerLine, bool) {
	hits, ok := s.counter("keyspace_hits")
	misses, known := s.counter("keyspace_misses")
	if !ok || !known {
		return ServerLine{}, false
	}
	h := max(*hits.Delta-float64(s.receipt.KeyspaceHits), 0)
	m := max(*misses.Delta-float64(s.receipt.KeyspaceMisses), 0)
	if h+m == 0 {
		return ServerLine{}, false
	}
	ratio := h / (h + m)
	return ServerLine{Name: "hit_ratio", Kind: Share, Change: Change{New: &ratio}}, true
}

// field returns a numeric field of INFO; nil if there is none.
func field(n *profile.Node, name string) *float64 {
	v, ok := n.Info.Float(name)
	if !ok {
		return nil
	}
	return &v
}
