package diff

import (
	"fmt"
	"slices"
	"strings"

	"keyprof/sampler/profile"
)

// aboutServers compares each server with itself, or with the one that took its
// place.
func (p pair) aboutServers() (caveats []Caveat) {
	pairs, caveat := p.nodes()
	if caveat != nil {
		return []Caveat{*caveat}
	}
	for _, n := range pairs {
		for _, note := range []func(nodes) *Caveat{
			nodes.unknown, nodes.otherProcess, nodes.idleReset, nodes.otherRole, nodes.otherVersion, nodes.otherAllocator, nodes.otherPolicy,
		} {
			caveat := note(n)
			told := func(c Caveat) bool { return c.Code == caveat.Code }
			if caveat != nil && !slices.ContainsFunc(caveats, told) {
				caveats = append(caveats, *caveat)
			}
		}
	}
	return caveats
}

// nodes is one server on both sides.
type nodes struct {
	old, new *profile.Node
	elapsed  int64 // seconds from the end of the old walk to the beginning of the new
	redacted bool  // what identifies a server is left out
}

// nodes pairs the servers, or says why that cannot be done.
func (p pair) nodes() (pairs []nodes, caveat *Caveat) {
	for i := range p.after.Nodes {
		n := nodes{
			new: &p.after.Nodes[i], old: counterpart(p.before, p.after, &p.after.Nodes[i]),
			elapsed: int64(p.after.Began.Sub(p.before.Ended).Seconds()), redacted: p.before.Design.Redacted || p.after.Design.Redacted,
		}
		if n.old != nil {
			pairs = append(pairs, n)
		}
	}
	if len(pairs) > 0 && len(pairs) == len(p.before.Nodes) && len(pairs) == len(p.after.Nodes) {
		return pairs, nil
	}
	return nil, &Caveat{
		Code: "nodes-differ", Hides: byteFigures, // and idle ones among them
		Text: fmt.Sprintf("the old profile is of %s, the new one of %s: which is which is not known, so bytes and idle times are not compared",
			namesOf(p.before.Nodes), namesOf(p.after.Nodes)),
	}
}

// namesOf names some servers.
func namesOf(list []profile.Node) string {
	switch len(list) {
	case 0:
		return "a server that is not known"
	case 1:
		return list[0].Address
	default:
		return fmt.Sprintf("%d servers", len(list))
	}
}

// unknown tells that INFO was refused on a side: no server is told from another.
func (n nodes) unknown() *Caveat {
	if n.redacted || n.old.RunID != "" && n.new.RunID != "" {
		return nil
	}
	side := "on either side"
	switch {
	case n.old.RunID != "":
		side = "on the new side"
	case n.new.RunID != "":
		side = "on the old side"
	}
	return &Caveat{Code: "process-unknown", Hides: idleFigures, Text: "which server process was profiled is not known " + side + ", as INFO was refused: idle times are not compared, and bytes may be those of another version"}
}

// otherProcess: idle times do not outlive a process.
func (n nodes) otherProcess() *Caveat {
	a, b := n.old, n.new
	switch {
	case a.RunID == "" || b.RunID == "":
		return nil
	case a.RunID == b.RunID && a.ReplID != b.ReplID && b.Role == profile.RoleReplica:
		return &Caveat{Code: "resynced", Hides: idleFigures, Text: "the replication id changed: a full resync sets idle times to 0, so they are not compared"}
	case a.RunID == b.RunID:
		return nil
	case a.ReplID == b.ReplID || descends(a, b):
		return &Caveat{Code: "other-process", Hides: idleFigures, Text: "another server process with the same data was profiled (" + whichProcess(a, b) + "): idle times are not its own, and are not compared"}
	default:
		return &Caveat{Code: "other-server", Hides: idleFigures, Text: "another server process was profiled (" + whichProcess(a, b) + "), and its replication id is another: it was restarted, or holds other data; idle times are not compared"}
	}
}

// descends reports whether the data of b are those of a after a fail-over.
func descends(a, b *profile.Node) bool {
	return a.ReplID != "" && b.Info["replication"]["master_replid2"] == a.ReplID
}

func whichProcess(a, b *profile.Node) string {
	if a.Address == b.Address {
		return "at the same address"
	}
	return fmt.Sprintf("at %s, before at %s", b.Address, a.Address)
}

// idleReset finds a full resync, which sets all idle times to 0 and leaves no
// other trace: no key has been left alone since the old profile, though some had
// been for longer before it.
func (n nodes) idleReset() *Caveat {
	a, b := n.old, n.new
	if a.RunID != b.RunID || a.LargestIdleS == nil || b.LargestIdleS == nil {
		return nil
	}
	if *b.LargestIdleS >= n.elapsed || *a.LargestIdleS <= *b.LargestIdleS {
		return nil
	}
	return &Caveat{Code: "idle-reset", Hides: idleFigures, Text: fmt.Sprintf("no key is idle for longer than %d s, and %d s lie between the profiles: a full resync may have set idle times to 0, so they are not compared", *b.LargestIdleS, n.elapsed)}
}

func (n nodes) otherRole() *Caveat {
	if !differ(n.old.Role, n.new.Role) {
		return nil
	}
	return &Caveat{Code: "role-differs", Hides: idleFigures, Text: fmt.Sprintf("the server was a %s, and is a %s now: idle times count from different events, and are not compared", n.old.Role, n.new.Role)}
}

func (n nodes) otherVersion() *Caveat {
	if !differ(n.old.Version, n.new.Version) && !differ(n.old.Engine, n.new.Engine) {
		return nil
	}
	return &Caveat{Code: "version-differs", Hides: byteFigures, Text: fmt.Sprintf("the server was %s %s, and is %s %s now: MEMORY USAGE of the same key differs between versions, so bytes are not compared", n.old.Engine, n.old.Version, n.new.Engine, n.new.Version)}
}

func (n nodes) otherAllocator() *Caveat {
	if !differ(n.old.Allocator, n.new.Allocator) {
		return nil
	}
	return &Caveat{Code: "allocator-differs", Hides: byteFigures, Text: fmt.Sprintf("the server's allocator was %q, and is %q now: the same key takes another number of bytes, so bytes are not compared", n.old.Allocator, n.new.Allocator)}
}

func (n nodes) otherPolicy() *Caveat {
	a, b := n.old.Policy, n.new.Policy
	if !differ(a, b) {
		return nil
	}
	c := &Caveat{Code: "policy-differs", Text: fmt.Sprintf("maxmemory-policy was %s, and is %s now", a, b)}
	if isLFU(a) != isLFU(b) {
		c.Hides, c.Text = idleFigures, c.Text+": idle times are not tracked under an LFU policy, and are not compared"
	}
	return c
}

// differ reports whether two words of INFO differ, both of which are known.
func differ(a, b string) bool {
	known := func(s string) bool { return s != "" && s != "unknown" }
	return known(a) && known(b) && a != b
}

func isLFU(policy string) bool { return strings.HasSuffix(policy, "-lfu") }

// only is the one server of a profile; nil if there are several, or none.
func only(p *profile.Profile) *profile.Node {
	if len(p.Nodes) != 1 {
		return nil
	}
	return &p.Nodes[0]
}

// mayBeLoaded reports whether the keys of the new profile may have come from a file
// since the old one: by a restart, or by a full resync of a replica.
func (p pair) mayBeLoaded() bool {
	pairs, _ := p.nodes()
	return len(pairs) == 0 || slices.ContainsFunc(pairs, nodes.mayBeLoaded)
}

func (n nodes) mayBeLoaded() bool {
	a, b := n.old, n.new
	switch {
	case a.RunID == "" || a.RunID != b.RunID || a.ReplID != b.ReplID || a.Role != b.Role:
		return true
	case b.Role == profile.RolePrimary:
		return false
	default:
		return n.mayBeResynced()
	}
}

// mayBeResynced: since 7.0 a replica counts the keys that it loaded last, and no key
// stays idle through a resync, but under an LRU policy.
func (n nodes) mayBeResynced() bool {
	const loaded = "rdb_last_load_keys_loaded"
	before, known := n.old.Info["persistence"][loaded]
	return !known || before != n.new.Info["persistence"][loaded] || n.new.LargestIdleS == nil || *n.new.LargestIdleS < n.elapsed
}

func runID(p *profile.Profile) string {
	if n := only(p); n != nil {
		return n.RunID
	}
	return ""
}
