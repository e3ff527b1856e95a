package main

import "math"

// z is how many standard deviations of one reading a difference of two may have.
const z = 2

// floor is what the bytes of a type may move by themselves.
type floor struct {
	c      float64 // relative standard deviation of one key's bytes, rounded up
	share  float64 // of all bytes: what memory allocates at the first restart differs
	perKey float64 // bytes: the same
}

// floors are by type. For lists and streams c is what covers 95 % of the changes
// of sums, as fronts of queues do not move quite independently.
var floors = map[string]floor{
	"hash":   {c: 0.65, share: 0.08},
	"set":    {c: 0.70, share: 0.08},
	"zset":   {c: 0.40, share: 0.08},
	"list":   {c: 0.11},
	"stream": {c: 0.04, perKey: 4096}, // STREAM_LISTPACK_MAX_PRE_ALLOCATE of Redis
}

// within is the floor in bytes if both readings have keys in a like state.
func (f floor) within(c change) float64 {
	return z * f.c * math.Sqrt(c.largest*c.sum)
}

// across is the floor in bytes if one reading is of keys as clients wrote them and
// one of keys that were loaded from a file.
func (f floor) across(c change) float64 {
	return f.within(c) + f.share*c.sum + f.perKey*float64(c.keys)
}
