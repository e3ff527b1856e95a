package info

import (
	"maps"
	"strings"
	"testing"
)

func TestRandomCursors(t *testing.T) {
	plain := map[string]string{
		"redis_version": "7.0.15", "redis_mode": "standalone", "run_id": "c0ffee", "os": "Linux 6.1.0 x86_64", "cluster_enabled": "0",
	}
	for _, tt := range []struct {
		name   string
		fields map[string]string // besides those of a plain server; empty: not there
		ok     bool
		why    string // part of it
	}{
		{name: "Redis 7.0", ok: true},
		{name: "Redis 4.0", fields: map[string]string{"redis_version": "4.0.14"}, ok: true},
		{name: "Redis 8.2", fields: map[string]string{"redis_version": "8.2.1"}, ok: true},
		{name: "Redis 3.2", fields: map[string]string{"redis_version": "3.2.13"}, why: "older than 4.0"},
		{name: "no version", fields: map[string]string{"redis_version": "unstable"}, why: "version"},
		{name: "Valkey 8.1", fields: map[string]string{"redis_version": "7.2.4", "valkey_version": "8.1.0", "redis_mode": "", "server_mode": "standalone"}, ok: true},
		{name: "a cluster, Redis 7.0", fields: map[string]string{"redis_mode": "cluster", "cluster_enabled": "1"}, ok: true},
		{name: "a cluster, Redis 7.2", fields: map[string]string{"redis_version": "7.2.5", "cluster_enabled": "1"}, ok: true},
		{name: "a cluster, Redis 7.4", fields: map[string]string{"redis_version": "7.4.0", "cluster_enabled": "1"}, why: "slot"},
		{name: "a cluster, Valkey 7.2", fields: map[string]string{"redis_version": "7.2.4", "valkey_version": "7.2.8", "cluster_enabled": "1"}, ok: true},
		{name: "a cluster, Valkey 8.0", fields: map[string]string{"redis_version": "7.2.4", "valkey_version": "8.0.1", "cluster_enabled": "1"}, why: "slot"},
		{name: "Redict", fields: map[string]string{"redis_version": "7.2.4", "redict_version": "7.3.6"}, ok: true},
		{name: "a cluster, Redict", fields: map[string]string{"redis_version": "7.2.4", "redict_version": "7.3.6", "cluster_enabled": "1"}, why: "slot"},
		{name: "ElastiCache", fields: map[string]string{"os": "Amazon ElastiCache"}, ok: true},
		{name: "ElastiCache Serverless", fields: map[string]string{"os": "Amazon ElastiCache", "redis_version": "7.1", "cluster_enabled": "1"}, why: "Amazon"},
		{name: "a cluster at Amazon, Valkey 8.0", fields: map[string]string{"os": "Amazon ElastiCache", "valkey_version": "8.0.1", "cluster_enabled": "1"}, why: "each slot"},
		{name: "a cluster, perhaps", fields: map[string]string{"cluster_enabled": ""}, why: "cluster"},
		{name: "Sentinel", fields: map[string]string{"redis_mode": "sentinel"}, why: "Sentinel"},
		{name: "a proxy", fields: map[string]string{"run_id": ""}, why: "proxy"},
		{name: "Redis Enterprise", fields: map[string]string{"rlec_version": "7.4.2-54"}, why: "Redis Enterprise"},
		{name: "Upstash", fields: map[string]string{"upstash_version": "1.10.5"}, why: "Upstash"},
		{name: "KeyDB", fields: map[string]string{"redis_version": "6.3.4", "mvcc_depth": "0"}, why: "keydb"},
		{name: "Dragonfly", fields: map[string]string{"dragonfly_version": "df-v1.14.0"}, why: "dragonfly"},
		{name: "Kvrocks", fields: map[string]string{"redis_version": "4.0.0", "kvrocks_version": "2.8.0"}, why: "kvrocks"},
		{name: "Garnet", fields: map[string]string{"garnet_version": "1.0.0"}, why: "garnet"},
	} {
		fields := maps.Clone(plain)
		maps.Copy(fields, tt.fields)
		maps.DeleteFunc(fields, func(_, value string) bool { return value == "" })
		ok, why := RandomCursors(Node{Info: Info{"server": fields}})
		if slots := SlotTables(Node{Info: Info{"server": fields}}); slots != (tt.why == "slot") {
			t.Errorf("%s: a table for each slot %v", tt.name, slots)
		}
		if ok != tt.ok || (why == "") != ok || !strings.Contains(why, tt.why) {
			t.Errorf("%s: %v, %q", tt.name, ok, why)
		}
	}
	if ok, why := RandomCursors(Node{}); ok || why == "" {
		t.Error("a server that refuses INFO is trusted")
	}
}
