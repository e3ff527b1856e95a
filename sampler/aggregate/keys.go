package aggregate

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

// keyRank orders keys by rank, highest first: the hash of
// its name for an example, its size for one of the largest. Database and name
// make the order total, so that what is kept does not depend on arrival.
type keyRank struct {
	rank uint64
	db   int
	name string // at most its first profile.MaxNameBytes
}

func (p keyRank) compare(other keyRank) int {
	if p.rank != other.rank { // as for almost all keys: names are far away in memory
		return cmp.Compare(other.rank, p.rank)
	}
	return cmp.Or(cmp.Compare(p.db, other.db), strings.Compare(p.name, other.name))
}

// topKey is a key that is kept by name, with its measures. It becomes a profile.Key,
// which is twice as large, only at the end.
type topKey struct {
	keyRank
	bytes, ttlMillis, idleS          int64 // 0 if unknown
	typeName                         string
	cut                              *profile.KeyName // of a name that was cut
	hasBytes, hasTTL, noTTL, hasIdle bool
}

// compare orders keys by rank. SCAN may return a key again after it changed, so the
// measurements decide between two of the same rank.
func (s *topKey) compare(other *topKey) int {
	return cmp.Or(s.keyRank.compare(other.keyRank), s.compareMeasures(other))
}

// sameKey reports whether two of them are the same key. Names that were cut may
// begin alike.
func (s *topKey) sameKey(other *topKey) bool {
	return s.name == other.name && s.db == other.db && s.hash() == other.hash()
}

// hash returns the hash of a name that was cut, else "".
func (s *topKey) hash() string {
	if s.cut == nil {
		return ""
	}
	return s.cut.Hash
}

// compareMeasures puts what is absent first.
func (s *topKey) compareMeasures(other *topKey) int {
	return cmp.Or(
		CompareBools(s.hasBytes, other.hasBytes), cmp.Compare(s.bytes, other.bytes),
		CompareBools(s.hasTTL, other.hasTTL), cmp.Compare(s.ttlMillis, other.ttlMillis),
		CompareBools(s.hasIdle, other.hasIdle), cmp.Compare(s.idleS, other.idleS),
		strings.Compare(s.typeName, other.typeName), strings.Compare(s.hash(), other.hash()),
		CompareBools(s.noTTL, other.noTTL),
	)
}

// topKeys holds the keys of highest rank, each name once.
type topKeys struct {
	kept     []topKey
	limit    int
	pointees int // bytes that those kept point to
}

// admits reports whether a key of this rank may be kept. It spares most keys
// the cost of being copied.
func (s *topKeys) admits(p keyRank) bool {
	return len(s.kept) < s.limit || p.compare(s.kept[len(s.kept)-1].keyRank) <= 0
}

// add keeps the candidate if it is among the first. Of two with the same name
// the first in order is kept.
func (s *topKeys) add(candidate topKey) {
	same := slices.IndexFunc(s.kept, func(o topKey) bool { return o.sameKey(&candidate) })
	if same >= 0 {
		if s.kept[same].compare(&candidate) <= 0 {
			return
		}
		s.drop(same)
	}
	at, _ := slices.BinarySearchFunc(s.kept, candidate, func(a, b topKey) int { return a.compare(&b) })
	if at < s.limit {
		s.makeRoom()
		s.kept = slices.Insert(s.kept, at, candidate)
		s.pointees += candidate.pointees()
	}
}

func (s *topKeys) drop(i int) {
	s.pointees -= s.kept[i].pointees()
	s.kept = slices.Delete(s.kept, i, i+1)
}

// makeRoom makes room for one more, but none beyond the limit: there are
// thousands of lists.
func (s *topKeys) makeRoom() {
	switch n := len(s.kept); n {
	case s.limit:
		s.drop(n - 1)
	case cap(s.kept):
		s.kept = append(make([]topKey, 0, min(max(1, 2*n), s.limit)), s.kept...)
	}
}

func (s *topKeys) merge(other *topKeys) {
	for _, o := range other.kept {
		if s.admits(o.keyRank) {
			s.add(o)
		}
	}
}

func (s *topKeys) keys() []profile.Key {
	keys := make([]profile.Key, 0, len(s.kept))
	for i := range s.kept {
		keys = append(keys, s.kept[i].key())
	}
	return keys
}

// exampleRank orders names by hash: a choice that is arbitrary and yet the same
// on every run.
func exampleRank(name string) uint64 { return xxhash.Sum64String(name) }

// offer keeps the key if it is among the first of rank. What is kept is copied,
// so that the key's page can be used again.
func (s *topKeys) offer(db int, o *Observation, rank uint64) {
	p := keyRank{rank: rank, db: db, name: o.Name[:min(len(o.Name), profile.MaxNameBytes)]}
	if !s.admits(p) {
		return
	}
	s.add(newTopKey(p, o))
}

// newTopKey copies what is kept of a key.
func newTopKey(p keyRank, o *Observation) topKey {
	kept := topKey{keyRank: p, typeName: o.Type, hasBytes: o.HasBytes, hasTTL: o.HasTTL, noTTL: o.NoTTL, hasIdle: o.HasIdle}
	kept.name = strings.Clone(p.name)
	if len(o.Name) > len(p.name) {
		kept.cut = new(profile.NewKeyName(o.Name))
	}
	if o.HasBytes {
		kept.bytes = o.Bytes
	}
	if o.HasTTL {
		kept.ttlMillis = o.TTLMillis
	}
	if o.HasIdle {
		kept.idleS = o.IdleS
	}
	return kept
}

// key returns the key in the form of a profile.
func (s *topKey) key() profile.Key {
	key := profile.Key{DB: s.db, Type: s.typeName, NoTTL: s.noTTL}
	if s.cut != nil {
		key.KeyName = *s.cut
	} else {
		key.KeyName = profile.NewKeyName(s.name)
	}
	if s.hasBytes {
		key.Bytes = new(s.bytes)
	}
	if s.hasTTL {
		key.TTLS = new(float64(s.ttlMillis) / millisPerSecond)
	}
	if s.hasIdle {
		key.IdleS = new(s.idleS)
	}
	return key
}
