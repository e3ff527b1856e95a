package sampler

import (
	"testing"

	"keyprof/sampler/profile"
	"keyprof/scanner/info"
)

// The receipt explains evictions by buffers of so many bytes as far as they go.
func TestEvictedByUs(t *testing.T) {
	const none = -1
	// 100,000 keys of 200 bytes each.
	const full = "role:master\nused_memory:21000000\nused_memory_startup:1000000\n# Keyspace\ndb0:keys=60000,expires=0\ndb3:keys=40000,expires=1\n# Stats\nevicted_keys:"
	tests := []struct {
		name, before, after string
		buffers             int64
		meanwhile, byUs     int64
	}{
		{"no more than the buffers hold", full + "5", "evicted_keys:1011", 76_900, 1006, 385},
		{"no more than were evicted", full + "5", "evicted_keys:15", 76_900, 10, 10},
		{"none", full + "5", "evicted_keys:5", 76_900, 0, 0},
		{"buffers that are not known", full + "5", "evicted_keys:1011", 0, 1006, none},
		{"keys that are not known", "role:master\nevicted_keys:5", "evicted_keys:1011", 76_900, 1006, 1006},
		{"statistics that were reset", full + "5", "evicted_keys:3", 76_900, none, none},
		{"no INFO", "", "", 76_900, none, none},
		{"INFO lost", full + "5", "", 76_900, none, none},
		{"a replica", "role:slave\nevicted_keys:0", "evicted_keys:0", 76_900, none, none},
		{"a replica with a limit of its own", "role:slave\nevicted_keys:0", "evicted_keys:7", 76_900, 7, 7},
	}
	orNone := func(n *int64) int64 {
		if n == nil {
			return none
		}
		return *n
	}
	for _, tt := range tests {
		c := &collector{node: info.Node{Info: info.Parse(tt.before)}}
		var r profile.Receipt
		c.evictionReceipt(&r, tt.buffers, info.Parse(tt.after))
		if orNone(r.EvictedMeanwhile) != tt.meanwhile || orNone(r.EvictedByUs) != tt.byUs {
			t.Errorf("%s: %d evicted, %d by us; want %d, %d", tt.name, orNone(r.EvictedMeanwhile), orNone(r.EvictedByUs), tt.meanwhile, tt.byUs)
		}
	}
}
