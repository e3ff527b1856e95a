package estimate_test

import (
	"testing"

	"keyprof/sampler/estimate"
	"keyprof/sampler/profile"
)

func TestBalanceOf(t *testing.T) {
	p := &profile.Profile{Nodes: []profile.Node{{
		Databases: []profile.Database{{Before: &profile.Keyspace{Keys: 100_000, Expires: 50_000}}},
		Info: map[string]map[string]string{"memory": {
			"used_memory": "18000000", "used_memory_startup": "900000", "mem_clients_normal": "70000", "mem_replication_backlog": "20000",
			"mem_total_replication_buffers": "30000", "mem_aof_buffer": "-5", "mem_cluster_links": "x",
		}},
	}}}
	p.Totals.Bytes = &profile.Estimate{Value: 13_000_000}
	b, ok := estimate.BalanceOf(p)
	// As on 7.0.15, where the rest was rounding of the allocator: 1.05 + 1.72 MB of
	// tables (redis-server rounded 24 bytes up to 32 there).
	tables := int64(8*(131072+65536) + 24*50_000)
	if !ok || b.Data() != 17_000_000 || b.Tables != tables || b.Unexplained() != 4_000_000-tables || b.Large() {
		t.Errorf("%+v (%v): data %d, unexplained %d", b, ok, b.Data(), b.Unexplained())
	}
	for name, damage := range map[string]func(){
		"too little": func() { p.Totals.Bytes.Value = 5_000_000 },
		"too much":   func() { p.Totals.Bytes.Value = 23_000_000 },
	} {
		damage()
		if b, _ := estimate.BalanceOf(p); !b.Large() {
			t.Errorf("%s: %d of %d unexplained is not much", name, b.Unexplained(), b.Data())
		}
	}
	p.Nodes[0].Info = nil
	if _, ok := estimate.BalanceOf(p); ok {
		t.Error("a balance without INFO")
	}
}
