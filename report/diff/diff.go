// Package diff compares two profiles of one deployment: the changes of each
// namespace, which of them exceed noise, and when limits are reached at the rates
// seen.
//
// Figures that cannot be compared are left out: a figure that a restart, another
// version or another threshold makes incomparable has no change, and a [Caveat] says
// why. Two profiles of different keys are refused.
package diff

import (
	"time"

	"keyprof/sampler/profile"
)

// SchemaVersion is the version of the JSON document of a Comparison.
const SchemaVersion = 1

// Comparison holds the changes from one profile to another.
type Comparison struct {
	Schema int          `json:"schema"` // version of the document: SchemaVersion
	Tool   profile.Tool `json:"tool"`   // that compared
	Old    Side         `json:"old"`
	New    Side         `json:"new"`
	// ElapsedS is the time from the middle of the old scan to that of the new one,
	// in seconds.
	ElapsedS float64 `json:"elapsed_s"`
	// Totals compares all keys, Namespaces each namespace of either profile, sorted
	// by database and pattern.
	Totals     Row          `json:"totals"`
	Namespaces []Row        `json:"namespaces"`
	Server     []ServerLine `json:"server"`
	// Pool holds the keys that have a TTL: all that a volatile-* policy can evict.
	Pool    *Pool    `json:"pool,omitempty"`
	Runways []Runway `json:"runways"`
	// NoRunway says, in words for people, why Runways lacks the limit that the
	// maxmemory-policy leads to, or why there is none; empty if Runways has it.
	NoRunway  string    `json:"no_runway,omitempty"`
	TTLLosses []TTLLoss `json:"ttl_stopped"` // the worst first
	// TTLLossUnknown says, in words for people, why TTLLosses cannot be found; empty
	// if they can.
	TTLLossUnknown string   `json:"ttl_stopped_unknown,omitempty"`
	Caveats        []Caveat `json:"warnings"`
}

// Side is one of the two profiles.
type Side struct {
	Source   string    `json:"source,omitempty"` // such as the name of its file
	Label    string    `json:"label,omitempty"`
	Began    time.Time `json:"began"`
	Ended    time.Time `json:"ended"`
	Complete bool      `json:"complete"`

	// Profile is the profile itself.
	Profile *profile.Profile `json:"-"`
}

// at returns the middle of the scan: about as many keys were measured before as
// after.
func (s Side) at() time.Time { return s.Began.Add(s.Ended.Sub(s.Began) / 2) }

// Measure names a figure that is compared, as in the documents.
type Measure string

// The measures.
const (
	Keys          Measure = "keys"
	Bytes         Measure = "bytes"
	NoTTLKeys     Measure = "no_ttl_keys"
	NoTTLBytes    Measure = "no_ttl_bytes"
	NoTTLShare    Measure = "no_ttl_share" // of the keys
	HighIdleBytes Measure = "high_idle_bytes"
	MeanSize      Measure = "mean_size" // bytes a key
)

// Measures lists all measures, in the order in which they are shown.
var Measures = []Measure{Keys, Bytes, NoTTLKeys, NoTTLBytes, NoTTLShare, HighIdleBytes, MeanSize}

// Row holds the changes of a namespace, or of all keys together.
type Row struct {
	DB      int    `json:"db"`
	Pattern string `json:"pattern,omitempty"` // empty: all keys
	Other   bool   `json:"other,omitempty"`   // see [profile.Namespace]
	Rule    bool   `json:"rule,omitempty"`
	State   State  `json:"state"`
	// Changes holds the measures that at least one profile has.
	Changes map[Measure]Change `json:"changes"`

	// Old and New are the statistics compared; nil where there are no keys.
	Old *profile.Stats `json:"-"`
	New *profile.Stats `json:"-"`
}

// State says which of the profiles has keys in a namespace.
type State string

// The states. Unsure is a namespace that one profile lacks but may have all the
// same, as it sums up namespaces beyond its limit, is incomplete, or is another
// sample.
const (
	Kept     State = "kept"
	Added    State = "new"
	Vanished State = "vanished"
	Unsure   State = "unsure"
)

// Change holds one figure of both profiles.
type Change struct {
	Old *float64 `json:"old,omitempty"` // in the unit of the measure; absent: not known
	New *float64 `json:"new,omitempty"`
	// Delta is New - Old; absent if either is, or if they cannot be compared.
	Delta *float64 `json:"change,omitempty"`
	// Noise is the largest error of Delta: see noise.go. Absent if it has no bound,
	// and without Delta.
	Noise *float64 `json:"noise,omitempty"`
	// WithinNoise means that Delta is not 0 but at most Noise.
	WithinNoise bool `json:"within_noise,omitempty"`
	// PerDay is Delta per day; absent if the profiles are too close for a rate.
	PerDay *float64 `json:"per_day,omitempty"`
}

// Real reports whether the figure certainly changed.
func (c Change) Real() bool { return c.Delta != nil && *c.Delta != 0 && !c.WithinNoise }

// Growth returns Delta as a ratio of Old; ok is false if either is unknown, or Old
// is 0.
func (c Change) Growth() (ratio float64, ok bool) {
	if c.Delta == nil || c.Old == nil || *c.Old <= 0 {
		return 0, false
	}
	return *c.Delta / *c.Old, true
}

// Caveat is a difference between the profiles that is not about their keys, and
// what it makes incomparable.
type Caveat struct {
	Code  string    `json:"code"` // stable, kebab-case
	Text  string    `json:"text"` // one sentence for people
	Hides []Measure `json:"hides,omitempty"`
	// HidesNamespaces means that only all keys together are compared.
	HidesNamespaces bool `json:"hides_namespaces,omitempty"`
}

// ServerLine holds one figure of a server in both profiles.
type ServerLine struct {
	Node string `json:"node"` // address, on the new side
	Name string `json:"name"` // as in INFO, or hit_ratio
	Kind Kind   `json:"kind"`
	Change
	// Ours is an upper bound of what the old scan itself caused, and is not in Delta:
	// keys that were evicted for its client buffers.
	Ours    float64 `json:"ours,omitempty"`
	OldText string  `json:"old_text,omitempty"` // of a Word
	NewText string  `json:"new_text,omitempty"`
}

// Kind is the type and unit of a figure of a server.
type Kind string

// The kinds. The change of a Counter is its increase from the old profile to the
// new one; it has none if the server process changed.
const (
	Size    Kind = "bytes"
	Number  Kind = "number"
	Ratio   Kind = "ratio"
	Share   Kind = "share" // in [0,1]
	Counter Kind = "counter"
	Word    Kind = "text"
)

// Pool holds the keys that have a TTL: all that a volatile-* policy can evict.
type Pool struct {
	Keys       Change    `json:"keys"`
	Bytes      *Change   `json:"bytes,omitempty"` // absent: sizes were not measured
	Namespaces []PoolRow `json:"namespaces"`      // the largest in the new profile first
	Schedule   []Expiry  `json:"schedule"`        // the keys that expire by themselves, cumulative
}

// PoolRow holds a namespace's part of a Pool.
type PoolRow struct {
	DB      int     `json:"db"`
	Pattern string  `json:"pattern"`
	Other   bool    `json:"other,omitempty"`
	Keys    Change  `json:"keys"`
	Bytes   *Change `json:"bytes,omitempty"`
}

// Expiry counts the keys that expire within a span after the new profile.
type Expiry struct {
	WithinS int64  `json:"within_s"` // seconds
	Keys    int64  `json:"keys"`
	Bytes   *int64 `json:"bytes,omitempty"`
}

// Limit names what a Runway leads to.
type Limit string

// The limits.
const (
	PoolEmpty     Limit = "pool-empty"     // no key with a TTL is left to evict
	MaxmemoryFull Limit = "maxmemory-full" // used_memory has reached maxmemory
)

// Runway is the time until a limit is reached, at the rates seen.
type Runway struct {
	Limit Limit `json:"limit"`
	// Days is the time from the new profile, at the rate between the two profiles; 0
	// if the limit is reached, absent if that rate does not certainly lead to it.
	Days *float64 `json:"days,omitempty"`
	// Soonest and Latest are Days at the fastest and the slowest rate of all that
	// were seen; absent with fewer than two rates, and once the limit is reached.
	// Each is absent, too, if its rate does not lead to the limit; Latest also if
	// Days is absent.
	Soonest *float64 `json:"soonest_days,omitempty"`
	Latest  *float64 `json:"latest_days,omitempty"`
	// Left is the amount left before the limit is reached, in keys (pool) or bytes
	// (maxmemory).
	Left  float64 `json:"left"`
	Rates []Rate  `json:"rates"` // oldest first, the last one between the two profiles
	// Assumption says what the figure assumes, Consequence what happens then, both
	// in words for people.
	Assumption  string `json:"assumption"`
	Consequence string `json:"consequence"`
}

// Rate is the speed at which a limit is approached: PerDay less is left each day.
// Keys that the scan at its beginning may have evicted itself are left out.
type Rate struct {
	From   time.Time `json:"from"`
	To     time.Time `json:"to"`
	PerDay float64   `json:"per_day"` // keys or bytes; negative: away from the limit
	// EvictedByUs is the number of keys left out.
	EvictedByUs float64 `json:"evicted_by_us,omitempty"`
}

// TTLLoss is a namespace whose keys have been written without a TTL since the old
// profile.
type TTLLoss struct {
	DB      int    `json:"db"`
	Pattern string `json:"pattern"`
	// Recent are the keys that were certainly written or read since the old profile
	// (see RecentMeans), being idle for at most RecentS, less those without a TTL
	// that may have been there without one. Older are those that certainly were
	// neither, being idle for more than OlderS, which is absent if no idle time could
	// tell. Both are in seconds.
	// Keys between RecentS and OlderS may be either, and are in neither.
	Recent  Portion `json:"recent"`
	RecentS int64   `json:"recent_within_s"`
	Older   Portion `json:"older"`
	OlderS  int64   `json:"older_beyond_s,omitempty"`
	// MoreNoTTL is the increase in keys without a TTL.
	MoreNoTTL int64 `json:"more_no_ttl_keys"`
	// Jumped means that the share without a TTL is higher in Recent than in Older,
	// or than it was in the old profile, by far more than chance and than reads of
	// old keys explain. Otherwise keys without a TTL still arrive, as before, among
	// keys that have one.
	Jumped   bool          `json:"jumped"`
	Examples []profile.Key `json:"examples"` // recent keys without a TTL
}

// Portion counts keys, and those among them without a TTL.
type Portion struct {
	Keys  int64 `json:"keys"`
	NoTTL int64 `json:"no_ttl_keys"`
}

// Share returns the share of the keys without a TTL; 0 without keys.
func (p Portion) Share() float64 {
	if p.Keys == 0 {
		return 0
	}
	return float64(p.NoTTL) / float64(p.Keys)
}
