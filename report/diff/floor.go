package diff

import "math"

// Floor is how far MEMORY USAGE of the keys of a type moves by itself, since the
// server looks at the first five elements, and which those are depends on a seed
// that it draws when it starts. The figures are those that scripts/noise measured
// on redis-server 7.0.15 over ten restarts with the same data.
type Floor struct {
	// Spread is the standard deviation of one key's bytes, relative to them.
	Spread float64
	// Most is how far two readings of one key lie apart at most, in 95 of 100 cases
	// of the worst shape: as a ratio of the larger.
	Most float64
	// Loading is by how much all bytes may differ between keys as clients wrote them
	// and the same keys loaded from a file, as a ratio; LoadingPerKey in bytes a key.
	Loading       float64
	LoadingPerKey float64
	// Together is by how much all bytes may move at once in another process, as a
	// ratio: keys with the same elements keep them in the same order then.
	Together float64
}

// floors are by type. For lists and streams the spread is what covers 95 % of the
// changes of sums, as fronts of queues do not move quite independently.
var floors = map[string]Floor{
	"string": {},
	"hash":   {Spread: 0.65, Most: 0.8, Loading: 0.08, Together: 0.8},
	"set":    {Spread: 0.70, Most: 0.8, Loading: 0.08, Together: 0.8},
	"zset":   {Spread: 0.40, Most: 0.65, Loading: 0.08},
	"list":   {Spread: 0.11, Most: 0.17},
	"stream": {Spread: 0.04, Most: 0.08, LoadingPerKey: 4096}, // STREAM_LISTPACK_MAX_PRE_ALLOCATE of Redis
}

// FloorOf is the floor of a type. A module's type, which was not measured, has the
// largest of all.
func FloorOf(name string) Floor {
	if f, measured := floors[name]; measured {
		return f
	}
	return floors["set"]
}

// Certainty is how many standard deviations of one reading two readings of the
// same key may differ by.
const Certainty = 2

// Within is how far keys of sum bytes, the largest of which has largest, may read
// apart in one process, in bytes: keys move independently of one another.
func (f Floor) Within(largest, sum float64) float64 {
	return min(Certainty*f.Spread*math.Sqrt(min(largest, sum)*sum), f.Most*sum)
}

// Loaded is what comes on top between keys that were written and keys that were
// loaded from a file, in bytes.
func (f Floor) Loaded(sum float64, keys int64) float64 {
	return f.Loading*sum + f.LoadingPerKey*float64(keys)
}
