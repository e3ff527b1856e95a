package profile

import (
	"fmt"
	"regexp"
)

// hashForm is the form of KeyName.Hash.
var hashForm = regexp.MustCompile(`^[0-9a-f]{16}$`)

func (k *Key) check() error {
	ttl := 0.0
	if k.TTLS != nil {
		ttl = *k.TTLS
	}
	return first(
		k.KeyName.check(),
		checkFigures(
			whole("db", int64(k.DB)),
			maybe("bytes", k.Bytes),
			figure{"ttl_s", ttl},
			maybe("idle_s", k.IdleS),
		),
		checkTexts(text{"type", k.Type}),
		firstBroken(rule{k.NoTTL && k.TTLS != nil, "ttl_s", "there beside no_ttl"}),
	)
}

func (k *KeyName) check() error {
	raw, err := k.Raw()
	cut := k.Length != 0
	return first(
		checkTexts(text{"name", k.Name}),
		firstBroken(
			rule{err != nil, "name", "bad escape"},
			rule{len(raw) > MaxNameBytes, "name", "too long"},
			rule{cut && k.Length <= MaxNameBytes, "name_length", "not above the longest whole name"},
			rule{cut != hashForm.MatchString(k.Hash), "name_xxh64", "does not go with name_length"},
		),
	)
}

// checkTotals holds the totals against the sum of the namespaces. Where a
// figure is an estimate, or is not known everywhere, they need not agree.
func checkTotals(totals *Stats, namespaces []Namespace) error {
	for i, total := range totals.estimates() {
		sum, ok := sumExact(namespaces, i)
		if ok && total.e.IsExact() && total.e.Value != sum {
			return sumFault(total.name, total.e.Value, sum)
		}
	}
	for _, count := range plainCounts {
		sum := int64(0)
		for i := range namespaces {
			sum = addSaturating(sum, count.of(&namespaces[i].Stats))
		}
		// A namespace without a key that could be measured may be left out.
		if total := count.of(totals); sum > total || count.all && sum < total {
			return sumFault(count.name, total, sum)
		}
	}
	return nil
}

func sumFault(name string, total, sum int64) error {
	return &fault{"totals." + name, fmt.Sprintf("%d, but the namespaces add up to %d", total, sum)}
}

// sumExact is the sum of the estimate with index i over all namespaces, if all
// of them have it and it is exact.
func sumExact(namespaces []Namespace, i int) (sum int64, ok bool) {
	for j := range namespaces {
		e := namespaces[j].estimates()[i].e
		if !e.IsExact() {
			return 0, false
		}
		sum = addSaturating(sum, e.Value)
	}
	return sum, true
}

// plainCounts are the figures of Stats that are never estimates.
var plainCounts = []struct {
	name string
	all  bool // all keys that it counts are in a namespace
	of   func(*Stats) int64
}{
	{"probed", true, func(s *Stats) int64 { return s.Probed }},
	{"stalled", true, func(s *Stats) int64 { return s.Stalled }},
	{"vanished", false, func(s *Stats) int64 { return s.Vanished }},
	{"expired_keys", false, func(s *Stats) int64 { return s.Expired }},
	{"moved", false, func(s *Stats) int64 { return s.Moved }},
	{"denied", false, func(s *Stats) int64 { return s.Denied }},
	{"too_long", false, func(s *Stats) int64 { return s.TooLong }},
	{"failed", false, func(s *Stats) int64 { return s.Failed }},
}
