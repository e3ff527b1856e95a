package info

import (
	"strconv"
	"strings"
	"time"
)

// Node holds the address and the INFO of one server.
type Node struct {
	Address string
	Info    Info // empty when INFO is refused
}

// Roles of a node, named as on redis.io.
const (
	Primary = "primary"
	Replica = "replica"
	Unknown = "unknown" // INFO is refused
)

// Role returns Primary, Replica or Unknown.
func (n Node) Role() string {
	switch n.Info.Field("role") {
	case "master", "active-replica": // KeyDB's, which takes writes and expires keys itself
		return Primary
	case "slave":
		return Replica
	default:
		return Unknown
	}
}

// engines lists servers by an INFO field that others do not have, and the field with
// their version: redis_version is, in forks, only the version that they are compatible
// with. KeyDB 6.3 has no version field of its own.
var engines = []struct{ name, mark, version string }{
	{"valkey", "valkey_version", "valkey_version"},
	{"dragonfly", "dragonfly_version", "dragonfly_version"},
	{"kvrocks", "kvrocks_version", "kvrocks_version"},
	{"keydb", "keydb_version", "keydb_version"},
	{"keydb", "mvcc_depth", "redis_version"},
	{"garnet", "garnet_version", "garnet_version"},
	{"redict", "redict_version", "redict_version"},
	{"redis", "redis_version", "redis_version"},
}

// Engine returns the server's name and version; both Unknown when INFO is refused.
func (n Node) Engine() (name, version string) {
	for _, e := range engines {
		if v := n.Info.Field(e.version); v != "" && n.Info.Field(e.mark) != "" {
			return e.name, strings.TrimPrefix(v, "df-v")
		}
	}
	return Unknown, Unknown
}

// IsSentinel reports whether the node is a Sentinel, which has no keys.
func (n Node) IsSentinel() bool {
	return n.Info.Field("redis_mode") == "sentinel" || n.Info.Field("server_mode") == "sentinel"
}

// SentinelMasters returns the primaries that a Sentinel monitors, each as "name at
// address", in the order of INFO:
// master0:name=mymaster,status=ok,address=127.0.0.1:6379,...
func (n Node) SentinelMasters() []string {
	var masters []string
	for i := 0; ; i++ {
		line := n.Info.Field("master" + strconv.Itoa(i))
		if line == "" {
			return masters
		}
		fields := map[string]string{}
		for item := range strings.SplitSeq(line, ",") {
			name, value, _ := strings.Cut(item, "=")
			fields[name] = value
		}
		masters = append(masters, fields["name"]+" at "+fields["address"])
	}
}

// DefersWork reports whether the server replies before it has done its work, so that
// reply times understate its work for us (measured on KeyDB 6.3.4).
func (n Node) DefersWork() bool {
	engine, _ := n.Engine()
	return engine == "keydb"
}

// AtLeast reports whether the version is major.minor or later.
func (n Node) AtLeast(major, minor int) bool {
	_, version := n.Engine()
	first, rest, _ := strings.Cut(version, ".")
	second, _, _ := strings.Cut(rest, ".")
	x, errX := strconv.Atoi(first)
	y, errY := strconv.Atoi(second)
	return errX == nil && errY == nil && (x > major || x == major && y >= minor)
}

// Policy returns the maxmemory-policy; empty when unknown.
func (n Node) Policy() string { return n.Info.Field("maxmemory_policy") }

// TracksFrequency reports whether keys have an access frequency instead of an idle time:
// the two share one field of the object.
func (n Node) TracksFrequency() bool { return strings.HasSuffix(n.Policy(), "-lfu") }

// SharesIntegers reports whether several keys may share one integer object, whose idle
// time then belongs to no single key: without maxmemory, or with a policy that does not
// use idle times (object.c, createStringObjectFromLongLong).
func (n Node) SharesIntegers() bool {
	maxmemory, known := n.Info.Int("maxmemory")
	usesClock := strings.HasSuffix(n.Policy(), "-lru") || n.TracksFrequency()
	return !known || maxmemory == 0 || !usesClock
}

// lruClockWrap is the time after which OBJECT IDLETIME restarts from 0: 24 bits of
// seconds (server.h, LRU_BITS).
const lruClockWrap = (1 << 24) * time.Second

// IdleHorizon returns the longest idle time that the node can report: the smaller of its
// uptime and the 194 days after which the LRU clock wraps.
func (n Node) IdleHorizon() (horizon time.Duration, known bool) {
	uptime, ok := n.Info.Int("uptime_in_seconds")
	if !ok || uptime < 0 {
		return 0, false
	}
	if uptime >= int64(lruClockWrap/time.Second) {
		return lruClockWrap, true
	}
	return time.Duration(uptime) * time.Second, true
}

// Saving reports whether a child process of the server is saving. Reads do not update
// idle times then.
func (n Node) Saving() bool {
	return n.Info.Field("rdb_bgsave_in_progress") == "1" || n.Info.Field("aof_rewrite_in_progress") == "1"
}

// HasACL reports whether the server has ACLs, which came with Redis 6. It is true for a
// server of unknown version.
func (n Node) HasACL() bool {
	engine, _ := n.Engine()
	return engine != "redis" || n.AtLeast(6, 0)
}

// A server is near its maxmemory when less is left than this fraction of it, or than the
// buffers of some clients may take at once.
const (
	nearShare = 0.05
	nearBytes = 4 << 20
)

// Room returns the bytes left until maxmemory, below 0 if it is exceeded. It leaves out
// what the server does not count against the limit: its replicas' output buffers and its
// AOF buffer (evict.c, getMaxmemoryState). ok is false where no limit is known: INFO is
// refused, maxmemory is 0, or the node is a replica that leaves the limit to its primary.
func (n Node) Room() (bytes int64, ok bool) {
	limit, known := n.Info.Int("maxmemory")
	used, alsoKnown := n.Info.Int("used_memory")
	if !known || !alsoKnown || limit <= 0 || n.ignoresMaxmemory() {
		return 0, false
	}
	notCounted, _ := n.Info.Int("mem_not_counted_for_evict") // absent before 5.0
	return limit - (used - notCounted), true
}

// NearMaxmemory reports whether the buffers of its clients may soon make the server evict
// keys or refuse writes.
func (n Node) NearMaxmemory() bool {
	room, ok := n.Room()
	if !ok {
		return false
	}
	limit, _ := n.Info.Int("maxmemory")
	return room < nearBytes || float64(room) < nearShare*float64(limit)
}

// ignoresMaxmemory reports whether the node is a replica that neither evicts nor refuses
// writes by itself: from 5.0 on, unless replica-ignore-maxmemory is no (evict.c,
// isSafeToPerformEvictions). INFO does not report that setting, but a replica that has
// evicted keys does not ignore its limit, or did not when it was a primary.
func (n Node) ignoresMaxmemory() bool {
	evicted, _ := n.Info.Int("evicted_keys")
	return n.Role() == Replica && evicted == 0 && n.AtLeast(5, 0)
}
