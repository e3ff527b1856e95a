// Package profiletest makes profiles for tests: whole ones, and ones folded
// from keys that the test chooses.
package profiletest

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"keyprof/sampler/profile"
)

// Observation is one key and what a server answers about it.
type Observation struct {
	DB      int     // number of the logical database
	Pattern string  // namespace
	Name    string  // raw name of the key
	Type    string  // answer of TYPE
	Bytes   int64   // answer of MEMORY USAGE, bytes
	NoTTL   bool    // PTTL answered -1
	TTLS    float64 // remaining time to live in seconds, unless NoTTL
	IdleS   int64   // answer of OBJECT IDLETIME, seconds
}

// IdleOverS is the high-idle threshold of the profiles made here, in seconds.
const IdleOverS = 30 * 24 * 3600

// fewKeys is the number of examples and largest keys that are kept.
const fewKeys = 5

// Fold returns the profile of a census that saw these keys. It is as plain as it can
// be: it keeps all keys of a namespace and counts them again for each figure.
func Fold(observations ...Observation) *profile.Profile {
	began := time.Date(2026, 11, 21, 2, 0, 0, 0, time.UTC)
	p := &profile.Profile{
		Schema:     profile.SchemaVersion,
		Tool:       profile.Tool{Name: profile.ToolName, Version: "test"},
		Began:      began,
		Ended:      began.Add(90 * time.Second),
		Complete:   true,
		Missing:    []profile.Missing{},
		Design:     design(observations),
		Nodes:      []profile.Node{},
		Totals:     stats(observations),
		Namespaces: namespaces(observations),
		Largest:    largest(observations),
		Warnings:   []profile.Warning{},
		Receipt:    profile.Receipt{Commands: map[string]int64{}, Returned: int64(len(observations))},
	}
	return p
}

func design(observations []Observation) profile.Design {
	databases := map[int]bool{}
	for _, o := range observations {
		databases[o.DB] = true
	}
	return profile.Design{
		Method:         profile.MethodCensus,
		Fraction:       1,
		Databases:      append([]int{}, slices.Sorted(maps.Keys(databases))...),
		IdleOverS:      IdleOverS,
		NamespaceLimit: 4096,
		LexerVersion:   1,
	}
}

// namespaces returns the rows by database, then by pattern.
func namespaces(observations []Observation) []profile.Namespace {
	type id struct {
		db      int
		pattern string
	}
	groups := map[id][]Observation{}
	for _, o := range observations {
		groups[id{o.DB, o.Pattern}] = append(groups[id{o.DB, o.Pattern}], o)
	}
	rows := []profile.Namespace{}
	for k, group := range groups {
		rows = append(rows, profile.Namespace{DB: k.db, Pattern: k.pattern, Stats: stats(group)})
	}
	slices.SortFunc(rows, func(a, b profile.Namespace) int {
		return cmp.Or(cmp.Compare(a.DB, b.DB), cmp.Compare(a.Pattern, b.Pattern))
	})
	return rows
}

func stats(keys []Observation) profile.Stats {
	withTTL := where(keys, func(o Observation) bool { return !o.NoTTL })
	noTTL := where(keys, func(o Observation) bool { return o.NoTTL })
	highIdle := where(keys, func(o Observation) bool { return o.IdleS > IdleOverS })
	return profile.Stats{
		Probed:        int64(len(keys)),
		Keys:          profile.Exact(int64(len(keys))),
		Bytes:         sumBytes(keys),
		SampledBytes:  sumBytes(where(keys, func(o Observation) bool { return o.Type != "string" })),
		NoTTLKeys:     count(noTTL),
		NoTTLBytes:    sumBytes(noTTL),
		HighIdleKeys:  count(highIdle),
		HighIdleBytes: sumBytes(highIdle),
		Types:         types(keys),
		TTL: &profile.TTLStats{
			Histogram:    histogram(withTTL, ttlBucket),
			RemainS:      distribution(withTTL, func(o Observation) float64 { return o.TTLS }),
			IdlePlusTTLS: distribution(withTTL, func(o Observation) float64 { return float64(o.IdleS) + o.TTLS }),
		},
		Idle: &profile.IdleStats{
			Measure:   profile.IdleSinceAccess,
			HorizonS:  194 * 24 * 3600,
			Histogram: histogram(keys, idleBucket),
			IdleS:     distribution(keys, func(o Observation) float64 { return float64(o.IdleS) }),
		},
		IdleByTTL: joint(keys),
		Size:      distribution(keys, func(o Observation) float64 { return float64(o.Bytes) }),
		Examples:  examples(keys),
		Largest:   largest(keys),
	}
}

func where(keys []Observation, keep func(Observation) bool) []Observation {
	var kept []Observation
	for _, o := range keys {
		if keep(o) {
			kept = append(kept, o)
		}
	}
	return kept
}

func count(keys []Observation) *profile.Estimate {
	e := profile.Exact(int64(len(keys)))
	return &e
}

func sumBytes(keys []Observation) *profile.Estimate {
	e := profile.Exact(*bytesOf(keys))
	return &e
}

func bytesOf(keys []Observation) *int64 {
	sum := int64(0)
	for _, o := range keys {
		sum += o.Bytes
	}
	return &sum
}
