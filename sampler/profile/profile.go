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

import "time"

// SchemaVersion is the version of the document that this package writes.
const SchemaVersion = 1

// Profile describes the keyspace of one deployment at one moment.
type Profile struct {
	Schema int    `json:"schema"` // version of the document: SchemaVersion
	Tool   Tool   `json:"tool"`
	Label  string `json:"label,omitempty"`
	// Began and Ended enclose the walk, in UTC.
	Began time.Time `json:"began"`
	Ended time.Time `json:"ended"`
	// Complete means that every key of every selected database was walked and
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

// Measure is something that is asked about every key.
type Measure string

// The measures, by the names that Missing uses.
const (
	MeasureBytes Measure = "bytes" // MEMORY USAGE
	MeasureTTL   Measure = "ttl"   // PTTL
	MeasureIdle  Measure = "idle"  // OBJECT IDLETIME
	MeasureFreq  Measure = "freq"  // OBJECT FREQ
	MeasureType  Measure = "type"  // TYPE
)

// Missing is a measure that the server refuses, found out before the walk.
type Missing struct {
	Measure Measure `json:"measure"`
	Node    string  `json:"node"`             // address of the node that refuses it
	Reason  string  `json:"reason"`           // the server's answer
	Remedy  string  `json:"remedy,omitempty"` // what would allow it, such as an ACL rule
}

// Design says how keys were chosen and grouped: enough to repeat the run, and
// to refuse a comparison that would be meaningless.
type Design struct {
	Method   string  `json:"method"`   // MethodCensus or MethodSample
	Fraction float64 `json:"fraction"` // share of the keyspace that was to be covered, in [0,1]
	// Sample is which keys a sample is of; absent for a census.
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
	// Degraded means that some namespaces are coarser than the rules make them,
	// or summed up in a row that is Other, to stay within limits.
	Degraded bool      `json:"degraded,omitempty"`
	Patterns *Patterns `json:"patterns,omitempty"` // decisions by which names were grouped
}

// The methods.
const (
	MethodCensus = "census" // every key is measured
	MethodSample = "sample" // the keys in an interval of cursor positions are, or those of slots that were drawn
)

// Warning is doubt as data: something a reader must know to trust a figure.
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

// OtherType is the name in Stats.Types of what TYPE answered and what is no name of
// a type, or one too many.
const OtherType = "(other)"

// Key is one key that stands for others, or stands out.
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
