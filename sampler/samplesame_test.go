package sampler_test

import (
	"testing"

	"keyprof/scanner/redistest"
)

// A name is at the same position in every database. Where databases have the same
// names a sample has too many of all of them, or too few, and the interval of the
// totals must be as wide.
func TestSamplesOfDatabasesAlike(t *testing.T) {
	const databases, keys, parts = 8, 10_000, 64
	server := redistest.New(t)
	for db := range databases {
		fillTwo(t, server.ClientDB(db), 0, keys)
	}
	census := collect(t, server.SocketURL(), fast())
	held := holding{}
	for _, p := range dealt(t, server, parts, grouped(census)) {
		held.add("keys", &p.Totals.Keys, databases*keys)
		held.add("bytes", p.Totals.Bytes, census.Totals.Bytes.Value)
	}
	held.check(t)
}
