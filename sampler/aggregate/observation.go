package aggregate

// Outcome is what became of one key that SCAN returned.
type Outcome uint8

// The outcomes, from the most harmless to the gravest.
const (
	Measured    Outcome = iota
	Stalled             // measured, but for what the server did not answer in time
	Vanished            // gone when it was probed
	Expired             // its TTL ran out between SCAN and probe
	Moved               // of another node of the cluster
	TooLong             // has a name that is too long to ask about
	Denied              // outside the key patterns of our ACL user
	Failed              // an answer that makes no sense
	numOutcomes = iota
)

// Measured reports whether the key is in the figures.
func (o Outcome) Measured() bool { return o <= Stalled }

// Observation is what was learned about one key. A field counts only if its
// Has flag is set: unknown is not 0.
type Observation struct {
	Name    string
	Outcome Outcome

	HasBytes, HasTTL, NoTTL, HasIdle, HasFreq bool

	Shared    bool   // its idle time is not its own: the value is a shared integer
	Bytes     int64  // MEMORY USAGE
	TTLMillis int64  // PTTL, milliseconds; HasTTL
	IdleS     int64  // OBJECT IDLETIME, seconds
	Freq      int64  // OBJECT FREQ, 0 to 255
	Type      string // TYPE; empty when unknown
	Unit      uint64 // of a sample of slots, to which the key belongs; 0: there is none
}

// stringType is the one type of which MEMORY USAGE is exact.
const stringType = "string"

// isHighIdle reports whether the key was idle for more than over seconds; below 0
// that is not told.
func (o *Observation) isHighIdle(over int64) bool { return o.HasIdle && over >= 0 && o.IdleS > over }

// Page is the observations of one page of one database.
type Page struct {
	DB   int
	Keys []Observation
}
