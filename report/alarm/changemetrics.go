package alarm

import "keyprof/report/diff"

// measure is a figure of which two profiles tell the change.
type measure struct {
	diff.Measure
	of func(subject) reading // on one side
	// adds means that a set of keys has the sum of what its parts have.
	adds bool
}

var (
	allKeys       = measure{diff.Keys, keys, true}
	allBytes      = measure{diff.Bytes, bytes, true}
	lastingKeys   = measure{diff.NoTTLKeys, noTTLKeys, true}
	lastingBytes  = measure{diff.NoTTLBytes, noTTLBytes, true}
	lastingShare  = measure{diff.NoTTLShare, share(noTTLKeys, keys), false}
	idleBytes     = measure{diff.HighIdleBytes, highIdleBytes, true}
	meanSizeOfKey = measure{diff.MeanSize, meanSize, false}
)

// changeMetrics are read from a comparison, in the order in which they are listed.
var changeMetrics = []metric{
	{name: "keys_growth", help: "how much the keys grew, relative to what there was", scale: growth, of: growthOf(allKeys), change: true},
	{name: "bytes_growth", help: "how much the bytes grew", scale: growth, of: growthOf(allBytes), change: true},
	{name: "no_ttl_bytes_growth", help: "how much the bytes that never expire grew", scale: growth, of: growthOf(lastingBytes), change: true},
	{name: "mean_size_growth", help: "how much the bytes a key grew", scale: growth, of: growthOf(meanSizeOfKey), change: true},
	{name: "new_keys", help: "how many more keys there are", scale: fewer, of: deltaOf(allKeys), ofPart: deltaOfPart(allKeys), change: true},
	{name: "new_bytes", help: "how many more bytes", scale: less, of: deltaOf(allBytes), ofPart: deltaOfPart(allBytes), change: true},
	{name: "new_no_ttl_keys", help: "how many more keys that never expire", scale: fewer, of: deltaOf(lastingKeys), ofPart: deltaOfPart(lastingKeys), change: true},
	{name: "new_no_ttl_bytes", help: "how many more bytes that never expire", scale: less, of: deltaOf(lastingBytes), ofPart: deltaOfPart(lastingBytes), change: true},
	{name: "new_high_idle_bytes", help: "how many more high-idle bytes", scale: less, of: deltaOf(idleBytes), ofPart: deltaOfPart(idleBytes), change: true},
	{name: "no_ttl_share_rise", help: "rise of no_ttl_share, in per cent points", scale: points, of: deltaOf(lastingShare), change: true},
	{name: "ttl_stopped_keys", help: "recent keys without a TTL, where TTLs are not set any more", scale: counts, of: ttlStoppedKeys, ofPart: ttlStoppedOfPart, change: true},
	{name: "days_to_empty", help: "days until no key with a TTL is left to evict", scale: inDays, of: daysToEmpty, where: wholeOnly, change: true},
	{name: "days_to_full", help: "days until used_memory reaches maxmemory", scale: inDays, of: daysToFull, where: wholeOnly, change: true},
	{name: "used_memory_growth", help: "how much the server's used_memory grew", scale: growth, of: usedMemoryGrowth, where: serverOnly, change: true},
	{name: "evicted_keys", help: "keys that the server evicted since the old profile", scale: counts, of: evictedKeys, where: serverOnly, change: true},
	{name: "hit_ratio", help: "share of the server's lookups since then that found a key", scale: shares, of: hitRatio, where: serverOnly, change: true},
}
