package profile

import "keyprof/scanner/info"

// Node is one server process, as it was when the walk began.
type Node struct {
	Address    string `json:"address"` // host:port or socket path, without credentials
	Role       string `json:"role"`    // RolePrimary or RoleReplica
	Engine     string `json:"engine"`  // "redis", "valkey", "dragonfly", ...
	Version    string `json:"version"` // of the engine
	RunID      string `json:"run_id,omitempty"`
	ReplID     string `json:"replid,omitempty"` // replication id: the same for a primary and its replicas
	Policy     string `json:"policy,omitempty"` // maxmemory-policy
	Allocator  string `json:"allocator,omitempty"`
	Maxmemory  *int64 `json:"maxmemory,omitempty"`   // bytes; 0 when there is no limit
	UsedMemory *int64 `json:"used_memory,omitempty"` // bytes
	UptimeS    *int64 `json:"uptime_s,omitempty"`    // seconds
	// IdleHorizonS is explained at IdleStats.HorizonS; absent when the uptime
	// is not known or idle time is not tracked.
	IdleHorizonS *int64 `json:"idle_horizon_s,omitempty"` // seconds
	// LargestIdleS is the largest idle time seen: evidence for the horizon, as
	// a restart or a full resync leaves no key idle for longer.
	LargestIdleS *int64     `json:"largest_idle_s,omitempty"` // seconds
	Complete     bool       `json:"complete"`
	Incomplete   string     `json:"incomplete,omitempty"` // why it is not complete
	Databases    []Database `json:"databases"`
	// Info holds the server's INFO fields at the beginning, by section, as the
	// server wrote them.
	Info info.Info `json:"info,omitempty"`
}

// Roles of a node, in the words of redis.io.
const (
	RolePrimary = "primary"
	RoleReplica = "replica"
)

// Database is one logical database of a node, and how far its walk came.
type Database struct {
	DB         int       `json:"db"` // its number
	Complete   bool      `json:"complete"`
	Incomplete string    `json:"incomplete,omitempty"` // why it is not complete
	Before     *Keyspace `json:"before,omitempty"`     // when the walk began
	After      *Keyspace `json:"after,omitempty"`      // when the walk ended
	Returned   int64     `json:"returned"`             // names that SCAN returned, repeats included, up to the last page that was probed
	// NoTTLKeys are the keys that answered PTTL -1, to be held against
	// Keys-Expires of INFO; absent when PTTL is refused.
	NoTTLKeys *int64 `json:"no_ttl_keys,omitempty"` // keys
	// Covered is the share of the positions of SCAN's cursor that a sample covered,
	// in (0,1], or of the keys, where slots were drawn; absent for a census.
	Covered *float64 `json:"covered,omitempty"`
	// Cursor is the SCAN cursor at which an incomplete walk stopped.
	Cursor string `json:"cursor,omitempty"`
}

// Keyspace is a database's line in INFO keyspace.
type Keyspace struct {
	Keys    int64 `json:"keys"`    // keys, those expired but not yet removed included
	Expires int64 `json:"expires"` // keys with a TTL
}

// Receipt is what the run cost the server.
type Receipt struct {
	Commands map[string]int64 `json:"commands"`  // sent, by name with subcommand
	BytesOut int64            `json:"bytes_out"` // bytes sent to the server, TLS included
	BytesIn  int64            `json:"bytes_in"`  // bytes received
	ElapsedS float64          `json:"elapsed_s"` // seconds from the first SCAN to the last reply, pauses included
	// MainThreadS is our share of the server's main thread: page wall times
	// less the least round trip. It counts waiting for other clients as ours,
	// so it is an upper bound.
	MainThreadS float64 `json:"main_thread_s"` // seconds
	PausedS     float64 `json:"paused_s"`      // seconds that we waited for --max-load and --rate
	// PausedForRateS are those of PausedS that only --rate wanted.
	PausedForRateS float64 `json:"paused_for_rate_s"`   // seconds
	OverLink       bool    `json:"over_link,omitempty"` // MainThreadS is estimated from commandstats: reply times are the link's
	LeastRTTS      float64 `json:"least_rtt_s"`         // seconds; least round trip seen
	// ServerCPUS is the growth of used_cpu_user + used_cpu_sys of INFO while
	// we ran: it counts what all other clients caused, too.
	ServerCPUS *float64 `json:"server_cpu_s,omitempty"` // seconds
	// Page is how many keys each SCAN asked for (COUNT). Where a latency budget
	// chose it, it is the median over the pages, and PageLeast and PageMost are the
	// least and the most; absent in profiles of versions that had none.
	Page      int `json:"page"`                 // keys
	PageLeast int `json:"page_least,omitempty"` // keys
	PageMost  int `json:"page_most,omitempty"`  // keys
	// LatencyBudgetS is the longest stretch in which other clients should wait for
	// us; absent when it did not choose pages.
	LatencyBudgetS float64 `json:"latency_budget_s,omitempty"` // seconds
	MaxLoad        float64 `json:"max_load"`                   // share of the main thread allowed, in (0,1]
	Rate           float64 `json:"rate,omitempty"`             // keys a second allowed; absent without a limit
	// CommandS is the growth of commandstats while we ran, over the commands that
	// keyprof sends: it leaves out parsing and replying, and counts the same
	// commands of all other clients.
	CommandS *float64 `json:"command_s,omitempty"` // seconds
	// KeyspaceHits and KeyspaceMisses are what our probes added to the server's
	// counters of these names: one a key for each but MEMORY USAGE.
	KeyspaceHits   int64 `json:"keyspace_hits"`   // number of lookups
	KeyspaceMisses int64 `json:"keyspace_misses"` // number of lookups
	// ExpiredMeanwhile is the growth of a primary's expired_keys while we ran: an
	// upper bound for the keys that our SCAN made it remove. Absent on a replica,
	// which removes none.
	ExpiredMeanwhile *int64 `json:"expired_meanwhile,omitempty"` // keys
	// EvictedMeanwhile is the growth of evicted_keys of INFO while we ran: it counts
	// what all other clients caused, too. Absent on a replica that never evicted, as it
	// leaves that to its primary.
	EvictedMeanwhile *int64 `json:"evicted_meanwhile,omitempty"` // keys
	// BufferBytes is the most that the server can have taken at a time for the buffers
	// of our connections, which count against maxmemory; absent where it is not known.
	BufferBytes int64 `json:"buffer_bytes,omitempty"` // bytes
	// EvictedByUs is how many keys of EvictedMeanwhile these buffers explain at most:
	// as many as have their bytes, by the mean of all memory a key. Absent where one of
	// the two is.
	EvictedByUs *int64 `json:"evicted_by_us,omitempty"` // keys
	// Repeats are names that SCAN returned again soon after, and that were not
	// measured again. Later repeats are measured twice.
	Repeats  int64  `json:"repeats"`  // names
	Returned int64  `json:"returned"` // names that SCAN returned, repeats included
	Waits    []Wait `json:"waits"`    // for a server that could not be used
	// Stalls are the commands that took longer than the timeout, none when absent:
	// those that took longest, longest first.
	Stalls []Stall `json:"stalls,omitempty"`
	// Brakes are when the walk stood back since the server changed, none when
	// absent. They are not in PausedS.
	Brakes []Brake `json:"brakes,omitempty"`
	// ProbeRTT is what PING took on a connection beside the walk's; absent when
	// there was none.
	ProbeRTT *ProbeRTT `json:"probe_rtt,omitempty"`
}

// Stall is a command about a key that took longer than the timeout.
type Stall struct {
	DB int `json:"db"` // number of the logical database
	KeyName
	Type     string  `json:"type,omitempty"` // of the key; absent when it is not known
	Command  string  `json:"command"`        // with subcommand, as in "memory usage"
	TookS    float64 `json:"took_s"`         // seconds that we waited for the answer
	Answered bool    `json:"answered"`       // the answer came in the end, and is in the figures
}

// Brake is how often, and how long, the walk stood back for one cause.
type Brake struct {
	Cause string  `json:"cause"`  // a clause about the server
	Count int64   `json:"count"`  // number of times
	TookS float64 `json:"took_s"` // seconds
}

// ProbeRTT is what other clients felt: round trips of PING before the walk, and
// evenly spread over its time, its pauses included.
type ProbeRTT struct {
	Before *RoundTrips `json:"before,omitempty"`
	During *RoundTrips `json:"during,omitempty"` // absent in a walk that was over at once
}

// RoundTrips are round trips in sum, to within 5 %.
type RoundTrips struct {
	Pings int64   `json:"pings"` // number of them
	P50S  float64 `json:"p50_s"` // seconds
	P99S  float64 `json:"p99_s"` // seconds
}

// Wait is how often, and how long, the server could not be used for one cause.
type Wait struct {
	Cause string  `json:"cause"`  // in words
	Count int64   `json:"count"`  // number of times
	TookS float64 `json:"took_s"` // seconds, reconnecting included
}
