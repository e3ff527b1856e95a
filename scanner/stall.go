package scanner

import (
	"errors"
	"time"
)

// ErrStalled is the Reply.Err of a probe that the server did not answer in time.
// It is not sent again for that key.
var ErrStalled = errors.New("not answered in time")

// Stall is one probe whose answer took longer than the timeout.
type Stall struct {
	DB       int // number of the logical database
	Probe    Probe
	Key      string
	Took     time.Duration // that we waited
	Answered bool          // the answer came in the end, and was used
}

// Stalls are the probes that took longer than the timeout so far, the first one
// first.
func (c *Conn) Stalls() []Stall { return nil }
