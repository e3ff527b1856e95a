// Package profile is the one value that crosses from collecting to reporting:
// the versioned document that describes a keyspace at one moment.
//
// Everything that talks to a server ends in a [Profile]; everything that
// prints, compares or forecasts starts from one. A Profile is immutable once
// built. What is unknown is absent, never 0 or -1.
//
// # Units
//
// Durations are in seconds, in fields whose JSON name ends in _s; sizes are in
// bytes; ratios lie in [0,1]; times are RFC 3339 in UTC. Cursors are decimal
// strings, since they exceed 2^53.
package profile

import (
	"strings"
	"time"

	"keyprof/sampler/pattern"

	"keyprof/scanner/info"
)

// SchemaVersion is the version of the document that this package writes.
const SchemaVersion = 1

// Profile describes the keyspace of one deployment at one moment.
type Profile struct {
	Schema int    `json:"schema"` // version of the document: SchemaVersion
	Tool   Tool   `json:"tool"`
	Label  string `json:"label,omitempty"`
	// Began and Ended enclose the scan, in UTC.
	Began time.Time `json:"began"`
	Ended time.Time `json:"ended"`
	// Complete means that every key of every selected database was scanned and
	// probed. A measure in Missing leaves a profile complete; a refused or
	// unreachable database does not.
	Complete   bool        `json:"complete"`
	Missing    []Missing   `json:"missing"`
	Design     Design      `json:"design"`
	Nodes      []Node      `json:"nodes"`
	Totals     Stats       `json:"totals"`
	Namespaces []Namespace `json:"namespaces"` // by database, then by pattern
	Largest    []Key       `json:"largest"`    // over all databases, largest first
	Warnings   []Warning   `json:"warnings"`
	Receipt    Receipt     `json:"receipt"`
}

// Tool names the program that made a profile.
type Tool struct {
	Name    string `json:"name"` // ToolName
	Version string `json:"version"`
}

// Measure is the name of something that is measured of every key.
type Measure string

// The measures, by the names that Missing uses.
const (
	MeasureBytes Measure = "bytes" // MEMORY USAGE
	MeasureTTL   Measure = "ttl"   // PTTL
	MeasureIdle  Measure = "idle"  // OBJECT IDLETIME
	MeasureFreq  Measure = "freq"  // OBJECT FREQ
	MeasureType  Measure = "type"  // TYPE
)

// Missing is a measure that the server refuses, as found before the scan.
type Missing struct {
	Measure Measure `json:"measure"`
	Node    string  `json:"node"`             // address of the node that refuses it
	Reason  string  `json:"reason"`           // the server's answer
	Remedy  string  `json:"remedy,omitempty"` // what would allow it, such as an ACL rule
}

// Design says how keys were chosen and grouped, so that the run can be repeated and a
// meaningless comparison refused.
type Design struct {
	Method   string  `json:"method"`   // MethodCensus or MethodSample
	Fraction float64 `json:"fraction"` // share of the keyspace that was to be covered, in [0,1]
	// Sample says which keys were sampled; absent for a census.
	Sample         *Sample `json:"sample,omitempty"`
	Match          string  `json:"match,omitempty"` // SCAN's MATCH glob
	Databases      []int   `json:"databases"`       // numbers of the databases selected
	IdleOverS      int64   `json:"idle_over_s"`     // high-idle threshold, seconds
	NamespaceLimit int     `json:"namespace_limit"` // most namespaces kept
	// PatternRules are the rules that people gave, tried before all else.
	PatternRules []string `json:"pattern_rules,omitempty"`
	LexerVersion int      `json:"lexer_version"` // version of the grouping rules
	// Redacted means that names of keys were replaced by their namespace and a
	// token, rare words in namespaces by <*>, and that what identifies the
	// server was left out.
	Redacted bool `json:"redacted,omitempty"`
	// Degraded means that some namespaces were made coarser, or were added up in a row
	// that is Other, to stay within limits.
	Degraded bool                `json:"degraded,omitempty"`
	Patterns *pattern.Dictionary `json:"patterns,omitempty"` // decisions by which names were grouped
}

// The methods.
const (
	MethodCensus = "census" // every key is measured
	MethodSample = "sample" // the keys in an interval of cursor positions are, or those of slots chosen at random
)

// Warning is something a reader must know before trusting a figure.
type Warning struct {
	Code  string `json:"code"`  // stable, kebab-case
	Scope string `json:"scope"` // what it is about: a node's address, a database, a namespace
	Text  string `json:"text"`  // one sentence for people
}

// Namespace is a pattern and the statistics of its keys.
type Namespace struct {
	DB      int    `json:"db"`              // number of the logical database
	Pattern string `json:"pattern"`         // such as resque:status:<uuid>
	Other   bool   `json:"other,omitempty"` // the rest, beyond Design.NamespaceLimit
	Rule    bool   `json:"rule,omitempty"`  // one of Design.PatternRules gave the name
	Stats
}

// OtherPattern is the name shown for keys beyond the limit on namespaces.
// Namespace.Other, not this name, identifies that row: a key may be called so.
const OtherPattern = "(other)"

// OtherType is the name in Stats.Types for types beyond MaxTypes and for replies to
// TYPE that are not names of types.
const OtherType = "(other)"

// Key is a key shown as an example, or as one of the largest.
type Key struct {
	DB int `json:"db"` // number of the logical database
	KeyName
	Bytes *int64 `json:"bytes,omitempty"` // MEMORY USAGE, bytes
	Type  string `json:"type,omitempty"`
	// TTLS is the remaining time to live in seconds; absent when it is unknown
	// or when NoTTL says that there is none.
	TTLS  *float64 `json:"ttl_s,omitempty"`
	NoTTL bool     `json:"no_ttl,omitempty"`
	IdleS *int64   `json:"idle_s,omitempty"` // seconds; see IdleStats.Measure
}

// Node is one server process, as it was when the scan began.
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

// Database is one logical database of a node, and how far its scan came.
type Database struct {
	DB         int       `json:"db"` // its number
	Complete   bool      `json:"complete"`
	Incomplete string    `json:"incomplete,omitempty"` // why it is not complete
	Before     *Keyspace `json:"before,omitempty"`     // when the scan began
	After      *Keyspace `json:"after,omitempty"`      // when the scan ended
	Returned   int64     `json:"returned"`             // names that SCAN returned, repeats included, up to the last page that was probed
	// NoTTLKeys are the keys that answered PTTL -1, to be held against
	// Keys-Expires of INFO; absent when PTTL is refused.
	NoTTLKeys *int64 `json:"no_ttl_keys,omitempty"` // keys
	// Covered is the share of the positions of SCAN's cursor that a sample covered,
	// in (0,1], or of the keys, where slots were drawn; absent for a census.
	Covered *float64 `json:"covered,omitempty"`
	// Cursor is the SCAN cursor at which an incomplete scan stopped.
	Cursor string `json:"cursor,omitempty"`
}

// Keyspace is a database's line in INFO keyspace.
type Keyspace struct {
	Keys    int64 `json:"keys"`    // keys, those expired but not yet removed included
	Expires int64 `json:"expires"` // keys with a TTL
}

// Receipt holds what the run cost the server.
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
	// Page is the COUNT of each SCAN. Where a latency budget chose it, Page is the
	// median over the pages, and PageLeast and PageMost are the smallest and the
	// largest; profiles of older versions lack these two.
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
	// KeyspaceHits and KeyspaceMisses count how far our probes raised the server's
	// counters of these names: by one for each probe but MEMORY USAGE.
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
	// EvictedByUs is an upper bound of the keys in EvictedMeanwhile that the server
	// evicted for these buffers: BufferBytes divided by the mean memory of a key.
	// Absent if one of the two is.
	EvictedByUs *int64 `json:"evicted_by_us,omitempty"` // keys
	// Repeats are names that SCAN returned again soon after, and that were not
	// measured again. Later repeats are measured twice.
	Repeats  int64  `json:"repeats"`  // names
	Returned int64  `json:"returned"` // names that SCAN returned, repeats included
	Waits    []Wait `json:"waits"`    // for a server that was not available
	// Stalls are the commands that took longer than the timeout, none when absent:
	// those that took longest, longest first.
	Stalls []Stall `json:"stalls,omitempty"`
	// Brakes are the pauses of the scan because the server changed, by cause; absent
	// when there were none. They are not in PausedS.
	Brakes []Brake `json:"brakes,omitempty"`
	// ProbeRTT holds round trips of PING on a connection of its own; absent when there
	// was none.
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

// Brake counts the pauses of the scan for one cause.
type Brake struct {
	Cause string  `json:"cause"`  // a clause about the server
	Count int64   `json:"count"`  // number of times
	TookS float64 `json:"took_s"` // seconds
}

// ProbeRTT is the effect on other clients: round trips of PING before the scan and
// during it, evenly spread over its time, pauses included.
type ProbeRTT struct {
	Before *RoundTrips `json:"before,omitempty"`
	During *RoundTrips `json:"during,omitempty"` // absent when the scan was too short
}

// RoundTrips summarizes round trips; its quantiles are within 5 %.
type RoundTrips struct {
	Pings int64   `json:"pings"` // number of them
	P50S  float64 `json:"p50_s"` // seconds
	P99S  float64 `json:"p99_s"` // seconds
}

// Wait counts the times that the server was not available for one cause.
type Wait struct {
	Cause string  `json:"cause"`  // in words
	Count int64   `json:"count"`  // number of times
	TookS float64 `json:"took_s"` // seconds, reconnecting included
}

// checkPatterns checks the decisions by which names were grouped, as far as a
// document can be written and read with them. See [pattern.Dictionary.Check].
func checkPatterns(p *pattern.Dictionary) error {
	if p == nil {
		return nil
	}
	broken := ""
	if !isUTF8(p.Delimiters) {
		broken = "delimiters"
	}
	for place, words := range p.Protected {
		if !isUTF8(place) || !isUTF8(words...) {
			broken = "protected"
		}
	}
	for from, to := range p.Fused {
		if !isUTF8(from, to) {
			broken = "fused"
		}
	}
	return inField("patterns", first(
		checkFigures(integer("version", int64(p.Version)), integer("lexer", int64(p.Lexer)), integer("k", int64(p.K))),
		firstBroken(condition{broken != "", broken, "not UTF-8"}),
	))
}

func isUTF8(texts ...string) bool {
	for _, t := range texts {
		if strings.ToValidUTF8(t, "") != t {
			return false
		}
	}
	return true
}
