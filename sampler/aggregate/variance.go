package aggregate

import (
	"unsafe"

	"keyprof/sampler/packed"
	"keyprof/sampler/profile"
)

// variance adds up what the intervals of a sample are made of. A census needs
// none.
type varianceSums struct {
	bytes, sampledBytes, noTTL, highIdle profile.ByteSums
	// keyGroups and byteGroups hold one list of groups after the other: there are
	// thousands of namespaces, and most need few bytes a count.
	keyGroups, byteGroups packed.Counters
}

// Lists of groups.
const (
	allGroup, noTTLGroup = 0, profile.SampleGroups // of keys, and of bytes
	highIdleGroup        = 2 * profile.SampleGroups
	keyGroupCount        = 2 * profile.SampleGroups
	byteGroupCount       = 3 * profile.SampleGroups
)

func newVarianceSums() *varianceSums {
	d := &varianceSums{}
	d.keyGroups.Insert(0, keyGroupCount)
	d.byteGroups.Insert(0, byteGroupCount)
	return d
}

// groupOf returns the random group of a key: by its unit in a sample of slots, else by
// the hash of its name.
func groupOf(o *Observation, hash uint64) int {
	if o.Unit != 0 {
		hash = o.Unit
	}
	return int(hash % profile.SampleGroups)
}

// add counts one key of a random group.
func (d *varianceSums) add(o *Observation, group int, highIdleOver int64) {
	d.keyGroups.Add(allGroup+group, 1)
	d.byteGroups.Add(allGroup+group, uint64(o.Bytes))
	if o.HasBytes {
		d.bytes.Add(o.Bytes)
	}
	if o.HasBytes && o.Type != stringType {
		d.sampledBytes.Add(o.Bytes)
	}
	if o.NoTTL {
		d.noTTL.Add(o.Bytes)
		d.keyGroups.Add(noTTLGroup+group, 1)
		d.byteGroups.Add(noTTLGroup+group, uint64(o.Bytes))
	}
	if o.isHighIdle(highIdleOver) {
		d.highIdle.Add(o.Bytes)
		d.byteGroups.Add(highIdleGroup+group, uint64(o.Bytes))
	}
}

func (d *varianceSums) merge(other *varianceSums) {
	d.bytes = d.bytes.Plus(other.bytes)
	d.sampledBytes = d.sampledBytes.Plus(other.sampledBytes)
	d.noTTL = d.noTTL.Plus(other.noTTL)
	d.highIdle = d.highIdle.Plus(other.highIdle)
	for i := range keyGroupCount {
		d.keyGroups.Add(i, other.keyGroups.At(i))
	}
	for i := range byteGroupCount {
		d.byteGroups.Add(i, other.byteGroups.At(i))
	}
}

// sums returns d in the form of a profile; nil for a nil d.
func (d *varianceSums) sums() *profile.SampleSums {
	if d == nil {
		return nil
	}
	return &profile.SampleSums{
		Bytes: d.bytes, SampledBytes: d.sampledBytes, NoTTL: d.noTTL, HighIdle: d.highIdle,
		Groups: profile.Groups{
			Keys: groupsFrom(&d.keyGroups, allGroup), NoTTLKeys: groupsFrom(&d.keyGroups, noTTLGroup),
			Bytes: groupsFrom(&d.byteGroups, allGroup), NoTTLBytes: groupsFrom(&d.byteGroups, noTTLGroup),
			HighIdleBytes: groupsFrom(&d.byteGroups, highIdleGroup),
		},
	}
}

func groupsFrom(c *packed.Counters, first int) []int64 {
	groups := make([]int64, profile.SampleGroups)
	for i := range groups {
		groups[i] = int64(c.At(first + i))
	}
	return groups
}

// restoreVarianceSums undoes sums.
func restoreVarianceSums(s *profile.SampleSums) *varianceSums {
	if s == nil {
		return nil
	}
	d := newVarianceSums()
	d.bytes, d.sampledBytes, d.noTTL, d.highIdle = s.Bytes, s.SampledBytes, s.NoTTL, s.HighIdle
	for i := range profile.SampleGroups {
		d.keyGroups.Add(allGroup+i, uint64(s.Groups.Keys[i]))
		d.keyGroups.Add(noTTLGroup+i, uint64(s.Groups.NoTTLKeys[i]))
		d.byteGroups.Add(allGroup+i, uint64(s.Groups.Bytes[i]))
		d.byteGroups.Add(noTTLGroup+i, uint64(s.Groups.NoTTLBytes[i]))
		d.byteGroups.Add(highIdleGroup+i, uint64(s.Groups.HighIdleBytes[i]))
	}
	return d
}

// footprint returns the number of bytes that d takes.
func (d *varianceSums) footprint() int {
	if d == nil {
		return 0
	}
	return int(unsafe.Sizeof(*d)) + d.keyGroups.Footprint() + d.byteGroups.Footprint()
}
