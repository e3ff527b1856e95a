package aggregate

import (
	"slices"
	"strings"

	"keyprof/sampler/estimate"
	"keyprof/sampler/profile"
)

// soleKey reports whether a namespace can have no other key than the one that was
// measured: its pattern is the name of a key.
func soleKey(ns *profile.Namespace) bool {
	return ns.Probed == 1 && !ns.Other && !ns.Rule && !strings.Contains(ns.Pattern, "<")
}

// leaveRoom raises the upper ends of sums of bytes over all keys to what the server's
// memory leaves room for: no sample rules out a giant that it has not met.
func leaveRoom(p *profile.Profile) {
	balance, ok := estimate.BalanceOf(p)
	if !ok || !allKeys(p) {
		return
	}
	for _, e := range estimatedBytes(&p.Totals) {
		if e.Hi != nil {
			e.Hi = new(max(*e.Hi, e.Value+balance.Unexplained()))
		}
	}
}

// estimatedBytes are the sums of bytes that are there and not exact.
func estimatedBytes(s *profile.Stats) []*profile.Estimate {
	sums := []*profile.Estimate{s.Bytes, s.SampledBytes, s.NoTTLBytes, s.HighIdleBytes}
	return slices.DeleteFunc(sums, func(e *profile.Estimate) bool { return e == nil || e.IsExact() })
}

// allKeys reports whether all keys of the server were to be walked.
func allKeys(p *profile.Profile) bool {
	return p.Design.Match == "" && len(p.Nodes) == 1 && len(p.Nodes[0].Info["keyspace"]) <= len(p.Nodes[0].Databases)
}
