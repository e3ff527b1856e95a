package report

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"keyprof/report/diff"
	"keyprof/sampler/profile"
)

// Whatever either side lacks, there is a report of what changed in every format.
func TestDiffOfWhatIsLacking(t *testing.T) {
	fixtures := []func() fixture{databases, refused, incomplete, hostile, empty, counters} // the small ones
	rapid.Check(t, func(t *rapid.T) {
		draw := func(hours float64) *profile.Profile {
			p := later(rapid.SampledFrom(fixtures).Draw(t, "fixture")(), hours)
			damage(t, p)
			return p
		}
		c, err := diff.Compare(draw(0), draw(rapid.SampledFrom([]float64{-1, 0, 0.1, 4, 24}).Draw(t, "hours")), diff.Options{
			Force: true, Earlier: []*profile.Profile{draw(-48), draw(-24)},
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, format := range Formats() {
			var out discard
			if err := WriteDiff(&out, c, DiffOptions{Options: Options{Format: format}}); err != nil {
				t.Fatal(err)
			}
		}
	})
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

// damage takes away what a server may not tell, or an ACL refuse.
func damage(t *rapid.T, p *profile.Profile) {
	lacks := func(what string) bool { return rapid.IntRange(0, 3).Draw(t, what) == 0 }
	stats := []*profile.Stats{&p.Totals}
	for i := range p.Namespaces {
		stats = append(stats, &p.Namespaces[i].Stats)
	}
	noTTL, noBytes, noIdle := lacks("TTL"), lacks("bytes"), lacks("idle")
	for _, s := range stats {
		if noTTL {
			s.TTL, s.NoTTLKeys, s.NoTTLBytes, s.IdleByTTL = nil, nil, nil, nil
		}
		if noBytes {
			s.Bytes, s.SampledBytes, s.NoTTLBytes, s.HighIdleBytes, s.Size, s.Types = nil, nil, nil, nil, nil, nil
		}
		if noIdle {
			s.Idle, s.HighIdleKeys, s.HighIdleBytes, s.IdleByTTL = nil, nil, nil, nil
		}
	}
	switch n := &p.Nodes[0]; {
	case lacks("nodes"):
		p.Nodes = nil
	case lacks("second node"):
		p.Nodes = append(p.Nodes, *n)
	case lacks("INFO"):
		n.Info, n.RunID, n.Policy, n.Version, n.Maxmemory, n.UsedMemory, n.UptimeS, n.IdleHorizonS = nil, "", "", "", nil, nil, nil, nil
	default:
		n.RunID, n.ReplID = rapid.SampledFrom([]string{"a", "b"}).Draw(t, "run"), "r"
		n.Policy = rapid.SampledFrom([]string{"noeviction", "volatile-lru", "volatile-ttl", "allkeys-lru", "allkeys-lfu"}).Draw(t, "policy")
		limit := rapid.SampledFrom([]int64{0, 1, 1 << 24, 1 << 40}).Draw(t, "limit")
		n.Maxmemory = &limit
	}
	if lacks("all of it") {
		p.Complete = false
	}
	p.Ended = p.Ended.Add(time.Duration(rapid.IntRange(0, 7200).Draw(t, "seconds")) * time.Second)
}
