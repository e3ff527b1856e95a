package sampler

import (
	"cmp"
	"slices"
	"strings"

	"github.com/cespare/xxhash/v2"

	"keyprof/sampler/profile"
)

// How many keys are kept by name.
const (
	examplesKept       = 5   // a namespace
	largestKept        = 5   // a namespace
	largestOverallKept = 100 // all databases
)

// place is where a key stands in an order by rank, highest first: the hash of
// its name for an example, its size for one of the largest. Database and name
// make the order total, so that what is kept does not depend on arrival.
type place struct {
	rank uint64
	db   int
	name string // at most its first profile.MaxNameBytes
}

func (p place) compare(other place) int {
	return cmp.Or(cmp.Compare(other.rank, p.rank), cmp.Compare(p.db, other.db), strings.Compare(p.name, other.name))
}

// standout is a key that is kept by name.
type standout struct {
	place
	key profile.Key
}

// compare orders by place. SCAN may repeat a key that has changed meanwhile, so
// what was measured decides between two standouts at the same place.
func (s *standout) compare(other *standout) int {
	return cmp.Or(s.place.compare(other.place), compareMeasures(&s.key, &other.key))
}

// sameKey reports whether two standouts are of one key. Names that were cut may
// begin alike.
func (s *standout) sameKey(other *standout) bool {
	return s.name == other.name && s.db == other.db && s.key.Hash == other.key.Hash
}

func compareMeasures(a, b *profile.Key) int {
	return cmp.Or(
		comparePointers(a.Bytes, b.Bytes), comparePointers(a.TTLS, b.TTLS), comparePointers(a.IdleS, b.IdleS),
		strings.Compare(a.Type, b.Type), strings.Compare(a.Hash, b.Hash),
	)
}

// comparePointers puts what is absent first.
func comparePointers[T cmp.Ordered](a, b *T) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return -1
	case b == nil:
		return 1
	default:
		return cmp.Compare(*a, *b)
	}
}

// standouts are the keys with the first places, each name once.
type standouts struct {
	kept  []standout
	limit int
}

// wants reports whether a key at this place may be kept. It spares most keys
// the cost of being copied.
func (s *standouts) wants(p place) bool {
	return len(s.kept) < s.limit || p.compare(s.kept[len(s.kept)-1].place) <= 0
}

// add keeps the candidate if it is among the first. Of two with the same name
// the first in order is kept.
func (s *standouts) add(candidate standout) {
	same := slices.IndexFunc(s.kept, func(o standout) bool { return o.sameKey(&candidate) })
	if same >= 0 {
		if s.kept[same].compare(&candidate) <= 0 {
			return
		}
		s.kept = slices.Delete(s.kept, same, same+1)
	}
	at, _ := slices.BinarySearchFunc(s.kept, candidate, func(a, b standout) int { return a.compare(&b) })
	s.kept = slices.Insert(s.kept, at, candidate)
	s.kept = s.kept[:min(len(s.kept), s.limit)]
}

func (s *standouts) merge(other *standouts) {
	for _, o := range other.kept {
		if s.wants(o.place) {
			s.add(o)
		}
	}
}

func (s *standouts) keys() []profile.Key {
	keys := make([]profile.Key, 0, len(s.kept))
	for _, o := range s.kept {
		keys = append(keys, o.key)
	}
	return keys
}

// exampleRank orders names by hash: a choice that is arbitrary and yet the same
// on every run.
func exampleRank(name string) uint64 { return xxhash.Sum64String(name) }

// offer keeps the key if it is among the first of rank. What is kept is copied,
// so that the key's page can be used again.
func (s *standouts) offer(db int, o *Observation, rank uint64) {
	p := place{rank: rank, db: db, name: o.Name[:min(len(o.Name), profile.MaxNameBytes)]}
	if !s.wants(p) {
		return
	}
	kept := standout{place: p, key: keyOf(db, o)}
	if kept.name == kept.key.Name {
		kept.name = kept.key.Name // the same bytes, once
	} else {
		kept.name = strings.Clone(kept.name)
	}
	s.add(kept)
}

// keyOf is what a profile says of one key.
func keyOf(db int, o *Observation) profile.Key {
	key := profile.Key{DB: db, KeyName: profile.NewKeyName(o.Name), Type: o.Type, NoTTL: o.NoTTL}
	if o.HasBytes {
		key.Bytes = new(o.Bytes)
	}
	if o.HasTTL {
		key.TTLS = new(float64(o.TTLMillis) / millisPerSecond)
	}
	if o.HasIdle {
		key.IdleS = new(o.IdleS)
	}
	return key
}
