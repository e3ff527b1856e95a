package profile

import (
	"fmt"
	"regexp"
	"strconv"
)

// Sample says which keys were sampled: those in an interval of cursor positions, or
// those of slots chosen at random.
// A position is a cursor with its 64 bits reversed, so that SCAN goes through
// them in order. A key's is drawn at random by its hash, and stays the same as
// long as the process runs: see Node.RunID.
type Sample struct {
	From string `json:"from,omitempty"` // first position of the interval, a decimal number
	To   string `json:"to,omitempty"`   // position after the last one; not above From: the interval wraps at zero
	// Slots describes a sample of slots, where each slot of a cluster has its own hash
	// table; absent for an interval of positions.
	Slots *SampledSlots `json:"slots,omitempty"`
	// Covered is the share of all keys that were measured, by estimate, in (0,1]:
	// the mean of Database.Covered, each weighted by the keys of its database.
	Covered float64 `json:"covered"`
}

// SampledSlots describes how slots of a cluster were chosen at random, and then keys of
// these slots: with the
// same chance for each key, by the hash of a salt with the number of the slot, and of
// the salt with the name. With the same salt and Design.Fraction the same keys are
// chosen again, except for a few where a slot's share of all keys has changed.
type SampledSlots struct {
	Salt   string `json:"salt"`   // letters and digits
	Filled int64  `json:"filled"` // slots that had keys
	Drawn  int64  `json:"drawn"`  // number of slots chosen
	Keys   int64  `json:"keys"`   // keys in all slots, by CLUSTER COUNTKEYSINSLOT, when the scan began
	// Taken holds, for each of the SampleGroups random groups, the number of Keys that
	// the sample represents, including keys that vanished before being measured. It is
	// rounded to thousandths.
	Taken []float64 `json:"taken"`
}

// SampleSums are sums over the keys of a sample that were measured, not scaled
// up to all keys.
type SampleSums struct {
	Bytes        ByteSums `json:"bytes"`         // all keys whose size is known
	SampledBytes ByteSums `json:"sampled_bytes"` // see Stats.SampledBytes
	NoTTL        ByteSums `json:"no_ttl"`        // keys without a TTL
	HighIdle     ByteSums `json:"high_idle"`     // see Stats.HighIdleKeys
	// Groups divides the keys into groups at random, by the hash of their names; in a
	// sample of slots it divides the slots, and only in slots that are in every sample
	// the keys. A key is in the same group whenever it is measured. The variance between
	// the changes of the groups estimates that of the change between two samples.
	Groups Groups `json:"groups"`
}

// ByteSums are sums over some keys.
type ByteSums struct {
	Keys    int64   `json:"keys"`    // keys; of NoTTL and HighIdle also those of unknown size
	Bytes   int64   `json:"bytes"`   // bytes
	Squares Squares `json:"squares"` // sum of the squares of the sizes, bytes squared
	Largest int64   `json:"largest"` // bytes of the largest key
}

// SampleGroups is the number of random groups.
const SampleGroups = 16

// Student's t of 15 degrees of freedom, one less than there are random groups.
const (
	GroupsT95       = 2.131449545559323  // two-sided 95 %
	GroupsT95Single = 1.7530503556925552 // one-sided 95 %
)

// Groups are sums by group, each list of SampleGroups numbers.
type Groups struct {
	Keys          []int64 `json:"keys"`            // keys
	Bytes         []int64 `json:"bytes"`           // bytes
	NoTTLKeys     []int64 `json:"no_ttl_keys"`     // keys
	NoTTLBytes    []int64 `json:"no_ttl_bytes"`    // bytes
	HighIdleBytes []int64 `json:"high_idle_bytes"` // bytes
}

// Plus returns the sums over the union of two disjoint sets of keys.
func (s ByteSums) Plus(other ByteSums) ByteSums {
	return ByteSums{s.Keys + other.Keys, s.Bytes + other.Bytes, s.Squares.Plus(other.Squares), max(s.Largest, other.Largest)}
}

// Add counts one key of n bytes.
func (s *ByteSums) Add(n int64) { *s = s.Plus(ByteSums{1, n, SquareOf(n), n}) }

func (s *Sample) check(method string) error {
	if s == nil {
		return firstBroken(condition{method == MethodSample, "sample", "missing"})
	}
	return inField("sample", first(
		s.checkPlaces(),
		checkCovered(&s.Covered),
		firstBroken(condition{method != MethodSample, "method", "not that of a sample"}),
	))
}

func (s *Sample) checkPlaces() error {
	if s.Slots == nil {
		return first(checkPosition("from", s.From), checkPosition("to", s.To))
	}
	n := s.Slots
	return first(
		firstBroken(condition{s.From != "" || s.To != "", "from", "present beside slots"}),
		inField("slots", first(
			checkFigures(integer("filled", n.Filled), integer("drawn", n.Drawn), integer("keys", n.Keys)),
			firstBroken(
				condition{!saltForm.MatchString(n.Salt), "salt", "not letters and digits"},
				condition{n.Drawn > n.Filled, "drawn", "more than filled"},
				condition{n.Filled > n.Keys, "filled", "more than keys"},
				condition{len(n.Taken) != SampleGroups, "taken", fmt.Sprintf("not %d groups", SampleGroups)},
			),
			n.checkTaken(),
		)),
	)
}

func (n *SampledSlots) checkTaken() error {
	sum := 0.0
	for i, taken := range n.Taken {
		if err := checkFigures(figure{fmt.Sprintf("taken[%d]", i), taken}); err != nil {
			return err
		}
		sum += taken
	}
	return firstBroken(condition{sum > float64(n.Keys)+1, "taken", "more than keys"})
}

var saltForm = regexp.MustCompile(`^[A-Za-z0-9]{1,64}$`)

func checkPosition(name, text string) error {
	_, err := strconv.ParseUint(text, 10, 64)
	return firstBroken(condition{err != nil || !cursorForm.MatchString(text), name, "not a cursor position"})
}

func checkCovered(share *float64) error {
	if share == nil {
		return nil
	}
	return firstBroken(condition{!(*share > 0 && *share <= 1), "covered", "not in (0,1]"})
}

// check holds the sums against the number of keys that were measured.
func (s *SampleSums) check(probed int64) error {
	if s == nil {
		return nil
	}
	return inField("sample", first(
		inField("bytes", s.Bytes.check(probed)),
		inField("sampled_bytes", s.SampledBytes.check(probed)),
		inField("no_ttl", s.NoTTL.check(probed)),
		inField("high_idle", s.HighIdle.check(probed)),
		inField("groups", first(
			checkGroups("keys", s.Groups.Keys, probed),
			checkGroups("bytes", s.Groups.Bytes, s.Bytes.Bytes),
			checkGroups("no_ttl_keys", s.Groups.NoTTLKeys, s.NoTTL.Keys),
			checkGroups("no_ttl_bytes", s.Groups.NoTTLBytes, s.NoTTL.Bytes),
			checkGroups("high_idle_bytes", s.Groups.HighIdleBytes, s.HighIdle.Bytes),
		)),
	))
}

func (s *ByteSums) check(atMostKeys int64) error {
	return first(
		checkFigures(integer("keys", s.Keys), integer("bytes", s.Bytes), integer("largest", s.Largest)),
		firstBroken(
			condition{s.Keys > atMostKeys, "keys", "more than were measured"},
			condition{s.Largest > s.Bytes, "largest", "more than bytes"},
			condition{s.Squares.Float() > (1+rounding)*float64(s.Largest)*float64(s.Bytes), "squares", "more than bytes times largest"},
		),
	)
}

// rounding is the tolerance for a sum copied by another program.
const rounding = 1e-9

// checkGroups holds the sums of the groups against that of all keys.
func checkGroups(name string, groups []int64, sum int64) error {
	if len(groups) != SampleGroups {
		return &fieldError{name, fmt.Sprintf("not %d groups", SampleGroups)}
	}
	var all int64
	for i, n := range groups {
		if err := checkFigures(integer(fmt.Sprintf("%s[%d]", name, i), n)); err != nil {
			return err
		}
		all = addSaturating(all, n)
	}
	return firstBroken(condition{all != sum, name, "do not add up"})
}
