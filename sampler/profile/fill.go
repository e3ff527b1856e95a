package profile

import (
	"maps"
	"slices"
	"strings"
)

// filled is a copy of p as a document holds it: lists that are nil are empty,
// as a reader must not have to tell null from [], and times are in UTC. It
// shares with p all that needs no change.
func (p *Profile) filled() *Profile {
	f := *p
	f.Began, f.Ended = inUTC(p.Began), inUTC(p.Ended)
	f.Missing = orEmpty(slices.Clone(p.Missing))
	for i := range f.Missing {
		m := &f.Missing[i]
		m.Node, m.Reason, m.Remedy = clip(m.Node), clip(m.Reason), clip(m.Remedy)
	}
	f.Largest = orEmpty(p.Largest)
	f.Warnings = orEmpty(slices.Clone(p.Warnings))
	for i := range f.Warnings {
		f.Warnings[i].Scope, f.Warnings[i].Text = clip(f.Warnings[i].Scope), clip(f.Warnings[i].Text)
	}
	f.Design.Databases = orEmpty(p.Design.Databases)
	f.Nodes = orEmpty(slices.Clone(p.Nodes))
	for i := range f.Nodes {
		f.Nodes[i].fill()
	}
	f.Totals.fill()
	f.Namespaces = orEmpty(slices.Clone(p.Namespaces))
	for i := range f.Namespaces {
		f.Namespaces[i].fill()
	}
	if f.Receipt.Commands == nil {
		f.Receipt.Commands = map[string]int64{}
	}
	f.Receipt.Waits = orEmpty(slices.Clone(p.Receipt.Waits))
	for i := range f.Receipt.Waits {
		f.Receipt.Waits[i].Cause = clip(f.Receipt.Waits[i].Cause)
	}
	return &f
}

// maxText is the longest text of a server that a document holds, in bytes. In JSON
// each byte may take 6, which stays below MaxStringBytes.
const maxText = 32 << 10

// clip is a text of a server as far as a document holds it: no server may say so
// much that what was walked cannot be read again.
func clip(text string) string {
	if len(text) <= maxText {
		return text
	}
	return strings.ToValidUTF8(text[:maxText], "") + "…"
}

// fill replaces lists that are nil, and clips what the server said of itself.
func (n *Node) fill() {
	n.Databases = orEmpty(slices.Clone(n.Databases))
	for i := range n.Databases {
		n.Databases[i].Incomplete = clip(n.Databases[i].Incomplete)
	}
	for _, text := range []*string{&n.Address, &n.Role, &n.Engine, &n.Version, &n.RunID, &n.ReplID, &n.Policy, &n.Allocator, &n.Incomplete} {
		*text = clip(*text)
	}
	n.Info = clipInfo(n.Info)
}

// maxInfo is how much of the server's INFO a document holds, in bytes, each field
// counted with fieldBytes beside its own; usual are 10,000.
const (
	maxInfo    = 4 << 20
	fieldBytes = 32
)

// clipInfo is INFO as far as a document holds it, by section and field in the order
// of their names.
func clipInfo(info map[string]map[string]string) map[string]map[string]string {
	if info == nil {
		return nil
	}
	clipped, room := map[string]map[string]string{}, maxInfo
	for _, section := range slices.Sorted(maps.Keys(info)) {
		fields := map[string]string{}
		for _, name := range slices.Sorted(maps.Keys(info[section])) {
			value := clip(info[section][name])
			if room -= fieldBytes + len(name) + len(value); room >= 0 {
				fields[clip(name)] = value
			}
		}
		clipped[clip(section)] = fields
	}
	return clipped
}

// fill replaces lists that are nil, and nothing that s points to.
func (s *Stats) fill() {
	s.Examples = orEmpty(s.Examples)
	s.Largest = orEmpty(s.Largest)
	if s.TTL != nil && s.TTL.Histogram == nil {
		ttl := *s.TTL
		ttl.Histogram = []Bucket{}
		s.TTL = &ttl
	}
	if s.Idle != nil && s.Idle.Histogram == nil {
		idle := *s.Idle
		idle.Histogram = []Bucket{}
		s.Idle = &idle
	}
	if s.Freq != nil && s.Freq.Histogram == nil {
		s.Freq = NewFreqStats(nil)
	}
}

// orEmpty is list, or an empty one in the place of nil.
func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
