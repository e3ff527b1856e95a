package info

import (
	"math"
	"testing"
)

func TestRoom(t *testing.T) {
	const none = math.MinInt64 // no limit is known
	tests := []struct {
		name, info string
		room       int64
		near       bool
	}{
		{"refused", "", none, false},
		{"no limit", "redis_version:7.0.15\nrole:master\nused_memory:900\nmaxmemory:0", none, false},
		{"not told", "redis_version:7.0.15\nrole:master\nused_memory:900", none, false},
		{"half full", "role:master\nused_memory:500000000\nmaxmemory:1000000000", 500_000_000, false},
		{"5 % left", "role:master\nused_memory:950000000\nmaxmemory:1000000000", 50_000_000, false},
		{"less than 5 % left", "role:master\nused_memory:950000001\nmaxmemory:1000000000", 49_999_999, true},
		{"less than 4 MiB left", "role:master\nused_memory:5805697\nmaxmemory:10000000", 4<<20 - 1, true},
		{"4 MiB left", "role:master\nused_memory:5805696\nmaxmemory:10000000", 4 << 20, false},
		{"over it", "role:master\nused_memory:1000000010\nmaxmemory:1000000000", -10, true},
		{"output buffers of replicas are not counted", "role:master\nused_memory:1000000000\nmem_not_counted_for_evict:100000000\nmaxmemory:1000000000", 100_000_000, false},
		{"a replica leaves it to its primary", "redis_version:7.0.15\nrole:slave\nused_memory:999\nmaxmemory:1000\nevicted_keys:0", none, false},
		{"a replica that evicts", "redis_version:7.0.15\nrole:slave\nused_memory:999\nmaxmemory:1000\nevicted_keys:3", 1, true},
		{"a replica before 5.0", "redis_version:4.0.14\nrole:slave\nused_memory:999\nmaxmemory:1000\nevicted_keys:0", 1, true},
	}
	for _, tt := range tests {
		n := Node{Info: Parse(tt.info)}
		room, ok := n.Room()
		if !ok {
			room = none
		}
		if room != tt.room || n.NearMaxmemory() != tt.near {
			t.Errorf("%s: room %d, near %v; want %d, %v", tt.name, room, n.NearMaxmemory(), tt.room, tt.near)
		}
	}
}
