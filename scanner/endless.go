package scanner

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// Why a walk is ended that would not end by itself.
var (
	errStuck  = errors.New("SCAN returned the cursor that it was given, so the walk would never end")
	errCircle = errors.New("SCAN returned a cursor for the second time, so the walk would never end")
	errEmpty  = fmt.Errorf("SCAN returned no key more than %d times in a row, and no last cursor", mostEmpty)
	errTooOld = fmt.Errorf("the walk took longer than %s, and INFO does not tell how many keys there are", longestBlind)
)

// Bounds of a walk. Without MATCH each SCAN that returns nothing has passed over 10
// times COUNT buckets, so that no table is that large.
const (
	mostEmpty    = 1 << 24        // pages without a name, in a row
	mostGrowth   = 10             // times the keys that INFO knows may come,
	anyGrowth    = 1_000_000      // and so many more
	longestBlind = 24 * time.Hour // of a walk when INFO knows no number of keys
)

// circle finds a sequence of cursors that comes back to one that it had, as Brent's
// algorithm does (BIT 20, 1980): a cursor is remembered for twice as many steps as
// the one before.
type circle struct {
	remembered  uint64
	left, steps int // until another is remembered; in all
	empty       int // pages without a name, in a row
}

// comesBack reports whether the cursor was there before.
func (c *circle) comesBack(cursor uint64) bool {
	if c.steps > 0 && cursor == c.remembered {
		return true
	}
	if c.left == 0 {
		c.remembered, c.steps = cursor, max(1, 2*c.steps)
		c.left = c.steps
	}
	c.left--
	return false
}

// endless is an error when a page shows that the walk would not end by itself.
func (w *Walk) endless(l *lane, page *ScanReply) error {
	came := len(page.Names) + len(page.Long)
	w.came += int64(came)
	if l.circle.empty++; came > 0 {
		l.circle.empty = 0
	}
	limit := mostGrowth*min(w.Keys, math.MaxInt64/mostGrowth/2) + anyGrowth
	switch {
	case w.Keys > 0 && w.came > limit:
		return fmt.Errorf("SCAN returned %d names where INFO knows %d keys, and no last cursor", w.came, w.Keys)
	case w.Keys <= 0 && time.Since(w.began) > longestBlind:
		return errTooOld
	case w.Match == "" && l.circle.empty > mostEmpty, w.Keys > 0 && int64(l.circle.empty) > mostEmpty+limit:
		return errEmpty
	case l.trip.Scan == nil || page.Cursor == 0 || l.bounded: // those in order are held to it
		return nil
	case page.Cursor == l.scan.Cursor:
		return errStuck
	case l.circle.comesBack(page.Cursor):
		return errCircle
	}
	return nil
}
