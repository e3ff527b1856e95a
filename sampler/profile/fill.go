package profile

import "slices"

// filled is a copy of p as a document holds it: lists that are nil are empty,
// as a reader must not have to tell null from [], and times are in UTC. It
// shares with p all that needs no change.
func (p *Profile) filled() *Profile {
	f := *p
	f.Began, f.Ended = inUTC(p.Began), inUTC(p.Ended)
	f.Missing = orEmpty(p.Missing)
	f.Largest = orEmpty(p.Largest)
	f.Warnings = orEmpty(p.Warnings)
	f.Design.Databases = orEmpty(p.Design.Databases)
	f.Nodes = orEmpty(slices.Clone(p.Nodes))
	for i := range f.Nodes {
		f.Nodes[i].Databases = orEmpty(f.Nodes[i].Databases)
	}
	f.Totals.fill()
	f.Namespaces = orEmpty(slices.Clone(p.Namespaces))
	for i := range f.Namespaces {
		f.Namespaces[i].fill()
	}
	if f.Receipt.Commands == nil {
		f.Receipt.Commands = map[string]int64{}
	}
	f.Receipt.Waits = orEmpty(p.Receipt.Waits)
	return &f
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
