package info

import (
	"math"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const sampleInfo = "# Server\r\nredis_version:7.0.15\r\nrun_id:abc\r\nuptime_in_seconds:3600\r\n\r\n" +
	"# Memory\r\nmaxmemory:1048576\r\nmaxmemory_policy:volatile-lru\r\n\r\n" +
	"# Replication\r\nrole:slave\r\nmaster_link_status:up\r\n\r\n" +
	"# Keyspace\r\ndb0:keys=49124,expires=653,avg_ttl=0\r\ndb7:keys=2,expires=0,avg_ttl=0,subexpiry=1\r\n"

func TestParseInfo(t *testing.T) {
	info := Parse(sampleInfo)
	if got := info["memory"]["maxmemory_policy"]; got != "volatile-lru" {
		t.Errorf("memory.maxmemory_policy = %q", got)
	}
	if n, ok := info.Int("maxmemory"); !ok || n != 1<<20 {
		t.Errorf("maxmemory = %d, %v", n, ok)
	}
	if _, ok := info.Int("no_such_field"); ok {
		t.Error("a field that is not there was found")
	}
	dbs := info.Databases()
	if len(dbs) != 2 || dbs[0] != (Keyspace{Keys: 49124, Expires: 653}) || dbs[7] != (Keyspace{Keys: 2}) {
		t.Errorf("databases = %v", dbs)
	}
}

func TestBytes(t *testing.T) {
	info := Parse("none:\r\nzero:0\r\nmost:72057594037927935\r\nmore:72057594037927936\r\nless:-1\r\nword:x\r\n")
	for name, want := range map[string]bool{"none": false, "zero": true, "most": true, "more": false, "less": false, "word": false, "absent": false} {
		if n, ok := info.Bytes(name); ok != want {
			t.Errorf("%s: %d, %v", name, n, ok)
		}
	}
}

func TestParseInfoSurvivesNonsense(t *testing.T) {
	for _, text := range []string{"", "\r\n", ":", "# ", "x", "# keyspace\ndb:keys=1\ndbx:keys=1\ndb-1:keys=1\ndb3:keys=-4,expires\ndb4:"} {
		for db, k := range Parse(text).Databases() {
			if db < 0 || k.Keys < 0 || k.Expires < 0 {
				t.Errorf("Parse(%q): db%d %+v", text, db, k)
			}
		}
	}
}

func FuzzParseInfo(f *testing.F) {
	f.Add(sampleInfo)
	f.Fuzz(func(t *testing.T, text string) {
		n := Node{Info: Parse(text)}
		for db, k := range n.Info.Databases() {
			if db < 0 || k.Keys < 0 || k.Expires < 0 {
				t.Fatalf("db%d %+v", db, k)
			}
		}
		if h, ok := n.IdleHorizon(); ok && (h < 0 || h > lruClockWrap) {
			t.Fatalf("horizon %v", h)
		}
		n.Role()
		n.Engine()
		n.SharesIntegers()
	})
}

func TestNode(t *testing.T) {
	n := Node{Info: Parse(sampleInfo)}
	if n.Role() != Replica {
		t.Errorf("role = %s", n.Role())
	}
	if name, version := n.Engine(); name != "redis" || version != "7.0.15" {
		t.Errorf("engine = %s %s", name, version)
	}
	if h, ok := n.IdleHorizon(); !ok || h != time.Hour {
		t.Errorf("horizon = %v, %v", h, ok)
	}
	if n.SharesIntegers() {
		t.Error("a server with maxmemory and an LRU policy shares no integers")
	}
	if !n.AtLeast(7, 0) || !n.AtLeast(6, 2) || n.AtLeast(7, 2) || n.AtLeast(8, 0) {
		t.Error("7.0.15 is at least 7.0 and 6.2, not 7.2 nor 8.0")
	}
}

func TestNodeEngines(t *testing.T) {
	for text, want := range map[string]string{
		"redis_version:7.2.4\nserver_name:valkey\nvalkey_version:8.0.1": "valkey 8.0.1",
		"redis_version:6.2.11\ndragonfly_version:df-v1.2.0":             "dragonfly 1.2.0",
		"redis_version:4.0.0\nkvrocks_version:2.8.0":                    "kvrocks 2.8.0",
		"": "unknown unknown",
	} {
		name, version := Node{Info: Parse(text)}.Engine()
		if got := name + " " + version; got != want {
			t.Errorf("engine of %q = %s, want %s", text, got, want)
		}
	}
}

// The file has the fields of KeyDB 6.3.4 in its format (server.cpp, genRedisInfoString),
// without the name KeyDB.
func TestKeyDB(t *testing.T) {
	text, err := os.ReadFile("testdata/keydb-6.3.4.info")
	if err != nil {
		t.Fatal(err)
	}
	n := Node{Info: Parse(string(text))}
	if name, version := n.Engine(); name != "keydb" || version != "6.3.4" {
		t.Errorf("engine %s %s", name, version)
	}
	if n.Role() != Primary {
		t.Errorf("role %s: an active replica takes writes", n.Role())
	}
	if ok, why := RandomCursors(n); ok || why != "SCAN cursors of keydb are not in hash order" {
		t.Errorf("random cursors %v, %q", ok, why)
	}
	if got := n.Info.Databases()[0]; got != (Keyspace{Keys: 40_000, Expires: 653}) {
		t.Errorf("db0: %+v", got)
	}
	if _, odd := n.Info.Validated(); len(odd) > 0 {
		t.Errorf("odd: %v", odd)
	}
}

func TestSentinel(t *testing.T) {
	n := Node{Info: Parse("# Server\r\nredis_version:7.0.15\r\nredis_mode:sentinel\r\n# Sentinel\r\nsentinel_masters:2\r\n" +
		"master0:name=mymaster,status=ok,address=127.0.0.1:6379,slaves=1,sentinels=3\r\nmaster1:name=other,status=sdown,address=10.0.0.1:6380,slaves=0,sentinels=1\r\n")}
	if got, want := n.SentinelMasters(), []string{"mymaster at 127.0.0.1:6379", "other at 10.0.0.1:6380"}; !n.IsSentinel() || !slices.Equal(want, got) {
		t.Errorf("Sentinel %v, masters %q, want %q", n.IsSentinel(), got, want)
	}
	if n := (Node{Info: Parse(sampleInfo)}); n.IsSentinel() || n.SentinelMasters() != nil {
		t.Errorf("a replica is a Sentinel of %q", n.SentinelMasters())
	}
}

func TestIdleHorizonIsBoundedByTheClock(t *testing.T) {
	n := Node{Info: Parse("uptime_in_seconds:99999999999999999")}
	if h, ok := n.IdleHorizon(); !ok || h != lruClockWrap {
		t.Errorf("horizon = %v, %v; want %v", h, ok, lruClockWrap)
	}
	if _, ok := (Node{}).IdleHorizon(); ok {
		t.Error("without INFO there is no horizon")
	}
}

func TestSharesIntegers(t *testing.T) {
	for text, want := range map[string]bool{
		"maxmemory:0\nmaxmemory_policy:allkeys-lru":      true,
		"maxmemory:100\nmaxmemory_policy:noeviction":     true,
		"maxmemory:100\nmaxmemory_policy:volatile-ttl":   true,
		"maxmemory:100\nmaxmemory_policy:volatile-lru":   false,
		"maxmemory:100\nmaxmemory_policy:allkeys-lfu":    false,
		"maxmemory:100\nmaxmemory_policy:allkeys-random": true,
		"": true,
	} {
		if got := (Node{Info: Parse(text)}).SharesIntegers(); got != want {
			t.Errorf("SharesIntegers(%q) = %v", text, got)
		}
	}
}

// Invalid fields are removed and listed; lines of databases stay.
func TestSaneInfo(t *testing.T) {
	info := Parse("# Memory\r\nused_memory:-1\r\nmaxmemory:0\r\nmem_allocator:je\xff\r\n# Server\r\nuptime_in_seconds:\r\nmaster_link_down_since_seconds:-1\r\n" +
		"# CPU\r\nused_cpu_sys:NaN\r\nused_cpu_user:1.5\r\n# Keyspace\r\ndb0:keys=-3,expires=0\r\ndb1:keys=2,expires=1,avg_ttl=-7\r\n")
	sane, odd := info.Validated()
	if want := []InvalidField{{"db0", "keys=-3,expires=0"}, {"mem_allocator", "je\xff"}, {"used_cpu_sys", "NaN"}, {"used_memory", "-1"}}; !cmp.Equal(want, odd) {
		t.Errorf("odd: %q, want %q", odd, want)
	}
	want := Parse("# Memory\r\nmaxmemory:0\r\n# Server\r\nuptime_in_seconds:\r\nmaster_link_down_since_seconds:-1\r\n# CPU\r\nused_cpu_user:1.5\r\n" +
		"# Keyspace\r\ndb0:keys=-3,expires=0\r\ndb1:keys=2,expires=1,avg_ttl=-7\r\n")
	if diff := cmp.Diff(want, sane); diff != "" {
		t.Errorf("sane (-want +got):\n%s", diff)
	}
	if got := sane.Databases(); !got[0].Invalid || got[1] != (Keyspace{Keys: 2, Expires: 1}) {
		t.Errorf("databases %v", got)
	}
	for _, cpu := range []string{"nan", "inf", "1e300", "-1"} {
		if used, ok := Parse("used_cpu_sys:" + cpu + "\r\nused_cpu_user:0\r\n").CPUTime(); ok {
			t.Errorf("%s s of CPU are %v", cpu, used)
		}
	}
}

func TestHasACL(t *testing.T) {
	for version, want := range map[string]bool{
		"redis_version:5.0.14": false, "redis_version:6.0.0": true, "used_memory:1": true,
		"redis_version:4.0.0\r\nkvrocks_version:2.8.0": true,
	} {
		if got := (Node{Info: Parse(version)}).HasACL(); got != want {
			t.Errorf("%s: %t", version, got)
		}
	}
}

func TestServerStats(t *testing.T) {
	v := ServerStatsOf(Parse("# Server\r\nuptime_in_seconds:7\r\n# Memory\r\nused_memory:97\r\nmaxmemory:100\r\n# Persistence\r\nloading:0\r\nasync_loading:1\r\n" +
		"rdb_bgsave_in_progress:1\r\naof_rewrite_in_progress:1\r\n# Stats\r\nevicted_keys:5\r\n# Replication\r\nrole:slave\r\nmaster_link_status:down\r\n" +
		"slave_read_repl_offset:900\r\nslave_repl_offset:800\r\nmaster_repl_offset:5000\r\n" +
		"slave0:ip=10.0.0.2,port=1,state=online,offset=4000,lag=0\r\nslave1:ip=10.0.0.3,port=1,state=wait_bgsave,offset=0,lag=0\r\nslaves:x\r\n" +
		"# CPU\r\nused_cpu_user_main_thread:1.5\r\nused_cpu_sys_main_thread:0.5\r\n"))
	want := ServerStats{Role: Replica, CPU: 2 * time.Second, Uptime: 7 * time.Second, Evicted: 5, AtMaxmemory: true, Saving: true, Rewriting: true, Loading: true, LinkDown: true, Lag: 1000}
	if v != want {
		t.Errorf("%+v, want %+v", v, want)
	}
	if v := ServerStatsOf(Parse("")); v != (ServerStats{Role: Unknown}) {
		t.Errorf("of nothing: %+v", v)
	}
}

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
