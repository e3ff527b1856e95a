package info

import (
	"strconv"
	"strings"
	"time"
)

// ServerStats holds what a guard watches in a server's INFO. Missing fields are 0.
type ServerStats struct {
	Role        string        // Primary, Replica or Unknown
	CPU         time.Duration // of the main thread, since the server started
	Uptime      time.Duration
	Evicted     int64 // keys, since the server started or its statistics were reset
	AtMaxmemory bool  // near maxmemory, see Node.NearMaxmemory
	Saving      bool  // RDB
	Rewriting   bool  // AOF
	Loading     bool  // also while it serves its old data
	LinkDown    bool  // the link of a replica to its primary is down
	// Lag is the data that a replica has received and not yet applied, or that the
	// slowest replica of a primary has not acknowledged, in bytes.
	Lag int64
	// Costs holds what commands cost since they were last read; nil if not read.
	Costs *Costs
}

// Costs holds the server time of commands, from INFO commandstats.
type Costs struct {
	Request time.Duration // of one of our probes, on average
	Scan    time.Duration // of one call of SCAN
}

// ServerStatsOf extracts the stats from INFO.
func ServerStatsOf(info Info) ServerStats {
	on := func(field string) bool { return info.Field(field) == "1" }
	v := ServerStats{
		Saving: on("rdb_bgsave_in_progress"), Rewriting: on("aof_rewrite_in_progress"),
		Loading: on("loading") || on("async_loading"), LinkDown: info.Field("master_link_status") == "down",
		Lag: info.lag(), Role: Node{Info: info}.Role(),
	}
	v.CPU, _ = info.CPUTime()
	v.Evicted, _ = info.Int("evicted_keys")
	if uptime, ok := info.Int("uptime_in_seconds"); ok && uptime >= 0 && uptime <= MaxSeconds {
		v.Uptime = time.Duration(uptime) * time.Second
	}
	v.AtMaxmemory = Node{Info: info}.NearMaxmemory()
	return v
}

// lag returns ServerStats.Lag. A replica may have replicas of its own.
func (i Info) lag() (most int64) {
	if read, ok := i.Int("slave_read_repl_offset"); ok {
		applied, _ := i.Int("slave_repl_offset")
		most = max(0, read-applied)
	}
	sent, _ := i.Int("master_repl_offset")
	for field, value := range i["replication"] {
		number, isReplica := strings.CutPrefix(field, "slave")
		if _, err := strconv.Atoi(number); !isReplica || err != nil {
			continue
		}
		if acknowledged, online := offsetOf(value); online {
			most = max(most, sent-acknowledged)
		}
	}
	return most
}

// offsetOf parses "ip=10.0.0.2,port=6379,state=online,offset=1234,lag=0".
func offsetOf(replica string) (offset int64, online bool) {
	for item := range strings.SplitSeq(replica, ",") {
		switch name, value, _ := strings.Cut(item, "="); name {
		case "state":
			online = value == "online"
		case "offset":
			offset, _ = strconv.ParseInt(value, 10, 64) // not a number: nothing was acknowledged
		}
	}
	return offset, online
}

// Calls holds how often a command was called, and the time of all calls.
type Calls struct {
	N    int64
	Took time.Duration
}

// CommandCalls returns the calls of commands, by name: "memory usage". Before 7.0 those
// with subcommands are under the first word.
func (i Info) CommandCalls() map[string]Calls {
	all := map[string]Calls{}
	for field, value := range i["commandstats"] {
		if name, isCommand := strings.CutPrefix(field, "cmdstat_"); isCommand {
			all[strings.ReplaceAll(name, "|", " ")] = parseCalls(value)
		}
	}
	return all
}

// CallsOf returns how often a command was called.
func (i Info) CallsOf(command string) int64 {
	return parseCalls(i["commandstats"]["cmdstat_"+command]).N
}

// parseCalls parses "calls=3,usec=12,usec_per_call=4.00".
func parseCalls(value string) (c Calls) {
	for item := range strings.SplitSeq(value, ",") {
		what, number, _ := strings.Cut(item, "=")
		n, err := strconv.ParseUint(number, 10, 63)
		if err != nil || n > MaxSeconds*1e6 { // invalid
			continue
		}
		switch what {
		case "calls":
			c.N = int64(n)
		case "usec":
			c.Took = time.Duration(n) * time.Microsecond
		}
	}
	return c
}

// CPUTime returns the CPU time of the main thread, or of the whole process where INFO has
// no other; false if neither is known.
func (i Info) CPUTime() (time.Duration, bool) {
	for _, thread := range []string{"_main_thread", ""} {
		user, ok := i.Float("used_cpu_user" + thread)
		sys, alsoOK := i.Float("used_cpu_sys" + thread)
		if used := user + sys; ok && alsoOK && used >= 0 && used <= MaxSeconds {
			return time.Duration(used * float64(time.Second)), true
		}
	}
	return 0, false
}
