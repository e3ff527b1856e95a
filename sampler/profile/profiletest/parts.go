package profiletest

import (
	"cmp"
	"math"
	"slices"

	"keyprof/sampler/profile"
)

func types(keys []Observation) map[string]profile.TypeStats {
	byType := map[string]profile.TypeStats{}
	for _, o := range keys {
		if _, done := byType[o.Type]; done {
			continue
		}
		same := where(keys, func(other Observation) bool { return other.Type == o.Type })
		byType[o.Type] = profile.TypeStats{Keys: int64(len(same)), Bytes: bytesOf(same)}
	}
	return byType
}

// ttlBucket and idleBucket are the buckets of a key. A fraction of a second
// counts up, as an edge is inclusive.
func ttlBucket(o Observation) int {
	return profile.BucketIndex(profile.Edges, int64(math.Ceil(o.TTLS)))
}

func idleBucket(o Observation) int { return profile.BucketIndex(profile.Edges, o.IdleS) }

func histogram(keys []Observation, bucket func(Observation) int) []profile.Bucket {
	buckets := []profile.Bucket{}
	for i := range len(profile.Edges) + 1 {
		in := where(keys, func(o Observation) bool { return bucket(o) == i })
		if len(in) > 0 {
			edge := profile.EdgeAt(profile.Edges, i)
			buckets = append(buckets, profile.Bucket{Edge: edge, Keys: int64(len(in)), Bytes: bytesOf(in)})
		}
	}
	return buckets
}

// joint returns the table of idle time by remaining TTL; those without a TTL come
// last in each row.
func joint(keys []Observation) []profile.IdleByTTL {
	beyond := len(profile.Edges)
	var cells []profile.IdleByTTL
	for idle := range beyond + 1 {
		row := where(keys, func(o Observation) bool { return idleBucket(o) == idle })
		for ttl := range beyond + 2 {
			in := where(row, func(o Observation) bool {
				return o.NoTTL && ttl == beyond+1 || !o.NoTTL && ttlBucket(o) == ttl
			})
			if len(in) == 0 {
				continue
			}
			cells = append(cells, profile.IdleByTTL{
				IdleLE: profile.EdgeAt(profile.Edges, idle),
				TTLLE:  profile.EdgeAt(profile.Edges, ttl),
				NoTTL:  ttl == beyond+1,
				Keys:   int64(len(in)),
				Bytes:  bytesOf(in),
			})
		}
	}
	return cells
}

func distribution(keys []Observation, value func(Observation) float64) *profile.Distribution {
	if len(keys) == 0 {
		return nil
	}
	var s profile.Sketch
	values := make([]float64, len(keys))
	var sum profile.Sum
	for i, o := range keys {
		values[i] = value(o)
		sum = sum.Plus(profile.SumOfThousandths(int64(math.Round(values[i] * 1000))))
		s.Add(values[i])
	}
	return profile.NewDistribution(&s, slices.Min(values), slices.Max(values), sum)
}

// examples returns the first keys by name: any choice that does not depend on the
// order of the keys will do here.
func examples(keys []Observation) []profile.Key {
	return firstKeys(keys, func(a, b Observation) int { return cmp.Compare(a.Name, b.Name) })
}

func largest(keys []Observation) []profile.Key {
	return firstKeys(keys, func(a, b Observation) int {
		return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), cmp.Compare(a.DB, b.DB), cmp.Compare(a.Name, b.Name))
	})
}

func firstKeys(keys []Observation, order func(a, b Observation) int) []profile.Key {
	sorted := slices.SortedStableFunc(slices.Values(keys), order)
	chosen := []profile.Key{}
	for _, o := range sorted[:min(fewKeys, len(sorted))] {
		chosen = append(chosen, key(o))
	}
	return chosen
}

func key(o Observation) profile.Key {
	k := profile.Key{
		DB:      o.DB,
		KeyName: profile.NewKeyName(o.Name),
		Bytes:   &o.Bytes,
		Type:    o.Type,
		NoTTL:   o.NoTTL,
		IdleS:   &o.IdleS,
	}
	if !o.NoTTL {
		k.TTLS = &o.TTLS
	}
	return k
}
