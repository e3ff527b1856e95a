// Package checkup is what can be told of a profile before it is made: what the
// server is, what it would refuse, what a walk over all keys would take, and what
// to watch out for.
//
// Units are those of package profile: seconds in fields that end in _s, bytes,
// ratios in [0,1], times in UTC. What is unknown is absent.
package checkup

import (
	"bytes"
	"encoding/json"
	"time"

	"keyprof/sampler/profile"
)

// SchemaVersion is the version of the document that this package writes.
const SchemaVersion = 1

// Result is what a check found.
type Result struct {
	Schema   int          `json:"schema"` // version of the document: SchemaVersion
	Tool     profile.Tool `json:"tool"`
	Checked  time.Time    `json:"checked"`
	Verdict  Verdict      `json:"verdict"`
	Reasons  []string     `json:"reasons"`        // why the verdict is not Complete
	Hint     string       `json:"hint,omitempty"` // what to do about it
	Server   Server       `json:"server"`
	Measures []Measure    `json:"measures"` // in the order in which they are asked for
	// Missing are the measures that the server refuses.
	Missing  []profile.Missing `json:"missing"`
	Scan     Scan              `json:"scan"`
	ACL      ACL               `json:"acl"`
	Walk     Walk              `json:"walk"`
	Warnings []profile.Warning `json:"warnings"` // what to watch out for
	// Commands are those that the check sent, by name with subcommand.
	Commands map[string]int64 `json:"commands"`
}

// Verdict is what a profile would be.
type Verdict string

// The verdicts.
const (
	Complete   Verdict = "complete"   // complete, with all measures
	Lacking    Verdict = "lacking"    // measures, databases or keys would be missing
	Impossible Verdict = "impossible" // there would be none
)

// Server is what the server says of itself.
type Server struct {
	Address    string     `json:"address"` // host:port or socket path, without credentials
	Role       string     `json:"role"`
	Engine     string     `json:"engine"`
	Version    string     `json:"version"`
	Policy     string     `json:"policy,omitempty"`      // maxmemory-policy
	Maxmemory  *int64     `json:"maxmemory,omitempty"`   // bytes; 0 when there is no limit
	UsedMemory *int64     `json:"used_memory,omitempty"` // bytes
	UptimeS    *int64     `json:"uptime_s,omitempty"`    // seconds
	Link       *Link      `json:"link,omitempty"`        // of a replica
	Databases  []Database `json:"databases"`             // those that hold keys, and those selected
}

// Link is a replica's connection to its primary.
type Link struct {
	Primary string `json:"primary"`           // host:port, as the replica has it
	Status  string `json:"status"`            // "up" or "down"
	Syncing bool   `json:"syncing,omitempty"` // its data set is being exchanged
	// DownS is for how long it has been down; absent also when it has never been up.
	DownS *int64 `json:"down_s,omitempty"` // seconds
	// HeardS is how long ago the primary was last heard of.
	HeardS *int64 `json:"heard_s,omitempty"` // seconds
}

// Database is one logical database.
type Database struct {
	DB       int    `json:"db"` // its number
	Selected bool   `json:"selected"`
	Keys     *int64 `json:"keys,omitempty"`    // by INFO
	Expires  *int64 `json:"expires,omitempty"` // keys with a TTL, by INFO
	Refusal  string `json:"refusal,omitempty"` // why it cannot be walked
}

// Measure is something that is asked about every key.
type Measure struct {
	Measure profile.Measure `json:"measure"`
	Command string          `json:"command"` // with subcommand, in lower case
	Allowed bool            `json:"allowed"`
}

// Scan says whether our user may send SCAN.
type Scan string

// What may be known of SCAN.
const (
	ScanAllowed Scan = "allowed"
	ScanRefused Scan = "refused" // by ACL, or not known to the server
)

// ACL are the commands that would allow what keyprof asks for.
type ACL struct {
	User string `json:"user"` // the one that we are logged in as
	// Add adds to that user's rights what is missing; empty when nothing is, or
	// when it is not ACL that refuses it.
	Add string `json:"add,omitempty"`
	// Own makes a user of keyprof's own, who may do nothing else: another one
	// where we are the default user, else this one.
	Own string `json:"own"`
}

// Walk is what a walk over all selected keys would take.
type Walk struct {
	MaxLoad    float64  `json:"max_load"` // share of the server's main thread allowed, in (0,1]
	Rate       float64  `json:"rate,omitempty"`
	Page       int      `json:"page"` // keys asked for with each SCAN (COUNT)
	Match      string   `json:"match,omitempty"`
	LeastRTTS  float64  `json:"least_rtt_s"`            // seconds; least round trip seen
	Keys       *int64   `json:"keys,omitempty"`         // by INFO; those that do not match included
	KeyCPUS    *Range   `json:"key_cpu_s,omitempty"`    // seconds of the server's main thread a key
	ServerCPUS *Range   `json:"server_cpu_s,omitempty"` // seconds of the server's main thread
	ElapsedS   *Range   `json:"elapsed_s,omitempty"`    // seconds from the first key to the last
	Basis      []string `json:"basis"`                  // what the figures rest on, a sentence each
}

// Range is an estimate.
type Range struct {
	Lo float64 `json:"lo"`
	Hi float64 `json:"hi"`
}

// JSON is the document, indented, with nothing in it that a terminal obeys.
func (r *Result) JSON() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	if err := e.Encode(r); err != nil {
		return nil, err
	}
	return profile.EscapeHidden(b.Bytes()), nil
}
