package profile

import (
	"bytes"
	"encoding/json"
	"time"
)

// CheckupSchemaVersion is the version of the document that Checkup.JSON writes.
const CheckupSchemaVersion = 1

// Checkup is the result of a check: what the server is, which commands it refuses, the
// estimated cost of a scan of all keys, and warnings. What is unknown is absent.
type Checkup struct {
	Schema   int              `json:"schema"` // version of the document: CheckupSchemaVersion
	Tool     Tool             `json:"tool"`
	Checked  time.Time        `json:"checked"`
	Verdict  Verdict          `json:"verdict"`
	Reasons  []string         `json:"reasons"`        // why the verdict is not VerdictComplete
	Hint     string           `json:"hint,omitempty"` // what to do about it
	Server   CheckupServer    `json:"server"`
	Measures []CheckupMeasure `json:"measures"` // in the order in which their commands are sent
	// Missing are the measures that the server refuses.
	Missing  []Missing   `json:"missing"`
	Scan     CheckupScan `json:"scan"`
	ACL      CheckupACL  `json:"acl"`
	Walk     CheckupWalk `json:"walk"`
	Warnings []Warning   `json:"warnings"`
	// Commands are those that the check sent, by name with subcommand.
	Commands map[string]int64 `json:"commands"`
}

// Verdict says whether a profile would be complete.
type Verdict string

// The verdicts.
const (
	VerdictComplete   Verdict = "complete"   // complete, with all measures
	VerdictLacking    Verdict = "lacking"    // measures, databases or keys would be missing
	VerdictImpossible Verdict = "impossible" // no profile can be made
)

// CheckupServer holds what INFO reports of the server.
type CheckupServer struct {
	Address    string            `json:"address"` // host:port or socket path, without credentials
	Role       string            `json:"role"`
	Engine     string            `json:"engine"`
	Version    string            `json:"version"`
	Policy     string            `json:"policy,omitempty"`      // maxmemory-policy
	Maxmemory  *int64            `json:"maxmemory,omitempty"`   // bytes; 0 when there is no limit
	UsedMemory *int64            `json:"used_memory,omitempty"` // bytes
	UptimeS    *int64            `json:"uptime_s,omitempty"`    // seconds
	Link       *CheckupLink      `json:"link,omitempty"`        // of a replica
	Databases  []CheckupDatabase `json:"databases"`             // those that hold keys, and those selected
}

// CheckupLink is a replica's connection to its primary.
type CheckupLink struct {
	Primary string `json:"primary"`           // host:port, as the replica has it
	Status  string `json:"status"`            // "up" or "down"
	Syncing bool   `json:"syncing,omitempty"` // its data set is being replaced
	// DownS is the time since the link went down; absent also when it has never been
	// up.
	DownS *int64 `json:"down_s,omitempty"` // seconds
	// HeardS is the time since the last message from the primary.
	HeardS *int64 `json:"heard_s,omitempty"` // seconds
}

// CheckupDatabase is one logical database.
type CheckupDatabase struct {
	DB       int    `json:"db"` // its number
	Selected bool   `json:"selected"`
	Keys     *int64 `json:"keys,omitempty"`    // keys, by INFO
	Expires  *int64 `json:"expires,omitempty"` // keys with a TTL, by INFO
	Refusal  string `json:"refusal,omitempty"` // why it cannot be scanned
}

// CheckupMeasure is a measure of every key and the command that returns it.
type CheckupMeasure struct {
	Measure Measure `json:"measure"`
	Command string  `json:"command"` // with subcommand, in lower case
	Allowed bool    `json:"allowed"`
}

// CheckupScan says whether the user may send SCAN.
type CheckupScan string

// The values of CheckupScan.
const (
	ScanAllowed CheckupScan = "allowed"
	ScanRefused CheckupScan = "refused" // denied by the ACL, or unknown to the server
)

// CheckupACL holds the commands that would grant the permissions keyprof needs.
type CheckupACL struct {
	User string `json:"user"` // the user of the connection
	// Add grants that user the missing permissions; empty when none is missing, or when
	// it is not the ACL that refuses.
	Add string `json:"add,omitempty"`
	// Own creates a user for keyprof with these permissions only: a new one if the
	// connection is of the default user, else this one.
	Own string `json:"own"`
}

// CheckupWalk holds the estimated cost of a scan of all selected keys.
type CheckupWalk struct {
	MaxLoad    float64       `json:"max_load"`       // share of the server's main thread allowed, in (0,1]
	Rate       float64       `json:"rate,omitempty"` // keys a second allowed; absent without a limit
	Page       int           `json:"page"`           // keys asked for with each SCAN (COUNT)
	Match      string        `json:"match,omitempty"`
	LeastRTTS  float64       `json:"least_rtt_s"`            // seconds; least round trip seen
	Keys       *int64        `json:"keys,omitempty"`         // keys, by INFO; those that do not match included
	KeyCPUS    *CheckupRange `json:"key_cpu_s,omitempty"`    // seconds of the server's main thread a key
	ServerCPUS *CheckupRange `json:"server_cpu_s,omitempty"` // seconds of the server's main thread
	ElapsedS   *CheckupRange `json:"elapsed_s,omitempty"`    // seconds from the first key to the last
	Basis      []string      `json:"basis"`                  // how the figures were estimated, a sentence each
}

// CheckupRange is an estimated range.
type CheckupRange struct {
	Lo float64 `json:"lo"` // seconds
	Hi float64 `json:"hi"` // seconds
}

// JSON returns the document, indented, with control and format characters escaped.
func (r *Checkup) JSON() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	if err := e.Encode(r); err != nil {
		return nil, err
	}
	return EscapeHidden(b.Bytes()), nil
}
