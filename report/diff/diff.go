// Package diff compares two profiles of one deployment: what changed, namespace
// by namespace; which of that is more than noise; and how long what is left of a
// limit lasts at the rates seen.
//
// What cannot be compared is not: a figure that a restart, another version or
// another threshold makes incomparable has no change, and a [Caveat] says why.
// Two profiles that were walked over different keys are refused.
package diff

import (
	"time"

	"keyprof/sampler/profile"
)

// SchemaVersion is the version of the document that a Comparison is as JSON.
const SchemaVersion = 1

// Comparison is what changed from one profile to another.
type Comparison struct {
	Schema int          `json:"schema"` // version of the document: SchemaVersion
	Tool   profile.Tool `json:"tool"`   // that compared
	Old    Side         `json:"old"`
	New    Side         `json:"new"`
	// ElapsedS are the seconds from the middle of the old walk to that of the new.
	ElapsedS float64 `json:"elapsed_s"`
	// Totals are of all keys, Namespaces of each namespace, by database and
	// pattern: the union of both sides.
	Totals     Row          `json:"totals"`
	Namespaces []Row        `json:"namespaces"`
	Server     []ServerLine `json:"server"`
	// Pool is what a volatile-* policy can evict; absent if TTLs were not measured.
	Pool    *Pool    `json:"pool,omitempty"`
	Runways []Runway `json:"runways"`
	// NoRunway is why the limit that the policy leads to is not in Runways, or why
	// it leads to none, in words for people; empty if it is there.
	NoRunway  string    `json:"no_runway,omitempty"`
	TTLLosses []TTLLoss `json:"ttl_stopped"` // the worst first
	// TTLLossUnknown is why nothing can be in TTLLoss, in words for people; empty
	// if the idle times tell.
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

	// Profile is what the side was read from.
	Profile *profile.Profile `json:"-"`
}

// at returns the middle of the walk: keys were measured before and after it alike.
func (s Side) at() time.Time { return s.Began.Add(s.Ended.Sub(s.Began) / 2) }

// Measure is a figure that is compared, by its name in the documents.
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

// Measures are all measures, in the order in which they are shown.
var Measures = []Measure{Keys, Bytes, NoTTLKeys, NoTTLBytes, NoTTLShare, HighIdleBytes, MeanSize}

// Row is what changed in a namespace, or in all of them together.
type Row struct {
	DB      int    `json:"db"`
	Pattern string `json:"pattern,omitempty"` // empty: all keys
	Other   bool   `json:"other,omitempty"`   // see [profile.Namespace]
	Rule    bool   `json:"rule,omitempty"`
	State   State  `json:"state"`
	// Changes holds no measure that neither side has.
	Changes map[Measure]Change `json:"changes"`

	// Old and New are what the row was made from; nil where there are no keys.
	Old *profile.Stats `json:"-"`
	New *profile.Stats `json:"-"`
}

// State says on which side there are keys.
type State string

// The states. Unsure are rows that one side lacks, where that side sums keys up
// beyond its limit on namespaces, is incomplete or another sample: they may be there
// all the same.
const (
	Kept     State = "kept"
	Added    State = "new"
	Vanished State = "vanished"
	Unsure   State = "unsure"
)

// Change is one figure on both sides.
type Change struct {
	Old *float64 `json:"old,omitempty"` // in the unit of the measure; absent: not known
	New *float64 `json:"new,omitempty"`
	// Delta is New less Old; absent if either is, or if they cannot be compared.
	Delta *float64 `json:"change,omitempty"`
	// Noise is by how much Delta may be off: see noise.go. Absent if that is not
	// bounded, and without Delta.
	Noise *float64 `json:"noise,omitempty"`
	// WithinNoise means that Delta is no more than noise may be, and not 0.
	WithinNoise bool `json:"within_noise,omitempty"`
	// PerDay is Delta a day; absent if the profiles are too close for a rate.
	PerDay *float64 `json:"per_day,omitempty"`
}

// Real reports whether something certainly changed.
func (c Change) Real() bool { return c.Delta != nil && *c.Delta != 0 && !c.WithinNoise }

// Growth returns Delta as a ratio of Old; ok is false if there is none.
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

// ServerLine is one figure of a server.
type ServerLine struct {
	Node string `json:"node"` // address, on the new side
	Name string `json:"name"` // as in INFO, or hit_ratio
	Kind Kind   `json:"kind"`
	Change
	// Ours is what the old walk itself may have caused at most, and what Delta leaves
	// out: keys that were evicted for its connections' buffers.
	Ours    float64 `json:"ours,omitempty"`
	OldText string  `json:"old_text,omitempty"` // of a Word
	NewText string  `json:"new_text,omitempty"`
}

// Kind is what a figure of a server is, and its unit.
type Kind string

// The kinds. A Counter's change is what was counted from the old profile to the
// new one; it has none if the process is another.
const (
	Size    Kind = "bytes"
	Number  Kind = "number"
	Ratio   Kind = "ratio"
	Share   Kind = "share" // in [0,1]
	Counter Kind = "counter"
	Word    Kind = "text"
)

// Pool is the keys that have a TTL: all that a volatile-* policy can evict.
type Pool struct {
	Keys       Change    `json:"keys"`
	Bytes      *Change   `json:"bytes,omitempty"` // absent: sizes were not measured
	Namespaces []PoolRow `json:"namespaces"`      // the largest in the new profile first
	Schedule   []Expiry  `json:"schedule"`        // what goes by itself, cumulative
}

// PoolRow is a namespace's part of a Pool.
type PoolRow struct {
	DB      int     `json:"db"`
	Pattern string  `json:"pattern"`
	Other   bool    `json:"other,omitempty"`
	Keys    Change  `json:"keys"`
	Bytes   *Change `json:"bytes,omitempty"`
}

// Expiry is what expires within a span after the new profile.
type Expiry struct {
	WithinS int64  `json:"within_s"` // seconds
	Keys    int64  `json:"keys"`
	Bytes   *int64 `json:"bytes,omitempty"`
}

// Limit is what a Runway leads to.
type Limit string

// The limits.
const (
	PoolEmpty     Limit = "pool-empty"     // no key with a TTL is left to evict
	MaxmemoryFull Limit = "maxmemory-full" // used_memory has reached maxmemory
)

// Runway is the time until a limit is reached, if what was seen goes on.
type Runway struct {
	Limit Limit `json:"limit"`
	// Days from the new profile, at the rate between the two profiles; 0 if the
	// limit is reached, absent if that rate does not certainly lead to it.
	Days *float64 `json:"days,omitempty"`
	// Soonest and Latest are Days at the fastest and the slowest rate of all that
	// were seen; absent with fewer than two rates, and once the limit is reached.
	// Each is absent, too, if its rate does not lead to the limit; Latest also if
	// Days is absent.
	Soonest *float64 `json:"soonest_days,omitempty"`
	Latest  *float64 `json:"latest_days,omitempty"`
	// Left is what is left of the way, in keys (pool) or bytes (maxmemory).
	Left  float64 `json:"left"`
	Rates []Rate  `json:"rates"` // oldest first, the last one between the two profiles
	// Assumption is what the figure rests on, Consequence what happens then, in
	// words for people.
	Assumption  string `json:"assumption"`
	Consequence string `json:"consequence"`
}

// Rate is how fast the way to a limit is covered: less is left by PerDay a day.
// Keys that the walk at its beginning may have evicted itself are left out of it.
type Rate struct {
	From   time.Time `json:"from"`
	To     time.Time `json:"to"`
	PerDay float64   `json:"per_day"` // keys or bytes; negative: away from the limit
	// EvictedByUs is how many keys were left out.
	EvictedByUs float64 `json:"evicted_by_us,omitempty"`
}

// TTLLoss is a namespace whose keys are written without a TTL since the old
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
	// MoreNoTTL is by how many keys without a TTL the namespace has grown.
	MoreNoTTL int64 `json:"more_no_ttl_keys"`
	// Jumped means that the share without a TTL is higher in Recent than in Older,
	// or than it was in the old profile, by far more than chance and than reads of
	// old keys explain. Otherwise keys without a TTL still arrive, as before, among
	// keys that have one.
	Jumped   bool          `json:"jumped"`
	Examples []profile.Key `json:"examples"` // recent keys without a TTL
}

// Portion is some keys, and how many of them never expire.
type Portion struct {
	Keys  int64 `json:"keys"`
	NoTTL int64 `json:"no_ttl_keys"`
}

// Share returns that of the keys which never expire; 0 without keys.
func (p Portion) Share() float64 {
	if p.Keys == 0 {
		return 0
	}
	return float64(p.NoTTL) / float64(p.Keys)
}
