package scanner

import "github.com/cespare/xxhash/v2"

// recentSlots is how many names of one range are remembered at most: hundreds of
// pages.
const recentSlots = 1 << 15

// recentNames remembers names that SCAN returned lately. While a table shrinks
// SCAN returns whole chains again (dict.c, dictScan), mostly soon after the first
// time. One slot a hash makes it forget a few too early, which leaves a repeat
// in and never takes a key out.
type recentNames []uint64 // hashes; 0: free

func newRecentNames(ranges int) recentNames { return make(recentNames, ranges*recentSlots) }

// drop takes out of names those that were returned lately, and remembers the
// others.
func (r recentNames) drop(names []string) []string {
	kept := names[:0]
	for _, name := range names {
		hash := xxhash.Sum64String(name) | 1
		if slot := &r[hash>>1%uint64(len(r))]; *slot != hash {
			*slot = hash
			kept = append(kept, name)
		}
	}
	return kept
}
